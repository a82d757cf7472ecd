"""Faults of one head that its author wrote without having seen how heads are judged: most are of a gradient alone.

The head works in chunks of rows and shards of classes. Nineteen faults were written, and six of PyTorch, before any was
tried; sixteen are kept here. Five were not found then: two are here ("workspace", "maximum"), two, which only a
framework has, are in test_head_conduct.py, and a label's logit that is rounded alone is within every bound. One, "label
at a border twice", was found by labels that stood there by chance.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Array = NDArray[Any]

CHUNK, IGNORED, PADDED = 8, -100, 64


@dataclass(frozen=True)
class Logits:
    """What stands in front of the loss: logits, their slopes, factors of rows, and the products before these."""

    z: Array
    slope: Array
    factors: Array
    products: Array


@dataclass
class Head:
    """What the head computes, and the fault that it has.

    Attributes
    ----------
    shards : int
        In how many parts of equal width (the last one less) the classes are added up.
    work : dict
        Buffers by shape, kept between calls.
    """

    softcap: float = 0.0
    temperature: float = 1.0
    z_loss: float = 0.0
    label_smoothing: float = 0.0
    reduction: str = "none"
    ignore_index: int | None = None
    divisor: float = 0.0
    shift: bool = False
    shards: int = 1
    fault: str = ""
    work: dict[Any, Array] = field(default_factory=dict)

    def value(
        self, h: Array, w: Array, labels: Array, *, bias: Array | None = None, factors: Array | None = None
    ) -> Array:
        """Return the loss, of each row or reduced."""
        label, kept = self.scored(labels)
        z = self.in_front(h, w, bias, factors).z
        top, total = self.sums(z)
        loss = np.log(total) + (top - z[np.arange(len(z)), label])
        if a := z.dtype.type(self.label_smoothing):
            loss = (1 - a) * loss + a * (np.log(total) + self.mean_below(top, z))
        loss = np.where(kept, loss + z.dtype.type(self.z_loss) * (np.log(total) + top) ** 2, 0).astype(z.dtype)
        if self.reduction == "none":
            return loss.astype(h.dtype)
        n = self.count(kept, z.dtype)
        if self.fault == "mean of a chunk of ignored rows":
            parts = [(loss[at].sum() / kept[at].sum()) * (kept[at].sum() / n) for at in chunks(len(h))]
            return np.asarray(sum(parts)).astype(h.dtype)
        return np.asarray(loss.sum() / n).astype(h.dtype)

    def gradient(
        self, h: Array, w: Array, labels: Array, c: Array, *, bias: Array | None = None, factors: Array | None = None
    ) -> tuple[Array, ...]:
        """Return the gradients by hidden states and weight, and by bias and factors where these are given."""
        label, kept = self.scored(np.append(labels, labels[0])) if self.fault == "roll" else self.scored(labels)
        label, kept = label[: len(h)], kept[: len(h)]
        dtype = wide(h).dtype
        by_hidden = np.zeros(h.shape, dtype)
        if self.fault == "workspace of an earlier call":
            by_hidden = self.work.setdefault((h.shape, dtype), by_hidden)
        by_weight, by_bias, by_factors = np.zeros(w.shape, dtype), np.zeros(len(w), dtype), np.zeros(len(h), dtype)
        upstream = np.broadcast_to(wide(np.asarray(c)), (len(h),)) * np.ones(1, dtype)
        n = dtype.type(1) if self.reduction == "none" else self.count(kept, dtype)
        for at in chunks(len(h)):
            first = slice(0, at.stop - at.start) if self.fault == "factors of the first rows" else at
            front = self.in_front(h[at], w, bias, None if factors is None else factors[first])
            g = self.by_products(front, label[at])
            rows = np.full_like(upstream[at], upstream[at][0]) if self.fault == "upstream of a chunk" else upstream[at]
            own = (rows * kept[at] / n)[:, None]
            g_bias = g * {
                "bias of ignored rows": (rows / n)[:, None],
                "bias not divided": own * n,
            }.get(self.fault, own)
            by_factors[at] = (g * own * front.products / front.factors).sum(axis=1)
            found = (g * own) @ wide(w)
            to = kept[at] if self.fault == "workspace of an earlier call" else slice(None)
            by_hidden[at][to] = found[to]
            is_left_out = self.fault == "last chunk not in the weight" and len(g) < CHUNK
            by_weight += 0 if is_left_out else (g * own).T @ wide(h[at])
            by_bias += g_bias.sum(axis=0)
        answers = [by_hidden.copy(), by_weight, *([] if bias is None else [by_bias])]
        return tuple(one.astype(h.dtype) for one in (*answers, *([] if factors is None else [by_factors[:, None]])))

    def by_products(self, front: Logits, label: Array) -> Array:
        """Return the gradient of each row's loss by the products of hidden states and weight, bias included."""
        z, slope = front.z, front.slope * front.factors
        dtype, classes = z.dtype.type, z.shape[1]
        top, total = self.sums(z)
        if self.fault == "padding at 0":
            total = total + (-classes % PADDED) * np.exp(-top)
        p = np.exp(z - top[:, None]) / total[:, None]
        lse = np.log(total) + (0 if self.fault == "z-loss of the shifted sum" else top)
        g = p * (1 + 2 * dtype(self.z_loss) * lse)[:, None]
        a = dtype(self.label_smoothing)
        for start, stop in self.parts(classes):
            is_mean_of_means = self.fault == "smoothing by means of shards"
            g[:, start:stop] -= a / (self.shards * (stop - start) if is_mean_of_means else classes)
        one = np.zeros_like(g)
        one[np.arange(len(z)), label] = 1 - a
        if self.fault == "label at a border twice":
            for start, _ in self.parts(classes)[1:]:
                one[label == start] *= 2
        if self.fault == "cap not on the label":
            return g * slope - one * (front.factors / dtype(self.temperature))
        if self.fault == "temperature not on the label":
            return g * slope - one
        g = (g - one) * slope
        return np.where(np.abs(g) < 2.0**-8, 0, g) if self.fault == "small probabilities dropped" else g

    def scored(self, labels: Array) -> tuple[Array, Array]:
        """Return the label of each row, 0 where it is ignored, and which rows count."""
        given = np.append(labels[1:], IGNORED) if self.shift else labels
        kept = given != IGNORED if self.shift or self.ignore_index is not None else np.ones(len(given), bool)
        return np.where(kept, given, 0), kept

    def in_front(self, h: Array, w: Array, bias: Array | None, factors: Array | None) -> Logits:
        """Return the logits of rows and what leads to them."""
        products = wide(h) @ wide(w).T
        products = products if bias is None else products + wide(bias)
        f = np.ones((len(h), 1), products.dtype) if factors is None else wide(factors)
        z = products * f / products.dtype.type(self.temperature)
        slope = np.full_like(z, 1 / self.temperature)
        if self.softcap:
            t = np.tanh(z / z.dtype.type(self.softcap))
            z, slope = z.dtype.type(self.softcap) * t, slope * ((1 - t) * (1 + t))
        return Logits(z, slope, f, products)

    def parts(self, classes: int) -> list[tuple[int, int]]:
        """Return where the classes of each shard begin and end."""
        width = -(-classes // self.shards)
        return [(start, min(start + width, classes)) for start in range(0, classes, width)]

    def sums(self, z: Array) -> tuple[Array, Array]:
        """Return the maximum of each row, and the sum of exponentials, shard by shard."""
        parts = self.parts(z.shape[1])
        top = z[:, : parts[0][1]].max(axis=1) if self.fault == "maximum of the first shard" else z.max(axis=1)
        with np.errstate(over="ignore"):
            total = sum(
                (np.exp(z[:, start:stop] - top[:, None]).sum(axis=1) for start, stop in parts), np.zeros_like(top)
            )
        return top, total

    def mean_below(self, top: Array, z: Array) -> Array:
        """Return the mean over the classes of how far each logit lies below the largest one."""
        below = top[:, None] - z
        if self.fault != "smoothing by means of shards":
            return np.asarray(below.mean(axis=1))
        return np.asarray(
            np.mean([below[:, start:stop].mean(axis=1) for start, stop in self.parts(z.shape[1])], axis=0)
        )

    def count(self, kept: Array, dtype: Any) -> Any:
        """Return what divides the sum of the losses."""
        return np.dtype(dtype).type(self.divisor or (kept.sum() if self.reduction == "mean" else 1))


def wide(array: Array) -> Array:
    """Return an array in float32, float64 as it is."""
    return array if array.dtype == np.float64 else array.astype(np.float32)


def chunks(rows: int) -> Iterator[slice]:
    """Yield which rows are computed together."""
    yield from (slice(start, min(start + CHUNK, rows)) for start in range(0, rows, CHUNK))


@dataclass(frozen=True)
class Planted:
    """A fault, the clause that names it and the case that shows it, if no ordinary one does."""

    fault: str
    clause: str
    declared: dict[str, Any] = field(default_factory=dict)
    says: str = ""
    shards: int = 1
    case: str = "ordinary"

    @property
    def head(self) -> Head:
        """The head with the fault."""
        names = Head.__dataclass_fields__
        options = {name: one for name, one in self.declared.items() if name in names}
        return Head(**options, shards=self.shards, fault=self.fault)


MEAN = {"reduction": "mean", "ignore_index": IGNORED}
SUM = {"reduction": "sum", "divisor": 64}
FACTORS = {"factors": "rows", "learned": True}
FAULTS = [
    Planted("last chunk not in the weight", "LIN-3"),
    Planted("cap not on the label", "LIN-2", {"softcap": 5.0}),
    Planted("smoothing by means of shards", "LIN-1", {"label_smoothing": 0.1}, shards=3),
    Planted("bias of ignored rows", "LIN-5", {"bias": True, **MEAN}),
    Planted("workspace of an earlier call", "LIN-2", MEAN, case="other rows ignored"),
    Planted("roll", "LIN-7", {**MEAN, "shift": True}, says="last row is judged by the first label"),
    Planted("padding at 0", "LIN-7", says="pad the vocabulary"),
    Planted("z-loss of the shifted sum", "LIN-7", {"z_loss": 1e-2}, says="less their maximum"),
    Planted("upstream of a chunk", "LIN-2"),
    Planted("label at a border twice", "LIN-2", shards=4),
    Planted("mean of a chunk of ignored rows", "LIN-1", MEAN, case="prompt"),
    Planted("factors of the first rows", "LIN-10", FACTORS),
    Planted("bias not divided", "LIN-5", {"bias": True, **SUM}),
    Planted("temperature not on the label", "LIN-2", {"temperature": 0.7}),
    Planted("small probabilities dropped", "LIN-3"),
    Planted("maximum of the first shard", "LIN-1", shards=2, case="far apart"),
]
CORRECT = [
    Planted("", "", {"label_smoothing": 0.1, **MEAN}),
    Planted("", "", {"z_loss": 1e-3, "softcap": 30.0}, shards=3),
    Planted("", "", {"bias": True, "temperature": 0.5, "softcap": 5.0}, shards=5),
    Planted("", "", {"shift": True, **MEAN}),
    Planted("", "", FACTORS),
    Planted("", "", {"bias": True, "z_loss": 1e-3, **SUM}, shards=4),
]
