"""A worker that was cut short: the case is a verdict, its cell is given up, and a new process goes on behind it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from logitproof.matrix.worker_result import end_of, last_words
from logitproof_adapters.catalogue import ledger
from logitproof_reference.vocabulary.judgement import Judgement
from logitproof_reference.vocabulary.severity import severity_of
from logitproof_reports.runs.environment import facts_of
from logitproof_reports.runs.journal import Journal, cut_torn_line
from logitproof_reports.runs.schema import framework_of

if TYPE_CHECKING:
    from logitproof.matrix.worker import Worker

MOST_RESTARTS = 25
"""Of one framework: past them it is broken as a whole, and each costs an import."""


def recover(worker: Worker) -> None:
    """Record what the case that was cut short was, give up its cell, and start the worker again."""
    case = worker.progress.current or {}
    cut_torn_line(worker.journal)
    with Journal(worker.journal, None) as journal:
        journal.append(crash(worker, case))
        journal.give_up(case["cell"])
    worker.restart()


def crash(worker: Worker, case: dict[str, Any]) -> Judgement:
    """Return the judgement on a case that ended its process, held against the ledger as any other."""
    reason = f"{end_of(worker)}; remaining checks of this cell skipped; last output: {last_words(worker.log)}"
    found = Judgement(**case, verdict="crashed", reason=reason)
    environment = worker.progress.environment
    version = str(framework_of(environment).get("version", ""))
    known = (
        expected.entry.id
        for expected in ledger.load(found.adapter).expectations(version, worker.profile, facts_of(environment))
        if expected.explains(found.clause, found.cell, found.regime) and expected.entry.covers(severity_of(vars(found)))
    )
    return replace(found, deviation=next(known, ""))
