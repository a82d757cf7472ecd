"""The lock files of conda's tools: pixi, conda-lock, environment.yml and explicit lists."""

from __future__ import annotations

import platform
import re
import sys
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name, is_normalized_name
from packaging.version import InvalidVersion, Version

from logitproof.environments.pins import FROM, Pins, Python
from logitproof.environments.python_locks import logical_lines, requirements

if TYPE_CHECKING:
    from collections.abc import Mapping

    Tree = Mapping[str, Any]

OF_CONDA = {"pytorch": "torch", "pytorch-cpu": "torch", "tensorflow-base": "tensorflow", "jax-jaxlib": "jaxlib"}
"""What conda calls packages that the Python index has by another name."""

_CONDA_FILE = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-[^-]+\.(conda|tar\.bz2)$")
_CONDA_PIN = re.compile(r"(?P<name>[\w.-]+)\s*==?\s*(?P<version>[\w.+!]+)(=\S+)?$")


def pixi(content: Tree, _: Python) -> Pins:
    """Return the pins of the default environment of pixi.lock."""
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


def conda_lock(content: Tree, _: Python) -> Pins:
    """Return the pins of conda-lock.yml for this machine."""
    here = [one for one in content["package"] if one["platform"] == conda_platform()]
    if not here:
        raise ValueError(f"it has no packages for {conda_platform()}")
    conda = _of_conda({one["name"]: str(one["version"]) for one in here if one["manager"] == "conda"})
    for one in here:
        if one["manager"] == "pip":
            conda.add(one["name"], str(one["version"]))
    return conda


def explicit(text: str, _: Python) -> Pins:
    """Return the pins of an explicit list of addresses."""
    addresses = [line.strip() for line in text.splitlines() if "://" in line or line.strip().endswith(".conda")]
    return _of_conda(dict(filter(None, map(_of_address, addresses))))


def _of_address(address: str) -> tuple[str, str]:
    match = _CONDA_FILE.match(PurePosixPath(address.partition("#")[0]).name)
    return (match["name"], match["version"]) if match else ("", "")


def environment(content: Tree, python: Python) -> Pins:
    """Return the pins of environment.yml; entries without an exact version are left out."""
    found, pip, left_out = dict[str, str](), list[str](), dict[str, str]()
    for entry in content["dependencies"]:
        if isinstance(entry, dict):
            pip += entry.get("pip", ())
        elif match := _CONDA_PIN.match(str(entry).rpartition("::")[2]):
            found[match["name"]] = match["version"]
        else:
            left_out[str(entry)] = "not pinned"
    conda, of_pip = _of_conda(found), requirements(logical_lines("\n".join(pip)), python)
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
