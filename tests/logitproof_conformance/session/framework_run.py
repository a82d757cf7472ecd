"""One framework under one profile: its cases, its environment, and its results."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from logitproof_adapters.catalogue import ledger
from logitproof_adapters.contract import foresee
from logitproof_conformance.asking.dialect_choices import stated_dialects
from logitproof_conformance.judging.ledger_verdict import Conclusions
from logitproof_conformance.plan.cases import plan_cases, plan_cells
from logitproof_conformance.plan.shard import WHOLE, Shard
from logitproof_conformance.plan.training import training_cases
from logitproof_conformance.session.environment_facts import environment_facts
from logitproof_conformance.session.recording import environment_of
from logitproof_reference.cases.catalogue import case_set_digest
from logitproof_reference.vocabulary.judgement import on_the_whole
from logitproof_reports.runs.environment import facts_of
from logitproof_reports.runs.origin import origin_now
from logitproof_reports.runs.shards import stale_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from logitproof_adapters.contract import Adapter
    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.vocabulary.judgement import Judgement
    from logitproof_reports.runs.journal import Header


class FrameworkRun:
    """A framework that is judged.

    Attributes
    ----------
    adapter : Adapter
        How it is asked.
    profile : str
        ``quick`` or ``full``.
    shard : Shard
        The part of its cells that is judged.
    environment : dict
        See `environment_facts`.
    conclusions : Conclusions
        Its ledger, and what that explained so far.
    cases : list of Case
        What is planned, cell by cell.
    chosen : int
        Cells of all shards together.
    since : float
        `time.monotonic` when it began; default: now.
    """

    def __init__(
        self,
        adapter: Adapter,
        profile: str,
        shard: Shard = WHOLE,
        since: float | None = None,
        choose: Callable[[Sequence[Case]], list[Case]] = list,
    ) -> None:
        self.since = time.monotonic() if since is None else since
        self.adapter = adapter
        self.profile = profile
        self.shard = shard
        self.environment = environment_facts(adapter)
        description, facts = adapter.describe(), facts_of(self.environment)
        self.conclusions = Conclusions(description, ledger.load(adapter.name), profile, facts)
        foresee(adapter, list(plan_cells(adapter, profile)))
        # Dealt out after the choice: as many shards as there are cells have one each.
        chosen = choose([*plan_cases(adapter, profile), *training_cases(adapter, profile)])
        self.chosen = len({case.cell.id for case in chosen})
        self.cases: list[Case] = shard.part(chosen)

    def header(self, total: int) -> Header:
        """Return the first line of its journal; `total` is the number of cases that will be judged."""
        dialects = stated_dialects(self.adapter)
        environment = environment_of(self.conclusions, self.environment, dialects, shard=str(self.shard))
        return {
            "environment": environment,
            "profile": self.profile,
            "case_set": case_set_digest(self.profile),
            "total": total,
            "origin": origin_now([self.adapter.name], time.monotonic() - self.since).as_json(),
        }

    @property
    def identity(self) -> dict[str, Any]:
        """The facts that must be unchanged when a journal is resumed."""
        about = self.conclusions.description
        return {
            "framework": about.framework,
            "version": about.version,
            "profile": self.profile,
            "case_set": case_set_digest(self.profile),
            "shard": str(self.shard),
        }

    def problems(self, *, whole: bool) -> Iterator[Judgement]:
        """Yield a judgement on everything wrong with the run as a whole; `whole` if every case was judged."""
        if not self.conclusions.elements and not self.conclusions.refusals:
            yield on_the_whole(self.adapter.name, "void", "nothing was measured; the run is void")
        # Of a shard nobody can tell: the entry may match in another one. Merging them asks again.
        for entry in self.conclusions.stale_entries() if whole and self.shard == WHOLE else ():
            yield on_the_whole(self.adapter.name, "stale", stale_entry(entry))


def identity_of(header: Header) -> dict[str, Any]:
    """Return what `FrameworkRun.identity` was when a journal was begun."""
    environment = header["environment"]
    about = environment["framework"]
    return {
        "framework": about["framework"],
        "version": about["version"],
        "profile": header["profile"],
        "case_set": header["case_set"],
        "shard": environment.get("shard", ""),
    }
