"""Regimes of finite logits, ten classes: judged by values and derivatives."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.cases.hashed_numbers import integers, normals, uniforms
from logitproof_reference.cases.regime import Labels, Regime, ordinary_labels
from logitproof_reference.vocabulary.formats import rounded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import Format

    F64 = NDArray[np.float64]

TEN = 10
_LN2 = 0.6931471805599453
_WIDE_FORMATS = ("bfloat16", "float32", "float64")


def every_profile(rows: int) -> dict[str, int]:
    """Use the same rows in each profile."""
    return {"quick": rows, "full": rows}


def typical(_format: Format, count: int, *, key: str = "typical", n: int = TEN) -> F64:
    """Logits of standard deviation 1.7."""
    return normals(key, (count, n)) * 1.7


def _uniform(_format: Format, count: int, *, key: str, reach: float) -> F64:
    return (uniforms(key, (count, TEN)) - 0.5) * (2.0 * reach)


def _led(key: str, gaps: F64, spread: float) -> F64:
    """Rows whose leading class, a different one from row to row, is ahead of all others by about `gaps`."""
    rows = normals(key, (len(gaps), TEN)) * spread - gaps[:, None]
    rows[np.arange(len(gaps)), integers(f"{key}/leader", gaps.shape, TEN)] = 0.0
    return rows


def _confident(_format: Format, count: int) -> F64:
    return _led("confident", 4.0 + 0.25 * np.arange(count, dtype=np.float64), 0.25) + 2.3


def _saturated(format_: Format, count: int) -> F64:
    """Gaps from 8 to just before the second class underflows in the format."""
    end = 0.95 * _LN2 * -format_.min_exponent
    return _led("saturated", 8.0 + (end - 8.0) * np.arange(1, count + 1) / count, 0.25) + 1.3


def _underflow(format_: Format, count: int) -> F64:
    """Gaps from the smallest normal to past the smallest subnormal."""
    start, end = -format_.min_exponent, -format_.min_exponent + format_.precision + 1
    return _led("underflow", _LN2 * (start + (end - start) * np.arange(count) / count), 0.1)


def _stepped(values: NDArray[Any], steps: NDArray[Any]) -> NDArray[Any]:
    """Move positive numbers by whole ulps, by adding to their bits."""
    bits = values.view(f"i{values.dtype.itemsize}")
    moved: NDArray[Any] = bits + steps.astype(bits.dtype)
    return moved.view(values.dtype)


def _near_tie(format_: Format, count: int) -> F64:
    """Two to four leaders, each one to three ulps above the next, the others four or more below."""
    turn = np.arange(count)[:, None]
    order = hash_order("near_tie/order", count)
    heights = rounded(4.0 + 12.0 * uniforms("near_tie/height", (count, 1)), format_)
    tied = _stepped(np.repeat(heights, TEN, axis=1), order * (1 + turn // 2 % 3))
    below = heights.astype(np.float64) - 5.0 - 4.0 * uniforms("near_tie/below", (count, TEN))
    return np.where(order < 2 + turn // 3 % 3, tied.astype(np.float64), below)


def hash_order(key: str, count: int, n: int = TEN) -> NDArray[np.int64]:
    """Return a hashed permutation of range(n) a row."""
    return integers(key, (count, n), 1 << 30).argsort(axis=-1, kind="stable")


_TIE_HEIGHTS = np.array([0.0, 1.0, -3.5, 11.25, -96.0, 0.3, 640.0, -0.0])


def _exact_tie(_format: Format, count: int) -> F64:
    """Even rows: all ten equal (in one, zeros of both signs); odd rows: two to six equal leaders."""
    turn = np.arange(count)[:, None]
    height = _TIE_HEIGHTS[turn // 2 % len(_TIE_HEIGHTS)]
    order = hash_order("exact_tie/order", count)
    below = height - 1.0 - uniforms("exact_tie/below", (count, TEN)) * 4.0
    rows = np.where((turn % 2 == 0) | (order < 2 + turn // 2 % 5), height, below)
    return np.where((rows == 0.0) & (order % 2 == 0), -rows, rows)


def _common_offset(format_: Format, count: int, *, offset: float) -> F64:
    """Three rows each of ordinary logits, ten equal ones, and logits a few ulps apart; +offset and -offset in turn."""
    turn = np.arange(count)[:, None]
    kind = turn // 3 % 3
    key = f"common_offset {offset:g}"
    ordinary = offset + normals(key, (count, TEN)) * 4.0
    base = rounded(np.full((count, TEN), offset), format_)
    apart = _stepped(base, integers(f"{key}/steps", (count, TEN), 6)).astype(np.float64)
    rows = np.select([kind == 0, kind == 1], [ordinary, base.astype(np.float64)], apart)
    return np.where(turn % 2 == 0, rows, -rows)


def _subnormal(format_: Format, count: int) -> F64:
    """Multiples of the smallest subnormal, up to the smallest normal, of both signs."""
    steps = integers("subnormal", (count, TEN), 1 << (format_.precision - 1))
    signs = 1 - 2 * integers("subnormal/sign", (count, TEN), 2)
    return (steps * signs).astype(np.float64) * format_.smallest_subnormal


def _one_class(format_: Format, count: int) -> F64:
    heights = [0.0, 1.5, -40.0, format_.largest, -format_.largest, format_.smallest_subnormal, 88.0, -2048.0]
    return np.array(heights[:count])[:, None]


def _unnormalized_labels(key: str, logits: F64) -> Labels:
    """Ordinary labels times 2, 1/2, 0, 3/2 and 1/4, five rows each: the sums are those factors."""
    labels = ordinary_labels(key, logits)
    factors = np.array([2.0, 0.5, 0.0, 1.5, 0.25])[np.arange(len(logits)) // 5 % 5]
    shares = np.round(labels.distributions * 64.0) / 64.0
    return Labels(labels.indices, shares * factors[:, None])


def _labels_of_every_bit(key: str, logits: F64) -> Labels:
    """Uneven shares that sum to one but for their rounding to the format; the index is that of the greatest share."""
    shares = 0.05 + uniforms(f"{key}/shares", logits.shape)
    shares /= shares.sum(axis=-1, keepdims=True)
    return Labels(shares.argmax(axis=-1), shares)


def _cotangents_of_every_bit(key: str, shape: tuple[int, ...]) -> F64:
    """Return numbers of either sign with magnitudes from 1/4 to 2."""
    magnitudes = 0.25 + 1.75 * uniforms(key, shape)
    return np.where(integers(f"{key}/sign", shape, 2) == 0, magnitudes, -magnitudes)


_OFFSET_SOURCE = "https://github.com/pytorch/pytorch/issues/38839"
_TABLE = [
    Regime(
        "typical",
        "Logits of typical networks: what most users see.",
        TEN,
        every_profile(48),
        typical,
    ),
    Regime(
        "nearly_uniform",
        "An untrained network: all classes about equally likely, and the sum of the gradient cancels.",
        TEN,
        every_profile(16),
        lambda _format, count: normals("nearly_uniform", (count, TEN)) * 0.01,
    ),
    Regime(
        "wide_range",
        "Logits up to +-40: errors in exponents are large, most of all next to the leading class.",
        TEN,
        every_profile(48),
        partial(_uniform, key="wide_range", reach=40.0),
        source="https://github.com/webmachinelearning/webnn/issues/950",
    ),
    Regime(
        "very_wide_range",
        "Logits up to +-1000: exponentials overflow unless the maximum is subtracted first.",
        TEN,
        every_profile(24),
        partial(_uniform, key="very_wide_range", reach=1000.0),
        source="https://github.com/PaddlePaddle/Paddle/issues/69859, https://github.com/pytorch/pytorch/issues/94043",
    ),
    Regime(
        "confident",
        "The leading class has p = 0.8 to nearly 1: its gradient p - 1 loses digits long before it saturates.",
        TEN,
        every_profile(32),
        _confident,
        source="https://github.com/jax-ml/jax/issues/40384",
    ),
    Regime(
        "saturated",
        "One class leads so far that 1 - p is near or below the unit roundoff: a loss of 1e-30 is not 0.",
        TEN,
        every_profile(32),
        _saturated,
        source="https://github.com/pytorch/pytorch/issues/113708",
    ),
    Regime(
        "near_tie",
        "The largest logits are one to three ulps apart: detects an inexact maximum.",
        TEN,
        every_profile(24),
        _near_tie,
    ),
    Regime(
        "exact_tie",
        "Equal logits, including zeros of both signs: all probabilities are equal and the gradient splits evenly.",
        TEN,
        every_profile(32),
        _exact_tie,
        source="https://github.com/pytorch/pytorch/issues/2298",
    ),
    *(
        Regime(
            f"common_offset_{name}",
            f"All logits near +-{name}: the result depends only on their differences.",
            TEN,
            every_profile(18),
            partial(_common_offset, offset=float(name)),
            source=_OFFSET_SOURCE,
            formats=("float16", *_WIDE_FORMATS) if name == "1e4" else _WIDE_FORMATS,
        )
        for name in ("1e4", "1e6", "1e8", "1e30")
    ),
    Regime(
        "subnormal",
        "Subnormal logits: flushed to zero or not, the result is that of equal logits.",
        TEN,
        every_profile(12),
        _subnormal,
    ),
    Regime(
        "underflow",
        "Probabilities, and losses of the leading class, in the subnormal range: they underflow gradually, not to 0.",
        TEN,
        every_profile(32),
        _underflow,
        clause="EXT-9",
        source="IEEE 754-2019, 7.5",
    ),
    Regime(
        "unnormalized_labels",
        "Labels that sum to 2, 1/2, 0, 3/2 and 1/4: the gradient must be the derivative of the returned loss.",
        TEN,
        every_profile(50),
        partial(typical, key="unnormalized_labels"),
        source="https://github.com/tensorflow/tensorflow/issues/2327",
        labels=_unnormalized_labels,
    ),
    Regime(
        "every_bit",
        "Labels, cotangents and tangents that use every bit of the format: detects conversion to a narrower one.",
        TEN,
        every_profile(16),
        partial(typical, key="every_bit"),
        labels=_labels_of_every_bit,
        cotangents=_cotangents_of_every_bit,
    ),
    Regime(
        "one_class",
        "A single class: p = 1, and the loss and its gradient are 0 for every logit.",
        1,
        every_profile(8),
        _one_class,
        clause="IO-4",
        source="https://github.com/keras-team/keras/issues/21097",
    ),
]

REGIMES_ORDINARY: dict[str, Regime] = {regime.name: regime for regime in _TABLE}
