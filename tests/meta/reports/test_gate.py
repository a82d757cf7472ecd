"""The gate of a run: what fails it, what a machine or a release changes about that, and what it says to do first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from logitproof.errors import UsageError, refuse_unknown
from logitproof.readers.gate import FAIL_ON, exit_code, first_steps
from logitproof_adapters.catalogue.tried_machines import DECISIVE, tried_machines, unshared
from logitproof_reports.diff.compare import diff
from logitproof_reports.diff.report import report_of
from logitproof_reports.diff.ruling import rule
from logitproof_reports.diff.to_terminal import verdict_lines
from logitproof_reports.exports.summary import sentences
from meta.reports.synthetic_runs import environment_of, judgement, run_of

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.judgement import Judgement
    from logitproof_reports.runs.schema import Run

BASE = judgement("torch", "eager", "float32", ("softmax", "none", "value", "VAL"), "nan")
WRONG = replace(BASE, verdict="deviates", observed="0x0p+0", exact="nan", reason="a NaN is hidden")
KNOWN = replace(WRONG, deviation="hides-nan")
STALE = replace(BASE, verdict="stale", reason="conforms, where the ledger expects a deviation")
RIGHT = replace(BASE, regime="typical")
ENTRY = {
    "id": "hides-nan",
    "clause": "EXT-1",
    "reason": "The kernel hides a NaN.",
    "upstream": "https://example.org/thread",
    "machines": "with AVX512-FP16",
    "applies": True,
    "carried": False,
}
TRIED = sorted(tried_machines()[0].facts)
NOVEL = [*TRIED, "amx_fp16"]


def run_on(features: list[str], *judgements: Judgement, carried: bool = False, untried: str = "2.14.1") -> Run:
    conditions = {"AVX512-FP16": "avx512_fp16" in features}
    entry = {**ENTRY, "applies": not carried, "carried": carried, "conditions": conditions}
    environment = environment_of("PyTorch", untried if carried else "2.13.0")
    machine: dict[str, Any] = {"machine": "x86_64", "cpu_features": features, "ledger": [entry], "tried": "2.13.0"}
    return replace(run_of("torch", *judgements), environments=[{**environment, **machine}])


@pytest.mark.parametrize("gate", FAIL_ON)
@pytest.mark.parametrize(
    ("run", "failing"),
    [
        (run_on(TRIED, RIGHT), set()),
        (run_on(TRIED, RIGHT, WRONG), {"known", "carried", "new", "recorded"}),
        (run_on(NOVEL, RIGHT, WRONG), {"known", "carried", "new"}),
        (run_on(TRIED, RIGHT, STALE), {"known", "carried", "new", "recorded"}),
        (run_on(NOVEL, RIGHT, STALE), {"known", "carried", "new"}),
        (run_on(NOVEL, RIGHT, replace(BASE, verdict="crashed")), {"known", "carried", "new", "recorded"}),
        (run_on(TRIED, RIGHT, KNOWN), {"known"}),
        (run_on(TRIED, RIGHT, KNOWN, carried=True), {"known", "carried"}),
        (run_on(TRIED, replace(BASE, verdict="unsupported")), set(FAIL_ON)),
    ],
    ids=["right", "wrong", "wrong there", "stale", "stale there", "crashed there", "known", "carried", "nothing"],
)
def test_a_gate_fails_what_it_names(run: Run, failing: set[str], gate: str) -> None:
    assert exit_code(run, gate) == (1 if gate in failing else 0)


def test_an_unknown_gate_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r'"slow" is not known; known: known, carried, new, recorded, never'):
        refuse_unknown("--fail-on", ("slow",), FAIL_ON)


def test_what_is_new_on_a_new_machine_is_told_with_what_is_new_about_it() -> None:
    assert list(first_steps(run_on(NOVEL, RIGHT, WRONG), Path("run.parquet"))) == [
        "torch: 1 verdict without a ledger entry; the ledger was tested on no machine with amx_fp16",
        "  show the worst: logitproof explain torch-eager-softmax-value-float32/nan --run run.parquet",
    ]
    assert list(first_steps(run_on(TRIED, RIGHT, STALE))) == [
        "torch: 1 stale ledger entry; the ledger was tested on such machines"
    ]
    assert list(first_steps(run_on(TRIED, RIGHT, KNOWN))) == []


def test_a_recorded_machine_shares_all_with_itself() -> None:
    for machine in tried_machines():
        assert machine.facts <= set(DECISIVE)
        assert unshared({*machine.facts, "sse2", "threads"}) == ""
    assert unshared([*TRIED, "amx_fp16"]) == "with amx_fp16"
    assert unshared(set(TRIED) - {"amx_tile"}) == "without AMX"


def test_a_stale_entry_is_the_ledgers_fault_and_told_apart() -> None:
    assert sentences(run_on(TRIED, RIGHT, STALE)) == [
        "1 stale ledger entry of torch 2.13.0; no new failure.",
        "torch 2.13.0: 1 of 1 judgements conform, 1 stale ledger entry, 0 new.",
    ]


def test_a_release_that_was_not_tried_tells_what_is_still_so_and_what_is_fixed() -> None:
    still = sentences(run_on(TRIED, RIGHT, KNOWN, carried=True))
    assert still[1] == (
        "torch 2.14.1: 1 of 2 judgements conform, 1 known deviation (recorded up to 2.13.0, still present), 0 new."
    )
    fixed = sentences(run_on(TRIED, RIGHT, carried=True))
    assert fixed[1] == "torch 2.14.1: 1 of 1 judgements conform, 0 new. Fixed since 2.13.0: hides-nan."


def test_an_older_release_that_was_not_tried_has_nothing_fixed() -> None:
    known = sentences(run_on(TRIED, RIGHT, KNOWN, carried=True, untried="2.12.0"))
    assert known[1] == (
        "torch 2.12.0: 1 of 2 judgements conform, 1 known deviation (recorded on 2.13.0, present here too), 0 new."
    )
    right = sentences(run_on(TRIED, RIGHT, carried=True, untried="2.12.0"))
    assert right[1] == "torch 2.12.0: 1 of 1 judgements conform, 0 new."


def test_a_profile_that_was_tried_on_no_release_has_nothing_fixed() -> None:
    run = run_on(TRIED, RIGHT, carried=True)
    untried = replace(run, environments=[{**run.environments[0], "tried": ""}])
    assert sentences(untried)[1] == "torch 2.14.1: 1 of 1 judgements conform, 0 new."


def test_a_diff_of_two_machines_names_the_feature_that_explains_a_change() -> None:
    before = run_on(TRIED, RIGHT, KNOWN)
    after = run_on(["avx2"], RIGHT, BASE)
    found = diff(before, after)
    told = " ".join(" ".join(verdict_lines(report_of(found, rule(found)))).split())
    assert "explained by AVX512-FP16 (the baseline's machine alone)" in told
    same_machine = diff(before, run_on(TRIED, RIGHT, BASE))
    assert "explained by" not in "\n".join(verdict_lines(report_of(same_machine, rule(same_machine))))
