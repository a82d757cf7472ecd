"""The request of a run or an upgrade, stored beside its results: only the same request may resume them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from logitproof.errors import UsageError
from logitproof_reports.runs.input_files import read_text
from logitproof_reports.runs.schema import RunFileError
from logitproof_reports.runs.shapes import parse
from logitproof_reports.runs.whole_files import write_text_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

REQUEST = "request.json"
MOST_BYTES = 1_000_000


def keep_request(folder: Path, request: Mapping[str, Any]) -> None:
    """Keep what is asked; raises `RunFileError` where it cannot be written."""
    write_text_atomically(folder / REQUEST, json.dumps(request, indent=2))


def refuse_another_request(folder: Path, request: Mapping[str, Any], what: str) -> None:
    """Raise `UsageError` where an interrupted ``run`` or ``upgrade`` was asked something else, or is not there."""
    try:
        before = parse(read_text(folder / REQUEST, MOST_BYTES))
    except (RunFileError, ValueError) as error:
        raise UsageError(f"there is no interrupted {what} at {folder}: omit --resume") from error
    asked = json.loads(json.dumps(request))
    for name, value in asked.items():
        found = before.get(name) if isinstance(before, dict) else None
        if found != value:
            raise UsageError(
                f"the interrupted {what} at {folder} was asked with {name} {found!r:.100}: "
                "pass the same, or omit --resume"
            )
