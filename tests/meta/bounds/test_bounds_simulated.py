"""The bounds hold for correct code in the format itself, are nearly reached by it, and are exceeded by faults."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof_reference.bounds.api import bound, is_vacuous
from logitproof_reference.bounds.assumptions import MUST, SHOULD, Arithmetic
from logitproof_reference.cases import hashed_numbers as bit_generator
from logitproof_reference.judging.compare import compare
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.vocabulary.formats import FORMATS, Format
from meta.bounds.emulated_algorithms import ALGORITHMS, Row, log_sum_exp_gradient_of_saved
from meta.bounds.emulated_arithmetic import FAMILIES, Emulation, cotangents, distributions, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.numerics.enclosure import Enclosure

    F64 = NDArray[np.float64]

ROWS = 150
HALF = ("float16", "bfloat16")
CORRECT = Arithmetic(exp_ulps=0.5, log_ulps=0.5, flush_to_zero=False)
LOOSE = Arithmetic(exp_ulps=4.0, log_ulps=4.0, flush_to_zero=False)

ARITHMETICS: dict[str, tuple[Callable[[Format], Emulation], Arithmetic]] = {
    "sequential, correctly rounded": (Emulation, CORRECT),
    "sequential, 4 ulps up": (lambda format_: Emulation(format_, 3.5, 3.5), LOOSE),
    "sequential, 4 ulps down": (lambda format_: Emulation(format_, -3.5, -3.5), LOOSE),
    "pairwise": (lambda format_: Emulation(format_, order="pairwise"), replace(CORRECT, height="pairwise")),
    "blocked, 2 ulps up": (
        lambda format_: Emulation(format_, 1.5, 1.5, order="blocked"),
        replace(CORRECT, exp_ulps=2.0, log_ulps=2.0, height="blocked"),
    ),
    "wide": (lambda format_: Emulation(format_, wide=True), replace(CORRECT, accumulation="float32")),
}
"""How correct code computes, and what is declared of it."""


@functools.cache
def rows(family: str, name: str) -> Row:
    """Return the rows of a family in a format; every third label is the largest logit's."""
    logits = rows_of(family, FORMATS[name], ROWS)
    indices = bit_generator.integers("index", logits.shape[:1], logits.shape[1])
    indices[::3] = logits[::3].argmax(axis=1)
    return Row(
        logits,
        indices,
        distributions(logits, FORMATS[name]),
        np.where(cotangents(logits.shape[:1]) == 0.0, 1.0, cotangents(logits.shape[:1])),
        cotangents(logits.shape),
    )


def cotangent_of(op: str, quantity: str, row: Row) -> F64 | None:
    """Return the upstream gradient that an op's gradient is asked with."""
    if quantity == "value":
        return None
    return row.class_cotangents if op in {"softmax", "log_softmax"} else row.row_cotangents


def labels_of(labels: str, row: Row) -> NDArray[np.int64] | F64 | None:
    """Return labels of a kind."""
    return {"none": None, "indices": row.indices, "distributions": row.distributions}[labels]


@functools.cache
def exact(question: tuple[str, str, str], family: str, name: str) -> Enclosure:
    """Return the oracle's answer."""
    op, labels, quantity = question
    row = rows(family, name)
    return ExactRows(row.logits).evaluate(op, quantity, labels_of(labels, row), cotangent_of(op, quantity, row))


def bound_of(question: tuple[str, str, str], family: str, name: str, arithmetic: Arithmetic) -> F64:
    """Return the bound of the family's rows."""
    op, labels, quantity = question
    row = rows(family, name)
    request = checked_request(
        op, quantity, row.logits, labels_of(labels, row), cotangent=cotangent_of(op, quantity, row)
    )
    return bound(request, FORMATS[name], arithmetic)


def slack(answer: F64, question: tuple[str, str, str], family: str, name: str, arithmetic: Arithmetic) -> F64:
    """Return the judge's slack of every element."""
    granted = bound_of(question, family, name, arithmetic)
    return compare(answer, exact(question, family, name), granted, FORMATS[name]).slack


@functools.cache
def largest_slacks(question: tuple[str, str, str], name: str) -> dict[str, float]:
    """Return the largest slack of every family x algorithm x arithmetic, vacuous rows of narrow sums left out."""
    found = {}
    for family in FAMILIES:
        row = rows(family, name)
        for how, (emulation, declared) in ARITHMETICS.items():
            arithmetic = emulation(FORMATS[name])
            kept = ~is_vacuous(row.logits, FORMATS[name], declared) | arithmetic.wide
            for algorithm, evaluate in ALGORITHMS[question].items():
                measured = slack(evaluate(arithmetic, row), question, family, name, declared)[kept]
                found[f"{family}, {algorithm}, {how}"] = float(measured.max(initial=0.0))
    return found


