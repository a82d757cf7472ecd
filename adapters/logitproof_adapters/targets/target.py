"""A target: a command that starts a Python interpreter, and what is set there.

A project names its targets in ``logitproof.toml``, or in ``pyproject.toml`` under ``[tool.logitproof]``::

    [target.prod]
    command = ["docker", "run", "-i", "--rm", "registry.example/serving:1.4", "python"]
    env = { OMP_NUM_THREADS = "1" }     # set there before anything is imported
    frameworks = ["torch"]              # what `logitproof run --target prod` judges; default: what is installed there
    memory_gib = 16                     # the process that would take more has run out of memory
    device = "cuda:0"                   # where the adapters compute; default: the CPU

In a command ``{python}`` stands for an interpreter of this machine: that of ``--python``, or of an environment that an
upgrade or a bisection builds. A command with ``{packages}`` makes the environment itself, where it leads.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logitproof_adapters.contract import CPU
from logitproof_adapters.targets.settings import SettingsError, files_in, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

GIB = 1 << 30
MOST_GIB = float(1 << 33)
"""What a limit in bytes can spell."""

INTERPRETER = "interpreter"
"""What a run file calls a target that has no name."""

PYTHON = "python"
PLACEHOLDERS = (PYTHON, "packages", "python_version")
"""What may stand in braces in a command: the path of an interpreter of this machine; exact requirements, parted by
commas; the version of Python that these are for, e.g. ``3.11``."""

OURS_ALONE = ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")
"""Variables of the judge that another interpreter must not inherit: they name modules of this one."""


class TargetError(ValueError):
    """A target that is not there, or cannot be used; the message is one line."""


class UnknownTargetError(TargetError):
    """No target has this name."""


@dataclass(frozen=True)
class Target:
    """An environment in which a framework is evaluated.

    Attributes
    ----------
    name : str
        What the user calls it.
    command : tuple of str
        Gives a Python interpreter that takes ``-c PROGRAM`` behind it; a remote shell in between is no hindrance.
    env : mapping
        Variables set in the target before anything is imported there.
    device : str
        Where the framework computes: a word of `contract.device`.
    frameworks : tuple of str
        What is judged there unless other names are given; empty for what is installed there.
    memory_gib : float or None
        The most data that a process of the evaluator may hold, in GiB; None for no limit.
    label : str
        What a run file calls it: its name, but no path of a machine.
    is_here : bool
        Whether it is the interpreter that judges: then it sees the same modules, and a run file names no target.
    is_guarded : bool
        Whether its process gives up its rights over other processes before anything is imported: a graded kernel's.
    """

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    device: str = CPU
    frameworks: tuple[str, ...] = ()
    memory_gib: float | None = None
    label: str = ""
    is_here: bool = False
    is_guarded: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", self.label or self.name)

    @property
    def variables(self) -> dict[str, str]:
        """The variables set in it: those of the user, and in front of them what leaves its packages as they are."""
        untouched = {} if self.is_here else {"PYTHONDONTWRITEBYTECODE": "1"}
        return {**untouched, **self.env}

    @property
    def environment(self) -> dict[str, str]:
        """The variables that its command is started with."""
        hidden = () if self.is_here else OURS_ALONE
        return {**{name: value for name, value in os.environ.items() if name not in hidden}, **self.variables}

    @property
    def is_interpreter(self) -> bool:
        """Whether it is an interpreter of this machine, and no command of the user's."""
        return self.is_here or self.label == INTERPRETER

    @property
    def placeholders(self) -> frozenset[str]:
        """Those of `PLACEHOLDERS` that stand in its command."""
        return frozenset(name for name in PLACEHOLDERS if any(f"{{{name}}}" in word for word in self.command))

    def filled(self, **words: str) -> Target:
        """Return the same with words in place of placeholders; other braces stay."""
        command = self.command
        for name, text in words.items():
            command = tuple(word.replace(f"{{{name}}}", text) for word in command)
        return replace(self, command=command)

    @property
    def memory(self) -> int:
        """The limit in bytes, 0 for none."""
        return int((self.memory_gib or 0) * GIB)


