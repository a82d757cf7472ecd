"""Two answers related by a law: compared element by element, the worst one reported with both requests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_conformance.asking.ask import digest
from logitproof_conformance.judging.judging import failure, finite_rows, judgement, spell, spell_exact, verdict_on
from logitproof_conformance.programs.repro import with_products
from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.assumptions import MUST
from logitproof_reference.cases.catalogue import REGIMES
from logitproof_reference.judging.compare import compare
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reference.vocabulary.cells import Inputs
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from logitproof_adapters.contract import Adapter
    from logitproof_conformance.asking.ask import Answer
    from logitproof_conformance.judging.rules import ComparedBatch
    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.cases.catalogue import Batch
    from logitproof_reference.judging.compare import Comparison
    from logitproof_reference.numerics.enclosure import Enclosure
    from logitproof_reference.vocabulary.cells import Cell
    from logitproof_reference.vocabulary.judgement import Judgement

    F64 = NDArray[np.float64]
    Mask = NDArray[np.bool_]

ORDINARY = frozenset({"", "EXT-9"})
"""Clauses of the regimes whose rows laws are held to; what becomes of extremes the clauses of EXT say alone."""


@dataclass(frozen=True)
class RelatedRequest:
    """A request: a cell with its class axis last, and the arrays of the call, one row each."""

    cell: Cell
    inputs: Inputs

    def rows(self, chosen: slice) -> RelatedRequest:
        """Return the same question of some of the rows; weights of classes stay whole."""
        whole = {"weight", "pos_weight"}
        given = {name: a if name in whole else a[chosen] for name, a in self.inputs.arrays().items()}
        return RelatedRequest(self.cell, Inputs(axis=self.inputs.axis, **given))

    def row(self, number: int) -> RelatedRequest:
        """Return the question of one row."""
        return self.rows(slice(number, number + 1))

    @property
    def must(self) -> F64:
        """The MUST bound of the answer; for a cell without options."""
        cell, inputs = self.cell, self.inputs
        request = checked_request(
            cell.op,
            cell.quantity,
            inputs.logits,
            inputs.labels,
            cotangent=inputs.cotangent,
            tangent=inputs.tangent,
        )
        return bound(request, FORMATS[cell.format], MUST)


@dataclass(frozen=True)
class Relation:
    """The relation that a law requires of two answers.

    Attributes
    ----------
    clause, says : str
        The clause, and what distinguishes the questions: "with its classes permuted".
    questions : pair of RelatedRequest
        The two questions, row by row in the same order.
    due : Enclosure
        What the law makes of the first answer, shaped like the second.
    observed : array
        The second answer.
    allowed : float64 array
        How far the two may be apart.
    chosen : bool array
        Which elements the law is held to.
    batch : Batch
        Names the rows.
    vectors : pair of arrays, or None
        What each answer is multiplied with, row by row, where a law compares products.
    """

    clause: str
    says: str
    questions: tuple[RelatedRequest, RelatedRequest]
    due: Enclosure
    observed: NDArray[Any]
    allowed: F64
    chosen: Mask
    batch: Batch
    vectors: tuple[NDArray[Any], NDArray[Any]] | None = None

    def program(self, adapter: Adapter, row: int) -> str:
        """Return the program that asks both questions of a row, and prints what is compared."""
        asked = [question.row(row) for question in self.questions]
        programs = [adapter.repro(question.cell, question.inputs) for question in asked]
        if self.vectors is None or not all(programs):
            return "\n\n".join(programs).strip()
        return with_products(programs, [vector[row] for vector in self.vectors])


def first_failure(case: Case, clause: str, answers: Iterable[Answer]) -> Judgement | None:
    """Return the judgement on the first of the answers that did not come in order; None where all did."""
    return next((failed for answer in answers if (failed := failure(case, answer, clause)) is not None), None)


def ordinary_rows(seen: ComparedBatch) -> Mask:
    """Return the rows of finite logits and finite first answers that no clause for extremes takes."""
    chosen = finite_rows(seen.batch.rows.logits)
    for name, part in seen.batch.slices.items():
        chosen[part] &= REGIMES[name].clause in ORDINARY
    return chosen & _by_row(seen.finite)


def sound_rows(seen: ComparedBatch) -> Mask:
    """Return the ordinary rows whose first answer is as it must be; where it is not, other clauses say so."""
    return ordinary_rows(seen) & _by_row(seen.must.conforms)


def _by_row(elements: Mask) -> Mask:
    return np.asarray(elements.reshape(len(elements), -1).all(axis=1))


def sound_elements(seen: ComparedBatch) -> Mask:
    """Return `sound_rows` as a choice among the elements of the answer."""
    shape = seen.observed.shape
    return np.broadcast_to(sound_rows(seen).reshape(-1, *(1,) * (len(shape) - 1)), shape)


def judge_relation(adapter: Adapter, case: Case, relation: Relation) -> Iterator[Judgement]:
    """Compare the second answer with the one that the law gives for the first; describe the worst element.

    Nothing is judged where no first answer is as it must be: other clauses say so.
    """
    if not relation.chosen.any():
        return
    comparison = compare(relation.observed, relation.due, relation.allowed, FORMATS[case.cell.format])
    chosen = relation.chosen
    broken = chosen & ~comparison.conforms
    slack = np.where(chosen, comparison.slack, -1.0)
    place = np.unravel_index(int(np.argmax(np.where(broken, np.inf, slack))), slack.shape)
    found = replace(
        judgement(case, relation.clause, verdict_on(relation.clause, good=not broken.any())),
        elements=int(chosen.sum()),
        slack=float(slack[place]),
        ulps=float(comparison.ulps[chosen].max(initial=0.0)),
        nats=float(comparison.error[chosen].max(initial=0.0)),
        digest=digest(relation.observed),
    )
    yield _describe(adapter, found, relation, comparison, place)


def _describe(
    adapter: Adapter, found: Judgement, relation: Relation, comparison: Comparison, at: tuple[np.intp, ...]
) -> Judgement:
    """Add the worst element with both questions and, where the law is broken, what to say and how to see it again."""
    row, observed = int(at[0]), float(relation.observed[at])
    first, second = (question.row(row) for question in relation.questions)
    found = replace(
        found,
        row=row,
        element=int(at[1]) if len(at) > 1 else -1,
        exact=spell_exact(relation.due.value[at], relation.due.tail[at]),
        observed=observed.hex(),
        bound=f"{relation.allowed[at]:.6g}",
        inputs=spell({**first.inputs.arrays(), **second.inputs.arrays()}),
    )
    if found.verdict == "conforms":
        return found
    regime, number = relation.batch.locate(row)
    reason = (
        f"row {number} of {regime} returns {observed:.9g} {relation.says}, expected "
        f"{relation.due.value[at]:.9g} from the first result, {comparison.error[at]:.3g} apart, "
        f"{comparison.slack[at]:.3g} times the sum of the bounds; required by {relation.clause}: "
        f"{CLAUSES[relation.clause].title}"
    )
    return replace(found, reason=reason, repro=relation.program(adapter, row))
