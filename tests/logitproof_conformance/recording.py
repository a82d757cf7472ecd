"""The record of a run while it is made: a journal that survives a kill, a run file at the end."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from logitproof_reference.regimes import case_set_digest
from logitproof_reports.environment import describe_environment
from logitproof_reports.run_file import Journal, read_journal, write_run

if TYPE_CHECKING:
    from pathlib import Path

    from logitproof_adapters.contract import Description
    from logitproof_adapters.ledger import Deviation
    from logitproof_reference.judgements import Judgement


def environment_of(description: Description, ledger: list[Deviation], dialects: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what surrounds a run and what its adapter says, so that a report can tell of it without the adapter.

    Returns
    -------
    dict
        What `describe_environment` returns, and ``framework`` (the description), ``ledger`` (id, clause, reason and
        upstream link of each entry) and ``dialects`` (see `dialects.stated_dialects`).
    """
    entries = [{"id": e.id, "clause": e.clause, "reason": e.reason, "upstream": e.upstream} for e in ledger]
    return {**describe_environment(), "framework": asdict(description), "ledger": entries, "dialects": dialects}


class Recorder:
    """Writes judgements to ``PATH.journal`` as they come, and at the end the run file ``PATH``."""

    def __init__(self, path: Path, profile: str, environment: dict[str, Any], total: int) -> None:
        """Open the journal; `total` is the number of cases that will be judged."""
        self.path = path
        self.journal_path = path.with_name(path.name + ".journal")
        self.journal = Journal(
            self.journal_path,
            {"environment": environment, "profile": profile, "case_set": case_set_digest(profile), "total": total},
        )

    def append(self, judgement: Judgement) -> None:
        """Record one judgement."""
        self.journal.append(judgement)

    def close(self, *, complete: bool) -> None:
        """Turn the journal into the run file, which says whether everything planned was judged."""
        self.journal.close()
        write_run(self.path, replace(read_journal(self.journal_path), complete=complete))
