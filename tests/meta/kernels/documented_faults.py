"""Documented faults of loss heads, each planted in one head of NumPy that has every option, with its thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

CHUNK = 16
IGNORED = -100


@dataclass(frozen=True)
class Options:
    """What a head computes, and the fault that it has."""

    scale: float = 1.0
    temperature: float = 1.0
    softcap: float = 0.0
    z_loss: float = 0.0
    reduction: str = "none"
    divisor: float = 0.0
    ignore_index: int = IGNORED
    label_smoothing: float = 0.0
    shift: bool = False
    divides: bool = False
    fault: str = ""

    @property
    def factor(self) -> float:
        """What the logits are multiplied with."""
        power = {"scale dropped": 0, "temperature twice": 2}.get(self.fault, 1)
        return float((self.scale / self.temperature) ** power)


def value(
    h: Array, w: Array, labels: Array, *, bias: Array | None = None, factors: Array | None = None, o: Options
) -> Array:
    """Return the loss."""
    losses, kept, _ = rows(h, w, labels, (bias, factors), o)
    if o.reduction == "none":
        return losses.astype(h.dtype)
    parts = np.array_split(losses, min(4, len(losses))) if o.fault == "means of chunks added" else [losses]
    if o.fault == "means of chunks added":
        return np.asarray(sum(part.mean() for part in parts)).astype(h.dtype)
    return np.asarray(losses.sum() / divisor(kept, o)).astype(h.dtype)


def divisor(kept: Array, o: Options) -> Any:
    """Return what the sum of the losses is divided by."""
    if o.reduction == "sum":
        mean = o.fault == "mean for the divisor"
        return np.float32(kept.sum() if mean else o.divisor or 1.0)
    if o.fault == "shifted labels counted with the first":
        return np.float32(kept.sum() + 1)
    return np.float32(len(kept) if o.fault == "mean over all rows" else kept.sum())


def rows(
    h: Array, w: Array, labels: Array, beside: tuple[Array | None, Array | None], o: Options
) -> tuple[Array, Array, dict[str, Array]]:
    """Return the loss of each row, whether it counts, and what its gradient is made of."""
    bias, factors = beside
    x = (wide(h) @ wide(w).T).astype(ml_dtypes.bfloat16 if o.fault == "logits in bfloat16" else h.dtype)
    z = wide(x) if bias is None or o.fault == "bias last" else wide((wide(x) + wide(bias)).astype(h.dtype))
    z = z if o.fault == "cap before the scale" else z * z.dtype.type(o.factor)
    plain = z
    z = z if factors is None or o.fault == "factors dropped" else z * heeded(factors, o)
    z = np.clip(z, -np.finfo(z.dtype).max, np.finfo(z.dtype).max) if o.fault == "products clamped" else z
    z = np.nan_to_num(z, nan=0.0, posinf=np.inf, neginf=-np.inf) if o.fault == "NaN products taken for 0" else z
    z = z + wide(bias) if bias is not None and o.fault == "bias last" else z
    before = z
    if o.softcap and o.fault != "cap dropped":
        tanh = np.tanh(z / z.dtype.type(o.softcap))
        z = (z if o.fault == "cap by z tanh" else z.dtype.type(o.softcap)) * tanh
    z = z * z.dtype.type(o.factor) if o.fault == "cap before the scale" else z
    times = {"shifted twice": 2, "not shifted": 0}.get(o.fault, 1) if o.shift else 0
    scored = np.append(labels[times:], np.full(times, o.ignore_index)) if times else labels
    scored = np.roll(labels, -1) if o.fault == "last row by the first label" else scored
    kept = scored != o.ignore_index
    label = np.where(kept, scored, 0)
    top = z.max(axis=1)
    e = np.exp(z - top[:, None])
    total = e.sum(axis=1)
    if o.fault == "sums of chunks not rescaled":
        total = sum(np.exp(part - part.max(axis=1, keepdims=True)).sum(axis=1) for part in halves(z))
    own = z[np.arange(len(z)), label]
    lse = np.log(total) + top
    losses = lse.astype(h.dtype).astype(z.dtype) - own if o.fault == "lse less logit" else np.log(total) + (top - own)
    z_loss = 1e-3 if o.fault == "z-loss added" else o.z_loss
    if a := z.dtype.type(o.label_smoothing):
        padded = -(-z.shape[1] // 64) * 64 if o.fault == "smoothing over a padded vocabulary" else z.shape[1]
        away = (np.log(total)[:, None] + (top[:, None] - z)).sum(axis=1) / padded
        losses = (1 - a) * losses + a * away
    squared = np.log(total) if o.fault == "z-loss of shifted logits" else lse
    added = z.dtype.type(z_loss) * squared * squared
    losses = np.where(kept, losses, 0) + added if o.fault == "z-loss of ignored rows" else losses + added
    losses = losses if o.fault == "z-loss of ignored rows" else np.where(kept, losses, 0)
    p = e / total[:, None]
    slope = p * (
        1 + 2 * z.dtype.type(0 if o.fault == "derivative of the z-loss dropped" else z_loss) * squared[:, None]
    )
    if a:
        slope = slope - a / z.shape[1]
    slope[np.arange(len(z)), label] -= 1 - a
    counted = kept if o.fault != "gradients of ignored rows" else np.ones_like(kept)
    return losses, kept, {"slope": np.where(counted[:, None], slope, 0), "before": before, "plain": plain}


def by_factors(made: dict[str, Array], upstream: Array, factors: Array, o: Options) -> Array:
    """Return the gradient with respect to a factor a row, (rows, 1), or a class, (classes,)."""
    given = made["before"] if o.fault == "factors by products" else made["plain"]
    terms = made["capped"] * upstream[:, None] * given
    if o.divides and o.fault != "factors by a product's rule":
        terms = -terms / wide(factors) ** 2
    if o.fault == "factors of the last chunk alone":
        terms[: len(terms) // CHUNK * CHUNK] = 0
    return terms.sum(axis=0) if factors.ndim == 1 else terms.sum(axis=1, keepdims=True)


def heeded(factors: Array, o: Options) -> Array:
    """Return the factors that count, of temperatures their reciprocals."""
    given = np.full_like(wide(factors), wide(factors).flat[0]) if o.fault == "first factor for all" else wide(factors)
    return given if o.divides == (o.fault == "divisors multiply") else 1 / given


def halves(z: Array) -> list[Array]:
    """Return the classes in two chunks, the second not empty."""
    return [part for part in np.array_split(z, 2, axis=1) if part.shape[1]]


def gradient(
    h: Array,
    w: Array,
    labels: Array,
    c: Array,
    *,
    bias: Array | None = None,
    factors: Array | None = None,
    o: Options,
) -> tuple[Array, ...]:
    """Return the gradients with respect to hidden states, weight, bias and factors."""
    _, kept, made = rows(h, w, labels, (bias, factors), o)
    slope = made["slope"]
    is_whole = o.reduction == "none" or o.fault == "gradient not divided"
    upstream = np.broadcast_to(wide(np.asarray(c)), (len(h),)) / (1 if is_whole else divisor(kept, o))
    if o.fault == "upstream dropped":
        upstream = np.ones_like(upstream)
    if o.softcap and o.fault not in {"cap dropped", "derivative of the cap dropped"}:
        slope = slope * (1 - np.tanh(made["before"] / slope.dtype.type(o.softcap)) ** 2)
    made["capped"] = slope
    if factors is not None and o.fault not in {"factors dropped", "derivative of the factors dropped"}:
        slope = slope * heeded(factors, o)
    by_hidden = slope * upstream[:, None]
    by_weight = slope * upstream[0] if o.fault == "first upstream for all rows" else by_hidden
    by_weight = slope if o.fault == "weight without upstream" else by_weight
    inner = 1.0 if o.fault == "derivative of the scale dropped" else o.factor
    stored = ml_dtypes.bfloat16 if o.fault == "gradient stored in bfloat16" else h.dtype
    by_hidden, by_weight = (
        (wide(one.astype(stored)) * one.dtype.type(inner)).astype(h.dtype) for one in (by_hidden, by_weight)
    )
    sums = ml_dtypes.bfloat16 if o.fault == "sums in bfloat16" else wide(h).dtype
    total, total_bias = np.zeros(w.shape, sums), np.zeros(len(w), sums)
    last = len(h) // CHUNK * CHUNK if o.fault == "last chunk lost" and len(h) >= CHUNK else len(h)
    chunk = 4 if o.fault == "sums in bfloat16" else CHUNK
    for start in range(chunk if o.fault == "first chunk lost" and last > chunk else 0, last, chunk):
        part = slice(start, start + chunk)
        total += (wide(by_weight[part]).T @ wide(h[part])).astype(sums)
        own = wide(by_weight[part]).sum(axis=0).astype(sums)
        total_bias = own if o.fault == "bias of the last chunk alone" else total_bias + own
    answers = ((wide(by_hidden) @ wide(w)).astype(h.dtype), total.astype(h.dtype))
    answers = answers if bias is None else (*answers, total_bias.astype(h.dtype))
    return answers if factors is None else (*answers, by_factors(made, upstream, factors, o).astype(h.dtype))


def wide(array: Array) -> Array:
    """Return an array in float32, float64 as it is."""
    return array if array.dtype == np.float64 else array.astype(np.float32)


@dataclass(frozen=True)
class Planted:
    """A fault, where it was, and the clause that names it."""

    fault: str
    thread: str
    clause: str
    declared: dict[str, Any] = field(default_factory=dict)
    formats: tuple[str, ...] = ("float32",)
    says: str = ""

    @property
    def functions(self) -> tuple[Any, Any]:
        """The loss and its gradient, with the fault."""
        options = Options(
            **{name: one for name, one in self.declared.items() if name not in {"bias", "factors", "learned"}},
            fault=self.fault,
        )
        return partial(value, o=options), partial(gradient, o=options)


GITHUB = "https://github.com/"
CAP, MEAN = {"softcap": 5.0}, {"reduction": "mean", "ignore_index": IGNORED}
SHIFT = {**MEAN, "shift": True}
DIVISOR = {"reduction": "sum", "divisor": 64.0}
ALL = {
    "bias": True,
    "temperature": 2.0,
    "softcap": 5.0,
    "z_loss": 1e-3,
    **DIVISOR,
    "shift": True,
    "ignore_index": IGNORED,
}

FAULTS = [
    Planted("cap by z tanh", f"{GITHUB}unslothai/unsloth-zoo/pull/593", "LIN-6", CAP, says="z tanh(z / c)"),
    Planted("cap dropped", f"{GITHUB}unslothai/unsloth/pull/11277", "LIN-6", CAP, says="cap is dropped"),
    Planted("scale dropped", f"{GITHUB}apple/ml-cross-entropy/issues/48", "LIN-6", {"scale": 0.5}, says="dropped"),
    Planted("temperature twice", f"{GITHUB}huggingface/trl/issues/4159", "LIN-6", {"temperature": 2.0}, says="twice"),
    Planted("z-loss added", f"{GITHUB}allenai/OLMo-core/pull/702", "LIN-7", says="a z-loss of 0.001 is added"),
    Planted("lse less logit", f"{GITHUB}pytorch/pytorch/pull/195829", "LIN-8", says="rounded"),
    Planted("sums in bfloat16", f"{GITHUB}linkedin/Liger-Kernel/pull/1391", "LIN-3", formats=("bfloat16",)),
    Planted("first upstream for all rows", f"{GITHUB}linkedin/Liger-Kernel/pull/1298", "LIN-7", says="first row"),
    Planted("means of chunks added", f"{GITHUB}NVIDIA-NeMo/Automodel/issues/3803", "LIN-7", MEAN, says="divisor is"),
    Planted("shifted twice", f"{GITHUB}huggingface/transformers/issues/47394", "LIN-7", SHIFT, says="shifted twice"),
    Planted("not shifted", f"{GITHUB}huggingface/transformers/issues/27517", "LIN-7", SHIFT, says="own labels"),
    Planted(
        "shifted labels counted with the first",
        f"{GITHUB}huggingface/transformers/pull/46204",
        "LIN-7",
        SHIFT,
        says="divisor is",
    ),
    Planted(
        "mean for the divisor", f"{GITHUB}huggingface/transformers/issues/35203", "LIN-7", DIVISOR, says="over all"
    ),
    Planted("mean over all rows", f"{GITHUB}flagos-ai/FlagGems/pull/73", "LIN-7", MEAN, says="over all rows"),
    Planted("gradient stored in bfloat16", f"{GITHUB}NVIDIA/TransformerEngine/pull/3193", "LIN-2"),
    Planted("upstream dropped", f"{GITHUB}linkedin/Liger-Kernel/issues/968", "LIN-7", says="upstream"),
    Planted(
        "derivative of the cap dropped", f"{GITHUB}unslothai/unsloth-zoo/pull/593", "LIN-6", CAP, says="derivative"
    ),
    Planted("last chunk lost", f"{GITHUB}NVIDIA-NeMo/Automodel/issues/3803", "LIN-3"),
]
"""Sixteen that threads document, and two of their kind: a derivative forgotten, a chunk left out."""

LEARNED = {"factors": "rows", "learned": True}
DIVIDED = {**LEARNED, "divides": True}
Z_LOSS = {"z_loss": 1e-2}
INVENTED = [
    Planted("cap before the scale", "", "LIN-6", {"scale": 0.5, "softcap": 5.0}, says="cap comes before"),
    Planted("derivative of the scale dropped", "", "LIN-6", {"temperature": 2.0}, says="derivative of the scale"),
    Planted("bias last", "", "LIN-6", {"bias": True, "temperature": 2.0}, says="bias comes after"),
    Planted("z-loss of shifted logits", "", "LIN-7", Z_LOSS, says="less their maximum"),
    Planted("derivative of the z-loss dropped", "", "LIN-7", Z_LOSS, says="z-loss is dropped"),
    Planted("z-loss of ignored rows", "", "LIN-1", {**Z_LOSS, "ignore_index": IGNORED}),
    Planted("smoothing over a padded vocabulary", "", "LIN-7", {"label_smoothing": 0.125}, says="padded"),
    Planted("last row by the first label", "", "LIN-7", SHIFT, says="first label"),
    Planted("gradients of ignored rows", "", "LIN-2", MEAN),
    Planted("gradient not divided", "", "LIN-7", MEAN, says="nothing divides"),
    Planted("weight without upstream", "", "LIN-7", says="upstream"),
    Planted("first chunk lost", "", "LIN-3"),
    Planted("bias of the last chunk alone", "", "LIN-5", {"bias": True}),
    Planted("factors dropped", "", "LIN-6", {"factors": "classes"}, says="tensor of factors is dropped"),
    Planted("first factor for all", "", "LIN-6", {"factors": "rows"}, says="first factor counts"),
    Planted("derivative of the factors dropped", "", "LIN-6", {"factors": "rows"}, says="derivative of the tensor"),
    Planted("factors by products", "", "LIN-6", LEARNED, says="logits that they have multiplied"),
    Planted("factors by products", "", "LIN-10", {**LEARNED, "softcap": 5.0}),
    Planted("factors of the last chunk alone", "", "LIN-10", {**LEARNED, "factors": "classes"}),
    Planted("divisors multiply", "", "LIN-6", DIVIDED, says="a quotient stands for the product"),
    Planted("factors by a product's rule", "", "LIN-10", DIVIDED),
    Planted("products clamped", "", "LIN-11", {"factors": "classes"}, says=""),
    Planted("products clamped", "", "LIN-11", {"scale": 32.0}),
    Planted("NaN products taken for 0", "", "LIN-11", {"factors": "classes"}, says="exactly nan"),
    Planted("logits in bfloat16", "", "LIN-1"),
    Planted("sums of chunks not rescaled", "", "LIN-1"),
]
"""Faults that no thread was found for, of the same kinds."""

CORRECT = [
    Planted("", "", "", declared, formats)
    for declared, formats in (
        ({}, ("bfloat16", "float32", "float64")),
        (ALL, ("bfloat16", "float32")),
        (SHIFT, ("float32",)),
        ({"bias": True}, ("bfloat16", "float32")),
        ({"z_loss": 1e-2, **MEAN}, ("bfloat16", "float32")),
        ({"scale": 0.5, "softcap": 5.0}, ("float32",)),
        ({"scale": -0.75}, ("float32",)),
        ({"factors": "rows", "softcap": 5.0}, ("float32", "bfloat16")),
        ({"factors": "classes", "bias": True}, ("float32", "bfloat16")),
        ({**LEARNED, "softcap": 5.0, "bias": True}, ("float32", "bfloat16", "float16", "float64")),
        ({**LEARNED, "factors": "classes", "temperature": 2.0}, ("float32", "bfloat16", "float16", "float64")),
        ({**LEARNED, "z_loss": 1e-2, **MEAN}, ("float32", "bfloat16")),
        (DIVIDED, ("float32", "bfloat16", "float16", "float64")),
        ({**DIVIDED, "factors": "classes", **MEAN}, ("float32", "bfloat16")),
        ({"scale": -3e4}, ("float32", "bfloat16", "float16", "float64")),
        ({"temperature": 1e-3}, ("float32", "bfloat16")),
        ({"label_smoothing": 0.125, "ignore_index": IGNORED}, ("float32", "bfloat16")),
        (DIVISOR, ("float16", "float32")),
    )
]
"""The head without a fault: float32 sums over chunks of rows, and float64 throughout."""
