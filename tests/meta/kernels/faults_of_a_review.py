"""Faults of loss heads that a second review planted: of fused, chunked and sharded code, with a thread if there is one.

Each is one thing changed in a plain head of NumPy, which scales, caps and adds a bias where that is declared.
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

TILE, PADDED, IGNORED = 64, 128, -100
FILTERED = 2.0**-12
"""Gradients of smaller probabilities are left out, as a filter of blocks may do by intent."""


@dataclass(frozen=True)
class Options:
    """What the head computes, and the fault that it has."""

    scale: float = 1.0
    softcap: float = 0.0
    z_loss: float = 0.0
    label_smoothing: float = 0.0
    reduction: str = "none"
    ignore_index: int = IGNORED
    fault: str = ""

    @property
    def is_mean(self) -> bool:
        """Whether one number answers for all rows."""
        return self.reduction == "mean"


def wide(array: Array) -> Array:
    """Return an array in float32, float64 as it is."""
    return array if array.dtype == np.float64 else array.astype(np.float32)


def read(array: Array, o: Options) -> Array:
    """Return an array; with the fault, its memory as if it were contiguous."""
    if o.fault != "strides not read" or array.flags.c_contiguous:
        return array
    held = array.base if array.base is not None else array
    return np.resize(np.lib.stride_tricks.as_strided(array, (1,), (array.itemsize,)), array.shape) + 0 * held.flat[0]


def capped(z: Array, o: Options) -> tuple[Array, Array]:
    """Return capped logits and the slope of the cap."""
    if not o.softcap:
        return z, np.ones_like(z)
    cap = z.dtype.type(o.softcap)
    tanh = np.tanh(z / cap)
    slope = 1 - (np.tanh(tanh) if o.fault == "slope of the cap at capped logits" else tanh) ** 2
    return cap * tanh, slope


def rows(h: Array, w: Array, labels: Array, bias: Array | None, o: Options) -> dict[str, Array]:
    """Return what losses and gradients are made of."""
    if o.fault == "hidden states scaled in place":
        h *= h.dtype.type(o.scale)
    hidden, weight = wide(read(h, o)), wide(read(w, o))
    x = hidden @ weight.T
    factor = x.dtype.type(1 if o.fault == "hidden states scaled in place" else o.scale)
    plain = x if bias is None else x + wide(bias)
    z, slope = capped(plain * factor, o)
    kept = labels != o.ignore_index
    if o.fault == "label 0 taken for padding":
        kept &= labels != 0
    label = np.where(kept, labels, 0)
    at = np.arange(len(z))
    own = z[at, label]
    if o.fault == "bias twice at the label" and bias is not None:
        own = own + factor * wide(bias)[label]
    if o.fault == "label's logit before the scale":
        own = plain[at, label]
    if o.fault == "label in the last tile lost":
        own = np.where((label >= len(w) // TILE * TILE) & (len(w) > TILE), 0, own)
    top = z.max(axis=1)
    e = np.exp(z - top[:, None])
    total = e.sum(axis=1)
    if o.fault == "padding counts as classes":
        total = total + (-len(w) % PADDED) * np.exp(-top)
    if o.fault == "sums over classes in bfloat16":
        total = np.add.accumulate(e.astype(ml_dtypes.bfloat16), axis=1)[:, -1].astype(e.dtype)
    lse = np.log(total) + top
    losses = np.log(total) + (top - own)
    share = z.dtype.type(o.label_smoothing)
    if share:
        losses = (1 - share) * losses + share * (np.log(total) + (top[:, None] - z).mean(axis=1))
    seen = plain.max(axis=1) + np.log(np.exp(plain - plain.max(axis=1)[:, None]).sum(axis=1))
    squared = seen if o.fault == "z-loss before the scale" else lse
    losses = losses + z.dtype.type(o.z_loss) * squared * squared
    smoothed = np.where(kept, losses, share * losses if o.fault == "smoothing of ignored rows" else 0)
    p = e / total[:, None]
    return {"losses": smoothed, "kept": kept, "label": label, "p": p, "slope": slope, "lse": lse, "hidden": hidden}


def value(h: Array, w: Array, labels: Array, *, bias: Array | None = None, o: Options) -> Array:
    """Return the loss."""
    made = rows(h, w, labels, bias, o)
    losses, kept = made["losses"], made["kept"]
    if o.fault == "rows of two chunks exchanged" and len(losses) > TILE // 4:
        losses = np.roll(losses, len(losses) // 2)
    if not o.is_mean:
        return losses.astype(h.dtype)
    if o.fault == "means of chunks weighted":
        starts = range(0, len(losses), TILE)
        parts = [(losses[at : at + TILE], kept[at : at + TILE]) for at in starts]
        whole = sum((one.sum() / few.sum()) * few.sum() for one, few in parts)
        return np.asarray(whole / kept.sum()).astype(h.dtype)
    if o.fault == "losses added in bfloat16":
        total = np.add.accumulate(losses.astype(ml_dtypes.bfloat16))[-1]
        return np.asarray(np.float32(total) / kept.sum()).astype(h.dtype)
    return np.asarray(losses.sum() / kept.sum()).astype(h.dtype)


def gradient(
    h: Array, w: Array, labels: Array, c: Array, *, bias: Array | None = None, o: Options
) -> tuple[Array, ...]:
    """Return the gradients by hidden states, weight and bias."""
    made = rows(h, w, labels, bias, o)
    p, kept, label, at = made["p"], made["kept"], made["label"], np.arange(len(h))
    share = p.dtype.type(o.label_smoothing)
    g = p * (1 + 2 * p.dtype.type(o.z_loss) * made["lse"][:, None]) - share / p.shape[1]
    g[at, label] -= 1 - share
    if o.fault == "small probabilities filtered":
        g = np.where(p < FILTERED, 0, g)
    g = np.where(kept[:, None], g, 0)
    if o.fault == "ignored label wraps":
        g[at[~kept], labels[~kept] % len(w)] -= 1
    if o.fault == "shards without the label have no gradient":
        half = max(len(w) // 2, 1)
        owned = (np.arange(len(w)) // half)[None] == (label // half)[:, None]
        g = np.where(owned, g, 0)
    upstream = np.broadcast_to(wide(read(np.asarray(c), o)), (len(h),)) / (kept.sum() if o.is_mean else 1)
    power = 2 if o.fault == "derivative of the scale twice" else 1
    g = g * made["slope"] * p.dtype.type(o.scale) ** power * upstream[:, None].astype(p.dtype)
    g = wide(g.astype(h.dtype))
    by_bias = g.mean(axis=0) if o.fault == "mean of the rows by the bias" else g.sum(axis=0)
    answers = ((g @ wide(w)).astype(h.dtype), (g.T @ made["hidden"]).astype(h.dtype))
    return answers if bias is None else (*answers, by_bias.astype(h.dtype))


@dataclass(frozen=True)
class Planted:
    """A fault, where one like it was, and the clause that names it."""

    fault: str
    thread: str
    clause: str
    declared: dict[str, Any] = field(default_factory=dict)
    formats: tuple[str, ...] = ("float32",)
    says: str = ""

    @property
    def functions(self) -> tuple[Any, Any]:
        """The loss and its gradient, with the fault."""
        options = Options(**{name: one for name, one in self.declared.items() if name != "bias"}, fault=self.fault)
        return partial(value, o=options), partial(gradient, o=options)


GITHUB = "https://github.com/"
MEAN = {"reduction": "mean", "ignore_index": IGNORED}
BIAS, CAP = {"bias": True}, {"softcap": 5.0}

FAULTS = [
    Planted("bias twice at the label", f"{GITHUB}apple/ml-cross-entropy/pull/53", "LIN-6", BIAS, says="label's logit"),
    Planted("padding counts as classes", "", "LIN-7", says="pad the vocabulary"),
    Planted("small probabilities filtered", "", "LIN-3"),
    Planted("hidden states scaled in place", f"{GITHUB}NovaSky-AI/SkyRL/pull/1650", "IO-2", {"scale": 0.5}),
    Planted("means of chunks weighted", "", "LIN-1", MEAN),
    Planted("label in the last tile lost", "", "LIN-1"),
    Planted("derivative of the scale twice", "", "LIN-6", {"scale": 0.5}, says="derivative of the scale"),
    Planted("slope of the cap at capped logits", "", "LIN-6", CAP, says="at the capped logits"),
    Planted("shards without the label have no gradient", f"{GITHUB}modelscope/ms-swift/pull/9947", "LIN-3"),
    Planted("strides not read", "", "IO-5"),
    Planted("label 0 taken for padding", "", "LIN-1"),
    Planted("ignored label wraps", "", "LIN-3", MEAN),
    Planted("smoothing of ignored rows", "", "LIN-1", {"label_smoothing": 0.125, "ignore_index": IGNORED}),
    Planted("sums over classes in bfloat16", "", "LIN-1", formats=("bfloat16",)),
    Planted("losses added in bfloat16", "", "LIN-1", MEAN, ("bfloat16",)),
    Planted("rows of two chunks exchanged", "", "LIN-1"),
    Planted("mean of the rows by the bias", "", "LIN-5", BIAS),
    Planted("z-loss before the scale", "", "LIN-7", {"scale": 0.5, "z_loss": 1e-2}, says="before the scale"),
    Planted("label's logit before the scale", "", "LIN-6", {"scale": 0.5}, says="label's logit"),
]
