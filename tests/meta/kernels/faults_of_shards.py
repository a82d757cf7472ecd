"""Faults of heads over shards of the vocabulary and chunks of rows, and six heads of unusual designs without a fault.

Each fault is one thing changed in a head of NumPy that differentiates itself by hand. Faults and designs were written
down before any of them was tried.
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

CHUNK, SHARDS, PADDED, IGNORED = 16, 2, 64, -100
MASKED = -1e4
"""The logit that padding has in place of -inf."""


@dataclass(frozen=True)
class Options:
    """What the head computes, and the fault that it has."""

    scale: float = 1.0
    temperature: float = 1.0
    softcap: float = 0.0
    z_loss: float = 0.0
    label_smoothing: float = 0.0
    reduction: str = "none"
    ignore_index: int = IGNORED
    shift: bool = False
    fault: str = ""

    @property
    def factor(self) -> float:
        """What the logits are multiplied with."""
        return self.scale / self.temperature


def wide(array: Array) -> Array:
    """Return an array in float32, float64 as it is."""
    return array if array.dtype == np.float64 else array.astype(np.float32)


def scored(labels: Array, o: Options) -> Array:
    """Return the label that each row is judged by."""
    if not o.shift:
        return labels
    if o.fault == "shifted the other way":
        return np.append([o.ignore_index], labels[:-1])
    return np.append(labels[1:], [o.ignore_index])


def logits_of(h: Array, w: Array, bias: Array | None, o: Options) -> tuple[Array, Array, Array]:
    """Return the logits of the layer, those of the loss, and the slope between them."""
    x = wide(h) @ wide(w).T
    x = x if bias is None else x + wide(bias)
    z = x * x.dtype.type(1 if o.fault == "temperature at the label alone" else o.factor)
    slope = np.full_like(z, o.factor)
    if o.softcap:
        cap = z.dtype.type(o.softcap)
        tanh = np.tanh(z / cap)
        z, slope = cap * tanh, slope * (1 - (tanh if o.fault == "slope of the cap 1 - tanh" else tanh * tanh))
    return x, z, slope


def sums(z: Array, o: Options) -> tuple[Array, Array]:
    """Return the largest logit and the sum of exponentials of each row, shard by shard."""
    if o.fault == "padding at -1e4":
        z = np.pad(z, ((0, 0), (0, -z.shape[1] % PADDED)), constant_values=MASKED)
    parts = [part for part in np.array_split(z, SHARDS, axis=1) if part.shape[1]]
    tops = np.stack([part.max(axis=1) for part in parts])
    totals = np.stack([np.exp(part - top[:, None]).sum(axis=1) for part, top in zip(parts, tops, strict=True)])
    top = tops.max(axis=0)
    return top, (totals * np.exp(tops - top)).sum(axis=0)


def divisor(label: Array, classes: int, o: Options) -> Any:
    """Return what the sum of the losses is divided by."""
    kept = label != o.ignore_index
    if o.fault == "divided by the rows of the shard":
        kept &= label >= classes // SHARDS
    return np.float32(kept.sum() if o.reduction == "mean" else 1)


def value(h: Array, w: Array, labels: Array, *, bias: Array | None = None, o: Options) -> Array:
    """Return the loss."""
    label = scored(labels, o)
    _, z, _ = logits_of(h, w, bias, o)
    kept = label != o.ignore_index
    top, total = sums(z, o)
    at, own_class = np.arange(len(z)), np.where(kept, label, 0)
    own = z[at, own_class]
    if o.fault == "scale twice at the label":
        own = own * own.dtype.type(o.scale)
    if o.fault == "temperature at the label alone":
        own = own * own.dtype.type(o.factor)
    losses = np.log(total) + (top - own)
    if a := z.dtype.type(o.label_smoothing):
        losses = (1 - a) * losses + a * (np.log(total) + (top[:, None] - z).mean(axis=1))
    squared = z.dtype.type(o.z_loss) * (np.log(total) + top) ** 2
    if o.fault == "ignored rows cost their log-sum-exp":
        losses = np.where(kept, losses, np.log(total) + top)
    else:
        losses, squared = np.where(kept, losses, 0), np.where(kept, squared, 0)
    if o.reduction == "none":
        return (losses + squared).astype(h.dtype)
    by = divisor(label, len(w), o)
    if o.fault == "z-loss divided by all rows":
        return np.asarray(losses.sum() / by + squared.sum() / np.float32(len(h))).astype(h.dtype)
    return np.asarray((losses + squared).sum() / by).astype(h.dtype)


def by_logits(z: Array, label: Array, o: Options) -> Array:
    """Return the gradient with respect to the logits of the loss."""
    top, total = sums(z, o)
    kept, at = label != o.ignore_index, np.arange(len(z))
    p, a = np.exp(z - top[:, None]) / total[:, None], z.dtype.type(o.label_smoothing)
    classes = z.shape[1]
    if o.fault == "gradient of the smoothing over a padded vocabulary":
        classes = -(-classes // PADDED) * PADDED
    g = p * (1 + 2 * p.dtype.type(o.z_loss) * (np.log(total) + top)[:, None]) - a / classes
    g[at, np.where(kept, label, 0)] -= 1 - a
    return np.where(kept[:, None], g, 0)


def gradient(
    h: Array, w: Array, labels: Array, c: Array, *, bias: Array | None = None, o: Options
) -> tuple[Array, ...]:
    """Return the gradients by hidden states, weight and bias, chunk by chunk."""
    label, dtype = scored(labels, o), wide(h).dtype
    by_hidden, by_weight = np.zeros(h.shape, dtype), np.zeros(w.shape, dtype)
    by_bias = np.zeros(len(w), ml_dtypes.bfloat16 if o.fault == "bias added up in bfloat16" else dtype)
    upstream = np.broadcast_to(wide(np.asarray(c)), (len(h),)) / divisor(label, len(w), o)
    stale = wide(h[:CHUNK])
    for start in range(0, len(h), CHUNK):
        at = slice(start, start + CHUNK)
        _, z, slope = logits_of(h[at], w, bias, o)
        g = wide((by_logits(z, label[at], o) * slope * upstream[at, None].astype(dtype)).astype(h.dtype))
        own = wide(h[at])
        by_hidden[at] = g @ wide(w)
        by_weight += g.T @ (stale[: len(own)] if o.fault == "weight by the chunk before" else own)
        stale = own if len(own) == CHUNK else stale
        if o.fault != "bias without the last chunk" or start + CHUNK < len(h) or start == 0:
            by_bias = by_bias + g.sum(axis=0).astype(by_bias.dtype)
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
    Planted("bias added up in bfloat16", "LIN-5", {"bias": True}),
    Planted("slope of the cap 1 - tanh", "LIN-6", {"softcap": 5.0}, says="derivative of the cap"),
    Planted("z-loss divided by all rows", "LIN-7", {"z_loss": 1e-2, **MEAN}, says="z-loss"),
    Planted("shifted the other way", "LIN-7", {**MEAN, "shift": True}, says="shifted"),
    Planted("divided by the rows of the shard", "LIN-7", MEAN, says="divisor is"),
    Planted("scale twice at the label", "LIN-6", {"scale": 0.5}, says="label's logit"),
    Planted("bias without the last chunk", "LIN-5", {"bias": True}),
    Planted("weight by the chunk before", "LIN-3"),
    Planted("gradient of the smoothing over a padded vocabulary", "LIN-7", {"label_smoothing": 0.125}, says="padded"),
    Planted("padding at -1e4", "LIN-1"),
    Planted("temperature at the label alone", "LIN-6", {"temperature": 2.0}, says="label's logit"),
    Planted("ignored rows cost their log-sum-exp", "LIN-1", {"ignore_index": IGNORED}),
]


def in_thirds(h: Array, w: Array) -> Array:
    """Return the product in float32 by six products of thirds in bfloat16, the smallest first."""

    def thirds(array: Array) -> list[Array]:
        rest, found = array.astype(np.float32), []
        for _ in range(3):
            found.append(rest.astype(ml_dtypes.bfloat16).astype(np.float32))
            rest = rest - found[-1]
        return found

    a, b = thirds(h), thirds(w)
    pairs = sorted(((i, j) for i in range(3) for j in range(3) if i + j < 3), key=sum, reverse=True)
    return sum((a[i] @ b[j].T for i, j in pairs), np.zeros((len(h), len(w)), np.float32))


def by_thirds(h: Array, w: Array, labels: Array) -> Array:
    """Return the loss of logits from products of thirds."""
    z = in_thirds(h, w)
    top = z.max(axis=1)
    return (np.log(np.exp(z - top[:, None]).sum(axis=1)) + (top - z[np.arange(len(z)), labels])).astype(h.dtype)


def in_base_two(h: Array, w: Array, labels: Array) -> Array:
    """Return the loss online from the last block of classes to the first, in base 2; the label by its own product."""
    z = wide(h) @ wide(w).T
    e2 = z.dtype.type(np.log2(np.e))
    top, total = np.full(len(z), -np.inf, z.dtype), np.zeros(len(z), z.dtype)
    for stop in range(z.shape[1], 0, -PADDED):
        block = z[:, max(0, stop - PADDED) : stop]
        new = np.maximum(top, block.max(axis=1))
        total = total * np.exp2((top - new) * e2) + np.exp2((block - new[:, None]) * e2).sum(axis=1)
        top = new
    own = np.einsum("ij,ij->i", wide(h), wide(w)[labels])
    return (np.log2(total) / e2 + (top - own)).astype(h.dtype)


def relative_to_the_label(h: Array, w: Array, labels: Array) -> Array:
    """Return log-sum-exp of the logits less the label's, by a tree of logaddexp."""
    z = wide(h) @ wide(w).T
    z = z - z[np.arange(len(z)), labels][:, None]
    while z.shape[1] > 1:
        half = z.shape[1] // 2
        z = np.concatenate([np.logaddexp(z[:, :half], z[:, half : 2 * half]), z[:, 2 * half :]], axis=1)
    return z[:, 0].astype(h.dtype)


