"""Correct kernels: every way of summing in every formula, and algorithms of another shape."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from meta.kernels.corpus import CORRECT, Planted, grad_loss, log_sum_exp, loss, one_hot, soft_loss, softmax, wide

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Sum = Callable[[Array], Array]

LOSS = "softmax_cross_entropy"
SIGMOID = "sigmoid_cross_entropy"
LOG2_E = 1.4426950408889634
_RANDOM = np.random.default_rng()


def in_blocks(e: Array, block: int = 64) -> Array:
    """Add blocks, then their sums."""
    starts = np.arange(0, e.shape[1], block)
    return np.add.reduceat(e, starts, axis=1).sum(axis=1)


def by_halves(e: Array) -> Array:
    """Add the two halves until one column is left."""
    while e.shape[1] > 1:
        half = (e.shape[1] + 1) // 2
        rest = np.zeros((len(e), half), e.dtype)
        rest[:, : e.shape[1] - half] = e[:, half:]
        e = e[:, :half] + rest
    return e[:, 0]


def compensated(e: Array) -> Array:
    """Add 256 lanes with Kahan's correction, then the lanes."""
    lanes = -(-e.shape[1] // 256)
    padded = np.zeros((len(e), lanes * 256), e.dtype)
    padded[:, : e.shape[1]] = e
    total, lost = np.zeros((len(e), 256), e.dtype), np.zeros((len(e), 256), e.dtype)
    for part in np.split(padded, lanes, axis=1):
        term = part - lost
        new = total + term
        lost, total = (new - total) - term, new
    return total.sum(axis=1)


def shuffled(e: Array) -> Array:
    """Add in another order at each call."""
    return e[:, _RANDOM.permutation(e.shape[1])].sum(axis=1)


def exactly(e: Array) -> Array:
    """Round the exact sum once."""
    return np.array([math.fsum(row) for row in e.tolist()], e.dtype)


SUMS: dict[str, Sum] = {
    "numpy": lambda e: e.sum(axis=1),
    "one_by_one": lambda e: np.add.accumulate(e, axis=1)[:, -1],
    "backwards": lambda e: np.add.accumulate(e[:, ::-1], axis=1)[:, -1],
    "float64": lambda e: e.sum(axis=1, dtype=np.float64).astype(e.dtype),
    "product": lambda e: e @ np.ones(e.shape[1], e.dtype),
    "einsum": lambda e: np.einsum("ij->i", e),
    "ascending": lambda e: np.sort(e, axis=1).sum(axis=1),
    "in_blocks": in_blocks,
    "by_halves": by_halves,
    "compensated": compensated,
    "shuffled": shuffled,
    "exactly": exactly,
}


def _shifted(x: Array) -> Array:
    w = wide(x)
    return w - w.max(axis=1, keepdims=True)


def by_division(x: Array, *, add: Sum) -> Array:
    e = np.exp(_shifted(x))
    return (e / add(e)[:, None]).astype(x.dtype)


def by_reciprocal(x: Array, *, add: Sum) -> Array:
    e = np.exp(_shifted(x))
    return (e * (1 / add(e))[:, None]).astype(x.dtype)


def logarithm(x: Array, *, add: Sum) -> Array:
    t = _shifted(x)
    return (t - np.log(add(np.exp(t)))[:, None]).astype(x.dtype)


def log_of_sum(x: Array, *, add: Sum) -> Array:
    w, m = wide(x), wide(x).max(axis=1)
    safe = np.where(np.isinf(m), 0, m).astype(w.dtype)
    return (safe + np.log(add(np.exp(w - safe[:, None])))).astype(x.dtype)


def loss_at(x: Array, y: Array, *, add: Sum) -> Array:
    t = _shifted(x)
    return (np.log(add(np.exp(t))) - t[np.arange(len(t)), y]).astype(x.dtype)


FORMULAS = {
    "by_division": ("softmax", by_division),
    "by_reciprocal": ("softmax", by_reciprocal),
    "logarithm": ("log_softmax", logarithm),
    "log_of_sum": ("log_sum_exp", log_of_sum),
    "loss_at": (LOSS, loss_at),
}


def _summed(formula: Callable[..., Array], add: Sum, name: str) -> Callable[..., Array]:
    function: Any = partial(formula, add=add)
    function.__name__ = name
    return function  # type: ignore[no-any-return]


for _sum, _add in SUMS.items():
    for _name, (_op, _formula) in FORMULAS.items():
        CORRECT.append(Planted(_op, _sum, _summed(_formula, _add, f"{_name}_{_sum}")))


def online(x: Array, block: int) -> tuple[Array, Array]:
    """Return maximum and scaled sum of each row in one pass."""
    w = wide(x)
    m, total = np.full(len(w), -np.inf, w.dtype), np.zeros(len(w), w.dtype)
    for start in range(0, w.shape[1], block):
        tile = w[:, start : start + block]
        new = np.maximum(m, tile.max(axis=1))
        safe = np.where(np.isinf(new), 0, new).astype(w.dtype)
        total = total * np.exp(np.where(np.isneginf(m), -np.inf, m - safe)) + np.exp(tile - safe[:, None]).sum(axis=1)
        m = new
    return np.where(np.isinf(m), 0, m).astype(w.dtype), total


def online_log_sum_exp(x: Array) -> Array:
    m, total = online(x, 128)
    return (m + np.log(total)).astype(x.dtype)


def online_loss(x: Array, y: Array) -> Array:
    m, total = online(x, 1000)
    return (np.log(total) + (m - wide(x)[np.arange(len(x)), y])).astype(x.dtype)


def online_softmax(x: Array) -> Array:
    m, total = online(x, 4096)
    return (np.exp(wide(x) - m[:, None]) / total[:, None]).astype(x.dtype)


def tiles_merged(x: Array) -> Array:
    parts = [log_sum_exp(wide(x)[:, s : s + 1024]) for s in range(0, x.shape[1], 1024)]
    return log_sum_exp(np.stack(parts, axis=1)).astype(x.dtype)


def base_2(x: Array) -> Array:
    e = np.exp2(_shifted(x) * wide(x).dtype.type(LOG2_E))
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


def base_2_log_sum_exp(x: Array) -> Array:
    w, m = wide(x), wide(x).max(axis=1)
    safe = np.where(np.isinf(m), 0, m).astype(w.dtype)
    total = np.exp2((w - safe[:, None]) * w.dtype.type(LOG2_E)).sum(axis=1)
    return (safe + np.log2(total) * w.dtype.type(1 / LOG2_E)).astype(x.dtype)


def in_float64(x: Array) -> Array:
    return softmax(x.astype(np.float64)).astype(x.dtype)


def loss_in_float64(x: Array, y: Array) -> Array:
    return loss(x.astype(np.float64), y).astype(x.dtype)


def by_log1p(x: Array, y: Array) -> Array:
    t = _shifted(x)
    e, rows, top = np.exp(t), np.arange(len(t)), t.argmax(axis=1)
    leads = t[rows, top] == 0
    e[rows[leads], top[leads]] = 0
    total = np.where(leads, np.log1p(e.sum(axis=1)), np.nan)
    return (total - t[rows, y]).astype(x.dtype)


def transposed(x: Array) -> Array:
    w = np.ascontiguousarray(wide(x).T)
    e = np.exp(w - w.max(axis=0))
    return (e / e.sum(axis=0)).T.astype(x.dtype)


def in_place_on_a_copy(x: Array) -> Array:
    w = np.array(wide(x))
    w -= w.max(axis=1, keepdims=True)
    np.exp(w, out=w)
    w /= w.sum(axis=1, keepdims=True)
    return w.astype(x.dtype)


def of_log_sum_exp(x: Array) -> Array:
    t = _shifted(x)
    return np.exp(t - np.log(np.exp(t).sum(axis=1, keepdims=True))).astype(x.dtype)


def row_after_row(x: Array) -> Array:
    return np.array([softmax(row[None])[0] for row in x], x.dtype).reshape(x.shape)


def over_one_hot(x: Array, y: Array) -> Array:
    return soft_loss(x, one_hot(y, x.shape[1]).astype(x.dtype))


def plain_softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def plain_loss(x: Array, y: Array) -> Array:
    t = x - x.max(axis=1, keepdims=True)
    return np.log(np.exp(t).sum(axis=1)) - t[np.arange(len(x)), y]


def plain_gradient(x: Array, y: Array, c: Array) -> Array:
    p = plain_softmax(x)
    p[np.arange(len(x)), y] -= 1
    return p * c[:, None]


def grad_of_difference(x: Array, c: Array) -> Array:
    p, g = softmax(wide(x)), wide(c)
    return (p * g - p * (p * g).sum(axis=1, keepdims=True)).astype(x.dtype)


def grad_by_product(x: Array, c: Array) -> Array:
    p, g = softmax(wide(x)), wide(c)
    return (p * (g - np.einsum("ij,ij->i", p, g)[:, None])).astype(x.dtype)


def grad_log_softmax(x: Array, c: Array) -> Array:
    return (wide(c) - softmax(wide(x)) * wide(c).sum(axis=1, keepdims=True)).astype(x.dtype)


def grad_log_sum_exp(x: Array, c: Array) -> Array:
    return (wide(c)[:, None] * softmax(wide(x))).astype(x.dtype)


def grad_scaled_first(x: Array, y: Array, c: Array) -> Array:
    g = softmax(wide(x)) * wide(c)[:, None]
    g[np.arange(len(x)), y] -= wide(c)
    return g.astype(x.dtype)


def two_sided_loss(x: Array, y: Array) -> Array:
    w, v = wide(x), wide(y)
    tail = np.log1p(np.exp(-np.abs(w)))
    return (v * (np.maximum(-w, 0) + tail) + (1 - v) * (np.maximum(w, 0) + tail)).astype(x.dtype)


def grad_sigmoid(x: Array, y: Array, c: Array) -> Array:
    w = wide(x)
    e = np.exp(-np.abs(w))
    s = np.where(w >= 0, 1, e) / (1 + e)
    return (wide(c) * (s - wide(y))).astype(x.dtype)


def mean_of_losses(x: Array, y: Array) -> Array:
    return np.asarray(loss(wide(x), y).mean()).astype(x.dtype)


def mean_of_kept(x: Array, y: Array) -> Array:
    kept = y != -100
    terms = np.where(kept, loss(wide(x), np.where(kept, y, 0)), 0)
    return np.asarray(terms.sum() / kept.sum()).astype(x.dtype)


def smoothed_loss(x: Array, y: Array) -> Array:
    t = _shifted(x)
    logs = t - np.log(np.exp(t).sum(axis=1, keepdims=True))
    return (-(0.9 * logs[np.arange(len(x)), y] + 0.1 * logs.mean(axis=1))).astype(x.dtype)


def capped_loss(x: Array, y: Array) -> Array:
    w = wide(x)
    return loss(w.dtype.type(30) * np.tanh(w / w.dtype.type(30)), y).astype(x.dtype)


def capped_gradient(x: Array, y: Array, c: Array) -> Array:
    w = wide(x)
    t = np.tanh(w / w.dtype.type(30))
    return (grad_loss(t * w.dtype.type(30), y, wide(c)) * (1 - t * t)).astype(x.dtype)


def loss_with_z(x: Array, y: Array) -> Array:
    return (loss(wide(x), y) + wide(x).dtype.type(1e-3) * log_sum_exp(wide(x)) ** 2).astype(x.dtype)


def scaled_loss(x: Array, y: Array) -> Array:
    return loss(wide(x) * wide(x).dtype.type(0.0625), y).astype(x.dtype)


def turned_loss(x: Array, y: Array) -> Array:
    return loss(wide(x) * wide(x).dtype.type(-0.5), y).astype(x.dtype)


def turned_gradient(x: Array, y: Array, c: Array) -> Array:
    factor = wide(x).dtype.type(-0.5)
    return (wide(grad_loss(wide(x) * factor, y, wide(c))) * factor).astype(x.dtype)


def masked_softmax(x: Array, where: Array) -> Array:
    return softmax(np.where(where, wide(x), -np.inf)).astype(x.dtype)


def weighted_mean(x: Array, y: Array, weight: Array) -> Array:
    w = wide(weight)[y]
    return np.asarray((loss(wide(x), y) * w).sum() / w.sum()).astype(x.dtype)


def wide_loss(x: Array, y: Array) -> Array:
    return loss(x.astype(np.float32), y)


def _add(op: str, kind: str, function: Any, gradient: Any = None, **declared: Any) -> None:
    CORRECT.append(Planted(op, kind, function, gradient, declared))


_add("log_sum_exp", "online", online_log_sum_exp, grad_log_sum_exp)
_add(LOSS, "online", online_loss, grad_scaled_first)
_add("softmax", "online", online_softmax, grad_of_difference)
_add("log_sum_exp", "tiles merged", tiles_merged)
_add("softmax", "base 2", base_2, grad_by_product)
_add("log_sum_exp", "base 2", base_2_log_sum_exp)
_add("softmax", "float64", in_float64)
_add(LOSS, "float64", loss_in_float64, grad_loss)
_add(LOSS, "log1p", by_log1p)
_add("softmax", "transposed", transposed)
_add("softmax", "in place", in_place_on_a_copy)
_add("softmax", "of the logarithm", of_log_sum_exp)
_add("softmax", "row after row", row_after_row)
_add(LOSS, "one hot", over_one_hot)
# Sums in the format itself: right in float32, not in bfloat16, where they stall.
_add("softmax", "plain", plain_softmax, format="float32")
_add(LOSS, "plain", plain_loss, plain_gradient, format="float32")
_add("log_softmax", "gradient", _summed(logarithm, SUMS["numpy"], "logarithm"), grad_log_softmax)
_add(LOSS, "distributions", soft_loss, grad_loss, labels="distributions")
_add(SIGMOID, "two sides", two_sided_loss, grad_sigmoid)
_add(LOSS, "mean", mean_of_losses, reduction="mean")
_add(LOSS, "mean of kept", mean_of_kept, reduction="mean", ignore_index=-100)
_add(LOSS, "smoothing", smoothed_loss, label_smoothing=0.1)
_add(LOSS, "softcap", capped_loss, capped_gradient, softcap=30.0)
_add(LOSS, "z-loss", loss_with_z, z_loss=1e-3)
_add(LOSS, "scale", scaled_loss, scale=0.0625)
_add(LOSS, "negative scale", turned_loss, turned_gradient, scale=-0.5)
_add("softmax", "mask", masked_softmax, where=True)
_add(LOSS, "weights", weighted_mean, reduction="mean", weight=True)
_add(LOSS, "wide result", wide_loss, result_format="float32", format="bfloat16")
