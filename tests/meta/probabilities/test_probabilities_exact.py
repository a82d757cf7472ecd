"""Losses of probabilities: exact by a second road, correct code within the bound, and what rounds once too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np
import pytest

from logitproof.kernels.cases.probability_cases import cases
from logitproof_reference.bounds.assumptions import MUST, SHOULD
from logitproof_reference.bounds.probabilities import bound
from logitproof_reference.numerics.ball import Ball
from logitproof_reference.numerics.logarithm import log
from logitproof_reference.oracle.conventions import Convention
from logitproof_reference.oracle.probabilities import SLOPES, VALUES, Operands, exact
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.heads import BINARY
from meta.probabilities import by_mpmath

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

QUESTIONS = [*((op, "value") for op in VALUES), *SLOPES]
CONVENTIONS = {
    "as they are": Convention(),
    "divided": Convention(normalized=True),
    "clipped": Convention(clip=1e-7),
    "clipped far": Convention(clip=0.125),
    "divided and clipped": Convention(normalized=True, clip=1e-3),
    "floor": Convention(log_floor=-2.0),
}


def operands(convention: Convention, name: str = "float32", case: str = "sums other than one") -> Operands:
    found = next(one for one in cases(name, 5000, 1, is_binary=True) if one.name == case)
    return Operands(found.probabilities, found.target, found.distributions, convention)


def fits(op: str, convention: Convention) -> bool:
    """Return whether a loss can be asked under a convention: a binary one divides nothing."""
    return not (op in BINARY and convention.normalized)


OF_EVERY_CONVENTION = [
    (*question, words)
    for question in QUESTIONS
    for words, convention in CONVENTIONS.items()
    if fits(question[0], convention) and (convention.log_floor is None or question[1] == "value")
]
"""The slope at a floor is not judged."""


@pytest.mark.parametrize("number", [2.0**-1000, 1e-30, 0.3, 0.5, 1 - 2.0**-53, 1 - 2.0**-30, 1.0, 1 + 2.0**-52, 3e40])
def test_the_logarithm_is_exact_by_multiple_precision(number: float) -> None:
    found = log(Ball(np.array([number])))
    with mpmath.workdps(200):
        away = abs(mpmath.mpf(float(found.hi[0])) + mpmath.mpf(float(found.lo[0])) - mpmath.log(mpmath.mpf(number)))
        assert away <= mpmath.mpf(float(found.radius[0]))
    assert found.radius[0] <= 2.0**-95 * abs(found.hi[0]) + 2.0**-1060


def test_the_logarithm_of_a_ball_covers_its_ends() -> None:
    for middle in (2.0**-40, 0.5, 1.0, 1.5, 2.0**40):
        found = log(Ball(np.array([middle]), np.array([-middle * 2.0**-70]), np.array([middle * 2.0**-60])))
        with mpmath.workdps(100):
            for end in (-1, 1):
                truth = mpmath.log(mpmath.mpf(middle) * (1 - mpmath.mpf(2) ** -70 + end * mpmath.mpf(2) ** -60))
                away = abs(mpmath.mpf(float(found.hi[0])) + mpmath.mpf(float(found.lo[0])) - truth)
                assert away <= mpmath.mpf(float(found.radius[0]))


@pytest.mark.parametrize(("op", "quantity", "words"), OF_EVERY_CONVENTION)
def test_every_answer_is_exact_by_multiple_precision(op: str, quantity: str, words: str) -> None:
    given = operands(CONVENTIONS[words]).of(slice(0, 4))
    found = exact(op, quantity, given)
    for index, row in enumerate(by_mpmath.answers(op, quantity, given)):
        for at, truth in enumerate(row):
            place = (index, at) if found.value.ndim == 2 else (index,)
            with mpmath.workdps(by_mpmath.DIGITS):
                away = abs(mpmath.mpf(float(found.value[place])) + mpmath.mpf(float(found.tail[place])) - truth)
                assert away <= mpmath.mpf(float(found.radius[place])) + mpmath.mpf(2) ** -900, place
            assert found.radius[place] <= 2.0**-75 * max(1.0, abs(found.value[place]))


def test_probabilities_of_0_and_1_have_the_limit() -> None:
    given = operands(Convention(), case="0 and 1")
    value = {op: exact(op, "value", given).value for op in VALUES}
    slope = {of: exact(*of, given).value for of in SLOPES}
    assert value["probability_cross_entropy"].tolist()[0::3] == [np.inf, np.inf]
    assert value["probability_cross_entropy"][1] == 0.0
    assert value["probability_entropy"][[1, 3]].tolist() == [0.0, 0.0]
    assert value["probability_kl_divergence"].tolist()[0::3] == [np.inf, 0.0]
    assert slope["probability_cross_entropy", "grad_probabilities"][0, 0] == -np.inf
    assert slope["probability_cross_entropy", "grad_probabilities"][2, 2] == 0.0
    assert slope["probability_entropy", "grad_probabilities"][1].tolist() == [-1.0, np.inf, np.inf]
    assert slope["binary_cross_entropy", "grad_probabilities"][1].tolist() == [-1.0, 1.0, 1.0]
    held = exact("binary_cross_entropy", "value", operands(Convention(log_floor=-100.0), case="0 and 1")).value
    assert held[0, 0] == 50.0


def plain(op: str, given: Operands, work: Any, dtype: Any) -> dict[str, Array]:
    """Return value and gradients in `work` as frameworks differentiate them, stored in a format."""
    c, q = given.convention, given.weights.astype(work)

    def made(x: Array) -> tuple[Array, Array, Array]:
        total = x.sum(axis=1, keepdims=True) if c.normalized else np.ones((len(x), 1), x.dtype)
        r = x / total
        low, high = work(c.clip), work(1) - work(c.clip)
        passes = (r > low) & (r < high) if c.clip else np.ones(r.shape, bool)
        return (np.clip(r, low, high) if c.clip else r), passes, total

    def through(x: Array, by: Array, passes: Array, total: Array) -> Array:
        by = np.where(passes, by, work(0))
        return by / total - (by * x / total**2).sum(axis=1, keepdims=True) if c.normalized else by

    x, t = given.probabilities.astype(work), given.target.astype(work)  # type: ignore[union-attr]
    r, passes, total = made(x)
    logarithm = np.log(r)
    if op == "probability_cross_entropy":
        found = {"value": -(q * logarithm).sum(axis=1), "grad_probabilities": through(x, -q / r, passes, total)}
    elif op == BINARY[0]:
        found = {"value": -(q * logarithm + (1 - q) * np.log(1 - r))}
        found["grad_probabilities"] = np.where(passes, (r - q) / (r * (1 - r)), 0)
    elif op == BINARY[1]:
        found = {"value": -(r * logarithm + (1 - r) * np.log(1 - r))}
        found["grad_probabilities"] = np.where(passes, np.log(1 - r) - logarithm, 0)
    elif op == BINARY[2]:
        s, kept, _ = made(t)
        found = {"value": s * np.log(s / r) + (1 - s) * np.log((1 - s) / (1 - r))}
        found["grad_probabilities"] = np.where(passes, -s / r + (1 - s) / (1 - r), 0)
        found["grad_target"] = np.where(kept, np.log(s) - logarithm - (np.log(1 - s) - np.log(1 - r)), 0)
    elif op == "probability_entropy":
        found = {"value": -(r * logarithm).sum(axis=1)}
        found["grad_probabilities"] = through(x, -(logarithm + 1), passes, total)
    else:
        s, kept, whole = made(t)
        found = {"value": (s * np.log(s / r)).sum(axis=1)}
        found["grad_probabilities"] = through(x, -s / r, passes, total)
        found["grad_target"] = through(t, np.log(s) - logarithm + 1, kept, whole)
    return {name: array.astype(dtype) for name, array in found.items()}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("op", "words"),
    [(op, words) for op, quantity, words in OF_EVERY_CONVENTION if quantity == "value" and words != "floor"],
)
def test_correct_code_stays_within_the_bound(op: str, name: str, words: str) -> None:
    convention = CONVENTIONS[words]
    work = np.float64 if name == "float64" else np.float32
    for case in ("typical", "confident", "odd", "sums other than one"):
        given = operands(convention, name, case)
        for quantity, found in plain(op, given, work, FORMATS[name].dtype).items():
            error = exact(op, quantity, given).distance(found)
            for arithmetic in (MUST, SHOULD):
                allowed = bound(op, quantity, given, (FORMATS[name], arithmetic))
                assert (error <= allowed).all(), (case, quantity, float(np.nanmax(error / allowed)))


@pytest.mark.parametrize("words", CONVENTIONS)
def test_rounding_once_stays_within_the_bound(words: str) -> None:
    given = operands(CONVENTIONS[words], "bfloat16", "odd")
    for op, quantity in QUESTIONS:
        if fits(op, CONVENTIONS[words]):
            truth = exact(op, quantity, given)
            error = truth.distance(truth.value.astype(FORMATS["bfloat16"].dtype))
            assert (error <= bound(op, quantity, given, (FORMATS["bfloat16"], SHOULD))).all()


def test_the_bound_is_of_the_size_of_a_rounding() -> None:
    for op, quantity in QUESTIONS:
        given = operands(Convention(), "float32", "typical")
        allowed = bound(op, quantity, given, (FORMATS["float32"], SHOULD))
        size = np.abs(exact(op, quantity, given).value) + 1.0
        assert (allowed <= 2.0**-16 * size).all(), (op, quantity, float((allowed / size).max()))


def test_what_is_missing_or_no_number_is_refused() -> None:
    half = np.full((2, 2), 0.5, np.float32)
    with pytest.raises(ValueError, match="needs a target"):
        exact("probability_kl_divergence", "value", Operands(half))
    with pytest.raises(ValueError, match="needs labels"):
        exact("binary_cross_entropy", "value", Operands(half))
    with pytest.raises(ValueError, match="an infinity or a NaN"):
        exact("probability_entropy", "value", Operands(half * np.float32(np.inf)))
    with pytest.raises(ValueError, match="negative"):
        exact("probability_entropy", "value", Operands(-half))
