"""Regimes of finite logits over 2 to 65,537 classes: vocabularies, and widths at which kernels switch code paths."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.cases.hashed_numbers import integers, normals
from logitproof_reference.cases.labels import cycled_weights
from logitproof_reference.cases.regime import Labels, Regime, ordinary_labels
from logitproof_reference.cases.regimes.ordinary import every_profile, typical
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import Format

    F64 = NDArray[np.float64]


def _edges(format_: Format, count: int, *, n: int) -> F64:
    """In turn: all equal; a leader in the last class, past what exp takes; one in the first class; ordinary logits."""
    turn = np.arange(count) % 4
    rows = typical(format_, count, key=f"edges {n}", n=n)
    rows[turn == 1, -1], rows[turn == 2, 0] = 800.0, 12.0
    return np.where(turn[:, None] == 0, 1.0, rows)


def _labels_past_narrow_formats(key: str, logits: F64) -> Labels:
    """Return in turn the last class, and one that neither int16 nor float16 holds."""
    indices = np.where(np.arange(len(logits)) % 2 == 0, logits.shape[1] - 1, 40_001)
    return Labels(indices, cycled_weights(key, indices, np.ones(logits.shape, dtype=np.bool_)))


def _cycled_thirds(_key: str, logits: F64) -> Labels:
    """Label the three classes in turn, with shares of 1/2, 1/4 and 1/4."""
    indices = np.arange(len(logits)) % 3
    return Labels(indices, np.where(np.arange(3) == indices[:, None], 0.5, 0.25))


def _long_tail(_format: Format, count: int, *, n: int) -> F64:
    """One leader at 6.9 above a flat tail, which holds about half of the mass between its many classes."""
    rows = normals(f"long_tail {n}", (count, n)) * 0.05
    rows[np.arange(count), integers("long_tail/leader", (count,), n)] = 6.9
    return rows


_WIDTH_SOURCE = "https://github.com/pytorch/pytorch/pull/36485 and https://github.com/pytorch/pytorch/issues/143644"

_WHOLE_BLOCKS = (16, 32, 64, 256, 512, 2048, 8192, 32768, 65536)
"""Powers of two that fill a block of a kernel, or are its largest: asked in one format, for no other differs."""

_QUICK_WIDTHS = {1024: {"quick": 4}, 65537: {"quick": 2}}
"""Rows of one that fills every vector, and of one past every limit with a remainder; beside 2, 10 and 1,000 classes."""

_TABLE = [
    Regime(
        "classes_2",
        "Two classes, ordinary logits and ties: detects special formulas for two classes.",
        2,
        every_profile(12),
        partial(_edges, n=2),
    ),
    Regime(
        "classes_1000",
        "1,000 classes, ordinary logits: the size of an image classifier.",
        1000,
        {"quick": 6, "full": 48},
        partial(typical, key="classes_1000", n=1000),
    ),
    Regime(
        "edges_1000",
        "1,000 classes, the leader last or first, or all equal: detects a lost end class and sums that stall.",
        1000,
        {"quick": 3, "full": 8},
        partial(_edges, n=1000),
    ),
    Regime(
        "long_tail_1000",
        "One leader and 999 classes that share the other half: detects sums that drop small terms.",
        1000,
        {"quick": 2, "full": 8},
        partial(_long_tail, n=1000),
    ),
    Regime(
        "classes_50000",
        "50,000 classes, as in a vocabulary, the leader last or first, or all equal: sums in half precision stall.",
        50000,
        {"full": 8},
        partial(_edges, n=50000),
        source="https://github.com/pytorch/pytorch/pull/63132",
    ),
    *(
        Regime(
            f"width_{n}",
            f"{n} classes, on or beside a width at which kernels change path; the leader last or first, or all equal.",
            n,
            {**_QUICK_WIDTHS.get(n, {}), "full": 4},
            partial(_edges, n=n),
            source=_WIDTH_SOURCE,
            labels=_labels_past_narrow_formats if n > 2**16 else ordinary_labels,
            formats=("float32",) if n in _WHOLE_BLOCKS else tuple(FORMATS),
        )
        for n in sorted((3, 4, 8, 33, 127, 128, 129, 513, 517, 1023, 1024, 1025, 4096, 65537, *_WHOLE_BLOCKS))
    ),
    Regime(
        "rows_65537",
        "More rows than 16 bits can count, three classes each: detects limits of grids and row numbers.",
        3,
        {"full": 65537},
        partial(typical, key="rows_65537", n=3),
        labels=_cycled_thirds,
        formats=("float32",),
    ),
]

REGIMES_WIDE: dict[str, Regime] = {regime.name: regime for regime in _TABLE}
