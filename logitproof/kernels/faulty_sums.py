"""Answers of kernels that sum wrongly: shifts, tails, padding, blocks, narrow formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.symptoms import answer, log_total, value_of
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from logitproof.kernels.symptoms import F64, Symptoms


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
    p: Any = np.exp(s.x - log_total(s.x)).astype(dtype)
    logarithm = np.log(guard(p)).astype(np.float64)
    return value_of(s, logarithm, logarithm, s.labels)


def half_probability(s: Symptoms) -> F64 | None:
    """Return the loss of a softmax rounded to a half format."""
    if s.unit.bits != 16 or s.quantity != "value" or s.op != "softmax_cross_entropy" or not s.has_indices:
        return None
    p = np.exp(s.x - log_total(s.x)).astype(np.float32).astype(s.unit.dtype)
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


def cancelling(s: Symptoms) -> F64 | None:
    """Return the loss as the rounded log-sum-exp less the label's logit."""
    if s.op not in {"softmax_cross_entropy", "log_softmax"} or s.quantity != "value":
        return None
    dtype = np.float64 if s.format == "float64" else np.float32
    top = s.x.max(axis=1, keepdims=True).astype(dtype)
    logarithm = np.log(np.exp((s.x - top).astype(dtype)).sum(axis=1, keepdims=True))
    total = (top + logarithm).astype(dtype)
    t = (s.x.astype(dtype) - total).astype(np.float64)
    return value_of(s, t, total.astype(np.float64), s.labels)


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
