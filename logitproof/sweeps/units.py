"""Units of a sweep: which rows are measured together, and the record of a unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from logitproof_reports.sweep_records.record import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from logitproof.sweeps.certifier import Certifier, Worst
    from logitproof.sweeps.functions import Function

UNIT = 1 << 24
"""Rows of a unit: some seconds of work, which is what a dead worker costs."""


@dataclass(frozen=True)
class Unit:
    """Rows of a function from `start` on; none lies across a multiple of `UNIT`."""

    function: Function
    start: int
    rows: int

    def key(self, identity: Mapping[str, Any]) -> str:
        """Return its address."""
        return key_of(identity, self.function.id, self.start, self.rows)


def units_of(function: Function, start: int, end: int) -> Iterator[Unit]:
    """Yield the units that hold the rows from `start` to `end`."""
    while start < end:
        following = min((start // UNIT + 1) * UNIT, end)
        yield Unit(function, start, following - start)
        start = following


def record_of(unit: Unit, certifier: Certifier) -> dict[str, Any]:
    """Return the record of a unit that was measured."""
    tally = certifier.tally
    counted = {name: value for name, value in vars(tally).items() if name != "bins"}
    return {
        "function": unit.function.id,
        "start": unit.start,
        "rows": unit.rows,
        **counted,
        "bins": tally.bins.tolist(),
        "ulps": _worst_as_json(certifier.worst_ulps),
        "slack": _worst_as_json(certifier.worst_slack),
        "slack_at_most": float(max(certifier.slack_at_most, certifier.worst_slack.measure, 0.0)).hex(),
    }


def _worst_as_json(worst: Worst) -> dict[str, Any]:
    """Return a worst number in words of JSON."""
    return {
        "measure": float(worst.measure).hex(),
        "row": worst.row,
        "element": worst.element,
        "observed": float(worst.observed).hex(),
    }
