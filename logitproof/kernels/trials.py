"""What a kernel is asked beside the matrix: widths, numbers of rows, placements in memory and ways of calling it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.recipes import RECIPES, SPREAD, Recipe, Spot
from logitproof_adapters.sources.kernel import SAVED
from logitproof_adapters.sources.kernel_ways import AFTER_VALUE, WAYS
from logitproof_reference.cases.catalogue import Rows
from logitproof_reference.cases.regime import rounded
from logitproof_reference.cases.widths import WIDTHS, places, tiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import Format

    F64 = NDArray[np.float64]

QUICK_NARROW = (1, 2, 3, 31, 33, 127, 128, 129, 256, 257, 512, 513, 1000, 1024, 1025, 2048, 2049, 4097, 8193, 32769)
"""Widths of the further formats in the quick profile."""

ELEMENTS = {"quick": 1 << 16, "full": 1 << 19}
"""Logits of one width, as far as a few rows do not need more."""

FEWEST = {"quick": 4, "full": 16}
MOST = {"quick": 150, "full": 600}
"""Rows of one width."""

ROWS = ((1, 10), (2, 10), (3, 10), (31, 10), (64, 10), (501, 7), (1000, 10), (1025, 10), (4097, 5), (65537, 3))
SQUARES = (2, 3, 33, 64, 128, 257)
"""Numbers of rows with the classes of each, and batches of as many rows as classes."""


@dataclass(frozen=True)
class Trial:
    """One batch of rows, placed in memory and asked in a way.

    Attributes
    ----------
    name : str
        As run files and verdicts cite it.
    rows, classes : int
    kind : str
        ``width``, ``rows``, ``placement``, ``way``, or ``plain`` for ordinary rows alone.
    placement : str
        A word of `memory_layouts.PLACEMENTS`.
    way : str
        A word of `kernel_ways.WAYS`.
    quantities : tuple of str
        Those it is for; empty for all.
    """

    name: str
    rows: int
    classes: int
    kind: str
    placement: str = ""
    way: str = ""
    quantities: tuple[str, ...] = ()

    @property
    def cost(self) -> int:
        """How many logits it takes, with every call of its way."""
        return self.rows * self.classes * (20 if self.way else 1)


@dataclass(frozen=True, eq=False)
class DrawnRows:
    """The rows of a trial in a format, and what each is."""

    rows: Rows
    notes: tuple[str, ...]
    trial: Trial
    format: Format
    recipes: tuple[Recipe | None, ...] = field(default=(), repr=False)


def planned(profile: str, widest: int, *, main: bool) -> Iterator[Trial]:
    """Yield the trials of a format, the narrow ones first; `main` is the format that is asked everything."""
    widths = WIDTHS if main or profile == "full" else QUICK_NARROW
    for n in widths:
        if n <= widest:
            count = int(np.clip(ELEMENTS[profile] // n // (1 if main else 2), FEWEST[profile], MOST[profile]))
            yield Trial(f"width_{n}", min(count, 25) if n == 1 else count, n, "width")
    if main or profile == "full":
        yield from (trial for trial in further_trials() if trial.classes <= widest)
    if profile == "full":
        yield Trial("far_3x129", 3, 129, "plain", way="far")


def further_trials() -> Iterator[Trial]:
    """Yield numbers of rows, placements and ways."""
    for rows, classes in ROWS:
        yield Trial(f"rows_{rows}", rows, classes, "rows")
    for n in SQUARES:
        yield Trial(f"square_{n}", n, n, "rows")
    for placement in ("columns", "strided", "offset", "backwards", "broadcast", "rows_apart"):
        for rows, classes in ((6, 33), (5, 1000), (16, 16)):
            yield Trial(f"{placement}_{rows}x{classes}", rows, classes, "placement", placement)
    for way in [word for word in WAYS if word not in {"", "far"}]:
        for rows, classes in ((5, 96), (48, 7)):
            yield Trial(f"{way}_{rows}x{classes}", rows, classes, "way", way=way)
    for way in (AFTER_VALUE, *filter(None, SAVED)):
        yield Trial(f"{way}_5x96", 5, 96, "way", way=way, quantities=("grad_logits",))


def draw(trial: Trial, format_: Format, seed: int, *, elementwise: bool) -> DrawnRows:
    """Draw a trial's rows; the same for the same seed, on every machine."""
    random = np.random.default_rng([seed, trial.rows, trial.classes, *trial.name.encode()])
    logits = random.normal(0.0, SPREAD, (trial.rows, trial.classes))
    spots, dealt = _dealt(trial, format_, random)
    for row, spot, recipe in zip(logits, spots, dealt, strict=True):
        recipe.fill(row, spot)
    notes = tuple(
        recipe.name.format(at=spot.at, tile=f"{spot.tile.start} to {spot.tile.stop - 1}")
        for spot, recipe in zip(spots, dealt, strict=True)
    )
    if trial.kind == "rows":  # rows far apart, so that one cannot stand for another
        logits += random.uniform(95.0, 300.0, (trial.rows, 1)) * random.choice(np.array([-1.0, 1.0]), (trial.rows, 1))
    exact = rounded(logits, format_)
    indices = _labels(exact.astype(np.float64), spots)
    finite = np.array([recipe.is_finite for recipe in dealt])
    distributions = (
        _elementwise_labels(exact.shape, random) if elementwise else _distributions(exact.astype(np.float64), indices)
    )
    rows = Rows(
        exact,
        indices,
        rounded(distributions, format_),
        rounded(_row_cotangents(finite), format_),
        rounded(_class_cotangents(spots, exact.shape, finite, random), format_),
    )
    return DrawnRows(rows, notes, trial, format_, tuple(dealt))


