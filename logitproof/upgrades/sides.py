"""The two sides of an upgrade: run files, existing targets, or environments that are built; and their runs."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rich.filesize import decimal

from logitproof.environments import pip_settings, project_lock_file
from logitproof.environments.cache import environments_folder, hold_cache, sentence
from logitproof.environments.interpreters import Interpreter, preferred
from logitproof.environments.package_adapters import adapter_words, backends_of, is_framework, names_of
from logitproof.environments.resolver import Wanted, requirements_of
from logitproof.environments.uv_command import UnbuildableEnvironment
from logitproof.errors import UsageError
from logitproof.matrix.progress import display_for_terminal
from logitproof.matrix.resume import parts_of
from logitproof.matrix.run import run as run_matrix
from logitproof.upgrades.building import Building
from logitproof_adapters.catalogue.too_old import too_old_to_install
from logitproof_adapters.targets.call_limits import PATIENCE_SECONDS
from logitproof_adapters.targets.installed import installed_in
from logitproof_adapters.targets.target import Target, UnknownTargetError, interpreter, named
from logitproof_reports.runs.environment import COMPANIONS
from logitproof_reports.runs.run_file import read_run
from logitproof_reports.words.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from logitproof.environments.resolver import Locked
    from logitproof_reports.runs.schema import Run

    Say = Callable[[str], None]

_RUN_SUFFIXES = (".parquet", ".journal")

TOLD = frozenset({*COMPANIONS, "ml-dtypes", "numpy"})
"""Packages whose versions are printed when an environment is ready, because they can change results."""

_NAMED = 8

_T = TypeVar("_T")


@dataclass(frozen=True)
class Settings:
    """How both sides are judged.

    Attributes
    ----------
    profile : str
        ``quick`` or ``full``.
    select : str
        Expression that selects cases, as ``-k`` of `logitproof run`; empty for all.
    cells : tuple of str
        Which cells, by id; empty for all.
    patience : float
        Seconds that a call may take.
    memory_gib : float or None
        Most memory of a framework's process; None for what its target says, or no limit.
    device : str
        Where the frameworks compute; empty for where its target says, or the CPU.
    """

    profile: str = "quick"
    select: str = ""
    cells: tuple[str, ...] = ()
    patience: float = PATIENCE_SECONDS
    memory_gib: float | None = None
    device: str = ""

    def at(self, target: Target) -> Target:
        """Return a target with what is set here in place of what its table says."""
        return replace(target, device=self.device or target.device, memory_gib=self.memory_gib or target.memory_gib)


@dataclass(frozen=True)
class Side:
    """One side of an upgrade, ready to be judged.

    Attributes
    ----------
    asked : str
        As the user named it.
    run_file : Path or None
        The run that stands for it.
    target : Target or None
        Where it is judged; None for a run file.
    locked : Locked or None
        What its environment was built from; None if it was there.
    adapters : tuple of str
        The adapters that it has, those first that its packages name.
    """

    asked: str
    run_file: Path | None = None
    target: Target | None = None
    locked: Locked | None = None
    adapters: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Its title."""
        if self.locked is None:
            return self.asked
        return f"{self.locked.source}: {self.locked.title}" if self.locked.source else self.locked.title


def prepared(
    asked: Sequence[str],
    say: Say,
    building: Building | None = None,
    before: Mapping[str, Sequence[str]] | None = None,
) -> list[Side]:
    """Make every side ready to be judged: all is read, resolved and built before anything is judged.

    Parameters
    ----------
    asked : sequence of str
        Lists of packages, lock files, targets, run files.
    say : callable
        Receives lines on the progress.
    building : Building, optional
        How environments are built, and where they run.
    before : mapping of str to sequences of str
        Locks that hold for some of the sides, with a first line ``# Python VERSION``.

    Raises
    ------
    UsageError, RunFileError, TargetError
        A side is not understood, or cannot be judged.
    UnbuildableEnvironment
        Environments cannot be resolved or built; the message has the reason for each.
    """
    sides = [_there(text) for text in asked]
    missing = [text for text, side in zip(asked, sides, strict=True) if side is None]
    how = building or Building()
    wanted = [_as_before(_wanted(text, say, how.python), before or {}, text) for text in missing]
    if how.around and not wanted:
        raise UsageError("--target is for releases that are installed; no side names any")
    if wanted:
        hold_cache()
    if wanted and (sources := pip_settings.sources_in_words(os.environ)):
        say(sources)
    built = dict(zip(missing, _built(missing, wanted, how, say), strict=True))
    return [side or built[text] for text, side in zip(asked, sides, strict=True)]


