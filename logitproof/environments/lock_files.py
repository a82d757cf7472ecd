"""Lock files: what a project has pinned, whichever tool wrote it, read without that tool."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import yaml
from packaging.markers import InvalidMarker, Marker, default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from logitproof.environments.interpreters import PYTHONS
from logitproof.errors import UsageError
from logitproof_reports.runs.input_files import read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

NAMES = ("uv.lock", "pylock.toml", "poetry.lock", "pixi.lock", "requirements.txt", "environment.yml")
"""What a project's lock file is called, the one first that says most."""

GIT = "git:"
"""How a side begins that stands in a commit: ``git:main`` or ``git:main:FILE``."""

OF_CONDA = {"pytorch": "torch", "pytorch-cpu": "torch", "tensorflow-base": "tensorflow", "jax-jaxlib": "jaxlib"}
"""What conda calls packages that the Python index has by another name."""

_INCLUDES = re.compile(r"^(?:-r|--requirement)[= ]\s*(\S+)\s*$", flags=re.MULTILINE)

MOST_BYTES = 20_000_000
"""Of a lock file; that of a large project has two million."""

_CONDA_FILE = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-[^-]+\.(conda|tar\.bz2)$")
_CONDA_PIN = re.compile(r"(?P<name>[\w.-]+)\s*==?\s*(?P<version>[\w.+!]+)(=\S+)?$")
_HASHES = re.compile(r"\s--hash[= ]\S+")


@dataclass(frozen=True)
class Pins:
    """What a lock file says.

    Attributes
    ----------
    packages : dict of str to str
        Version by name, as the Python index has it.
    pythons : tuple of str
        The versions of Python it allows, of those that Logitproof can evaluate in; empty for any.
    left_out : dict of str to str
        What it holds that no index can give, with the reason: a folder, a repository, another platform.
    """

    packages: dict[str, str] = field(default_factory=dict)
    pythons: tuple[str, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)


def is_lock(side: str) -> bool:
    """Tell whether a side of an upgrade names a lock file, here or in a commit."""
    return side.startswith(GIT) or Path(side).suffix in {".lock", ".toml", ".txt", ".yml", ".yaml"}


def read_lock(side: str) -> Pins:
    """Read the lock file that a side names.

    Raises
    ------
    UsageError
        There is none, or it is not understood.
    """
    name, text = _content(side)
    try:
        pins = _checked(_reader(name, text)(text))
    except RecursionError as error:
        raise UsageError(f"{side} is not understood as a lock file (too many levels)") from error
    except (tomllib.TOMLDecodeError, yaml.YAMLError, LookupError, TypeError, AttributeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"{side} is not understood as a lock file ({type(error).__name__}: {reason})") from error
    if not pins.packages:
        raise UsageError(f"{side} pins no package: pass a lock file, with an exact version of each package")
    return pins


def _checked(pins: Pins) -> Pins:
    """Return pins whose names and versions are such: they become lines of what a resolver reads."""
    found, left_out = dict[str, str](), dict(pins.left_out)
    for name, version in pins.packages.items():
        try:
            canonicalize_name(name, validate=True)
            Version(version)
        except (InvalidName, InvalidVersion):
            left_out[name] = f"no release: {version!r:.40}"
        else:
            found[name] = version
    return Pins(found, pins.pythons, left_out)


def _content(side: str) -> tuple[str, str]:
    """Return name and text of a lock file."""
    if side.startswith(GIT):
        commit, _, file = side.removeprefix(GIT).partition(":")
        return _from_git(commit, file)
    path = Path(side)
    text = read_text(path, MOST_BYTES)
    return path.name, _included(text, path, (Path(os.path.realpath(path)),)) if path.suffix == ".txt" else text


def _from_git(commit: str, file: str) -> tuple[str, str]:
    listed = _git("ls-tree", "--name-only", "--end-of-options", commit, "./").split("\n")
    name = file or next((name for name in NAMES if name in listed), "")
    if not name:
        raise UsageError(f"{GIT}{commit} has none of {', '.join(NAMES)} in this folder: write {GIT}{commit}:FILE")
    return PurePosixPath(name).name, _git("show", "--end-of-options", f"{commit}:./{name}")


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    try:
        ended = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  the user's git
    except (OSError, ValueError) as error:  # no git, or a name that no argument can be
        raise UsageError(f"git cannot be run ({getattr(error, 'strerror', None) or error})") from error
    if ended.returncode:
        words = ended.stderr.decode(errors="replace").strip().splitlines() or ["failed"]
        raise UsageError(f"{' '.join(command)}: {words[-1]}")
    try:
        return ended.stdout.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{' '.join(command)}: what it printed is not UTF-8 text") from error


