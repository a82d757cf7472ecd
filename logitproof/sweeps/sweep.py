"""A sweep: the functions measured, the workers, and the record."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from logitproof.errors import UsageError
from logitproof.sweeps.evaluate_unit import Task, adapter_of, carry_out, identity_of, release
from logitproof.sweeps.store import Store
from logitproof.sweeps.units import units_of
from logitproof.workers import results
from logitproof_adapters.contract import foresee
from logitproof_conformance.plan.shard import WHOLE, Shard
from logitproof_reports.sweep_records.record import Record, write_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from logitproof.sweeps.functions import Function
    from logitproof.sweeps.progress import SweepProgress
    from logitproof.sweeps.units import Unit
    from logitproof.workers import Workers
    from logitproof_adapters.targets.target import Target


@dataclass(frozen=True)
class Plan:
    """The request of a sweep.

    Attributes
    ----------
    framework : str
    target : Target
    functions : tuple of Function
        Those that the framework offers.
    refused : dict of str to str
        Why it offers the others not.
    rows : (int, int) or None
        The first row and the one behind the last; None for all.
    shard : Shard
        The part of the units that is measured.
    """

    framework: str
    target: Target
    functions: tuple[Function, ...]
    identity: dict[str, Any]
    refused: dict[str, str] = field(default_factory=dict)
    rows: tuple[int, int] | None = None
    shard: Shard = WHOLE

    @property
    def head(self) -> dict[str, Any]:
        """The head of its record."""
        return {**self.identity, "plan": {one.id: self._planned(one) for one in self.functions}}

    def _planned(self, function: Function) -> dict[str, Any]:
        first, end = self._rows_of(function)
        return {**asdict(function), "first": first, "rows": end - first, "size": function.size}

    @property
    def units(self) -> list[Unit]:
        """The units of this part."""
        every = [unit for one in self.functions for unit in units_of(one, *self._rows_of(one))]
        return every[self.shard.number - 1 :: self.shard.of]

    def _rows_of(self, function: Function) -> tuple[int, int]:
        first, end = self.rows or (0, function.size)
        return first, min(end, function.size)


def planned(
    framework: str,
    target: Target,
    functions: Iterable[Function],
    *,
    rows: tuple[int, int] | None = None,
    shard: Shard = WHOLE,
) -> Plan:
    """Find out what a framework offers and where it is, and return the plan.

    Raises
    ------
    UsageError
        It offers none of the functions, or has no such rows.
    UnknownFramework, MissingFramework, TargetError
        It cannot be evaluated there.
    """
    adapter = adapter_of(framework, target)
    wanted = [one for one in functions if rows is None or rows[0] < one.size]
    if not wanted:
        raise UsageError("no function has rows in this range")
    cells = {one: one.cell(adapter.name) for one in wanted}
    foresee(adapter, list(cells.values()))
    reasons = {one: adapter.unsupported(cell) for one, cell in cells.items()}
    offered = tuple(one for one in wanted if not reasons[one])
    if not offered:
        raise UsageError(f"{framework} offers none of these functions: {next(iter(reasons.values()))}")
    return Plan(
        framework,
        target,
        offered,
        identity_of(adapter),
        {one.id: reason for one, reason in reasons.items() if reason},
        rows,
        shard,
    )


@dataclass(frozen=True)
class Outcome:
    """The result of a sweep.

    Attributes
    ----------
    record : Record
    failures : dict of str to str
        What was raised, by function.
    interrupted : bool
    """

    record: Record
    failures: dict[str, str]
    interrupted: bool = False


def sweep(plan: Plan, workers: Workers, output: Path, progress: SweepProgress) -> Outcome:
    """Measure what is not measured yet, and write the record; Ctrl-C keeps what is done."""
    store = Store(output, plan.identity)
    known = {unit: store.get(unit) for unit in plan.units}
    done: list[dict[str, Any]] = [record for record in known.values() if record]
    left = [unit for unit, record in known.items() if not record]
    failures: dict[str, str] = {}
    interrupted = False
    progress.begin(len(known), len(done))
    try:
        for unit, found in _measured(plan, workers, left, failures):
            if isinstance(found, Exception):
                failures.setdefault(unit.function.id, f"{type(found).__name__}: {found}")
            else:
                store.put(unit, found)
                done.append(found)
            progress.advance()
    except KeyboardInterrupt:
        interrupted = True
    finally:
        progress.end()
        workers.close()
        release()
    record = Record(plan.head, done)
    write_record(output, record)
    if not (interrupted or failures):
        store.clear()
    return Outcome(record, failures, interrupted)


def _measured(plan: Plan, workers: Workers, units: Sequence[Unit], failures: dict[str, str]) -> Any:
    """Yield units with their records; of a function that failed no further unit is measured."""
    tasks = (
        Task(plan.framework, plan.target, plan.identity, unit) for unit in units if unit.function.id not in failures
    )
    for task, found in results(workers, carry_out, tasks):
        yield task.unit, found
