"""Numbers with the same bits on every machine and in every release: a counter-based integer hash.

No generator stream of a library, no exp, log or cos: only integer arithmetic
modulo 2**64 and exact conversions, so that a case set has a digest to pin.
"""

from __future__ import annotations

import hashlib
import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_NORMAL_TERMS = 12
_NORMAL_BITS = 48


def splitmix64(seed: int, count: int) -> NDArray[np.uint64]:
    """Return the first `count` outputs of SplitMix64, each computed from its place alone.

    Notes
    -----
    Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195: a bijective hash of seed + k x golden ratio.
    """
    counters = np.arange(1, count + 1, dtype=np.uint64)
    bits: NDArray[np.uint64] = np.array([seed], dtype=np.uint64) + _GOLDEN * counters
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def hashed(key: str, shape: tuple[int, ...], draw: int = 0) -> NDArray[np.uint64]:
    """Return 64 hashed bits for each index of `shape`, in row-major order.

    The first rows of a larger array are the smaller array: adding rows changes none.

    Parameters
    ----------
    key : str
        Names the sequence; its SHA-256 is the seed.
    shape : tuple of int
        Shape of the result.
    draw : int
        Which of several independent draws of the same key.
    """
    seed = int.from_bytes(hashlib.sha256(f"{key}/{draw}".encode()).digest()[:8], "little")
    return splitmix64(seed, math.prod(shape)).reshape(shape)


def integers(key: str, shape: tuple[int, ...], below: int) -> NDArray[np.int64]:
    """Return integers in [0, below), below <= 2**31; the bias of at most 2**-33 is of no concern here."""
    return ((hashed(key, shape) >> np.uint64(11)) % np.uint64(below)).astype(np.int64)


def uniforms(key: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return multiples of 2**-53 in [0, 1)."""
    return (hashed(key, shape) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normals(key: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return numbers nearly normal of mean 0 and variance 1: the sum of twelve uniforms, less 6, exactly.

    Each uniform is a multiple of 2**-48, so that the sum is exact in float64; all lie in [-6, 6].
    """
    return _normals(key, shape).copy()


@lru_cache(maxsize=64)
def _normals(key: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Compute `normals`, once for the regimes of all formats."""
    total = np.zeros(shape, dtype=np.int64)
    for draw in range(_NORMAL_TERMS):
        total += (hashed(key, shape, draw) >> np.uint64(64 - _NORMAL_BITS)).astype(np.int64)
    total -= (_NORMAL_TERMS // 2) << _NORMAL_BITS
    return total.astype(np.float64) * 2.0**-_NORMAL_BITS
