"""The trials of a kernel besides the matrix: widths, numbers of rows, placements in memory and ways of calling it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.cases.recipes import RECIPES, SPREAD, Recipe, Spot
from logitproof_adapters.kernels.questions import SAVED
from logitproof_adapters.kernels.ways_of_calling import AFTER_VALUE, WAYS
from logitproof_reference.cases.catalogue import Rows
from logitproof_reference.cases.memory_layouts import OF_GRADIENTS, PLACEMENTS
from logitproof_reference.cases.widths import AND_A_HALF, BETWEEN, BLOCKS, WIDTHS, places, tiles
from logitproof_reference.vocabulary.formats import rounded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import Format

    F64 = NDArray[np.float64]

QUICK_NARROW = (1, 2, 3, 31, 33, 127, 128, 129, 256, 257, 512, 513, 1000, 1024, 1025, 2048, 2049, 4097, 8193, 32769)
"""Widths of the further formats in the quick profile."""

COMPILED_FOR_EACH_SHAPE = frozenset({"jax"})
"""Frameworks that compile a program for each shape, whose arrays have no strides and are never written to."""

NARROW_AND_COMPILED = (2, 33, 129, 1000, 1025, 2049, 4097, 8193, 32769)
"""Widths of the further formats of such a framework in the quick profile."""

ELEMENTS = {"quick": 1 << 16, "full": 1 << 19}
"""Logits of one width, as far as a few rows do not need more."""

FEWEST = {"quick": 4, "full": 16}
MOST = {"quick": 150, "full": 600}
"""Rows of one width."""

ROWS_BETWEEN = 9
"""Rows of the widths that lie between two powers of two."""

ROWS = ((1, 10), (2, 10), (3, 10), (31, 10), (64, 10), (501, 7), (1000, 10), (1025, 10), (4097, 5), (65537, 3))
FURTHER_ROWS = (
    *((256, 10), (1024, 10), (4096, 5), (65536, 3)),
    *((4097, 129), (1025, 1537)),
    *((1, 4097), (1, 32769), (1, 131073), (2, 65537), (3, 16385)),
)
"""Full grids without a rest; many rows that are not narrow, past 2^20 logits; few wide rows, split over a grid."""

SQUARES = (2, 3, 33, 64, 128, 257)
"""Numbers of rows with the classes of each, and batches of as many rows as classes."""

NEAR_ONE, MEAN_ONE = "cotangents_near_one", "cotangents_of_mean_one"
IGNORED, AXIS_OF_ONE = "ignored_rows_not_finite", "axis_of_one"
"""Kinds of trials of ordinary rows: upstream gradients that a kernel may take for 1, see `TAKEN_FOR_ONE`; rows that are
ignored, where an ignored index is declared, with NaN and infinities in their logits; and, where the class axis is the
middle one, an axis of length one behind it.
"""

ABOVE_ONE = 9e-6
"""The relative tolerance of allclose is 1e-5; of float32's bounds on so few classes less than 4e-6."""


def _near_one(count: int) -> F64:
    return np.full(count, 1.0 + ABOVE_ONE)


def _of_mean_one(count: int) -> F64:
    """Return halves and three halves in turn, 1 first and last; their mean is 1 for an even count, in every format."""
    found = np.where(np.arange(count) % 2 == 0, 0.5, 1.5)
    found[[0, -1]] = 1.0
    return found


TAKEN_FOR_ONE: dict[str, Callable[[int], F64]] = {NEAR_ONE: _near_one, MEAN_ONE: _of_mean_one}
"""Upstream gradients that are not 1, and that a kernel may take for it: by allclose, their mean, sum, first or last."""

LARGE = (4100, 4097)
"""In the full profile: more than 2^24 logits, whose indices float32 cannot distinguish."""

ALL_RECIPES = (1025, 2049, 4097, 8193, 32769, 65537, 131073)
"""Widths that are asked every recipe: one for each path that a kernel may have for wide rows."""

OF_FURTHER_FORMATS = frozenset(
    {
        *("rows_1", "rows_1025", "rows_4097", "columns_6x33", "strided_6x33", "strided_cotangents_6x33"),
        *("kept_5x96", "same_memory_5x96", "same_logits_5x96", "twice_5x96", "fifty_times_5x96", "in_threads_5x96"),
        *("after_fewer_classes_5x96", "after_more_classes_5x96", "after_another_value_5x96"),
    }
)
"""Trials of rows, placements and ways that further formats are asked too: each has buffers and casts of its own."""


