"""Values and derivatives of the softmax family in closed form, on a `Core`.

Every form is arranged so that only independent quantities are ever subtracted: 1 - p is a sum of the others, and a
tangent is taken relative to its median under p. Results are balls with the class axis first.

Notation: p the softmax, t_j = m - x_j and S as in `softmax_core`, q the labels, c or g the cotangent, v the
tangent, mean(v) = sum_i p_i v_i.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from logitproof_reference.numerics import exp_log as elementary
from logitproof_reference.numerics.ball import Ball, choose
from logitproof_reference.vocabulary.ops import formulas_of

from .loss_options import as_ball, inverse
from .softmax_core import RAISED

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .loss_options import LossOptions
    from .request import Request
    from .softmax_core import Core


class Terms(NamedTuple):
    """The arguments of a closed form besides the core; None if not taken.

    Attributes
    ----------
    indices : int64 array, shape (rows,)
    q : Ball, shape (classes, rows)
        Labels, weighted and smoothed.
    g : Ball, shape (rows,) or (classes, rows)
        Cotangent, times the weight of the row where labels are indices; for a value, that weight alone.
    v : Ball, shape (classes, rows)
    total : Ball, shape (rows,)
        Stands for sum(q) in the gradient, where a dialect says so.
    clip : float
    """

    indices: NDArray[np.int64] = None  # type: ignore[assignment]  # the table gives each form what it takes
    q: Ball = None  # type: ignore[assignment]  # as above
    g: Ball = None  # type: ignore[assignment]  # as above
    v: Ball = None  # type: ignore[assignment]  # as above
    total: Ball | None = None
    clip: float | None = None


def terms_of(request: Request) -> Terms:
    """Return what the closed form of a request takes, class axis first."""
    options, classes = request.options, request.logits.shape[1]
    given = {"g": request.cotangent, "v": request.tangent}
    turned: dict[str, Any] = {
        name: Ball(np.ascontiguousarray(array.T)) for name, array in given.items() if array is not None
    }
    terms = Terms(clip=options.clip_probabilities)._replace(**turned)
    if request.labels is None:
        return terms
    if request.cotangent is not None and request.divisor is not None:
        terms = terms._replace(g=terms.g * as_ball(inverse(request.divisor)))
    if request.quantity == "grad_labels":
        return terms._replace(g=options.label_slopes(classes) * terms.g)
    if request.by_indices:
        return _indexed(terms, request.labels, options)
    return _distributed(terms, request.labels, classes, options)


def _indexed(terms: Terms, labels: NDArray[np.int64], options: LossOptions) -> Terms:
    weights = options.index_weights(labels)
    g = terms.g if weights is None else Ball(weights) if terms.g is None else terms.g * weights
    return terms._replace(indices=np.where(options.kept(labels), labels, 0), g=g)


def _distributed(terms: Terms, labels: NDArray[Any], classes: int, options: LossOptions) -> Terms:
    tensorflow = options.unnormalized_gradient == "tensorflow"
    total = Ball(options.kept(labels).astype(np.float64)) if tensorflow else None
    return terms._replace(q=options.distributions(labels, classes), total=total)


class Deviations(NamedTuple):
    """v_j - mean(v): of all but the largest logit (0 there), and at the largest less the exponent `Core.scale`."""

    others: Ball
    top: Ball


def deviations(core: Core, v: Ball) -> Deviations:
    """Return v_j - mean(v), v taken relative to its median z under p.

    With r = v - z it is r_j - p_top r_top - sum of the other p_i r_i; and r_top (1 - p_top) - that sum at the top.
    """
    relative = v - _anchor(core, v)
    top = relative.take(core.top)
    others = core.others(relative)
    pulled = (core.probabilities * others).sum()
    mean = core.top_probability * top + pulled.scaled(core.scale)
    return Deviations(core.others(others - mean), core.top_complement.scaled(RAISED) * top - pulled)


def _anchor(core: Core, v: Ball) -> Ball:
    """Return the median of v under p, row by row: no other value is nearer to v in the mean, so it cancels least.

    With it |v_j - z| + mean(|v - z|) is at most 3 sum_i p_i |v_j - v_i|, the size of the independent terms.
    """
    order = np.argsort(v.hi, axis=0, kind="stable")
    below = np.cumsum(np.take_along_axis(core.softmax.hi, order, axis=0), axis=0) < 0.5
    middle = np.minimum(below.sum(axis=0), len(order) - 1)
    return v.take(core.at(np.take_along_axis(order, middle[None, :], axis=0)[0]))


def _weighted(core: Core, factors: Deviations, g: Ball | None = None) -> Ball:
    """Return g p_j factor_j."""
    others, top = core.probabilities * factors.others, core.top_probability * factors.top
    if g is not None:
        others, top = others * g, top * g
    return others.scaled(core.scale).put(core.top, top.scaled(core.scale))


def _everywhere(core: Core, factors: Deviations) -> Ball:
    return factors.others.put(core.top, factors.top.scaled(core.scale))


def softmax(core: Core, _: Terms) -> Ball:
    """p_j."""
    return core.softmax


def softmax_vjp(core: Core, terms: Terms) -> Ball:
    """p_j (c_j - mean(c))."""
    return _weighted(core, deviations(core, terms.g))


def softmax_jvp(core: Core, terms: Terms) -> Ball:
    """p_j (v_j - mean(v))."""
    return _weighted(core, deviations(core, terms.v))


def log_softmax(core: Core, _: Terms) -> Ball:
    """-(t_j + log S)."""
    return -surprise(core)


def surprise(core: Core) -> Ball:
    """-log p_j = t_j + log S."""
    return core.t + core.log_sum


def log_sum_exp(core: Core, _: Terms) -> Ball:
    """M + log S; cancels where the two are close to opposite."""
    return core.log_sum + core.largest


def cross_entropy_at(core: Core, terms: Terms) -> Ball:
    """G (t_k + log S)."""
    loss = core.distance(terms.indices) + core.log_sum
    if terms.g is None:
        return loss
    mantissa, exponent = core.log_total
    at_top = terms.indices == core.top[0]
    return choose(at_top, (mantissa * terms.g).scaled(exponent), loss * terms.g)


def cross_entropy(core: Core, terms: Terms) -> Ball:
    """Sum of q_j (t_j + log S), as sum of q_j t_j and sum(q) log S."""
    if terms.clip is not None:
        losses: Ball = terms.q * _clipped(core, terms.clip)[0]
        return losses.sum()
    mantissa, exponent = core.log_total
    return (core.t * terms.q).sum() + (terms.q.sum() * mantissa).scaled(exponent)


def log_sum_exp_vjp(core: Core, terms: Terms) -> Ball:
    """G p_j: the gradient of log_sum_exp."""
    others = (core.probabilities * terms.g).scaled(core.scale)
    return others.put(core.top, core.top_probability * terms.g)


def cross_entropy_at_vjp(core: Core, terms: Terms) -> Ball:
    """G (p_j - [j = k]), at the label as -g (1 - p_k)."""
    label = core.at(terms.indices)
    at_top = terms.indices == core.top[0]
    top = (core.top_complement * -terms.g).scaled(core.exponent)
    return log_sum_exp_vjp(core, terms).put(label, choose(at_top, top, core.complement.take(label) * -terms.g))


def pulled_back(core: Core, c: Ball, total: Ball | None = None) -> Ball:
    """c_j - p_j sum(c), as c_j (1 - p_j) - p_j (sum of the other c); `total` may stand for sum(c)."""
    top = c.take(core.top)
    top_others = core.others(c).sum() if total is None else total - top
    total = top_others + top if total is None else total
    pulled = (core.probabilities * (total - c)).scaled(core.scale)
    at_top = (core.top_complement * top).scaled(core.exponent) - core.top_probability * top_others
    return (core.complement * c - pulled).put(core.top, at_top)


def log_softmax_vjp(core: Core, terms: Terms) -> Ball:
    """c_j - p_j sum(c)."""
    return pulled_back(core, terms.g)


def cross_entropy_vjp(core: Core, terms: Terms) -> Ball:
    """G (p_j sum(q) - q_j)."""
    total = None if terms.total is None else -(terms.total * terms.g)
    return pulled_back(core, -(_used(core, terms) * terms.g), total)


def cross_entropy_label_vjp(core: Core, terms: Terms) -> Ball:
    """G (t_j + log S)."""
    if terms.clip is not None:
        return _clipped(core, terms.clip)[0] * terms.g
    mantissa, exponent = core.log_total
    top = (mantissa * terms.g.take(core.top)).scaled(exponent)
    return (surprise(core) * terms.g).put(core.top, top)


def log_softmax_jvp(core: Core, terms: Terms) -> Ball:
    """v_j - mean(v)."""
    return _everywhere(core, deviations(core, terms.v))


def log_sum_exp_jvp(core: Core, terms: Terms) -> Ball:
    """Mean of v."""
    pulled = (core.probabilities * core.others(terms.v)).sum().scaled(core.scale)
    return core.top_probability * terms.v.take(core.top) + pulled


def cross_entropy_at_jvp(core: Core, terms: Terms) -> Ball:
    """G (mean(v) - v_k)."""
    factors = deviations(core, terms.v)
    at_top = terms.indices == core.top[0]
    others, top = -factors.others.take(core.at(terms.indices)), -factors.top
    if terms.g is not None:
        others, top = others * terms.g, top * terms.g
    return choose(at_top, top.scaled(core.scale), others)


def cross_entropy_jvp(core: Core, terms: Terms) -> Ball:
    """Sum of q_j (mean(v) - v_j)."""
    q = _used(core, terms)
    factors = deviations(core, terms.v)
    return -((q * factors.others).sum() + (q.take(core.top) * factors.top).scaled(core.scale))


def log_sum_exp_hvp(core: Core, terms: Terms) -> Ball:
    """G p_j (v_j - mean(v)): of log_sum_exp, and of a cross-entropy with a class index."""
    return _weighted(core, deviations(core, terms.v), terms.g)


def cross_entropy_hvp(core: Core, terms: Terms) -> Ball:
    """G sum(q) p_j (v_j - mean(v))."""
    total = _used(core, terms).sum() if terms.total is None else terms.total
    return log_sum_exp_hvp(core, terms._replace(g=total * terms.g))


def log_softmax_hvp(core: Core, terms: Terms) -> Ball:
    """-sum(c) p_j (v_j - mean(v))."""
    return log_sum_exp_hvp(core, terms._replace(g=-terms.g.sum()))


def softmax_hvp(core: Core, terms: Terms) -> Ball:
    """p_j ((v_j - mean(v)) (c_j - mean(c)) - covariance of v and c under p)."""
    v, c = deviations(core, terms.v), deviations(core, terms.g)
    both, both_top = v.others * c.others, v.top.scaled(core.scale) * c.top
    pulled = (core.probabilities * both).sum()
    covariance = pulled + both_top * core.top_probability
    at_top = both_top * core.top_complement.scaled(core.exponent) - pulled
    return _weighted(core, Deviations(core.others(both - covariance.scaled(core.scale)), at_top))


def _used(core: Core, terms: Terms) -> Ball:
    """Return the labels whose terms have a derivative: all, but where p is clipped."""
    if terms.clip is None:
        return terms.q
    inside = _clipped(core, terms.clip)[1]
    return terms.q * inside.astype(np.float64)


def _clipped(core: Core, clip: float) -> tuple[Ball, NDArray[np.bool_]]:
    """Return -log of p clipped to [clip, 1 - clip], and where p lies within; the infinite ones count as below."""
    e = Ball(np.array(clip))
    one = Ball(np.array(1.0))
    most = elementary.log1p((one - e) / e)
    least = elementary.log1p(e / (one - e))
    exact = surprise(core)
    above, below = exact.hi > most.hi, exact.hi < least.hi
    below_clip = above | core.absent
    inside = ~(below_clip | below)
    return choose(below_clip, most, choose(below, least, exact)), inside


def closed_form(request: Request) -> Callable[[Core, Terms], Ball]:
    """Return the closed form that the op's row names."""
    formulas = formulas_of(request.op, request.quantity)
    name = formulas.closed_form_at_index if request.by_indices else ""
    found: Callable[[Core, Terms], Ball] = globals()[name or formulas.closed_form]
    return found
