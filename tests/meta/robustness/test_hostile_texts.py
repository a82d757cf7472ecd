"""Text from outside is text: whatever a run, a name or an error says, every output shows it and none obeys it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from logitproof.output import shown
from meta.reports.synthetic_runs import HOSTILE
from meta.robustness.hostile_outputs import faults_of

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


@pytest.mark.parametrize("name", TEXTS)
def test_every_output_shows_a_text_and_obeys_none(name: str, tmp_path: Path) -> None:
    assert not list(faults_of(TEXTS[name], tmp_path))


def test_a_runner_takes_no_command_from_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a ::b\n  ::error::c\n##[group]"
    assert shown(text) == text
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert shown(text) == "a ::b\n  \\x3a:error::c\n\\x23#[group]"