def _as_before(wanted: Wanted, before: Mapping[str, Sequence[str]], text: str) -> Wanted:
    """Return what is asked for, with the lock that it had before as constraints."""
    if text not in before:
        return wanted
    first, *lines = before[text]
    return replace(wanted, constraints=tuple(filter(None, lines)), pythons=(first.rpartition(" ")[2],))


def _there(text: str) -> Side | None:
    """Return a side that needs no environment; None for one that does."""
    if text.endswith(_RUN_SUFFIXES):
        run = read_run(Path(text))
        return Side(text, Path(text), adapters=tuple(sorted(set(run.table["adapter"].to_pylist()))))
    target = _target(text)
    if target is None:
        return None
    return Side(text, target=target, adapters=tuple(target.frameworks or installed_in(target)))


def _target(text: str) -> Target | None:
    """Return the target that a side names: one of logitproof.toml, or an interpreter; None for anything else."""
    if project_lock_file.is_lock(text):
        return None
    if os.sep in text and shutil.which(str(Path(text).expanduser())):
        return interpreter(text)
    try:
        return named(text)
    except UnknownTargetError:
        return None


def _wanted(text: str, say: Say, python: str) -> Wanted:
    """Return what is asked for by a list of packages or a lock file."""
    if not project_lock_file.is_lock(text):
        return Wanted(requirements_of(text), pythons=(python,) if python else ())
    pins = project_lock_file.read_lock(text, python)
    matters = {name: version for name, version in pins.packages.items() if is_framework(name)}
    if not matters:
        raise UsageError(f"{text} pins no framework that is judged; logitproof frameworks lists those that are")
    others = sorted(set(pins.packages) - set(matters))
    say(f"{text}: judged: {', '.join(f'{name} {version}' for name, version in matters.items())}")
    if others:
        say(f"{text}: left aside: {_few(others)}; installed where a framework needs them, in these versions")
    if pins.left_out:
        say(f"{text}: not read: {_few([f'{name} ({reason})' for name, reason in pins.left_out.items()])}")
    exact = tuple(f"{name}=={version}" for name, version in matters.items())
    constraints = tuple(f"{name}=={version}" for name, version in pins.packages.items())
    return Wanted(exact, constraints, pins.pythons, source=text)


def _few(words: Sequence[str]) -> str:
    more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return f"{', '.join(words[:_NAMED])}{more}"


def _built(asked: Sequence[str], wanted: Sequence[Wanted], building: Building, say: Say) -> list[Side]:
    before = {folder.name for folder in environments_folder().glob("*")}
    locks = _locks(asked, wanted, building, say)
    for locked in locks:
        beside = [f"{name} {version}" for name, version in locked.packages.items() if name in TOLD]
        say(f"{locked.title}: Python {locked.python}, {', '.join(beside)}")
        for name in names_of(locked.requirements):
            if reason := too_old_to_install(name, locked.packages.get(name, "")):
                say(f"{reason} by default; calls that it lacks appear as crashes")
    made_here = [locked for locked in locks if building.builds_here and locked.key not in before]
    for locked in made_here:
        say(_cost(locked))
    targets = _all_or_none(asked, [partial(building.target, locked) for locked in locks])
    if made_here:
        say(sentence())
    return [side_of(text, target, locked) for text, target, locked in zip(asked, targets, locks, strict=True)]