def _dealt(trial: Trial, format_: Format, random: np.random.Generator) -> tuple[list[Spot], list[Recipe]]:
    """Deal recipes and places to the rows: each recipe in turn, at another place each time."""
    n, ordinary = trial.classes, RECIPES[-1]
    kinds = [recipe for recipe in RECIPES if recipe.least <= n]
    if trial.kind in {"rows", "plain"}:
        kinds = [ordinary]
    if trial.kind == "way":
        kinds = [recipe for recipe in kinds if recipe.is_finite]
    at, tile = places(n), tiles(n)
    start = int(random.integers(len(kinds))) if trial.rows < len(kinds) else 0
    first = int(random.integers(len(at)))
    spots, dealt = [], []
    for row in range(trial.rows):
        turn, lap = start + row, row // len(kinds)
        place = at[0] if row == 0 else at[(first + 7 * row + lap) % len(at)]
        spots.append(Spot(place, tile[(turn + lap) % len(tile)], format_, random))
        dealt.append(kinds[turn % len(kinds)])
    return spots, dealt


def _labels(logits: F64, spots: list[Spot]) -> NDArray[np.int64]:
    """Label in turn the class where something is, the last two, the greatest, the first, the middle one."""
    count, n = logits.shape
    top = np.where(np.isnan(logits), -np.inf, logits).argmax(axis=1)
    ends = [np.full(count, place) for place in (max(n - 2, 0), n - 1)]
    turns = np.stack([np.array([spot.at for spot in spots]), *ends, top, np.zeros(count), np.full(count, n // 2)])
    indices = turns[np.arange(count) % len(turns), np.arange(count)].astype(np.int64)
    return np.where(np.isneginf(logits[np.arange(count), indices]), top, indices)


def _distributions(logits: F64, indices: NDArray[np.int64]) -> F64:
    """Return in turn: one class; halves; 1e-6 for many classes; even shares; a sum of two."""
    count, n = logits.shape
    rows = np.arange(count)
    q = np.zeros((count, n))
    q[rows, indices] = np.array([1.0, 0.5, 0.75, 0.0, 1.5])[rows % 5]
    q[rows % 5 == 1, -1] += 0.5
    q[rows % 5 == 2, : min(n, 4096)] += 1e-6
    q[rows % 5 == 3] += 1.0 / n
    q[rows % 5 == 4, 0] += 0.5
    return np.where(np.isneginf(logits), 0.0, q)


def _elementwise_labels(shape: tuple[int, ...], random: np.random.Generator) -> F64:
    return random.choice(np.array([0.0, 1.0, 0.5, 0.25, 1e-6, 0.875]), shape)


COTANGENTS = np.array([1.0, -0.5, 100.0, 1e-8, 2.0, 0.0, -1.0, 1.75, 3e-5, -40.0])
"""Upstream gradients of rows, in turn: the first one 1 and the others not."""


def _row_cotangents(finite: NDArray[np.bool_]) -> F64:
    given = COTANGENTS[np.arange(len(finite)) % len(COTANGENTS)]
    return np.where((given == 0.0) & ~finite, 1.0, given)


def _class_cotangents(
    spots: list[Spot], shape: tuple[int, ...], finite: NDArray[np.bool_], random: np.random.Generator
) -> F64:
    """Return in turn: mixed eighths; ones; minus ones; one class alone; tiny ones; large ones."""
    given: F64 = random.integers(1, 17, shape) / 8.0 * random.choice(np.array([-1.0, 1.0]), shape)
    turn = np.arange(shape[0]) % 6
    given[turn == 1], given[turn == 2] = 1.0, -1.0
    given[turn == 4] *= 1e-8
    given[turn == 5] *= 100.0
    for row in np.flatnonzero((turn == 3) & finite):
        given[row] = 0.0
        given[row, spots[row].at] = 1.0
    return given


def placed(rows: Rows, trial: Trial) -> Rows:
    """Return the rows of a trial whose placement makes all rows one and the same."""
    if trial.placement != "broadcast":
        return rows
    first: Any = np.zeros(len(rows), np.int64)
    same = rows[first]
    return Rows(
        same.logits, rows.indices % rows.logits.shape[1], same.distributions, rows.row_cotangents, rows.class_cotangents
    )
