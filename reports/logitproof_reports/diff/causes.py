"""The causes of a diff: similar changes in one entry, blocking ones first, as finely as space allows.

A change is told once: of the clauses that judge the same rows the one that changed most speaks for all. What is left is
grouped by what the gate says of it, its class, the function, and what the worse answer is.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from logitproof_reference.vocabulary.cells import MODES
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reports.runs.coded_text import Words, words_of
from logitproof_reports.words.text import decimal, listed, plural

from .classes import CLASSES, RANK, UNCHANGED, ChangeClass
from .examples import baseline_is_worse, example_of
from .findings import DiffFinding, asked_of, distinct, some
from .machine import machine_of
from .worst_answers import largest_logit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .compare import Diff
    from .examples import Example
    from .ruling import Ruling

    Rows = NDArray[np.int64]

GATE_STATUSES = ("blocks", "look", "waived", "out of scope", "informative")
"""What a gate says of a change, in the order in which they are shown: it blocks; it is worse, though it does not block;
somebody has waived it; the policy does not look at it; it is no worse."""

ALIKE = (("adapter", "op", "entry", "kind"), ("adapter", "op", "kind"), ("adapter", "op"), ("adapter",), ())
"""What the changes of one cause share, besides gate status and class; the later ones where there is little room."""

_BRIEF = frozenset({"moved within the bound", "bits changed"})
"""Classes of which only the digits that were won or lost are told."""

UNKNOWN = frozenset({"unknown now", "unknown before"})
"""Classes of what only one run tells: of an adapter they have one cause, whichever functions it left out."""

_ACCURATE, _INACCURATE = 10.0, 1_000.0
"""Within its bound a change is told where the error passes from one to the other, in ulps: three digits won or lost."""

_NAMED = 3

OPTION_ENDS = re.compile(r"-(?=[a-z])")
"""What parts the options of a cell, such as ``reduction=mean-ignore_index=-1``."""


@dataclass(frozen=True)
class Cause:
    """Changes that are alike.

    Attributes
    ----------
    change : ChangeClass
        Their class.
    gate_status : str
        One of `GATE_STATUSES`.
    waiver : str
        Who waived it and until when; empty if nobody did.
    rows : int64 array
        Their rows in the diff, worst first; one for each cell and regime.
    what : str
        Adapter, op, labels, quantity and function in words, with the clauses.
    function : str
        The same in a few words.
    example : Example
        The worst of them, one row before and after.
    hit : str
        Which inputs are hit, and which are not.
    cells : int
        In how many cells.
    formats, modes : str
        Listed.
    machine : str
        Which facts of the machines explain it; empty if none does.
    """

    change: ChangeClass
    gate_status: str
    waiver: str
    rows: Rows
    what: str
    function: str
    example: Example
    hit: str
    cells: int
    formats: str
    modes: str
    machine: str

    @property
    def worst(self) -> int:
        """Row of the worst of them."""
        return int(self.rows[0])

    @property
    def line(self) -> str:
        """All that matters in a line."""
        if self.change.name in UNKNOWN:
            missing = self.example.after if self.change.name == "unknown now" else self.example.before
            return f"{self.change.name}: {self.extent}: {missing}"
        explained = f"; explained by {self.machine}" if self.machine else ""
        return f"{self.change.name}: {self.example.call or self.function}: {self.example.sentence}{explained}"

    @property
    def extent(self) -> str:
        """How many cells, modes and formats, e.g. ``8 cells: eager and compiled; float32``."""
        return f"{plural(self.cells, 'cell')}: {'; '.join(filter(None, (self.modes, self.formats)))}".rstrip(": ")


def causes_of(diff: Diff, ruling: Ruling, room: int) -> list[Cause]:
    """Return at most `room` causes, but at least one for each gate status and class; those that block come first."""
    rows, gate_status = _told(diff), gate_statuses(diff, ruling)
    kinds = _kinds(diff, rows)
    parts = _groups(diff, rows, gate_status, kinds, ())
    found: list[Cause] = []
    for left, part in zip(reversed(range(len(parts))), parts, strict=True):
        inside = Words(kinds.words, kinds.codes[np.isin(rows, part)])
        ways = (_groups(diff, part, gate_status, inside, alike) for alike in ALIKE)
        allowed = max(1, room - len(found) - left)
        groups = next(groups for groups in ways if len(groups) <= allowed)
        found += [_cause(diff, ruling, group, GATE_STATUSES[gate_status[group[0]]]) for group in groups]
    return _merged(diff, ruling, found)


def _merged(diff: Diff, ruling: Ruling, causes: list[Cause]) -> list[Cause]:
    """Return causes in which functions that changed in the same way, without a number, share one."""
    alike: dict[tuple[object, ...], list[Cause]] = {}
    for place, cause in enumerate(causes):
        example = cause.example
        key = (cause.gate_status, cause.waiver, cause.change.name, example.before, example.after, example.regime)
        alike.setdefault((place,) if example.exact or not example.regime else key, []).append(cause)
    return [
        _cause(diff, ruling, np.sort(np.concatenate([one.rows for one in group])), group[0].gate_status)
        if len(group) > 1
        else group[0]
        for group in alike.values()
    ]


def gate_statuses(diff: Diff, ruling: Ruling) -> NDArray[np.int64]:
    """Return for each row of a diff the position of what the gate says of it in `GATE_STATUSES`."""
    found = np.full(len(diff.rank), GATE_STATUSES.index("informative"))
    if ruling.out_of_scope.size:
        found[ruling.out_of_scope] = GATE_STATUSES.index("out of scope")
    if ruling.waivers.size:
        found[ruling.waivers >= 0] = GATE_STATUSES.index("waived")
    found[ruling.to_look_at(diff)] = GATE_STATUSES.index("look")
    found[ruling.failing] = GATE_STATUSES.index("blocks")
    return found


def _told(diff: Diff) -> Rows:
    """Return the rows that are shown, worst first: of each cell and regime the worst."""
    quiet = [RANK[name] for name in UNCHANGED | _BRIEF]
    rows = np.concatenate([np.flatnonzero(~np.isin(diff.rank, quiet)), _digits_moved(diff)])
    cells, regimes = diff.words("cell"), diff.words("regime")
    keys = cells.codes[rows] * len(regimes.words) + regimes.codes[rows]
    _, first = np.unique(keys, return_index=True)
    return rows[np.sort(first)]


def _digits_moved(diff: Diff) -> Rows:
    """Return the rows that lost or won digits within their bound, those that lost most first."""
    rows = np.flatnonzero(diff.rank == RANK["moved within the bound"])
    before, after = (pc.fill_null(diff.column(side, "ulps", rows), np.nan).to_numpy() for side in ("b", "a"))
    passed = (np.fmin(before, after) <= _ACCURATE) & (np.fmax(before, after) >= _INACCURATE)
    chosen = np.flatnonzero(passed & np.isfinite(before) & np.isfinite(after))
    return rows[chosen[np.argsort(before[chosen] - after[chosen], kind="stable")]]


def _kinds(diff: Diff, rows: Rows) -> Words:
    """Return what the worse answer of each row is: ``nan``, ``infinite``, ``finite`` or ``none``.

    Of what only one run supports nothing is compared: there the answer does not part causes.
    """
    sides = {side: words_of(pc.fill_null(diff.column(side, "observed", rows), "")) for side in ("b", "a")}
    kinds = {side: words.mapped(_kind) for side, words in sides.items()}
    names = sorted({word for words in kinds.values() for word in words.words})
    codes = {side: np.array([names.index(w) for w in words.words])[words.codes] for side, words in kinds.items()}
    worse = np.where(baseline_is_worse(diff, rows), codes["b"], codes["a"])
    alone = np.isin(diff.rank[rows], [RANK["newly supported"], RANK["no longer supported"]])
    return Words([*names, ""], np.where(alone, len(names), worse))


def _kind(observed: str) -> str:
    special = {"": "none", "nan": "nan", "inf": "infinite", "-inf": "infinite"}
    return special.get(observed, "finite")


def _groups(diff: Diff, rows: Rows, gate_status: NDArray[np.int64], kinds: Words, alike: tuple[str, ...]) -> list[Rows]:
    """Return groups of rows, in the order of gate status and of their worst."""
    if not rows.size:
        return []
    columns = [(gate_status[rows], len(GATE_STATUSES)), (diff.rank[rows], len(CLASSES))]
    known = ~np.isin(diff.rank[rows], [RANK[name] for name in UNKNOWN])
    for name in alike:
        words = kinds if name == "kind" else diff.words(name)
        codes = words.codes if name == "kind" else words.codes[rows]
        columns.append((np.where(known | (name == "adapter"), codes, 0), len(words.words)))
    keys = np.ravel_multi_index([codes for codes, _ in columns], [size for _, size in columns])
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    members = np.split(rows[np.argsort(group, kind="stable")], np.cumsum(np.bincount(group))[:-1])
    order = sorted(range(len(members)), key=lambda place: (gate_status[members[place][0]], first[place]))
    return [members[place] for place in order]


def _cause(diff: Diff, ruling: Ruling, rows: Rows, gate_status: str) -> Cause:
    change = CLASSES[diff.rank[rows[0]]]
    finding = DiffFinding(change, _values_first(diff, rows) if change.name == "meaning changed" else rows)
    waiver = ruling.waiver_of(finding.worst)
    return Cause(
        change=finding.change,
        gate_status=gate_status,
        waiver=f"{waiver.owner} until {waiver.until}: {waiver.reason}" if waiver else "",
        rows=finding.rows,
        what=asked_of(diff, finding),
        function=_function(diff, finding),
        example=example_of(diff, finding.worst),
        hit=_hit(diff, finding),
        cells=len(distinct(diff, finding, "cell")),
        formats=_in_order(distinct(diff, finding, "format"), tuple(FORMATS)),
        modes=_in_order(distinct(diff, finding, "mode"), MODES),
        machine=machine_of(diff, finding.worst),
    )


def _values_first(diff: Diff, rows: Rows) -> Rows:
    """Return rows with those of a value before those of a derivative: what a loss means is read from its value."""
    quantities = diff.words("quantity")
    is_value = np.array([word == "value" for word in quantities.words])[quantities.codes[rows]]
    return rows[np.argsort(~is_value, kind="stable")]


def _in_order(words: list[str], order: tuple[str, ...]) -> str:
    return listed(sorted(filter(None, words), key=lambda word: (word not in order, [*order, word].index(word))))


def _function(diff: Diff, finding: DiffFinding) -> str:
    """Return op, quantity, function and options in a few words, the adapter where the diff has several."""
    adapters = diff.words("adapter").words
    names = [some(diff, finding, "adapter")] if len(adapters) > 1 else []
    quantities = [word for word in distinct(diff, finding, "quantity") if word]
    ops = distinct(diff, finding, "op")
    several = f"{', '.join(ops[:2])} and {len(ops) - 2} more" if len(ops) > _NAMED else listed(ops)
    many = "value and derivatives" if "value" in quantities else "derivatives"
    asked = [several, many if len(quantities) >= _NAMED else listed(quantities) if quantities != ["value"] else ""]
    entries = [word for word in distinct(diff, finding, "entry") if word]
    via = f"via {', '.join(entries[:_NAMED])}" if entries and "" not in distinct(diff, finding, "entry") else ""
    options = distinct(diff, finding, "options")
    given = f"({OPTION_ENDS.sub(', ', options[0])})" if len(options) == 1 and options[0] else ""
    return " ".join(filter(None, [*names, *asked, via, given])) or "the framework"


def _hit(diff: Diff, finding: DiffFinding) -> str:
    """Return which regimes are hit, those with the smallest logits first, and how many of the same cells are not."""
    logits = _largest_logits(diff, finding)
    hit = sorted(logits, key=lambda regime: logits[regime])
    cells, regimes = diff.words("cell"), diff.words("regime")
    mine = np.isin(cells.codes, np.unique(cells.codes[finding.rows]))
    others = len(np.unique(regimes.codes[mine])) - len(hit)
    named = ", ".join(f"{name}{_up_to(logits[name])}" for name in hit[:_NAMED])
    more = f" and {len(hit) - _NAMED} more" if len(hit) > _NAMED else ""
    return f"{named}{more}; {plural(others, 'other regime')} not hit" if named and others > 0 else f"{named}{more}"


def _up_to(logit: float) -> str:
    return f" (|logit| {decimal(logit)})" if math.isfinite(logit) else ""


def _largest_logits(diff: Diff, finding: DiffFinding) -> dict[str, float]:
    """Return for each regime that is hit the largest finite logit of its mildest row on record; inf if not known."""
    regimes, found = diff.words("regime"), dict[str, float]()
    inputs = [diff.column(side, "inputs", finding.rows).to_pylist() for side in ("a", "b")]
    worse = baseline_is_worse(diff, finding.rows).astype(int).tolist()
    for place, row in enumerate(finding.rows.tolist()):
        if regime := regimes.words[regimes.codes[row]]:
            found[regime] = min(found.get(regime, math.inf), largest_logit(inputs[worse[place]][place] or ""))
    return found
