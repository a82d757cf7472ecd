"""The formats of lock files: the packages that each pins for one Python version on this machine."""

from __future__ import annotations

import itertools
import json
import platform
import re
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from packaging.markers import InvalidMarker, Marker, UndefinedEnvironmentName, default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, is_normalized_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from logitproof.environments.interpreters import PYTHONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Tree = Mapping[str, Any]

OF_CONDA = {"pytorch": "torch", "pytorch-cpu": "torch", "tensorflow-base": "tensorflow", "jax-jaxlib": "jaxlib"}
"""What conda calls packages that the Python index has by another name."""

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

_CONDA_FILE = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-[^-]+\.(conda|tar\.bz2)$")
_CONDA_PIN = re.compile(r"(?P<name>[\w.-]+)\s*==?\s*(?P<version>[\w.+!]+)(=\S+)?$")
_HASHES = re.compile(r"\s--hash[= ]\S+")
_EDITABLE = re.compile(r"(-e|--editable)[= ]\s*(?P<place>[^\s;]+)")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)")
_COMPILED_FOR = re.compile(r"(?:with Python |--python-version[= ]|(?:--python|-p)[= ])(3\.\d+)")
"""How pip-compile, and uv by the options that it was given, say which Python a requirements file is for."""

_POETRY = re.compile(r"([\^~])\s*(\d+)(?:\.(\d+))?[\d.]*")


@dataclass(frozen=True)
class Pins:
    """What a lock file pins.

    Attributes
    ----------
    packages : dict of str to str
        Version by name, as the Python index has it.
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


def allowed(specifier: str) -> tuple[str, ...]:
    """Return the versions of Python that a specifier allows; empty where that is no restriction."""
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


def _union(parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    each = list(parts)
    return tuple(python for python in PYTHONS if any(python in part for part in each)) if all(each) else ()


# uv.lock


def _uv(content: Tree, python: Python) -> Pins:
    pins = Pins()
    for package in _reached(content, python):
        kind = next(iter(package.get("source", {})), "")
        if kind == "registry":
            pins.add(package["name"], package["version"])
        elif not _is_root(package):
            pins.left_out[package["name"]] = FROM.get(kind, f"from {kind or 'nowhere'}")
    return pins


def _is_root(package: Tree) -> bool:
    return any(package.get("source", {}).get(kind) == "." for kind in ("virtual", "editable", "directory"))


def _reached(content: Tree, python: Python) -> Iterator[Tree]:
    """Yield the packages that the project needs here, by whichever extra or group; all where it has no root."""
    packages = [one for one in content["package"] if _holds_one(one.get("resolution-markers"), python)]
    members = content.get("manifest", {}).get("members", ())
    wanted = [one for one in packages if _is_root(one) or one["name"] in members] or list(packages)
    by_name: dict[str, list[Tree]] = {}
    for one in packages:
        by_name.setdefault(canonicalize_name(one["name"]), []).append(one)
    seen: set[tuple[str, str]] = set()
    while wanted:
        package = wanted.pop()
        if (key := (package["name"], package.get("version", ""))) in seen:
            continue
        seen.add(key)
        yield package
        for edge in _edges(package):
            if python.meets(edge.get("marker")):
                found = by_name.get(canonicalize_name(edge["name"]), [])
                wanted += [one for one in found if edge.get("version", one.get("version")) == one.get("version")]


def _edges(package: Tree) -> Iterator[Tree]:
    yield from package.get("dependencies", ())
    for kind in ("optional-dependencies", "dev-dependencies"):
        for edges in package.get(kind, {}).values():
            yield from edges


def _holds_one(markers: Sequence[str] | None, python: Python) -> bool:
    return not markers or any(map(python.meets, markers))


# poetry.lock


def _poetry(content: Tree, python: Python) -> Pins:
    pins = Pins()
    for package in content["package"]:
        kind, markers = package.get("source", {}).get("type", "legacy"), package.get("markers", "")
        by_group = [markers] if isinstance(markers, str) else list(markers.values())
        if not _holds_one(by_group, python):
            continue
        if kind == "legacy":
            pins.add(package["name"], package["version"])
        else:
            pins.left_out[package["name"]] = FROM.get(kind, f"from {kind}")
    return pins


# pdm.lock


def _pdm(content: Tree, python: Python) -> Pins:
    pins = Pins()
    for package in content["package"]:
        kind = next((word for word in ("git", "hg", "path", "url") if word in package), "")
        if not python.meets(package.get("marker")):
            continue
        if kind:
            is_folder = kind == "path" and not str(package["path"]).endswith((".whl", ".gz", ".zip"))
            pins.left_out[package["name"]] = FROM["directory" if is_folder else kind]
        else:
            pins.add(package["name"], package["version"])
    return pins


def _pdm_pythons(content: Tree) -> tuple[str, ...]:
    return _union(allowed(target.get("requires_python", "")) for target in content["metadata"].get("targets", ()))


# pylock.toml


def _pylock(content: Tree, python: Python) -> Pins:
    pins = Pins()
    for package in content["packages"]:
        if not python.meets(package.get("marker")):
            continue
        kind = next((word for word in ("vcs", "directory", "archive") if word in package), "")
        if not kind and "version" in package:
            pins.add(package["name"], package["version"])
        elif package.get("directory", {}).get("path") != ".":
            pins.left_out[package["name"]] = FROM.get(kind, "without a version")
    return pins


def _pylock_pythons(content: Tree) -> tuple[str, ...]:
    """Return the Pythons that it allows; where it does not say, as pip's do not, those that its wheels are for."""
    if "requires-python" in content:
        return allowed(content["requires-python"])
    for_one = [one["wheels"] for one in content["packages"] if one.get("wheels") and "sdist" not in one]
    found = tuple(python for python in PYTHONS if all(_has_wheel(wheels, python) for wheels in for_one))
    return () if found == PYTHONS else found


