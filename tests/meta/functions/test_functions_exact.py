"""The functions that losses are made of: exact by their definitions in multiple precision, with two derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np
import pytest

from logitproof_reference.bounds.assumptions import MUST, SHOULD
from logitproof_reference.bounds.functions import bound
from logitproof_reference.cases.hashed_numbers import normals
from logitproof_reference.oracle.functions import PARTS, SECOND, Operands, exact, shape_of
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.heads import HEADS, OF_GROUPS, OF_TWO

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

DIGITS, STEP = 600, 2**-600
SHAPE = (4, 3)
GROUPS = np.array([2, 0, 2, 0])
QUESTIONS = [(op, quantity) for op in PARTS for quantity in (*HEADS[op].quantities, *HEADS[op].second)]


def lse(row: list[Any]) -> Any:
    return mpmath.log(mpmath.fsum(mpmath.exp(one) for one in row))


def defined(op: str, x: list[list[Any]], other: list[list[Any]]) -> list[list[Any]]:
    """Return the value from its definition."""
    if op == "softplus":
        return [[mpmath.log(1 + mpmath.exp(one)) for one in row] for row in x]
    if op == "log_sigmoid":
        return [[-mpmath.log(1 + mpmath.exp(-one)) for one in row] for row in x]
    if op == OF_TWO:
        return [[lse([a, b]) for a, b in zip(*rows, strict=True)] for rows in zip(x, other, strict=True)]
    if op == "cumulative_log_sum_exp":
        return [[lse(row[: j + 1]) for j in range(len(row))] for row in x]
    members = [[i for i, one in enumerate(GROUPS) if one == g] for g in range(3)]
    sums = [[lse([x[i][k] for i in of]) if of else -mpmath.inf for k in range(SHAPE[1])] for of in members]
    if op == "grouped_log_sum_exp":
        return sums
    return [[mpmath.exp(x[i][k] - sums[GROUPS[i]][k]) for k in range(SHAPE[1])] for i in range(SHAPE[0])]


def operands(op: str, size: float) -> Operands:
    arrays = [(size * normals(f"functions {side}", SHAPE)).astype(np.float32) for side in ("own", "other")]
    if op in OF_GROUPS:
        return Operands((arrays[0],), GROUPS, 3)
    return Operands(tuple(arrays) if op == OF_TWO else (arrays[0],))


def upstream(op: str, quantity: str, given: Operands) -> tuple[Array | None, tuple[Array, ...]]:
    if quantity == "value":
        return None, ()
    c = np.resize((1.0, -0.5, 2.0, 0.25, -3.0), shape_of(op, "value", given))
    along = (np.resize((0.5, -1.0, 0.25, 2.0), SHAPE), np.resize((1.0, 0.5, -2.0), SHAPE))
    return c, along[: len(given.arrays)] if quantity.startswith(SECOND) else ()


def weighed(op: str, c: Array, arrays: list[Any]) -> Any:
    """Return the inner product of the value with an upstream gradient; -inf of an empty group counts nothing."""
    value = defined(op, *arrays)
    pairs = ((float(w), v) for line, row in zip(c, value, strict=True) for w, v in zip(line, row, strict=True))
    return mpmath.fsum(w * v for w, v in pairs if v != -mpmath.inf)


def moved(arrays: list[Any], directions: tuple[Array, ...] | None, place: tuple[int, int, int] | None, by: Any) -> Any:
    """Return arrays moved along directions, or at one place."""
    found = [[list(row) for row in array] for array in arrays]
    if place is not None:
        found[place[0]][place[1]][place[2]] += by
    for side, direction in enumerate(directions or ()):
        for index, step in np.ndenumerate(direction):
            found[side][index[0]][index[1]] += by * mpmath.mpf(float(step))
    return found


def truth_at(op: str, quantity: str, given: Operands, place: tuple[int, int]) -> Any:
    c, along = upstream(op, quantity, given)
    arrays: list[Any] = [[[mpmath.mpf(float(one)) for one in row] for row in array] for array in given.arrays]
    arrays += [arrays[0]] * (2 - len(arrays))
    if quantity == "value":
        return defined(op, *arrays)[place[0]][place[1]]
    assert c is not None
    at, step = (int(quantity.endswith("_other")), *place), mpmath.mpf(STEP)
    if not along:
        ends = [weighed(op, c, moved(arrays, None, at, sign * step)) for sign in (1, -1)]
        return (ends[0] - ends[1]) / (2 * step)
    half = mpmath.mpf(2) ** -300
    corners = [
        first * second * weighed(op, c, moved(moved(arrays, along, None, first * half), None, at, second * half))
        for first in (1, -1)
        for second in (1, -1)
    ]
    return mpmath.fsum(corners) / (4 * half * half)


@pytest.mark.parametrize("size", [1e-3, 1.0, 30.0])
@pytest.mark.parametrize(("op", "quantity"), QUESTIONS)
def test_every_answer_is_exact_by_multiple_precision(op: str, quantity: str, size: float) -> None:
    given = operands(op, size)
    found = exact(op, quantity, given, *upstream(op, quantity, given))
    for place, radius in np.ndenumerate(found.radius):
        with mpmath.workdps(DIGITS):
            truth = truth_at(op, quantity, given, place)  # type: ignore[arg-type]
            if truth == -mpmath.inf:
                assert found.value[place] == -np.inf
                continue
            away = abs(mpmath.mpf(float(found.value[place])) + mpmath.mpf(float(found.tail[place])) - truth)
            assert away <= mpmath.mpf(float(radius)) + mpmath.mpf(2) ** -500, place
        assert radius <= 2.0**-80 * max(1.0, size)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("op", "quantity"), QUESTIONS)
def test_rounding_once_stays_within_the_bound(op: str, quantity: str, name: str) -> None:
    given = operands(op, 4.0)
    given = Operands(tuple(one.astype(FORMATS[name].dtype) for one in given.arrays), given.groups, given.count)
    of = upstream(op, quantity, given)
    truth = exact(op, quantity, given, *of)
    error = truth.distance(truth.value.astype(FORMATS[name].dtype))
    for arithmetic in (MUST, SHOULD):
        allowed = bound(op, quantity, given, (FORMATS[name], arithmetic), of)
        assert (error <= allowed).all()
        if name == "float32":
            assert (allowed <= 1e-3).all()
