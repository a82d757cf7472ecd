"""Inspect one cell: evaluated again here, or read from a run file where its framework is not installed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from difflib import get_close_matches
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from logitproof.errors import UsageError
from logitproof_adapters.catalogue import ledger
from logitproof_adapters.catalogue.registry import UnknownFramework, known, missing
from logitproof_adapters.contract import CPU
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_adapters.targets.target import here
from logitproof_conformance.checks.registry import CHECK_JUDGES
from logitproof_conformance.judging.judging import (
    CellEvaluation,
    failure,
    judge_regime,
    judge_rule,
    repro_of,
    spell_inputs,
)
from logitproof_conformance.judging.ledger_verdict import Conclusions
from logitproof_conformance.judging.rules import ComparedRows, rules_of
from logitproof_conformance.plan.cases import Case, batches_of, plan_cells
from logitproof_conformance.session.deaths import with_deaths
from logitproof_conformance.session.environment_facts import SENT, environment_facts
from logitproof_reference.specification.verdicts import VERDICT_RANKS
from logitproof_reference.vocabulary.cells import MODES
from logitproof_reports.runs.environment import facts_of
from logitproof_reports.runs.schema import judgements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from logitproof_adapters.contract import Adapter
    from logitproof_adapters.targets.target import Target
    from logitproof_reference.vocabulary.cells import Cell
    from logitproof_reference.vocabulary.judgement import Judgement
    from logitproof_reports.runs.schema import Run


@dataclass(frozen=True)
class Explanation:
    """The facts about one row of one cell.

    Attributes
    ----------
    judgements : tuple of Judgement
        What the clauses say of it, the worst first.
    source : str
        Where the observed numbers come from.
    repro : str
        A program in the framework's own API; empty if none can be given.
    """

    judgements: tuple[Judgement, ...]
    source: str
    repro: str = ""


def explain(asked: str, *, row: int | None = None, run: Run | None = None, target: Target | None = None) -> Explanation:
    """Explain a cell, or one regime of it.

    Parameters
    ----------
    asked : str
        A cell's id, or ``CELL/REGIME``; a cell alone means its worst regime.
    row : int, optional
        Row of the regime; the worst one by default.
    run : Run, optional
        A run that holds the cell: its profile is asked again, and its record stands in for a framework that is not
        installed here.
    target : Target, optional
        Where the framework is asked; default: the interpreter of this process.

    Raises
    ------
    UsageError
        There is no such cell, regime or row, or neither a framework nor a record to ask.
    MissingFramework, TargetError
        The target cannot be used, or has no such framework.
    """
    cell_id, _, regime = asked.partition("/")
    recorded = [found for found in judgements(run) if found.cell == cell_id] if run else []
    cell = _cell(cell_id, run)
    profile = run.profile if run else "full"
    _check_regime(cell, regime, profile)
    place = target or here()
    if (why_not := _not_installed(cell.adapter) if place.is_here else None) is None:
        with RemoteAdapter(cell.adapter, place, also_sent=SENT) as adapter:
            return _asked_now(adapter, cell, regime or _worst_regime(recorded), row, profile)
    wanted = [found for found in recorded if regime in {"", found.regime} and row in {None, found.row}]
    if not wanted:
        raise UsageError(f"{why_not}; or pass a run file that contains this row with --run")
    worst = worst_first(wanted)
    same_rows = tuple(found for found in worst if found.regime == worst[0].regime)
    return Explanation(same_rows, "from the run file", worst[0].repro)


def worst_first(found: Iterable[Judgement]) -> list[Judgement]:
    """Sort judgements: unexpected ones first, then by verdict, then by slack (NaN last)."""

    def badness(judgement: Judgement) -> tuple[bool, int, float]:
        slack = -1.0 if math.isnan(judgement.slack) else judgement.slack
        return (not judgement.expected, VERDICT_RANKS[judgement.verdict], slack)

    return sorted(found, key=badness, reverse=True)


def _worst_regime(recorded: list[Judgement]) -> str:
    return worst_first(recorded)[0].regime if recorded else ""


def _cell(cell_id: str, run: Run | None) -> Cell:
    cells = {cell.id: cell for name in _adapters(run) for cell in _cells_of(name)}
    if cell_id not in cells:
        raise UsageError(f'cell "{cell_id}" is not known; {_closest(cell_id, cells)}')
    return cells[cell_id]


def _adapters(run: Run | None) -> list[str]:
    recorded = run.table["adapter"].unique().to_pylist() if run else []
    return list(dict.fromkeys([*known(), *recorded]))


def _cells_of(adapter: str) -> Iterable[Cell]:
    every_mode: Any = SimpleNamespace(name=adapter, modes=MODES)
    return plan_cells(every_mode, "full")


def _closest(word: str, words: Iterable[str]) -> str:
    close = get_close_matches(word, list(words), n=3, cutoff=0.4)
    return f"closest: {', '.join(close)}" if close else f"known: {', '.join(words)}"


def _check_regime(cell: Cell, regime: str, profile: str) -> None:
    regimes = [name for batch in batches_of(cell, profile) for name in batch.slices] + list(CHECK_JUDGES)
    if regime and regime not in regimes:
        raise UsageError(f'regime "{regime}" is not run for {cell.id}; {_closest(regime, regimes)}')


def _not_installed(adapter: str) -> str | None:
    try:
        return missing(adapter)
    except UnknownFramework as error:
        return str(error)


def _asked_now(adapter: RemoteAdapter, cell: Cell, regime: str, row: int | None, profile: str) -> Explanation:
    if (why_not := adapter.unsupported(cell)) is not None:
        raise UsageError(f"{cell.adapter} does not offer {cell.id}: {why_not}")
    evaluation = CellEvaluation(adapter, cell, profile)
    regimes = [regime] if regime else [name for batch in batches_of(cell, profile) for name in batch.slices]
    found = [judgement for name in regimes for judgement in _judge(evaluation, name, row)]
    worst = worst_first(_with_known_deviations(found, adapter, profile))
    same_rows = tuple(judgement for judgement in worst if judgement.regime == worst[0].regime)
    return Explanation(
        same_rows, f"measured now: {_what_answered(adapter)}", worst[0].repro or _repro(evaluation, worst[0])
    )


def _what_answered(adapter: RemoteAdapter) -> str:
    """Return the framework, its release, and where it was asked unless that is here and on the CPU."""
    description, target = adapter.describe(), adapter.target
    on = f" on {target.device}" if target.device != CPU else ""
    there = "" if target.is_here else f", Python {adapter.python}, target {target.name}"
    return f"{description.framework} {description.version}{on}{there}"


def _with_known_deviations(found: list[Judgement], adapter: Adapter, profile: str) -> list[Judgement]:
    """Return whether the ledger explains what is wrong; a single row cannot show that a deviation is gone."""
    conclusions = Conclusions(
        adapter.describe(), ledger.load(adapter.name), profile, facts_of(environment_facts(adapter))
    )
    return [judgement if judgement.verdict == "conforms" else conclusions.take([judgement])[0] for judgement in found]


def _judge(evaluation: CellEvaluation, regime: str, row: int | None) -> list[Judgement]:
    case = Case(evaluation.cell, regime, "")
    if regime in CHECK_JUDGES:
        return list(with_deaths(evaluation, case, CHECK_JUDGES[regime](evaluation, case)))
    if row is None:
        return list(with_deaths(evaluation, case, judge_regime(evaluation, case)))
    return list(with_deaths(evaluation, case, _judge_row(evaluation, case, row)))


def _judge_row(evaluation: CellEvaluation, case: Case, row: int) -> Iterator[Judgement]:
    """Judge one row of a regime by every rule that applies to it."""
    batch = evaluation.batch_with(case.regime)
    rows = batch.slices[case.regime]
    if not 0 <= row < rows.stop - rows.start:
        raise UsageError(f"row {row} is not in regime {case.regime}: it has rows 0 to {rows.stop - rows.start - 1}")
    rules = rules_of(case.cell, case.regime)
    if (failed := failure(case, evaluation.answer(batch), rules[0].clause)) is not None:
        yield failed
        return
    alone = slice(rows.start + row, rows.start + row + 1)
    part = ComparedRows(evaluation.seen(batch), alone)
    chosen_by = ((rule, rule.chosen(part)) for rule in rules)
    found = [judge_rule(evaluation, case, part, rule, chosen) for rule, chosen in chosen_by if chosen.any()]
    inputs = spell_inputs(case.cell, batch, case.regime, row)
    yield from (replace(judgement, row=row, inputs=inputs) for judgement in found)


def _repro(evaluation: CellEvaluation, found: Judgement) -> str:
    if found.row < 0 or found.regime in CHECK_JUDGES:
        return ""
    batch = evaluation.batch_with(found.regime)
    return repro_of(evaluation, batch, batch.slices[found.regime].start + found.row)
