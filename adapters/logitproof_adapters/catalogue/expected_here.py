"""Which entries of a ledger must, or may, show in one environment: on this release, this CPU, this device."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from packaging.version import Version

from logitproof_adapters.catalogue.ledger import release_of
from logitproof_adapters.catalogue.machines import Machines, is_the_cpu
from logitproof_adapters.contract import CPU

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.catalogue.ledger import Deviation, Ledger


@dataclass(frozen=True)
class Expectation:
    """An entry as it stands in one environment.

    Attributes
    ----------
    entry : Deviation
        The entry.
    among : tuple of str
        Globs of which one must match a cell, besides one of the entry's: those of the machines that hold.
    strict : bool
        Whether the ledger was tried on this release, and the entry on such a machine: then the deviation must happen.
        Elsewhere it may.
    """

    entry: Deviation
    among: tuple[str, ...]
    strict: bool

    def explains(self, clause: str, cell: str, regime: str) -> bool:
        """Whether the entry explains a deviation from `clause` in the cell of this id, on rows of `regime`."""
        return (
            clause == self.entry.clause
            and self.entry.names(cell, regime)
            and any(fnmatchcase(cell, glob) for glob in self.among)
        )


def expectations(ledger: Ledger, version: str, profile: str, facts: Mapping[str, str]) -> list[Expectation]:
    """Return what a ledger expects of a release, in a profile, in an environment with these facts.

    A release that was tried shows the entries of its range and no others. One that was not may still show every entry
    that is not known to be fixed.
    """
    strict = is_tried(ledger, version, profile, facts)
    return [
        Expectation(entry, among, strict and not is_untried(entry, facts))
        for entry in ledger.deviations
        if profile in entry.profiles
        and (entry.is_in(version) if strict else not entry.is_fixed_in(version))
        and (among := cells_here(entry, facts))
    ]


def is_tried(ledger: Ledger, version: str, profile: str, facts: Mapping[str, str]) -> bool:
    """Whether a release was tried in a profile; a local build (2.13.0+cpu) counts as its release does.

    No ledger was tried on another device than the CPU.
    """
    is_cpu = is_the_cpu(facts.get("device", CPU))
    known = {Version(one) for one in ledger.tried.get(profile, ())} if is_cpu else ()
    return release_of(version) in known and Machines(needs=ledger.beside.get(profile, ())).hold(facts)


def cells_here(entry: Deviation, facts: Mapping[str, str]) -> tuple[str, ...]:
    """Return globs of which one must match a cell, besides one of the entry's, in an environment with these facts."""
    if not entry.machines:
        return ("*",)
    possible = (*entry.machines, *entry.untried)
    return tuple(cell for one in possible if one.hold(facts) for cell in one.cells or ("*",))


def is_untried(entry: Deviation, facts: Mapping[str, str]) -> bool:
    """Whether nobody has looked for the entry on such machines."""
    return any(one.hold(facts) for one in entry.untried) and not any(one.hold(facts) for one in entry.machines)
