"""Laws of one derivative computed in two ways: forward and reverse mode (LAW-8), the Hessian's symmetry (LAW-9)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_conformance.asking.ask import ask, ask_with
from logitproof_conformance.judging.judging import CellEvaluation, judgement
from logitproof_conformance.judging.related import (
    RelatedRequest,
    Relation,
    first_failure,
    judge_relation,
    ordinary_rows,
    sound_rows,
)
from logitproof_conformance.judging.rules import ComparedBatch
from logitproof_conformance.plan.layout import arrange
from logitproof_reference.numerics.double_double import two_prod, two_sum
from logitproof_reference.numerics.enclosure import Enclosure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.vocabulary.judgement import Judgement

    Array = NDArray[Any]
    F64 = NDArray[np.float64]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Product:
    """A derivative as it was asked for and answered, with its bound, and the vector that a law multiplies it with."""

    question: RelatedRequest
    answer: Array
    bound: F64
    weight: Array | None

    @property
    def factors(self) -> F64:
        """The vector, one row of it for each row asked."""
        return np.asarray(self.weight, dtype=np.float64).reshape(len(self.answer), -1)

    @property
    def elements(self) -> F64:
        """The derivative, shaped alike."""
        return self.answer.astype(np.float64).reshape(len(self.answer), -1)

    def terms(self, chosen: Mask) -> F64:
        """Return numbers whose sum over each chosen row is the product, exactly; zeros elsewhere."""
        return np.hstack(two_prod(self.factors, np.where(chosen[:, None], self.elements, 0.0)))

    @property
    def allowed(self) -> F64:
        """How far the product may be off in each row."""
        allowed: F64 = (np.abs(self.factors) * self.bound.reshape(self.factors.shape)).sum(axis=1)
        return allowed


def judge_forward_and_reverse(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate the gradient too: cotangent times jvp equals gradient times tangent (LAW-8)."""
    cell, batch = case.cell, evaluation.common_batch
    reverse = replace(cell, quantity="grad_logits")
    if (reason := evaluation.adapter.unsupported(reverse)) is not None:
        yield judgement(case, "LAW-8", "unsupported", reason=reason)
        return
    answers = ask(evaluation.adapter, reverse, batch), evaluation.answer(batch)
    if (failed := first_failure(case, "LAW-8", answers)) is not None:
        yield failed
        return
    forward, backward = (RelatedRequest(one, arrange(one, batch.rows)) for one in (cell, reverse))
    known = ComparedBatch(reverse, batch, answers[0].array, evaluation.truth(batch, reverse))
    gradient = Product(backward, known.observed, known.truth.must, forward.inputs.tangent)
    directional = Product(forward, answers[1].array, evaluation.truth(batch).must, backward.inputs.cotangent)
    relation = _relation("LAW-8", "in forward mode, times the cotangent", known, gradient, directional)
    yield from judge_relation(evaluation.adapter, case, relation)


def judge_second_vector(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate with a second vector w: w H v is v H w (LAW-9)."""
    cell, batch = case.cell, evaluation.common_batch
    first = RelatedRequest(cell, arrange(cell, batch.rows))
    second = RelatedRequest(cell, replace(first.inputs, tangent=batch.rows.class_cotangents.copy()))
    answers = evaluation.answer(batch), ask_with(evaluation.adapter, cell, second.inputs, batch)
    if (failed := first_failure(case, "LAW-9", answers)) is not None:
        yield failed
        return
    one = Product(first, answers[0].array, evaluation.truth(batch).must, second.inputs.tangent)
    other = Product(second, answers[1].array, second.must, first.inputs.tangent)
    relation = _relation("LAW-9", "with the two vectors exchanged", evaluation.seen(batch), one, other)
    yield from judge_relation(evaluation.adapter, case, relation)


def _relation(clause: str, says: str, known: ComparedBatch, first: Product, second: Product) -> Relation:
    """Relate two products row by row.

    How far they are apart is exact but for one rounding: `due` is the first product, less what rounding the second
    one to float64 took from that.
    """
    chosen = sound_rows(known) | (ordinary_rows(known) & _normalized(known))
    finite = np.isfinite(second.elements).all(axis=1)
    terms = [product.terms(chosen & finite) for product in (first, second)]
    observed = np.array([math.fsum(row) for row in terms[1]])
    apart = np.array([math.fsum([*one, *-other]) for one, other in zip(*terms, strict=True)])
    return Relation(
        clause=clause,
        says=says,
        questions=(first.question, second.question),
        due=Enclosure(*two_sum(observed, apart), np.zeros(len(observed))),
        observed=np.where(finite, observed, np.nan),
        allowed=first.allowed + second.allowed,
        chosen=chosen,
        batch=known.batch,
        vectors=(first.factors, second.factors),
    )


def _normalized(known: ComparedBatch) -> Mask:
    """Return the rows whose labels sum to one; of others the derivative may be known to be that of another loss."""
    if (known.cell.op, known.cell.labels) != ("softmax_cross_entropy", "distributions"):
        return np.ones(len(known.batch.rows), dtype=bool)
    normalized: Mask = known.batch.rows.distributions.astype(np.float64).sum(axis=1) == 1
    return normalized
