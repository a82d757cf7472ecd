"""The record of a run while it is made: a journal that survives a kill, a run file at the end."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from logitproof_conformance.judging.judging import judgement
from logitproof_conformance.session.clauses import clauses_of
from logitproof_reports.runs.environment import describe_environment
from logitproof_reports.runs.run_file import Journal, journal_of, read_journal, write_run

if TYPE_CHECKING:
    from pathlib import Path

    from logitproof_adapters.catalogue.ledger import Deviation
    from logitproof_adapters.contract import Description
    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.vocabulary.judgement import Judgement
    from logitproof_reports.runs.run_file import Header


def environment_of(
    description: Description, ledger: list[Deviation], dialects: list[dict[str, Any]], *, profile: str, shard: str = ""
) -> dict[str, Any]:
    """Return what surrounds a run and what its adapter says, so that a report can tell of it without the adapter.

    Returns
    -------
    dict
        What `describe_environment` returns, and ``framework`` (the description), ``ledger`` (id, clause, reason and
        upstream link of each entry, and whether it applies to this version and profile), ``dialects`` (see
        `dialect_choices.stated_dialects`) and, of a part of the matrix, ``shard`` (e.g. ``2/3``).
    """
    entries = [
        {
            "id": entry.id,
            "clause": entry.clause,
            "reason": entry.reason,
            "upstream": entry.upstream,
            "applies": entry.applies_to(description.version, profile),
        }
        for entry in ledger
    ]
    told = {"framework": asdict(description), "ledger": entries, "dialects": dialects}
    return {**describe_environment(), **told, **({"shard": shard} if shard else {})}


WORDS = (
    *(
        "cell",
        "adapter",
        "mode",
        "op",
        "labels",
        "quantity",
        "format",
        "axis",
        "layout",
        "options",
        "entry",
        "producer",
    ),
    *("regime", "clause", "grade"),
)
"""What a journal says of a case that begins: enough for a judgement on it, should it end the process."""


class Recorder:
    """Writes judgements to ``PATH.journal`` as they come, and at the end the run file ``PATH``.

    Parameters
    ----------
    path : Path
        The run file.
    header : Header or None
        First line of the journal; None goes on with the journal that is there.
    """

    def __init__(self, path: Path, header: Header | None) -> None:
        self.path = path
        self.journal_path = journal_of(path)
        self.journal = Journal(self.journal_path, header)

    def start(self, case: Case) -> None:
        """Record that a case begins."""
        first = next(iter(clauses_of(case)), "")
        words = vars(judgement(case, first, "crashed"))
        self.journal.start({name: words[name] for name in WORDS})

    def append(self, judgement: Judgement) -> None:
        """Record one judgement."""
        self.journal.append(judgement)

    def stop(self) -> None:
        """Leave the journal to be taken up again."""
        self.journal.close()

    def close(self, *, complete: bool) -> None:
        """Turn the journal into the run file, which says whether everything planned was judged."""
        self.journal.close()
        write_run(self.path, replace(read_journal(self.journal_path), complete=complete))
