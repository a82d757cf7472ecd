"""Which of the known frameworks a target has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_adapters.catalogue import registry
from logitproof_adapters.targets.link import Link
from logitproof_adapters.targets.sent_sources import sources_for

if TYPE_CHECKING:
    from logitproof_adapters.targets.target import Target


def missing_in(target: Target) -> dict[str, str]:
    """Return for each adapter of this package why the framework cannot be asked in a target; empty where it can.

    Raises
    ------
    TargetError
        The target cannot be used.
    """
    packages = {name: registry.packages_of(name) for name in registry.BUILT_IN}
    link = Link(target, sources_for(()))
    try:
        link.greet()
        every = sorted({package for needed in packages.values() for package in needed})
        lacking = set(link.ask({"do": "find", "packages": every})[0]["missing"])
    finally:
        link.close()
    return {
        name: f"not installed in target {target.name}" if lacking.intersection(needed) else ""
        for name, needed in packages.items()
    }


def installed_in(target: Target) -> list[str]:
    """Return the known frameworks that a target has."""
    return [name for name, reason in missing_in(target).items() if not reason]
