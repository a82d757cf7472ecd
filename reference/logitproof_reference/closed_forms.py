"""Values and derivatives of the softmax family in closed form, on a `Core`.

Every form is arranged so that only independent quantities are ever subtracted: 1 - p is a sum of the others, and a
vector is taken relative to its entry at the largest logit. The result of each function is a `Ball` with the class axis first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .ball import Ball, choose, exact_product

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .core import Core
    from .double_double import F64


def softmax(core: Core) -> Ball:
    """p_j."""
    return core.softmax


def log_softmax(core: Core) -> Ball:
    """-(t_j + log S)."""
    return -(core.t + core.log_sum)


def log_sum_exp(core: Core) -> Ball:
    """M + log S; cancels where the two are close to opposite."""
    return core.log_sum + core.largest


def cross_entropy_of_indices(core: Core, labels: NDArray[np.int64]) -> Ball:
    """t_k + log S."""
    return core.t.take(core.at(labels)) + core.log_sum


def cross_entropy_of_distributions(core: Core, q: F64) -> Ball:
    """Sum of q_j (t_j + log S), as sum of q_j t_j and (sum of q_j) log S."""
    mantissa, exponent = core.log_total
    return (core.t * q).sum() + (Ball(q).sum() * mantissa).scaled(exponent)


def scaled_softmax(core: Core, g: F64) -> Ball:
    """G p_j: the gradient of log_sum_exp."""
    return (core.probabilities * g).scaled(core.scale).put(core.top, core.top_probability * g)


def grad_of_indices(core: Core, labels: NDArray[np.int64], g: F64) -> Ball:
    """G (p_j - [j = k]), at the label as -g (1 - p_k)."""
    top_classes, _ = core.top
    at_top = labels == top_classes
    complement = core.complement.take(core.at(labels)) * -g
    at_label = choose(at_top, (core.top_complement * -g).scaled(core.exponent), complement)
    return scaled_softmax(core, g).put(core.at(labels), at_label)


def log_softmax_vjp(core: Core, c: Ball) -> Ball:
    """c_j - p_j sum(c), as c_j (1 - p_j) - p_j (sum of the other c)."""
    top = c.take(core.top)
    top_others = core.others(c).sum()
    total = top_others + top
    pulled = (core.probabilities * (total - c)).scaled(core.scale)
    at_top = (core.top_complement * top).scaled(core.exponent) - core.top_probability * top_others
    return (core.complement * c - pulled).put(core.top, at_top)


def softmax_vjp(core: Core, c: Ball) -> Ball:
    """p_j (c_j - sum of c_i p_i), c taken relative to its entry at the largest logit."""
    relative = core.others(c - c.take(core.top))
    mean = (core.probabilities * relative).sum()
    at_top = (core.top_probability * -mean).scaled(core.scale)
    return (core.probabilities * (relative - mean.scaled(core.scale))).scaled(core.scale).put(core.top, at_top)


def grad_of_distributions(core: Core, q: F64, g: F64) -> Ball:
    """G (p_j sum(q) - q_j)."""
    return log_softmax_vjp(core, -exact_product(q, g))


def grad_labels(core: Core, g: F64) -> Ball:
    """G (t_j + log S)."""
    mantissa, exponent = core.log_total
    return ((core.t + core.log_sum) * g).put(core.top, (mantissa * g).scaled(exponent))
