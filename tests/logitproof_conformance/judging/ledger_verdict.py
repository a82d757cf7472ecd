"""The outcome of a judgement for the run: checked against the ledger, recorded, worded as a message."""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from logitproof_adapters.catalogue.expected_here import expectations
from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reference.vocabulary.severity import severity_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from logitproof_adapters.catalogue.expected_here import Expectation
    from logitproof_adapters.catalogue.ledger import Deviation, Ledger
    from logitproof_adapters.contract import Description
    from logitproof_reference.vocabulary.judgement import Judgement

    Conclude = Callable[[Iterable[Judgement]], None]
    """Records judgements and decides the pytest item."""


@dataclass
class Conclusions:
    """Holds the judgements of one framework against its ledger as they come in.

    Attributes
    ----------
    description : Description
        The framework and its version.
    ledger : Ledger
        Its known deviations.
    profile : str
        The profile that is judged; an entry that another one shows explains nothing here.
    facts : dict of str to str
        The facts of the environment, by which entries select machines; see `facts_of`.
    used : Counter
        How often each ledger entry explained a judgement, by id.
    elements : int
        How many numbers were compared in all.
    refusals : int
        How many invalid inputs were judged, which compares no numbers.
    """

    description: Description
    ledger: Ledger
    profile: str
    facts: Mapping[str, str] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)
    elements: int = 0
    refusals: int = 0

    @cached_property
    def expectations(self) -> list[Expectation]:
        """The entries of the ledger that may or must show here."""
        return expectations(self.ledger, self.description.version, self.profile, self.facts)

    def take(self, judgements: Iterable[Judgement]) -> list[Judgement]:
        """Check judgements against the ledger and return them with its entries."""
        taken = [self._held_against_ledger(found) for found in judgements]
        for found in taken:
            self._count(found)
        return taken

    def restore(self, judgements: Iterable[Judgement]) -> None:
        """Count what an earlier process took."""
        for found in judgements:
            self.used[found.deviation] += bool(found.deviation)
            self._count(found)

    def _count(self, found: Judgement) -> None:
        self.elements += found.elements
        self.refusals += found.clause.startswith("ERR-") and found.verdict != "unsupported"

    def _held_against_ledger(self, found: Judgement) -> Judgement:
        met = (one for one in self.expectations if one.explains(found.clause, found.cell, found.regime))
        expected = next(met, None)
        if expected is None:
            return found
        entry = expected.entry
        if found.verdict == "conforms":
            if not expected.strict:
                return found
            self.used[entry.id] += 1
            return replace(found, verdict="stale", reason=stale_reason(entry))
        self.used[entry.id] += 1
        effect = severity_of(vars(found)) if found.observed or found.verdict == "crashed" else entry.effect
        if found.verdict != "concern" and not entry.covers(effect):
            reason = (
                f'other than recorded in the ledger entry "{entry.id}": {effect}, not {entry.effect}; {found.reason}'
            )
            return replace(found, reason=reason)
        return replace(found, deviation=entry.id)

    def stale_entries(self) -> list[str]:
        """Return the ids of the entries that had to show here and explained nothing."""
        return [one.entry.id for one in self.expectations if one.strict and not self.used[one.entry.id]]


def stale_reason(entry: Deviation) -> str:
    """Return the reason of a stale entry: a judgement conforms where the ledger expects a deviation."""
    return (
        f'conforms, but the ledger entry "{entry.id}" expects a deviation: the entry is too broad for this machine, '
        "or upstream fixed it; narrow it, or enter its machines or the release that fixed it"
    )


def failure_message(found: Judgement) -> str:
    """Return a message that explains a failure without knowledge of this suite."""
    clause = CLAUSES[found.clause]
    lines = [
        f"{found.verdict}: {found.cell}, regime {found.regime}",
        f"clause   {clause.id} ({clause.level}) {clause.title}",
        f"reason   {found.reason}",
    ]
    if found.observed:
        lines += [
            f"row      {found.row}" + (f", class {found.element}" if found.element >= 0 else ""),
            f"inputs   {found.inputs}",
            f"exact    {found.exact}",
            f"observed {found.observed}",
            f"bound    {found.bound}; error / bound {found.slack:.4g}",
            f"regime   largest error {found.ulps:.4g} ulps, {found.nats:.4g} absolute, over {found.elements} elements",
        ]
    if found.repro:
        lines += ["repro", textwrap.indent(found.repro, "    ")]
    return "\n".join(lines)
