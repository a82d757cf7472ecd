"""Bounds of sigmoid cross-entropy hold for the four ways to write it, and are nearly reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.assumptions import MUST, Arithmetic
from logitproof_reference.cases import hashed_numbers as bit_generator
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import TAKES_COTANGENT, TAKES_TANGENT
from meta.bounds.emulated_arithmetic import Emulation, cotangents

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    F64 = NDArray[np.float64]
    Way = Callable[[Emulation, "Case"], F64]

NAMES = ["float16", "bfloat16", "float32"]
CORRECT = Arithmetic(exp_ulps=0.5, log_ulps=0.5, flush_to_zero=False)
LOOSE = Arithmetic(exp_ulps=4.0, log_ulps=4.0, flush_to_zero=False)
SHAPE = (400, 5)
QUANTITIES = ("value", "grad_logits", "grad_labels", "jvp", "hvp")


class Case:
    """Logits of three sizes, labels of {0, 1} and between, and weights if asked."""

    def __init__(self, name: str, *, weighted: bool) -> None:
        a = Emulation(FORMATS[name])
        scale = np.array([0.1, 1.0, 8.0, 40.0, 80.0])
        self.x = a.fl((2.0 * bit_generator.uniforms("sigmoid", SHAPE) - 1.0) * scale)
        soft = bit_generator.uniforms("sigmoid labels", SHAPE)
        self.z = a.fl(np.where(soft < 0.3, 0.0, np.where(soft > 0.7, 1.0, soft)))
        self.g, self.v = (cotangents((SHAPE[0], width))[:, -SHAPE[1] :] for width in (5, 6))
        ones = np.ones(SHAPE)
        self.w = a.fl(0.5 + bit_generator.uniforms("sigmoid weight", SHAPE)) if weighted else ones
        self.P = a.fl(0.25 + 3.0 * bit_generator.uniforms("sigmoid positive", SHAPE)) if weighted else ones

    def truth(self, quantity: str) -> F64:
        """Return the answer in float64: no cancellation in the loss and the slopes."""
        x, z, P = self.x, self.z, self.P
        up, down = np.logaddexp(0.0, x), np.logaddexp(0.0, -x)
        s, t = np.exp(-down), np.exp(-up)
        slope = (1.0 - z) * s - z * P * t
        answers = {
            "value": z * P * down + (1.0 - z) * up,
            "grad_logits": slope * self.g,
            "grad_labels": np.where(P == 1.0, -x, P * down - up) * self.g,
            "jvp": slope * self.v,
            "hvp": (1.0 + (P - 1.0) * z) * s * t * self.g * self.v,
        }
        return np.asarray(self.w * answers[quantity], dtype=np.float64)


def softplus(a: Emulation, x: F64) -> F64:
    tail = a.exp(-np.abs(x))
    exact = np.log1p(tail)
    return a.fl(np.maximum(x, 0.0) + a.fl(exact * (1.0 + a.log_ulps * a.format.unit_roundoff)))


def sigmoid(a: Emulation, x: F64) -> F64:
    with np.errstate(over="ignore"):
        return a.fl(1.0 / a.fl(1.0 + a.exp(-x)))


def _tensorflow_loss(a: Emulation, case: Case) -> F64:
    relu = a.fl(np.maximum(case.x, 0.0) - a.fl(case.x * case.z))
    return a.fl(relu + a.fl(np.log1p(a.exp(-np.abs(case.x)))))


def _torch_loss(a: Emulation, case: Case) -> F64:
    log_weight = a.fl(1.0 + a.fl(a.fl(case.P - 1.0) * case.z))
    loss = a.fl(a.fl(a.fl(1.0 - case.z) * case.x) + a.fl(log_weight * softplus(a, -case.x)))
    return a.fl(loss * case.w)


def _jax_loss(a: Emulation, case: Case) -> F64:
    positive = a.fl(a.fl(case.P * case.z) * softplus(a, -case.x))
    return a.fl(a.fl(positive + a.fl(a.fl(1.0 - case.z) * softplus(a, case.x))) * case.w)


def _mirrored_loss(a: Emulation, case: Case) -> F64:
    log_weight = a.fl(1.0 + a.fl(a.fl(case.P - 1.0) * case.z))
    loss = a.fl(a.fl(log_weight * softplus(a, case.x)) - a.fl(a.fl(case.P * case.z) * case.x))
    return a.fl(loss * case.w)


def _torch_slope(a: Emulation, case: Case) -> F64:
    positive = a.fl(case.P * case.z)
    total = a.fl(a.fl(positive + 1.0) - case.z)
    return a.fl(a.fl(a.fl(total * sigmoid(a, case.x)) - positive) * case.w)


def _jax_slope(a: Emulation, case: Case) -> F64:
    up = a.exp(a.fl(case.x - softplus(a, case.x)))
    down = a.exp(a.fl(-case.x - softplus(a, -case.x)))
    first = a.fl(a.fl(1.0 - case.z) * up)
    return a.fl(a.fl(first - a.fl(a.fl(case.P * case.z) * down)) * case.w)


def _label_slope(a: Emulation, case: Case) -> F64:
    return a.fl(a.fl(a.fl(case.P * softplus(a, -case.x)) - softplus(a, case.x)) * case.w)


def _curvature(a: Emulation, case: Case) -> F64:
    s = sigmoid(a, case.x)
    weight = a.fl(1.0 + a.fl(a.fl(case.P - 1.0) * case.z))
    return a.fl(a.fl(weight * a.fl(s * a.fl(1.0 - s))) * case.w)


def _curvature_apart(a: Emulation, case: Case) -> F64:
    up, down = sigmoid(a, case.x), sigmoid(a, -case.x)
    positive = a.fl(a.fl(case.P * case.z) * a.fl(down * a.fl(1.0 - down)))
    negative = a.fl(a.fl(1.0 - case.z) * a.fl(up * a.fl(1.0 - up)))
    return a.fl(a.fl(positive + negative) * case.w)


WAYS: dict[str, dict[str, Way]] = {
    "value": {"PyTorch": _torch_loss, "JAX": _jax_loss, "softplus less logit": _mirrored_loss},
    "grad_logits": {
        "PyTorch": lambda a, case: a.fl(_torch_slope(a, case) * case.g),
        "JAX": lambda a, case: a.fl(_jax_slope(a, case) * case.g),
    },
    "grad_labels": {"JAX": lambda a, case: a.fl(_label_slope(a, case) * case.g)},
    "jvp": {"PyTorch": lambda a, case: a.fl(_torch_slope(a, case) * case.v)},
    "hvp": {
        "PyTorch": lambda a, case: a.fl(a.fl(_curvature(a, case) * case.g) * case.v),
        "JAX": lambda a, case: a.fl(a.fl(_curvature_apart(a, case) * case.g) * case.v),
    },
}


def usage(answer: F64, quantity: str, case: Case, name: str, arithmetic: Arithmetic) -> float:
    taken = {
        "cotangent": case.g if quantity in TAKES_COTANGENT else None,
        "tangent": case.v if quantity in TAKES_TANGENT else None,
    }
    request = checked_request(
        "sigmoid_cross_entropy", quantity, case.x, case.z, weight=case.w, pos_weight=case.P, **taken
    )
    granted = bound(request, FORMATS[name], arithmetic)
    error = np.abs(answer - case.truth(quantity))
    return float(np.divide(error, granted, out=np.zeros_like(error), where=error > 0.0).max())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_every_way_keeps_the_bound_and_uses_much_of_it(quantity: str, name: str, weighted: bool) -> None:  # noqa: FBT001 - a parametrised claim
    case = Case(name, weighted=weighted)
    ways = dict(WAYS[quantity])
    if quantity == "value" and not weighted:
        ways["TensorFlow"] = _tensorflow_loss
    used = {
        f"{way}, {ulps}": usage(evaluate(Emulation(FORMATS[name], ulps, ulps), case), quantity, case, name, declared)
        for way, evaluate in ways.items()
        for ulps, declared in [(0.0, CORRECT), (3.5, LOOSE), (-3.5, LOOSE)]
    }
    assert max(used.values()) <= 1.0, used
    assert max(used.values()) >= 0.2


def test_log_of_a_sigmoid_exceeds_the_bound() -> None:
    case, a = Case("float32", weighted=False), Emulation(FORMATS["float32"])
    s = np.clip(sigmoid(a, case.x), 1e-7, 1.0 - 1e-7)
    loss = -a.fl(case.z * np.log(s) + (1.0 - case.z) * np.log1p(-s))
    assert usage(loss, "value", case, "float32", MUST) > 100.0


def test_infinite_logits_have_the_bound_of_their_limit() -> None:
    logits = np.array([[np.inf, -np.inf, np.inf, -np.inf, np.nan]])
    labels = np.array([[1.0, 0.0, 0.0, 1.0, 1.0]])
    for quantity in ("value", "grad_logits"):
        request = checked_request("sigmoid_cross_entropy", quantity, logits, labels)
        found = bound(request, FORMATS["float32"], MUST)
        assert np.isfinite(found[0, :2]).all()
        assert np.isfinite(found[0, 2:4]).all() == (quantity == "grad_logits")
        assert np.isnan(found[0, 4])