def bias_as_a_column(h: Array, w: Array, labels: Array, *, bias: Array) -> Array:
    """Return the loss of a layer whose bias is a column of the weight, and a one in each hidden state."""
    longer, wider = np.pad(wide(h), ((0, 0), (0, 1)), constant_values=1), np.column_stack([wide(w), wide(bias)])
    z = longer @ wider.T
    top = z.max(axis=1)
    return (np.log(np.exp(z - top[:, None]).sum(axis=1)) + (top - z[np.arange(len(z)), labels])).astype(h.dtype)


def bias_as_a_column_gradient(h: Array, w: Array, labels: Array, c: Array, *, bias: Array) -> tuple[Array, ...]:
    """Return all gradients, that by the bias as a column of that by the weight."""
    longer, wider = np.pad(wide(h), ((0, 0), (0, 1)), constant_values=1), np.column_stack([wide(w), wide(bias)])
    z = longer @ wider.T
    e = np.exp(z - z.max(axis=1, keepdims=True))
    g = e / e.sum(axis=1, keepdims=True)
    g[np.arange(len(z)), labels] -= 1
    g = wide((g * wide(np.asarray(c))[:, None]).astype(h.dtype))
    both = g.T @ longer
    return (g @ wide(w)).astype(h.dtype), both[:, :-1].astype(h.dtype), both[:, -1].astype(h.dtype)


