"""An upgrade on trial: two isolated environments, the same matrix in each, one diff of the two runs."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from logitproof.environments import pip_settings
from logitproof.environments.build import build
from logitproof.environments.cache import environments_folder, sentence
from logitproof.environments.locks import lock, requirements_of
from logitproof.environments.package_adapters import adapter_words, backends_of
from logitproof.environments.uv_command import UnbuildableEnvironment, surroundings
from logitproof.errors import EXPECTED, UNEXPECTED, UsageError
from logitproof_reports.runs.environment import COMPANIONS
from logitproof_reports.runs.schema import RunFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from logitproof.environments.build import BuiltEnvironment
    from logitproof.environments.locks import Locked

    Say = Callable[[str], None]

_RUN_SUFFIXES = (".parquet", ".journal")
_INSTALLED = "import json; from logitproof_adapters.catalogue.registry import known, installed, too_old; "
_INSTALLED += "reasons = {name: too_old(name) for name in known()}; "
_INSTALLED += "print(json.dumps({name: reason for name, reason in reasons.items() if reason or installed(name)}))"

TOLD = frozenset({*COMPANIONS, "ml-dtypes", "numpy"})
"""Packages whose versions are said when an environment is ready: they can move numbers."""


@dataclass(frozen=True)
class Side:
    """One side of an upgrade.

    Attributes
    ----------
    asked : str
        Requirements, or the path of a run file.
    environment : BuiltEnvironment or None
        None for a run file, and where it could not be built.
    problem : str
        Why it could not be built, in a few lines; empty where it could.
    """

    asked: str
    environment: BuiltEnvironment | None = None
    problem: str = ""

    @property
    def run_file(self) -> Path | None:
        """The run file that stands for this side; None where it is to be judged."""
        return Path(self.asked) if self.asked.endswith(_RUN_SUFFIXES) else None


def prepared(asked: Sequence[str], say: Say) -> list[Side]:
    """Build an environment for every side that is no run file; one that cannot be built says why."""
    wanted = [text for text in asked if Side(text).run_file is None]
    if wanted and (sources := pip_settings.told(os.environ)):
        say(sources)
    before = set(environments_folder().glob("*"))
    built = dict(zip(wanted, map(_built, wanted, _locks(wanted)), strict=True))
    made = [built.get(text, Side(text)) for text in asked]
    for side in made:
        if side.environment:
            locked = side.environment.locked
            beside = [f"{name} {version}" for name, version in locked.packages.items() if name in TOLD]
            say(f"{locked.title}: Python {locked.python}, {', '.join(beside)}")
    if not {side.environment.folder for side in made if side.environment} <= before:
        say(sentence())
    return made


def _locks(asked: Sequence[str]) -> list[Locked | UnbuildableEnvironment]:
    """Lock every list of requirements, all for one version of Python where there is one that serves all."""
    wanted = [requirements_of(text) for text in asked]
    found = [_lock(requirements) for requirements in wanted]
    pythons = {one.python for one in found if not isinstance(one, UnbuildableEnvironment)}
    for python in sorted(pythons) if len(pythons) > 1 else ():
        same = [_lock(requirements, [python]) for requirements in wanted]
        if not any(isinstance(one, UnbuildableEnvironment) for one in same):
            return same
    return found


def _lock(requirements: Sequence[str], pythons: Sequence[str] = ()) -> Locked | UnbuildableEnvironment:
    try:
        return lock(requirements, pythons)
    except UnbuildableEnvironment as problem:
        return problem


def _built(text: str, locked: Locked | UnbuildableEnvironment) -> Side:
    if isinstance(locked, UnbuildableEnvironment):
        return Side(text, problem=str(locked))
    try:
        return Side(text, build(locked))
    except UnbuildableEnvironment as problem:
        return Side(text, problem=str(problem))


def adapters_for(asked: str, environment: BuiltEnvironment) -> list[str]:
    """Return the adapters that ask the named packages, among those whose framework is in the environment.

    Raises
    ------
    UsageError
        There is none, or what it asks is too old to be judged.
    """
    requirements = requirements_of(asked)
    words = adapter_words(requirements)
    installed = json.loads(_run(environment, "-c", _INSTALLED).stdout)
    found = [name for name in installed if any(name == word or name.startswith(f"{word}_") for word in words)]
    if judged := [name for name in found if not installed[name]]:
        return judged
    if found:
        raise UsageError(f"{asked} cannot be judged: {installed[found[0]]}")
    if needed := backends_of(requirements):
        told = ", ".join(f"{adapter} needs {' and '.join(beside)}" for adapter, beside in needed.items())
        raise UsageError(f"{asked} needs a backend ({told}): write e.g. {asked},{next(iter(needed.values()))[0]}")
    raise UsageError(f"no adapter exists for {asked}; installed with it: {', '.join(installed)}; use --framework")


def judge(environment: BuiltEnvironment, adapters: Sequence[str], output: Path, options: Sequence[str] = ()) -> None:
    """Run the matrix in an environment and leave the run file at `output`.

    Raises
    ------
    RunFileError
        It left none.
    """
    frameworks = [word for name in adapters for word in ("--framework", name)]
    output.parent.mkdir(parents=True, exist_ok=True)
    command = ["-m", "logitproof", "run", *frameworks, "-o", str(output.resolve()), *options]
    ended = _run(environment, *command)
    if ended.returncode not in {EXPECTED, UNEXPECTED} or not output.exists():
        words = (ended.stderr.strip().splitlines() or [f"status {ended.returncode}"])[-1].removeprefix("logitproof: ")
        raise RunFileError(f"{environment.locked.title} could not be tested: {words}")


def _run(environment: BuiltEnvironment, *arguments: str) -> subprocess.CompletedProcess[str]:
    # From its own folder: Python looks for modules where it is started, which may be a checkout of Logitproof.
    return subprocess.run(  # noqa: S603  our own interpreter
        [str(environment.python), *arguments],
        cwd=environment.folder,
        env=surroundings(),
        capture_output=True,
        text=True,
        check=False,
    )
