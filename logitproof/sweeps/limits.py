"""Rows with an infinite logit or NaN: what EXT-1 to EXT-6, EXT-10 and EXT-11 allow, for two logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.sources.two_logits import logits_of
from logitproof_reference.vocabulary.formats import FORMATS, widened
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof.sweeps.functions import Element, Function
    from logitproof_reference.vocabulary.formats import F64


def wrong_at_limits(function: Function, start: int, columns: list[NDArray[Any]]) -> NDArray[np.bool_]:
    """Return which numbers no clause allows, shape (rows, elements).

    The limit is right, and 0 where that is a subnormal number; so is NaN beside a logit of +inf (EXT-5), or for one
    that is infinite at all where an op takes each logit by itself (EXT-10).
    """
    logits = widened(logits_of(function.op, function.format, start, len(columns[0])))
    elementwise = OPS[function.op].elementwise
    nan_is_right = np.isinf(logits[:, 0]) if elementwise else (logits == np.inf).any(axis=1)
    wrong = []
    for element, column in zip(function.elements, columns, strict=True):
        with np.errstate(invalid="ignore"):
            limit = limit_of(element, logits[:, 0], np.zeros(len(logits)) if elementwise else logits[:, 1])
        seen = widened(column)
        is_flushed = (seen == 0.0) & (np.abs(limit) < FORMATS[function.format].smallest_normal)
        same = (seen == limit) | is_flushed | (np.isnan(seen) & np.isnan(limit))
        wrong.append(~same & ~(np.isnan(seen) & nan_is_right))
    return np.stack(wrong, axis=1)


def limit_of(element: Element, a: F64, b: F64) -> F64:
    """Return what an element tends to; NaN if there is no limit."""
    d = -(a - b) if element.mirrored else a - b
    nan = np.isnan(d)
    if element.kind == "sigmoid":
        limit = np.where(d > 0.0, 1.0, 0.0)
    elif element.kind == "slope":
        limit = np.zeros_like(d)
    else:
        limit = np.where(d > 0.0, np.inf, 0.0)
    if element.adds_logit:
        return np.where(np.isnan(a) | np.isnan(b), np.nan, np.maximum(a, b))
    return np.where(nan, np.nan, element.sign * limit)
