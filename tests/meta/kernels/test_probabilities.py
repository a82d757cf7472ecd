"""`check` of losses of probabilities: correct code conforms under each convention, a mutant each breaks its clause."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import logitproof
from logitproof.errors import UsageError

if TYPE_CHECKING:
    from logitproof.kernels.findings.verdict import KernelVerdict

WORK = {"float64": np.float64}


def wide(x: Any) -> Any:
    return x.astype(WORK.get(x.dtype.name, np.float32))


def shared(p: Any, *, normalized: bool, clip: float) -> tuple[Any, Any, Any]:
    """Return the numbers under a convention, where no clip holds them, and their sum."""
    x = wide(p)
    total = x.sum(axis=1, keepdims=True) if normalized else np.ones((len(x), 1), x.dtype)
    r = x / total
    if not clip:
        return r, np.ones(r.shape, bool), total
    low, high = x.dtype.type(clip), x.dtype.type(1) - x.dtype.type(clip)
    return np.clip(r, low, high), (r > low) & (r < high), total


def weights(p: Any, labels: Any) -> Any:
    x = wide(p)
    if labels.dtype.kind == "i":
        return (np.arange(x.shape[1]) == labels[:, None]).astype(x.dtype)
    return wide(labels)


def xlogy(x: Any, y: Any, floor: float | None = None) -> Any:
    logarithm = np.log(np.where(y > 0, y, 1))
    if floor is not None:
        held = np.where(y > 0, np.maximum(logarithm, x.dtype.type(floor)), x.dtype.type(floor))
        return np.where(y < 0, np.nan, x * held)
    made = x * np.where(y > 0, logarithm, np.where(y < 0, np.nan, -np.inf))
    return np.where((x == 0) & (y >= 0), 0, made)


def loss(p: Any, q: Any, *, normalized: bool = False, clip: float = 0.0, log_floor: float | None = None) -> Any:
    r, _, _ = shared(p, normalized=normalized, clip=clip)
    return -xlogy(weights(p, q), r, log_floor).sum(axis=1).astype(p.dtype)


def loss_gradient(p: Any, q: Any, c: Any, *, normalized: bool = False, clip: float = 0.0) -> Any:
    r, passes, total = shared(p, normalized=normalized, clip=clip)
    y = weights(p, q)
    by = np.where(passes & (y > 0), -y / np.where(passes & (y > 0), r, 1), 0)
    by = np.where((r == 0) & (y > 0), -np.inf, by)
    if normalized:
        by = (by + np.where(passes, y, 0).sum(axis=1, keepdims=True)) / total
    return (by * wide(c)[:, None]).astype(p.dtype)


def binary(p: Any, y: Any, *, clip: float = 0.0, log_floor: float | None = None) -> Any:
    r, _, _ = shared(p, normalized=False, clip=clip)
    z = wide(y)
    return -(xlogy(z, r, log_floor) + xlogy(1 - z, 1 - r, log_floor)).astype(p.dtype)


def binary_by_log1p(p: Any, y: Any) -> Any:
    """Take log1p(-p) for log(1 - p)."""
    r, z = wide(p), wide(y)
    outside = (r < 0) | (r > 1)
    other = np.where(z == 1, 0, (1 - z) * np.log1p(-np.where(outside, 0, r)))
    return np.where(outside, np.nan, -(xlogy(z, r) + other)).astype(p.dtype)


def binary_gradient(p: Any, y: Any, c: Any, *, clip: float = 0.0) -> Any:
    r, passes, _ = shared(p, normalized=False, clip=clip)
    z = wide(y)
    first = np.where(z > 0, -z / r, 0)
    second = np.where(z < 1, (1 - z) / (1 - r), 0)
    return (np.where(passes, first + second, 0) * wide(c)).astype(p.dtype)


def binary_gradient_at_once(p: Any, y: Any, c: Any) -> Any:
    r, z = wide(p), wide(y)
    inside = (r > 0) & (r < 1)
    made = np.where(inside, (r - z) / (r * (1 - r)), np.where(r == z, np.where(r == 1, -1, 1), (r - z) * np.inf))
    return (made * wide(c)).astype(p.dtype)


def entropy(p: Any, *, normalized: bool = False) -> Any:
    r, _, _ = shared(p, normalized=normalized, clip=0.0)
    return -xlogy(r, r).sum(axis=1).astype(p.dtype)


def entropy_gradient(p: Any, c: Any, *, normalized: bool = False) -> Any:
    r, _, total = shared(p, normalized=normalized, clip=0.0)
    by = -(np.log(r) + 1)
    if normalized:
        by = (by + (r + xlogy(r, r)).sum(axis=1, keepdims=True)) / total
    return (by * wide(c)[:, None]).astype(p.dtype)


def binary_entropy(p: Any) -> Any:
    r = wide(p)
    return -(xlogy(r, r) + xlogy(1 - r, 1 - r)).astype(p.dtype)


def binary_entropy_gradient(p: Any, c: Any) -> Any:
    r = wide(p)
    return ((np.log(1 - r) - np.log(r)) * wide(c)).astype(p.dtype)


def binary_divergence(p: Any, t: Any) -> Any:
    r, s = wide(p), wide(t)
    first, second = xlogy(s, s) - xlogy(s, r), xlogy(1 - s, 1 - s) - xlogy(1 - s, 1 - r)
    return (first + second).astype(p.dtype)


def binary_divergence_gradient(p: Any, t: Any, c: Any) -> Any:
    r, s, up = wide(p), wide(t), wide(c)
    first, second = np.where(s > 0, s / r, 0), np.where(s < 1, (1 - s) / (1 - r), 0)
    by_target = np.log(s) - np.log(r) - (np.log(1 - s) - np.log(1 - r))
    return ((second - first) * up).astype(p.dtype), (by_target * up).astype(p.dtype)


def divergence(p: Any, t: Any) -> Any:
    r, s = wide(p), wide(t)
    return (xlogy(s, s) - xlogy(s, r)).sum(axis=1).astype(p.dtype)


def divergence_gradient(p: Any, t: Any, c: Any) -> Any:
    r, s, up = wide(p), wide(t), wide(c)[:, None]
    by = np.where(s > 0, -s / np.where(r > 0, r, 0), 0)
    return (by * up).astype(p.dtype), ((np.log(s) - np.log(r) + 1) * up).astype(p.dtype)


CE, BCE = "probability_cross_entropy", "binary_cross_entropy"
ENTROPY, KL = "probability_entropy", "probability_kl_divergence"
BINARY_ENTROPY, BINARY_KL = "binary_entropy", "binary_kl_divergence"

CORRECT: dict[str, tuple[str, Any, Any, dict[str, Any]]] = {
    "plain": (CE, loss, loss_gradient, {}),
    "of distributions": (CE, loss, loss_gradient, {"labels": "distributions"}),
    "divided": (CE, loss, loss_gradient, {"normalized": True}),
    "divided and clipped": (CE, loss, loss_gradient, {"normalized": True, "clip": 1e-7, "labels": "distributions"}),
    "floor": (CE, loss, None, {"log_floor": -100.0}),
    "binary": (BCE, binary, binary_gradient, {}),
    "binary by log1p": (BCE, binary_by_log1p, binary_gradient_at_once, {}),
    "binary clipped": (BCE, binary, binary_gradient, {"clip": 1e-7}),
    "binary floor": (BCE, binary, None, {"log_floor": -100.0}),
    "entropy": (ENTROPY, entropy, entropy_gradient, {}),
    "entropy divided": (ENTROPY, entropy, entropy_gradient, {"normalized": True}),
    "divergence": (KL, divergence, divergence_gradient, {}),
    "binary entropy": (BINARY_ENTROPY, binary_entropy, binary_entropy_gradient, {}),
    "binary divergence": (BINARY_KL, binary_divergence, binary_divergence_gradient, {}),
}


def judged(op: str, function: Any, gradient: Any, **more: Any) -> KernelVerdict:
    given = {"format": "float32", "widest": 300, **more}
    return logitproof.check(function, op=op, gradient=gradient, **given)


def broken(verdict: KernelVerdict) -> set[str]:
    return {found.clause for found in verdict.judgements if found.verdict in {"deviates", "crashed"}}


@pytest.mark.parametrize("format_", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", CORRECT)
def test_correct_code_conforms(name: str, format_: str) -> None:
    op, function, gradient, declared = CORRECT[name]
    verdict = judged(op, function, gradient, format=format_, **declared)
    assert [(one.clause, one.regime, one.reason) for one in verdict.judgements if not one.expected] == []
    assert {one.clause for one in verdict.judgements} >= {"PRB-1", "PRB-3", "PRB-5"}


def nan_at_zero(p: Any, q: Any) -> Any:
    """Multiply a label of 0 with log 0."""
    with np.errstate(all="ignore"):
        return -(weights(p, q) * np.log(wide(p))).sum(axis=1).astype(p.dtype)


def taken_as_positive(p: Any, y: Any) -> Any:
    return binary(np.abs(p), y)


def sum_taken_for_a_constant(p: Any, q: Any, c: Any) -> Any:
    total = wide(p).sum(axis=1, keepdims=True)
    return (-weights(p, q) / wide(p) * wide(c)[:, None] + 0 * total).astype(p.dtype)


def by_clipped_logits(p: Any, t: Any) -> Any:
    """Divide by way of logits of numbers clipped at the machine epsilon, as distributions may."""
    e = np.finfo(p.dtype).eps
    own, aimed = (np.log(one) - np.log1p(-one) for one in (np.clip(p, e, 1 - e), np.clip(t, e, 1 - e)))
    soft = [np.logaddexp(0, -own) - np.logaddexp(0, -aimed), np.logaddexp(0, own) - np.logaddexp(0, aimed)]
    return (t * soft[0] + (1 - t) * soft[1]).astype(p.dtype)


def of_arrays(function: Any) -> Any:
    """Return the function without its keywords, so that what is declared does not reach it."""

    def without_keywords(*arrays: Any) -> Any:
        return function(*arrays)

    return without_keywords


MUTANTS: dict[str, tuple[str, Any, Any, dict[str, Any], str, str]] = {
    "divided unasked": (CE, partial(loss, normalized=True), None, {}, "PRB-1", "numbers divided by its sum"),
    "not divided": (CE, of_arrays(loss), None, {"normalized": True}, "PRB-1", "not divided by its sum"),
    "another clip": (BCE, of_arrays(partial(binary, clip=1e-7)), None, {"clip": 1e-2}, "PRB-1", ""),
    "clipped unasked": (CE, partial(loss, clip=1e-7), None, {}, "PRB-3", ""),
    "no floor": (BCE, of_arrays(binary), None, {"log_floor": -100.0}, "PRB-3", ""),
    "NaN at 0": (CE, nan_at_zero, None, {"labels": "distributions"}, "PRB-3", "nan"),
    "sum for a constant": (
        CE,
        partial(loss, normalized=True),
        sum_taken_for_a_constant,
        {"normalized": True},
        "PRB-2",
        "",
    ),
    "upstream dropped": (CE, loss, lambda p, q, c: loss_gradient(p, q, np.ones_like(c)), {}, "PRB-2", ""),
    "not held by the clip": (BCE, binary, of_arrays(binary_gradient), {"clip": 1e-2}, "PRB-2", ""),
    "gradient of the logits": (BCE, binary, lambda p, y, c: (wide(p) - wide(y)) * wide(c), {}, "PRB-2", ""),
    "negative numbers": (BCE, taken_as_positive, None, {}, "PRB-4", "the loss"),
    "base 2": (ENTROPY, lambda p: entropy(p) / np.float32(np.log(2)), None, {}, "PRB-1", ""),
    "1 forgotten": (ENTROPY, entropy, lambda p, c: -np.log(p) * c[:, None], {}, "PRB-2", ""),
    "one outcome alone": (BINARY_ENTROPY, lambda p: -xlogy(wide(p), wide(p)).astype(p.dtype), None, {}, "PRB-1", ""),
    "binary entropy in base 2": (BINARY_ENTROPY, lambda p: binary_entropy(p) * 1.5, None, {}, "PRB-1", ""),
    "its gradient reversed": (
        BINARY_ENTROPY,
        binary_entropy,
        lambda p, c: -binary_entropy_gradient(p, c),
        {},
        "PRB-2",
        "",
    ),
    "NaN at 0 and 1": (BINARY_ENTROPY, lambda p: -(p * np.log(p) + (1 - p) * np.log(1 - p)), None, {}, "PRB-3", "nan"),
    "by clipped logits": (BINARY_KL, by_clipped_logits, None, {}, "PRB-3", ""),
    "binary sides swapped": (BINARY_KL, lambda p, t: binary_divergence(t, p), None, {}, "PRB-1", ""),
    "target taken for a constant": (
        BINARY_KL,
        binary_divergence,
        lambda p, t, c: (binary_divergence_gradient(p, t, c)[0], 0 * t),
        {},
        "PRB-2",
        "",
    ),
    "sides swapped": (KL, lambda p, t: divergence(t, p), None, {}, "PRB-1", ""),
    "gradients swapped": (KL, divergence, lambda p, t, c: divergence_gradient(p, t, c)[::-1], {}, "PRB-2", ""),
}
"""Function, gradient, what is declared, the clause that breaks, and a part of its reason."""


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_breaks_its_clause(name: str) -> None:
    op, function, gradient, declared, clause, says = MUTANTS[name]
    verdict = judged(op, function, gradient, **declared)
    assert clause in broken(verdict)
    reasons = [one.reason for one in verdict.judgements if one.clause == clause and not one.expected]
    assert any(says in reason for reason in reasons), reasons


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(UsageError, match="normalized is declared of probability_cross_entropy or "):
        logitproof.check(binary, op=BCE, normalized=True)
    with pytest.raises(UsageError, match=r"clip is 0\.5; it must lie in"):
        logitproof.check(binary, op=BCE, clip=0.5)
    with pytest.raises(UsageError, match=r"log_floor is 1\.0; it must be a negative number"):
        logitproof.check(binary, op=BCE, log_floor=1.0)
    with pytest.raises(UsageError, match="reduction is not judged of binary_cross_entropy"):
        logitproof.check(binary, op=BCE, reduction="mean")