def _has_wheel(wheels: Sequence[Tree], python: str) -> bool:
    """Return whether one of some wheels is for a Python."""
    mine = f"cp{python.replace('.', '')}"
    for wheel in wheels:
        name = wheel.get("name") or str(wheel.get("url") or wheel.get("path")).rpartition("/")[2]
        try:
            tags = parse_wheel_filename(name)[3]
        except (InvalidWheelFilename, InvalidVersion):
            return True
        if any(tag.interpreter in {mine, "py3"} or tag.abi == "abi3" for tag in tags):
            return True
    return False


# Pipfile.lock


def _pipfile(content: Tree, python: Python) -> Pins:
    pins = Pins()
    for section in ("default", "develop"):
        for name, package in content[section].items():
            kind = next((word for word in ("git", "path", "file") if word in package), "")
            if kind:
                pins.left_out[name] = FROM["directory" if package.get("editable") and kind == "path" else kind]
            elif python.meets(package.get("markers")):
                pins.add(name, package["version"].removeprefix("=="))
    return pins


def _pipfile_pythons(content: Tree) -> tuple[str, ...]:
    version = content["_meta"].get("requires", {}).get("python_version", "")
    return (version,) if version in PYTHONS else ()


# requirements.txt


def _requirements(lines: Sequence[str], python: Python) -> Pins:
    pins = Pins()
    for line in lines:
        plain = _HASHES.sub("", line).strip()
        if editable := _EDITABLE.match(plain):
            pins.left_out[editable["place"]] = FROM["git" if "git+" in editable["place"] else "editable"]
        elif plain and not plain.startswith("-"):
            _require(pins, plain, python)
    return pins


def _require(pins: Pins, text: str, python: Python) -> None:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        # pip takes addresses that are none, such as git+file:/here
        name, at, _ = text.partition(" @ ")
        pins.left_out[name if at else text] = FROM["url"] if at else "no requirement"
        return
    if requirement.marker and not python.meets(str(requirement.marker)):
        return
    exact = [one.version for one in requirement.specifier if one.operator in {"==", "==="}]
    if requirement.url:
        kinds = {"git+": "git", "file:": "editable"}
        pins.left_out[requirement.name] = FROM[next((kinds[k] for k in kinds if requirement.url.startswith(k)), "url")]
    elif len(exact) != 1 or exact[0].endswith("*"):
        pins.left_out[requirement.name] = "not pinned"
    else:
        pins.add(requirement.name, exact[0])


def _compiled_for(text: str) -> tuple[str, ...]:
    """Return the version of Python that the tool which wrote a requirements file names in its head; empty for none."""
    head = "\n".join(itertools.takewhile(lambda line: line.startswith("#"), text.splitlines()))
    found = _COMPILED_FOR.search(head)
    return (found[1],) if found and found[1] in PYTHONS else ()


def _logical_lines(text: str) -> list[str]:
    """Return the lines of a requirements file, continued ones joined, comments removed."""
    return [re.sub(r"(^|\s)#.*$", "", line) for line in re.sub(r"\\\r?\n", " ", text).splitlines()]


# pixi.lock and conda's files