QUESTIONS = [pytest.param(question, id="-".join(question)) for question in ALGORITHMS]


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_no_correct_algorithm_exceeds_its_bound(question: tuple[str, str, str], name: str) -> None:
    exceeded = {case: found for case, found in largest_slacks(question, name).items() if not found <= 1.0}
    assert not exceeded


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_some_correct_algorithm_uses_most_of_the_bound(question: tuple[str, str, str], name: str) -> None:
    assert max(largest_slacks(question, name).values()) >= 0.5


LOG_SUM_EXP_GRADIENT = ("log_sum_exp", "none", "grad_logits")


@pytest.mark.parametrize("name", ["float16", "float32"])
def test_gradient_of_a_rounded_log_sum_exp_is_granted_by_must_but_not_by_should(name: str) -> None:
    family = "common offset"
    answer = log_sum_exp_gradient_of_saved(Emulation(FORMATS[name]), rows(family, name))
    assert slack(answer, LOG_SUM_EXP_GRADIENT, family, name, MUST).max() <= 1.0
    assert slack(answer, LOG_SUM_EXP_GRADIENT, family, name, SHOULD).max() > 1.0


def test_gradient_of_a_rounded_log_sum_exp_is_not_granted_where_its_bound_would_be_void() -> None:
    family = "common offset"
    answer = log_sum_exp_gradient_of_saved(Emulation(FORMATS["bfloat16"]), rows(family, "bfloat16"))
    assert slack(answer, LOG_SUM_EXP_GRADIENT, family, "bfloat16", MUST).max() > 1.0


LOG_SUM_EXP = ("log_sum_exp", "none", "value")


def _merged(a: Emulation, first: F64, second: F64) -> F64:
    tail = a.exp(a.fl(-np.abs(first - second)))
    logarithm = a.fl(np.log1p(tail) * (1.0 + a.log_ulps * a.format.unit_roundoff))
    return a.fl(np.maximum(first, second) + logarithm)


def by_merging(a: Emulation, row: Row, order: str) -> F64:
    """Log-sum-exp by repeated log(e^a + e^b), one after another or by halves, each step rounded."""
    x = row.logits
    while x.shape[1] > 1:
        if order == "sequential":
            x = np.concatenate([_merged(a, x[:, :1], x[:, 1:2]), x[:, 2:]], axis=1)
        else:
            even = x.shape[1] // 2 * 2
            x = np.concatenate([_merged(a, x[:, :even:2], x[:, 1:even:2]), x[:, even:]], axis=1)
    return x[:, 0]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("order", ["sequential", "pairwise"])
@pytest.mark.parametrize("ulps", [0.0, 3.5, -3.5])
def test_log_sum_exp_by_merging_keeps_its_own_bound(family: str, order: str, ulps: float) -> None:
    granted = replace(LOOSE if ulps else CORRECT, height=order, log_domain=True)
    answer = by_merging(Emulation(FORMATS["float32"], ulps, ulps), rows(family, "float32"), order)
    assert slack(answer, LOG_SUM_EXP, family, "float32", granted).max() <= 1.0


def test_log_sum_exp_by_merging_is_granted_only_where_it_is_declared() -> None:
    family = "common offset"
    answer = by_merging(Emulation(FORMATS["float32"], 3.5, 3.5), rows(family, "float32"), "sequential")
    assert slack(answer, LOG_SUM_EXP, family, "float32", MUST).max() > 1.0
    declared = slack(answer, LOG_SUM_EXP, family, "float32", replace(MUST, log_domain=True)).max()
    assert 0.05 < declared <= 1.0


def _narrow_sum(a: Emulation, row: Row) -> F64:
    e = a.exp(a.shifted(row.logits))
    return a.fl(e / Emulation(FORMATS["bfloat16"]).sum(e))


def _coarse_reciprocal(a: Emulation, row: Row) -> F64:
    e = a.exp(a.shifted(row.logits))
    return a.fl(e * Emulation(FORMATS["bfloat16"]).fl(1.0 / a.sum(e)))


def _without_last_class(a: Emulation, row: Row) -> F64:
    e = a.exp(a.shifted(row.logits))
    return a.fl(e / a.sum(e[:, :-1]))