def chosen(
    python: str | None,
    name: str | None,
    folder: Path | None = None,
    *,
    device: str | None = None,
    memory_gib: float | None = None,
) -> Target:
    """Return the target that ``--python`` or ``--target`` chooses; the interpreter of this process where neither does.

    Both together choose a target whose command has ``{python}``, and the interpreter that stands there.

    `device` and `memory_gib` take precedence over what the target's table says of them.

    Raises
    ------
    TargetError
        There is no such target or interpreter, they do not go together, or the limit of memory is none.
    """
    if memory_gib is not None and not 0 < memory_gib < MOST_GIB:
        raise TargetError(f"--memory-gib {memory_gib:g}: expected a positive number of GiB")
    target = named(name, folder, python) if name else interpreter(python) if python else here()
    return replace(target, device=(device or target.device).lower(), memory_gib=memory_gib or target.memory_gib)


def here() -> Target:
    """Return the target that is the interpreter of this process."""
    return Target("this interpreter", (sys.executable,), is_here=True)


def interpreter(path: str) -> Target:
    """Return the target that is an interpreter of this machine.

    Raises
    ------
    TargetError
        There is no such program.
    """
    place = Path(path).expanduser()
    inside = [place / "bin" / "python", place / "python"] if place.is_dir() else []
    for candidate in inside:
        if candidate.is_file():
            raise TargetError(f"--python {path} is a folder; the interpreter in it is {candidate}")
    found = shutil.which(str(place))
    if found is None:
        raise TargetError(f"--python {path}: there is no such program")
    return Target(path, (found,), label=INTERPRETER)


def named(name: str, folder: Path | None = None, python: str | None = None) -> Target:
    """Return the target that the project in `folder` (default: the current one) calls `name`.

    Where its command has ``{python}``, that is `python`, or the interpreter of this process.

    Raises
    ------
    TargetError
        No file names targets, none has this name, its table is not valid, or its command cannot be used so.
    """
    target = as_written(name, folder)
    if others := sorted(target.placeholders - {PYTHON}):
        raise TargetError(f'target "{name}": its command has {{{others[0]}}}, which upgrade and bisect fill in')
    if python and PYTHON not in target.placeholders:
        raise TargetError(f'--python and --target {name} exclude each other: the command of "{name}" has no {{python}}')
    return target.filled(python=interpreter(python).command[0] if python else sys.executable)


def as_written(name: str, folder: Path | None = None) -> Target:
    """Return the target that a project calls `name`, with the placeholders of its command.

    Raises
    ------
    UnknownTargetError
        No file names targets, or none has this name.
    TargetError
        Its table is not valid.
    """
    path, tables = _tables(folder or Path.cwd())
    if name not in tables:
        near = get_close_matches(name, tables, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        known = f"{path.name} names {', '.join(tables)}" if tables else "no logitproof.toml or pyproject.toml names any"
        raise UnknownTargetError(f'target "{name}" is not known; {known}{hint}')
    return _read(name, tables[name], path)


def _tables(folder: Path) -> tuple[Path, dict[str, Any]]:
    for path in files_in(folder):
        try:
            tables = settings_of(path).get("target", {})
        except SettingsError as error:
            raise TargetError(str(error)) from error
        if isinstance(tables, dict) and tables:
            return path, tables
    return folder, {}


def _read(name: str, table: Any, path: Path) -> Target:
    where = f"{path.name}, [target.{name}]"
    if not isinstance(table, dict) or "command" not in table:
        raise TargetError(f'{where}: command is missing, e.g. command = ["/opt/venv/bin/python"]')
    if unknown := sorted(set(table) - set(_KEYS)):
        raise TargetError(f'{where}: "{unknown[0]}" is not known; known: {", ".join(_KEYS)}')
    for key, value in table.items():
        is_right, expected = _KEYS[key]
        if not is_right(value):
            raise TargetError(f"{where}: {key} is {value!r}; expected {expected}")
    lists = {key: tuple(value) for key, value in table.items() if isinstance(value, list)}
    return Target(name, **{**table, **lists})


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) and one for one in value)


def _is_table_of_text(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def _is_positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < MOST_GIB


_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "command": (_is_list_of_text, 'a list, e.g. ["ssh", "gpu01", "python3"]'),
    "env": (_is_table_of_text, 'a table of texts, e.g. { OMP_NUM_THREADS = "1" }'),
    "device": (lambda value: isinstance(value, str) and bool(value), 'a text, e.g. "cuda:0"'),
    "frameworks": (_is_list_of_text, 'a list of names, e.g. ["torch"]'),
    "memory_gib": (_is_positive, "a positive number"),
}
