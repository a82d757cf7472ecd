"""`check` of entropy, divergence and focal loss: correct code conforms, a mutant each breaks its clause."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import logitproof
from logitproof.errors import UsageError


def parts(z: Any) -> tuple[Any, Any]:
    x = z.astype(np.float64 if z.dtype == np.float64 else np.float32)
    shifted = x - x.max(axis=1, keepdims=True)
    logarithm = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return np.exp(logarithm), logarithm


def times(p: Any, logarithm: Any) -> Any:
    """Return the product, 0 of a class at -inf."""
    with np.errstate(invalid="ignore"):
        return np.where(p == 0, 0, p * np.where(p == 0, 0, logarithm))


def less(first: Any, second: Any) -> Any:
    """Return the difference of two logarithms, 0 where both are -inf."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isneginf(first) & np.isneginf(second), 0, first - second)


def entropy(z: Any) -> Any:
    return -times(*parts(z)).sum(axis=1).astype(z.dtype)


def entropy_gradient(z: Any, c: Any) -> Any:
    p, logarithm = parts(z)
    mean = times(p, logarithm).sum(axis=1, keepdims=True)
    return (-times(p, logarithm - mean) * np.asarray(c, p.dtype)[:, None]).astype(z.dtype)


def divergence(z: Any, target: Any) -> Any:
    (_, own), (t, other) = parts(z), parts(target)
    return times(t, less(other, own)).sum(axis=1).astype(z.dtype)


def divergence_gradient(z: Any, target: Any, c: Any) -> Any:
    (p, own), (t, other) = parts(z), parts(target)
    whole = times(t, less(other, own)).sum(axis=1, keepdims=True)
    upstream = np.asarray(c, p.dtype)[:, None]
    return ((p - t) * upstream).astype(z.dtype), (times(t, less(other, own) - whole) * upstream).astype(z.dtype)


def jensen_shannon(z: Any, target: Any) -> Any:
    (p, own), (t, other) = parts(z), parts(target)
    mixture = np.logaddexp(own, other) - np.log(p.dtype.type(2))
    both = times(p, less(own, mixture)) + times(t, less(other, mixture))
    return (both.sum(axis=1) / 2).astype(z.dtype)


def jensen_shannon_gradient(z: Any, target: Any, c: Any) -> Any:
    (p, own), (t, other) = parts(z), parts(target)
    mixture = np.logaddexp(own, other) - np.log(p.dtype.type(2))
    upstream = np.asarray(c, p.dtype)[:, None] / 2
    sides = ((p, less(own, mixture)), (t, less(other, mixture)))
    return tuple(
        (q * (above - (q * above).sum(axis=1, keepdims=True)) * upstream).astype(z.dtype) for q, above in sides
    )


def focal(z: Any, labels: Any, *, gamma: int = 2) -> Any:
    p, logarithm = parts(z)
    at = np.arange(len(z)), labels
    return ((1 - p[at]) ** gamma * -logarithm[at]).astype(z.dtype)


def squared_focal(z: Any, labels: Any) -> Any:
    return focal(z, labels, gamma=2)


def focal_gradient(z: Any, labels: Any, c: Any, *, gamma: int = 2) -> Any:
    p, logarithm = parts(z)
    at = np.arange(len(z)), labels
    own, loss = p[at], -logarithm[at]
    slope = (1 - own) ** gamma + gamma * (1 - own) ** (gamma - 1) * own * loss
    p[at] -= 1
    return (p * (slope * np.asarray(c, p.dtype))[:, None]).astype(z.dtype)


def log_sigmoid(x: Any) -> Any:
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


def wide(z: Any) -> Any:
    return z.astype(np.float64 if z.dtype == np.float64 else np.float32)


def bernoulli_entropy(z: Any) -> Any:
    x = wide(z)
    return -(np.exp(log_sigmoid(x)) * log_sigmoid(x) + np.exp(log_sigmoid(-x)) * log_sigmoid(-x)).astype(z.dtype)


def bernoulli_entropy_at_once(z: Any) -> Any:
    x = wide(z)
    return (-log_sigmoid(-x) - x * np.exp(log_sigmoid(x))).astype(z.dtype)


def bernoulli_entropy_gradient(z: Any, c: Any) -> Any:
    x = wide(z)
    return (-x * np.exp(log_sigmoid(x) + log_sigmoid(-x)) * wide(c)).astype(z.dtype)


def bernoulli_divergence(z: Any, target: Any) -> Any:
    x, t = wide(z), wide(target)
    first = np.exp(log_sigmoid(t)) * (log_sigmoid(t) - log_sigmoid(x))
    return (first + np.exp(log_sigmoid(-t)) * (log_sigmoid(-t) - log_sigmoid(-x))).astype(z.dtype)