def _cost(locked: Locked) -> str:
    """Return what a new environment may take to download, in words; what uv has in its cache is not fetched again."""
    unsized = f" and {plural(locked.unsized, 'package')} of unknown size" if locked.unsized else ""
    fetched = "" if locked.interpreter.path else f", and Python {locked.python}, which is not installed"
    return f"{locked.title}: to download: at most {decimal(locked.size)}{unsized}{fetched}"


def side_of(asked: str, target: Target, locked: Locked) -> Side:
    """Return the side whose environment is there, with the adapters of its packages.

    Raises
    ------
    UsageError
        There is none.
    TargetError
        The target cannot be used.
    """
    return Side(asked, target=target, locked=locked, adapters=adapters_for(locked.requirements, installed_in(target)))


def adapters_for(requirements: Sequence[str], installed: Sequence[str]) -> tuple[str, ...]:
    """Return the adapters that ask the named packages, among those whose framework is in the environment.

    Raises
    ------
    UsageError
        There is none.
    """
    words = adapter_words(requirements)
    if found := [name for name in installed if any(name == word or name.startswith(f"{word}_") for word in words)]:
        return tuple(found)
    asked = ",".join(requirements)
    if needed := backends_of(requirements):
        told = ", ".join(f"{adapter} needs {' and '.join(beside)}" for adapter, beside in needed.items())
        raise UsageError(f"{asked} needs a backend ({told}): write e.g. {asked},{next(iter(needed.values()))[0]}")
    raise UsageError(f"no adapter exists for {asked}; installed with it: {', '.join(installed)}; use --framework")


def _locks(asked: Sequence[str], wanted: Sequence[Wanted], building: Building, say: Say) -> list[Locked]:
    """Lock every side, all for one version of Python where there is one that serves all."""
    if wanted:
        say(f"resolving {' and '.join(dict.fromkeys(asked))}")
    found = _all_or_none(asked, [partial(building.lock, one) for one in wanted])
    pythons = {locked.interpreter for locked in found}
    for python in _in_order(pythons) if len(pythons) > 1 else ():
        try:
            return [building.lock(each, [python]) for each in wanted]
        except UnbuildableEnvironment:
            continue
    return found


def _in_order(pythons: set[Interpreter]) -> list[Interpreter]:
    order = [one.version for one in preferred()]
    return sorted(pythons, key=lambda python: order.index(python.version))


def _all_or_none(asked: Sequence[str], makers: Sequence[Callable[[], _T]]) -> list[_T]:
    """Return what all make; where one cannot, the reasons of all that cannot."""
    made: list[_T] = []
    problems: list[str] = []
    for text, make in zip(asked, makers, strict=True):
        try:
            made.append(make())
        except UnbuildableEnvironment as problem:
            problems.append(f"{text}: {problem}")
    if problems:
        raise UnbuildableEnvironment("\n".join(problems))
    return made


def judge(
    target: Target,
    adapters: Sequence[str],
    output: Path,
    settings: Settings,
    *,
    resume: bool = False,
    sides_after: int = 0,
) -> Run:
    """Judge a target through a pipe and leave the run file at `output`.

    Parameters
    ----------
    resume : bool
        Whether to resume what an interruption left, if it left anything.
    sides_after : int
        How many more sides are judged after this one, for an estimate of the time that is left.

    Raises
    ------
    Interrupted
        By SIGINT or SIGTERM; what was measured is kept.
    UsageError, TargetError, RunFileError
        It cannot be judged.
    """
    return run_matrix(
        adapters,
        profile=settings.profile,
        output=output,
        select=settings.select,
        cells=settings.cells,
        patience=settings.patience,
        resume=resume and parts_of(output).is_dir(),
        target=settings.at(target),
        display=display_for_terminal(sides_after),
    )


def is_finished(output: Path) -> bool:
    """Return whether a run file is there and no interrupted run beside it."""
    return output.exists() and not parts_of(output).exists()