@dataclass(frozen=True)
class Trial:
    """One batch of rows, placed in memory and asked in a way.

    Attributes
    ----------
    name : str
        As run files and verdicts cite it.
    rows, classes : int
    kind : str
        ``width``, ``rows``, ``placement``, ``way``, a word of `TAKEN_FOR_ONE`, `IGNORED`, `AXIS_OF_ONE`, or ``plain``
        for ordinary rows alone.
    placement : str
        A word of `memory_layouts.PLACEMENTS`.
    way : str
        A word of `ways_of_calling.WAYS`.
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


def planned(profile: str, widest: int, *, main: bool, framework: str = "numpy") -> Iterator[Trial]:
    """Yield the trials of a format, the narrow ones first; `main` is the format that is asked everything.

    In the quick profile a framework of `COMPILED_FOR_EACH_SHAPE` is not asked what its arrays do not have.
    """
    is_compiled = framework in COMPILED_FOR_EACH_SHAPE and profile == "quick"
    narrow = NARROW_AND_COMPILED if is_compiled else QUICK_NARROW
    widths = WIDTHS if main or profile == "full" else narrow
    for n in widths:
        if n <= widest:
            count = int(np.clip(ELEMENTS[profile] // n // (1 if main else 2), FEWEST[profile], MOST[profile]))
            fewest = len(RECIPES) if n in ALL_RECIPES else 1
            yield Trial(f"width_{n}", min(count, 25) if n == 1 else max(count, fewest), n, "width")
    for n in (*AND_A_HALF, *BETWEEN) if main or profile == "full" else ():
        if n <= widest:
            yield Trial(f"width_{n}", ROWS_BETWEEN, n, "width")
    for trial in further_trials():
        if is_compiled and not _is_of_compiled(trial, main=main):
            continue
        if trial.classes <= widest and (main or profile == "full" or trial.name in OF_FURTHER_FORMATS):
            yield trial
    if profile == "full":
        yield Trial("far_3x129", 3, 129, "plain", way="far")
        if LARGE[1] <= widest:
            yield Trial(f"rows_{LARGE[0]}x{LARGE[1]}", *LARGE, "rows")


def _is_of_compiled(trial: Trial, *, main: bool) -> bool:
    """Whether a trial is for arrays without strides that nobody writes to: of a way of calling one shape is."""
    is_of_more_shapes = trial.way.startswith("after_") and trial.way != AFTER_VALUE
    return not trial.placement and (not trial.way or (trial.name.endswith("_5x96") and (main or not is_of_more_shapes)))


def further_trials() -> Iterator[Trial]:
    """Yield numbers of rows, placements and ways."""
    for rows, classes in ROWS:
        yield Trial(f"rows_{rows}", rows, classes, "rows")
    for rows, classes in FURTHER_ROWS:
        yield Trial(f"rows_{rows}x{classes}", rows, classes, "rows")
    for n in SQUARES:
        yield Trial(f"square_{n}", n, n, "rows")
    for placement in filter(None, PLACEMENTS):
        of_gradients: Any = ("grad_logits",) if placement in OF_GRADIENTS else ()
        for rows, classes in ((6, 33), (5, 1000), (16, 16), (3, 8193)):
            yield Trial(f"{placement}_{rows}x{classes}", rows, classes, "placement", placement, quantities=of_gradients)
    for way in [word for word in WAYS if word not in {"", "far"}]:
        for rows, classes in ((5, 96), (48, 7), (3, 8193)):
            yield Trial(f"{way}_{rows}x{classes}", rows, classes, "way", way=way)
    yield Trial("after_fewer_classes_173x29", 173, 29, "way", way="after_fewer_classes")  # this many rows have no other
    for kind in TAKEN_FOR_ONE:
        yield Trial(f"{kind}_60x5", 60, 5, kind, quantities=("grad_logits",))
    yield Trial(f"{IGNORED}_25x10", 25, 10, IGNORED)
    yield Trial(f"{AXIS_OF_ONE}_5x10", 5, 10, AXIS_OF_ONE)
    for way in (AFTER_VALUE, *filter(None, SAVED)):
        yield Trial(f"{way}_5x96", 5, 96, "way", way=way, quantities=("grad_logits",))


WHOLE = frozenset({"distributions", "class_cotangents"})
"""Operands of as many numbers as the logits."""


def draw(trial: Trial, format_: Format, seed: int, *, elementwise: bool, needed: frozenset[str] = WHOLE) -> DrawnRows:
    """Draw a trial's rows; the same for the same seed, on every machine. What is not needed is one number for all."""
    random = np.random.default_rng([seed, trial.rows, trial.classes, *trial.name.encode()])
    logits = random.normal(0.0, SPREAD, (trial.rows, trial.classes))
    spots, dealt = _dealt(trial, format_, random)
    for row in (row for row, recipe in enumerate(dealt) if recipe is not ORDINARY):
        dealt[row].fill(logits[row], spots[row])
    notes = tuple(_note(recipe, spot) for spot, recipe in zip(spots, dealt, strict=True))
    if trial.kind == "rows":  # rows far apart, so that one cannot stand for another
        logits += random.uniform(95.0, 300.0, (trial.rows, 1)) * random.choice(np.array([-1.0, 1.0]), (trial.rows, 1))
    exact = rounded(logits, format_)
    indices = _labels(exact.astype(np.float64), spots)
    if trial.way == "after_fewer_classes":  # nothing but the logits says that there are more now
        indices %= max(trial.classes // 2, 1)
    finite = np.array([recipe.is_finite for recipe in dealt])
    one = np.broadcast_to(np.ones((), exact.dtype), exact.shape)
    distributions, class_cotangents = one, one
    if elementwise:
        distributions = rounded(_elementwise_labels(exact.shape, random), format_)
    elif "distributions" in needed:
        distributions = rounded(_distributions(exact.astype(np.float64), indices), format_)
    if "class_cotangents" in needed:
        drawn = _class_cotangents(spots, exact.shape, finite, random)
        class_cotangents = _without_lost(drawn, finite, format_)
    row_cotangents = _without_lost(_row_cotangents(finite), finite, format_)
    if taken_for_one := TAKEN_FOR_ONE.get(trial.kind):
        row_cotangents = rounded(taken_for_one(trial.rows), format_)
        class_cotangents = rounded(taken_for_one(exact.size).reshape(exact.shape), format_)
    rows = Rows(exact, indices, distributions, row_cotangents, class_cotangents)
    return DrawnRows(rows, notes, trial, format_, tuple(dealt))


def _dealt(trial: Trial, format_: Format, random: np.random.Generator) -> tuple[list[Spot], list[Recipe]]:
    """Assign recipes and places to the rows: each recipe in turn, at a different place each time."""
    n = trial.classes
    kinds = [recipe for recipe in RECIPES if recipe.least <= n]
    if trial.kind in {"rows", "plain", *TAKEN_FOR_ONE, IGNORED, AXIS_OF_ONE} or trial.placement == "broadcast_classes":
        kinds = [ORDINARY]
    if trial.kind == "way":
        kinds = [recipe for recipe in kinds if recipe.is_finite]
    at, tile = places(n), tiles(n, max(BLOCKS))
    start = int(random.integers(len(kinds))) if trial.rows < len(kinds) else 0
    first = int(random.integers(len(at)))
    if kinds == [ORDINARY] and n not in ALL_RECIPES:  # perhaps many thousand rows
        period = len(at) * len(tile)
        repeated = [
            Spot(at[(first + 8 * row) % len(at)], tile[2 * row % len(tile)], format_, random) for row in range(period)
        ]
        found = (repeated * -(-trial.rows // period))[: trial.rows]
        found[:1] = [replace(one, at=at[0]) for one in found[:1]]
        return found, [ORDINARY] * trial.rows
    spots, dealt = [], []
    made: dict[tuple[int, int], Spot] = {}  # of many thousand rows few places are different
    for row in range(trial.rows):
        turn, lap = start + row, row // len(kinds)
        place = at[0] if row == 0 or _is_last(n, turn) else at[(first + 7 * row + lap) % len(at)]
        chosen = (n + turn) % 3 if n in ALL_RECIPES else turn + lap
        which = place, chosen % len(tile)
        if which not in made:
            made[which] = Spot(place, tile[which[1]], format_, random)
        spots.append(made[which])
        dealt.append(kinds[turn % len(kinds)])
    return spots, dealt


ORDINARY = RECIPES[-1]
"""Leaves a row as it was drawn."""


def _note(recipe: Recipe, spot: Spot) -> str:
    """Say what a row is."""
    if recipe is ORDINARY:
        return recipe.name
    return recipe.name.format(at=spot.at, tile=f"{spot.tile.start} to {spot.tile.stop - 1}")


def _is_last(n: int, turn: int) -> bool:
    """Whether a recipe is put at the last class, alone in its block: each is at one of two wide rows in succession."""
    return n in ALL_RECIPES and (turn + ALL_RECIPES.index(n)) % 2 == 0


def _labels(logits: F64, spots: list[Spot]) -> NDArray[np.int64]:
    """Label in turn the class where something is, the last two, the greatest, the first, the middle one."""
    count, n = logits.shape
    top = np.where(np.isnan(logits), -np.inf, logits).argmax(axis=1)
    ends = [np.full(count, place) for place in (max(n - 2, 0), n - 1)]
    turns = np.stack([np.array([spot.at for spot in spots]), *ends, top, np.zeros(count), np.full(count, n // 2)])
    indices = turns[np.arange(count) % len(turns), np.arange(count)].astype(np.int64)
    return np.where(np.isneginf(logits[np.arange(count), indices]), top, indices)


def _distributions(logits: F64, indices: NDArray[np.int64]) -> F64:
    """Return in turn: one class; halves; 1e-6 for many classes; even shares; a sum of two; one class and a quarter."""
    count, n = logits.shape
    turn = np.arange(count) % 6
    q = np.zeros((count, n))
    q[np.arange(count), indices] = np.array([1.0, 0.5, 0.75, 0.0, 1.5, 1.0])[turn]
    q[turn == 1, -1] += 0.5
    q[turn == 2, : min(n, 4096)] += 1e-6
    q[turn == 3] += 1.0 / n
    q[turn == 4, 0] += 0.5
    q[turn == 5, n // 3] += 0.25
    return np.where(np.isneginf(logits), 0.0, q)


def _elementwise_labels(shape: tuple[int, ...], random: np.random.Generator) -> F64:
    return random.choice(np.array([0.0, 1.0, 0.5, 0.25, 1e-6, 0.875]), shape)


COTANGENTS = np.array([1.0, -0.5, 100.0, 1e-8, 2.0, 0.0, -1.0, 1.75, 3e-5, -40.0, 2048.0])
"""Upstream gradients of rows, in turn: the first one 1 and the others not."""


def _row_cotangents(finite: NDArray[np.bool_]) -> F64:
    given = COTANGENTS[np.arange(len(finite)) % len(COTANGENTS)]
    return np.where((given == 0.0) & ~finite, 1.0, given)


def _without_lost(cotangents: F64, finite: NDArray[np.bool_], format_: Format) -> NDArray[Any]:
    """Return cotangents in a format; ones where all of a row with NaN or infinities are lost: 0 times NaN may be 0."""
    found = rounded(cotangents, format_)
    lost = ~finite & ~found.astype(np.float64).reshape(len(found), -1).any(axis=1)
    found[lost] = 1
    return found


def _class_cotangents(
    spots: list[Spot], shape: tuple[int, ...], finite: NDArray[np.bool_], random: np.random.Generator
) -> F64:
    """Return in turn: mixed eighths; ones; minus ones; one class alone; tiny ones; large ones."""
    eighths = random.integers(-16, 16, shape, dtype=np.int8)
    given: F64 = (eighths + (eighths >= 0)) / 8.0
    turn = np.arange(shape[0]) % 6
    given[turn == 1], given[turn == 2] = 1.0, -1.0
    given[turn == 4] *= 1e-8
    given[turn == 5] *= 100.0
    for row in np.flatnonzero((turn == 3) & finite):
        given[row] = 0.0
        given[row, spots[row].at] = 1.0
    return given


def placed(rows: Rows, trial: Trial) -> Rows:
    """Return the rows of a trial whose placement makes all rows, all classes or all cotangents one and the same."""
    if trial.placement == "broadcast_classes":
        return replace(rows, logits=np.repeat(rows.logits[:, :1], rows.logits.shape[1], axis=1))
    if trial.placement == "expanded_cotangents":
        ones = {name: np.ones_like(getattr(rows, name)) for name in ("row_cotangents", "class_cotangents")}
        return replace(rows, **ones)
    if trial.placement != "broadcast":
        return rows
    first: Any = np.zeros(len(rows), np.int64)
    same = rows[first]
    return Rows(
        same.logits, rows.indices % rows.logits.shape[1], same.distributions, rows.row_cotangents, rows.class_cotangents
    )
