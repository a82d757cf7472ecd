"""Labels for rows of logits: class indices, and distributions that sum to one exactly in every format.

Every weight is k * 2**-e with k of at most seven bits, so that even bfloat16
holds the distribution exactly and no rounding of the labels enters a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.cases.hashed_numbers import integers

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    F64 = NDArray[np.float64]
    I64 = NDArray[np.int64]
    Bools = NDArray[np.bool_]

_THROWS = 64
_WIDEST_SPREAD = 1024
"""A spread over more classes would give float16 subnormal labels, which are a subject of their own."""


def cycled_indices(key: str, logits: F64, allowed: Bools) -> I64:
    """Return one allowed class a row: in turn the greatest, some class, the least.

    NaN logits count as the least of all.
    """
    order = np.where(np.isnan(logits), -np.inf, logits)
    greatest = np.where(allowed, order, -np.inf).argmax(axis=-1)
    least = np.where(allowed, order, np.inf).argmin(axis=-1)
    some = _chosen(key, allowed)
    turn = np.arange(len(logits)) % 3
    indices = np.select([turn == 0, turn == 1], [greatest, some], least)
    return np.where(allowed[np.arange(len(logits)), indices], indices, some).astype(np.int64)


def _chosen(key: str, allowed: Bools) -> I64:
    """Return a hashed choice among the allowed classes of each row."""
    draws = integers(f"{key}/index", (len(allowed),), 1 << 30)
    rank = draws % np.maximum(allowed.sum(axis=-1), 1) + 1
    classes: I64 = (allowed.cumsum(axis=-1) == rank[:, None]).argmax(axis=-1)
    return classes


def cycled_weights(key: str, indices: I64, allowed: Bools) -> F64:
    """Return one distribution per row over its allowed classes, of the five kinds in turn, never without its label."""
    distributions = np.zeros(allowed.shape)
    for row, (index, may) in enumerate(zip(indices, allowed, strict=True)):
        classes = np.flatnonzero(may)
        place = int(np.searchsorted(classes, index))
        others = np.concatenate([classes[place + 1 :], classes[:place]])
        kind = _KINDS[row % len(_KINDS)]
        distributions[row] = kind(f"{key}/weights {row}", len(may), index, others)
    return distributions


def one_hot(_key: str, n: int, index: int, _others: I64) -> F64:
    """All weight on the label."""
    weights = np.zeros(n)
    weights[index] = 1.0
    return weights


def smoothed(_key: str, n: int, index: int, others: I64) -> F64:
    """7/8 on the label, 1/8 spread evenly over a power of two of other classes."""
    return _spread(n, index, others, 1 / 8)


def nearly_one_hot(_key: str, n: int, index: int, others: I64) -> F64:
    """127/128 on the label, 1/128 on one other class."""
    return _spread(n, index, others[:1], 1 / 128)


def uniform(_key: str, n: int, index: int, others: I64) -> F64:
    """Equal weights on a power of two of classes, the label among them; nothing on the rest."""
    spread = _power_of_two(len(others) + 1)
    weights = np.zeros(n)
    weights[index] = 1 / spread
    weights[others[: spread - 1]] = 1 / spread
    return weights


def counts(key: str, n: int, index: int, others: I64) -> F64:
    """Shares of 64 throws, one of them surely on the label: uneven weights with zeros among them."""
    classes = np.concatenate([[index], others])
    thrown = classes[integers(key, (_THROWS,), len(classes))]
    thrown[0] = index
    return np.bincount(thrown, minlength=n) / _THROWS


_KINDS: tuple[Callable[[str, int, int, I64], F64], ...] = (one_hot, smoothed, counts, uniform, nearly_one_hot)


def _spread(n: int, index: int, others: I64, share: float) -> F64:
    """Give `share` to a power of two of `others`, evenly, and the rest to the label."""
    weights = np.zeros(n)
    weights[index] = 1.0
    if len(others):
        spread = _power_of_two(len(others))
        weights[index] = 1.0 - share
        weights[others[:spread]] = share / spread
    return weights


def _power_of_two(count: int) -> int:
    """Return the largest power of two that is at most `count`, and at most 1,024."""
    return min(1 << (count.bit_length() - 1), _WIDEST_SPREAD)
