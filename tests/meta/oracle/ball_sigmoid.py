"""The truth of the sigmoid loss by ball arithmetic, each logit by itself: definitions written again, with scales."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import flint
import numpy as np
from flint import arb

from meta.oracle.ball_truth import precision

if TYPE_CHECKING:
    from collections.abc import Callable

    from meta.oracle.ball_truth import Balls, Case


class Element:
    """One logit: the logarithms and the sigmoids on both sides, its label, its weights and its factors."""

    def __init__(self, case: Case, j: int) -> None:
        x, one = float(case.x[j]), arb(1)
        self.y, self.other = arb(float(case.labels[j])), 1 - arb(float(case.labels[j]))
        self.w, self.positive = (arb(float(case.options[name][j])) if name in case.options else one for name in WEIGHTS)
        self.g = case.cotangents[j if np.ndim(case.cotangent) else 0] if case.cotangent is not None else one
        self.v = arb(float(case.tangent[j])) if case.tangent is not None else one
        e = (-arb(abs(x))).exp() if math.isfinite(x) else arb(0)
        size = arb(abs(x)) if math.isfinite(x) else arb("inf")
        near, far = (1 + e).log(), size + (1 + e).log()
        self.plus, self.minus = (far, near) if x >= 0 else (near, far)
        self.s, self.s_minus = (1 / (1 + e), e / (1 + e)) if x >= 0 else (e / (1 + e), 1 / (1 + e))


WEIGHTS = ("weight", "pos_weight")


def _terms(factor: Any, first: tuple[Any, Any], second: tuple[Any, Any]) -> tuple[Any, Any]:
    """Return factor (a b + c d) and its scale, 0 times an infinity being 0."""
    a, b = (x * y if x != 0 else arb(0) for x, y in (first, second))
    return factor * (a + b), abs(factor) * (abs(a) + abs(b))


DEFINITIONS: dict[str, Callable[[Element], tuple[Any, Any]]] = {
    "value": lambda at: _terms(at.w, (at.positive * at.y, at.minus), (at.other, at.plus)),
    "grad_logits": lambda at: _terms(at.w * at.g, (at.other, at.s), (-at.positive * at.y, at.s_minus)),
    "grad_labels": lambda at: _terms(at.w * at.g, (at.positive, at.minus), (arb(-1), at.plus)),
    "jvp": lambda at: _terms(at.w * at.v, (at.other, at.s), (-at.positive * at.y, at.s_minus)),
    "hvp": lambda at: _terms(at.w * at.g * at.v * at.s * at.s_minus, (at.positive, at.y), (at.other, arb(1))),
}


def truth(quantity: str, case: Case) -> tuple[Balls, Balls]:
    """Return the answers of a row and their scales, a list of balls each; arrays of the case are one number a logit."""
    flint.ctx.prec = precision(np.append(case.x, 0.0))
    found = [DEFINITIONS[quantity](Element(case, j)) for j in range(len(case.x))]
    return [answer for answer, _ in found], [scale for _, scale in found]
