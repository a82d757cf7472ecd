"""Bounds of cross-entropy: B2 at the label of a class index, B4 with distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds.error_model import BoundedValue, Rounding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import F64


def cross_entropy_at(logarithm: BoundedValue, indices: NDArray[np.integer]) -> BoundedValue:
    """B2 at the label: the loss -y_k is log-softmax with its sign turned, and its error.

    As log-sum-exp minus x_k it would hold u |y|, which grows with a common offset of the logits: an
    accuracy class to report, not to grant here. An index outside [0, n) gives NaN. Shape (rows, 1).
    """
    n = logarithm.value.shape[-1]
    inside = ((indices >= 0) & (indices < n))[:, None]
    at = np.clip(indices, 0, max(n - 1, 0))[:, None]
    value = -np.take_along_axis(logarithm.value, at, axis=-1)
    error = np.take_along_axis(np.broadcast_to(logarithm.error, logarithm.value.shape), at, axis=-1)
    return BoundedValue(np.where(inside, value, np.nan), np.where(inside, error, np.nan))


def cross_entropy_over(logarithm: BoundedValue, distributions: F64, rounding: Rounding) -> BoundedValue:
    """B4: |dL| <= sum q_j |dy_j| + g_n sum q_j (|y_j| + |dy_j|) + n eta.

    L = -sum q_j y_j, each product rounded once (u, and eta where it underflows), then summed with g_h:
    together g_{h+1} <= g_n. A class with q_j = 0 adds nothing, even where y_j is -inf. Label smoothing
    is q = (1 - a) onehot + a / n. Labels need not sum to one. Shape (rows, 1).
    """
    return -rounding.dot(BoundedValue.exact(distributions), logarithm)
