"""The packages that a lock file pins, and the version of Python that decides which of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.markers import InvalidMarker, Marker, UndefinedEnvironmentName, default_environment
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from logitproof.environments.interpreters import PYTHONS

if TYPE_CHECKING:
    from collections.abc import Iterable

FROM = {
    "git": "from a repository",
    "hg": "from a repository",
    "vcs": "from a repository",
    "directory": "from a folder",
    "editable": "from a folder",
    "virtual": "from a folder",
    "path": "from a file",
    "file": "from a file",
    "url": "from an address",
    "archive": "from an address",
}
"""Where a package is from that no index can give, by the word of a lock file."""

_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)")
_POETRY = re.compile(r"([\^~])\s*(\d+)(?:\.(\d+))?[\d.]*")


@dataclass(frozen=True)
class Pins:
    """The packages that a lock file pins.

    Attributes
    ----------
    packages : dict of str to str
        Version by name, as on the Python index.
    pythons : tuple of str
        The versions of Python in which it pins these, of those that Logitproof can evaluate in; empty for any.
    left_out : dict of str to str
        What it holds that no index can give, with the reason: a folder, a repository.
    """

    packages: dict[str, str] = field(default_factory=dict)
    pythons: tuple[str, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, version: str) -> None:
        """Add a package; one in two versions is left out, for what chooses between them is not in the file."""
        name = canonicalize_name(name)
        before = self.packages.setdefault(name, version)
        if before != version:
            del self.packages[name]
            self.left_out[name] = f"in the versions {before} and {version}, by extras or groups"
        elif name in self.left_out:
            del self.packages[name]


@dataclass(frozen=True)
class Python:
    """A version of Python on this machine, for which markers are evaluated."""

    version: str

    def meets(self, marker: str | None) -> bool:
        """Return whether a marker holds, with whichever extra and group; one that is not understood does."""
        if not marker:
            return True
        environment = {name: str(value) for name, value in default_environment().items()}
        environment |= {"python_version": self.version, "python_full_version": f"{self.version}.0"}
        try:
            return any(
                Marker(marker).evaluate({**environment, "extra": extra}) for extra in ("", *_EXTRA.findall(marker))
            )
        except (InvalidMarker, UndefinedEnvironmentName, InvalidVersion):
            return True


def allowed(specifier: str) -> tuple[str, ...]:
    """Return the versions of Python that a specifier allows; empty if that is no restriction."""
    try:
        bounds = SpecifierSet(_POETRY.sub(_bounds, specifier))
    except InvalidSpecifier:
        return ()
    found = tuple(python for python in PYTHONS if any(bounds.contains(f"{python}.{patch}") for patch in (0, 99)))
    return () if found == PYTHONS else found


def _bounds(match: re.Match[str]) -> str:
    """Return the bounds that Poetry's ``^3.9`` and ``~3.9`` stand for."""
    kind, major, minor = match.groups()
    above = f"{major}.{int(minor) + 1}" if kind == "~" and minor else str(int(major) + 1)
    return f">={match[0][1:].strip()},<{above}"


def union(parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the versions of Python that any of the parts allows; empty if that is no restriction."""
    each = list(parts)
    return tuple(python for python in PYTHONS if any(python in part for part in each)) if all(each) else ()
