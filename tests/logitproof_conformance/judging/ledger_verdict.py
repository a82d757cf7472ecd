"""What a judgement means for the run: the ledger asked, the record kept, the message written."""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reference.vocabulary.severity import effect_of, is_graver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from logitproof_adapters.catalogue.ledger import Deviation
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
        The framework and its version, by which ledger entries select.
    ledger : list of Deviation
        Its known deviations.
    profile : str
        The profile that is asked; an entry that another one shows explains nothing here.
    used : Counter
        How often each ledger entry explained a judgement, by id.
    elements : int
        How many numbers were compared in all.
    """

    description: Description
    ledger: list[Deviation]
    profile: str
    used: Counter[str] = field(default_factory=Counter)
    elements: int = 0

    def take(self, judgements: Iterable[Judgement]) -> list[Judgement]:
        """Hold judgements against the ledger and return them with what it says."""
        taken = [self._held_against_ledger(found) for found in judgements]
        self.elements += sum(found.elements for found in taken)
        return taken

    def restore(self, judgements: Iterable[Judgement]) -> None:
        """Count what an earlier process took."""
        for found in judgements:
            self.used[found.deviation] += bool(found.deviation)
            self.elements += found.elements

    def _held_against_ledger(self, found: Judgement) -> Judgement:
        entry = next((entry for entry in self.ledger if self._matches(entry, found)), None)
        if entry is None:
            return found
        self.used[entry.id] += 1
        if found.verdict == "conforms":
            reason = (
                f'the deviation "{entry.id}" no longer happens here: upstream fixed it, or the entry is too broad; '
                "remove or narrow the entry"
            )
            return replace(found, verdict="deviates", reason=reason)
        effect = effect_of(vars(found)) if found.observed or found.verdict == "crashed" else entry.effect
        if found.verdict != "concern" and is_graver(effect, than=entry.effect):
            reason = f'worse than the deviation "{entry.id}" says: {effect}, not {entry.effect}; {found.reason}'
            return replace(found, reason=reason)
        return replace(found, deviation=entry.id)

    def _matches(self, entry: Deviation, found: Judgement) -> bool:
        is_meant = entry.matches(found.clause, found.cell, found.regime, self.description.version)
        return is_meant and self.profile in entry.profiles

    def stale_entries(self) -> list[str]:
        """Return the ids of the entries for this version and profile that explained nothing."""
        return [
            entry.id
            for entry in self.ledger
            if entry.applies_to(self.description.version, self.profile) and not self.used[entry.id]
        ]


def failure_message(found: Judgement) -> str:
    """Say all that is needed to understand a failure without knowing this suite."""
    clause = CLAUSES[found.clause]
    lines = [
        f"{found.verdict}: {found.cell}, regime {found.regime}",
        f"clause   {clause.id} ({clause.grade}) {clause.title}",
        f"reason   {found.reason}",
    ]
    if found.observed:
        lines += [
            f"row      {found.row}" + (f", class {found.element}" if found.element >= 0 else ""),
            f"inputs   {found.inputs}",
            f"exact    {found.exact}",
            f"observed {found.observed}",
            f"bound    {found.bound}; the error is {found.slack:.4g} times that",
            f"regime   largest error {found.ulps:.4g} ulps, {found.nats:.4g} absolute, over {found.elements} elements",
        ]
    if found.repro:
        lines += ["repro", textwrap.indent(found.repro, "    ")]
    return "\n".join(lines)
