"""A verdict on a loss of probabilities: cross-entropies, entropy and divergence under a convention (clauses PRB)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.cases.probability_cases import Case, cases, outside
from logitproof.kernels.families.by_format import AskedFormat
from logitproof.kernels.judging.against_bounds import Held
from logitproof.kernels.judging.refused_rows import AskedCase
from logitproof_reference.bounds.assumptions import MUST
from logitproof_reference.bounds.probabilities import bound
from logitproof_reference.judging.compare import compare
from logitproof_reference.oracle.conventions import Convention
from logitproof_reference.oracle.probabilities import Operands, exact
from logitproof_reference.specification.clauses import clause as clause_of
from logitproof_reference.vocabulary.cells import Inputs
from logitproof_reference.vocabulary.formats import FORMATS, rounded
from logitproof_reference.vocabulary.heads import BINARY, HEADS
from logitproof_reference.vocabulary.judgement import on_cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof.kernels.judging.request import Request
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.vocabulary.formats import F64
    from logitproof_reference.vocabulary.judgement import Judgement

    Array = NDArray[Any]

CLAUSES = ("PRB-1", "PRB-2", "PRB-3", "PRB-4", "PRB-5")
VALUE, GRADIENTS, AT_THE_ENDS, OUTSIDE, BEST_EFFORT = CLAUSES
DECLARED = {"normalized", "clip", "log_floor"}

SUM_TOLERANCE = 2.0**-21
"""How far from one a sum of a row's numbers may be; PyTorch's and NumPyro's distributions refuse 1e-6."""

SUSPECTED: dict[str, dict[str, Any]] = {
    "not divided by its sum": {"normalized": False},
    "divided by its sum": {"normalized": True},
    "not clipped": {"clip": 0.0},
    "clipped at 1e-7": {"clip": 1e-7},
    "clipped at the machine epsilon": {"clip": -1.0},
    "held at a logarithm of -100": {"log_floor": -100.0},
}
"""Other conventions, which a wrong answer may be that of; a clip of -1 is the machine epsilon of the format."""


