"""Widths at which kernels switch code paths: block sizes and their neighbours, borders of lanes, tiles.

One table for the case set and for the trials of `logitproof check`.
"""

from __future__ import annotations

LANES = (4, 8, 16, 32)
"""Numbers that vectors hold: a row's body is whole vectors, its tail the rest."""

BLOCKS = tuple(2**power for power in range(2, 18))
"""Classes that kernels take at a time."""

WIDEST_TILE = 32768
"""Classes of the largest block of a fused loss (Liger's MAX_FUSED_SIZE)."""

WIDTHS = (
    *(1, 2, 3, 5, 8, 16, 31, 32, 33, 64, 127, 128, 129, 255, 256, 257, 511, 512, 513, 1000, 1023, 1024, 1025, 1536),
    *(2047, 2048, 2049, 4095, 4096, 4097, 8193, 16385, 32000, 32767, 32768, 32769, 65535, 65536, 65537, 128256),
    *(131072, 131073, 151936, 262144),
)
"""Numbers of classes: around every power of two and block size, and those of vocabularies."""

BETWEEN = (200, 300, 700, 3001, 6007, 12007, 24001, 50257, 100277)
"""Numbers of classes inside each power of two, no multiple of a block: a path may be taken for a range of widths."""

AND_A_HALF = (48, 192, 384, 768, 3072, 6144)
"""Numbers of classes of a block and its half: a tail of half a vector or tile alone may be a path of its own."""

BODY_AND_TAIL = 133
"""Classes that fill whole vectors of every number of lanes and leave a tail behind each."""

TWO_TILES = 65537
"""Classes of two of the widest tiles and one more, which `wide` asks too: every further shape costs a compilation."""


def places(n: int) -> list[int]:
    """Return the classes at which kernels change what they do: ends, tails behind lanes, either side of blocks."""
    tails = [n // lanes * lanes for lanes in reversed(LANES)]
    sides = [side for block in reversed(BLOCKS) for side in (block, block - 1)]
    found = [n - 1, 0, *tails, *[n // lanes * lanes - 1 for lanes in reversed(LANES)], *sides, n // 2]
    return list(dict.fromkeys(place for place in found if 0 <= place < n))


def tiles(n: int, widest: int = WIDEST_TILE) -> list[slice]:
    """Return tiles of every block size that is not the whole row: the last, the first and one between, widest first."""
    found = []
    for size in (block for block in reversed(BLOCKS) if block < n and block <= widest):
        starts = dict.fromkeys(((n - 1) // size * size, 0, size if 2 * size < n else 0))
        found += [slice(start, min(start + size, n)) for start in starts]
    return found or [slice(0, 1)]
