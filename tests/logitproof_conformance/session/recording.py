"""The record of a run in progress: a journal that survives a kill, a run file at the end."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from logitproof_adapters.catalogue.expected_here import is_untried
from logitproof_adapters.catalogue.machines import condition_words, is_met
from logitproof_reports.runs.checked_facts import checked_origins
from logitproof_reports.runs.recordable import recordable_table
from logitproof_reports.runs.run_file import Journal, journal_of, read_journal, write_run
from logitproof_reports.runs.schema import Run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from logitproof_conformance.judging.ledger_verdict import Conclusions
    from logitproof_reference.vocabulary.judgement import Judgement
    from logitproof_reports.runs.journal import ResumePoint
    from logitproof_reports.runs.origin import Origin
    from logitproof_reports.runs.run_file import Header


def environment_of(
    found: Conclusions, facts: dict[str, Any], dialects: list[dict[str, Any]], *, shard: str = ""
) -> dict[str, Any]:
    """Return the environment of a run and what its adapter says, so that a report can tell of it without the adapter.

    Parameters
    ----------
    found : Conclusions
        The framework, its ledger, and the profile that is judged.
    facts : dict
        What `describe_environment` returned, with the ``framework`` part.
    dialects : list of dict
        See `dialect_choices.stated_dialects`.
    shard : str
        Which part of the matrix is judged, e.g. ``2/3``; empty for all of it.

    Returns
    -------
    dict
        The facts, and ``dialects``, ``ledger`` (the entries of this profile, see `ledger_record`), ``tried``
        (the newest release that the ledger was tested on) and, of a part of the matrix, ``shard``.
    """
    told = {"ledger": ledger_record(found), "tried": found.ledger.newest_tried(found.profile), "dialects": dialects}
    return {**facts, **told, **({"shard": shard} if shard else {})}


def ledger_record(found: Conclusions) -> list[dict[str, Any]]:
    """Return the entries of a ledger as a run file holds them.

    Returns
    -------
    list of dict
        ``id``, ``clause``, ``reason``, ``upstream``, ``machines`` (in words), ``conditions`` (which of them hold),
        ``applies`` (whether the entry must show here) and ``carried`` (whether it may: the release was not tried).
    """
    here = {one.entry.id: one.strict for one in found.expectations}
    return [
        {
            "id": entry.id,
            "clause": entry.clause,
            "reason": entry.reason,
            "upstream": entry.upstream,
            "machines": entry.where,
            "conditions": {
                condition_words(name): is_met(name, found.facts)
                for one in entry.machines
                for name in (*one.needs, *one.excludes)
            },
            "applies": here.get(entry.id) is True,
            "carried": here.get(entry.id) is False and not is_untried(entry, found.facts),
        }
        for entry in found.ledger.deviations
        if found.profile in entry.profiles
    ]


class Recorder:
    """Writes judgements to ``PATH.journal`` as they come, and at the end the run file ``PATH``.

    Parameters
    ----------
    path : Path
        The run file.
    header : Header or None
        First line of the journal; None goes on with the journal that is there.
    before : ResumePoint, optional
        How far that journal is.
    since : float, optional
        `time.monotonic` when the run began, or was resumed; default: now.
    """

    def __init__(
        self, path: Path, header: Header | None, before: ResumePoint | None = None, since: float | None = None
    ) -> None:
        self.path = path
        self.journal_path = journal_of(path)
        self.journal = Journal(self.journal_path, header)
        self._since = (time.monotonic() if since is None else since) - (before.elapsed if before else 0.0)
        self._seconds = dict(before.seconds) if before else {}

    @property
    def elapsed(self) -> float:
        """Seconds that the run took so far, in all its processes."""
        return time.monotonic() - self._since

    def append(self, judgement: Judgement) -> None:
        """Record one judgement."""
        self.journal.append(judgement)

    def end_cell(self, cell: str, *, given_up: bool, seconds: float) -> None:
        """Record that a cell is judged, in this many seconds: a run that goes on does not ask it again."""
        self._seconds[cell] = round(seconds, 3)
        self.journal.end_cell(cell, given_up=given_up, seconds=seconds, elapsed=self.elapsed)

    def stop(self) -> None:
        """Leave the journal to be resumed."""
        self.journal.close()

    def finish(self, judgements: Sequence[Judgement], header: Header, *, complete: bool, choice: str) -> Run:
        """Write the run file, with these judgements in this order, and drop the journal; return what was written.

        See `Run` for the rest.
        """
        self.journal.close()
        run = Run(
            recordable_table(judgements),
            [header["environment"]],
            header["profile"],
            header["case_set"],
            complete,
            self._lasting(checked_origins(self.journal_path, [header["origin"]] if "origin" in header else [])),
            self._seconds,
            choice,
        )
        write_run(self.path, run)
        return run

    def _lasting(self, origins: tuple[Origin, ...]) -> tuple[Origin, ...]:
        return tuple(one.lasting(self.elapsed) for one in origins)

    def close(self, *, complete: bool) -> None:
        """Turn the journal into the run file, which says whether everything planned was judged."""
        self.journal.close()
        run = read_journal(self.journal_path)
        write_run(self.path, replace(run, complete=complete, origins=self._lasting(run.origins)))