class AskedProbabilityLoss(AskedFormat):
    """A loss, asked in one format."""

    declarable = DECLARED

    @property
    def convention(self) -> Convention:
        """The declaration of the loss."""
        declaration = self.question.declaration
        return Convention(declaration.normalized, declaration.clip, declaration.log_floor)

    def ask_little(self) -> Array:
        """Return the loss of a few probabilities."""
        quarter = np.full((2, 4), 0.25, FORMATS[self.format].dtype)
        return self._answer("value", self._operands(Case("small", quarter, quarter, np.array([0, 2]), quarter)))

    def judged(self, request: Request) -> Iterator[AskedCase]:
        """Yield the cases with their judgements."""
        for case in cases(self.format, request.widest, request.seed, is_binary=self.question.op in BINARY):
            given = self._operands(case)
            judgements = (one for quantity in self.quantities for one in self._of(case, given, quantity))
            yield AskedCase(case.name, judgements, self._is_ordinary(given), partial(self._ask_plain, case))
        if not self.convention.normalized:
            case = outside(self.format, is_binary=self.question.op in BINARY)
            yield AskedCase(case.name, self._outside(case), is_ordinary=False, ask_plain=partial(self._ask_plain, case))

    def _is_ordinary(self, given: Operands) -> bool:
        """Return whether all numbers lie between 0 and 1, or at a clip, and of every row add up to one where they must.

        A function that divides by the sum takes any.
        """
        labels = given.labels if self.question.labels == "distributions" else None
        shares = [one.astype(np.float64) for one in (given.probabilities, given.target, labels) if one is not None]
        least = 0.0 if self.convention.clip else np.nextafter(0.0, 1.0)
        within = all(bool(((one >= least) & (one <= 1.0 - least)).all()) for one in shares[:1])
        sums = [] if self.question.op in BINARY else shares[self.convention.normalized :]
        return within and all(bool((np.abs(one.sum(axis=1) - 1.0) <= SUM_TOLERANCE).all()) for one in sums)

    def _ask_plain(self, case: Case, quantity: str) -> Array:
        """Ask equal shares in place of a case's numbers."""
        rows, classes = case.probabilities.shape
        equal = np.full((rows, classes), 0.5 if self.question.op in BINARY else 1.0 / classes)
        shares = rounded(equal, FORMATS[self.format])
        return self._answer(
            quantity, self._operands(replace(case, probabilities=shares, target=shares, distributions=shares))
        )

    def _operands(self, case: Case) -> Operands:
        takes = HEADS[self.question.op].operands
        outcomes = np.round(case.distributions) if self.question.op in BINARY else case.indices
        labels = {"indices": outcomes, "distributions": case.distributions}.get(self.question.labels)
        return Operands(case.probabilities, case.target if "target" in takes else None, labels, self.convention)

    def _of(self, case: Case, given: Operands, quantity: str) -> Iterator[Judgement]:
        if case.at_the_ends and not (quantity == "value" or self._has_limit(quantity)):
            return
        op, format_ = self.question.op, FORMATS[self.format]
        cotangent = None if quantity == "value" else self._cotangent(given)
        clause = AT_THE_ENDS if case.at_the_ends else VALUE if quantity == "value" else GRADIENTS

        def allowed(arithmetic: Arithmetic) -> F64:
            return bound(op, quantity, given, (format_, arithmetic), cotangent)

        truth = exact(op, quantity, given, cotangent)
        asked = Held(self.cell(quantity), case.name, clause, BEST_EFFORT, truth, allowed, self.question.arithmetic)
        yield from asked.judged(lambda: self._answer(quantity, given), partial(self._suspected, given, quantity))

    def _has_limit(self, quantity: str) -> bool:
        """Return whether a gradient has one value at 0 and 1: not at a border or a floor, nor log(0 / 0)."""
        return self.convention == Convention() and quantity != "grad_target"

    def _suspected(self, given: Operands, quantity: str, observed: Array) -> str:
        """Return the convention that explains a wrong answer, in words."""
        format_ = FORMATS[self.format]
        cotangent = None if quantity == "value" else self._cotangent(given)
        for words, change in SUSPECTED.items():
            clip = {"clip": 2.0 * format_.unit_roundoff} if change.get("clip") == -1.0 else {}
            other = replace(given, convention=replace(given.convention, **{**change, **clip}))
            if other.convention == given.convention:
                continue
            truth = exact(self.question.op, quantity, other, cotangent)
            allowed = bound(self.question.op, quantity, other, (format_, MUST), cotangent)
            if np.isfinite(allowed).all() and compare(observed, truth, allowed, format_).conforms.all():
                return f"; it is the answer of numbers {words}"
        return ""

    def _outside(self, case: Case) -> Iterator[Judgement]:
        """Judge what becomes of rows with numbers outside of [0, 1]: an error, no finite loss, or that of the clip."""
        cell, grade = self.cell("value"), clause_of(OUTSIDE).level
        given = self._operands(case)
        try:
            observed = self._answer("value", given)
        except Exception:  # noqa: BLE001 - a refusal is what is asked for
            yield on_cell(cell, case.name, clause=OUTSIDE, grade=grade, verdict="conforms", elements=1)
            return
        if observed.shape[:1] != given.probabilities.shape[:1]:
            reason = f"the result has shape {observed.shape}, of {len(given.probabilities)} rows"
        elif wrong := self._taken(case, given, observed):
            reason = f"{wrong}; numbers outside of [0, 1] are refused, of no finite loss, or clipped as declared"
        else:
            reason = ""
        verdict = "deviates" if reason else "conforms"
        elements = int(observed.size)
        yield on_cell(cell, case.name, clause=OUTSIDE, grade=grade, verdict=verdict, reason=reason, elements=elements)

    def _taken(self, case: Case, given: Operands, observed: Array) -> str:
        """Return what is wrong of the losses; without a clip the rows behind the spoiled ones alone have a number."""
        start = 0 if self.convention.clip else case.spoiled
        kept = given.of(slice(start, None))
        truth, format_ = exact(self.question.op, "value", kept), FORMATS[self.format]
        allowed = bound(self.question.op, "value", kept, (format_, MUST))
        right = compare(observed[start:], truth, allowed, format_).conforms.reshape(len(truth), -1).all(axis=1)
        finite = np.isfinite(observed[:start].astype(np.float64)).reshape(start, observed[:1].size).all(axis=1)
        wrong = np.flatnonzero(np.concatenate([finite, ~right]))
        if not len(wrong):
            return ""
        row = int(wrong[0])
        return f"the row {given.probabilities[row].tolist()} has the loss {observed[row].tolist()}"

    def _cotangent(self, given: Operands) -> F64:
        shape = given.probabilities.shape if self.question.op in BINARY else given.probabilities.shape[:1]
        return np.resize((1.0, -0.5, 2.0, 0.25, -3.0), shape)

    def _answer(self, quantity: str, given: Operands) -> Array:
        dtype = FORMATS[self.format].dtype
        cotangent = None if quantity == "value" else self._cotangent(given).astype(dtype)
        target = None if given.target is None else given.target.copy()
        inputs = Inputs(given.probabilities.copy(), 1, given.labels, cotangent, projection=target)
        return np.array(self.adapter.evaluate(self.cell(quantity), inputs))
