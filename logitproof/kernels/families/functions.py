"""A verdict on a building block of losses: softplus, logaddexp, cumulative and grouped sums (clauses FUN)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.families.by_format import AskedFormat
from logitproof.kernels.judging.against_bounds import Held
from logitproof.kernels.judging.refused_rows import AskedCase
from logitproof_reference.bounds.functions import bound
from logitproof_reference.cases.hashed_numbers import integers, normals
from logitproof_reference.oracle.functions import SECOND, Operands, exact, shape_of
from logitproof_reference.vocabulary.cells import Inputs
from logitproof_reference.vocabulary.formats import FORMATS, rounded
from logitproof_reference.vocabulary.heads import OF_GROUPS, OF_TWO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof.kernels.judging.request import Request
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.vocabulary.formats import F64, Format
    from logitproof_reference.vocabulary.judgement import Judgement

    Array = NDArray[Any]

CLAUSES = ("FUN-1", "FUN-2", "FUN-3", "FUN-4", "FUN-5")
VALUE, GRADIENTS, SECOND_ORDER, LIMITS, BEST_EFFORT = CLAUSES


@dataclass(frozen=True)
class Case:
    """Two arrays of logits and the group of each row; the groups are those of `count` but for one without rows."""

    name: str
    logits: Array
    other: Array
    groups: NDArray[np.int64]
    count: int
    is_infinite: bool = False


SIZES = {
    "typical": (24, 10, 4.0, 0.0),
    "large": (24, 5, 40.0, 0.0),
    "near 0": (24, 5, 1e-3, 0.0),
    "common offset of 1,000": (24, 7, 2.0, 1000.0),
    "one class": (5, 1, 2.0, 0.0),
    "many classes": (3, 130, 4.0, 0.0),
    "many rows": (400, 3, 4.0, 0.0),
    "wide": (2, 1027, 0.5, 0.0),
    "very many rows": (5003, 2, 0.5, 0.0),
}
"""Rows, classes, and the standard deviation and the mean of the logits."""

DIRECTIONS = (0.5, -1.0, 0.25, 2.0, -0.75), (1.0, 0.5, -2.0)
"""Directions of second derivatives for the first and the second operand, repeated cyclically."""

SIDES = ("own", "other")
GROUPS = 5
EMPTY = 3
"""A group without rows, in the middle."""


def cases(format_: str, widest: int, seed: int) -> Iterator[Case]:
    """Yield what a function is asked in a format."""
    form = FORMATS[format_]
    for name, (rows, classes, size, mean) in SIZES.items():
        if classes <= widest:
            key = f"functions {name} {seed}"
            own, other = (rounded(size * normals(f"{key} {side}", (rows, classes)) + mean, form) for side in SIDES)
            yield Case(name, own, other, *_groups(key, rows))
    yield _infinite(form)


def _groups(key: str, rows: int) -> tuple[NDArray[np.int64], int]:
    """Return groups in no order, the last one with a row, one without."""
    drawn = integers(f"{key} groups", (rows,), GROUPS - 1)
    found = np.where(drawn >= EMPTY, drawn + 1, drawn)
    found[rows // 2] = GROUPS - 1
    return found, GROUPS


def _infinite(form: Format) -> Case:
    logits = [[-np.inf, 1.0, 2.0], [0.5, -np.inf, 1.0], [-np.inf, -np.inf, 3.0], [np.inf, 1.0, 0.0]]
    other = [[1.0, -np.inf, 0.0], [-np.inf, 0.25, -1.0], [2.0, -np.inf, 1.0], [1.0, 0.5, -np.inf]]
    first, second = (rounded(np.array(one), form) for one in (logits, other))
    return Case("infinities", first, second, np.array([0, 0, 2, 1]), 3, is_infinite=True)


class AskedFunction(AskedFormat):
    """A function, asked in one format."""

    def ask_little(self) -> Array:
        """Return the function's answer to a few numbers."""
        ones = np.ones((3, 4), FORMATS[self.format].dtype)
        return self._answer("value", self._operands(Case("small", ones, ones.copy(), np.array([0, 1, 0]), 2)))

    def judged(self, request: Request) -> Iterator[AskedCase]:
        """Yield the cases with their judgements."""
        for case in cases(self.format, request.widest, request.seed):
            given = self._operands(case)
            asked = ("value",) if case.is_infinite else self.quantities
            judgements = (one for quantity in asked for one in self._of(case, given, quantity))
            yield AskedCase(case.name, judgements, not case.is_infinite, partial(self._ask_plain, case))

    def _ask_plain(self, case: Case, quantity: str) -> Array:
        """Ask ones in place of a case's numbers."""
        ones = np.ones_like(case.logits)
        return self._answer(quantity, self._operands(replace(case, logits=ones, other=ones)))

    def _operands(self, case: Case) -> Operands:
        arrays = (case.logits, case.other) if self.question.op == OF_TWO else (case.logits,)
        is_grouped = self.question.op in OF_GROUPS
        return Operands(arrays, case.groups if is_grouped else None, case.count if is_grouped else 0)

    def _of(self, case: Case, given: Operands, quantity: str) -> Iterator[Judgement]:
        op, format_ = self.question.op, FORMATS[self.format]
        clause = LIMITS if case.is_infinite else self._clause(quantity)
        upstream = self._upstream(quantity, given)

        def allowed(arithmetic: Arithmetic) -> F64:
            return bound(op, quantity, given, (format_, arithmetic), upstream)

        truth = exact(op, quantity, given, *upstream)
        best = "" if case.is_infinite else BEST_EFFORT
        asked = Held(self.cell(quantity), case.name, clause, best, truth, allowed, self.question.arithmetic)
        yield from asked.judged(lambda: self._answer(quantity, given))

    @staticmethod
    def _clause(quantity: str) -> str:
        if quantity == "value":
            return VALUE
        return SECOND_ORDER if quantity.startswith(SECOND) else GRADIENTS

    def _upstream(self, quantity: str, given: Operands) -> tuple[F64 | None, tuple[F64, ...]]:
        """Return the upstream gradient and a direction for each operand, numbers of every format."""
        if quantity == "value":
            return None, ()
        cotangent = np.resize((1.0, -0.5, 2.0, 0.25, -3.0, 1.5, 0.75), shape_of(self.question.op, "value", given))
        if not quantity.startswith(SECOND):
            return cotangent, ()
        along = [np.resize(numbers, given.arrays[0].shape) for numbers in DIRECTIONS]
        return cotangent, tuple(along[: len(given.arrays)])

    def _answer(self, quantity: str, given: Operands) -> Array:
        dtype = FORMATS[self.format].dtype
        cotangent, tangents = self._upstream(quantity, given)
        first, *second = (one.copy() for one in given.arrays)
        inputs = Inputs(
            first,
            1,
            given.groups,
            None if cotangent is None else cotangent.astype(dtype),
            np.stack(tangents).astype(dtype) if tangents else None,
            projection=second[0] if second else None,
        )
        return np.array(self.adapter.evaluate(self.cell(quantity), inputs))
