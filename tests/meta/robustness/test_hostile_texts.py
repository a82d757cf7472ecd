"""Text from outside is text: whatever a run, a name or an error says, every output shows it and none obeys it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from logitproof.streams import shown
from logitproof_reference.vocabulary.judgement import Judgement
from logitproof_reports.runs.run_file import Run, table_of, write_run
from meta.reports.synthetic_runs import HOSTILE
from meta.robustness.commands_in_process import command
from meta.robustness.damaged_runs import DIALECTS, LEDGER, sound_run

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = {
    "of a page": " ".join([*HOSTILE, "{% include 'x' %}", "[x](https://example.org) ![y](z) `a` @everyone </details>"]),
    "of a terminal": "\x1b]0;title\x07\x1b[2J\x1b[1;1H\r\x08 \x9b31m\x85\x7f [bold red]x[/] [link=https://example.org]y[/link]",
    "of a file": "\ufffe\uffff\x00 a\udcff\ud800 \u2028\u2029\x0b\x0c\x1c\x1e =HYPERLINK(1)",
    "of a job": "a\n::set-env name=x::y\n  ::error::z\n##[group]x",
    "long": "a\x1b" * 20_000,
}
"""What each output could obey."""


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


@pytest.mark.parametrize("name", TEXTS)
def test_every_output_shows_a_text_and_obeys_none(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "job.md"))
    write_run(tmp_path / "old.parquet", sound_run())
    write_run(tmp_path / "new.parquet", run_saying(TEXTS[name]))
    files = ("--junit", "j.xml", "--summary", "s.md", "--sarif", "f.json", "--badge", "b.svg")
    ended = [
        command("report", "new.parquet", "-o", "page.html", *files, folder=tmp_path),
        command("findings", "new.parquet", folder=tmp_path),
        command("findings", "new.parquet", "--markdown", folder=tmp_path),
        command("findings", "new.parquet", "--json", folder=tmp_path),
        command("diff", "old.parquet", "new.parquet", "-o", "d.html", "--json", "d.json", folder=tmp_path),
        command("history", ".", "-o", "h.html", folder=tmp_path),
        command("history", ".", "--json", folder=tmp_path),
        command("merge", "new.parquet", "-o", "again.parquet", folder=tmp_path),
        command("explain", TEXTS[name][:100], "--run", "new.parquet", folder=tmp_path),
    ]
    assert [(one.fault, one.status) for one in ended] == [("", status) for status in (1, 1, 1, 1, 1, 0, 0, 0, 2)]
    for one in (one for one in ended if one.arguments[0] != "diff"):
        assert not re.search(r"^\s*::|##\[", one.out, flags=re.MULTILINE)
    for data in (ended[3].out, ended[6].out, *((tmp_path / file).read_text() for file in ("f.json", "d.json"))):
        json.loads(data)
    for drawing in ("j.xml", "b.svg"):
        ET.fromstring((tmp_path / drawing).read_text())  # noqa: S314  our own
    for page in ("page.html", "d.html", "h.html", "s.md", "job.md"):
        text = (tmp_path / page).read_text(encoding="utf-8")
        assert "<script>window" not in text
        assert "<img" not in text


def test_a_runner_takes_no_command_from_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a ::b\n  ::error::c\n##[group]"
    assert shown(text) == text
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert shown(text) == "a ::b\n  \\x3a:error::c\n\\x23#[group]"
