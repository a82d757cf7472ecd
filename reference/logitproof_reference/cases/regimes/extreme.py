"""Regimes at the ends of the format: infinite, NaN and largest finite logits, ten classes, for the EXT clauses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.cases.hashed_numbers import integers, normals
from logitproof_reference.cases.labels import cycled_weights
from logitproof_reference.cases.regime import Labels, Regime
from logitproof_reference.cases.regimes.ordinary import TEN, every_profile, hash_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import Format

    F64 = NDArray[np.float64]

_INF = np.inf
_NAN = np.nan


def _with(key: str, count: int, value: float, places: NDArray[np.int64]) -> F64:
    """Ordinary rows in which hashed classes, as many as `places` says for each row, hold `value`."""
    rows = normals(key, (count, TEN)) * 1.7
    return np.where(hash_order(f"{key}/order", count) < places[:, None], value, rows)


def _masked_one(_format: Format, count: int) -> F64:
    return _with("masked_one", count, -_INF, np.ones(count, dtype=np.int64))


def _masked_many(_format: Format, count: int) -> F64:
    """Two to nine classes ruled out; with nine, one class is certain."""
    return _with("masked_many", count, -_INF, 2 + np.arange(count) % 8)


def _masked_label(_format: Format, count: int) -> F64:
    return _with("masked_label", count, -_INF, 1 + np.arange(count) % 4)


def _masked_by_lowest(format_: Format, count: int) -> F64:
    return _with("masked_by_lowest", count, -format_.largest, 1 + np.arange(count) // 3 % 9)


def _all_masked(_format: Format, count: int) -> F64:
    return np.full((count, TEN), -_INF)


def _plus_inf_one(_format: Format, count: int) -> F64:
    """One +inf; in every fourth row all others are -inf."""
    rows = _with("plus_inf_one", count, _INF, np.ones(count, dtype=np.int64))
    others = (np.arange(count)[:, None] % 4 == 3) & ~np.isposinf(rows)
    return np.where(others, -_INF, rows)


def _plus_inf_two(_format: Format, count: int) -> F64:
    """Two +inf, or more, up to all ten."""
    return _with("plus_inf_two", count, _INF, np.array([2, 2, 3, 10])[np.arange(count) % 4])


def _nan(_format: Format, count: int) -> F64:
    """Three rows each: one NaN; three; one beside -inf; one beside +inf; NaN throughout; one among all -inf."""
    turn = np.arange(count)[:, None] // 3 % 6
    order = hash_order("nan/order", count)
    rows = normals("nan", (count, TEN)) * 1.7
    rows = np.where((turn == 2) & (order == 1), -_INF, rows)
    rows = np.where((turn == 3) & (order == 1), _INF, rows)
    rows = np.where((turn == 5) & (order > 0), -_INF, rows)
    return np.where(order < np.array([1, 3, 1, 1, 10, 1])[turn], _NAN, rows)


_FINITE_PATTERNS = (
    (1.0,) + (0.0,) * 9,
    (-1.0,) + (0.0,) * 9,
    (1.0,) * 10,
    (-1.0,) * 10,
    (1.0, 1.0) + (0.0,) * 8,
    (0.5,) * 5 + (-0.25,) * 5,
    (1.0, 0.5) + (0.25,) * 8,
    (-0.5, 0.5) + (0.0,) * 8,
)
"""Parts of the largest finite number whose differences stay within it."""

_PAIR_PATTERNS = (
    (1.0, -1.0) + (0.0,) * 8,
    (1.0,) + (-1.0,) * 9,
    (-1.0,) + (1.0,) * 9,
    (1.0,) * 5 + (-1.0,) * 5,
    (1.0, -0.5) + (0.0,) * 8,
    (0.75, -0.75) + (0.25,) * 8,
    (1.0, -0.125) + (0.5,) * 8,
)
"""Parts of the largest finite number some of whose differences lie past it."""


def _patterned(key: str, patterns: tuple[tuple[float, ...], ...], largest: float, count: int) -> F64:
    """Rows of the patterns in turn, classes in hashed order."""
    parts = np.array(patterns)[np.arange(count) % len(patterns)]
    return np.take_along_axis(parts, hash_order(f"{key}/order", count), axis=-1) * largest


def _max_finite(format_: Format, count: int) -> F64:
    return _patterned("max_finite", _FINITE_PATTERNS, format_.largest, count)


def _max_finite_pair(format_: Format, count: int) -> F64:
    return _patterned("max_finite_pair", _PAIR_PATTERNS, format_.largest, count)


def _labels_ruled_out(key: str, logits: F64) -> Labels:
    """Label a class at -inf, as an index and with a positive weight."""
    masked = np.isneginf(logits)
    rank = integers(f"{key}/index", (len(logits),), 1 << 30) % masked.sum(axis=-1) + 1
    indices = (masked.cumsum(axis=-1) == rank[:, None]).argmax(axis=-1).astype(np.int64)
    return Labels(indices, cycled_weights(key, indices, np.ones(logits.shape, dtype=np.bool_)))


_TABLE = [
    Regime(
        "max_finite",
        "The largest finite numbers, one or all: intermediate results must not overflow unless the result does.",
        TEN,
        every_profile(24),
        _max_finite,
        clause="EXT-7",
        source="https://github.com/jax-ml/jax/issues/37234",
    ),
    Regime(
        "max_finite_pair",
        "The largest number and its negative in one row: some losses exceed the largest number, the others are 0.",
        TEN,
        every_profile(21),
        _max_finite_pair,
        clause="EXT-8",
        source="https://github.com/jax-ml/jax/issues/37234",
    ),
    Regime(
        "masked_by_lowest",
        "Classes masked with the lowest finite number, as in attention masks: finite logits, so the result is finite.",
        TEN,
        every_profile(27),
        _masked_by_lowest,
        clause="EXT-7",
        source="https://github.com/tensorflow/tensorflow/issues/55682",
    ),
    Regime(
        "masked_one",
        "One class masked with -inf that is not the label: the result is that without the class.",
        TEN,
        every_profile(30),
        _masked_one,
        clause="EXT-2",
        source="https://github.com/google-deepmind/optax/issues/896",
    ),
    Regime(
        "masked_many",
        "Two to nine of ten classes masked with -inf: with nine, the remaining one has probability 1 and loss 0.",
        TEN,
        every_profile(40),
        _masked_many,
        clause="EXT-2",
        source="https://github.com/pytorch/xla/issues/2553",
    ),
    Regime(
        "masked_label",
        "The label, or a part of it, on a class masked with -inf: the loss is +inf.",
        TEN,
        every_profile(20),
        _masked_label,
        clause="EXT-3",
        source="https://github.com/ml-explore/mlx-swift/issues/140",
        labels=_labels_ruled_out,
    ),
    Regime(
        "all_masked",
        "Every class masked with -inf: log-sum-exp is -inf, and no probability exists.",
        TEN,
        every_profile(5),
        _all_masked,
        clause="EXT-4",
        source="https://github.com/ml-explore/mlx/issues/1467, https://github.com/pytorch/pytorch/issues/49724",
    ),
    Regime(
        "plus_inf_one",
        "One +inf: its class has probability 1 in the limit. NaN is an accepted answer; a wrong finite number is not.",
        TEN,
        every_profile(15),
        _plus_inf_one,
        clause="EXT-5",
        source="https://github.com/jax-ml/jax/issues/21495",
    ),
    Regime(
        "plus_inf_two",
        "Two or more +inf: log-sum-exp is +inf, and their probabilities have no limit.",
        TEN,
        every_profile(12),
        _plus_inf_two,
        clause="EXT-5",
        source="https://github.com/pytorch/pytorch/issues/49724",
    ),
    Regime(
        "nan",
        "One NaN, three, one beside an infinity, or only NaN: the whole row is NaN.",
        TEN,
        every_profile(18),
        _nan,
        clause="EXT-1",
        source="https://github.com/mindspore-ai/mindspore/issues/378",
    ),
]

REGIMES_EXTREME: dict[str, Regime] = {regime.name: regime for regime in _TABLE}