def lock_here() -> str:
    """Return the lock file of the project in this folder.

    Raises
    ------
    UsageError
        There is none.
    """
    found = next((name for name in NAMES if Path(name).is_file()), "")
    if not found:
        raise UsageError(f"there is none of {', '.join(NAMES)} in this folder: name the lock file with --to")
    return found


def _reader(name: str, text: str) -> Callable[[str], Pins]:
    if name == "uv.lock":
        return _uv
    if name == "poetry.lock":
        return _poetry
    if name.startswith("pylock") and name.endswith(".toml"):
        return _pylock
    if name == "pixi.lock":
        return _pixi
    if name.endswith((".yml", ".yaml")):
        return _environment
    return _explicit if re.search(r"^@EXPLICIT\s*$", text, flags=re.MULTILINE) else _requirements


class _PlainYaml(yaml.SafeLoader):
    """YAML without aliases: no tool writes them into a lock, and a few lines of them stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose what comes next; see `yaml.composer.Composer.compose_node`."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has aliases")
        return super().compose_node(parent, index)


def _of_yaml(text: str) -> Any:
    return yaml.load(text, _PlainYaml)  # noqa: S506  a loader of plain values


def _markers() -> dict[str, str]:
    """Return the environment that markers are evaluated in: this machine, and the Python that is preferred."""
    return {name: str(value) for name, value in default_environment().items()}


def _applies(marker: str | None) -> bool:
    try:
        return not marker or Marker(marker).evaluate({**_markers(), "extra": ""})
    except InvalidMarker:
        return True


def _allowed(specifier: str) -> tuple[str, ...]:
    """Return the versions of Python that a specifier allows; empty where that is no restriction."""
    try:
        bounds = SpecifierSet(specifier)
    except InvalidSpecifier:
        return ()
    found = tuple(python for python in PYTHONS if any(bounds.contains(f"{python}.{patch}") for patch in (0, 99)))
    return () if found == PYTHONS else found


def _uv(text: str) -> Pins:
    content = tomllib.loads(text)
    pins = Pins(pythons=_allowed(content.get("requires-python", "")))
    for package in content["package"]:
        source, markers = package.get("source", {}), package.get("resolution-markers")
        if markers and not any(map(_applies, markers)):
            continue
        if "registry" in source:
            pins.packages[canonicalize_name(package["name"])] = package["version"]
        elif "virtual" not in source and source.get("editable") != ".":
            pins.left_out[package["name"]] = f"from {next(iter(source), 'nowhere')}"
    return pins


def _poetry(text: str) -> Pins:
    content = tomllib.loads(text)
    pins = Pins(pythons=_allowed(content.get("metadata", {}).get("python-versions", "").replace("^", ">=")))
    for package in content["package"]:
        source, marker = package.get("source", {}), package.get("markers", "")
        named = marker if isinstance(marker, str) else marker.get("main", "")
        if source.get("type", "legacy") != "legacy":
            pins.left_out[package["name"]] = f"from {source['type']}"
        elif _applies(named):
            pins.packages[canonicalize_name(package["name"])] = package["version"]
    return pins


def _pylock(text: str) -> Pins:
    content = tomllib.loads(text)
    pins = Pins(pythons=_allowed(content.get("requires-python", "")))
    for package in content["packages"]:
        if not _applies(package.get("marker")):
            continue
        elsewhere = next((word for word in ("vcs", "directory", "archive") if word in package), "")
        if elsewhere or "version" not in package:
            pins.left_out[package["name"]] = f"from {elsewhere or 'nowhere'}"
        else:
            pins.packages[canonicalize_name(package["name"])] = package["version"]
    return pins


def _pixi(text: str) -> Pins:
    content = _of_yaml(text)
    environments = content["environments"]
    chosen = environments.get("default") or next(iter(environments.values()))
    platform_ = conda_platform()
    if platform_ not in chosen["packages"]:
        raise ValueError(f"it has no packages for {platform_}")
    by_address = {one.get("pypi") or one.get("conda"): one for one in content["packages"]}
    pins = Pins()
    packages, pythons = dict[str, str](), list[str]()
    for wanted in chosen["packages"][platform_]:
        ((kind, address),) = ((kind, wanted[kind]) for kind in ("pypi", "conda") if kind in wanted)
        record = by_address.get(address, {})
        name, version = (record.get("name"), record.get("version")) if kind == "pypi" else _of_address(address)
        if name == "python" and kind == "conda":
            pythons.append(_minor(str(version)))
        elif name and version:
            packages[_of_index(str(name))] = str(version)
        else:
            pins.left_out[str(address)] = f"from {kind}"
    return Pins(packages, tuple(pythons), pins.left_out)


def _explicit(text: str) -> Pins:
    addresses = [line.strip() for line in text.splitlines() if "://" in line or line.strip().endswith(".conda")]
    return _of_conda(dict(filter(None, map(_of_address, addresses))))


def _of_address(address: str) -> tuple[str, str]:
    match = _CONDA_FILE.match(PurePosixPath(address.partition("#")[0]).name)
    return (match["name"], match["version"]) if match else ("", "")


def _environment(text: str) -> Pins:
    """Read conda's environment.yml; what it does not pin exactly is left out."""
    found, pip, left_out = dict[str, str](), list[str](), dict[str, str]()
    for entry in _of_yaml(text)["dependencies"]:
        if isinstance(entry, dict):
            pip += entry.get("pip", ())
        elif match := _CONDA_PIN.match(str(entry).rpartition("::")[2]):
            found[match["name"]] = match["version"]
        else:
            left_out[str(entry)] = "not pinned"
    conda, of_pip = _of_conda(found), _requirements("\n".join(pip))
    return Pins({**conda.packages, **of_pip.packages}, conda.pythons, {**left_out, **of_pip.left_out})


