"""Kernels fused with the linear layer: correct ones of several algorithms, and faulty ones with one fault each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

CHUNK = 16
IGNORED = -100


@dataclass(frozen=True)
class Fused:
    """A kernel and its gradient, what is declared of it, and of a faulty one the clause that it breaks."""

    name: str
    function: Callable[..., Any]
    gradient: Callable[..., Any]
    declared: dict[str, Any] = field(default_factory=dict)
    clause: str = ""
    formats: tuple[str, ...] = ("bfloat16", "float32")


def wide(*arrays: Array) -> list[Array]:
    """Return arrays in float32, float64 as it is."""
    return [array if array.dtype == np.float64 else array.astype(np.float32) for array in arrays]


def logits_of(h: Array, w: Array) -> Array:
    """Return logits, stored in the format."""
    x, y = wide(h, w)
    return (x @ y.T).astype(h.dtype)


def row_losses(z: Array, labels: Array) -> Array:
    """Return the loss of each row, computed wide."""
    (x,) = wide(z)
    x = x - x.max(axis=1, keepdims=True)
    return np.log(np.exp(x).sum(axis=1)) - x[np.arange(len(x)), labels]


def by_logits(z: Array, labels: Array, c: Array) -> Array:
    """Return the gradient with respect to the logits, wide."""
    (x,) = wide(z)
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    p[np.arange(len(p)), labels] -= 1
    return p * np.asarray(c, dtype=p.dtype).reshape(-1, 1)


def by_operands(g: Array, h: Array, w: Array) -> tuple[Array, Array]:
    """Return both gradients of a gradient with respect to the logits that is stored in the format."""
    stored, x, y = wide(g.astype(h.dtype), h, w)
    return (stored @ y).astype(h.dtype), (stored.T @ x).astype(h.dtype)


def plain(h: Array, w: Array, labels: Array) -> Array:
    """Return the losses by the reference path."""
    return row_losses(logits_of(h, w), labels).astype(h.dtype)


def plain_gradient(h: Array, w: Array, labels: Array, c: Array) -> tuple[Array, Array]:
    """Return its gradients."""
    return by_operands(by_logits(logits_of(h, w), labels, c), h, w)


def in_float64(h: Array, w: Array, labels: Array) -> Array:
    """Evaluate in float64 and round once."""
    return row_losses(h.astype(np.float64) @ w.astype(np.float64).T, labels).astype(h.dtype)


def in_float64_gradient(h: Array, w: Array, labels: Array, c: Array) -> tuple[Array, Array]:
    """Return its gradients."""
    x, y = h.astype(np.float64), w.astype(np.float64)
    g = by_logits(x @ y.T, labels, c.astype(np.float64))
    return (g @ y).astype(h.dtype), (g.T @ x).astype(h.dtype)


def chunked(h: Array, w: Array, labels: Array) -> Array:
    """Return the losses a chunk of rows at a time."""
    parts = [slice(start, start + CHUNK) for start in range(0, len(h), CHUNK)]
    return np.concatenate([plain(h[part], w, labels[part]) for part in parts])


def chunked_gradient(
    h: Array, w: Array, labels: Array, c: Array, *, sums: Any = np.float32, chunk: int = CHUNK
) -> tuple[Array, Array]:
    """Add up the gradient with respect to the weight over chunks of rows, in float32 or wider."""
    hidden = np.empty_like(h)
    total = np.zeros(w.shape, np.float64 if w.dtype == np.float64 else sums)
    for start in range(0, len(h), chunk):
        part = slice(start, start + chunk)
        z = logits_of(h[part], w)
        g = by_logits(z, labels[part], c[part]).astype(h.dtype)
        stored, x, y = wide(g, h[part], w)
        hidden[part] = (stored @ y).astype(h.dtype)
        total += (stored.T @ x).astype(total.dtype)
    return hidden, total.astype(w.dtype)


def online(h: Array, w: Array, labels: Array) -> Array:
    """Go through the vocabulary in chunks, with a running maximum and sum."""
    x, y = wide(h, w)
    top, total = np.full(len(h), -np.inf, x.dtype), np.zeros(len(h), x.dtype)
    own = np.zeros(len(h), x.dtype)
    for start in range(0, len(w), CHUNK):
        z = x @ y[start : start + CHUNK].T
        higher = np.maximum(top, z.max(axis=1))
        total = total * np.exp(top - higher) + np.exp(z - higher[:, None]).sum(axis=1)
        top = higher
        inside = (labels >= start) & (labels < start + CHUNK)
        own[inside] = z[inside, labels[inside] - start]
    return (np.log(total) + (top - own)).astype(h.dtype)


def capped(h: Array, w: Array, labels: Array, *, outside: float = 5.0) -> Array:
    """Return the losses of capped logits, by c tanh(z / c)."""
    (z,) = wide(logits_of(h, w))
    return row_losses((outside * np.tanh(z / 5.0)).astype(h.dtype), labels).astype(h.dtype)


def capped_gradient(h: Array, w: Array, labels: Array, c: Array) -> tuple[Array, Array]:
    """Return its gradients."""
    (z,) = wide(logits_of(h, w))
    tanh = np.tanh(z / 5.0)
    g = by_logits((5.0 * tanh).astype(h.dtype), labels, c)
    return by_operands((g * (1 - tanh * tanh)).astype(h.dtype), h, w)


def mean_loss(h: Array, w: Array, labels: Array) -> Array:
    """Return the mean over the rows that are kept."""
    kept = labels != IGNORED
    losses = row_losses(logits_of(h, w), np.where(kept, labels, 0))
    return np.asarray(np.where(kept, losses, 0).sum() / kept.sum()).astype(h.dtype)


def mean_gradient(h: Array, w: Array, labels: Array, c: Array) -> tuple[Array, Array]:
    """Return its gradients."""
    kept = labels != IGNORED
    g = by_logits(logits_of(h, w), np.where(kept, labels, 0), np.full(len(h), np.float32(c) / kept.sum()))
    return by_operands(np.where(kept[:, None], g, 0), h, w)


CAP = {"softcap": 5.0}
MEAN = {"reduction": "mean", "ignore_index": IGNORED}

CORRECT = [
    Fused("plain", plain, plain_gradient),
    Fused("float64, rounded once", in_float64, in_float64_gradient, formats=("float16", "bfloat16", "float32")),
    Fused("chunked, sums in float32", chunked, chunked_gradient),
    Fused("online over the vocabulary", online, plain_gradient),
    Fused("capped", capped, capped_gradient, CAP),
    Fused("mean of the kept rows", mean_loss, mean_gradient, MEAN),
]


def in_bfloat16(h: Array, w: Array, labels: Array, c: Array) -> tuple[Array, Array]:
    """Add the chunks up in the format itself."""
    return chunked_gradient(h, w, labels, c, sums=ml_dtypes.bfloat16, chunk=4)


def last_chunk_lost(h: Array, w: Array, labels: Array, c: Array) -> tuple[Array, Array]:
    """Leave the rows of the last chunk out where it is not full."""
    full = len(h) // CHUNK * CHUNK
    hidden, weight = chunked_gradient(h[:full], w, labels[:full], c[:full])
    return np.concatenate([hidden, np.zeros_like(h[full:])]), weight


def last_classes_lost(h: Array, w: Array, labels: Array) -> Array:
    """Leave the classes behind the last full chunk out of the sum."""
    z = logits_of(h, w)
    full = max(len(w) // CHUNK * CHUNK, 1)
    (x,) = wide(z)
    top = x.max(axis=1, keepdims=True)
    return (np.log(np.exp(x - top)[:, :full].sum(axis=1)) + (top[:, 0] - x[np.arange(len(x)), labels])).astype(h.dtype)


def rebuilt(h: Array, w: Array, labels: Array) -> Array:
    """Store log-sum-exp and the label's logit in the format, then subtract."""
    z = logits_of(h, w)
    (x,) = wide(z)
    top = x.max(axis=1)
    lse = (np.log(np.exp(x - top[:, None]).sum(axis=1)) + top).astype(h.dtype)
    return lse - z[np.arange(len(z)), labels]


