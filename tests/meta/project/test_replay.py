"""The catalogue of documented bugs is well-formed, and the score counts what it says; no environment is built here."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from logitproof.environments.resolver import requirements_of
from logitproof.errors import USAGE, UsageError
from logitproof.extra_calls.exact_answers import exact_numbers
from logitproof.extra_calls.judgements import CLAUSE, judgement_on
from logitproof_adapters.catalogue.extra_calls.pairwise.tables import DerivedCall
from logitproof_adapters.catalogue.registry import known
from logitproof_adapters.targets.target import interpreter
from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reference.vocabulary.judgement import Judgement
from meta.mutants.catalogue import MUTANTS
from replay.catalogue import BARRIERS, ROADS, Bug, Release, catalogue
from replay.page import PAGE, calls_of, page
from replay.replay import ReplayRequest, Task, chosen, look_for, main, outcomes_of, plan, store
from replay.score import Outcome, Score

if TYPE_CHECKING:
    from logitproof_adapters.catalogue.extra_calls.call import ExtraCall

FAULTS = Path(__file__).parents[1] / "mutants" / "known_faults.toml"

BAD, GOOD = Release("jax==0.4.35", red=True), Release("jax==0.6.0", red=False)
BUG = Bug(
    "jax-bug",
    "jax",
    "A gradient is NaN",
    adapter="jax",
    cells=("jax-eager-log_sum_exp-*-float32",),
    regimes=("masked_*",),
    clauses=("EXT-2", "GRD-1"),
    releases=(BAD, GOOD),
    select="log_sum_exp",
)
FOUND = Judgement(
    cell="jax-eager-log_sum_exp-grad_logits-float32",
    adapter="jax",
    mode="eager",
    op="log_sum_exp",
    labels="none",
    quantity="grad_logits",
    format="float32",
    axis="last",
    layout="contiguous",
    regime="masked_one",
    clause="EXT-2",
    grade="MUST",
    verdict="deviates",
)


def reachable() -> list[Bug]:
    return [bug for bug in catalogue() if not bug.barrier]


def test_each_documented_bug_is_there_once() -> None:
    ids = [bug.id for bug in catalogue()]
    faults = {fault["id"] for fault in tomllib.loads(FAULTS.read_text("utf-8"))["fault"]}
    assert len(ids) == len(set(ids))
    assert faults <= set(ids)


@pytest.mark.parametrize("bug", catalogue(), ids=lambda bug: bug.id)
def test_a_bug_is_either_looked_for_or_out_of_reach(bug: Bug) -> None:
    assert bool(bug.releases) != bool(bug.barrier)
    assert bug.barrier in {"", *BARRIERS}
    assert bug.title
    assert bug.barrier or not bug.out_of_reach
    assert not bug.url or bug.url.startswith("https://")


@pytest.mark.parametrize("bug", reachable(), ids=lambda bug: bug.id)
def test_a_bug_that_is_looked_for_says_where_it_must_show(bug: Bug) -> None:
    assert any(release.red for release in bug.releases)
    assert bug.adapter in known()
    assert bug.cells
    assert all(cell.startswith(f"{bug.adapter}-") for cell in bug.cells)
    assert bug.clauses
    assert set(bug.clauses) <= set(CLAUSES)
    assert bug.profile in {"quick", "full"}
    assert all(requirements_of(release.requirements) for release in bug.releases)


@pytest.mark.parametrize("bug", [bug for bug in reachable() if bug.road == "calls"], ids=lambda bug: bug.id)
def test_a_bug_of_a_call_names_one_that_has_a_right_answer(bug: Bug) -> None:
    call, *others = calls_of(bug)
    assert isinstance(call, DerivedCall) or (call.exact is not None and not others)
    assert set(bug.clauses) == {CLAUSE}
    right, wrong = ([(one + off).hex() for one in right_numbers(call)] for off in (0.0, 1.0))
    assert bug.shows_in(judgement_on(bug.adapter, call, {"values": wrong}))
    assert not bug.shows_in(judgement_on(bug.adapter, call, {"values": right}))


def right_numbers(call: ExtraCall) -> list[float]:
    return exact_numbers(call.case).tolist() if isinstance(call, DerivedCall) else [call.exact or 0.0]


def test_a_call_shows_no_bug_of_the_matrix_nor_a_cell_one_of_a_call() -> None:
    called = replace(FOUND, inputs='{"call": "f([0.0])"}')
    assert not BUG.is_asked_in(called)
    of_a_call = replace(BUG, road="calls")
    assert of_a_call.is_asked_in(called)
    assert not of_a_call.is_asked_in(FOUND)
    assert {bug.road for bug in catalogue()} <= set(ROADS)


def test_calls_are_made_where_a_bug_needs_them() -> None:
    runs = plan([BUG, replace(BUG, id="called", road="calls")])
    assert [asked.calls for asked in runs] == [True, True]
    assert not any(asked.calls for asked in plan([BUG]))


def test_what_is_out_of_reach_names_mutants_that_exist() -> None:
    assert {name for bug in catalogue() for name in bug.mutants} <= set(MUTANTS)


@pytest.mark.parametrize(
    ("changes", "shows"),
    [
        ({}, True),
        ({"verdict": "crashed"}, True),
        ({"verdict": "concern"}, False),
        ({"verdict": "conforms"}, False),
        ({"clause": "VAL-1"}, False),
        ({"regime": "typical"}, False),
        ({"cell": "jax-eager-softmax-value-float32"}, False),
    ],
)
def test_a_bug_shows_in_a_red_judgement_of_its_cell_regime_and_clause(changes: dict[str, str], *, shows: bool) -> None:
    assert BUG.shows_in(replace(FOUND, **changes)) == shows


def test_what_the_framework_does_not_offer_was_not_asked() -> None:
    assert BUG.is_asked_in(replace(FOUND, verdict="conforms"))
    assert not BUG.is_asked_in(replace(FOUND, verdict="unsupported"))


@pytest.mark.parametrize(
    ("release", "asked", "seen", "as_documented"),
    [(BAD, 4, 1, True), (BAD, 4, 0, False), (GOOD, 4, 0, True), (GOOD, 4, 1, False), (GOOD, 0, 0, False)],
)
def test_a_release_is_as_documented_where_it_was_asked_and_is_red_or_green_as_due(
    release: Release, asked: int, seen: int, *, as_documented: bool
) -> None:
    assert Outcome(BUG, release, asked, seen).as_documented == as_documented


def score_of(*outcomes: Outcome) -> Score:
    unreachable = Bug("gpu-bug", "torch", "Wrong on a GPU", barrier="device", mutants=("x",))
    return Score(outcomes, (BUG, unreachable))


def test_the_score_counts_bugs_not_releases() -> None:
    score = score_of(Outcome(BUG, BAD, 4, 2), Outcome(BUG, GOOD, 4, 0))
    assert score.as_documented
    assert score.sentence == (
        "1 of 1 documented bugs are red on the releases that have them; of the 1 that a release has fixed 1 are green "
        "there; 1 are not shown here, 0 of them missed by the suite."
    )


def test_a_release_that_could_not_be_built_counts_against_its_bug() -> None:
    score = score_of(Outcome(BUG, BAD, problem="no such release"), Outcome(BUG, GOOD, 4, 0))
    assert not score.flagged(BUG)
    assert score.cleared(BUG)
    assert "NO (jax==0.4.35: no such release)" in score.markdown


def test_a_release_that_cannot_be_imported_counts_against_its_bug_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise UsageError("jax cannot be imported: ended by SIGABRT")

    monkeypatch.setattr("replay.replay.ask", refuse)
    (asked,) = plan([replace(BUG, releases=(BAD,))])
    (found,) = outcomes_of(Task(asked, ((BUG, BAD),), tmp_path))
    assert not found.as_documented
    assert "ended by SIGABRT" in found.words


def test_a_bug_that_no_release_mends_is_not_counted_as_mended() -> None:
    score = score_of(Outcome(BUG, BAD, 4, 2))
    assert score.cleared(BUG) is None
    assert "of the 0 that" in score.sentence


def test_the_score_is_stored_with_what_is_out_of_reach_and_why(tmp_path: Path) -> None:
    store(score_of(Outcome(BUG, BAD, 4, 2)), tmp_path)
    assert f"| gpu-bug | torch | {BARRIERS['device']} | x |" in (tmp_path / "replay.md").read_text("utf-8")
    assert '"flagged": true' in (tmp_path / "replay.json").read_text("utf-8")


def test_the_page_lists_what_the_catalogue_holds() -> None:
    assert PAGE.read_text("utf-8") == page(catalogue()), "run: PYTHONPATH=tests python -m replay.page"


def test_the_page_counts_what_is_shown_missed_and_out_of_reach() -> None:
    missed = Bug("missed", "jax", "A bug", barrier="unasked", out_of_reach="asks the argument b")
    unreached = Bug("far", "jax", "Another", barrier="device")
    listed = page([BUG, replace(BUG, id="twin"), replace(BUG, id="third"), missed, unreached])
    about = " ".join(listed.split())
    assert "**3 of 5** can be shown" in about
    assert "3 of them have a fixed release" in about
    assert "The matrix, which `logitproof run` tests, shows **3** of them." in about
    assert "Recall: 3 of 4, 75%; by the matrix alone 3 of 4, 75%." in about
    assert f"1: {BARRIERS['device']}" in about
    assert "| jax: A bug | asks the argument b | - |" in about


def test_the_readme_counts_what_the_catalogue_holds() -> None:
    counts = (
        len(catalogue()),
        len(reachable()),
        sum(bug.road == "calls" for bug in reachable()),
        sum(bug.is_missed for bug in catalogue()),
    )
    said = (
        "Of {} bugs in the catalogue, it detects {} on a CPU ({}\n  only by the extra calls of "
        "`logitproof upgrade` and `run --calls`) and misses {} that a CPU could show"
    )
    assert said.format(*counts) in (PAGE.parents[1] / "README.md").read_text("utf-8")


def test_bugs_of_one_release_share_a_run() -> None:
    twin = replace(BUG, id="twin", select="softmax and typical")
    runs = plan([BUG, twin])
    both = "(log_sum_exp) or (softmax and typical)"
    assert list(runs) == [ReplayRequest(one.requirements, "jax", "quick", both) for one in (BAD, GOOD)]
    assert [bug.id for bug, _ in next(iter(runs.values()))] == ["jax-bug", "twin"]
    assert len({asked.file for asked in runs}) == 2


def test_a_run_that_one_bug_wants_whole_is_whole() -> None:
    (asked, *_) = plan([BUG, replace(BUG, id="twin", select="")])
    assert asked.select == ""


def test_bugs_are_chosen_by_id_project_or_adapter() -> None:
    one = reachable()[0]
    assert chosen([one.id]) == [one]
    assert one in chosen([one.project])
    assert chosen([]) == reachable()


def test_bugs_are_looked_for_where_a_framework_is(tmp_path: Path) -> None:
    there = Bug(
        "there", "numpy", "x", adapter="numpy", cells=("numpy-eager-softmax-value-float32",), clauses=("VAL-1",)
    )
    chosen_alone = replace(there, select="eager-softmax-value-float32 and typical")
    elsewhere = replace(there, id="elsewhere", adapter="paddle")
    (found,) = look_for([chosen_alone, elsewhere], interpreter(sys.executable), tmp_path)
    assert (found.bug.id, found.seen, found.asked > 0) == ("there", 0, True)


def test_a_device_without_a_target_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--device", "cuda"]) == USAGE
    assert "--device goes with --python or --target" in capsys.readouterr().err


def test_a_word_that_names_no_bug_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-such-bug"]) == USAGE
    assert '"no-such-bug" is no bug that can be replayed' in capsys.readouterr().err
