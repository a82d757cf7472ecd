"""The formulas that SPEC.md writes down are the bounds that judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.assumptions import MUST, SHOULD, Arithmetic
from logitproof_reference.cases.catalogue import REGIMES
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F64 = NDArray[np.float64]


class Written:
    """The bounds of SPEC.md's section "Bounds" for float32 rows, with its letters."""

    def __init__(self, x: F64, arithmetic: Arithmetic) -> None:
        n = x.shape[1]
        self.u, self.top = 2.0**-24, x.max(axis=1, keepdims=True)
        self.t = self.top - x
        s = np.exp(-self.t).sum(axis=1, keepdims=True)
        self.p, self.y, self.log_s = np.exp(-self.t) / s, -self.t - np.log(s), np.log(s)
        self.ee = self.el = 8 * self.u
        h = n - 1 if arithmetic is MUST else min(n - 1, np.ceil(n / 8 + np.log2(n)))
        self.g = h * self.u / (1 - h * self.u)
        self.eta = 2.0**-126 if arithmetic is MUST else 2.0**-149
        shifted = 1 + (self.p * np.expm1(self.u * self.t)).sum(axis=1, keepdims=True)
        total = shifted * (1 + self.ee) * (1 + self.g) - 1 + n * self.eta
        self.total = total / (1 - total)
        self.is_must = arithmetic is MUST
        self.b = self.u * self.t + self.total + self.el * (self.log_s + self.total)

    def rounded(self, y: F64, error: F64) -> F64:
        """Return B + u (|y| + B) + eta."""
        return error + self.u * (np.abs(y) + error) + self.eta

    @property
    def natural(self) -> F64:
        """B2."""
        return self.rounded(self.y, self.b)

    @property
    def log_softmax(self) -> F64:
        """B2, and B9 where it is granted."""
        g, g2 = (abs(float(np.float32(c)) - c) / c for c in (np.log2(np.e), np.log(2)))
        e = self.rounded(self.y, self.b + (self.u + g) * self.t)
        return np.maximum(self.natural, e + (self.u + g2) * (np.abs(self.y) + e)) if self.is_must else self.natural

    @property
    def log_sum_exp(self) -> F64:
        """B3."""
        return self.rounded(self.top + self.log_s, self.total + self.el * (self.log_s + self.total))[:, 0]

    @property
    def softmax(self) -> F64:
        """B1, or the exp of a rounded log-softmax."""
        divided = np.exp(self.u * self.t) * (1 + self.ee) * (1 + self.total) * (1 + self.u) ** 2 - 1
        taken = np.exp(self.natural) * (1 + self.ee) - 1
        return np.maximum(self.p * divided + 2 * self.eta, self.p * taken + self.eta)


@pytest.mark.parametrize("regime", ["typical", "wide_range", "saturated", "common_offset_1e4", "classes_1000"])
@pytest.mark.parametrize("arithmetic", [MUST, SHOULD], ids=["MUST", "SHOULD"])
@pytest.mark.parametrize("op", ["softmax", "log_softmax", "log_sum_exp"])
def test_bound_is_what_the_specification_writes(op: str, arithmetic: Arithmetic, regime: str) -> None:
    logits = REGIMES[regime].build("float32", "quick").logits
    judged = bound(checked_request(op, "value", logits), FORMATS["float32"], arithmetic)
    written = getattr(Written(logits.astype(np.float64), arithmetic), op)
    assert np.allclose(judged, written, rtol=1e-4, atol=8 * 2.0**-126)
