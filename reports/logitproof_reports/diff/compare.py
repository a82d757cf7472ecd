"""A diff of two runs, judged against the truth: a pure function of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logitproof_reference.specification.verdicts import VERDICT_RANKS
from logitproof_reports.runs.coded_text import Words, words_of
from logitproof_reports.runs.schema import Run, RunFileError
from logitproof_reports.runs.values import is_extra_call
from logitproof_reports.words.text import listed

from .classes import CLASSES, RANK, ChangeClass
from .query import KEY, compared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Diff:
    """Two runs of one case set, judgement by judgement.

    Attributes
    ----------
    before, after : Run
        The baseline and the candidate.
    table : pyarrow.Table
        As `query.compared` returns it, worst first.
    """

    before: Run
    after: Run
    table: pa.Table
    _words: dict[str, Words] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def rank(self) -> NDArray[np.int64]:
        """For each row the position of its class in `CLASSES`."""
        ranks: NDArray[np.int64] = self.table["rank"].to_numpy().astype(np.int64)
        return ranks

    def count(self, name: str) -> int:
        """Return how many judgements are of a class."""
        return int((self.rank == RANK[name]).sum())

    def by_class(self) -> list[tuple[ChangeClass, int]]:
        """Return the classes that occur, worst first, with the number of their judgements."""
        numbers = np.bincount(self.rank, minlength=len(CLASSES))
        return [(change, int(number)) for change, number in zip(CLASSES, numbers, strict=True) if number]

    def cells_by_class(self) -> dict[str, int]:
        """Return how many cells there are of each class; a cell counts once, by its worst judgement."""
        cells = self.words("cell")
        worst = np.full(len(cells.words), len(CLASSES))
        np.minimum.at(worst, cells.codes, self.rank)
        numbers = np.bincount(worst, minlength=len(CLASSES))
        return {change.name: int(number) for change, number in zip(CLASSES, numbers, strict=False) if number}

    def words(self, name: str) -> Words:
        """Return a column that names the judgement or its cell: the same in both runs, or there in one alone."""
        if name not in self._words:
            self._words[name] = words_of(pc.coalesce(self.column("b", name), self.column("a", name)))
        return self._words[name]

    def column(self, side: str, name: str, rows: NDArray[np.int64] | None = None) -> pa.ChunkedArray:
        """Return a column of the baseline (``b``) or the candidate (``a``), null where the judgement is not there.

        Of some rows of the diff, or of all.
        """
        run = self.before if side == "b" else self.after
        places = self.table[f"{side}_place"]
        return run.table[name].take(places if rows is None else places.take(rows))

    def sides(self, row: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return one row's judgement in each run, as mappings; empty if there is none."""
        return self._side("b", row), self._side("a", row)

    def instead(self, row: int) -> dict[str, Any]:
        """Return the worst judgement on the same rows of the run in which this one is missing; empty if none."""
        before, after = self.sides(row)
        there, other = (before, self.after) if before else (after, self.before)
        table = other.table
        same = pc.and_(pc.equal(table["cell"], there["cell"]), pc.equal(table["regime"], there["regime"]))
        found = table.filter(same).to_pylist()
        return max(found, key=lambda record: VERDICT_RANKS[record["verdict"]], default={})

    def _side(self, side: str, row: int) -> dict[str, Any]:
        run = self.before if side == "b" else self.after
        place = self.table[f"{side}_place"][row].as_py()
        return {} if place is None else dict(run.table.slice(place, 1).to_pylist()[0])


def repeated(run: Run) -> str:
    """Return the key of a judgement that a run holds more than once; empty if there is none."""
    columns = [words_of(run.table[name]) for name in KEY]
    keys = np.ravel_multi_index([one.codes for one in columns], [max(1, len(one.words)) for one in columns])
    _, first, numbers = np.unique(keys, return_index=True, return_counts=True)
    more = first[numbers > 1]
    return " ".join(one.words[one.codes[more[0]]] for one in columns) if more.size else ""


def _without_gaps(run: Run) -> Run:
    """Return a run without its remarks that something planned was not judged: what is missing is unknown anyway."""
    gaps = pc.and_(pc.equal(run.table["op"], ""), pc.equal(run.table["verdict"], "void"))
    if not pc.any(gaps).as_py():
        return run  # a table that is filtered is copied, whatever is left of it
    return replace(run, table=run.table.filter(pc.invert(gaps)), complete=False, choice="")


def _with_the_same_calls(*runs: Run) -> list[Run]:
    """Return runs with those calls outside the matrix that all hold: only upgrades make them, and the list grows."""
    asked = [is_extra_call(run.table) for run in runs]
    texts = [set(run.table.filter(calls)["inputs"].to_pylist()) for run, calls in zip(runs, asked, strict=True)]
    shared = set.intersection(*texts)
    kept = pa.array(sorted(shared), pa.string())
    return [
        run  # a filtered table is a second one, as large as the first
        if mine == shared
        else replace(run, table=run.table.filter(pc.or_(pc.invert(calls), pc.is_in(run.table["inputs"], kept))))
        for run, calls, mine in zip(runs, asked, texts, strict=True)
    ]


def diff(before: Run, after: Run, repeats: Sequence[tuple[Run, Run]] = ()) -> Diff:
    """Compare two runs.

    Parameters
    ----------
    before, after : Run
        The baseline and the candidate.
    repeats : pairs of Run
        Two runs of one environment each. What differs between those is noise: no change is claimed of it.

    Raises
    ------
    RunFileError
        The runs did not judge the same inputs or have no framework in common, or one holds a judgement twice.
    """
    for what, name in (("profile", "profile"), ("case_set", "case set")):
        one, other = getattr(before, what), getattr(after, what)
        if one != other:
            raise RunFileError(
                f'the baseline has the {name} "{one[:12]}", the candidate "{other[:12]}": '
                "only runs with the same inputs can be compared; make one again with the same release and profile"
            )
    frameworks = [sorted(set(pc.unique(run.table["adapter"]).to_pylist())) for run in (before, after)]
    if all(frameworks) and not set.intersection(*map(set, frameworks)):
        raise RunFileError(
            f"the baseline has {listed(frameworks[0])}, the candidate {listed(frameworks[1])}: only runs of one "
            "framework can be compared; `logitproof report BASELINE CANDIDATE` shows several side by side"
        )
    before, after = _with_the_same_calls(*map(_without_gaps, (before, after)))
    for name, run in (("baseline", before), ("candidate", after)):
        if twice := repeated(run):
            raise RunFileError(f"the {name} holds the judgement {twice} more than once: make the run again")
    return Diff(before, after, compared(before, after, repeats))
