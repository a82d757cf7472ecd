"""The command that installs an extra of Logitproof, which is on no package index yet."""

from __future__ import annotations

from importlib import metadata

from packaging.requirements import Requirement


def install_line(extra: str) -> str:
    """Return the command that installs what an extra needs on this machine, e.g. ``python -m pip install "jax>=0.5"``.

    Where Logitproof runs uninstalled, from a clone, it is the extra itself.
    """
    try:
        declared = [Requirement(text) for text in metadata.requires("logitproof") or ()]
    except metadata.PackageNotFoundError:
        declared = []
    needed = [one for one in declared if one.marker and one.marker.evaluate({"extra": extra}) and _is_extra(one)]
    names = [f'"{one.name}{_in_brackets(one.extras)}{one.specifier}"' for one in needed] or [f'".[{extra}]"']
    return f"python -m pip install {' '.join(names)}"


def _is_extra(requirement: Requirement) -> bool:
    """Return whether a requirement is one of an extra, not of Logitproof always."""
    return requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})


def _in_brackets(extras: set[str]) -> str:
    return f"[{','.join(sorted(extras))}]" if extras else ""
