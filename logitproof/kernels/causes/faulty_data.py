"""Answers of kernels that mishandle their inputs or results: labels, cotangents, rows, NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.causes.symptoms import answer, distance, one_hot
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from logitproof.kernels.causes.symptoms import F64, Symptoms


def rounded_to(s: Symptoms, *, format_: str) -> F64 | None:
    """Return the exact answer rounded to a narrower format."""
    if FORMATS[format_].unit_roundoff <= s.unit.unit_roundoff:
        return None
    return s.exact.astype(np.float32).astype(FORMATS[format_].dtype).astype(np.float64)


def all_representable(s: Symptoms) -> F64 | None:
    """Return what was observed where all of it is of a narrower format, and the logits are not."""
    if s.format != "float64":
        return None
    narrowed = s.observed.astype(np.float32).astype(np.float64)
    same = (narrowed == s.observed) | np.isnan(s.observed)
    near = float((distance(s.observed, s.exact) < 1e-3).mean())
    return s.observed if same.all() and near > 0.5 else None


def labels_as(s: Symptoms, *, change: Callable[[Any, Symptoms], Any]) -> F64 | None:
    """Return the answer to other class indices; a negative one counts from the end, others stand for the last class."""
    if not s.has_indices:
        return None
    changed = change(s.labels, s)
    changed = np.where((changed < 0) & (changed >= -s.n), changed + s.n, changed)
    inside = (changed >= 0) & (changed < s.n)
    if (changed == s.labels).all():
        return None
    return answer(s, labels=np.where(inside, changed, s.n - 1).astype(np.int64))


def shares_as(s: Symptoms, *, change: Callable[[F64], F64]) -> F64 | None:
    """Return the answer to other distributions."""
    if s.labels is None or s.has_indices:
        return None
    return answer(s, labels=change(s.labels))


def cotangent_as(s: Symptoms, *, change: Callable[[F64], F64]) -> F64 | None:
    """Return the answer to other upstream gradients."""
    return None if s.c is None or s.c.ndim == 0 or not len(s.c) else answer(s, c=change(s.c))


def answer_as(s: Symptoms, *, change: Callable[[F64], F64]) -> F64 | None:
    """Return what becomes of the exact answer."""
    return change(s.exact)


def rows_as(s: Symptoms, *, change: Callable[[Any], Any]) -> F64 | None:
    """Return the exact answers of other rows."""
    places = np.arange(len(s.x))
    return s.exact[change(places)] if len(s.exact) == len(s.x) > 1 else None


def zero_rows(s: Symptoms) -> F64 | None:
    """Return the exact answer with zeros in the rows that are wrong, where nothing else was observed in them."""
    if len(s.observed) != len(s.wrong) or s.observed[s.wrong].any():
        return None
    told = s.exact.copy()
    told[s.wrong] = 0.0
    return told if s.wrong.sum() < len(s.wrong) else None


MANY_ROWS = 16
"""Rows of a batch whose end tells more than that some numbers of a few are 0."""


def last_rows_zero(s: Symptoms) -> F64 | None:
    """Return the exact answer with zeros in its last rows, where no other one is wrong."""
    wrong = s.wrong
    if len(wrong) < MANY_ROWS or not wrong.any() or not wrong[int(wrong.argmax()) :].all():
        return None
    return zero_rows(s)


def zero_where_finite(s: Symptoms) -> F64 | None:
    """Return the exact answer with zeros in the same places as observed, where these are the only fault."""
    zeros = (s.observed == 0) & (s.exact != 0)
    return np.where(zeros, 0.0, s.exact) if zeros.any() else None


def without_nan(s: Symptoms) -> F64 | None:
    """Return the answer with -inf in place of NaN."""
    if not np.isnan(s.x).any() or OPS[s.op].elementwise:
        return None
    return answer(s, x=np.where(np.isnan(s.x), -np.inf, s.x))


def nan_of_its_class(s: Symptoms) -> F64 | None:
    """Return the exact answer, in rows with NaN as NaN at the classes that are NaN alone and 0 at the others."""
    if s.exact.shape != s.x.shape or OPS[s.op].elementwise:
        return None
    spoiled = np.isnan(s.exact).any(axis=1, keepdims=True)
    return np.where(spoiled, np.where(np.isnan(s.x), np.nan, 0.0), s.exact) if spoiled.any() else None


def without_nan_in_body(s: Symptoms, *, lanes: int) -> F64 | None:
    """Return the answer with -inf in place of NaN, in whole vectors alone."""
    body = s.n // lanes * lanes
    if not np.isnan(s.x).any() or OPS[s.op].elementwise or not body:
        return None
    x = s.x.copy()
    x[:, :body] = np.where(np.isnan(x[:, :body]), -np.inf, x[:, :body])
    return answer(s, x=x)


def nan_of_infinities(s: Symptoms) -> F64 | None:
    """Return NaN in the rows that hold -inf."""
    rows = np.asarray(np.isneginf(s.x).any(axis=1))
    if not rows.any() or len(s.exact) != len(rows):
        return None
    zeros = nan_times_zero(s)
    if zeros is not None and np.array_equal(np.isnan(zeros), np.isnan(s.observed)):
        return None  # a label of 0 in each of these rows says more
    concerned = rows.reshape(-1, *(1,) * (s.exact.ndim - 1))
    return np.where(np.isnan(s.observed) & concerned, np.nan, s.exact)


def order_of_memory(s: Symptoms) -> F64 | None:
    """Return the answer to the logits read row by row where they lie column by column."""
    if s.exact.shape != s.x.shape or OPS[s.op].elementwise:
        return None
    return answer(s, x=s.x.ravel(order="F").reshape(s.x.shape))


def doubled(s: Symptoms) -> F64 | None:
    """Return twice the exact answer."""
    return 2.0 * s.exact


def overflowed(s: Symptoms) -> F64 | None:
    """Return the exact answer with what was observed in rows of large logits, all of it infinite or NaN."""
    large = np.max(np.abs(np.where(np.isfinite(s.x), s.x, 0.0)), axis=1) > s.unit.largest / 4.0
    if len(s.exact) != len(large):
        return None
    rows = large.reshape(-1, *(1,) * (s.exact.ndim - 1))
    return np.where(rows & ~np.isfinite(s.observed), s.observed, s.exact)


def sigmoid_naive(s: Symptoms) -> F64 | None:
    """Return the loss as logarithms of a rounded sigmoid."""
    if not OPS[s.op].elementwise or s.quantity != "value":
        return None
    dtype = np.float64 if s.format == "float64" else np.float32
    x: Any = s.x.astype(dtype)
    y: Any = np.asarray(s.labels).astype(dtype)
    p = 1 / (1 + np.exp(-x))
    return np.asarray(-(y * np.log(p) + (1 - y) * np.log(1 - p)), dtype=np.float64)


def sigmoid_overflow(s: Symptoms) -> F64 | None:
    """Return the answer whose exp is of the logit itself."""
    if not OPS[s.op].elementwise:
        return None
    dtype = np.float64 if s.format == "float64" else np.float32
    x = s.x.astype(dtype)
    e = np.exp(x)
    if s.quantity == "value":
        return np.asarray(np.log1p(e) - x * np.asarray(s.labels).astype(dtype), dtype=np.float64)
    return None if s.c is None else np.asarray(s.c * (e / (1 + e) - np.asarray(s.labels)))


def nan_times_zero(s: Symptoms) -> F64 | None:
    """Return NaN where a label of 0 meets a class at -inf."""
    if s.labels is None or s.has_indices or s.quantity != "value" or OPS[s.op].elementwise:
        return None
    return np.asarray(-(s.labels * (s.x - s.total)).sum(axis=1))


def modulo(block: int, labels: Any, _: Symptoms) -> Any:
    """Return labels within their block."""
    return labels % block


def replaced(s: Symptoms) -> F64 | None:
    """Return the answer to logits without NaN and infinities: 0 and the largest numbers stand for them."""
    if np.isfinite(s.x).all():
        return None
    most = s.unit.largest
    return answer(s, x=np.nan_to_num(s.x, nan=0.0, posinf=most, neginf=-most))


def infinities_as_zero(s: Symptoms) -> F64 | None:
    """Return the answer to logits with 0 for the infinities."""
    return answer(s, x=np.where(np.isinf(s.x), 0.0, s.x)) if np.isinf(s.x).any() else None


def row_of_minus_infinity(s: Symptoms) -> F64 | None:
    """Return -inf for each row that holds one."""
    rows = np.isneginf(s.x).any(axis=1)
    if not rows.any() or s.exact.shape != rows.shape:
        return None
    return np.where(rows, -np.inf, s.exact)


def nan_of_the_batch(s: Symptoms) -> F64 | None:
    """Return NaN everywhere for a batch that holds one."""
    return np.full_like(s.exact, np.nan) if np.isnan(s.x).any() else None


def one_class_as_it_is(s: Symptoms) -> F64 | None:
    """Return rows of one class as they are."""
    return s.x if s.n == 1 and s.quantity == "value" and s.exact.shape == s.x.shape else None


def softplus_cut(s: Symptoms, *, at: float) -> F64 | None:
    """Return the sigmoid loss without the logarithm where its logit is far from 0."""
    if not OPS[s.op].elementwise or s.quantity != "value":
        return None
    further = np.where(np.abs(s.x) > at, 0.0, np.logaddexp(0.0, -np.abs(s.x)))
    return np.asarray(further + np.maximum(s.x, 0.0) - s.x * np.asarray(s.labels))


def sigmoid_clipped(s: Symptoms, *, guard: float) -> F64 | None:
    """Return the answer whose sigmoid is clipped."""
    if not OPS[s.op].elementwise:
        return None
    e = np.exp(-np.abs(s.x))
    p = np.clip(np.where(s.x >= 0, 1.0, e) / (1.0 + e), guard, 1.0 - guard)
    y = np.asarray(s.labels)
    if s.quantity == "value":
        return np.asarray(-(y * np.log(p) + (1 - y) * np.log1p(-p)))
    return None if s.c is None else np.asarray(s.c * (p - y))


def last_row_copied(places: Any) -> Any:
    """Return rows of which the last is the one before."""
    return np.where(places == len(places) - 1, np.maximum(places - 1, 0), places)


def last_row_as_one(c: F64) -> F64:
    """Return upstream gradients with 1 for the last row."""
    changed = c.copy()
    changed[-1] = 1.0
    return changed


def of_shares(s: Symptoms, *, change: Callable[[F64, F64], F64]) -> F64 | None:
    """Return the gradient that something makes of the softmax and the upstream gradient; of softmax alone."""
    if (s.op, s.quantity) != ("softmax", "grad_logits") or s.c is None:
        return None
    return np.asarray(change(np.exp(s.x - s.total), s.c))


def label_without_cotangent(s: Symptoms) -> F64 | None:
    """Return the gradient of the loss in which the softmax alone is multiplied by the upstream gradient."""
    if (s.op, s.quantity) != ("softmax_cross_entropy", "grad_logits") or s.c is None:
        return None
    q = one_hot(s.labels, s.n)
    return np.asarray(np.exp(s.x - s.total) * q.sum(axis=1, keepdims=True) * s.c[:, None] - q)


def maximum_twice(s: Symptoms) -> F64 | None:
    """Return the gradient of log-sum-exp with 1 more at the largest logit."""
    if (s.op, s.quantity) != ("log_sum_exp", "grad_logits") or s.c is None:
        return None
    top = np.arange(s.n) == s.x.argmax(axis=1)[:, None]
    return np.asarray((np.exp(s.x - s.total) + top) * s.c[:, None])


def begun_anew(tile: int, labels: Any, _: Symptoms) -> Any:
    """Return labels of which the last rows, past whole tiles, have those of the first rows."""
    rows, whole = np.arange(len(labels)), len(labels) // tile * tile
    return labels[np.where(rows < whole, rows, rows - whole)]


def clipped_at(most: float, gradient: F64) -> F64:
    """Return a gradient clipped."""
    return np.clip(gradient, -most, most)


def repeated(most: int, places: Any) -> Any:
    """Return rows modulo a number."""
    return places % most


def through(dtype: Any, labels: Any, _: Symptoms) -> Any:
    """Return labels by way of another format."""
    return labels.astype(dtype).astype(np.int64)


def unit_sums(s: Symptoms) -> F64 | None:
    """Return the gradient p - q, whatever the labels sum to."""
    if s.labels is None or s.has_indices or s.quantity != "grad_logits" or s.c is None or OPS[s.op].elementwise:
        return None
    return np.asarray(s.c[:, None] * (np.exp(s.x - s.total) - s.labels))


def label_lost(s: Symptoms) -> F64 | None:
    """Return the gradient without its label."""
    if not s.has_indices or s.quantity != "grad_logits" or s.c is None:
        return None
    return np.asarray(s.c[:, None] * np.exp(s.x - s.total))


def of_gradient(s: Symptoms, *, change: Callable[[F64], F64]) -> F64 | None:
    """Return what becomes of an exact gradient."""
    return change(s.exact) if s.quantity != "value" else None
