"""Which frameworks are supported and installed here, and how their adapters describe them.

``python -m logitproof.matrix.survey NAME`` prints one description as JSON: each framework describes itself in a
process of its own, because frameworks in one process disturb each other and one that breaks on import must not hide the
rest.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING

import typer

from logitproof.errors import UsageError
from logitproof_adapters.catalogue.frameworks import distributions_of
from logitproof_adapters.catalogue.pip_extras import install_line
from logitproof_adapters.catalogue.registry import (
    MissingFramework,
    installed,
    known,
    load,
    missing,
    packages_of,
    spec_of,
)
from logitproof_adapters.evaluator.releases import release_of
from logitproof_adapters.targets.call_limits import START_SECONDS
from logitproof_adapters.targets.installed import found_in, missing_in
from logitproof_adapters.targets.link import TargetDied
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_adapters.targets.target import TargetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logitproof_adapters.contract import Adapter
    from logitproof_adapters.targets.target import Target

CONTROL = "numpy"
"""The control is always there and is asked only by name."""


def chosen(frameworks: Sequence[str], target: Target | None = None) -> list[str]:
    """Return the frameworks to judge: those named, once each, or all that are installed.

    Raises
    ------
    UnknownFramework
        A name is not known.
    TargetError
        The target cannot be used.
    UsageError
        A framework is not installed, or none is.
    """
    if target is not None and not target.is_here:
        return _chosen_in(target, frameworks or target.frameworks)
    if not frameworks:
        frameworks = [name for name in known() if name != CONTROL and installed(name)]
    if not frameworks:
        raise UsageError(
            f"no framework is installed: {install_line('torch')}, or run the control with --framework {CONTROL}"
        )
    for name in frameworks:
        reason = _missing_module(name) if ":" in name else missing(name)
        if reason:
            raise UsageError(reason)
    return list(dict.fromkeys(frameworks))


def _chosen_in(target: Target, frameworks: Sequence[str]) -> list[str]:
    missing_there = missing_in(target)
    if not frameworks:
        frameworks = [name for name, reason in missing_there.items() if not reason and name != CONTROL]
    if not frameworks:
        raise UsageError(f"no framework is installed in target {target.name}; judge NumPy with --framework {CONTROL}")
    for name in map(str, frameworks):
        spec_of(name)
        if missing_there.get(name):
            raise UsageError(f'framework "{name}" is {missing_there[name]}')
    return list(dict.fromkeys(frameworks))


def _missing_module(spec: str) -> str | None:
    package = spec.partition(":")[0].partition(".")[0]
    return None if package and find_spec(package) else f'adapter {spec}: there is no module "{package}" to import'


@dataclass(frozen=True)
class Framework:
    """The facts about one adapter here.

    Attributes
    ----------
    name, framework, version : str
        The adapter, and what stands behind it; empty if it is not installed.
    build : dict of str to str
        What else decides bits.
    modes, formats : tuple of str
        What it offers.
    offered, asked : int
        Cells it offers, of all that the full profile asks.
    refused : dict of str to int
        Its reasons for the other cells, with their number.
    problem : str
        Why it cannot be asked; empty if it can.
    """

    name: str
    framework: str = ""
    version: str = ""
    build: dict[str, str] = field(default_factory=dict)
    modes: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    offered: int = 0
    asked: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Listed:
    """A known framework by what its package's metadata tell.

    Attributes
    ----------
    name, version : str
        The adapter, and the release of its framework; the version is empty if unknown.
    problem : str
        Why it cannot be asked; empty if it can.
    """

    name: str
    version: str = ""
    problem: str = ""


def listed() -> list[Listed]:
    """List the known frameworks and which release of each is here; none is imported."""
    found = {name: missing(name) or "" for name in known()}
    return [Listed(name, "" if problem else _release_of(name), problem) for name, problem in found.items()]


def _release_of(name: str) -> str:
    packages = packages_of(name) or (spec_of(name).partition(":")[0].partition(".")[0],)
    return next(filter(None, map(release_of, distributions_of(packages[0]))), "")


def listed_in(target: Target) -> list[Listed]:
    """List the frameworks of this package and which release of each a target has; none is imported."""
    found = found_in(target)
    return [Listed(name, found.releases.get(name, ""), problem) for name, problem in found.missing.items()]


def survey_of(target: Target) -> list[Framework]:
    """Describe every framework of this package in a target, each in its own evaluator."""
    return [
        Framework(name, problem=reason) if reason else _described_in(target, name)
        for name, reason in missing_in(target).items()
    ]


def _described_in(target: Target, name: str) -> Framework:
    try:
        with RemoteAdapter(name, target) as adapter:
            return description_of(name, adapter)
    except (MissingFramework, TargetError, TargetDied) as error:
        return Framework(name, problem=str(error))


def survey() -> list[Framework]:
    """Describe every known framework, those installed by asking them in processes of their own, side by side."""
    asked = {name: _ask(name) for name in known() if installed(name)}
    return [
        _answer(name, asked[name]) if name in asked else Framework(name, problem=missing(name) or "")
        for name in known()
    ]


def _ask(name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "logitproof.matrix.survey", name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")  # noqa: S603  our own module


def _answer(name: str, process: subprocess.Popen[str]) -> Framework:
    try:
        answer, complaint = process.communicate(timeout=START_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return Framework(name, problem=f"cannot be imported: no answer in {START_SECONDS:g} s")
    if process.returncode == 0:
        with suppress(ValueError, TypeError, IndexError):
            return Framework(**json.loads(answer.splitlines()[-1]))
        return Framework(name, problem="cannot be described: its own output hides the answer")
    last_line = (complaint.strip().splitlines() or [f"status {process.returncode}"])[-1]
    return Framework(name, problem=f"cannot be imported: {last_line}")


def describe(name: str) -> Framework:
    """Import one framework here and describe it."""
    return description_of(name, load(name))


def description_of(name: str, adapter: Adapter) -> Framework:
    """Describe what an adapter offers."""
    from logitproof_conformance.plan.cases import plan_cells  # noqa: PLC0415  not needed to list what is installed

    description = adapter.describe()
    cells = list(plan_cells(adapter, "full"))
    reasons = {cell: adapter.unsupported(cell) for cell in cells}
    offered = [cell for cell, reason in reasons.items() if reason is None]
    return Framework(
        name,
        description.framework,
        description.version,
        description.build,
        tuple(dict.fromkeys(cell.mode for cell in offered)),
        tuple(dict.fromkeys(cell.format for cell in offered)),
        len(offered),
        len(cells),
        dict(Counter(reason for reason in reasons.values() if reason is not None)),
    )


if __name__ == "__main__":
    typer.echo(json.dumps(asdict(describe(sys.argv[1]))))