def upstream_dropped(h: Array, w: Array, labels: Array, c: Array) -> tuple[Array, Array]:
    """Take the upstream gradient for 1."""
    return plain_gradient(h, w, labels, np.ones_like(c))


def not_transposed_scale(h: Array, w: Array, labels: Array, c: Array) -> tuple[Array, Array]:
    """Forget the derivative of the cap."""
    (z,) = wide(logits_of(h, w))
    return by_operands(by_logits((5.0 * np.tanh(z / 5.0)).astype(h.dtype), labels, c), h, w)


def wrong_cap(h: Array, w: Array, labels: Array) -> Array:
    """Cap by z tanh(z / c)."""
    (z,) = wide(logits_of(h, w))
    return row_losses((z * np.tanh(z / 5.0)).astype(h.dtype), labels).astype(h.dtype)


def mean_over_all(h: Array, w: Array, labels: Array) -> Array:
    """Divide by all rows, ignored ones too."""
    kept = labels != IGNORED
    return np.asarray(mean_loss(h, w, labels) * kept.sum() / len(h)).astype(h.dtype)


def ignored_counted(h: Array, w: Array, labels: Array, c: Array) -> tuple[Array, Array]:
    """Give the ignored rows a gradient."""
    kept = labels != IGNORED
    g = by_logits(logits_of(h, w), np.where(kept, labels, 0), np.full(len(h), np.float32(c) / kept.sum()))
    return by_operands(g, h, w)


def z_loss_added(h: Array, w: Array, labels: Array) -> Array:
    """Add a z-loss that nobody declared."""
    (x,) = wide(logits_of(h, w))
    top = x.max(axis=1)
    lse = np.log(np.exp(x - top[:, None]).sum(axis=1)) + top
    return (row_losses(x, labels) + np.float32(1e-2) * lse * lse).astype(h.dtype)


FAULTY = [
    Fused("sums of chunks in bfloat16", chunked, in_bfloat16, clause="LIN-3", formats=("bfloat16",)),
    Fused("last chunk of rows lost", chunked, last_chunk_lost, clause="LIN-2"),
    Fused("last chunk of classes lost", last_classes_lost, plain_gradient, clause="LIN-1"),
    Fused("rebuilt as lse - logit", rebuilt, plain_gradient, clause="LIN-1"),
    Fused("upstream gradient dropped", plain, upstream_dropped, clause="LIN-2"),
    Fused("cap dropped", plain, capped_gradient, CAP, "LIN-1"),
    Fused("derivative of the cap forgotten", capped, not_transposed_scale, CAP, "LIN-2"),
    Fused("cap by z tanh(z / c)", wrong_cap, capped_gradient, CAP, "LIN-1"),
    Fused("mean over all rows", mean_over_all, mean_gradient, MEAN, "LIN-1"),
    Fused("ignored rows counted", mean_loss, ignored_counted, MEAN, "LIN-2"),
    Fused("scale dropped", plain, plain_gradient, {"scale": 0.5}, "LIN-1"),
    Fused("z-loss added", z_loss_added, plain_gradient, clause="LIN-1"),
]
