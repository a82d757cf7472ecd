"""When and by what a run was made: recorded, read back, validated, shown; equal judgements stay equal."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pyarrow.parquet as pq
import pytest

from logitproof.matrix.run import run as run_matrix
from logitproof_reports.counting.provenance import making_of, sentence_of
from logitproof_reports.diff.compare import diff
from logitproof_reports.exports.junit import junit
from logitproof_reports.exports.summary import markdown, sentences
from logitproof_reports.report.build import page_of
from logitproof_reports.runs.folder import runs_within
from logitproof_reports.runs.origin import Origin, commit_of, origin_now
from logitproof_reports.runs.run_file import RunFileError, merge, read_run, write_run
from logitproof_reports.runs.schema import cells_of
from meta.reports.synthetic_runs import run_of

if TYPE_CHECKING:
    from pathlib import Path

    from logitproof_reports.runs.schema import Run

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TORCH = Origin(("torch",), "2026-01-31T12:00:00Z", 58.25, "logitproof run -o torch.parquet", f"{COMMIT}-dirty")
JAX = Origin(("jax",), "2026-01-31T12:02:00Z", 61.0, "logitproof run -o jax.parquet", COMMIT)


def made(origin: Origin = TORCH) -> Run:
    run = run_of(*origin.adapters)
    return replace(run, origins=(origin,), seconds=dict.fromkeys(cells_of(run.table), 0.5))


def test_what_is_recorded_is_read_back_and_merged(tmp_path: Path) -> None:
    for origin in (TORCH, JAX):
        write_run(tmp_path / f"{origin.adapters[0]}.parquet", made(origin))
    torch, jax = (read_run(tmp_path / f"{name}.parquet") for name in ("torch", "jax"))
    assert torch.origins == (TORCH,)
    assert torch.seconds == made().seconds
    both = merge([torch, jax])
    assert both.origins == (TORCH, JAX)
    assert both.seconds == torch.seconds | jax.seconds
    write_run(tmp_path / "both.parquet", both)
    assert read_run(tmp_path / "both.parquet").seconds == both.seconds


def test_a_file_of_an_earlier_release_has_none(tmp_path: Path) -> None:
    write_run(tmp_path / "old.parquet", run_of("torch"))
    stored = pq.read_schema(tmp_path / "old.parquet").metadata
    assert not [name for name in stored if name in {b"logitproof.origins", b"logitproof.cell_seconds"}]
    old = read_run(tmp_path / "old.parquet")
    assert (old.origins, old.seconds, sentence_of(old)) == ((), {}, "")
    assert "date" not in dict(making_of(old))
    root = ET.fromstring(junit(old))  # noqa: S314  our own
    assert root.get("time") is None
    assert root.find(".//testcase[@time]") is None


@pytest.mark.parametrize(
    ("fact", "value", "why"),
    [
        ("origins", "{}", "origins is not a list"),
        ("origins", "[" * 30, "no JSON"),
        ("origins", json.dumps([{**TORCH.as_json(), "started": "yesterday"}]), "is not a time such as"),
        ("origins", json.dumps([{**TORCH.as_json(), "seconds": -1}]), "is not a number of seconds"),
        ("origins", json.dumps([{**TORCH.as_json(), "commit": "main"}]), "is not a commit of git"),
        ("origins", json.dumps([{**TORCH.as_json(), "command": "x" * 5_000}]), "is not a command line"),
        ("origins", json.dumps([{"adapters": ["torch"]}]), "an origin without one of its facts"),
        ("cell_seconds", "[1, 2]", "no number for each cell"),
        ("cell_seconds", '["soon"]', "no number for each cell"),
        ("cell_seconds", "NaN", "no number for each cell"),
        ("origins", json.dumps([JAX.as_json()]), "altered"),
    ],
)
def test_what_is_none_is_refused_in_one_line(tmp_path: Path, fact: str, value: str, why: str) -> None:
    path = tmp_path / "run.parquet"
    write_run(path, made())
    table = pq.read_table(path)
    metadata = {**table.schema.metadata, f"logitproof.{fact}".encode(): value.encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    with pytest.raises(RunFileError, match=why) as refused:
        read_run(path)
    assert "\n" not in str(refused.value)


def test_a_run_records_it_and_its_judgements_do_not_depend_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    few = {"select": "softmax and value and float32 and typical", "evaluators": 1}
    first, again = (run_matrix(["numpy"], output=name, **few) for name in ("a.parquet", "b.parquet"))  # type: ignore[arg-type]
    (origin,) = first.origins
    assert origin.adapters == ("numpy",)
    assert origin.commit == ""
    assert first.seconds.keys() == set(cells_of(first.table))
    assert 0 < sum(first.seconds.values()) <= origin.seconds + 0.001 * len(first.seconds)
    assert repr(first.table.to_pylist()) == repr(again.table.to_pylist())
    found = diff(first, again)
    assert {change.name for change, _ in found.by_class()} <= {"identical", "not offered"}


def test_a_commit_is_marked_where_files_differ(tmp_path: Path) -> None:
    program = shutil.which("git") or pytest.skip("needs git")
    author = ["-c", "user.name=me", "-c", "user.email=me@example.org"]

    def git(*words: str) -> None:
        subprocess.run([program, "-C", str(tmp_path), *author, *words], check=True, capture_output=True)

    assert commit_of(tmp_path / "nowhere") == ""
    git("init", "-q")
    (tmp_path / "model.py").write_text("1")
    git("add", ".")
    git("commit", "-qm", "first")
    clean = commit_of(tmp_path)
    assert len(clean) == 40
    (tmp_path / "model.py").write_text("2")
    assert commit_of(tmp_path) == f"{clean}-dirty"


def test_no_secret_and_no_home_is_recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "sys.argv", ["/opt/logitproof/__main__.py", "run", "https://u:pw@x.org", "/home/me/run.parquet"]
    )
    assert origin_now(["torch"]).command == "logitproof run https://***@x.org ~/run.parquet"
    monkeypatch.setattr("sys.argv", ["logitproof", "run", "-o", "\udcff.parquet"])
    assert origin_now(["torch"]).command == "logitproof run -o '\\udcff.parquet'"
    monkeypatch.setattr("sys.argv", ["-c"])
    assert origin_now(["torch"]).command == "python"


def test_it_is_told_on_the_page_in_the_summary_and_in_junit() -> None:
    both = merge([made(TORCH), made(JAX)])
    facts = {fact.name: fact.value for fact in page_of(both).facts}
    assert facts["date"] == "2026-01-31 12:00 to 12:02 UTC"
    assert facts["duration"] == "1 min 59 s, the sum of 2 runs"
    assert facts["command"] == "differs between the runs, see Environment"
    assert facts["commit"] == "differs between the runs, see Environment"
    partly = dict(making_of(merge([made(TORCH), run_of("jax")])))
    assert partly["date"] == "2026-01-31 12:00 UTC; not recorded for 1 other framework"
    cards = {card.title: dict((fact.name, fact.value) for fact in card.facts) for card in page_of(both).environments}  # noqa: C402
    assert cards["jax 0.10.2"]["command"] == JAX.command
    assert cards["torch 2.13.0"]["commit"] == "0123456789ab with modified files"
    assert sentences(made())[-1].startswith(
        "Made 2026-01-31 12:00 UTC in 58 s; command logitproof run -o torch.parquet"
    )
    assert "2026-01-31" in markdown(made())
    root = ET.fromstring(junit(both))  # noqa: S314  our own
    suites = {suite.get("name"): suite for suite in root}
    assert suites["torch"].get("timestamp") == "2026-01-31T12:00:00"
    for suite in root:
        cases = sum(float(case.get("time", "nan")) for case in suite.iter("testcase"))
        assert float(suite.get("time", "nan")) == pytest.approx(cases, abs=0.01)
    assert float(root.get("time", "nan")) == pytest.approx(sum(both.seconds.values()), abs=0.01)
    properties = {one.get("name"): one.get("value") for one in suites["jax"].iter("property")}
    assert properties["duration"] == "1 min 59 s, the sum of 2 runs"


def test_a_history_goes_by_when_a_run_was_made(tmp_path: Path) -> None:
    write_run(tmp_path / "run.parquet", made())
    ((stored,), _) = runs_within(tmp_path)
    assert stored.written == 1769860800.0
