"""The first release in which a cell changed, by binary search over the releases of the index."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from logitproof.environments.channel import PRERELEASE
from logitproof.environments.interpreters import preferred
from logitproof.environments.resolver import Wanted, newest, requirements_of
from logitproof.environments.uv_command import UnbuildableEnvironment
from logitproof.errors import UsageError
from logitproof.upgrades.building import Building, plain_name
from logitproof.upgrades.sides import Settings, is_finished, judge, side_of
from logitproof_adapters.catalogue.registry import MissingFramework
from logitproof_adapters.targets.target import TargetError
from logitproof_reports.runs.run_file import read_run
from logitproof_reports.runs.whole_files import append

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from logitproof.environments.interpreters import Interpreter
    from logitproof.environments.resolver import Locked

    Say = Callable[[str], None]
    Print = dict[str, str]

_JUDGED = ("verdict", "digest")
"""Fields of a judgement by which two releases are compared."""


@dataclass(frozen=True)
class Found:
    """The answer: the last release as the oldest, and the first that is not; `before` empty if nothing changed."""

    before: str = ""
    after: str = ""
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bisection:
    """A search.

    Attributes
    ----------
    old, new : str
        The same package with two versions, e.g. ``jax==0.4.35`` and ``jax==0.10.2``; others may stand beside it.
    cell, regime : str
        Id of the cell; name of the regime, empty for all of them.
    folder : Path
        Keeps a run file a release, in a folder of the cell, and ``log.jsonl``; a search that was interrupted goes on
        from there.
    say : callable
        Receives lines on the progress.
    by : str
        ``digest`` for the first change of bits, ``verdict`` for the first change of a verdict.
    settings : Settings
        How each release is judged.
    building : Building
        How environments are built, and where they run.
    """

    old: str
    new: str
    cell: str
    regime: str
    folder: Path
    say: Say = field(default=print)
    by: str = "digest"
    settings: Settings = field(default_factory=Settings)
    building: Building = field(default_factory=Building)

    def run(self) -> Found:
        """Search.

        Raises
        ------
        UsageError
            The two do not name the same package with a version each, or the cell is not judged.
        UnbuildableEnvironment, TargetError, MissingFramework
            The oldest or the newest cannot be installed, or does not run where it is to.
        """
        package, first, last = self._ends()
        pythons = list(dict.fromkeys(self._locked(version).interpreter for version in (last, first)))
        versions = releases(package, first, last, pythons)
        self.say(f"{len(versions)} releases of {package} from {first} to {last}")
        start, end = self._asked(first), self._asked(last)
        if start == end:
            return Found()
        return self._halved(versions, start)

    def _halved(self, versions: list[str], start: Print) -> Found:
        low, high, skipped = 0, len(versions) - 1, []
        open_ = list(range(1, high))
        while open_:
            middle = open_[len(open_) // 2]
            try:
                changed = self._asked(versions[middle]) != start
            except (UnbuildableEnvironment, TargetError, MissingFramework) as problem:
                self.say(f"{versions[middle]} is skipped: {str(problem).partition(chr(10))[0]}")
                skipped.append(versions[middle])
                open_.remove(middle)
                continue
            low, high = (low, middle) if changed else (middle, high)
            open_ = [place for place in open_ if low < place < high]
        return Found(versions[low], versions[high], tuple(skipped))

    def _ends(self) -> tuple[str, str, str]:
        old, new = ([Requirement(text) for text in requirements_of(side)] for side in (self.old, self.new))
        pinned = [_pin(side[0]) if side else "" for side in (old, new)]
        names = {canonicalize_name(side[0].name) for side in (old, new) if side}
        if len(names) != 1 or not all(pinned):
            raise UsageError(
                f"{self.old} and {self.new} must be two versions of one package, e.g. jax==0.4.35 jax==0.10.2"
            )
        first, last = sorted(pinned, key=Version)
        return str(names.pop()), first, last

    def _asked(self, version: str) -> Print:
        """Return what the cell answers in a release: verdict or digest by regime and clause."""
        target = self._file(version)
        target.parent.mkdir(parents=True, exist_ok=True)
        asked = self._requirements(version)
        if not is_finished(target):
            locked = self._locked(version)
            side = side_of(asked, self.building.target(locked), locked)
            adapters = [name for name in side.adapters if self.cell.startswith(f"{name}-")]
            if not adapters or side.target is None:
                raise UsageError(f"no adapter of {asked} has the cell {self.cell}")
            self.say(f"{version}: testing with Python {locked.python}{self._where}")
            judge(side.target, adapters, target, replace(self.settings, cells=(self.cell,)), resume=True)
        rows = read_run(target).table.select(["cell", "regime", "clause", *_JUDGED]).to_pylist()
        mine = [row for row in rows if row["cell"] == self.cell and self.regime in {"", row["regime"]}]
        if not mine:
            raise UsageError(
                f"{self.cell}/{self.regime or '*'} is not judged in {asked}: use the id of a cell as in run files"
            )
        self._log(version, {row["verdict"] for row in mine})
        return {f"{row['regime']}/{row['clause']}": str(row[self.by]) for row in mine}

    def _file(self, version: str) -> Path:
        """Return the run file of a release: another cell, package beside it, target or device is another file."""
        beside = requirements_of(self.new)[1:]
        words = [version, *beside, *filter(None, [self.settings.device])]
        name = ".".join(plain_name(word) for word in words)
        return self.folder / plain_name(self.cell) / f"{name}{self.building.suffix}.parquet"

    def _locked(self, version: str) -> Locked:
        asked = requirements_of(self._requirements(version))
        return self.building.lock(Wanted(asked, pythons=self.building.pythons))

    @property
    def _where(self) -> str:
        around = self.building.around
        return f", target {around.name}" if around else ""

    def _requirements(self, version: str) -> str:
        package, *others = requirements_of(self.new)
        return ",".join([f"{Requirement(package).name}=={version}", *others])

    def _log(self, version: str, verdicts: set[str]) -> None:
        self.say(f"{version}: {', '.join(sorted(verdicts))}")
        line = json.dumps({"release": version, "cell": self.cell, "verdicts": sorted(verdicts)})
        append(self.folder / "log.jsonl", line + "\n")


def _pin(requirement: Requirement) -> str:
    pins = [one.version for one in requirement.specifier if one.operator == "=="]
    return pins[0] if len(pins) == 1 else ""


def releases(package: str, first: str, last: str, interpreters: Sequence[Interpreter] = ()) -> list[str]:
    """Return the releases that can be installed here in one of some Pythons, from `first` to `last`, oldest first.

    The resolver is asked for the newest but those found, again and again, so that the user's index, its yanked releases
    and what has no wheel for this machine are all as `logitproof upgrade` would find them. Builds of a day, such as
    ``2.4.0.dev0+git20260131``, differ in what no bound of a version can name.
    """
    lowest, highest = Version(first), Version(last)
    found = {first, last}
    # uv would take one where nothing else is left.
    prerelease = "allow" if lowest.is_prerelease or highest.is_prerelease else os.environ.get(PRERELEASE, "disallow")
    for interpreter in interpreters or preferred()[:1]:
        while True:
            others = "".join(f",!={version}" for version in sorted(found, key=Version))
            try:
                version = newest(
                    f"{package}>={lowest.public},<={highest.public}{others}", interpreter, prerelease=prerelease
                )
            except UnbuildableEnvironment:
                break
            found.add(version)
    return sorted((one for one in found if lowest <= Version(one) <= highest), key=Version)
