"""The formats of lock files: which parser reads which file."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from logitproof.environments import conda_locks, python_locks
from logitproof.environments.pins import allowed

if TYPE_CHECKING:
    from collections.abc import Callable

    from logitproof.environments.pins import Pins, Python


class LockFormat(NamedTuple):
    """A format.

    Attributes
    ----------
    parse : callable
        From the text to what `pins` and `pythons` take.
    pins : callable
        From that, and the Python, to `Pins`.
    pythons : callable
        From that to the versions of Python that it allows; empty for any.
    """

    parse: Callable[[str], Any]
    pins: Callable[[Any, Python], Pins]
    pythons: Callable[[Any], tuple[str, ...]]


class _PlainYaml(yaml.SafeLoader):
    """YAML without aliases: no tool writes them into a lock, and a few lines of them stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose what comes next; see `yaml.composer.Composer.compose_node`."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has aliases")
        return super().compose_node(parent, index)


def _of_yaml(text: str) -> Any:
    return yaml.load(text, _PlainYaml)  # noqa: S506  a loader of plain values


def format_of(name: str, text: str) -> LockFormat:
    """Return the format of a lock file by its name, and of a text file by what it holds."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.startswith("pylock") and name.endswith(".toml"):
        return _PYLOCK
    if name.endswith((".yml", ".yaml")):
        return _CONDA_LOCK if name.endswith(("conda-lock.yml", "conda-lock.yaml")) else _ENVIRONMENT
    return _EXPLICIT if re.search(r"^@EXPLICIT\s*$", text, flags=re.MULTILINE) else _REQUIREMENTS


def _any(_: Any) -> tuple[str, ...]:
    return ()


_PYLOCK = LockFormat(tomllib.loads, python_locks.pylock, python_locks.pylock_pythons)
_CONDA_LOCK = LockFormat(_of_yaml, conda_locks.conda_lock, _any)
_ENVIRONMENT = LockFormat(_of_yaml, conda_locks.environment, _any)
_EXPLICIT = LockFormat(str, conda_locks.explicit, _any)
_REQUIREMENTS = LockFormat(
    str,
    lambda text, python: python_locks.requirements(python_locks.logical_lines(text), python),
    python_locks.compiled_for,
)
_BY_NAME = {
    "uv.lock": LockFormat(tomllib.loads, python_locks.uv, lambda content: allowed(content.get("requires-python", ""))),
    "poetry.lock": LockFormat(
        tomllib.loads,
        python_locks.poetry,
        lambda content: allowed(content.get("metadata", {}).get("python-versions", "")),
    ),
    "pdm.lock": LockFormat(tomllib.loads, python_locks.pdm, python_locks.pdm_pythons),
    "Pipfile.lock": LockFormat(json.loads, python_locks.pipfile, python_locks.pipfile_pythons),
    "pixi.lock": LockFormat(_of_yaml, conda_locks.pixi, _any),
}