def bernoulli_divergence_gradient(z: Any, target: Any, c: Any) -> Any:
    x, t, up = wide(z), wide(target), wide(c)
    by_target = (t - x) * np.exp(log_sigmoid(t) + log_sigmoid(-t))
    return ((np.exp(log_sigmoid(x)) - np.exp(log_sigmoid(t))) * up).astype(z.dtype), (by_target * up).astype(z.dtype)


def relaxed_bernoulli(z: Any, sample: Any, *, temperature: float = 1.0) -> Any:
    d = wide(z) - wide(sample) * wide(z).dtype.type(temperature)
    return (np.log(d.dtype.type(temperature)) + log_sigmoid(d) + log_sigmoid(-d)).astype(z.dtype)


def relaxed_bernoulli_as_logistic(z: Any, sample: Any, *, temperature: float = 1.0) -> Any:
    x, s, scale = wide(z), wide(sample), wide(z).dtype.type(temperature)
    d = (s - x / scale) * scale
    return (np.log(scale) - d - 2 * np.logaddexp(np.zeros_like(d), -d)).astype(z.dtype)


def relaxed_bernoulli_gradient(z: Any, sample: Any, c: Any, *, temperature: float = 1.0) -> Any:
    d = wide(z) - wide(sample) * wide(z).dtype.type(temperature)
    slope = (np.exp(log_sigmoid(-d)) - np.exp(log_sigmoid(d))) * wide(c)
    return slope.astype(z.dtype), (slope * -d.dtype.type(temperature)).astype(z.dtype)


def relaxed_categorical(z: Any, sample: Any, *, temperature: float = 1.0) -> Any:
    n, factor = z.shape[1], wide(z).dtype.type(temperature)
    _, logarithm = parts(wide(z) - wide(sample) * factor)
    constant = math.lgamma(n) + (n - 1) * math.log(temperature)
    return (logarithm.sum(axis=1) + factor.dtype.type(constant)).astype(z.dtype)


def relaxed_categorical_gradient(z: Any, sample: Any, c: Any, *, temperature: float = 1.0) -> Any:
    factor = wide(z).dtype.type(temperature)
    p, _ = parts(wide(z) - wide(sample) * factor)
    slope = (1 - z.shape[1] * p) * wide(c)[:, None]
    return slope.astype(z.dtype), (slope * -factor).astype(z.dtype)


DISTRIBUTIONS: dict[str, tuple[str, Any, Any, dict[str, Any]]] = {
    "Bernoulli entropy": ("bernoulli_entropy", bernoulli_entropy, bernoulli_entropy_gradient, {}),
    "at once": ("bernoulli_entropy", bernoulli_entropy_at_once, bernoulli_entropy_gradient, {}),
    "Bernoulli divergence": (
        "bernoulli_kl_divergence",
        bernoulli_divergence,
        bernoulli_divergence_gradient,
        {},
    ),
    "relaxed Bernoulli": (
        "relaxed_bernoulli",
        relaxed_bernoulli,
        relaxed_bernoulli_gradient,
        {"temperature": 0.5},
    ),
    "logistic": (
        "relaxed_bernoulli",
        relaxed_bernoulli_as_logistic,
        relaxed_bernoulli_gradient,
        {"temperature": 0.3},
    ),
    "relaxed categorical": ("relaxed_categorical", relaxed_categorical, relaxed_categorical_gradient, {}),
    "cold": ("relaxed_categorical", relaxed_categorical, relaxed_categorical_gradient, {"temperature": 0.1}),
}


