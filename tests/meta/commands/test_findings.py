"""Findings are told once each, the most severe first, from the ledgers and from runs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from logitproof.commands.command_line import main
from logitproof.errors import EXPECTED, UNEXPECTED, USAGE
from logitproof.readers.findings import UPSTREAM_STATUSES, findings_of_ledgers, findings_of_run
from logitproof.readers.findings_text import SCREEN
from logitproof_adapters.catalogue import ledger, registry
from logitproof_reference.vocabulary.judgement import Judgement
from logitproof_reference.vocabulary.severity import EFFECTS, MOST_SEVERE_FIRST
from logitproof_reports.runs.run_file import write_run
from logitproof_reports.runs.schema import Run, table_of

if TYPE_CHECKING:
    from pathlib import Path

LOSS = {"op": "softmax_cross_entropy", "labels": "indices", "quantity": "value", "format": "float32", "axis": "last"}


def judgement(clause: str, observed: str, deviation: str = "", **others: object) -> Judgement:
    words = {
        "cell": f"torch-{clause}",
        "adapter": "torch",
        "mode": "eager",
        "layout": "contiguous",
        "regime": "typical",
    }
    values = {"grade": "MUST", "verdict": "deviates", "exact": "0x1.0p+0", "observed": observed, "reason": "off"}
    return Judgement(**LOSS | words | values | others, clause=clause, deviation=deviation)  # type: ignore[arg-type]  # one dict for fields of several types


def run_of(*judgements: Judgement) -> Run:
    entries = [
        {"id": name, "clause": "", "reason": reason, "upstream": upstream, "applies": True}
        for name, reason, upstream in (
            ("tail", "It rounds.", "https://example.org/page"),
            ("tail-2", "It rounds.", "https://example.org/page"),
            ("masked", "0 * -inf.", "https://github.com/example/example/issues/1"),
        )
    ]
    environment = {"framework": {"framework": "PyTorch", "version": "2.13.0"}, "ledger": entries}
    return Run(table_of(judgements), [environment], "quick", "digest")


def test_the_ledgers_findings_come_gravest_first_and_leave_no_entry_out() -> None:
    found = findings_of_ledgers()
    ranks = [MOST_SEVERE_FIRST.index(one.effect) for one in found]
    assert ranks == sorted(ranks)
    told = sorted((one.framework, name) for one in found for name in one.entries)
    assert told == sorted((name, entry.id) for name in registry.known() for entry in ledger.load(name).deviations)


@pytest.mark.parametrize("name", registry.known())
def test_every_entry_is_backed_by_a_thread_a_page_or_a_text(name: str) -> None:
    for entry in ledger.load(name).deviations:
        if entry.upstream.startswith(ledger.REPORTS):
            assert ledger.report_file(entry.upstream), f"{entry.id}: {entry.upstream} is not there"
        else:  # a file of a repository moves, and says nothing of what its makers know
            assert not re.search("/(blob|tree|raw)/", entry.upstream), f"{entry.id}: {entry.upstream}"


@pytest.mark.parametrize("text", ledger.report_files(), ids=lambda path: path.stem)
def test_every_text_is_ready_to_file(text: Path) -> None:
    told = text.read_text("utf-8")
    assert told.startswith("# ")
    parts = ("**Versions**: ", "**Severity**: ", "## Expected", "## Observed", "## Reproduce", "```python")
    assert [part for part in parts if part not in told] == []


def test_entries_of_one_reason_are_one_finding_with_all_their_clauses() -> None:
    (clipped,) = (one for one in findings_of_ledgers(["paddle"]) if "clips x - max(x) at -64" in one.reason)
    assert len(clipped.entries) > 1
    assert {"VAL-1", "GRD-1", "EXT-7"} <= set(clipped.clauses)


def test_a_run_tells_the_unexpected_before_the_known_of_one_effect() -> None:
    found = findings_of_run(
        run_of(
            judgement("EXT-2", "nan", "masked"),
            judgement("VAL-1", "0x1.001p+0", "tail", slack=2.0),
            judgement("GRD-1", "0x1.002p+0", "tail-2", slack=3.0),
            judgement("EXT-7", "inf", slack=float("inf")),
            judgement("LAW-1", "0x1.0p+0", verdict="concern"),
        )
    )
    assert [(one.effect, one.upstream_status, one.entries) for one in found] == [
        ("not-finite", "unexpected", ()),
        ("not-finite", "reported", ("masked",)),
        ("inaccurate", "documented", ("tail", "tail-2")),
    ]
    tail = found[-1]
    assert (tail.judgements, tail.slack, tail.worst) == (2, 3.0, "torch-GRD-1/typical")
    assert tail.versions == "2.13.0"


def test_the_gravest_judgement_gives_a_finding_its_effect() -> None:
    (found,) = findings_of_run(
        run_of(judgement("VAL-1", "0x1.001p+0", "tail", slack=9.0), judgement("VAL-1", "nan", "tail-2", regime="nan"))
    )
    assert found.effect == "not-finite"


@pytest.mark.parametrize(
    ("upstream", "upstream_status"),
    [
        ("https://github.com/pytorch/pytorch/issues/1", "reported"),
        ("https://github.com/pytorch/pytorch/pull/1", "reported"),
        ("https://docs.pytorch.org/docs/stable/index.html", "documented"),
        ("https://github.com/pytorch/pytorch/blob/main/issues/1", "documented"),
        ("reports/findings/torch.md", "to report"),
    ],
)
def test_the_upstream_tells_what_the_makers_know(upstream: str, upstream_status: str) -> None:
    assert ledger.upstream_status_of(upstream) == upstream_status
    assert upstream_status in UPSTREAM_STATUSES


def test_the_command_line_lists_a_framework_in_three_forms(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["findings", "--framework", "sklearn"]) == EXPECTED
    assert "log_loss" in capsys.readouterr().out
    assert main(["findings", "--framework", "sklearn", "--json"]) == EXPECTED
    assert {found["framework"] for found in json.loads(capsys.readouterr().out)} == {"sklearn"}
    assert main(["findings", "--framework", "sklearn", "--markdown"]) == EXPECTED
    assert "| sklearn" in capsys.readouterr().out


def test_a_screen_is_printed_unless_more_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    found = findings_of_ledgers()
    assert main(["findings"]) == EXPECTED
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) <= 24
    assert printed[2].startswith(found[0].effect)
    assert f"{len(found) - SCREEN} more; --full" in printed[-1]
    assert main(["findings", "--full"]) == EXPECTED
    assert len(capsys.readouterr().out.splitlines()) > len(found)


def test_the_help_says_what_severity_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["findings", "--help"]) == EXPECTED
    told = capsys.readouterr().out
    assert all(f"{effect:<11} {meaning}" in told for effect, meaning in EFFECTS.items())


def test_a_framework_without_deviations_has_no_findings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["findings", "--framework", "numpy"]) == EXPECTED
    assert capsys.readouterr().out.strip() == "No findings."


def test_a_run_with_unexpected_findings_ends_as_the_run_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "red.parquet", run_of(judgement("EXT-7", "inf")))
    assert main(["findings", str(tmp_path / "red.parquet")]) == UNEXPECTED
    assert "unexpected" in capsys.readouterr().out
    write_run(tmp_path / "green.parquet", run_of(judgement("EXT-2", "nan", "masked")))
    assert main(["findings", str(tmp_path / "green.parquet")]) == EXPECTED


def test_a_text_to_file_is_printed_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["findings", "--text", "mlx-log-softmax-one-class"]) == EXPECTED
    assert "## Reproduce" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--framework", "troch"], 'did you mean "torch"?'),
        (["no.parquet"], "no.parquet"),
        (["--text", "nothing"], 'there is no bug report "nothing"; logitproof findings lists all '),
        (["--text", "torch-logsumexp-gradent"], 'did you mean "torch-logsumexp-gradient"?'),
        (["RED", "--framework", "jax"], 'the run does not contain "jax"; it contains torch'),
    ],
)
def test_bad_input_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    write_run(tmp_path / "red.parquet", run_of(judgement("EXT-7", "inf")))
    given = [str(tmp_path / "red.parquet") if word == "RED" else word for word in arguments]
    assert main(["findings", *given]) == USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert complaint in line
