"""Answers of kernels that sum wrongly: shifts, tails, padding, blocks, narrow formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.causes.symptoms import answer, gradient_of, log_total, value_of
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from logitproof.kernels.causes.symptoms import F64, Symptoms


def of_classes(s: Symptoms, counted: Any) -> F64 | None:
    """Return the answer whose sums are over some of the classes only."""
    if OPS[s.op].elementwise:
        return None
    kept = np.zeros(s.n, bool)
    kept[counted] = True
    return None if kept.all() or not kept.any() else answer(s, total=log_total(np.where(kept, s.x, -np.inf)))


def body(s: Symptoms, *, lanes: int) -> F64 | None:
    """Return the answer whose sums leave out the tail behind whole vectors."""
    return of_classes(s, slice(0, s.n // lanes * lanes)) if s.n > lanes and s.n % lanes else None


def body_answer(s: Symptoms, *, lanes: int) -> F64 | None:
    """Return the answer where the classes of the tail take no part at all."""
    if OPS[s.op].elementwise or s.n <= lanes or not s.n % lanes:
        return None
    x = s.x.copy()
    x[:, s.n // lanes * lanes :] = -np.inf
    return answer(s, x=x)


def past(s: Symptoms, *, most: int) -> F64 | None:
    """Return the answer whose sums end at a class."""
    return of_classes(s, slice(0, most)) if s.n > most else None


def nothing_past(s: Symptoms, *, most: int) -> F64 | None:
    """Return the exact answer with zeros past a class."""
    if s.n <= most or s.exact.ndim < 2:
        return None
    told = s.exact.copy()
    told[:, most:] = 0.0
    return told


def padded(s: Symptoms, *, number: float, block: int) -> F64 | None:
    """Return the answer whose sums have more terms, up to a whole block."""
    short = -s.n % block
    if OPS[s.op].elementwise or not short:
        return None
    return answer(s, total=log_total(np.pad(s.x, ((0, 0), (0, short)), constant_values=number)))


def skipped(s: Symptoms, *, depth: float) -> F64 | None:
    """Return the answer without terms far below the largest."""
    if OPS[s.op].elementwise:
        return None
    top = s.x.max(axis=1, keepdims=True)
    kept = np.where(s.x < top - depth, -np.inf, s.x)
    if s.op == "softmax" and s.quantity == "value":
        return answer(s, x=kept)
    return answer(s, total=log_total(kept))


def no_shift(s: Symptoms, *, shift: Callable[[F64], Any]) -> F64 | None:
    """Return the answer in the format with a shift that may leave exp an overflow, or nothing but zeros."""
    if OPS[s.op].elementwise:
        return None
    dtype = np.float64 if s.format == "float64" else np.float32
    moved = (s.x - shift(s.x)).astype(dtype)
    e = np.exp(moved)
    total = e.sum(axis=1, keepdims=True)
    if s.op == "softmax" and s.quantity == "value":
        return np.asarray(e / total, dtype=np.float64)
    if s.quantity == "grad_logits" and s.c is not None:
        return gradient_of(s, np.asarray(e / total, dtype=np.float64), s.labels, s.c)
    logarithm = np.log(total).astype(np.float64)
    if s.op == "log_sum_exp" and s.quantity == "value":
        return np.asarray((logarithm + shift(s.x))[:, 0])
    return answer(s, x=moved.astype(np.float64), total=logarithm)


def no_shift_then_log(s: Symptoms) -> F64 | None:
    """Return the logarithm of a softmax without a shift."""
    if s.quantity != "value" or s.op not in {"log_softmax", "softmax_cross_entropy"}:
        return None
    e = np.exp(s.x.astype(np.float64 if s.format == "float64" else np.float32))
    logarithm = np.log(e / e.sum(axis=1, keepdims=True)).astype(np.float64)
    return value_of(s, logarithm, logarithm, s.labels)


def log_of_softmax(s: Symptoms, *, guard: Callable[[F64], F64]) -> F64 | None:
    """Return the logarithm of a rounded, guarded softmax."""
    if s.quantity != "value" or s.op not in {"log_softmax", "softmax_cross_entropy"}:
        return None
    dtype = np.float64 if s.format == "float64" else np.float32
    p: Any = np.exp(s.x - s.total).astype(dtype)
    logarithm = np.log(guard(p)).astype(np.float64)
    return value_of(s, logarithm, logarithm, s.labels)


def half_probability(s: Symptoms) -> F64 | None:
    """Return the loss of a softmax rounded to a half format."""
    if s.unit.bits != 16 or s.quantity != "value" or s.op != "softmax_cross_entropy" or not s.has_indices:
        return None
    p = np.exp(s.x - s.total).astype(np.float32).astype(s.unit.dtype)
    return -np.log(p.astype(np.float64))[np.arange(len(s.x)), s.labels]


def summed_in(s: Symptoms, *, format_: str, everything: bool = False) -> F64 | None:
    """Return the answer of a sum in a narrow format, one term after another; with the shift in that format, or not."""
    if OPS[s.op].elementwise or FORMATS[format_].unit_roundoff < s.unit.unit_roundoff:
        return None
    dtype = FORMATS[format_].dtype
    top = s.x.max(axis=1, keepdims=True)
    t = (s.x - top).astype(dtype).astype(np.float64) if everything else s.x - top
    e = np.exp(t).astype(np.float32).astype(dtype)
    total = np.add.accumulate(e, axis=1, dtype=dtype)[:, -1:].astype(np.float64)
    return answer(s, x=top + t, total=top + np.log(total))


def overlapped(s: Symptoms, *, lanes: int) -> F64 | None:
    """Return the answer whose last vector lies over the one before it, so that their common classes count twice."""
    if OPS[s.op].elementwise or s.n <= lanes or not s.n % lanes:
        return None
    return answer(s, total=log_total(np.hstack([s.x[:, : s.n // lanes * lanes], s.x[:, s.n - lanes :]])))


def counted_twice(s: Symptoms, *, count: int, last: bool) -> F64 | None:
    """Return the answer whose sums count the first classes twice, or the last."""
    if OPS[s.op].elementwise or s.n <= count:
        return None
    return answer(s, total=log_total(np.hstack([s.x, s.x[:, -count:] if last else s.x[:, :count]])))


def padded_with_the_last(s: Symptoms, *, block: int) -> F64 | None:
    """Return the answer whose sums count the last class once more for each place of padding."""
    if OPS[s.op].elementwise or not s.n % block:
        return None
    return answer(s, total=log_total(np.pad(s.x, ((0, 0), (0, -s.n % block)), mode="edge")))


def maxima_once(s: Symptoms) -> F64 | None:
    """Return the answer whose sums count equal maxima as one."""
    if OPS[s.op].elementwise:
        return None
    top = s.x.max(axis=1, keepdims=True)
    first = s.x.argmax(axis=1)[:, None] == np.arange(s.n)
    return answer(s, total=log_total(np.where((s.x == top) & ~first, -np.inf, s.x)))


def guarded_sum(s: Symptoms, *, guard: float) -> F64 | None:
    """Return the answer whose shifted sum has a guard added."""
    if OPS[s.op].elementwise:
        return None
    top = np.max(s.x, axis=1, keepdims=True)
    safe = np.where(np.isfinite(top), top, 0.0)
    return answer(s, total=safe + np.log(np.exp(s.x - safe).sum(axis=1, keepdims=True) + guard))


def sum_of_the_batch(s: Symptoms) -> F64 | None:
    """Return the answer whose sum is over all rows."""
    return None if OPS[s.op].elementwise else answer(s, total=log_total(s.x.reshape(1, -1)))


def exponentials_in(s: Symptoms, *, format_: str) -> F64 | None:
    """Return the softmax whose exponentials are rounded to a narrower format."""
    is_shares = (s.op, s.quantity) == ("softmax", "value")
    if not is_shares or FORMATS[format_].unit_roundoff <= s.unit.unit_roundoff:
        return None
    e = np.exp(s.x - s.x.max(axis=1, keepdims=True)).astype(np.float32).astype(FORMATS[format_].dtype)
    e = e.astype(np.float64)
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def base_2_first(s: Symptoms) -> F64 | None:
    """Return shares whose logits are multiplied with log2 e, and rounded, before the largest is subtracted."""
    if OPS[s.op].elementwise or s.op != "softmax":
        return None
    dtype: Any = np.float64 if s.format == "float64" else np.float32
    scaled = s.x.astype(dtype) * dtype(1.4426950408889634)
    return answer(s, x=(scaled - scaled.max(axis=1, keepdims=True)).astype(np.float64) / 1.4426950408889634)


def off_by_a_factor(s: Symptoms) -> F64 | None:
    """Return the answer to differences of logits times the factor that the observed shares have."""
    if s.quantity != "value" or s.op not in {"softmax", "log_softmax"} or s.n < 2:
        return None
    logs = np.log(s.observed) if s.op == "softmax" else s.observed
    t = s.x - s.x.max(axis=1, keepdims=True)
    used = np.isfinite(logs) & np.isfinite(t) & (t > -60.0) & np.isfinite(s.exact)
    rows = np.count_nonzero(used, axis=1, keepdims=True).clip(1)
    t_mean, y_mean = (np.where(used, a, 0.0).sum(axis=1, keepdims=True) / rows for a in (t, logs))
    t_own, y_own = (np.where(used, a - b, 0.0) for a, b in ((t, t_mean), (logs, y_mean)))
    square = float((t_own * t_own).sum())
    factor = float((t_own * y_own).sum()) / square if square > 0.0 else 1.0
    if not 4.0 * s.unit.unit_roundoff < abs(factor - 1.0) < 0.01:
        return None
    return answer(s, x=t * factor)


def next_row_in_the_maximum(s: Symptoms, *, lanes: int) -> F64 | None:
    """Return the answer whose maximum is taken over whole vectors, the last of which reads into the next row."""
    short = -s.n % lanes
    if OPS[s.op].elementwise or not short or len(s.x) < 2:
        return None
    flat = np.concatenate([s.x.ravel(), np.full(short, -np.inf)])
    starts = (np.arange(len(s.x)) * s.n)[:, None]
    read = flat[np.minimum(starts + np.arange(s.n + short), len(flat) - 1)]
    return no_shift(s, shift=lambda _: read.max(axis=1, keepdims=True))


def cancelling(s: Symptoms, *, op: str) -> F64 | None:
    """Return an answer of one op as the difference of a logit and the rounded log-sum-exp."""
    if s.op != op or s.quantity != "value":
        return None
    dtype = np.float64 if s.format == "float64" else np.float32
    top = s.x.max(axis=1, keepdims=True).astype(dtype)
    logarithm = np.log(np.exp((s.x - top).astype(dtype)).sum(axis=1, keepdims=True))
    total = (top + logarithm).astype(dtype)
    t = (s.x.astype(dtype) - total).astype(np.float64)
    return value_of(s, t, total.astype(np.float64), s.labels)


def total_rounded_first(s: Symptoms, *, in_half: bool) -> F64 | None:
    """Return shares, or a gradient made of them, as exp of the logit less a rounded log-sum-exp."""
    of_shares = s.quantity == "grad_logits" or (s.op, s.quantity) == ("softmax", "value")
    if OPS[s.op].elementwise or not of_shares or (in_half and s.unit.bits != 16):
        return None
    dtype: Any = s.unit.dtype if in_half else np.float64 if s.format == "float64" else np.float32
    return answer(s, total=s.total.astype(dtype).astype(np.float64))


def raised_too_late(s: Symptoms) -> F64 | None:
    """Return the exact answer with what overflowed where a class is far above all those before it."""
    if OPS[s.op].elementwise or len(s.observed) != len(s.x):
        return None
    before = np.maximum.accumulate(s.x, axis=1)[:, :-1]
    most = np.log(FORMATS["float64" if s.format == "float64" else "float32"].largest)
    late = (s.x[:, 1:] - before > most - 1.0).any(axis=1).reshape(-1, *(1,) * (s.observed.ndim - 1))
    lost = late & ~np.isfinite(s.observed) & np.isfinite(s.exact)
    return np.where(lost, s.observed, s.exact) if lost.any() else None


def inner_product_of_the_body(s: Symptoms, *, lanes: int) -> F64 | None:
    """Return the gradient whose sum over the classes leaves out the tail behind whole vectors."""
    if s.op not in {"softmax", "log_softmax"} or s.quantity != "grad_logits" or s.c is None:
        return None
    if s.n <= lanes or not s.n % lanes:
        return None
    p, counted = np.exp(s.x - s.total), s.n // lanes * lanes
    if s.op == "softmax":
        return np.asarray(p * (s.c - (p * s.c)[:, :counted].sum(axis=1, keepdims=True)))
    return np.asarray(s.c - p * s.c[:, :counted].sum(axis=1, keepdims=True))


def first_block(s: Symptoms, *, block: int) -> F64 | None:
    """Return the answer of blocks whose sums are not scaled to a new maximum."""
    if OPS[s.op].elementwise or s.n <= block:
        return None
    top, total = np.full((len(s.x), 1), -np.inf), np.zeros((len(s.x), 1))
    for start in range(0, s.n, block):
        part = s.x[:, start : start + block]
        top = np.maximum(top, part.max(axis=1, keepdims=True))
        total = total + np.exp(part - top).sum(axis=1, keepdims=True)
    return answer(s, total=top + np.log(total))


def clamped(s: Symptoms, *, depth: float) -> F64 | None:
    """Return the answer with exponents clamped from below."""
    if OPS[s.op].elementwise:
        return None
    top = s.x.max(axis=1, keepdims=True)
    return answer(s, x=np.maximum(s.x, top - depth))


def logits_clipped(s: Symptoms, *, at: float) -> F64 | None:
    """Return the answer to logits clipped to a range."""
    return answer(s, x=np.clip(s.x, -at, at)) if np.abs(s.x).max(initial=0.0) > at else None


def added(guard: float, p: F64) -> F64:
    """Return p with a guard added."""
    return p + p.dtype.type(guard)


def clip(guard: float, p: F64) -> F64:
    """Return p clipped by a guard."""
    return np.clip(p, p.dtype.type(guard), p.dtype.type(1) - p.dtype.type(guard))