@pytest.mark.parametrize("format_", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_correct_distributions_conform(name: str, format_: str) -> None:
    op, function, gradient, declared = DISTRIBUTIONS[name]
    assert broken(op, function, gradient, format=format_, widest=300, **declared) == set()


def without_the_temperature(z: Any, sample: Any, *, temperature: float = 1.0) -> Any:
    return relaxed_categorical(z, sample, temperature=temperature) - (z.shape[1] - 1) * np.float32(np.log(temperature))


@pytest.mark.parametrize(
    ("name", "function", "gradient", "clause"),
    [
        ("Bernoulli entropy", lambda z: bernoulli_entropy(z) / np.float32(np.log(2)), None, "KIN-1"),
        ("Bernoulli entropy", bernoulli_entropy, lambda z, c: -z * np.exp(log_sigmoid(z)) * c, "KIN-2"),
        ("Bernoulli divergence", lambda z, t: bernoulli_divergence(t, z), None, "KIN-1"),
        ("relaxed Bernoulli", lambda z, s: relaxed_bernoulli(z, s, temperature=1.0), None, "KIN-1"),
        (
            "relaxed Bernoulli",
            relaxed_bernoulli,
            lambda z, s, c: relaxed_bernoulli_gradient(z, 0 * s, c, temperature=0.5),
            "KIN-2",
        ),
        ("cold", without_the_temperature, None, "KIN-1"),
        ("cold", relaxed_categorical, lambda z, s, c: relaxed_categorical_gradient(z, s, c, temperature=1.0), "KIN-2"),
    ],
    ids=["base 2", "1 - p forgotten", "swapped", "temperature dropped", "sample dropped", "log T dropped", "T dropped"],
)
def test_a_mutant_of_a_distribution_breaks_its_clause(name: str, function: Any, gradient: Any, clause: str) -> None:
    op, _, _, declared = DISTRIBUTIONS[name]
    assert clause in broken(op, function, gradient, widest=300, **declared)


def nan_of_a_masked_class(z: Any) -> Any:
    with np.errstate(invalid="ignore"):
        p, logarithm = parts(z)
        return -(p * logarithm).sum(axis=1)


def test_a_class_at_minus_infinity_counts_nothing() -> None:
    assert broken("entropy", nan_of_a_masked_class, None) == {"KIN-4"}


CORRECT = {
    "entropy": (entropy, entropy_gradient),
    "kl_divergence": (divergence, divergence_gradient),
    "js_divergence": (jensen_shannon, jensen_shannon_gradient),
    "focal_cross_entropy": (focal, focal_gradient),
}


def broken(op: str, function: Any, gradient: Any, **more: Any) -> set[str]:
    verdict = logitproof.check(function, op=op, gradient=gradient, **{"format": "float32", "widest": 1003, **more})
    return {found.clause for found in verdict.judgements if found.verdict in {"deviates", "crashed"}}


@pytest.mark.parametrize("format_", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("op", CORRECT)
def test_correct_code_conforms(op: str, format_: str) -> None:
    assert broken(op, *CORRECT[op], format=format_) == set()


def test_another_gamma_is_declared() -> None:
    assert broken("focal_cross_entropy", *CORRECT["focal_cross_entropy"], gamma=3) == set()
    assert broken("focal_cross_entropy", squared_focal, focal_gradient, gamma=3) == {"KIN-1", "KIN-4"}


def entropy_of_raw_logits(z: Any) -> Any:
    """Take the mean logit off log-sum-exp."""
    p, _ = parts(z)
    top = z.max(axis=1)
    return np.log(np.exp(z - top[:, None]).sum(axis=1)) + top - (p * z).sum(axis=1)


@pytest.mark.parametrize(
    ("op", "function", "gradient", "clause"),
    [
        ("entropy", entropy_of_raw_logits, entropy_gradient, "KIN-1"),
        ("entropy", entropy, lambda z, c: -parts(z)[0] * parts(z)[1] * c[:, None], "KIN-2"),
        ("kl_divergence", lambda z, t: divergence(t, z), divergence_gradient, "KIN-1"),
        ("kl_divergence", divergence, lambda z, t, c: divergence_gradient(z, t, np.ones_like(c)), "KIN-2"),
        ("js_divergence", lambda z, t: 2 * jensen_shannon(z, t), jensen_shannon_gradient, "KIN-1"),
        ("js_divergence", jensen_shannon, lambda z, t, c: jensen_shannon_gradient(z, t, c)[::-1], "KIN-2"),
        ("focal_cross_entropy", lambda z, y: focal(z, y, gamma=1), focal_gradient, "KIN-1"),
        ("focal_cross_entropy", focal, lambda z, y, c: focal_gradient(z, y, c, gamma=1), "KIN-2"),
    ],
    ids=[
        "raw logits",
        "mean forgotten",
        "sides swapped",
        "upstream dropped",
        "half forgotten",
        "gradients swapped",
        "gamma 1",
        "gamma 1 in the gradient",
    ],
)
def test_a_mutant_breaks_its_clause(op: str, function: Any, gradient: Any, clause: str) -> None:
    assert clause in broken(op, function, gradient)


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(UsageError, match="reduction is not judged of entropy"):
        logitproof.check(entropy, op="entropy", reduction="mean")
    with pytest.raises(UsageError, match="gamma is declared of focal_cross_entropy, not of entropy"):
        logitproof.check(entropy, op="entropy", gamma=3)
    with pytest.raises(UsageError, match="gamma is 0"):
        logitproof.check(focal, op="focal_cross_entropy", gamma=0)
    verdict = logitproof.check(lambda z: z.sum(), op="entropy", format="float32", widest=2)
    assert "the result has shape ()" in verdict.details()
