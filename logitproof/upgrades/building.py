"""How the environments of releases are built, and where they run: here, around a command, or made by a target."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from logitproof.environments.build import build
from logitproof.environments.resolver import CPU, lock
from logitproof.errors import UsageError
from logitproof_adapters.targets.target import PYTHON, as_written, interpreter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logitproof.environments.interpreters import Interpreter
    from logitproof.environments.resolver import Locked, Wanted
    from logitproof_adapters.targets.target import Target


@dataclass(frozen=True)
class Building:
    """How environments are built, and where they run.

    Attributes
    ----------
    torch_backend : str
        The build of PyTorch, as uv names it.
    python : str
        The version of their Python, such as ``3.8``; empty for one that serves.
    around : Target or None
        Whose command has a placeholder: ``{python}`` for the interpreter of an environment that is built here,
        ``{packages}`` for what the command installs itself. None: the interpreters run as they are.
    """

    torch_backend: str = CPU
    python: str = ""
    around: Target | None = None

    @property
    def pythons(self) -> tuple[str, ...]:
        """The versions of Python to try; empty for all."""
        return (self.python,) if self.python else ()

    @property
    def builds_here(self) -> bool:
        """Whether environments are built on this machine."""
        return self.around is None or PYTHON in self.around.placeholders

    @property
    def suffix(self) -> str:
        """The suffix of file names: the target and the Python, if they were chosen."""
        target = [self.around.name] if self.around else []
        python = [f"python-{self.python}"] if self.python else []
        return "".join(f".{plain_name(word)}" for word in (*target, *python))

    def lock(self, wanted: Wanted, interpreters: Sequence[Interpreter] = ()) -> Locked:
        """Resolve requirements for one of some interpreters, by default for the first that serves.

        Raises
        ------
        UnbuildableEnvironment
            There is no solution.
        """
        return lock(replace(wanted, torch_backend=self.torch_backend), interpreters)

    def target(self, locked: Locked) -> Target:
        """Return where a release is judged; its environment is built where it is on this machine.

        Raises
        ------
        UnbuildableEnvironment
            It cannot be built.
        """
        python = str(build(locked).python) if self.builds_here else ""
        if self.around is None:
            return interpreter(python)
        # The local part of a version, such as +cpu, names a build of another index.
        packages = ",".join(line.partition("+")[0] for line in locked.lines)
        return self.around.filled(python=python, packages=packages, python_version=locked.python)


def plain_name(word: str) -> str:
    """Return a word as a part of a file's name."""
    return "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in word)


def building_at(target: str | None, *, python: str, torch_backend: str) -> Building:
    """Return how releases are built that run at a target of ``logitproof.toml``.

    Raises
    ------
    UsageError, TargetError
        There is no such target, or its command has no place for a release.
    """
    around = as_written(target) if target else None
    if around is not None and not around.placeholders & {PYTHON, "packages"}:
        raise UsageError(
            f'--target {target}: releases run where its command has {{python}} or {{packages}}; that of "{target}" has '
            f"an interpreter of its own, which only upgrade --from and --to take"
        )
    return Building(torch_backend, python, around)
