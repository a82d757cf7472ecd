"""Error bounds of entropy, divergences and focal loss: running errors on top of the bounds B1 and B2.

With dp, dl the bounds of a share and of its logarithm (`bounds.forward_bounds`), u the unit roundoff and g the growth
of a sum over the classes: a product of computed numbers is off by what its factors are and by u; a sum by g times the
sum of the sizes of its terms. A gradient may be taken through log-softmax, as frameworks differentiate: sums of the
size sum p (|l| + 1) then stand beside each share, and the bound has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.bounds.api import is_vacuous
from logitproof_reference.bounds.assumptions import wide
from logitproof_reference.bounds.error_model import Rounding
from logitproof_reference.bounds.forward_bounds import forward_bounds
from logitproof_reference.bounds.options import over_many

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.oracle.derived_losses import Operands
    from logitproof_reference.vocabulary.formats import F64, Format

ROUNDINGS = 8.0
"""More than any of the formulas rounds a term: three products, two sums, an upstream gradient, a stored result."""


@dataclass(frozen=True)
class _Off:
    """Shares and logarithms of rows, and how far each may be off."""

    p: F64
    l: F64
    dp: F64
    dl: F64


def bound(
    op: str,
    quantity: str,
    given: Operands,
    model: tuple[Format, Arithmetic],
    cotangent: F64 | None = None,
    *,
    bounds: Mapping[str, Mapping[str, Callable[[Operands, Rounding], F64]]] | None = None,
) -> F64:
    """Return the largest |observed - exact| of a correct implementation in a format, elementwise.

    Rows whose sums would lose everything in the format are granted sums in float32, as everywhere.
    """
    rounding = Rounding(*model)
    arrays = [array for array in (given.logits, given.target) if array is not None]
    if any(is_vacuous(array, *model).any() for array in arrays):
        rounding = Rounding(model[0], wide(model[1]))
    rounding = over_many(rounding, given.logits.shape[1])
    error = (bounds or BOUNDS)[op][quantity](given, rounding)
    if quantity != "value" and cotangent is not None:
        error = error * np.abs(np.asarray(cotangent, dtype=np.float64)).reshape(len(given.logits), -1)
    return error * (1.0 + 2.0**-20) + ROUNDINGS * rounding.tiny * (1.0 + _underflows(quantity, arrays, rounding))


def _underflows(quantity: str, arrays: list[NDArray[Any]], rounding: Rounding) -> F64 | float:
    """Return how many underflows of terms a sum brings: of all classes; to a gradient, as much as the share is."""
    classes = arrays[0].shape[1]
    if quantity == "value":
        return float(classes)
    shares: F64 = classes * np.maximum.reduce([_held(array, rounding).p for array in arrays])
    return shares


def _held(logits: NDArray[np.generic], rounding: Rounding) -> _Off:
    made = forward_bounds(logits.astype(np.float64), rounding)
    p, logarithm = made.softmax, made.log_softmax
    shape = logits.shape
    return _Off(p.value, logarithm.value, *(np.broadcast_to(one.error, shape) for one in (p, logarithm)))


def _relative(rounding: Rounding, classes: int) -> float:
    return rounding.sum_growth(classes) + ROUNDINGS * rounding.unit


def _sum(terms: F64) -> F64:
    total: F64 = terms.sum(axis=1, keepdims=True)
    return total


def _entropy_parts(given: Operands, rounding: Rounding) -> tuple[_Off, F64, F64]:
    """Return shares and logarithms, H, and how far H may be off."""
    x = _held(given.logits, rounding)
    terms = _sum(x.dp * (np.abs(x.l) + x.dl) + x.p * x.dl)
    size = _sum(x.p * np.abs(x.l))
    return x, size, terms + _relative(rounding, given.logits.shape[1]) * (size + terms)


def _entropy(given: Operands, rounding: Rounding) -> F64:
    return _entropy_parts(given, rounding)[2][:, 0]


def _entropy_by_logits(given: Operands, rounding: Rounding) -> F64:
    x, h, dh = _entropy_parts(given, rounding)
    reach = np.abs(x.l) + h + 2.0
    relative = _relative(rounding, given.logits.shape[1])
    total: F64 = x.dp * (reach + x.dl + dh) + x.p * (x.dl + dh + relative * (reach + _sum(x.dp)) + _sum(x.dp))
    return total


def _divergence_parts(given: Operands, rounding: Rounding) -> tuple[_Off, _Off, F64, F64]:
    """Return both sides, the size of the terms of K, and how far K may be off."""
    assert given.target is not None
    x, t = _held(given.logits, rounding), _held(given.target, rounding)
    reach = np.abs(t.l) + np.abs(x.l)
    size = _sum(t.p * reach)
    off = _sum(t.dp * (reach + t.dl + x.dl) + t.p * (t.dl + x.dl))
    return x, t, size, off + _relative(rounding, given.logits.shape[1]) * (size + off)


def _divergence(given: Operands, rounding: Rounding) -> F64:
    return _divergence_parts(given, rounding)[3][:, 0]


def _divergence_by_logits(given: Operands, rounding: Rounding) -> F64:
    x, t, _, _ = _divergence_parts(given, rounding)
    relative = _relative(rounding, given.logits.shape[1])
    total: F64 = x.dp + t.dp + relative * (x.p + t.p + x.dp + t.dp) + (x.p + x.dp) * _sum(t.dp)
    return total


def _divergence_by_target(given: Operands, rounding: Rounding) -> F64:
    x, t, size, off = _divergence_parts(given, rounding)
    reach = np.abs(t.l) + np.abs(x.l) + size + 2.0
    relative = _relative(rounding, given.logits.shape[1])
    own = t.dl + x.dl + off + relative * reach + _sum(t.dp)
    total: F64 = t.dp * (reach + own) + t.p * own
    return total


def _jensen_shannon_parts(given: Operands, rounding: Rounding) -> tuple[tuple[_Off, _Off], tuple[F64, F64], F64]:
    """Return both sides, what the logarithm of the mixture may be off by beside each share, and how far J may be off.

    The mixture is added up as (p + t) / 2, off by dp + dt of twice itself, of which p and t are a part each; or in the
    log domain, off by what the logarithms are.
    """
    assert given.target is not None
    x, t = _held(given.logits, rounding), _held(given.target, rounding)
    reach = np.abs(x.l) + np.abs(t.l) + 1.0
    own = ROUNDINGS * rounding.unit * reach + rounding.exp_error + np.maximum(x.dl, t.dl)
    beside = x.dp + t.dp + x.p * own, x.dp + t.dp + t.p * own
    size = _sum((x.p + t.p) * reach)
    by_shares = [one.dp * (reach + one.dl + own) + one.p * one.dl for one in (x, t)]
    off = _sum(by_shares[0] + by_shares[1] + beside[0] + beside[1])
    return (x, t), beside, 0.5 * off + _relative(rounding, given.logits.shape[1]) * (size + off)


def _jensen_shannon(given: Operands, rounding: Rounding) -> F64:
    return _jensen_shannon_parts(given, rounding)[2][:, 0]


def _jensen_shannon_by(side: int, given: Operands, rounding: Rounding) -> F64:
    """Return how far the gradient with respect to the logits, or by the target's, may be off."""
    sides, beside, off = _jensen_shannon_parts(given, rounding)
    one, other = sides[side], sides[1 - side]
    size = _sum(one.p * (np.abs(one.l) + np.abs(other.l) + 1.0))
    reach = np.abs(one.l) + np.abs(other.l) + size + 3.0
    own = one.dl + 2.0 * off + _relative(rounding, given.logits.shape[1]) * reach + _sum(one.dp)
    total: F64 = one.dp * (reach + own) + one.p * own + beside[side]
    return total


