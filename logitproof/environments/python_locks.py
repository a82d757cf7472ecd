"""The lock files of Python's tools: uv, Poetry, PDM, pylock.toml, Pipenv and requirements.txt."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion

from logitproof.environments.interpreters import PYTHONS
from logitproof.environments.pins import FROM, Pins, Python, allowed, union

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Tree = Mapping[str, Any]

_HASHES = re.compile(r"\s--hash[= ]\S+")
_EDITABLE = re.compile(r"(-e|--editable)[= ]\s*(?P<place>[^\s;]+)")
_COMPILED_FOR = re.compile(r"(?:with Python |--python-version[= ]|(?:--python|-p)[= ])(3\.\d+)")
"""How pip-compile, and uv by the options that it was given, say which Python a requirements file is for."""


def uv(content: Tree, python: Python) -> Pins:
    """Return the pins of uv.lock: of the packages that the project needs for this Python."""
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


def poetry(content: Tree, python: Python) -> Pins:
    """Return the pins of poetry.lock."""
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


def pdm(content: Tree, python: Python) -> Pins:
    """Return the pins of pdm.lock."""
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


def pdm_pythons(content: Tree) -> tuple[str, ...]:
    """Return the Pythons that pdm.lock has targets for."""
    return union(allowed(target.get("requires_python", "")) for target in content["metadata"].get("targets", ()))


def pylock(content: Tree, python: Python) -> Pins:
    """Return the pins of pylock.toml (PEP 751)."""
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


def pylock_pythons(content: Tree) -> tuple[str, ...]:
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


def pipfile(content: Tree, python: Python) -> Pins:
    """Return the pins of Pipfile.lock, of both its sections."""
    pins = Pins()
    for section in ("default", "develop"):
        for name, package in content[section].items():
            kind = next((word for word in ("git", "path", "file") if word in package), "")
            if kind:
                pins.left_out[name] = FROM["directory" if package.get("editable") and kind == "path" else kind]
            elif python.meets(package.get("markers")):
                pins.add(name, package["version"].removeprefix("=="))
    return pins


def pipfile_pythons(content: Tree) -> tuple[str, ...]:
    """Return the Python that Pipfile.lock requires."""
    version = content["_meta"].get("requires", {}).get("python_version", "")
    return (version,) if version in PYTHONS else ()


def requirements(lines: Sequence[str], python: Python) -> Pins:
    """Return the pins of the lines of a requirements file."""
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


def compiled_for(text: str) -> tuple[str, ...]:
    """Return the version of Python that the tool which wrote a requirements file names in its head; empty for none."""
    head = "\n".join(itertools.takewhile(lambda line: line.startswith("#"), text.splitlines()))
    found = _COMPILED_FOR.search(head)
    return (found[1],) if found and found[1] in PYTHONS else ()


def logical_lines(text: str) -> list[str]:
    """Return the lines of a requirements file, continued ones joined, comments removed."""
    return [re.sub(r"(^|\s)#.*$", "", line) for line in re.sub(r"\\\r?\n", " ", text).splitlines()]
