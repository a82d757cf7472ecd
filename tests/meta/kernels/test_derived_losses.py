"""`check` of entropy, divergence and focal loss: correct code conforms, a mutant each breaks its clause."""

from __future__ import annotations

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


def entropy(z: Any) -> Any:
    p, logarithm = parts(z)
    return -(p * logarithm).sum(axis=1).astype(z.dtype)


def entropy_gradient(z: Any, c: Any) -> Any:
    p, logarithm = parts(z)
    mean = (p * logarithm).sum(axis=1, keepdims=True)
    return (-p * (logarithm - mean) * np.asarray(c, p.dtype)[:, None]).astype(z.dtype)


def divergence(z: Any, target: Any) -> Any:
    (_, own), (t, other) = parts(z), parts(target)
    return (t * (other - own)).sum(axis=1).astype(z.dtype)


def divergence_gradient(z: Any, target: Any, c: Any) -> Any:
    (p, own), (t, other) = parts(z), parts(target)
    whole = (t * (other - own)).sum(axis=1, keepdims=True)
    upstream = np.asarray(c, p.dtype)[:, None]
    return ((p - t) * upstream).astype(z.dtype), (t * (other - own - whole) * upstream).astype(z.dtype)


def jensen_shannon(z: Any, target: Any) -> Any:
    (p, own), (t, other) = parts(z), parts(target)
    mixture = np.logaddexp(own, other) - np.log(p.dtype.type(2))
    return ((p * (own - mixture) + t * (other - mixture)).sum(axis=1) / 2).astype(z.dtype)


def jensen_shannon_gradient(z: Any, target: Any, c: Any) -> Any:
    (p, own), (t, other) = parts(z), parts(target)
    mixture = np.logaddexp(own, other) - np.log(p.dtype.type(2))
    upstream = np.asarray(c, p.dtype)[:, None] / 2
    sides = ((p, own - mixture), (t, other - mixture))
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


CORRECT = {
    "entropy": (entropy, entropy_gradient),
    "kl_divergence": (divergence, divergence_gradient),
    "js_divergence": (jensen_shannon, jensen_shannon_gradient),
    "focal_cross_entropy": (focal, focal_gradient),
}


def broken(op: str, function: Any, gradient: Any, **more: Any) -> set[str]:
    verdict = logitproof.check(function, op=op, gradient=gradient, widest=1003, **{"format": "float32", **more})
    return {found.clause for found in verdict.judgements if found.verdict in {"deviates", "crashed"}}


@pytest.mark.parametrize("format_", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("op", CORRECT)
def test_correct_code_conforms(op: str, format_: str) -> None:
    assert broken(op, *CORRECT[op], format=format_) == set()


def test_another_gamma_is_declared() -> None:
    assert broken("focal_cross_entropy", *CORRECT["focal_cross_entropy"], gamma=3) == set()
    assert broken("focal_cross_entropy", squared_focal, focal_gradient, gamma=3) == {"KIN-1"}


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
