"""What may stand in front of an op and be fused with it: the logits it makes, and how far fusing may move an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.numerics.double_double import F64
    from logitproof_reference.vocabulary.formats import Format


def produced(producer: str, array: NDArray[Any]) -> F64:
    """Return an array times the factor of a producer, in float64: exact for ``scaled``, rounded for ``tempered``."""
    wide = np.asarray(array, dtype=np.float64)
    return wide * 3.0 if producer == "scaled" else wide / 3.0


def producer_bound(
    op: str,
    quantity: str,
    *,
    logits: F64,
    format: Format | str,  # noqa: A002 - the word of the vocabulary, keyword only
    labels: NDArray[Any] | None = None,
    cotangent: F64 | None = None,
) -> F64:
    """Return what the rounding of the logits that a producer makes may add to the error of an answer.

    An implementation may round every logit z_i to its format, or keep it wider, or multiply with a rounded
    reciprocal (two roundings): it works on z_i (1 + e_i) with abs(e_i) <= 2u + u^2. With d = 3u max abs(z_i) over
    the finite logits, every log p_j moves by at most 2d (its own logit by d, log-sum-exp by d), hence p_j by at most
    p_j E with E = e^{2d} - 1, and never out of [0, 1]. The closed forms of the quantities give the rest. The factor
    of a gradient's chain rule costs three more roundings of the gradient.

    Parameters
    ----------
    op, quantity : str
        ``value`` or ``grad_logits`` of a softmax op.
    logits : float64 array, shape (rows, n)
        As `produced` returns them; a class at -inf stays there.
    format : Format or str
        The format the implementation works in.
    labels : integer array (rows,) or floating array (rows, n), optional
    cotangent : float64 array of the shape of the op's value, optional
        With the factor of the producer in it.

    Returns
    -------
    float64 array of the shape of the answer
        0 where a row has no finite logit.
    """
    u = FORMATS[format].unit_roundoff if isinstance(format, str) else format.unit_roundoff
    finite = np.isfinite(logits)
    delta = 3.0 * u * np.max(np.abs(logits), axis=1, where=finite, initial=0.0)[:, None]
    with np.errstate(all="ignore"):
        shifted = np.exp(logits - np.max(logits, axis=1, keepdims=True))
        p = np.where(finite, shifted / shifted.sum(axis=1, keepdims=True), 0.0)
        moved = np.fmin(np.nan_to_num(p * np.expm1(2.0 * delta), nan=1.0), 1.0)
        return np.asarray(_TERMS[op, quantity](p, moved, delta, _mass(labels, p.shape), cotangent, u))


def _mass(labels: NDArray[Any] | None, shape: tuple[int, ...]) -> F64:
    """Return sum abs(q) of each row, as a column."""
    if labels is None or labels.ndim == 1:
        return np.ones((shape[0], 1))
    return np.asarray(np.abs(labels.astype(np.float64)).sum(axis=1, keepdims=True))


def _of_softmax(p: F64, moved: F64, _delta: F64, _mass: F64, c: F64, u: float) -> F64:
    # p (c - sum p c): p moves by `moved`, the sum by at most sum moved |c|.
    size = np.abs(c)
    mean = (p * size).sum(axis=1, keepdims=True)
    mean_moved = (moved * size).sum(axis=1, keepdims=True)
    rounded = 3.0 * u * (p + moved) * (size + mean)
    return np.asarray(moved * (size + mean) + np.fmin(p + moved, 1.0) * mean_moved + rounded)


def _of_log_softmax(p: F64, moved: F64, _delta: F64, _mass: F64, c: F64, u: float) -> F64:
    # c - p sum c
    total = np.abs(c.sum(axis=1, keepdims=True))
    return np.asarray(moved * total + 3.0 * u * (np.abs(c) + (p + moved) * total))


def _of_log_sum_exp(p: F64, moved: F64, _delta: F64, _mass: F64, c: F64, u: float) -> F64:
    return np.asarray(np.abs(c)[:, None] * (moved + 3.0 * u * (p + moved)))


def _of_loss(p: F64, moved: F64, _delta: F64, mass: F64, c: F64, u: float) -> F64:
    # c (p sum q - q), each q at most the mass
    size = np.abs(c)[:, None] * mass
    return np.asarray(moved * size + 3.0 * u * (p + moved + 1.0) * size)


_TERMS: dict[tuple[str, str], Callable[..., F64]] = {
    ("softmax", "value"): lambda _p, moved, *_: moved,
    ("log_softmax", "value"): lambda p, _moved, delta, *_: 2.0 * delta + 0.0 * p,
    ("log_sum_exp", "value"): lambda _p, _moved, delta, *_: delta[:, 0],
    ("softmax_cross_entropy", "value"): lambda _p, _moved, delta, mass, *_: (2.0 * delta * mass)[:, 0],
    ("softmax", "grad_logits"): _of_softmax,
    ("log_softmax", "grad_logits"): _of_log_softmax,
    ("log_sum_exp", "grad_logits"): _of_log_sum_exp,
    ("softmax_cross_entropy", "grad_logits"): _of_loss,
}
