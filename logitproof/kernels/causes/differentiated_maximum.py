"""A maximum that is differentiated with its logits: the rounding of a sum of shares is left at the largest logit.

With t_j = x_j - m, m = max x, reverse mode sends c_j - p_j sum c to each t_j and, where m is no constant, the negative
sum of these to the largest logit: 0 in exact arithmetic, since the answer does not depend on m. In floating point the
shares are off by g_h (the sum that divides them) and 3u (exp's error cancels in their sum; a quotient, a product, a
difference), and their sum is off by g_h of sum abs(c_j - p_j sum c), at most twice C = sum abs(c), h <= n - 1. Up to

    C ((1 + g_h)^3 (1 + u)^3 - 1)

is left there. No bound grants it: the bound of the largest logit's gradient is relative to its share p, which may be
1/n, while the rest is relative to 1. JAX stops this gradient (jax.nn.softmax, jax.nn.logsumexp: lax.stop_gradient), as
the rule for the derivative of log-sum-exp needs no maximum at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds.assumptions import growth

if TYPE_CHECKING:
    from logitproof.kernels.causes.symptoms import Symptoms

OPS = ("softmax", "log_softmax", "log_sum_exp", "softmax_cross_entropy")


def is_rest_of_the_maximum(s: Symptoms) -> bool:
    """Return whether a gradient is wrong at the largest logits alone, by no more than a differentiated maximum leaves.

    Sums in half precision are taken to run in float32.
    """
    if s.op not in OPS or s.quantity != "grad_logits" or s.c is None or s.is_reduced or not s.bad.any():
        return False
    unit = s.unit.unit_roundoff
    summed = growth(max(s.n - 1, 1), min(unit, 2.0**-24))
    size = np.abs(s.c).reshape(len(s.x), -1).sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", over="ignore"):
        left = size * ((1.0 + summed) ** 3 * (1.0 + unit) ** 3 - 1.0) + 4.0 * unit * np.abs(s.exact)
        is_small = np.abs(s.observed - s.exact) <= left
        is_largest = s.x == s.x.max(axis=1, keepdims=True)
    return bool((is_small & is_largest)[s.bad].all())