def _pixi(content: Tree, _: Python) -> Pins:
    environments = content["environments"]
    chosen = environments.get("default") or next(iter(environments.values()))
    platform_ = conda_platform()
    if platform_ not in chosen["packages"]:
        raise ValueError(f"it has no packages for {platform_}")
    records = {one.get("pypi") or one.get("conda"): one for one in content["packages"]}
    conda, pins = dict[str, str](), Pins()
    for wanted in chosen["packages"][platform_]:
        address = str(wanted.get("pypi") or wanted["conda"])
        record = records.get(address, {})
        if "conda" in wanted:
            name, version = _of_address(address)
            conda[str(record.get("name") or name)] = str(record.get("version") or version)
        elif address.startswith("http") and "version" in record:
            pins.add(str(record["name"]), str(record["version"]))
        else:
            pins.left_out[str(record.get("name") or address)] = FROM[
                "git" if address.startswith("git+") else "editable"
            ]
    of_conda = _of_conda(conda)
    return Pins({**of_conda.packages, **pins.packages}, of_conda.pythons, pins.left_out)


def _conda_lock(content: Tree, _: Python) -> Pins:
    here = [one for one in content["package"] if one["platform"] == conda_platform()]
    if not here:
        raise ValueError(f"it has no packages for {conda_platform()}")
    conda = _of_conda({one["name"]: str(one["version"]) for one in here if one["manager"] == "conda"})
    for one in here:
        if one["manager"] == "pip":
            conda.add(one["name"], str(one["version"]))
    return conda


def _explicit(text: str, _: Python) -> Pins:
    addresses = [line.strip() for line in text.splitlines() if "://" in line or line.strip().endswith(".conda")]
    return _of_conda(dict(filter(None, map(_of_address, addresses))))


def _of_address(address: str) -> tuple[str, str]:
    match = _CONDA_FILE.match(PurePosixPath(address.partition("#")[0]).name)
    return (match["name"], match["version"]) if match else ("", "")


def _environment(content: Tree, python: Python) -> Pins:
    """Read conda's environment.yml; what it does not pin exactly is left out."""
    found, pip, left_out = dict[str, str](), list[str](), dict[str, str]()
    for entry in content["dependencies"]:
        if isinstance(entry, dict):
            pip += entry.get("pip", ())
        elif match := _CONDA_PIN.match(str(entry).rpartition("::")[2]):
            found[match["name"]] = match["version"]
        else:
            left_out[str(entry)] = "not pinned"
    conda, of_pip = _of_conda(found), _requirements(_logical_lines("\n".join(pip)), python)
    return Pins({**conda.packages, **of_pip.packages}, conda.pythons, {**left_out, **of_pip.left_out})


def _of_conda(found: Mapping[str, str]) -> Pins:
    """Return the packages that the Python index may have too: what it cannot be asked for is not needed there."""
    pins = Pins(pythons=(_minor(found["python"]),) if "python" in found else ())
    for name, version in found.items():
        of_index = OF_CONDA.get(name, canonicalize_name(name))
        if name != "python" and is_normalized_name(of_index) and _is_release(version):
            pins.add(of_index, version)
    return pins


def _is_release(version: str) -> bool:
    """Return whether a version of conda's is one for the Python index too: ``2025b`` is no second beta there."""
    try:
        return not Version(version).is_prerelease
    except InvalidVersion:
        return False


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def conda_platform() -> str:
    """Return what conda calls this machine, e.g. ``linux-64``."""
    system = {"linux": "linux", "darwin": "osx", "win32": "win"}.get(sys.platform, sys.platform)
    machine = platform.machine().lower()
    if system == "linux" and machine in {"aarch64", "arm64"}:
        return "linux-aarch64"
    return f"{system}-{'arm64' if machine in {'aarch64', 'arm64'} else '64'}"


def _any(_: Any) -> tuple[str, ...]:
    return ()


_PYLOCK = LockFormat(tomllib.loads, _pylock, _pylock_pythons)
_CONDA_LOCK = LockFormat(_of_yaml, _conda_lock, _any)
_ENVIRONMENT = LockFormat(_of_yaml, _environment, _any)
_EXPLICIT = LockFormat(str, _explicit, _any)
_REQUIREMENTS = LockFormat(str, lambda text, python: _requirements(_logical_lines(text), python), _compiled_for)
_BY_NAME = {
    "uv.lock": LockFormat(tomllib.loads, _uv, lambda content: allowed(content.get("requires-python", ""))),
    "poetry.lock": LockFormat(
        tomllib.loads, _poetry, lambda content: allowed(content.get("metadata", {}).get("python-versions", ""))
    ),
    "pdm.lock": LockFormat(tomllib.loads, _pdm, _pdm_pythons),
    "Pipfile.lock": LockFormat(json.loads, _pipfile, _pipfile_pythons),
    "pixi.lock": LockFormat(_of_yaml, _pixi, _any),
}
