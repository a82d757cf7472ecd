"""Terminal output of sweeps."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table

from logitproof.commands.tables import console
from logitproof.output import echo
from logitproof_reports.sweep_records.atlas_file import is_atlas, read_atlas
from logitproof_reports.sweep_records.compare import BETTER, MOVED, SAME, UNLIKE, WORSE, atlas_changes, changes
from logitproof_reports.sweep_records.record import is_record, read_record
from logitproof_reports.sweep_records.summary import summary_of
from logitproof_reports.sweep_records.words import line_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from logitproof_reports.sweep_records.compare import Change
    from logitproof_reports.sweep_records.record import Record

COLUMNS = {
    "function": "function",
    "format": "format",
    "mode": "mode",
    "rows": "rows",
    "ulps": "ulps",
    "worst": "row",
    "not_rounded": "not rounded",
    "slack": "error / bound",
    "broken": "broken",
}
"""Attributes of a `Line` and their heads."""

ORDER = (WORSE, UNLIKE, BETTER, MOVED, SAME)
"""Verdicts of a comparison, as they are printed."""


def print_sweep(record: Record) -> None:
    """Print a row a function, and for each that breaks a clause the command that shows it."""
    about = record.head["framework"]
    echo(f"{record.head['adapter']}: {about['framework']} {about['version']}")
    table = Table(*COLUMNS.values(), box=None, pad_edge=False)
    summaries = [summary_of(record, name) for name in record.head["plan"]]
    lines = [line_of(record, one) for one in summaries]
    for line in lines:
        table.add_row(*(getattr(line, name) for name in COLUMNS))
    console().print(table)
    for line in lines:
        if line.reproduction:
            echo(f"worst row of {line.function} {line.format}: {line.reproduction}")


def tree_of(record: Record) -> dict[str, Any]:
    """Return what a record holds as a tree of JSON: its head, and of each function the summary and the words."""
    summaries = [summary_of(record, name) for name in record.head["plan"]]
    found = [{**_plain(asdict(one)), "words": asdict(line_of(record, one))} for one in summaries]
    return {**record.head, "functions": found, "missing": record.missing}


def _plain(tree: Any) -> Any:
    """Return a tree whose infinite numbers are words: JSON has none."""
    if isinstance(tree, dict):
        return {name: _plain(one) for name, one in tree.items()}
    if isinstance(tree, list):
        return [_plain(one) for one in tree]
    return str(tree) if isinstance(tree, float) and tree in (float("inf"), float("-inf")) else tree


def changes_of(baseline: Path, candidate: Path) -> list[Change] | None:
    """Return what became of each function of two records or two atlases; None if they are something else."""
    if is_record(baseline) and is_record(candidate):
        return list(changes(read_record(baseline), read_record(candidate)))
    if is_atlas(baseline) and is_atlas(candidate):
        return list(atlas_changes(read_atlas(baseline), read_atlas(candidate)))
    return None


def print_changes(found: Sequence[Change]) -> bool:
    """Print what became of each function, the worse ones first; tell whether there is such a one."""
    for change in sorted(found, key=lambda one: (ORDER.index(one.verdict), one.function)):
        echo(f"{change.verdict:<14}  {change.function}{f': {change.reason}' if change.reason else ''}")
    return any(change.verdict == WORSE for change in found)
