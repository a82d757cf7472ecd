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
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.judgement import on_the_whole
from logitproof_reports.diff.classes import CLASSES, RANK
from logitproof_reports.diff.compare import diff
from logitproof_reports.diff.findings import movement
from logitproof_reports.diff.report import report_of
from logitproof_reports.diff.ruling import LEVELS, Waived, rule
from logitproof_reports.diff.to_json import as_json
from logitproof_reports.diff.to_markdown import COMMENT_MARK, diff_comment, diff_markdown
from logitproof_reports.diff.to_terminal import LINES, WIDTH, verdict_lines
from logitproof_reports.diff.write import write_diff_page
from logitproof_reports.runs.run_file import write_run
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
    from logitproof_reports.diff.causes import Cause
    from logitproof_reports.diff.compare import Diff
    from logitproof_reports.runs.run_file import Run

NAN = float("nan")
BASE = replace(judgement("torch", "eager", "float32", QUESTIONS[0], "typical"), slack=0.5, ulps=2.0)
OTHER = replace(judgement("torch", "eager", "float32", QUESTIONS[1], "typical"), slack=0.5, ulps=2.0)
CONCERN = replace(BASE, clause="VAL-2", grade="SHOULD")
TWICE = replace(BASE, clause="LAW-5", grade="SHOULD", regime="repeated_call", slack=NAN, ulps=NAN)
FAR = {"exact": "0x1.6p-1", "bound": "1e-07", "inputs": '{"logits": ["0x0p+0", "0x1p+0"]}'}
ERROR = replace(BASE, clause="ERR-1", slack=NAN, ulps=NAN, digest="", observed="", reason="ValueError: no such label")
REFUSED = replace(BASE, verdict="unsupported", regime="all", clause="VAL-1", reason="not offered", digest="")


def moved(base: Judgement, **changes: Any) -> Judgement:
    """Return a judgement whose bits differ too."""
    return replace(base, digest="feed" * 4, **changes)


