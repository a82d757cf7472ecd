"""Requirements made exact: one version of every package, and the Python that all of them allow."""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from logitproof.environments import uv_command as uv_tool
from logitproof.environments.own_wheel import NAME, pack_own_wheel
from logitproof.environments.package_adapters import with_companions
from logitproof.environments.uv_command import UnbuildableEnvironment
from logitproof.errors import UsageError
from logitproof_adapters.catalogue.oldest import too_old_to_install
from logitproof_reference.answers.place import cache_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PYTHONS = ("3.11", "3.12", "3.13")
"""Versions of Python that Logitproof supports, oldest first."""

UNDECLARED = ((("jax", "<0.4.31"), "jaxlib<={version}"),)
"""What packages need of each other without saying so: where the first is installed, the second must hold.

JAX left its compiled part to an extra until 0.4.30.
"""

_ABOUT_PYTHON = re.compile(r"python|wheels", flags=re.IGNORECASE)
"""What a resolver's reason speaks of where another version of Python may help."""


@dataclass(frozen=True)
class Locked:
    """Requirements made exact.

    Attributes
    ----------
    requirements : tuple of str
        As the user named them.
    python : str
        Version of Python, e.g. ``3.11``.
    packages : dict of str to str
        Version of every package, Logitproof aside.
    wheel : Path
        Logitproof's own build.
    """

    requirements: tuple[str, ...]
    python: str
    packages: dict[str, str]
    wheel: Path

    @property
    def title(self) -> str:
        """What the user asked for, e.g. ``jax 0.10.2, optax 0.2.6``."""
        names = [canonicalize_name(Requirement(text).name) for text in self.requirements]
        return ", ".join(f"{name} {self.packages.get(name, '')}".strip() for name in names)

    @property
    def lines(self) -> list[str]:
        """The lock, a requirement a line."""
        return [f"{name}=={version}" for name, version in self.packages.items()]

    @property
    def key(self) -> str:
        """Name of the environment: equal locks share one."""
        text = "\n".join([self.python, self.wheel.parent.name, *self.lines])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def requirements_of(text: str) -> tuple[str, ...]:
    """Return the requirements in a list such as ``tensorflow-cpu==2.21.0,keras==3.15.1``.

    >>> requirements_of("jax>=0.4,<0.5,numpy==2.0")
    ('jax<0.5,>=0.4', 'numpy==2.0')

    Raises
    ------
    UsageError
        It is no such list.
    """
    # A comma before a letter parts requirements, one before an operator parts the bounds of a version.
    parts = [part.strip() for part in re.split(r",(?=\s*[A-Za-z])", text) if part.strip()]
    try:
        return tuple(str(Requirement(part)) for part in parts)
    except InvalidRequirement as error:
        problem = str(error).partition("\n")[0]
        raise UsageError(
            f'"{text}" names no packages ({problem}): write e.g. jax==0.10.2 or jax==0.10.2,optax==0.2.6'
        ) from error


def lock(requirements: Sequence[str], pythons: Sequence[str] = ()) -> Locked:
    """Resolve requirements for the first version of Python that they allow.

    Parameters
    ----------
    requirements : sequence of str
        As PEP 508 has them.
    pythons : sequence of str
        Versions to try, in this order; by default this process's own, then older ones, then newer ones.

    Raises
    ------
    UsageError
        One of them is a release that is too old to be judged.
    UnbuildableEnvironment
        There is no solution; the reason given is that for the first version.
    """
    _refuse_too_old(requirements)
    wheel = pack_own_wheel(cache_folder() / "wheels")
    problems: list[UnbuildableEnvironment] = []
    for python in pythons or preferred_pythons():
        try:
            return Locked(tuple(requirements), python, _resolve(requirements, python, wheel), wheel)
        except UnbuildableEnvironment as problem:
            problems.append(problem)
            if not _ABOUT_PYTHON.search(str(problem)):
                break
    raise problems[0]


def _refuse_too_old(requirements: Sequence[str]) -> None:
    for requirement in map(Requirement, requirements):
        for one in requirement.specifier:
            if one.operator == "==" and (
                reason := too_old_to_install(canonicalize_name(requirement.name), one.version)
            ):
                raise UsageError(reason)


def preferred_pythons() -> list[str]:
    """Return this process's version of Python, then the older ones from the newest down, then the newer ones."""
    own = "{}.{}".format(*sys.version_info[:2])
    place = PYTHONS.index(own) if own in PYTHONS else len(PYTHONS) - 1
    return [PYTHONS[place], *reversed(PYTHONS[:place]), *PYTHONS[place + 1 :]]


def _resolve(requirements: Sequence[str], python: str, wheel: Path) -> dict[str, str]:
    asked = [f"{NAME} @ {wheel.as_uri()}", *with_companions(requirements)]
    packages = _compile(asked, python)
    # What is needed may change what is installed, and that needs something in turn.
    while needed := [constraint for constraint in _undeclared(packages) if constraint not in asked]:
        asked += needed
        packages = _compile(asked, python)
    return packages


def _undeclared(packages: Mapping[str, str]) -> list[str]:
    """Return what these packages need without saying so."""
    return [
        constraint.format(version=packages[name])
        for (name, versions), constraint in UNDECLARED
        if name in packages and SpecifierSet(versions).contains(packages[name])
    ]


def _compile(asked: Sequence[str], python: str) -> dict[str, str]:
    # Nothing is built from source: that takes minutes, and gives other bits than users have.
    options = ("--only-binary", ":all:", "--no-header", "--no-annotate", "--python-version", python)
    text = uv_tool.call("pip", "compile", "-", *options, text="\n".join(asked))
    pairs = (line.split("==") for line in text.splitlines() if "==" in line and not line.startswith("#"))
    return {canonicalize_name(name.strip()): version.partition(";")[0].strip() for name, version in pairs}


def newest(requirement: str) -> str:
    """Return the newest release that fulfils a requirement here.

    Raises
    ------
    UnbuildableEnvironment
        There is none.
    """
    return _compile([requirement], preferred_pythons()[0])[canonicalize_name(Requirement(requirement).name)]
