"""Regimes of wide rows that are not ordinary: NaN, infinities, the largest number, masked tiles, sums past float16.

What stands where follows `placements`: the ends, the tails behind vectors, either side of blocks, whole tiles.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.cases.hashed_numbers import integers
from logitproof_reference.cases.regime import Regime
from logitproof_reference.cases.regimes.ordinary import every_profile, typical
from logitproof_reference.cases.widths import BODY_AND_TAIL, TWO_TILES, places, tiles

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import Format

    F64 = NDArray[np.float64]

HALF_FORMATS = ("float16", "bfloat16")

LEADER = 12.0
"""The logit of a class that holds most of the mass."""


def _placed(format_: Format, count: int, *, name: str, n: int, value: float) -> F64:
    """Ordinary rows with `value` at another place in each."""
    rows = typical(format_, count, key=f"{name}_{n}", n=n)
    rows[np.arange(count), np.resize(places(n), count)] = value
    return rows


def _largest(format_: Format, count: int, *, n: int) -> F64:
    """Ordinary rows with the largest finite number at another place in each; in every second row the lowest."""
    rows = typical(format_, count, key=f"largest_{n}", n=n)
    signs = 1.0 - 2.0 * (np.arange(count) % 2)
    rows[np.arange(count), np.resize(places(n), count)] = signs * format_.largest
    return rows


def _masked_tiles(format_: Format, count: int, *, n: int) -> F64:
    """In turn: a tile at -inf; all but a tile; all but one class. The leader stands behind the first widest tile."""
    rows = typical(format_, count, key=f"masked_tiles_{n}", n=n)
    rows[:, n - 2] = LEADER
    # The first tile first: whoever starts a running maximum there starts at -inf.
    order = sorted(tiles(n), key=lambda tile: (tile.start - tile.stop, tile.start))
    for row in range(count):
        tile = order[row // 3 % len(order)]
        classes = np.arange(n)
        outside = (classes < tile.start) | (classes >= tile.stop)
        masked = [~outside, outside, classes != places(n)[row // 3]][row % 3]
        rows[row, masked] = -np.inf
    return rows


def _equal(_format: Format, count: int, *, n: int) -> F64:
    return np.ones((count, n))


def _one_signed(key: str, shape: tuple[int, ...]) -> F64:
    """Return k/8, 1 <= k <= 16: their sum over the classes has no cancellation."""
    return (1 + integers(key, shape, 16)) / 8.0


_TILE_SOURCE = "https://github.com/Dao-AILab/flash-attention/issues/1930"
_LANE_SOURCE = "https://github.com/gabrieldemarmiesse/torch-mojo-backend/pull/319"
_HALF_SOURCE = "https://github.com/huggingface/candle/issues/3727, https://github.com/pytorch/executorch/pull/20090"
_ROWS = {
    BODY_AND_TAIL: {"nan": 8, "masked_one": 8, "masked_tiles": 9, "plus_inf": 4, "largest": 6},
    TWO_TILES: {"nan": 1, "masked_tiles": 2, "largest": 1},
}
"""Rows of each kind by the number of classes."""

_QUICK_ROWS = {TWO_TILES: {"masked_tiles": 1}}
"""Those in the quick profile where it asks fewer: three rows of 65,537 classes are as many as the oracle keeps between
the questions asked of them (`answers.SHARED_LOGITS`)."""

_FORMATS = {BODY_AND_TAIL: ("bfloat16", "float32"), TWO_TILES: ("float32",)}
"""Vectors of bfloat16 hold twice as many lanes; a tile is the same in every format."""


_KINDS: dict[str, tuple[str, str, str, Callable[..., F64]]] = {
    "nan": (
        "EXT-1",
        "One NaN among {n:,} classes, at the ends and borders of vectors and blocks: one that drops it gives a number.",
        _LANE_SOURCE,
        partial(_placed, name="nan", value=np.nan),
    ),
    "masked_one": (
        "EXT-2",
        "One class of {n:,} at -inf, at the borders of vectors: an exponential that is clamped gives it a share.",
        _LANE_SOURCE,
        partial(_placed, name="masked_one", value=-np.inf),
    ),
    "masked_tiles": (
        "EXT-2",
        "Whole tiles at -inf, all but a tile, or all but one class, of {n:,}: a block without a finite logit.",
        _TILE_SOURCE,
        _masked_tiles,
    ),
    "plus_inf": (
        "EXT-5",
        "One +inf among {n:,} classes, at the ends and borders of vectors and blocks.",
        _LANE_SOURCE,
        partial(_placed, name="plus_inf", value=np.inf),
    ),
    "largest": (
        "EXT-7",
        "The largest finite number, or the lowest, among {n:,} classes, at the ends and borders of vectors and blocks.",
        "https://github.com/jax-ml/jax/issues/37234",
        _largest,
    ),
}
"""What stands in a row: the clause that it serves, the reason, where it went wrong, the logits."""


def _counts(n: int, kind: str, rows: int) -> dict[str, int]:
    quick = _QUICK_ROWS.get(n, {kind: rows}).get(kind, 0)
    return {"quick": quick, "full": rows} if quick else {"full": rows}


def _regime(n: int, kind: str, rows: int) -> Regime:
    clause, reason, source, values = _KINDS[kind]
    return Regime(
        f"{kind}_{n}",
        reason.format(n=n),
        n,
        _counts(n, kind, rows),
        partial(values, n=n),
        clause=clause,
        source=source,
        formats=_FORMATS[n],
    )


EQUAL_LOGITS = (4098, 131072)
"""Class counts of rows of equal logits: past what float16 counts, and past its largest number. The quick profile has
such rows among those of 65,537 classes."""

_TABLE = [
    *(_regime(n, kind, rows) for n, kinds in _ROWS.items() for kind, rows in kinds.items()),
    Regime(
        f"one_signed_{TWO_TILES}",
        f"Ordinary logits, {TWO_TILES:,} classes, upstream gradients of one sign: their sum leaves float16.",
        TWO_TILES,
        every_profile(1),
        partial(typical, key=f"one_signed_{TWO_TILES}", n=TWO_TILES),
        source="https://github.com/jax-ml/jax/issues/40384",
        formats=("float16",),
        cotangents=_one_signed,
    ),
    *(
        Regime(
            f"equal_{n}",
            f"{n:,} equal logits in half precision: a sum that stalls or overflows.",
            n,
            {"full": 1},
            partial(_equal, n=n),
            source=_HALF_SOURCE,
            formats=HALF_FORMATS,
        )
        for n in EQUAL_LOGITS
    ),
]

REGIMES_WIDE_EXTREME: dict[str, Regime] = {regime.name: regime for regime in _TABLE}
