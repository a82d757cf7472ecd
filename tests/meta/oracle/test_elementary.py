"""Double-double arithmetic, exp, log1p and their table keep the error bounds they state, by ball arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flint
import numpy as np
import pytest
from flint import arb

from logitproof_reference.cases.hashed_numbers import integers, normals, uniforms
from logitproof_reference.numerics import double_double as dd
from logitproof_reference.numerics import exp_log as elementary
from logitproof_reference.numerics.ball import Ball
from logitproof_reference.numerics.exp_table import NEAR, NEAR_STEP, exp_table
from logitproof_reference.numerics.log_table import STEPS, log_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

COUNT = 2000


@pytest.fixture(autouse=True)
def precision() -> None:
    flint.ctx.prec = 600


def exact(*parts: Any) -> Any:
    """Sum doubles without error."""
    return sum((arb(float(part)) for part in parts), arb(0))


def pairs(key: str) -> dd.Pair:
    """Double-doubles over forty binades, of both signs."""
    high = normals(key, (COUNT,)) * 2.0 ** (integers(key + "/e", (COUNT,), 41) - 20.0)
    return dd.fast_two_sum(high, high * 2.0**-53 * (uniforms(key + "/l", (COUNT,)) - 0.5))


@pytest.mark.parametrize(
    ("operation", "definition", "bound"),
    [
        (dd.add, lambda x, y: x + y, 3.1),
        (dd.multiply, lambda x, y: x * y, 5.0),
        (dd.divide, lambda x, y: x / y, 18.0),
    ],
)
def test_operations_keep_their_bounds(
    operation: Callable[[dd.Pair, dd.Pair], dd.Pair], definition: Callable[[Any, Any], Any], bound: float
) -> None:
    x, y = pairs("x"), pairs("y")
    high, low = operation(x, y)
    for i in range(COUNT):
        truth = definition(exact(x[0][i], x[1][i]), exact(y[0][i], y[1][i]))
        assert abs(exact(high[i], low[i]) - truth) <= abs(truth) * arb(bound * dd.U2)


def test_balls_contain_the_results_of_a_long_computation() -> None:
    x, y = pairs("x"), pairs("y")
    ball = (Ball(*x) * Ball(*y) - Ball(*x)) / Ball(*y) + 1.0
    for i in range(COUNT):
        a, b = exact(x[0][i], x[1][i]), exact(y[0][i], y[1][i])
        assert abs(exact(ball.hi[i], ball.lo[i]) - ((a * b - a) / b + 1)) <= arb(float(ball.radius[i]))


@pytest.mark.parametrize("same_sign", [True, False])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 64, 1001])
def test_sums_are_enclosed(length: int, *, same_sign: bool) -> None:
    terms = normals(f"sum/{length}", (length, 2))
    terms = np.abs(terms) if same_sign else terms
    total = Ball(terms).sum(same_sign=same_sign)
    for column in range(2):
        error = abs(exact(total.hi[column], total.lo[column]) - exact(*terms[:, column]))
        assert error <= arb(float(total.radius[column]))


def test_every_entry_of_the_table_is_right() -> None:
    table = log_table()
    for i in range(STEPS + 1):
        truth = (arb(STEPS + i) / STEPS).log()
        assert abs(exact(table.coarse[i], table.middle[i], table.fine[i]) - truth) <= arb(2) ** -136


def test_every_entry_of_the_tables_of_exp_is_right() -> None:
    table = exp_table()
    for k in range(STEPS + 1):
        assert (table.power[k] * STEPS).is_integer()
        assert k == 1 or abs(np.log2(table.power[k]) - k / STEPS) < 1.01 / (2 * STEPS * np.log(2.0))
        truth = arb(float(table.power[k])).log()
        assert abs(exact(table.coarse[k], table.middle[k], table.fine[k]) - truth) <= arb(2) ** -117
    for j in range(-NEAR, NEAR + 1):
        truth = (1 + arb(j) * arb(NEAR_STEP)).log()
        assert abs(exact(table.near[j + NEAR], table.near_low[j + NEAR]) - truth) <= arb(2) ** -113


def test_the_grids_of_the_table_hold_every_multiple_exactly() -> None:
    table = exp_table()
    for part, grid, largest in ((table.coarse, 2.0**-41, 2.0**11), (table.middle, 2.0**-65, 2.0**-30)):
        assert (part / grid == np.rint(part / grid)).all()
        assert 2200 * np.abs(part[STEPS]) + np.abs(part).max() < min(largest, 2.0**53 * grid)


ARGUMENTS: dict[str, NDArray[np.float64]] = {
    "below one": -uniforms("exp/1", (COUNT,)),
    "wide": -1500.0 * uniforms("exp/2", (COUNT,)),
    "tiny": -(2.0 ** (-60.0 * uniforms("exp/3", (COUNT,)))),
    "at the table's edges": np.log1p(-((np.arange(COUNT) + 0.5) / STEPS)),
    "halfway between its entries": (np.arange(COUNT) - COUNT / 2 + 0.5) * np.log(2.0) / STEPS,
    "halfway next to 1": (np.arange(COUNT) - COUNT / 2 + 0.5) * 2.0**-25 + (np.arange(COUNT) % 3 - 1) * 2.0**-52,
    "special": np.array([0.0, -5e-324, -1e-300, -1500.0, 700.0, -np.log(2.0), -1.0]),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_exp_keeps_its_bound(name: str) -> None:
    high = ARGUMENTS[name]
    low = high * 2.0**-53 * (uniforms("exp/low", high.shape) - 0.5)
    hi, lo, n = elementary.exp_scaled((high, low))
    for i in range(high.size):
        truth = exact(high[i], low[i]).exp() * arb(2) ** -int(n[i])
        assert abs(exact(hi[i], lo[i]) - truth) <= truth * arb(elementary.EXP_ERROR)
        assert 0.99 < hi[i] < 2.01


@pytest.mark.parametrize("format_", [np.float64, np.float32, np.float16])
def test_exp_of_plain_arguments_is_enclosed(format_: type[np.floating[Any]]) -> None:
    largest = elementary.LARGEST_PLAIN
    spread = (2.0 * uniforms("plain/1", (COUNT,)) - 1.0) * largest
    tiny = normals("plain/2", (COUNT,)) * 2.0 ** (-60.0 * uniforms("plain/3", (COUNT,)))
    x = np.stack([spread, tiny]).astype(format_).astype(np.float64)
    exponent = integers("plain/4", (COUNT,), 1200) - 450
    ball = elementary.exp_plain(x, exponent)
    for row in range(2):
        for i in range(COUNT):
            truth = exact(x[row, i]).exp() * arb(2) ** int(exponent[i])
            assert abs(exact(ball.hi[row, i], ball.lo[row, i]) - truth) <= arb(float(ball.radius[row, i]))
    assert (ball.radius <= 2.0**-101.9 * ball.hi).all()


@pytest.mark.parametrize("raised", [0, 512])
def test_exp_says_what_it_flushes(raised: int) -> None:
    d = np.array([-600.0, -700.0, -1040.0, -1060.0, -1499.0, -1e6, -1e300])
    ball = elementary.exp_of_difference(d, np.zeros(1), raised=raised)
    flint.ctx.prec = 3000
    for i, argument in enumerate(d):
        truth = arb(max(argument, -1e6)).exp() * arb(2) ** raised
        assert abs(exact(ball.hi[i], ball.lo[i]) - truth) <= arb(float(ball.radius[i]))


def test_log1p_keeps_full_relative_accuracy_however_small_its_argument() -> None:
    high = np.concatenate([2.0 ** (-900.0 * uniforms("log/1", (COUNT,))), 2.0 ** (37.0 * uniforms("log/2", (COUNT,)))])
    rho = Ball(*dd.fast_two_sum(high, high * 2.0**-54 * (uniforms("log/l", high.shape) - 0.5)))
    ball = elementary.log1p(rho)
    for i in range(high.size):
        truth = exact(rho.hi[i], rho.lo[i]).log1p()
        assert abs(exact(ball.hi[i], ball.lo[i]) - truth) <= arb(float(ball.radius[i]))
    assert (ball.radius <= 2.0**-100 * ball.hi).all()
