"""What CI reads of a run: JUnit XML, SARIF and a badge say what the page says, whatever the names hold."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pyarrow as pa
import pytest

from logitproof.commands.command_line import main
from logitproof.readers.wandb_run import COLUMNS, FINDING_COLUMNS, finding_rows, metrics, rows, track
from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reports.counting.run_table import prepare
from logitproof_reports.exports.badge import badge
from logitproof_reports.exports.junit import junit
from logitproof_reports.exports.sarif import _rule, sarif
from logitproof_reports.runs.run_file import write_run
from meta.reports.synthetic_runs import green, hostile, three_frameworks

if TYPE_CHECKING:
    from pathlib import Path


def test_junit_counts_what_the_run_holds() -> None:
    run = three_frameworks()
    root = ET.fromstring(junit(run))  # noqa: S314  our own
    assert [suite.get("name") for suite in root] == ["jax", "tensorflow", "torch"]
    assert len(root.findall(".//testcase")) == run.table.num_rows
    assert len(root.findall(".//failure")) == sum(int(str(suite.get("failures"))) for suite in root) == 10
    assert len(root.findall(".//error")) == sum(int(str(suite.get("errors"))) for suite in root) == 4
    skipped = [str(one.get("message")) for one in root.findall(".//skipped")]
    assert len(skipped) == sum(int(str(suite.get("skipped"))) for suite in root) == 3 + 8
    assert sum(one.startswith("known deviation tf-masked-label-gradient: ") for one in skipped) == 8
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped")] == [
        str(number) for number in (run.table.num_rows, 10, 4, 11)
    ]
    failure = root.find(".//failure")
    assert failure is not None
    assert str(failure.get("message")).startswith("A logit of +inf")
    assert "import jax" in str(failure.text)


def test_a_known_deviation_is_skipped_with_its_reason() -> None:
    skipped = ET.fromstring(junit(three_frameworks())).findall(".//skipped")  # noqa: S314
    assert sum(note.get("message", "").startswith("known deviation ") for note in skipped) == 8


@pytest.mark.parametrize("make", [junit, badge])
def test_xml_stays_whole_under_hostile_names(make: object) -> None:
    assert callable(make)
    ET.fromstring(make(hostile()))  # noqa: S314


def test_sarif_names_rule_level_and_cell() -> None:
    made = json.loads(sarif(three_frameworks(), "runs/all.parquet"))
    (run,) = made["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in run["results"]} <= rules
    assert {result["level"] for result in run["results"]} == {"error", "note"}
    place = run["results"][0]["locations"][0]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "runs/all.parquet"
    assert place["logicalLocations"][0]["fullyQualifiedName"].startswith("torch-compiled-softmax")
    known = [result for result in run["results"] if "suppressions" in result]
    assert {result["level"] for result in known} == {"note"}
    (justified,) = {result["suppressions"][0]["justification"] for result in known}
    assert justified.startswith("Ledger entry tf-masked-label-gradient: the gradient multiplies 0 by infinity")
    assert json.loads(sarif(green()))["runs"][0]["results"] == []
    json.loads(sarif(hostile()))


def test_a_rule_leads_to_the_source_of_its_clause() -> None:
    rules = [_rule(id_) for id_ in CLAUSES]
    linked = [rule for rule in rules if "helpUri" in rule]
    assert len(linked) > 30
    for rule in linked:
        assert rule["helpUri"].startswith("http")
        assert f"<{rule['helpUri']}>" in rule["help"]["markdown"]
        assert rule["helpUri"] in CLAUSES[rule["id"]].source
    assert "helpUri" not in _rule("NEW-1")


def test_the_badge_tells_the_verdict_in_words() -> None:
    assert "torch 2.13.0" in badge(green())
    assert "✓ conforms" in badge(green())
    assert "14 new failures" in badge(three_frameworks())
    known = [one for one in three_frameworks().table.to_pylist() if one["verdict"] == "conforms" or one["deviation"]]
    table = pa.Table.from_pylist(known, schema=three_frameworks().table.schema)
    assert "≈ 8 known deviations" in badge(replace(three_frameworks(), table=table))
    assert "not finished" in badge(hostile())


def test_what_wandb_gets_is_finite_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = three_frameworks()
    judged = prepare(run)
    found = metrics(judged)
    assert found["jax/EXT/new"] == 10
    assert found["tensorflow/EXT/known"] == 8
    assert all(math.isfinite(number) for number in found.values())
    logged = [dict(zip(COLUMNS, row, strict=True)) for row in rows(judged)]
    assert {row["outcome"] for row in logged} >= {"deviates", "known deviation", "conforms"}
    assert {row["error / bound"] for row in logged if row["slack"] is None} == {"", "∞"}
    json.dumps(logged, allow_nan=False)
    told = [dict(zip(FINDING_COLUMNS, row, strict=True)) for row in finding_rows(judged)]
    assert (told[0]["outcome"], told[0]["framework"], told[0]["version"]) == ("crashed", "torch", "2.13.0")
    assert sum(row["judgements"] for row in told) == sum(
        row["outcome"] != "conforms" for row in logged if row["outcome"] != "not offered"
    )
    assert all(row["cause"] and row["severity"] for row in told if row["outcome"] == "known deviation")
    pytest.importorskip("wandb").teardown()  # which reads the environment again
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    (tmp_path / "page.html").write_text("<p>page</p>", encoding="utf-8")
    track(run, tmp_path / "page.html")
    (kept,) = tmp_path.glob("wandb/offline-run-*")
    tables = {path.name.split("_")[0]: json.loads(path.read_text("utf-8")) for path in kept.rglob("*.table.json")}
    assert len(tables["judgements"]["data"]) == run.table.num_rows
    assert tables["findings"]["columns"] == list(FINDING_COLUMNS)
    (log,) = kept.glob("*.wandb")
    content = log.read_bytes()
    assert all(word in content for word in (b"jax 0.10.2", b"version/jax", b"run.parquet", b"report.html"))


def test_the_command_writes_each_where_it_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "run.parquet", three_frameworks())
    asked = {"--junit": "j.xml", "--summary": "s.md", "--sarif": "f.sarif", "--badge": "b.svg", "-o": "r.html"}
    places = [word for option, name in asked.items() for word in (option, str(tmp_path / name))]
    assert main(["report", str(tmp_path / "run.parquet"), *places]) == 1
    assert all((tmp_path / name).stat().st_size > 100 for name in asked.values())
    assert "## Logitproof" in (tmp_path / "s.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out.strip().endswith("r.html")
