"""An upgrade from beginning to end: both sides, both runs, the diff, and repeated runs of what changed."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logitproof.errors import UsageError
from logitproof.extra_calls.judgements import with_extra_calls
from logitproof.matrix.requests import REQUEST, keep_request, refuse_another_request
from logitproof.matrix.survey import CONTROL
from logitproof.upgrades.building import Building
from logitproof.upgrades.sides import TOLD, Settings, Side, is_finished, judge, prepared
from logitproof_adapters.catalogue.frameworks import FRAMEWORKS, PACKAGES, distributions_of
from logitproof_reports.diff.classes import RANK
from logitproof_reports.diff.compare import diff
from logitproof_reports.diff.query import not_evaluated
from logitproof_reports.runs.input_files import read_text
from logitproof_reports.runs.run_file import read_run, write_run
from logitproof_reports.runs.values import is_extra_call
from logitproof_reports.runs.whole_files import write_text_atomically
from logitproof_reports.words.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from logitproof_adapters.targets.target import Target
    from logitproof_reports.diff.compare import Diff
    from logitproof_reports.runs.schema import Run

    Say = Callable[[str], None]

NAMES = ("baseline", "candidate")
MOST_BYTES_OF_A_LOCK = 1_000_000

CELLS_AT_ONCE = 400
"""Cells that a second look names; of more the first ones, worst first: a command line has an end."""

MORE_PATIENCE = 4.0
"""How much longer a call may take that timed out, when it is made once more, alone."""


@dataclass(frozen=True)
class Trial:
    """An upgrade to be tried, and the folder of its files.

    Attributes
    ----------
    old, new : str
        Requirements such as ``jax==0.4.35``, a lock file, a target, or the path of a run file saved earlier.
    folder : Path
        Receives ``baseline.parquet``, ``candidate.parquet`` and a ``.lock.txt`` of each.
    adapters : tuple of str
        Adapters to ask; empty for those of the packages that are named.
    settings : Settings
        How both sides are judged.
    building : Building
        How environments are built, and where they run.
    resume : bool
        Whether to resume what an interrupted upgrade of the same request left.
    say : callable
        Receives lines on the progress.
    """

    old: str
    new: str
    folder: Path
    adapters: tuple[str, ...] = ()
    settings: Settings = field(default_factory=Settings)
    building: Building = field(default_factory=Building)
    resume: bool = False
    say: Say = field(default=print)

    def run(self) -> tuple[list[Side], Diff]:
        """Carry it out.

        Raises
        ------
        UnbuildableEnvironment
            An environment cannot be resolved or built; nothing was judged.
        UsageError, RunFileError, TargetError
            A side cannot be judged.
        Interrupted
            By SIGINT or SIGTERM; what was measured is kept.
        """
        self._begin()
        both = prepared((self.old, self.new), self.say, self.building, self._locks_before())
        adapters = self.adapters or common_adapters(both, self.say)
        self._write_locks(both)
        later = [sum(1 for side in both[place + 1 :] if side.target) for place in range(len(both))]
        before, after = (self._judged(place, side, adapters, later[place]) for place, side in enumerate(both))
        return both, self._looked_at_twice(both, diff(before, after))

    def files(self, both: Sequence[Side]) -> dict[str, Path]:
        """Return the run files of both sides, by `NAMES`."""
        return {name: side.run_file or self._file(name) for name, side in zip(NAMES, both, strict=True)}

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"

    def _lock_file(self, name: str) -> Path:
        return self.folder / f"{name}.lock.txt"

    def _begin(self) -> None:
        """Make the folder, and see to it that what is resumed was asked the same."""
        asked = {
            "old": self.old,
            "new": self.new,
            "adapters": self.adapters,
            "environments": self.building.suffix or None,
            **asdict(self.settings),
        }
        if self.resume and (self.folder / REQUEST).exists():
            refuse_another_request(self.folder, asked, "upgrade")
            return
        self._remove_results()  # one that was interrupted before it began begins again
        self.folder.mkdir(parents=True, exist_ok=True)
        keep_request(self.folder, asked)

    def _remove_results(self) -> None:
        """Remove what an earlier upgrade left in the folder, lest it be taken for a side of this one."""
        asked = {Path(text).absolute() for text in (self.old, self.new)}
        for name in NAMES:
            for file in (self._file(name), self._file(f"{name}.again"), self._lock_file(name)):
                if file.absolute() not in asked:
                    file.unlink(missing_ok=True)

    def _locks_before(self) -> dict[str, list[str]]:
        """Return the lock of each side that the interrupted upgrade resolved: the index may have moved since."""
        files = [(text, self._lock_file(name)) for text, name in zip((self.old, self.new), NAMES, strict=True)]
        return {text: read_text(file, MOST_BYTES_OF_A_LOCK).split("\n") for text, file in files if file.exists()}

    def _write_locks(self, both: Sequence[Side]) -> None:
        for name, side in zip(NAMES, both, strict=True):
            if side.locked:
                lines = [f"# Python {side.locked.python}", *side.locked.lines, ""]
                write_text_atomically(self._lock_file(name), "\n".join(lines))

    def _judged(self, place: int, side: Side, adapters: Sequence[str], sides_after: int) -> Run:
        """Return the run of a side: read, resumed, or made."""
        if side.run_file or side.target is None:
            return read_run(side.run_file or Path(side.asked))
        output = self._file(NAMES[place])
        if self.resume and is_finished(output):
            self.say(f"{NAMES[place]}: {side.title} was judged before the interruption")
            return self._completed(read_run(output), side.target, adapters, output)
        self.say(f"{NAMES[place]} ({place + 1} of 2): testing {side.title} ({', '.join(adapters)})")
        begun = time.monotonic()
        run = judge(side.target, adapters, output, self.settings, resume=self.resume, sides_after=sides_after)
        run = self._completed(run, side.target, adapters, output)
        self.say(f"{NAMES[place]}: {plural(run.table.num_rows, 'judgement')} in {time.monotonic() - begun:.0f} s")
        return run

    def _completed(self, run: Run, target: Target, adapters: Sequence[str], output: Path) -> Run:
        """Return a run with the calls that no clause covers, and with what timed out judged once more; it is stored."""
        found = with_extra_calls(self._retried(run, target), self.settings.at(target), adapters)
        if found is not run:
            write_run(output, found)
        return found

    def _retried(self, run: Run, target: Target) -> Run:
        """Return a run in which the cells that timed out were judged again, alone and with a longer timeout."""
        cells = list(dict.fromkeys(pc.filter(run.table["cell"], not_evaluated(run.table)).to_pylist()))
        cells = [cell for cell in cells if cell not in set(run.table["adapter"].to_pylist())][:CELLS_AT_ONCE]
        if not cells:
            return run
        self.say(f"{plural(len(cells), 'cell')} timed out: judged again, alone and with a longer timeout")
        alone = replace(self.settings, cells=tuple(cells), patience=MORE_PATIENCE * self.settings.patience)
        names = sorted(set(run.table["adapter"].to_pylist()))
        again = judge(target, names, self.folder / "alone.parquet", alone)
        (self.folder / "alone.parquet").unlink()
        mine = pa.array(cells)
        kept = run.table.filter(pc.invert(pc.is_in(run.table["cell"], mine)))
        return replace(run, table=pa.concat_tables([kept, again.table.filter(pc.is_in(again.table["cell"], mine))]))

    def _looked_at_twice(self, both: Sequence[Side], found: Diff) -> Diff:
        """Run again the cells that became worse or better, on both sides.

        A release whose own two runs differ tells nothing by a third.
        """
        inputs = pc.coalesce(*(found.column(side, "inputs") for side in ("a", "b")))
        in_matrix = pc.invert(is_extra_call(pa.table({"inputs": inputs}))).to_numpy()
        rows = np.flatnonzero((found.rank <= RANK["improved"]) & in_matrix)
        cells, adapters = ([found.words(name).words[code] for code in found.words(name).codes[rows]] for name in _NAMED)
        chosen = list(dict.fromkeys(cells))[:CELLS_AT_ONCE]
        targets = [side.target for side in both if side.target]
        if not chosen or len(targets) < len(both):
            return found
        self.say(f"judging {plural(len(chosen), 'cell')} again, to separate noise from changes")
        settings = replace(self.settings, cells=tuple(chosen))
        again = [
            self._again(target, sorted(set(adapters)), self._file(f"{name}.again"), settings)
            for name, target in zip(NAMES, targets, strict=True)
        ]
        return diff(found.before, found.after, list(zip((found.before, found.after), again, strict=True)))

    def _again(self, target: Target, adapters: Sequence[str], output: Path, settings: Settings) -> Run:
        if self.resume and is_finished(output):
            return read_run(output)
        return judge(target, adapters, output, settings, resume=self.resume)


_NAMED = ("cell", "adapter")


def common_adapters(both: Sequence[Side], say: Say) -> tuple[str, ...]:
    """Return the adapters that both sides have; of two lock files those of which a package changed.

    Raises
    ------
    UsageError
        There is none.
    """
    found = [name for name in both[0].adapters if name in both[1].adapters]
    if len(found) > 1:
        found = [name for name in found if name != CONTROL]
    if not found:
        told = "; ".join(f"{side.title} has {', '.join(side.adapters) or 'none'}" for side in both)
        raise UsageError(f"there is no framework that both sides have ({told}); use --framework")
    locks = [side.locked for side in both if side.locked and side.locked.source]
    if len(locks) < len(both):
        return tuple(found)
    moved = {name for name in TOLD if locks[0].packages.get(name) != locks[1].packages.get(name)}
    changed = [name for name in found if _packages(name) & moved]
    if left := [name for name in found if changed and name not in changed]:
        say(f"left out, because nothing in it changed: {', '.join(left)}")
    return tuple(changed or found)


def _packages(adapter: str) -> set[str]:
    """Return the packages that can move what an adapter is answered: its own, and those that are no other's."""
    own = {name for package in FRAMEWORKS[adapter].packages for name in distributions_of(package)}
    others = {name for package in PACKAGES for name in distributions_of(package)} - {"numpy"}
    return own | (TOLD - others)


def locks_of(both: Sequence[Side]) -> list[list[str]]:
    """Return each side's lock, a requirement per line; empty if its environment was there."""
    return [[f"python=={side.locked.python}", *side.locked.lines] if side.locked else [] for side in both]
