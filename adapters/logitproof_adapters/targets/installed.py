"""Which supported frameworks a target has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from logitproof_adapters.catalogue import registry
from logitproof_adapters.catalogue.frameworks import distributions_of
from logitproof_adapters.targets.link import Link
from logitproof_adapters.targets.sent_sources import sources_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.targets.target import Target


@dataclass(frozen=True)
class Found:
    """Which of the known frameworks a target has, by their packages: none is imported.

    Attributes
    ----------
    missing : dict of str to str
        For each adapter of this package why the framework cannot be asked; empty if it can.
    releases : dict of str to str
        The release of each framework that is there, where its metadata tell.
    """

    missing: dict[str, str]
    releases: dict[str, str]


def found_in(target: Target) -> Found:
    """Look for the known frameworks in a target.

    Raises
    ------
    TargetError
        The target cannot be used.
    """
    packages = {name: registry.packages_of(name) for name in registry.BUILT_IN}
    every = sorted({package for needed in packages.values() for package in needed})
    distributions = [one for package in every for one in distributions_of(package)]
    link = Link(target, sources_for(()))
    try:
        link.greet()
        answer = link.ask({"do": "find", "packages": every, "distributions": distributions})[0]
    finally:
        link.close()
    lacking, releases = set(answer["missing"]), answer["releases"]
    return Found(
        {
            name: f"not installed in target {target.name}" if lacking.intersection(needed) else ""
            for name, needed in packages.items()
        },
        {name: release for name, needed in packages.items() if (release := first_release(needed[0], releases))},
    )


def first_release(package: str, releases: Mapping[str, str]) -> str:
    """Return the release of a package among those of distributions; empty if none of them is its own."""
    return next((releases[one] for one in distributions_of(package) if one in releases), "")


def missing_in(target: Target) -> dict[str, str]:
    """Return for each adapter of this package why the framework cannot be asked in a target; empty if it can.

    Raises
    ------
    TargetError
        The target cannot be used.
    """
    return found_in(target).missing


def installed_in(target: Target) -> list[str]:
    """Return the known frameworks that a target has."""
    return [name for name, reason in missing_in(target).items() if not reason]