def _of_conda(found: Mapping[str, str]) -> Pins:
    pythons = (_minor(found["python"]),) if "python" in found else ()
    return Pins({_of_index(name): version for name, version in found.items() if name and name != "python"}, pythons)


def _requirements(text: str) -> Pins:
    pins = Pins()
    for line in _logical_lines(text):
        plain = _HASHES.sub("", line).strip()
        if not plain or plain.startswith("-"):
            continue
        try:
            requirement = Requirement(plain)
        except InvalidRequirement:
            pins.left_out[plain] = "no requirement"
            continue
        exact = [one.version for one in requirement.specifier if one.operator in {"==", "==="}]
        if requirement.marker and not requirement.marker.evaluate():
            continue
        if requirement.url or len(exact) != 1 or exact[0].endswith("*"):
            pins.left_out[requirement.name] = "from an address" if requirement.url else "not pinned"
        else:
            pins.packages[canonicalize_name(requirement.name)] = exact[0]
    return pins


def _logical_lines(text: str) -> Iterator[str]:
    """Yield the lines of a requirements file, continued ones joined, comments removed."""
    for line in text.replace("\\\n", " ").splitlines():
        yield re.sub(r"(^|\s)#.*$", "", line)


def _included(text: str, path: Path, within: tuple[Path, ...]) -> str:
    """Return a requirements file with the files that it names by ``-r`` in their place.

    Parameters
    ----------
    within : tuple of Path
        The files that it is a part of, itself the last.
    """

    def included(match: re.Match[str]) -> str:
        inner = path.parent / match[1]
        place = Path(os.path.realpath(inner))
        if place in within:
            raise UsageError(f"{path} includes itself (-r {match[1]}): remove that line")
        return _included(read_text(inner, MOST_BYTES), inner, (*within, place))

    whole = _INCLUDES.sub(included, text)
    if len(whole) > MOST_BYTES:
        raise UsageError(f"{path} is larger than {MOST_BYTES / 1e6:g} MB with what it includes")
    return whole


def _of_index(name: str) -> str:
    return canonicalize_name(OF_CONDA.get(name, name))


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def conda_platform() -> str:
    """Return what conda calls this machine, e.g. ``linux-64``."""
    system = {"linux": "linux", "darwin": "osx", "win32": "win"}.get(sys.platform, sys.platform)
    machine = platform.machine().lower()
    if system == "linux" and machine in {"aarch64", "arm64"}:
        return "linux-aarch64"
    return f"{system}-{'arm64' if machine in {'aarch64', 'arm64'} else '64'}"
