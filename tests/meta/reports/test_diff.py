"""A diff judges against the truth: each kind of change has its class, and what did not change has none."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from logitproof.commands.command_line import main
from logitproof_reports.diff.classes import CLASSES
from logitproof_reports.diff.compare import diff
from logitproof_reports.diff.ruling import LEVELS, rule
from logitproof_reports.diff.to_json import as_json
from logitproof_reports.diff.to_markdown import diff_markdown
from logitproof_reports.diff.verdict import LINES, verdict_lines
from logitproof_reports.diff.write import write_diff_page
from logitproof_reports.runs.run_file import write_run
from logitproof_reports.words.terms import clause_title
from meta.reports.synthetic_runs import (
    QUESTIONS,
    VERSIONS,
    hostile,
    hundred_thousand,
    judgement,
    run_of,
    three_frameworks,
)

if TYPE_CHECKING:
    from pathlib import Path

    from logitproof_reference.vocabulary.judgement import Judgement
    from logitproof_reports.diff.compare import Diff
    from logitproof_reports.runs.run_file import Run

NAN = float("nan")
BASE = replace(judgement("torch", "eager", "float32", QUESTIONS[0], "typical"), slack=0.5, ulps=2.0)
OTHER = replace(judgement("torch", "eager", "float32", QUESTIONS[1], "typical"), slack=0.5, ulps=2.0)
CONCERN = replace(BASE, clause="VAL-2", grade="SHOULD")
TWICE = replace(BASE, clause="LAW-5", grade="SHOULD", regime="repeated_call", slack=NAN, ulps=NAN)
ERROR = replace(BASE, clause="ERR-1", slack=NAN, ulps=NAN, digest="", observed="", reason="ValueError: no such label")
REFUSED = replace(BASE, verdict="unsupported", regime="all", clause="VAL-1", reason="not offered", digest="")


def moved(base: Judgement, **changes: Any) -> Judgement:
    """Return a judgement whose bits differ too."""
    return replace(base, digest="feed" * 4, **changes)


CHANGES: dict[str, tuple[list[Judgement], list[Judgement]]] = {
    "newly crashing": ([BASE], [replace(BASE, verdict="crashed", reason="RuntimeError: no", digest="")]),
    "newly failing": ([BASE], [moved(BASE, verdict="deviates", slack=9.0)]),
    "no longer supported": ([BASE], [REFUSED]),
    "newly non-deterministic": ([TWICE], [moved(TWICE, verdict="concern")]),
    "regressed": ([CONCERN], [moved(CONCERN, verdict="concern", slack=3.0)]),
    "class changed": ([ERROR], [replace(ERROR, reason="IndexError: no such label")]),
    "fixed": ([moved(BASE, verdict="deviates", slack=9.0)], [BASE]),
    "improved": ([moved(CONCERN, verdict="concern", slack=3.0)], [CONCERN]),
    "newly supported": ([REFUSED], [BASE]),
    "moved within the bound": ([BASE], [moved(BASE, slack=0.9)]),
    "bits changed": ([BASE], [moved(BASE)]),
    "identical": ([BASE], [BASE]),
}


@pytest.fixture(autouse=True)
def no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


def compared(before: list[Judgement], after: list[Judgement], **repeats: Any) -> Diff:
    return diff(run_of("torch", OTHER, *before), run_of("torch", OTHER, *after), **repeats)


@pytest.mark.parametrize("name", CHANGES)
def test_each_kind_of_change_has_its_class(name: str) -> None:
    found = {change.name: number for change, number in compared(*CHANGES[name]).by_class()}
    assert found.pop("identical") == 1 + (name == "identical")
    assert found.pop("accompanying", 0) == (1 if name.endswith("supported") else 0)
    assert found == ({} if name == "identical" else {name: 1})


@pytest.mark.parametrize("slack", [6.0, 12.1, float("inf")])
def test_outside_its_bound_an_error_has_regressed_when_it_doubles(slack: float) -> None:
    before = [moved(BASE, verdict="deviates", slack=6.0)]
    found = compared(before, [replace(BASE, verdict="deviates", slack=slack)])
    assert found.count("regressed") == (slack > 12)


def test_an_answer_that_became_nan_fails_once_though_its_clauses_change() -> None:
    nan = moved(BASE, clause="EXT-7", verdict="deviates", slack=float("inf"), observed="nan")
    found = compared([BASE, CONCERN], [nan])
    assert (found.count("newly failing"), found.count("accompanying")) == (1, 2)
    back = compared([nan], [BASE, CONCERN])
    assert (back.count("fixed"), back.count("accompanying")) == (1, 2)


def test_a_deviation_of_rows_that_crash_now_is_not_fixed() -> None:
    nan = moved(BASE, clause="EXT-7", verdict="deviates", slack=float("inf"))
    found = compared([nan, BASE], [replace(BASE, verdict="crashed")])
    assert (found.count("newly crashing"), found.count("fixed")) == (1, 0)


@pytest.mark.parametrize("verdict", ["concern", "deviates"])
def test_rows_that_crashed_have_not_regressed_by_what_they_answer_now(verdict: str) -> None:
    crashed = replace(BASE, clause="EXT-5", verdict="crashed", digest="", reason="ValueError: shapes")
    found = compared([crashed], [replace(BASE, clause="EXT-5"), moved(CONCERN, clause="EXT-6", verdict=verdict)])
    better = "fixed" if verdict == "concern" else "class changed"
    assert (found.count(better), found.count("accompanying")) == (1, 1)
    assert rule(found).safe


def test_rows_whose_answer_is_nan_instead_of_wrong_are_not_fixed() -> None:
    wrong = moved(BASE, verdict="deviates", slack=9.0)
    found = compared([wrong], [moved(BASE, clause="EXT-7", verdict="deviates", slack=float("inf"), observed="nan")])
    assert (found.count("newly failing"), found.count("fixed")) == (1, 0)


@pytest.mark.parametrize("verdict", ["conforms", "deviates"])
def test_rows_that_break_another_must_are_neither_fixed_nor_improved(verdict: str) -> None:
    wrong = moved(BASE, verdict="deviates", slack=9.0)
    infinite = replace(BASE, clause="EXT-7", verdict="deviates", slack=float("inf"), observed="-inf")
    now = replace(BASE, verdict=verdict, slack=2.0 if verdict == "deviates" else 0.5)
    found = compared([wrong, replace(BASE, clause="EXT-7")], [now, infinite])
    assert (found.count("fixed"), found.count("improved"), found.count("newly failing")) == (0, 0, 1)


def test_rows_that_broke_a_must_and_now_a_should_are_better() -> None:
    nan = moved(BASE, clause="EXT-7", verdict="deviates", slack=float("inf"), observed="nan")
    found = compared([nan], [BASE, moved(CONCERN, verdict="concern", slack=3.0)])
    assert (found.count("fixed"), found.count("regressed")) == (1, 0)


def test_a_cell_that_is_not_deterministic_moves_nothing() -> None:
    unsteady = replace(TWICE, verdict="concern")
    found = compared([BASE, unsteady], [moved(BASE), moved(unsteady)])
    assert (found.count("unsteady"), found.count("bits changed")) == (2, 0)


def test_what_differs_between_two_runs_of_one_release_is_noise() -> None:
    before, after = run_of("torch", OTHER, BASE), run_of("torch", OTHER, moved(BASE, verdict="deviates"))
    again = run_of("torch", OTHER, BASE)
    assert not rule(diff(before, after)).safe
    assert rule(diff(before, after, [(after, again)])).safe


def test_a_run_that_did_not_come_so_far_is_not_safe() -> None:
    cut = replace(run_of("torch", OTHER), complete=False)
    found = diff(run_of("torch", OTHER, BASE), cut)
    assert found.count("no longer judged") == 1
    assert not rule(found).safe
    assert "(incomplete: the " in verdict_lines(found, rule(found))[0]


def test_a_diff_of_nothing_is_not_safe() -> None:
    refused = run_of("torch", REFUSED)
    assert not rule(diff(refused, refused)).safe


@pytest.mark.parametrize("level", LEVELS)
def test_each_level_fails_what_it_names(level: str) -> None:
    failing = {name for name, sides in CHANGES.items() if not rule(compared(*sides), level).safe}
    assert failing == {change.name for change in CLASSES if change.word in LEVELS[level]} & set(CHANGES)


def distinctly_hostile() -> Run:
    """Return the hostile run with every judgement under a name of its own."""
    run = hostile()
    records = [{**record, "regime": f"{record['regime']} {n}"} for n, record in enumerate(run.table.to_pylist())]
    return replace(run, table=pa.Table.from_pylist(records, schema=run.table.schema))


@pytest.mark.parametrize("make", [three_frameworks, distinctly_hostile])
def test_a_run_against_itself_has_no_change(make: Any) -> None:
    run = make()
    found = diff(run, run)
    assert {change.name for change, _ in found.by_class()} <= {"identical", "not offered"}
    assert "moved" not in "".join(verdict_lines(found, rule(found)))


def spoiled(run: Run) -> Run:
    """Return a run in which much is otherwise than in `run`."""
    records = run.table.to_pylist()
    for number, record in enumerate(records):
        if number % 2:
            record["digest"] = f"{number:016x}"
            record["slack"] *= 1.1
        if number % 7 == 0:
            record["verdict"] = "deviates"
    return replace(run, table=pa.Table.from_pylist(records, schema=run.table.schema))


def test_the_verdict_takes_ten_lines_and_names_every_adapter_that_fails() -> None:
    run = three_frameworks()
    found = diff(run, spoiled(run))
    lines = verdict_lines(found, rule(found))
    assert len(lines) <= LINES
    assert all(any(line.startswith("newly failing") and name in line for line in lines) for name in VERSIONS)


def told_of(before: list[Judgement], after: list[Judgement]) -> list[str]:
    """Return the lines of a verdict below its first and above its last."""
    found = compared(before, after)
    return verdict_lines(found, rule(found))[1:-1]


def test_what_is_alike_is_told_in_one_line_with_a_count() -> None:
    questions = [question for question in QUESTIONS if question != QUESTIONS[1]]
    made = [judgement("torch", "eager", "float32", question, "typical") for question in questions]
    asked = [replace(one, clause="VAL-1", slack=0.5) for one in made]
    (line,) = told_of(asked, [moved(one, verdict="deviates", slack=9.0) for one in asked])
    assert line.startswith("newly failing: torch softmax_cross_entropy and softmax, grad_logits, value and grad_labels")
    assert "conforms, error / bound 0.5 -> deviates, error / bound 9; " in line
    assert f"in {len(asked)} cells (eager; float32; typical)" in line


def test_what_all_cells_of_a_line_share_and_others_do_not_is_told() -> None:
    before = [replace(BASE, cell=f"{BASE.cell}-axis={axis}", axis=axis) for axis in ("first", "middle")]
    after = [moved(one, verdict="deviates", slack=9.0) for one in before]
    (line,) = told_of(before, after)
    assert "in 2 cells (eager; float32; typical; axis first and middle)" in line
    (line,) = told_of([BASE, *before], [moved(BASE, verdict="deviates", slack=9.0), *after])
    assert "axis first" not in line


def test_a_class_leaves_a_line_for_every_class_after_it() -> None:
    clauses = [f"EXT-{number}" for number in range(1, 12)]
    sides = [BASE, replace(OTHER, regime="saturated")]
    before = [replace(one, clause=clause) for clause in clauses for one in sides]
    after = [moved(one, verdict="deviates", slack=9.0) for one in before]
    concern = replace(CONCERN, regime="saturated")
    lines = told_of([*before, moved(concern, verdict="concern", slack=3.0), REFUSED], [*after, concern])
    assert [line.partition(":")[0] for line in lines] == ["newly failing", "newly failing", "improved"]
    assert all(clause in line for clause in clauses for line in lines[:2])


@pytest.mark.parametrize(("was", "comes"), [(6e15, 2.0), (2.0, 6e15)])
def test_digits_won_or_lost_within_the_bound_are_told(was: float, comes: float) -> None:
    found = compared([replace(BASE, ulps=was)], [moved(BASE, ulps=comes, slack=0.4)])
    assert rule(found).safe
    (line,) = verdict_lines(found, rule(found))[1:-1]
    assert line.startswith("moved within the bound: torch softmax, VAL-1")
    assert not told_of([replace(BASE, ulps=2.0)], [moved(BASE, ulps=20.0, slack=0.4)])
    assert not told_of([replace(BASE, ulps=1e9)], [moved(BASE, ulps=1e15, slack=0.4)])


@pytest.mark.parametrize("exact", ["-0x1.0p-130", "-0x1.0p-120"])
def test_many_ulps_within_the_bound_are_told_as_allowed(exact: str) -> None:
    after = moved(BASE, ulps=6e15, slack=0.4, observed="0x0.0p+0", exact=exact)
    (line,) = told_of([replace(BASE, observed=exact, exact=exact)], [after])
    assert "the bound allows it" in line
    assert ("below the smallest normal number" in line) == (exact == "-0x1.0p-130")


def test_a_change_of_the_accuracy_class_names_both() -> None:
    before = replace(BASE, clause="VAL-3", grade="MAY", slack=NAN, ulps=NAN, accuracy_class="offset class", observed="")
    (line,) = told_of([before], [replace(before, accuracy_class="", digest="feed" * 4)])
    assert "accuracy class: offset class -> none" in line


def test_a_clause_is_titled_once_and_nothing_is_infinitely_far_off() -> None:
    title = clause_title("EXT-7")
    reason = f"{title}: observed -inf, exact -1, inf ulps off, inf times the bound"
    before = replace(BASE, clause="EXT-7", observed="")
    (line,) = told_of([before], [moved(before, verdict="deviates", slack=float("inf"), reason=reason)])
    assert line.count(title) == 1
    assert "deviates (observed -inf, exact -1);" in line


def test_two_worst_elements_are_each_told_with_their_own_exact_answer() -> None:
    nan = moved(BASE, verdict="deviates", slack=float("inf"), ulps=float("inf"), observed="nan", exact="0x1p-1")
    (line,) = told_of([nan], [replace(BASE, observed="0x1p-2", exact="0x1p-2")])
    assert "worst was NaN where 0.5 is exact, now 0.25 where 0.25 is" in line


def test_a_backend_that_is_compared_too_is_not_named_as_a_difference_beside() -> None:
    def both(keras: str, jax: str) -> Run:
        made = run_of(
            "jax", *(judgement(name, "eager", "float32", QUESTIONS[0], "typical") for name in ("jax", "keras_jax"))
        )
        (one,) = made.environments
        facts = {
            "jax": {"framework": "JAX", "version": jax, "build": {"jaxlib": jax}},
            "keras_jax": {"framework": "Keras", "version": keras, "build": {"jax": jax, "jaxlib": jax}},
        }
        return replace(made, environments=[{**one, "adapters": [name], "framework": facts[name]} for name in facts])

    found = diff(both("3.8.0", "0.4.38"), both("3.15.1", "0.10.2"))
    first, *_, last = verdict_lines(found, rule(found))
    assert "jax 0.4.38 -> 0.10.2, keras_jax 3.8.0 -> 3.15.1" in first
    assert last == "What else differs: jaxlib 0.4.38 -> 0.10.2."


def test_every_difference_of_the_environment_is_named() -> None:
    run = run_of("torch", BASE)
    (environment,) = run.environments
    changed = {**environment, "cpu_features": ["avx"], "packages": {"logitproof": "0.1.0", "numpy": "2.5.0"}}
    told = verdict_lines(found := diff(run, replace(run, environments=[{**changed, "threads": {}}])), rule(found))[-1]
    for part in ("numpy 2.4.0 -> 2.5.0", "cpu_features avx2 yes -> unset", "OMP_NUM_THREADS 2 -> unset"):
        assert part in told


def test_json_and_markdown_tell_the_same_and_survive_what_is_hostile() -> None:
    run = distinctly_hostile()
    found = diff(run, spoiled(run))
    told = json.loads(as_json(found, rule(found)))
    assert told["verdict"] == verdict_lines(found, rule(found))
    assert len(told["changes"]["class"]) == sum(told["counts"]["judgements"].get(c.word, 0) for c in CLASSES[:-3])
    assert "<script" not in diff_markdown(found, rule(found))


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    run = three_frameworks()
    places = tmp_path / "old.parquet", tmp_path / "new.parquet"
    for place, made in zip(places, (run, spoiled(run)), strict=True):
        write_run(place, made)
    return places


def test_the_command_writes_what_is_asked_for_and_exits_by_the_gate(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "job.md"))
    old, new = map(str, files)
    assert main(["diff", old, new, "-o", "diff.html", "--json", "diff.json", "--summary", "diff.md"]) == 1
    assert capsys.readouterr().out.startswith("not safe: ")
    assert (tmp_path / "job.md").read_text() == (tmp_path / "diff.md").read_text()
    assert main(["diff", old, new, "--fail-on", "never"]) == 0
    assert main(["diff", old, old]) == 0
    assert "identical in bits" in capsys.readouterr().out


def test_in_a_github_job_the_verdict_is_annotated(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert main(["diff", *map(str, files)]) == 1
    assert capsys.readouterr().out.startswith("::error title=Logitproof::not safe: ")


def damage(what: str, place: Path) -> None:
    """Spoil a run file."""
    content = place.read_bytes()
    run = three_frameworks()
    match what:
        case "truncated":
            place.write_bytes(content[: len(content) // 2])
        case "tampered":
            place.write_bytes(content[:600] + bytes(200) + content[800:])
        case "a verdict changed":
            table = pq.read_table(place)
            verdicts = pa.array(["conforms"] * table.num_rows)
            pq.write_table(table.set_column(table.schema.get_field_index("verdict"), "verdict", verdicts), place)
        case "no run":
            place.write_text("a run")
        case "another schema":
            table = pq.read_table(place)
            facts = {**(table.schema.metadata or {}), b"logitproof.schema_version": b"1"}
            pq.write_table(table.replace_schema_metadata(facts), place)
        case "a judgement twice":
            write_run(place, replace(run, table=pa.concat_tables([run.table, run.table.slice(0, 1)])))
        case "another case set":
            write_run(place, replace(run, case_set="bad" * 20))
        case "another profile":
            write_run(place, replace(run, profile="full"))
        case "missing":
            place.unlink()


@pytest.mark.parametrize(
    "what",
    [
        "truncated",
        "tampered",
        "a verdict changed",
        "no run",
        "another schema",
        "another case set",
        "another profile",
        "missing",
        "a judgement twice",
    ],
)
def test_a_run_that_does_not_compare_is_refused_in_one_line(
    what: str, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    damage(what, files[1])
    assert main(["diff", *map(str, files)]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.count("\n") == 1


MEASURED = """
import json, re, sys
from pathlib import Path
from logitproof.commands.command_line import main
status = main(sys.argv[1:])
# Not getrusage: that peak is inherited from the process that forked this one.
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(json.dumps({"status": status, "bytes": 1024 * int(peak)}))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak of memory is read from /proc")
def test_a_hundred_thousand_judgements_take_half_a_gigabyte(tmp_path: Path) -> None:
    run = hundred_thousand()
    old, new = tmp_path / "old.parquet", tmp_path / "new.parquet"
    write_run(old, run)
    write_run(new, spoiled(run))
    command = [sys.executable, "-c", MEASURED, "diff", str(old), str(new), "-o", str(tmp_path / "diff.html")]
    used = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.splitlines()[-1])
    assert used["status"] == 1
    assert used["bytes"] <= 500e6
    assert (tmp_path / "diff.html").stat().st_size <= 1e6


def test_a_page_of_what_is_hostile_is_written_whole(tmp_path: Path) -> None:
    run = distinctly_hostile()
    write_diff_page(found := diff(run, spoiled(run)), rule(found), tmp_path / "diff.html")
    assert "<script>window" not in (tmp_path / "diff.html").read_text()
