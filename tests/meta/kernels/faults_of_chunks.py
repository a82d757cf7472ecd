"""Faults of heads in chunks of rows and blocks of classes, with ignored rows compacted: of the backward pass above all.

Each is one thing changed in a head of NumPy that differentiates itself by hand. They were written down before any of
them was tried.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

CHUNK, BLOCK, IGNORED = 16, 32, -100


@dataclass(frozen=True)
class Options:
    """What the head computes, and the fault that it has."""

    scale: float = 1.0
    softcap: float = 0.0
    z_loss: float = 0.0
    label_smoothing: float = 0.0
    reduction: str = "none"
    ignore_index: int = IGNORED
    shift: bool = False
    fault: str = ""


def wide(array: Array) -> Array:
    """Return an array in float32, float64 as it is."""
    return array if array.dtype == np.float64 else array.astype(np.float32)


def scored(labels: Array, o: Options) -> Array:
    """Return the label that each row is judged by."""
    if not o.shift:
        return labels.astype(np.int16).astype(np.int64) if o.fault == "labels in int16" else labels
    last = labels[-1:] if o.fault == "last row by its own label" else np.array([o.ignore_index])
    return np.concatenate([labels[1:], last])


def logits_of(h: Array, w: Array, bias: Array | None, o: Options) -> tuple[Array, Array, Array]:
    """Return logits, the slope of what stands in front of them, and that of the cap alone."""
    x = wide(h) @ wide(w).T
    x = x if bias is None else x + wide(bias)
    z = x * x.dtype.type(o.scale)
    if not o.softcap:
        return z, np.full_like(z, o.scale), np.ones_like(z)
    cap = z.dtype.type(o.softcap)
    slope = 1 - np.tanh((x if o.fault == "slope of the cap before the scale" else z) / cap) ** 2
    return cap * np.tanh(z / cap), slope * z.dtype.type(o.scale), slope


def sums(z: Array) -> tuple[Array, Array]:
    """Return the largest logit of each row and the sum of exponentials, block by block."""
    top, total = np.full(len(z), -np.inf, z.dtype), np.zeros(len(z), z.dtype)
    for start in range(0, z.shape[1], BLOCK):
        block = z[:, start : start + BLOCK]
        new = np.maximum(top, block.max(axis=1))
        total = total * np.exp(top - new) + np.exp(block - new[:, None]).sum(axis=1)
        top = new
    return top, total


def value(h: Array, w: Array, labels: Array, *, bias: Array | None = None, o: Options) -> Array:
    """Return the loss."""
    label, z = scored(labels, o), logits_of(h, w, bias, o)[0]
    kept = label != o.ignore_index
    top, total = sums(z)
    own = z[np.arange(len(z)), np.where(kept, label, 0)]
    losses = np.log(total) + (top - own)
    if a := z.dtype.type(o.label_smoothing):
        losses = (1 - a) * losses + a * (np.log(total) + (top[:, None] - z).mean(axis=1))
    squared = z.dtype.type(o.z_loss) * (np.log(total) + top) ** 2
    if o.fault == "z-loss not averaged" and o.reduction == "mean":
        return np.asarray(losses[kept].sum() / kept.sum() + squared[kept].sum()).astype(h.dtype)
    losses = np.where(kept, losses + squared, 0)
    return (losses if o.reduction == "none" else np.asarray(losses.sum() / kept.sum())).astype(h.dtype)


def by_logits(z: Array, label: Array, o: Options) -> Array:
    """Return the gradient with respect to capped logits, of rows that count."""
    top, total = sums(z)
    shift = top[:, None]
    if o.fault == "probabilities by the maximum of their block":
        blocks = [z[:, start : start + BLOCK].max(axis=1, keepdims=True) for start in range(0, z.shape[1], BLOCK)]
        shift = np.repeat(np.concatenate(blocks, axis=1), BLOCK, axis=1)[:, : z.shape[1]]
    p = np.exp(z - shift) / total[:, None]
    lse = 1 if o.fault == "derivative of the z-loss without log-sum-exp" else (np.log(total) + top)[:, None]
    a = p.dtype.type(o.label_smoothing)
    g = p * (1 + 2 * p.dtype.type(o.z_loss) * lse) - a / p.shape[1]
    g[np.arange(len(z)), label] -= 1 if o.fault == "whole label behind a smoothing" else 1 - a
    return g


def gradient(
    h: Array, w: Array, labels: Array, c: Array, *, bias: Array | None = None, o: Options
) -> tuple[Array, ...]:
    """Return the gradients by hidden states, weight and bias, of compacted rows, chunk by chunk."""
    label = scored(labels, o)
    rows = np.flatnonzero(label != o.ignore_index)
    by_hidden, by_weight = np.zeros(h.shape, wide(h).dtype), np.zeros(w.shape, wide(h).dtype)
    by_bias = np.zeros(len(w), wide(h).dtype)
    upstream = np.broadcast_to(wide(np.asarray(c)), (len(h),)) / (len(rows) if o.reduction == "mean" else 1)
    upstream = upstream**2 if o.fault == "upstream twice" else upstream
    for start in range(0, len(rows), CHUNK):
        at = rows[start : start + CHUNK]
        own = wide(h[at])
        z, slope, _ = logits_of(h[at], w, bias, o)
        if o.fault == "gradient divided by the rows of its chunk" and o.reduction == "mean":
            g = by_logits(z, label[at], o) * (wide(np.asarray(c)) / len(at))
        else:
            g = by_logits(z, label[at], o) * upstream[at, None]
        g_bias = g * (slope / slope.dtype.type(o.scale) if o.fault == "bias without the scale" else slope)
        g_weight = g * slope * slope.dtype.type(o.scale if o.fault == "scale twice by the weight" else 1)
        g = wide((g * slope).astype(h.dtype))
        shard = slice(len(w) // 2, None) if o.fault == "hidden states of the last shard" else slice(None)
        to = slice(start, start + len(at)) if o.fault == "compacted rows not put back" else at
        by_hidden[to] = g[:, shard] @ wide(w)[shard]
        if o.fault == "backward product in bfloat16":
            g_weight, own = (one.astype(ml_dtypes.bfloat16).astype(one.dtype) for one in (g_weight, own))
        part = g_weight.T @ own
        is_last = o.fault == "last chunk overwrites" and len(at) < CHUNK
        by_weight = part if is_last else by_weight + part
        by_bias = by_bias + g_bias.sum(axis=0)
    if o.fault == "z-loss by ignored rows":
        ignored = label == o.ignore_index
        z, slope, _ = logits_of(h[ignored], w, bias, o)
        top, total = sums(z)
        p = np.exp(z - top[:, None]) / total[:, None] * (2 * o.z_loss * (np.log(total) + top))[:, None]
        by_hidden[ignored] = (p * slope * upstream[ignored, None]).astype(wide(h).dtype) @ wide(w)
    answers = by_hidden.astype(h.dtype), by_weight.astype(h.dtype)
    return answers if bias is None else (*answers, by_bias.astype(h.dtype))


@dataclass(frozen=True)
class Planted:
    """A fault, and the clause that names it."""

    fault: str
    clause: str
    declared: dict[str, Any] = field(default_factory=dict)
    says: str = ""

    @property
    def functions(self) -> tuple[Any, Any]:
        """The loss and its gradient, with the fault."""
        options = Options(**{name: one for name, one in self.declared.items() if name != "bias"}, fault=self.fault)
        return partial(value, o=options), partial(gradient, o=options)


MEAN = {"reduction": "mean", "ignore_index": IGNORED}
FAULTS = [
    Planted("last chunk overwrites", "LIN-3"),
    Planted("last row by its own label", "LIN-7", {**MEAN, "shift": True}, says="its own label"),
    Planted("gradient divided by the rows of its chunk", "LIN-7", MEAN, says="rows are multiplied"),
    Planted("z-loss by ignored rows", "LIN-7", {"z_loss": 1e-2, "ignore_index": IGNORED}, says="ignored rows counts"),
    Planted("derivative of the z-loss without log-sum-exp", "LIN-7", {"z_loss": 1e-2}, says="lacks the log-sum-exp"),
    Planted("bias without the scale", "LIN-6", {"bias": True, "scale": 0.5}),
    Planted("probabilities by the maximum of their block", "LIN-2"),
    Planted("slope of the cap before the scale", "LIN-6", {"scale": 0.5, "softcap": 5.0}, says="before the scale"),
    Planted("hidden states of the last shard", "LIN-2"),
    Planted("backward product in bfloat16", "LIN-3"),
    Planted("upstream twice", "LIN-7", says="applied twice"),
    Planted("compacted rows not put back", "LIN-2", {"ignore_index": IGNORED}),
    Planted("whole label behind a smoothing", "LIN-7", {"label_smoothing": 0.125}, says="whole label"),
    Planted("labels in int16", "LIN-1"),
    Planted("scale twice by the weight", "LIN-6", {"scale": 0.5}),
    Planted("z-loss not averaged", "LIN-7", {"z_loss": 1e-2, **MEAN}, says="not divided"),
]
