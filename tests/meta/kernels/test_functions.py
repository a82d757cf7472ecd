"""`check` of the functions that losses are made of: correct code by two algorithms conforms, mutants break clauses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import logitproof
from logitproof.errors import UsageError
from logitproof.kernels.families.by_format import verdict_by_format
from logitproof.kernels.families.functions import AskedFunction
from logitproof.kernels.judging.request import Request
from logitproof.kernels.judging.truth import Question
from logitproof_adapters.contract import Description
from logitproof_adapters.kernels.declaration import Declaration
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.cells import Cell, Inputs


def wide(x: Any) -> Any:
    return x.astype(np.float64 if x.dtype == np.float64 else np.float32)


def sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def softplus(x: Any) -> Any:
    z = wide(x)
    return (np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))).astype(x.dtype)


def softplus_by_logaddexp(x: Any) -> Any:
    z = wide(x)
    return np.logaddexp(z, np.zeros_like(z)).astype(x.dtype)


def softplus_gradient(x: Any, c: Any) -> Any:
    return (sigmoid(wide(x)) * wide(c)).astype(x.dtype)


def softplus_gradient_by_quotient(x: Any, c: Any) -> Any:
    return (wide(c) / (1 + np.exp(-wide(x)))).astype(x.dtype)


def log_sigmoid(x: Any) -> Any:
    z = wide(x)
    return (np.minimum(z, 0) - np.log1p(np.exp(-np.abs(z)))).astype(x.dtype)


def log_sigmoid_by_softplus(x: Any) -> Any:
    return -softplus_by_logaddexp(-x)


def log_sigmoid_gradient(x: Any, c: Any) -> Any:
    return softplus_gradient(-x, c)


def added(a: Any, b: Any) -> Any:
    x, y = wide(a), wide(b)
    top = np.maximum(x, y)
    apart = np.where(np.isinf(top), 0, -np.abs(x - y))
    return np.where(np.isinf(top), top, top + np.log1p(np.exp(apart))).astype(a.dtype)


def added_by_numpy(a: Any, b: Any) -> Any:
    return np.logaddexp(wide(a), wide(b)).astype(a.dtype)


def added_gradient(a: Any, b: Any, c: Any) -> Any:
    s = sigmoid(wide(a) - wide(b))
    return (s * wide(c)).astype(a.dtype), (sigmoid(wide(b) - wide(a)) * wide(c)).astype(a.dtype)


def cumulative(x: Any) -> Any:
    return np.logaddexp.accumulate(wide(x), axis=1).astype(x.dtype)


def cumulative_by_rows(x: Any) -> Any:
    return np.stack([log_sum_exp(wide(x[:, : j + 1])) for j in range(x.shape[1])], axis=1).astype(x.dtype)


def log_sum_exp(z: Any) -> Any:
    top = z.max(axis=1, keepdims=True, initial=-np.inf)
    safe = np.where(np.isinf(top), 0, top)
    with np.errstate(all="ignore"):
        return np.log(np.exp(z - safe).sum(axis=1)) + safe[:, 0]


def cumulative_gradient(x: Any, c: Any) -> Any:
    z, found = wide(x), np.zeros(x.shape, wide(x).dtype)
    for j in range(x.shape[1]):
        part = z[:, : j + 1]
        found[:, : j + 1] += wide(c[:, j : j + 1]) * np.exp(part - log_sum_exp(part)[:, None])
    return found.astype(x.dtype)


def scattered(x: Any, groups: Any) -> tuple[Any, Any, Any]:
    """Return maxima, shifted exponentials and their sums as scattering libraries have them."""
    z = wide(x)
    top = np.full((groups.max() + 1, x.shape[1]), -np.inf, z.dtype)
    np.maximum.at(top, groups, z)
    safe = np.where(np.isinf(top), 0, top)
    e = np.exp(z - safe[groups])
    total = np.zeros_like(top)
    np.add.at(total, groups, e)
    return np.where(np.isinf(top), top, safe), e, total


def grouped_lse(x: Any, groups: Any) -> Any:
    top, _, total = scattered(x, groups)
    return np.where(np.isinf(top), top, np.log(np.where(total > 0, total, 1)) + top).astype(x.dtype)


def grouped_lse_by_sorting(x: Any, groups: Any) -> Any:
    z = wide(x)
    return np.stack([log_sum_exp(z[groups == g].T) for g in range(groups.max() + 1)]).astype(x.dtype)


def grouped_lse_gradient(x: Any, groups: Any, c: Any) -> Any:
    _, e, total = scattered(x, groups)
    return (e / total[groups] * wide(c)[groups]).astype(x.dtype)


def limited(p: Any, x: Any, groups: Any) -> Any:
    """Return NaN where a group has +inf beside numbers: what inf - inf gives."""
    infinite = np.zeros((groups.max() + 1, x.shape[1]), bool)
    np.logical_or.at(infinite, groups, np.isposinf(wide(x)))
    return np.where(infinite[groups] & ~np.isposinf(wide(x)), 0, np.where(np.isposinf(wide(x)), 1, p))


def grouped_softmax(x: Any, groups: Any) -> Any:
    _, e, total = scattered(x, groups)
    with np.errstate(all="ignore"):
        return limited(e / total[groups], x, groups).astype(x.dtype)


def grouped_softmax_by_sorting(x: Any, groups: Any) -> Any:
    z, found = wide(x), np.zeros(x.shape, wide(x).dtype)
    for g in np.unique(groups):
        at = groups == g
        with np.errstate(all="ignore"):
            e = np.exp(z[at] - z[at].max(axis=0))
            found[at] = e / e.sum(axis=0)
            nothing = np.isneginf(z[at]).all(axis=0)
            found[np.ix_(at, nothing)] = np.nan
    return limited(found, x, groups).astype(x.dtype)


def grouped_softmax_gradient(x: Any, groups: Any, c: Any) -> Any:
    _, e, total = scattered(x, groups)
    p = e / total[groups]
    inner = np.zeros_like(total)
    np.add.at(inner, groups, p * wide(c))
    return (p * (wide(c) - inner[groups])).astype(x.dtype)


CORRECT: dict[str, tuple[str, Any, Any]] = {
    "softplus": ("softplus", softplus, softplus_gradient),
    "softplus by logaddexp": ("softplus", softplus_by_logaddexp, softplus_gradient_by_quotient),
    "log_sigmoid": ("log_sigmoid", log_sigmoid, log_sigmoid_gradient),
    "log_sigmoid by softplus": ("log_sigmoid", log_sigmoid_by_softplus, log_sigmoid_gradient),
    "logaddexp": ("logaddexp", added, added_gradient),
    "logaddexp of NumPy": ("logaddexp", added_by_numpy, added_gradient),
    "cumulative by merging": ("cumulative_log_sum_exp", cumulative, cumulative_gradient),
    "cumulative by rows": ("cumulative_log_sum_exp", cumulative_by_rows, cumulative_gradient),
    "groups by scattering": ("grouped_log_sum_exp", grouped_lse, grouped_lse_gradient),
    "groups by sorting": ("grouped_log_sum_exp", grouped_lse_by_sorting, grouped_lse_gradient),
    "softmax by scattering": ("grouped_softmax", grouped_softmax, grouped_softmax_gradient),
    "softmax by sorting": ("grouped_softmax", grouped_softmax_by_sorting, grouped_softmax_gradient),
}


def broken(op: str, function: Any, gradient: Any, format_: str = "float32", **more: Any) -> dict[str, str]:
    verdict = logitproof.check(function, op=op, gradient=gradient, format=format_, **more)
    return {one.clause: one.reason for one in verdict.judgements if one.verdict in {"deviates", "crashed"}}


FORMATS_OF = {"cumulative by merging": ("float16", "float32")}
"""The formats that a function is tested in, if not all: the exact answers of cumulative sums take seconds."""


@pytest.mark.parametrize(("name", "format_"), [(one, form) for one in CORRECT for form in FORMATS_OF.get(one, FORMATS)])
def test_correct_code_conforms(name: str, format_: str) -> None:
    op, function, gradient = CORRECT[name]
    assert broken(op, function, gradient, format_) == {}


def of_one_maximum(x: Any, groups: Any) -> Any:
    """Shift by the largest number of all groups, or by a hundred less than that of a class."""
    z = wide(x)
    top = np.where(np.isfinite(z), z, -100).max(axis=0) + np.float32(104)
    total = np.zeros((groups.max() + 1, x.shape[1]), z.dtype)
    with np.errstate(all="ignore"):
        np.add.at(total, groups, np.exp(z - top))
        return (np.log(total) + top).astype(x.dtype)


def softplus_gradient_of_the_other_side(x: Any, c: Any) -> Any:
    return sigmoid(-x) * c


MUTANTS: dict[str, tuple[str, Any, Any, str]] = {
    "no shift": ("softplus", lambda x: np.log(1 + np.exp(wide(x))), None, "FUN-1"),
    "slope of the loss": ("softplus", softplus, softplus_gradient_of_the_other_side, "FUN-2"),
    "sign": ("log_sigmoid", softplus, log_sigmoid_gradient, "FUN-1"),
    "upstream dropped": (
        "log_sigmoid",
        log_sigmoid,
        lambda x, c: log_sigmoid_gradient(x, np.ones_like(c)),
        "FUN-2",
    ),
    "-inf less -inf": (
        "logaddexp",
        lambda a, b: np.maximum(a, b) + np.log1p(np.exp(-np.abs(a - b))),
        added_gradient,
        "FUN-4",
    ),
    "gradients swapped": ("logaddexp", added, lambda a, b, c: added_gradient(a, b, c)[::-1], "FUN-2"),
    "without the last": (
        "cumulative_log_sum_exp",
        lambda x: np.concatenate([cumulative(x)[:, :1], cumulative(x)[:, :-1]], axis=1),
        None,
        "FUN-1",
    ),
    "sum of exponentials": ("cumulative_log_sum_exp", lambda x: np.log(np.cumsum(np.exp(x), axis=1)), None, "FUN-1"),
    "of the last alone": (
        "cumulative_log_sum_exp",
        cumulative,
        lambda x, c: np.exp(x - log_sum_exp(x)[:, None]) * c.sum(axis=1, keepdims=True),
        "FUN-2",
    ),
    "one maximum": ("grouped_log_sum_exp", of_one_maximum, None, "FUN-1"),
    "an empty group is 0": (
        "grouped_log_sum_exp",
        lambda x, g: np.where(np.isneginf(grouped_lse(x, g)), 0, grouped_lse(x, g)),
        None,
        "FUN-1",
    ),
    "over all rows": (
        "grouped_softmax",
        lambda x, g: grouped_softmax(x, np.zeros_like(g)),
        None,
        "FUN-1",
    ),
    "inner product forgotten": (
        "grouped_softmax",
        grouped_softmax,
        lambda x, g, c: grouped_softmax(x, g) * c,
        "FUN-2",
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_breaks_its_clause(name: str) -> None:
    op, function, gradient, clause = MUTANTS[name]
    assert clause in broken(op, function, gradient)


def test_sums_over_many_rows_of_a_group_in_half_precision_are_seen() -> None:
    def narrow(x: Any, groups: Any) -> Any:
        top, e, _ = scattered(x, groups)
        total = np.zeros(top.shape, x.dtype)
        np.add.at(total, groups, e.astype(x.dtype))
        return np.where(np.isinf(top), top, np.log(np.where(total > 0, wide(total), 1)) + top).astype(x.dtype)

    verdict = logitproof.check(narrow, op="grouped_log_sum_exp", format="bfloat16")
    assert {one.regime for one in verdict.judgements if one.verdict == "deviates"} == {"very many rows"}


def test_digits_lost_where_softplus_is_small_are_a_warning() -> None:
    def by_log(x: Any) -> Any:
        return np.maximum(x, 0) + np.log(1 + np.exp(-np.abs(x)))

    verdict = logitproof.check(by_log, op="softplus", format="float32")
    assert verdict.conforms
    assert {one.clause for one in verdict.judgements if one.verdict == "concern"} == {"FUN-5"}


def test_nothing_is_declared_of_them() -> None:
    with pytest.raises(UsageError, match="scale is not judged of softplus"):
        logitproof.check(softplus, op="softplus", scale=2.0)


class Twice:
    """Fulfils `Adapter` for second derivatives, which no NumPy function has by itself."""

    name = "twice"

    def __init__(self, function: Any) -> None:
        self.function = function

    def describe(self) -> Description:
        return Description(self.name, "0", {})

    def evaluate(self, cell: Cell, inputs: Inputs) -> Any:
        with np.errstate(all="ignore"):
            if cell.quantity == "value":
                return added(inputs.logits, inputs.projection) if cell.op == "logaddexp" else softplus(inputs.logits)
            return self.function(cell.quantity, inputs)


def curvature(quantity: str, inputs: Inputs) -> Any:
    """Return c s (1 - s) v, of logaddexp with v the difference of the directions, by its second number negative."""
    x, c, v = (wide(one) for one in (inputs.logits, inputs.cotangent, inputs.tangent))
    d, along = (x, v[0]) if inputs.projection is None else (x - wide(inputs.projection), v[0] - v[1])
    made = c * sigmoid(d) * sigmoid(-d) * along
    return (-made if quantity == "hvp_other" else made).astype(inputs.logits.dtype)


def twice(op: str, function: Any, *quantities: str) -> set[str]:
    question = Question(op, "none", "value", Declaration(), None)
    asked: Any = Twice(function)
    verdict = verdict_by_format(
        AskedFunction, asked, question, quantities, request=Request(), formats=("float32", "float64")
    )
    return {one.clause for one in verdict.judgements if not one.expected}


def test_second_derivatives_conform_by_closed_forms() -> None:
    assert twice("softplus", curvature, "value", "hvp_logits") == set()
    assert twice("logaddexp", curvature, "value", "hvp_logits", "hvp_other") == set()


def test_a_second_derivative_that_takes_what_was_saved_for_a_constant_breaks_its_clause() -> None:
    assert twice("softplus", lambda _, inputs: np.zeros_like(inputs.logits), "hvp_logits") == {"FUN-3"}
    assert twice("logaddexp", lambda _, inputs: curvature("hvp_logits", inputs), "hvp_other") == {"FUN-3"}
