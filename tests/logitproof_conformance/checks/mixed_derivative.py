"""The mixed second derivative with respect to labels and logits, along a tangent, as in distillation (HVP-3)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from logitproof_conformance.asking.ask import ask, digest
from logitproof_conformance.asking.dialect_choices import choices_of
from logitproof_conformance.judging.judging import CellEvaluation, finite_rows, judgement, spell_exact, verdict_on
from logitproof_conformance.judging.related import ORDINARY, first_failure
from logitproof_conformance.programs.repro import program_of
from logitproof_reference.answers.answers import shared_answers
from logitproof_reference.bounds.assumptions import MUST
from logitproof_reference.cases.catalogue import REGIMES
from logitproof_reference.judging.compare import compare
from logitproof_reference.numerics.double_double import two_prod
from logitproof_reference.numerics.enclosure import Enclosure, normalised
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import MIXED_DERIVATIVE, OPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.cases.regime import Rows
    from logitproof_reference.vocabulary.cells import Cell
    from logitproof_reference.vocabulary.judgement import Judgement

    F64 = NDArray[np.float64]

CLAUSE = "HVP-3"

FURTHER_ROUNDINGS = 4
"""Beside those of the directional derivative of log-softmax: of cotangent times tangent, of that times p, of their
difference, and of the answer."""

ROUNDINGS_OF_SIGMOIDS = 24
"""Of the sigmoid loss, where -c v comes as -c v (s(x) + s(-x)). As exp(-softplus) each s is off by 8u of its own, exp
being within 4 ulps, and by the softplus: log1p(e) by 4u + 8u log 2, and its sum by u log 2, 10.3u. Rounding the other
argument adds u/e, the sum and three products 4u: 23u. From 1 / (1 + exp(-x)) it is 10u, as s(x) s(-x) <= 1/4."""


def judge_mixed_derivative(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Judge how grad_logits changes with the labels: -c times the directional derivative of log-softmax."""
    asked, batch = replace(case.cell, quantity=MIXED_DERIVATIVE), evaluation.common_batch
    answer = ask(evaluation.adapter, asked, batch)
    if (failed := first_failure(case, CLAUSE, (answer,))) is not None:
        yield replace(failed, repro=program_of(evaluation.adapter, asked, batch, 0))
        return
    gradient = replace(case.cell, quantity="grad_logits")
    constant_sum = "unnormalized_gradient" in dict(choices_of(evaluation.adapter, gradient))
    exact, allowed = mixed_derivative(case.cell, batch.rows, constant_sum=constant_sum)
    comparison = compare(answer.array, exact, allowed, FORMATS[case.cell.format])
    chosen = _ordinary(batch.slices, batch.rows)[:, None] & np.isfinite(exact.value)
    wrong = chosen & ~comparison.conforms
    slack = np.where(chosen, comparison.slack, -1.0)
    row, element = np.unravel_index(int(np.argmax(np.where(wrong, np.inf, slack))), slack.shape)
    found = replace(
        judgement(case, CLAUSE, verdict_on(CLAUSE, good=not wrong.any())),
        elements=int(chosen.sum()),
        slack=float(slack[row, element]),
        ulps=float(comparison.ulps[chosen].max()),
        nats=float(comparison.error[chosen].max()),
        row=int(row),
        element=int(element),
        exact=spell_exact(exact.value[row, element], exact.tail[row, element]),
        observed=float(answer.array[row, element]).hex(),
        bound=f"{allowed[row, element]:.6g}",
        digest=digest(answer.array),
    )
    yield _described(evaluation, found, asked) if wrong.any() else found


def mixed_derivative(cell: Cell, rows: Rows, *, constant_sum: bool = False) -> tuple[Enclosure, F64]:
    """Return c (sum p v - v), exactly, and how far a correct implementation may be off.

    Of the sigmoid loss, and where the gradient is documented as p - q whatever the sum of q, it is -c v.
    """
    tangents = rows.class_cotangents[:, ::-1].astype(np.float64)
    elementwise = OPS[cell.op].elementwise
    cotangents = (rows.class_cotangents if elementwise else rows.row_cotangents[:, None]).astype(np.float64)
    unit, smallest = FORMATS[cell.format].unit_roundoff, FORMATS[cell.format].smallest_normal
    if elementwise or constant_sum:
        high, low = two_prod(np.broadcast_to(-cotangents, tangents.shape), tangents)
        roundings = ROUNDINGS_OF_SIGMOIDS if elementwise else FURTHER_ROUNDINGS
        return normalised(high, low, np.zeros_like(high)), roundings * unit * np.abs(high) + 2 * smallest
    request = checked_request("log_softmax", "jvp", rows.logits, tangent=rows.class_cotangents[:, ::-1].copy())
    along = shared_answers().exact(request)
    bound = shared_answers().bound(request, FORMATS[cell.format], MUST)
    high, low = two_prod(-cotangents, along.value)
    tail = low - cotangents * along.tail
    radius = np.abs(cotangents) * along.radius + 2.0**-50 * np.abs(tail)
    # What a term may be: |v| + sum p |v| is at most twice the largest tangent of the row.
    largest = 2 * np.abs(tangents).max(axis=1, keepdims=True)
    further = FURTHER_ROUNDINGS * unit * largest
    return normalised(high, tail, radius), np.abs(cotangents) * (bound + further) + 2 * smallest


def _ordinary(slices: dict[str, slice], rows: Rows) -> NDArray[np.bool_]:
    """Return the rows of finite logits that no clause for extremes takes."""
    chosen = finite_rows(rows.logits)
    for name, part in slices.items():
        chosen[part] &= REGIMES[name].clause in ORDINARY
    return chosen


def _described(evaluation: CellEvaluation, found: Judgement, asked: Cell) -> Judgement:
    batch = evaluation.common_batch
    regime, number = batch.locate(found.row)
    observed = float.fromhex(found.observed)
    reason = f"row {number} of {regime}: {observed:.9g}, {found.slack:.3g} times the bound off the exact {found.exact}"
    return replace(found, reason=reason, repro=program_of(evaluation.adapter, asked, batch, found.row))
