"""The reference: the exact softmax family, its bounds, its regimes and the comparison."""

from __future__ import annotations

from .numerics.enclosure import Enclosure
from .oracle.api import (
    grad_labels,
    grad_logits,
    hvp,
    jvp,
    log_softmax,
    log_sum_exp,
    sigmoid_cross_entropy,
    softmax,
    softmax_cross_entropy,
)
from .oracle.softmax_rows import ExactRows

__all__ = [
    "Enclosure",
    "ExactRows",
    "grad_labels",
    "grad_logits",
    "hvp",
    "jvp",
    "log_softmax",
    "log_sum_exp",
    "sigmoid_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
]
