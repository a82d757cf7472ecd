"""Matrix products are enclosed, to the bits that they claim, and do not depend on who adds them up."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof_reference.cases.hashed_numbers import normals
from logitproof_reference.numerics.ball import Ball
from logitproof_reference.numerics.products import LARGEST, product, transposed

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.formats import F64

X, Y = normals("products, x", (4, 9)), normals("products, y", (9, 5))
WIDE = 10.0 ** np.round(20.0 * normals("products, exponents", (4, 9)))
LOW = normals("products, low parts", (4, 9)) * 2.0**-55


def exact_entry(x: Ball, y: Ball, i: int, j: int) -> Fraction:
    def number(ball: Ball, *index: int) -> Fraction:
        return Fraction(float(ball.hi[index])) + Fraction(float(ball.lo[index]))

    return sum((number(x, i, t) * number(y, t, j) for t in range(x.hi.shape[1])), Fraction(0))


@pytest.mark.parametrize(
    ("x", "y"),
    [
        pytest.param(Ball(X), Ball(Y), id="float64"),
        pytest.param(Ball(X * WIDE), Ball(Y), id="many binades"),
        pytest.param(Ball(X, X * LOW), Ball(Y * 1e-170), id="pairs"),
        pytest.param(Ball(X.astype(np.float32).astype(float)), Ball(Y.astype(np.float32).astype(float)), id="float32"),
        pytest.param(Ball(X * 1e-200), Ball(Y * 1e-150), id="underflow"),
        pytest.param(Ball(X, 0.0, np.abs(X) * 1e-20), Ball(Y, 0.0, np.abs(Y) * 1e-25), id="radii"),
    ],
)
def test_a_product_is_within_its_radius(x: Ball, y: Ball) -> None:
    found = product(x, y)
    for i, j in np.ndindex(found.hi.shape):
        distance = abs(Fraction(float(found.hi[i, j])) + Fraction(float(found.lo[i, j])) - exact_entry(x, y, i, j))
        assert distance <= Fraction(float(found.radius[i, j]))


def test_a_radius_is_small_next_to_row_and_column() -> None:
    found = product(Ball(X), Ball(Y))
    assert (found.radius < 2.0**-100 * np.abs(X).max(axis=1)[:, None] * np.abs(Y).max(axis=0)).all()


def test_the_bits_do_not_depend_on_the_order_of_terms_or_on_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    order = np.random.default_rng(1).permutation(9)
    found, other = product(Ball(X), Ball(Y)), product(Ball(X[:, order]), Ball(Y[order]))
    monkeypatch.setattr("logitproof_reference.numerics.products.TILE", 9)
    tiled = product(Ball(X), Ball(Y))
    for again in (other, tiled):
        assert found.hi.tobytes() == again.hi.tobytes()
        assert found.lo.tobytes() == again.lo.tobytes()


@pytest.mark.parametrize("entry", [np.inf, np.nan, 2.0 * LARGEST])
def test_what_is_not_finite_stays_in_its_row(entry: float) -> None:
    x: F64 = X.copy()
    x[2, 3] = entry
    found, other = product(Ball(x), Ball(Y)), product(Ball(X), Ball(Y))
    assert np.isnan(found.hi[2]).all()
    np.testing.assert_array_equal(np.delete(found.hi, 2, axis=0), np.delete(other.hi, 2, axis=0))


def test_a_product_over_no_terms_is_zero() -> None:
    assert product(Ball(np.empty((2, 0))), transposed(Ball(np.empty((3, 0))))).hi.tolist() == [[0.0] * 3] * 2