def running_mean(h: Array, w: Array, labels: Array) -> Array:
    """Return the mean of the kept rows as it runs over chunks, sums of exponentials from the smallest up."""
    mean, count = np.float32(0), 0
    for start in range(0, len(h), CHUNK):
        z = wide(h[start : start + CHUNK]) @ wide(w).T
        label = labels[start : start + CHUNK]
        kept = np.flatnonzero(label != IGNORED)
        if not kept.size:
            continue
        z, label = z[kept], label[kept]
        away = np.sort(z - z.max(axis=1, keepdims=True), axis=1)
        losses = np.log(np.exp(away).sum(axis=1)) + (z.max(axis=1) - z[np.arange(len(z)), label])
        count += len(kept)
        mean += (losses.mean() - mean) * np.float32(len(kept) / count)
    return np.asarray(mean).astype(h.dtype)


def by_remainder(h: Array, w: Array, labels: Array, c: Array) -> tuple[Array, ...]:
    """Return the gradients by -(1 - p) at the label, as the sum over the other classes, with compensated sums."""
    z = wide(h) @ wide(w).T
    e = np.exp(z - z.max(axis=1, keepdims=True))
    at = np.arange(len(z))
    others = e.copy()
    others[at, labels] = 0
    g = others / e.sum(axis=1, keepdims=True)
    g[at, labels] = -(others.sum(axis=1) / e.sum(axis=1))
    g = wide((g * wide(np.asarray(c))[:, None]).astype(h.dtype))
    total, lost = np.zeros(w.shape, np.float32), np.zeros(w.shape, np.float32)
    for start in range(0, len(h), CHUNK):
        part = g[start : start + CHUNK].T @ wide(h[start : start + CHUNK]) - lost
        new = total + part
        total, lost = new, (new - total) - part
    return (g @ wide(w)).astype(h.dtype), total.astype(h.dtype)


@dataclass(frozen=True)
class Design:
    """A head without a fault: its loss, its gradient if it has one of its own, what is declared, and its formats."""

    name: str
    function: Any
    gradient: Any = None
    declared: dict[str, Any] = field(default_factory=dict)
    formats: tuple[str, ...] = ("float32", "bfloat16")

    @property
    def functions(self) -> tuple[Any, Any]:
        """The loss and its gradient."""
        return partial(self.function), self.gradient


DESIGNS = [
    Design("six products of thirds in bfloat16", by_thirds, formats=("float32",)),
    Design("base 2, from the last block, the label by its own product", in_base_two),
    Design("tree of logaddexp behind the label's logit", relative_to_the_label),
    Design("bias as a column", bias_as_a_column, bias_as_a_column_gradient, {"bias": True}),
    Design("running mean of chunks", running_mean, declared=MEAN),
    Design("gradient by the remainder, compensated sums", relative_to_the_label, by_remainder),
]
