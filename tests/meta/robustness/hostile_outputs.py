"""Runs that say hostile texts wherever their words are free, and what any output of them may hold."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from unittest.mock import patch
from xml.etree import ElementTree as ET

from hypothesis import strategies as st

from logitproof_reference.vocabulary.judgement import Judgement
from logitproof_reports.runs.run_file import Run, table_of, write_run
from meta.reports.synthetic_runs import HOSTILE
from meta.robustness.commands_in_process import command
from meta.robustness.damaged_runs import DIALECTS, LEDGER, sound_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hypothesis.strategies import SearchStrategy

PIECES = (
    *HOSTILE,
    *(
        "\x1b[31m",
        "\x1b]8;;https://example.org\x07",
        "\x9b2J",
        "\r",
        "\n",
        "\n::error::x",
        "##[command]",
        "\b\b",
        "\0",
        "\x7f",
    ),
    *(
        "\u202e",
        "\u2028",
        "\u2029",
        "\ufeff",
        "\ufffe",
        "\ud800",
        "\udcff",
        "\U000e0041",
        "\u200b",
        "a\u0301" * 9,
        "\U0001f600",
    ),
    *(
        "</script><script>alert(1)</script>",
        "<svg onload=alert(1)>",
        "javascript:alert(1)",
        "]]>",
        "-->",
        "<!--",
        "&#x3c;",
    ),
    *(
        "{{ 7 * 7 }}",
        "{% raw %}",
        "${{ secrets.X }}",
        "$(id)",
        "`id`",
        "=cmd|'/c calc'!A0",
        "+1",
        "@SUM(1)",
        "%00",
        "../../x",
    ),
    *(
        "|",
        "\\|",
        "[a](javascript:alert(1))",
        "![a](https://example.org/x.png)",
        "@everyone",
        "</details>",
        "# h",
        "***",
        "~~~",
    ),
    *(
        "[red]",
        "[/]",
        "[link=https://example.org]",
        ":smile:",
        '"',
        "'",
        "\\",
        "\\u003c",
        " " * 300,
        "x" * 3_000,
        "NaN",
        "__proto__",
    ),
)
"""What an output could obey, alone or one after another."""


def texts() -> SearchStrategy[str]:
    """Return a strategy of texts."""
    return st.lists(st.sampled_from(PIECES) | st.text(max_size=9), min_size=1, max_size=6).map("".join)


def run_saying(text: str) -> Run:
    """Return a run that says a text wherever its words are free."""
    free = (
        "adapter",
        "cell",
        "regime",
        "options",
        "entry",
        "producer",
        "repro",
        "deviation",
        "accuracy_class",
    )
    short = text[:2_000]
    first, *others = (Judgement(**record) for record in sound_run().table.to_pylist())
    wrong = replace(first, **dict.fromkeys(free, short), reason=text)
    made = [wrong, replace(wrong, deviation="", clause="GRD-1"), replace(wrong, verdict="crashed", clause="GRD-2")]
    made += [replace(wrong, verdict="unsupported", clause="", deviation=""), replace(first, reason=text), *others]
    ledger = [{**LEDGER[0], "id": short, "reason": short, "upstream": short, "conditions": {short: True}}]
    dialects = [{**DIALECTS[0], "documentation": f"https://{short}", "function": short, "words": {"takes": short}}]
    about = {"framework": {"framework": short, "version": short, "build": {short: short}}}
    environment = {
        **sound_run().environments[0],
        **about,
        "ledger": ledger,
        "dialects": dialects,
        "cpu": short,
        short: [short],
    }
    return replace(sound_run(), table=table_of(made), environments=[environment])


FILES = ("--junit", "j.xml", "--summary", "s.md", "--sarif", "f.json", "--badge", "b.svg")


def faults_of(text: str, folder: Path) -> Iterator[str]:
    """Yield what is wrong with what any command makes of a run that says a text."""
    write_run(folder / "old.parquet", sound_run())
    write_run(folder / "new.parquet", run_saying(text))
    job = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(folder / "job.md")}
    with patch.dict(os.environ, job):
        ended = [
            command(*words, folder=folder)
            for words in (
                ("report", "new.parquet", "-o", "page.html", *FILES),
                ("findings", "new.parquet"),
                ("findings", "new.parquet", "--full"),
                ("findings", "new.parquet", "--markdown"),
                ("findings", "new.parquet", "--json"),
                ("diff", "old.parquet", "new.parquet", "-o", "d.html", "--json", "d.json", "--summary", "d.md"),
                ("history", ".", "-o", "h.html"),
                ("history", ".", "--json"),
                ("merge", "new.parquet", "-o", "again.parquet"),
                ("explain", text[:100].lstrip("-") or "a", "--run", "new.parquet"),
            )
        ]
    for one, due in zip(ended, (1, 1, 1, 1, 1, 1, 0, 0, 0, 2), strict=True):
        if one.fault or one.status != due:
            yield f"{one.arguments[0]}: {one.fault or one.status}"
        if one.arguments[0] != "diff" and re.search(r"^\s*::|##\[", one.out, flags=re.MULTILINE):
            yield f"{one.arguments[0]}: orders the job's runner about"
    yield from _faults_of_data({"findings": ended[4].out, "history": ended[7].out}, folder)
    yield from _faults_of_pages(folder)


def _faults_of_data(printed: dict[str, str], folder: Path) -> Iterator[str]:
    written = {file: (folder / file).read_text(encoding="utf-8") for file in ("f.json", "d.json")}
    for name, data in (printed | written).items():
        with suppress(ValueError):
            json.loads(data)
            continue
        yield f"{name}: no JSON"
    for drawing in ("j.xml", "b.svg"):
        with suppress(ET.ParseError):
            ET.fromstring((folder / drawing).read_text(encoding="utf-8"))  # noqa: S314  our own
            continue
        yield f"{drawing}: no XML"


def _faults_of_pages(folder: Path) -> Iterator[str]:
    for page in ("page.html", "d.html", "h.html", "s.md", "job.md", "d.md"):
        text = (folder / page).read_text(encoding="utf-8")
        found = re.search(r"<script>(?:window|alert)|<img|<svg onload|<iframe", text)
        if found:
            yield f"{page}: {found[0]}"