def _log_of_softmax(a: Emulation, row: Row) -> F64:
    with np.errstate(divide="ignore"):
        return a.fl(np.log(a.softmax(row.logits)))


def _unshifted(a: Emulation, row: Row) -> F64:
    with np.errstate(over="ignore", invalid="ignore"):
        e = a.fl(np.exp(row.logits))
        return a.fl(e / a.sum(e))


def _from_log_sum_exp(a: Emulation, row: Row) -> F64:
    return a.fl(row.logits - a.log_sum_exp(row.logits))


def _clipped_loss(a: Emulation, row: Row) -> F64:
    p = np.take_along_axis(a.softmax(row.logits), row.indices[:, None], axis=1)[:, 0]
    return a.fl(-np.log(np.clip(p, 1e-7, 1.0)))


def _constant_cotangent(a: Emulation, row: Row) -> F64:
    return a.fl(a.softmax(row.logits) - row.onehot)


def _softmax_without_mean(a: Emulation, row: Row) -> F64:
    return a.fl(a.softmax(row.logits) * row.class_cotangents)


SOFTMAX, LOG_SOFTMAX = ("softmax", "none", "value"), ("log_softmax", "none", "value")
LOSS = ("softmax_cross_entropy", "indices", "value")
FAULTS = {
    "sum in a narrower format": (SOFTMAX, "normal of 60", _narrow_sum),
    "reciprocal of eight bits": (SOFTMAX, "normal of 10", _coarse_reciprocal),
    "one class left out of the sum": (SOFTMAX, "wide", _without_last_class),
    "no shift by the maximum": (SOFTMAX, "common offset", _unshifted),
    "exp of 16 ulps": (SOFTMAX, "normal of 2", lambda a, row: replace(a, exp_ulps=16.0).softmax(row.logits)),
    "log of softmax": (LOG_SOFTMAX, "subnormal results", _log_of_softmax),
    "logits minus log-sum-exp": (LOG_SOFTMAX, "common offset", _from_log_sum_exp),
    "clipped probability": (LOSS, "uniform to 40 of 4", _clipped_loss),
    "label shifted by one": (
        LOSS,
        "normal of 10",
        lambda a, row: ALGORITHMS[LOSS]["gathered"](a, replace(row, indices=(row.indices + 1) % 10)),
    ),
    "cotangent ignored": (("softmax_cross_entropy", "indices", "grad_logits"), "normal of 10", _constant_cotangent),
    "Jacobian's diagonal only": (("softmax", "none", "grad_logits"), "normal of 10", _softmax_without_mean),
}
"""Faults by name: what is asked, on which rows it shows, and the faulty code."""


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_exceeds_the_bound_of_must(fault: str) -> None:
    question, family, evaluate = FAULTS[fault]
    answer = evaluate(Emulation(FORMATS["float32"]), rows(family, "float32"))
    assert slack(answer, question, family, "float32", MUST).max() > 1.0


@pytest.mark.parametrize("question", QUESTIONS)
def test_float64_code_keeps_the_bound_of_float64(question: tuple[str, str, str]) -> None:
    for family in FAMILIES:
        for algorithm, evaluate in ALGORITHMS[question].items():
            answer = evaluate(Emulation(FORMATS["float64"]), rows(family, "float64"))
            assert slack(answer, question, family, "float64", MUST).max() <= 1.0, f"{family}, {algorithm}"


def test_bound_of_a_narrow_sum_is_void_once_it_may_lose_half_of_the_sum() -> None:
    logits = np.zeros((1, 600))
    assert is_vacuous(logits, FORMATS["bfloat16"], CORRECT).all()
    assert not is_vacuous(logits, FORMATS["float16"], CORRECT).any()
    assert not is_vacuous(logits, FORMATS["bfloat16"], replace(CORRECT, accumulation="float32")).any()


def test_void_bound_is_replaced_by_that_of_wide_accumulation() -> None:
    logits = rows("wide", "bfloat16").logits
    assert is_vacuous(logits, FORMATS["bfloat16"], MUST).all()
    request = checked_request("softmax", "value", logits)
    replaced = bound(request, FORMATS["bfloat16"], MUST)
    declared = bound(request, FORMATS["bfloat16"], replace(MUST, accumulation="float32", flush_to_zero=False))
    np.testing.assert_array_equal(replaced, declared)
    narrow = Emulation(FORMATS["bfloat16"]).softmax(logits)
    assert slack(narrow, SOFTMAX, "wide", "bfloat16", MUST).max() > 1.0