CHANGES: dict[str, tuple[list[Judgement], list[Judgement]]] = {
    "newly crashing": ([BASE], [replace(BASE, verdict="crashed", reason="RuntimeError: no", digest="")]),
    "newly failing": ([BASE], [moved(BASE, verdict="deviates", slack=9.0)]),
    "meaning changed": (
        [moved(BASE, verdict="deviates", slack=9e6, observed="0x1.6p+0", **FAR)],
        [replace(BASE, observed="0x1.6p-1", **FAR)],
    ),
    "no longer supported": ([BASE], [REFUSED]),
    "newly non-deterministic": ([TWICE], [moved(TWICE, verdict="concern")]),
    "regressed": (
        [replace(BASE, verdict="deviates", slack=3.0)],
        [moved(BASE, verdict="deviates", slack=9.0)],
    ),
    "new warning": ([CONCERN], [moved(CONCERN, verdict="concern", slack=3.0)]),
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


def verdict_of(found: Diff) -> list[str]:
    return verdict_lines(report_of(found, rule(found)))


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
    assert (found.count("fixed"), found.count("new warning")) == (1, 0)


def test_a_cell_that_is_not_deterministic_moves_nothing() -> None:
    unsteady = replace(TWICE, verdict="concern")
    found = compared([BASE, unsteady], [moved(BASE), moved(unsteady)])
    assert (found.count("unsteady"), found.count("bits changed")) == (2, 0)


def test_what_differs_between_two_runs_of_one_release_is_noise() -> None:
    before, after = run_of("torch", OTHER, BASE), run_of("torch", OTHER, moved(BASE, verdict="deviates"))
    again = run_of("torch", OTHER, BASE)
    assert not rule(diff(before, after)).safe
    assert rule(diff(before, after, [(after, again)])).safe


def test_what_one_choice_leaves_of_both_runs_is_whole() -> None:
    part, less = (
        replace(run_of("torch", *rows), complete=False, choice='-k "softmax"') for rows in ((OTHER, BASE), (OTHER,))
    )
    whole = [replace(run, complete=True) for run in (less, part)]
    assert diff(less, part).by_class() == diff(*whole).by_class()
    assert "unknown before" in {change.name for change, _ in diff(replace(less, choice="-k else"), part).by_class()}


def test_what_one_run_did_not_come_to_is_unknown_and_shuts_the_gate() -> None:
    whole, cut = run_of("torch", OTHER, BASE), replace(run_of("torch", OTHER), complete=False)
    wrong = run_of("torch", OTHER, moved(BASE, verdict="deviates", slack=9.0))
    for name, found in (
        ("unknown now", diff(whole, cut)),
        ("unknown before", diff(cut, whole)),
        ("unknown before", diff(cut, wrong)),
    ):
        assert {change.name for change, _ in found.by_class()} == {name, "identical"}
        assert not rule(found).safe
        assert "(incomplete: " in " ".join(" ".join(verdict_of(found)).split())


TIMED_OUT = replace(BASE, verdict="crashed", reason="TargetDied: no answer in 300 s; last words: none", digest="")


def test_cells_that_were_planned_and_not_judged_are_unknown_however_many_there_are() -> None:
    gaps = [on_the_whole("torch", "void", f"cell {number} was planned and not judged") for number in range(2)]
    found = diff(run_of("torch", OTHER, BASE), run_of("torch", OTHER, *gaps))
    assert {change.name for change, _ in found.by_class()} == {"unknown now", "identical"}


NOT_IMPORTED = "the framework could not be asked: target prod: torch cannot be imported: no answer in 600 s"


@pytest.mark.parametrize(
    "late",
    [TIMED_OUT, replace(TIMED_OUT, verdict="void", reason="timed out"), replace(TIMED_OUT, reason=NOT_IMPORTED)],
)
def test_a_time_out_accuses_nobody_and_fixes_nothing(late: Judgement) -> None:
    unasked = replace(BASE, regime="saturated")
    for found, name in (
        (compared([BASE, unasked], [late]), "unknown now"),
        (compared([late], [BASE]), "unknown before"),
    ):
        assert {change.name for change, _ in found.by_class()} == {name, "identical"}
    assert compared([late], [late]).count("not judged") == 1
    assert rule(compared([late], [late])).safe


def test_after_a_crash_the_rest_of_the_cell_is_unknown_and_the_crash_is_told_once() -> None:
    crashed = replace(
        BASE, verdict="crashed", reason="ended by SIGSEGV; remaining checks of this cell skipped", digest=""
    )
    rest = replace(BASE, regime="saturated")
    before = compared([crashed], [BASE, moved(rest, verdict="deviates", slack=9.0)])
    assert (before.count("fixed"), before.count("unknown before"), before.count("newly failing")) == (1, 1, 0)
    after = compared([BASE, rest], [crashed])
    assert (after.count("newly crashing"), after.count("unknown now")) == (1, 0)


def test_a_run_that_broke_down_as_a_whole_is_a_crash_and_never_a_change_of_support() -> None:
    broken = on_the_whole("torch", "crashed", "the worker was killed by SIGSEGV")
    before, after = run_of("torch", OTHER, BASE), replace(run_of("torch", OTHER, broken), complete=False)
    found = diff(before, after)
    assert (found.count("newly crashing"), found.count("unknown now")) == (1, 1)
    back = diff(after, before)
    assert {change.name for change, _ in back.by_class()} == {"unknown before", "identical", "accompanying"}


@pytest.mark.parametrize("sides", ["fixed", "broken", "both wrong", "both right"])
def test_a_finite_answer_that_moved_by_more_than_both_bounds_means_something_else(sides: str) -> None:
    right = replace(BASE, observed="0x1.6p-1", **FAR)
    wrong = moved(BASE, verdict="deviates", slack=9e6, observed="0x1.6p+0", **FAR)
    pairs = {
        "fixed": (wrong, right),
        "broken": (right, wrong),
        "both wrong": (wrong, replace(wrong, observed="0x1.6p+2", slack=1e7, digest="beef" * 4)),
        "both right": (right, moved(right, observed="0x1.6p+0", exact="0x1.6p+0")),
    }
    found = compared(*([side] for side in pairs[sides]))
    assert found.count("meaning changed") == 1
    first, *_ = verdict_of(found)
    assert first.startswith("NOT SAFE")


@pytest.mark.parametrize(
    "inputs",
    [
        '{"logits": ["0x1p+27", "0x1p+27"]}',
        '{"logits": ["0x0p+0"], "cotangent": ["0x1p+30"]}',
        '{"regime": "wide", "row": 3}',
    ],
    ids=["large logits", "large cotangent", "not on record"],
)
def test_what_rounding_explains_or_the_record_does_not_tell_is_no_change_of_meaning(inputs: str) -> None:
    far = {**FAR, "inputs": inputs}
    wrong = moved(BASE, verdict="deviates", slack=9e6, observed="0x1.6p+0", **far)
    assert compared([wrong], [replace(BASE, observed="0x1.6p-1", **far)]).count("fixed") == 1


def test_a_change_to_or_from_nan_or_near_an_overflow_is_no_change_of_meaning() -> None:
    right = replace(BASE, observed="0x1.6p-1", **FAR)
    for observed in ("nan", "inf", "0x1.fp+126"):
        wrong = moved(BASE, verdict="deviates", slack=float("inf"), observed=observed, **FAR)
        assert compared([wrong], [right]).count("fixed") == 1


def test_the_word_follows_from_what_blocks_and_from_what_became_worse() -> None:
    def word(name: str, level: str) -> str:
        found = compared(*CHANGES[name])
        return report_of(found, rule(found, level)).word

    assert [word(name, "regression") for name in ("identical", "fixed", "bits changed")] == ["SAFE"] * 3
    assert [word(name, "regression") for name in ("new warning", "class changed")] == ["LOOK"] * 2
    assert word("new warning", "warning") == word("newly failing", "regression") == "NOT SAFE"
    assert word("newly failing", "never") == "LOOK"


def test_a_diff_of_nothing_is_not_safe_and_says_nothing() -> None:
    refused = run_of("torch", REFUSED)
    found = diff(refused, refused)
    report = report_of(found, rule(found))
    assert (report.word, report.comparable) == ("NOT SAFE", False)
    unknown = diff(replace(run_of("torch", OTHER), complete=False), replace(run_of("torch", BASE), complete=False))
    assert not report_of(unknown, rule(unknown)).comparable


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
    assert "moved" not in "".join(verdict_of(found))


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


def test_the_verdict_is_one_screen_and_names_every_adapter_that_fails_in_its_first_ten_lines() -> None:
    run = three_frameworks()
    lines = verdict_of(diff(run, spoiled(run)))
    assert len(lines) <= LINES
    assert max(len(line) for line in lines if "/" not in line) <= WIDTH  # a cell's id is never cut
    assert "policy: fails on what became wrong, changed its meaning or is unknown" in lines[:3]
    blocking = [line for line in lines[:10] if line.startswith("blocks")]
    assert all(any(name in line for line in blocking) for name in VERSIONS)


def causes(before: list[Judgement], after: list[Judgement], room: int = 24) -> list[Cause]:
    found = compared(before, after)
    return report_of(found, rule(found), room).causes


def test_what_a_process_did_not_come_to_is_one_cause_whatever_the_functions_with_the_reason() -> None:
    cells = [judgement("torch", "compiled", "float32", question, "typical") for question in QUESTIONS[:3]]
    ended = [replace(one, verdict="crashed", reason="ended by SIGSEGV; last words: no", digest="") for one in cells]
    rest = [replace(one, regime="nearly_uniform") for one in cells]
    found = compared(ended, [*cells, *rest])
    report = report_of(found, rule(found))
    (cause,) = report.of("blocks")
    assert cause.line == "unknown before: 3 cells: compiled; float32: not judged in the baseline: ended by SIGSEGV"
    assert "where a process ended nothing can be compared" in report.next_step


def test_what_is_alike_is_one_cause_whatever_its_clause_mode_and_format() -> None:
    cells = [judgement("torch", mode, f, QUESTIONS[0], "typical") for mode in ("eager", "vmap") for f in FORMATS]
    before = [replace(one, clause=clause, slack=0.5) for one in cells for clause in ("VAL-1", "ROW-2")]
    (cause,) = causes(before, [moved(one, verdict="deviates", slack=9.0) for one in before])
    assert (cause.cells, len(cause.rows), cause.gate_status) == (len(cells), len(cells), "blocks")
    assert cause.extent == f"{len(cells)} cells: eager and vmap; float16, bfloat16, float32 and float64"


def test_functions_that_change_alike_without_a_number_share_a_cause() -> None:
    raised = replace(ERROR, clause="ERR-4", regime="no_classes", verdict="conforms")
    ops = ("softmax", "log_softmax", "log_sum_exp", "softmax_cross_entropy")
    before = [replace(raised, op=op, cell=f"torch-eager-{op}-value-float32") for op in ops]
    (cause,) = causes(before, [moved(one, reason="") for one in before])
    assert cause.line == ("class changed: softmax, log_softmax and 2 more: raises ValueError -> the documented value")
    assert cause.cells == len(ops)


def test_what_is_newly_supported_is_one_cause_a_function_whatever_it_answers() -> None:
    answers = ("nan", "inf", "0x1.6p-1")
    after = [
        replace(BASE, entry="where", cell=f"{BASE.cell}-entry=where", regime=f"regime_{place}", observed=observed)
        for place, observed in enumerate(answers)
    ]
    before = replace(REFUSED, entry="where", cell=after[0].cell)
    (cause,) = causes([before], after)
    assert cause.line.startswith("newly supported: ")
    assert cause.example.before == "not supported"
    assert len(cause.rows) == len(answers)


def test_the_lines_that_are_left_over_go_to_what_blocks() -> None:
    ops = ("softmax", "log_softmax", "log_sum_exp", "softmax_cross_entropy", "sigmoid_cross_entropy")
    made = [replace(BASE, op=op, cell=f"torch-eager-{op}-value-float64") for op in ops]
    long = "RuntimeError: " + "no such thing in this release of the framework " * 3
    crash = {"verdict": "crashed", "digest": "", "observed": ""}
    found = compared(made, [replace(one, reason=f"{long}{place}", **crash) for place, one in enumerate(made)])
    lines = verdict_of(found)[:10]
    starts = [place for place, line in enumerate(lines) if line.startswith("blocks")]
    assert len(starts) == len(made)
    assert starts[1] - starts[0] == 2  # two lines
    assert max(map(len, lines)) <= 80


def test_functions_share_a_cause_only_where_there_is_no_room() -> None:
    made = [judgement("torch", "eager", "float32", question, "saturated") for question in QUESTIONS[:3]]
    after = [moved(one, verdict="deviates", slack=9.0) for one in made]
    assert len(causes(made, after)) == len(QUESTIONS[:3])
    (one,) = causes(made, after, room=1)
    assert all(question[0] in one.function for question in QUESTIONS[:3])


@pytest.mark.parametrize(("was", "comes"), [(6e15, 2.0), (2.0, 6e15)])
def test_digits_won_or_lost_within_the_bound_are_told(was: float, comes: float) -> None:
    (cause,) = causes([replace(BASE, ulps=was)], [moved(BASE, ulps=comes, slack=0.4)])
    assert (cause.change.name, cause.gate_status) == ("moved within the bound", "informative")
    assert not causes([replace(BASE, ulps=2.0)], [moved(BASE, ulps=20.0, slack=0.4)])
    assert not causes([replace(BASE, ulps=1e9)], [moved(BASE, ulps=1e15, slack=0.4)])


@pytest.mark.parametrize("exact", ["-0x1.0p-130", "-0x1.0p-120"])
def test_many_ulps_within_the_bound_are_told_as_allowed(exact: str) -> None:
    after = moved(BASE, ulps=6e15, slack=0.4, observed="0x0.0p+0", exact=exact)
    line = movement(compared([replace(BASE, observed=exact, exact=exact)], [after]), 0)
    assert "the bound allows it" in line
    assert ("below the smallest normal number" in line) == (exact == "-0x1.0p-130")


def test_a_change_of_the_accuracy_class_names_both() -> None:
    before = replace(BASE, clause="VAL-3", grade="MAY", slack=NAN, ulps=NAN, accuracy_class="offset class", observed="")
    (cause,) = causes([before], [replace(before, accuracy_class="absolute", digest="feed" * 4)])
    assert cause.example.sentence == "accuracy offset class -> absolute"


def test_of_a_grade_no_row_is_shown_for_its_worst_is_of_another_regime() -> None:
    before = replace(
        BASE, clause="ACC-1", grade="SHOULD", verdict="concern", accuracy_class="grade D", exact="0x1.0p-50"
    )
    after = replace(before, verdict="conforms", accuracy_class="grade A", exact="0x1.6p+0", digest="feed" * 4)
    (cause,) = causes([before], [after])
    assert cause.line.endswith(": accuracy grade D -> grade A")
    (cause,) = causes([replace(before, slack=3.0)], [replace(before, slack=400.0, digest="feed" * 4)])
    assert cause.line.endswith(": accuracy grade D: error / bound 3 -> 400")


def test_one_row_is_shown_on_both_sides_and_never_the_worst_of_two() -> None:
    right = replace(BASE, row=3, observed="0x1.8p+1", exact="0x1.8p+1", bound="1e-07", ulps=0.5)
    far = {"slack": 9.0, "ulps": float("inf"), "bound": "1e-07"}
    wrong = moved(BASE, row=7, verdict="deviates", observed="0x0p+0", exact="0x1.2p+1", **far)
    (cause,) = causes([right], [wrong])
    assert (cause.example.row, cause.example.sentence) == (7, "2.25 -> 0, exact 2.25")
    loose = [replace(one, bound="0.5") for one in (right, wrong)]
    (cause,) = causes(loose[:1], loose[1:])
    assert cause.example.sentence == "within its bound -> 0, exact 2.25"
    (cause,) = causes([wrong], [right])
    assert cause.example.sentence == "0 -> 2.25, exact 2.25"
    also = replace(wrong, row=3, slack=90.0, observed="0x1p+0", exact="0x1.8p+1", digest="beef" * 4)
    (cause,) = causes([wrong], [also])
    assert cause.example.sentence == "another row outside its bound -> 1, exact 3"


def test_answers_that_differ_in_their_last_bit_are_spelled_with_the_digits_that_tell_them_apart() -> None:
    before = replace(CONCERN, observed="0x1.000002p+0", exact="0x1.000002p+0", ulps=0.0)
    (cause,) = causes([before], [moved(before, verdict="concern", slack=3.0, observed="0x1.000004p+0", ulps=1.0)])
    assert cause.example.sentence == "1.0000001 -> 1.0000002, exact 1.0000001 (0 -> 1 ulps)"


def test_the_inputs_that_are_hit_are_named_with_their_logits_and_the_others_counted() -> None:
    rows = {"mild": "0x1p+3", "wild": "0x1p+10"}
    spelled = {regime: json.dumps({"logits": [logit, "-inf"]}) for regime, logit in rows.items()}
    before = [replace(BASE, regime=regime, inputs=inputs) for regime, inputs in reversed(spelled.items())]
    (cause,) = causes([BASE, *before], [BASE, *(moved(one, verdict="deviates", slack=9.0) for one in before)])
    assert cause.hit == "mild (|logit| 8), wild (|logit| 1.02e+03); 1 other regime not hit"


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
    first, *_, last = verdict_of(found)
    assert "jax 0.4.38 -> 0.10.2, keras_jax 3.8.0 -> 3.15.1" in first
    assert last == "what else differs: jaxlib 0.4.38 -> 0.10.2"


def test_another_build_of_the_framework_is_named_among_what_else_differs() -> None:
    run = run_of("torch", BASE)
    (one,) = run.environments
    sides = [
        replace(run, environments=[{**one, "framework": {**one["framework"], "version": v}}])
        for v in ("2.12.0", "2.13.0+cpu")
    ]
    assert "torch build of the index -> cpu" in " ".join(verdict_of(diff(*sides)))
    assert "build" not in " ".join(verdict_of(diff(sides[1], sides[1])))


def test_every_difference_of_the_environment_is_named() -> None:
    run = run_of("torch", BASE)
    (environment,) = run.environments
    changed = {**environment, "cpu_features": ["avx"], "packages": {"logitproof": "0.1.0", "numpy": "2.5.0"}}
    told = " ".join(verdict_of(diff(run, replace(run, environments=[{**changed, "threads": {}}]))))
    for part in ("numpy 2.4.0 -> 2.5.0", "cpu_features avx2 yes -> unset", "OMP_NUM_THREADS 2 -> unset"):
        assert part in told


def test_a_filter_leaves_no_gap_in_a_function_that_is_not_offered() -> None:
    compiled = replace(BASE, cell=f"{BASE.cell}-elsewhere", mode="compiled", regime="eager_answer", clause="MOD-3")
    old, new = (replace(run_of("torch", *rows), complete=False) for rows in ((REFUSED, OTHER), (BASE, OTHER, compiled)))
    found = {change.name for change, _ in diff(old, new).by_class()}
    assert "newly supported" in found
    assert "unknown before" not in found
    asked = {change.name for change, _ in diff(replace(run_of("torch", BASE, OTHER), complete=False), new).by_class()}
    assert "unknown before" in asked


def test_a_bad_input_that_raised_like_any_other_was_not_refused() -> None:
    raised = [replace(one, verdict="crashed", reason="ValueError: no such key", digest="") for one in (BASE, CONCERN)]
    refused = replace(ERROR, clause="ERR-3", regime="smoothing_past_1", reason="ValueError: no such key")
    answered = replace(refused, verdict="deviates", reason="a result is returned where an error is expected")
    (cause,) = (one for one in causes([*raised, refused], [BASE, CONCERN, answered]) if one.change.name != "fixed")
    assert (cause.change.name, cause.gate_status) == ("class changed", "look")
    (cause,) = causes([BASE, refused], [BASE, answered])
    assert (cause.change.name, cause.gate_status) == ("newly failing", "blocks")


def test_what_raised_is_shown_beside_the_answer_and_without_the_ledgers_words() -> None:
    reason = (
        'other than the ledger entry "masked-class" has it: no-answer, not silent; AttributeError: no such function'
    )
    raised = replace(BASE, verdict="crashed", reason=reason, digest="", observed="", slack=NAN, ulps=NAN)
    wrong = moved(BASE, verdict="deviates", slack=9.0, observed="0x0p+0", exact="0x1p-1", row=3, element=1)
    (cause,) = causes([raised], [wrong])
    assert cause.example.sentence.startswith("raises AttributeError: no such function -> 0, exact 0.5")
    assert cause.example.row == 3


def test_another_meaning_of_an_option_is_named_in_words() -> None:
    stated = {"op": "softmax_cross_entropy", "labels": "indices", "function": "f.loss", "takes": ["reduction"]}
    run = run_of("torch", BASE)
    (one,) = run.environments
    sides = [
        replace(
            run, environments=[{**one, "dialects": [{**stated, "empty_mean": "nan", "words": {"mean_over": over}}]}]
        )
        for over in ("rows kept", "all rows")
    ]
    *_, last = verdict_of(diff(*sides))
    assert last == "what else differs: f.loss of indices, the mean divides by: rows kept -> all rows"


def test_of_a_change_of_meaning_a_value_is_shown_with_the_options() -> None:
    before, after = CHANGES["meaning changed"]
    alike = {"op": "softmax_cross_entropy", "labels": "indices", "options": "reduction=mean-ignore_index=-1"}
    cells = {"a gradient": {"quantity": "grad_logits", "slack": 1e9}, "a value": {"quantity": "value"}}
    sides = [
        [replace(one, cell=name, **alike, **changes) for one in side for name, changes in cells.items()]
        for side in (before, after)
    ]
    (cause,) = causes(*sides)
    assert cause.function == "softmax_cross_entropy value and grad_logits (reduction=mean, ignore_index=-1)"
    assert cause.example.cell == "a value"


def test_json_and_markdown_tell_the_same_and_survive_what_is_hostile() -> None:
    run = distinctly_hostile()
    found = diff(run, spoiled(run))
    told = json.loads(as_json(report_of(found, rule(found))))
    assert told["verdict"] == verdict_of(found)
    assert len(told["changes"]["class"]) == sum(
        told["counts"]["judgements"].get(c.word, 0) for c in CLASSES[: RANK["identical"]]
    )
    assert "<script" not in diff_markdown(report_of(found, rule(found)))


KEYS_OF_THE_JSON = {
    "": "format word safe comparable verdict policy fail_on reasons waived before after origins case_set environment "
    "counts causes findings changes",
    "waived": "selector owner reason until number",
    "before.*": "framework version",
    "origins": "before after",
    "environment": "adapter name before after",
    "counts": "judgements cells",
    "causes": "class gate_status waiver what function hit cells formats modes machine worst example",
    "causes.example": "cell regime row element before after exact error inputs",
    "findings": "class what judgements worst",
    "changes": "class cell regime clause verdict_before verdict_after ulps_before ulps_after slack_before slack_after "
    "nats_before nats_after exact_before exact_after observed_before observed_after accuracy_class_before "
    "accuracy_class_after deviation_before deviation_after digest_before digest_after fails",
}
"""Of layout 3: other programs read them, so that whoever renames one raises `to_json.FORMAT` and this with it."""


def test_the_keys_of_the_json_are_those_of_its_layout() -> None:
    run = three_frameworks()
    before = replace(run, environments=[{**one, "threads": {"OMP_NUM_THREADS": "7"}} for one in run.environments])
    found = diff(before, spoiled(run))
    waived = replace(rule(found), waived=[Waived("cells=*", "somebody", "for a while", "2027-01-31", 1)])
    told = json.loads(as_json(report_of(found, waived)))
    assert told["format"] == 3
    for place, keys in KEYS_OF_THE_JSON.items():
        one = told
        for step in filter(None, place.split(".")):
            one = next(iter(one.values())) if step == "*" else one[step]
            one = one[0] if isinstance(one, list) else one
        assert list(one) == keys.split(), place


def test_a_comment_fits_and_opens_with_the_verdict_however_much_there_is_to_tell() -> None:
    run = three_frameworks()
    records = [{**one, "regime": one["regime"] + "x" * 3_000} for one in run.table.to_pylist()]
    run = replace(run, table=pa.Table.from_pylist(records, schema=run.table.schema))
    found = diff(run, spoiled(run))
    mark, first, *_ = (comment := diff_comment(report_of(found, rule(found)))).split("\n")
    assert len(comment.encode()) < 65_536
    assert (mark, first[:24]) == (COMMENT_MARK, "## Logitproof: NOT SAFE:")


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
    assert capsys.readouterr().out.startswith("NOT SAFE: ")
    assert (tmp_path / "job.md").read_text() == (tmp_path / "diff.md").read_text()
    assert main(["diff", old, new, "--fail-on", "never"]) == 0
    assert main(["diff", old, old]) == 0
    assert "identical in bits" in capsys.readouterr().out


def test_in_a_github_job_the_verdict_is_annotated(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert main(["diff", *map(str, files)]) == 1
    assert capsys.readouterr().out.startswith("::error title=Logitproof::NOT SAFE: ")


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
        case "another framework":
            names = pa.array(["other"] * run.table.num_rows)
            place_of_it = run.table.schema.get_field_index("adapter")
            write_run(place, replace(run, table=run.table.set_column(place_of_it, "adapter", names)))
        case "another case set" | "another profile":
            others = {"another case set": {"case_set": "bad" * 20}, "another profile": {"profile": "full"}}
            write_run(place, replace(run, **others[what]))
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
        "another framework",
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
def test_a_hundred_thousand_judgements_take_six_hundred_megabytes(tmp_path: Path) -> None:
    run = hundred_thousand()
    old, new = tmp_path / "old.parquet", tmp_path / "new.parquet"
    write_run(old, run)
    write_run(new, spoiled(run))
    command = [sys.executable, "-c", MEASURED, "diff", str(old), str(new), "-o", str(tmp_path / "diff.html")]
    used = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.splitlines()[-1])
    assert used["status"] == 1
    assert used["bytes"] <= 6e8
    assert (tmp_path / "diff.html").stat().st_size <= 1e6


def test_a_page_of_what_is_hostile_is_written_whole(tmp_path: Path) -> None:
    run = distinctly_hostile()
    found = diff(run, spoiled(run))
    write_diff_page(report_of(found, rule(found)), tmp_path / "diff.html")
    assert "<script>window" not in (tmp_path / "diff.html").read_text()


@pytest.mark.parametrize("row", [3, 7])
def test_it_is_said_that_the_worst_rows_of_the_two_sides_differ(row: int, tmp_path: Path) -> None:
    wrong = moved(BASE, row=7, verdict="deviates", slack=9.0)
    found = compared([replace(BASE, row=row)], [wrong])
    write_diff_page(report_of(found, rule(found)), tmp_path / "diff.html")
    text = (tmp_path / "diff.html").read_text(encoding="utf-8")
    assert ("different worst rows" in text) == (row != 7)
