"""A history for the terminal and for other programs."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from logitproof_reports.words.outcomes import BY_RANK
from logitproof_reports.words.text import decimal, escape_control_chars

from .query import ABSENT, MOVES

if TYPE_CHECKING:
    from .compute import History, Release

DASH = "\N{EN DASH}"
"""Stands where nothing was compared."""

FORMAT = 1
"""Number of the JSON's layout."""

COLUMNS = {
    "framework": "Framework",
    "version": "Version",
    "written": "Date",
    "cells": "Cells",
    "conforming": "Conforming",
    "known": "Known deviations",
    "unexpected": "Unexpected",
    "since": "Compared with",
    "verdicts": "Verdicts changed",
    "bits": "Bits changed",
    "slack": "Worst error / bound",
}
"""What is told of a release, and its heading; `Release` says what each means."""

SHORT = {
    "framework": "Framework",
    "version": "Version",
    "cells": "Cells",
    "conforming": "Conform",
    "known": "Known",
    "unexpected": "Unexpected",
    "since": "Since",
    "verdicts": "Verdicts",
    "bits": "Bits",
    "slack": "Slack",
}
"""Columns that fit on a terminal of 80 columns: the cells' verdicts, and how many changed in verdict and bits."""

NUMBERS = frozenset({"cells", "conforming", "known", "unexpected", "verdicts", "bits", "slack"})


def release_words(release: Release) -> dict[str, str]:
    """Return what is told of a release as text; a dash where nothing was compared."""
    compared = {"since": release.since or DASH, "verdicts": DASH, "bits": DASH}
    if release.since:
        compared |= {"verdicts": f"{release.verdicts:,}", "bits": f"{release.bits:,}"}
    counts = {name: f"{getattr(release, name):,}" for name in ("cells", "conforming", "known", "unexpected")}
    version = release.version + ("" if release.complete else " (partly)")
    words = {"framework": release.framework, "version": version, "written": release.written}
    told = {**words, **counts, **compared, "slack": decimal(release.slack)}
    return {name: escape_control_chars(told[name]) for name in COLUMNS}


def terminal_table(history: History) -> Table:
    """Return the releases as a table for rich."""
    table = Table(box=None, pad_edge=False)
    for name, title in SHORT.items():
        table.add_column(title, justify="right" if name in NUMBERS else "left")
    for release in history.releases:
        told = release_words(release)
        table.add_row(*(Text(told[name]) for name in SHORT))
    return table


def notes(history: History) -> list[str]:
    """Return which frameworks were not always asked the same, so that some of their releases are not compared."""
    found = []
    for framework, releases in history.by_framework().items():
        asked = {(release.profile, release.case_set) for release in releases}
        if len(asked) > 1:
            name = escape_control_chars(framework)
            found.append(f"{name} has runs of {len(asked)} case sets: only runs of the same case set are compared.")
    return found


def as_json(history: History) -> str:
    """Return a history as JSON.

    ``format``, ``releases`` (the fields of `Release`), ``moved`` (each cell in which a verdict or a bit ever changed:
    ``framework``, ``cell``, and for each release of that framework ``outcomes``, null where the cell is not in it, and
    ``moves``, a list of ``verdict`` and ``bits``) and ``left_out``. An infinite slack is spelled ``"inf"``, a missing
    one null.
    """
    told = {
        "format": FORMAT,
        "releases": [vars(release) | {"slack": _number(release.slack)} for release in history.releases],
        "moved": [_moved(story) for story in history.stories.to_pylist() if set(story["moves"]) != {"-"}],
        "left_out": history.skipped,
    }
    return json.dumps(told, indent=2, allow_nan=False)


def _number(slack: float) -> float | str | None:
    return None if math.isnan(slack) else slack if math.isfinite(slack) else "inf"


def _moved(story: dict[str, str]) -> dict[str, Any]:
    return {
        "framework": story["adapter"],
        "cell": story["cell"],
        "outcomes": [None if rank == ABSENT else BY_RANK[int(rank)].name for rank in story["ranks"]],
        "moves": [MOVES[move] for move in story["moves"]],
    }
