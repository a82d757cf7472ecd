"""Where units' records are kept until a sweep is written: a folder, one file per unit, named by its address."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from logitproof_reports.runs.whole_files import write_text_atomically
from logitproof_reports.sweep_records.record import is_record, read_record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from logitproof.sweeps.units import Unit


class Store:
    """Records of units beside the file that they are for.

    Parameters
    ----------
    output : Path
        The file; what it holds of the same sweep counts as measured.
    identity : mapping
        What decides the address of a unit besides itself.
    """

    def __init__(self, output: Path, identity: Mapping[str, Any]) -> None:
        self.folder = output.with_name(f"{output.name}.units")
        self._identity = identity
        self._written = _units_in(output, identity)

    def get(self, unit: Unit) -> dict[str, Any] | None:
        """Return the record of a unit, or None if there is none that can be read."""
        found = self._written.get((unit.function.id, unit.start, unit.rows))
        if found is not None:
            return found
        try:
            kept = json.loads((self.folder / f"{unit.key(self._identity)}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        same = isinstance(kept, dict) and (kept.get("function"), kept.get("start"), kept.get("rows")) == (
            unit.function.id,
            unit.start,
            unit.rows,
        )
        return kept if same else None

    def put(self, unit: Unit, record: Mapping[str, Any]) -> None:
        """Keep a record."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text_atomically(self.folder / f"{unit.key(self._identity)}.json", json.dumps(record, sort_keys=True))

    def clear(self) -> None:
        """Remove the folder: all that it held is written."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _units_in(output: Path, identity: Mapping[str, Any]) -> dict[tuple[str, int, int], dict[str, Any]]:
    """Return the units of a file that is a record of the same sweep."""
    if not is_record(output):
        return {}
    record = read_record(output)
    if any(record.head.get(name) != value for name, value in identity.items()):
        return {}
    return {(unit["function"], unit["start"], unit["rows"]): unit for unit in record.units}
