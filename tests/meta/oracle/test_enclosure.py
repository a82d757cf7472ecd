"""Rounding an enclosure to a format is correct; ties are decided or declared undecidable."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from logitproof_reference.cases.hashed_numbers import hashed, integers, uniforms
from logitproof_reference.numerics.enclosure import Enclosure
from logitproof_reference.vocabulary.formats import FORMATS, Format

NARROW = [FORMATS[name] for name in ("float16", "bfloat16", "float32")]


def enclosure(value: float, tail: float = 0.0, radius: float = 0.0) -> Enclosure:
    return Enclosure(*(np.array([part], dtype=np.float64) for part in (value, tail, radius)))


def rounded(number: Fraction, format_: Format) -> float:
    """Round a fraction to nearest, ties to even, from the definition of the format."""
    size = abs(number)
    if size == 0:
        return 0.0
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    exponent -= Fraction(2) ** exponent > size
    grid = Fraction(2) ** (max(exponent, format_.min_exponent) - format_.precision + 1)
    nearest = round(size / grid) * grid
    return float(np.copysign(float(nearest) if nearest <= Fraction(format_.largest) else np.inf, float(number)))


@pytest.mark.parametrize("format_", NARROW, ids=lambda format_: format_.name)
def test_every_number_is_rounded_as_the_format_defines(format_: Format) -> None:
    key = f"round/{format_.name}"
    lowest, highest = format_.min_exponent - format_.precision - 2, int(np.log2(format_.largest)) + 2
    exponents = lowest + integers(key + "/e", (400,), highest - lowest)
    short = np.rint(uniforms(key, (400,)) * 2.0 ** (format_.precision + 2)) / 2.0 ** (format_.precision + 2)
    for value, tail_sign, exponent in zip(short, hashed(key + "/s", (400,)) % 3, exponents, strict=True):
        high = float(np.ldexp(1.0 + value, int(exponent)))
        tail = (float(tail_sign) - 1.0) * high * 2.0**-70
        expected = rounded(Fraction(high) + Fraction(tail), format_)
        assert float(enclosure(high, tail).round(format_)[0]) == expected
        assert float(enclosure(-high, -tail).round(format_)[0]) == -expected


@pytest.mark.parametrize("format_", NARROW, ids=lambda format_: format_.name)
def test_a_tie_goes_to_even_and_its_tail_breaks_it(format_: Format) -> None:
    tie = 1.0 + format_.unit_roundoff
    assert float(enclosure(tie).round(format_)[0]) == 1.0
    assert float(enclosure(tie, 2.0**-1000).round(format_)[0]) == 1.0 + 2 * format_.unit_roundoff
    assert float(enclosure(tie, -(2.0**-1000)).round(format_)[0]) == 1.0


@pytest.mark.parametrize("format_", NARROW, ids=lambda format_: format_.name)
def test_a_tie_is_decided_only_without_radius(format_: Format) -> None:
    tie = 1.0 + format_.unit_roundoff
    assert enclosure(tie).decided(format_)[0]
    assert not enclosure(tie, 0.0, 2.0**-105).decided(format_)[0]
    assert not enclosure(tie, 2.0**-106, 2.0**-105).decided(format_)[0]
    assert enclosure(tie, 2.0**-60, 2.0**-105).decided(format_)[0]


def test_float64_is_decided_by_the_tail() -> None:
    assert enclosure(1.0, 2.0**-60, 2.0**-105).decided("float64")[0]
    assert not enclosure(1.0, 2.0**-53, 2.0**-105).decided("float64")[0]
    assert enclosure(1.0, 2.0**-53).decided("float64")[0]


@pytest.mark.parametrize("format_", FORMATS.values(), ids=FORMATS)
def test_overflow_begins_half_an_ulp_past_the_largest_number(format_: Format) -> None:
    if format_.name == "float64":
        assert np.isposinf(enclosure(np.inf).round(format_)[0])
        return
    threshold = format_.largest * (1 + format_.unit_roundoff / (2 - 2 * format_.unit_roundoff))
    assert np.isposinf(float(enclosure(threshold).round(format_)[0]))
    assert float(enclosure(np.nextafter(threshold, 0.0)).round(format_)[0]) == format_.largest


@pytest.mark.parametrize("special", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_stays_as_it_is(special: float) -> None:
    exact = enclosure(special)
    for format_ in FORMATS.values():
        np.testing.assert_array_equal(exact.round(format_).astype(np.float64), [special])
        assert exact.decided(format_)[0]
    assert exact.distance(np.array([special])) == 0.0
    assert exact.distance(np.array([1.0])) == np.inf
    assert enclosure(1.0).distance(np.array([special])) == np.inf


def test_the_distance_sees_the_tail() -> None:
    assert enclosure(1.0, 2.0**-60).distance(np.array([1.0]))[0] == 2.0**-60
    assert enclosure(1.0, 2.0**-60).distance(np.array([1.5], dtype=np.float16))[0] == 0.5 - 2.0**-60
    assert enclosure(2.0**1000).distance(np.array([-(2.0**1000)]))[0] == 2.0**1001


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(ValueError, match='format "float8" is not known; known: float16'):
        enclosure(1.0).round("float8")