def _focal_parts(given: Operands, rounding: Rounding) -> tuple[_Off, dict[str, F64]]:
    assert given.labels is not None
    x = _held(given.logits, rounding)
    at = given.labels[:, None]
    p, loss, dp, dl = (np.take_along_axis(one, at, axis=1) for one in (x.p, -x.l, x.dp, x.dl))
    # 1 - exp(-L) and 1 - p: off by what p is, by what L is times p, and by roundings of 1.
    off = dp + p * dl + 3.0 * rounding.unit
    others = np.clip(1.0 - p, 0.0, 1.0)
    return x, {"p": p, "loss": loss, "dp": dp, "dl": dl, "off": off, "others": others}


def _focal_power(parts: dict[str, F64], exponent: int, rounding: Rounding) -> tuple[F64, F64]:
    """Return (1 - p)**exponent and how far it may be off; where it is 1, nothing is."""
    whole = parts["others"] ** exponent
    if exponent == 0:
        return whole, np.zeros_like(whole)
    grown = (parts["others"] + parts["off"]) ** exponent
    return whole, (grown - whole) + (exponent + rounding.arithmetic.exp_ulps * 2.0) * rounding.unit * grown


def _focal(given: Operands, rounding: Rounding) -> F64:
    _, parts = _focal_parts(given, rounding)
    power, off = _focal_power(parts, given.gamma, rounding)
    total = off * (parts["loss"] + parts["dl"]) + power * parts["dl"]
    whole: F64 = total + ROUNDINGS * rounding.unit * (power * parts["loss"] + total)
    return whole[:, 0]


def _focal_by_logits(given: Operands, rounding: Rounding) -> F64:
    x, parts = _focal_parts(given, rounding)
    high, high_off = _focal_power(parts, given.gamma, rounding)
    low, low_off = _focal_power(parts, given.gamma - 1, rounding)
    weight = parts["p"] * parts["loss"]
    weight_off = parts["dp"] * (parts["loss"] + parts["dl"]) + parts["p"] * parts["dl"]
    slope = high + given.gamma * low * weight
    off = high_off + given.gamma * (low_off * (weight + weight_off) + low * weight_off)
    off = off + ROUNDINGS * rounding.unit * (slope + off)
    apart = x.p.copy()
    np.put_along_axis(apart, given.labels[:, None], parts["others"], axis=1)  # type: ignore[index]
    mine = x.dp + 3.0 * rounding.unit * (x.p + (np.arange(x.p.shape[1]) == given.labels[:, None]))  # type: ignore[index]
    total: F64 = off * (apart + mine) + slope * mine
    return total * (1.0 + ROUNDINGS * rounding.unit) + ROUNDINGS * rounding.unit * slope * apart


BOUNDS: Mapping[str, Mapping[str, Callable[[Operands, Rounding], F64]]] = {
    "entropy": {"value": _entropy, "grad_logits": _entropy_by_logits},
    "kl_divergence": {
        "value": _divergence,
        "grad_logits": _divergence_by_logits,
        "grad_target": _divergence_by_target,
    },
    "js_divergence": {
        "value": _jensen_shannon,
        "grad_logits": partial(_jensen_shannon_by, 0),
        "grad_target": partial(_jensen_shannon_by, 1),
    },
    "focal_cross_entropy": {"value": _focal, "grad_logits": _focal_by_logits},
}
"""As in `oracle.kin.FORMULAS`."""
