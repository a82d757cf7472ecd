"""Changes explained by the machine: a condition of a ledger entry that holds in only one of two runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_reports.runs.schema import attributed
from logitproof_reports.words.text import escape_control_chars

if TYPE_CHECKING:
    from logitproof_reports.runs.schema import Run

    from .compare import Diff


def machine_of(diff: Diff, row: int) -> str:
    """Return which facts of the two machines explain a change, e.g. ``AVX512-FP16 (the baseline's machine alone)``.

    Empty if no ledger entry that explains the deviation before or after names such a fact.

    Parameters
    ----------
    diff : Diff
        The diff.
    row : int
        One of its rows.
    """
    records = diff.sides(row)
    adapter = next((record["adapter"] for record in records if record), "")
    ids = {record["deviation"] for record in records if record}
    before, after = (_conditions(run, adapter, ids) for run in (diff.before, diff.after))
    return ", ".join(
        escape_control_chars(f"{name} ({'the baseline' if before[name] else 'the candidate'}'s machine alone)")
        for name in sorted(before.keys() & after.keys())
        if before[name] != after[name]
    )


def _conditions(run: Run, adapter: str, ids: set[str]) -> dict[str, bool]:
    """Return which conditions on machines of some ledger entries hold for a run of an adapter."""
    environment = next((one for one in attributed(run) if adapter in one.get("adapters", ())), {})
    return {
        str(name): bool(holds)
        for entry in environment.get("ledger") or ()
        if entry.get("id") in ids
        for name, holds in (entry.get("conditions") or {}).items()
    }
