"""Faults of heads that were written without having seen the judge are named; the head without one conforms."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import logitproof
from logitproof.kernels.cases import head_cases
from meta.kernels.faults_of_twelve_heads import CORRECT, FAULTS, Planted
from meta.kernels.one_in_three import one_in_three

if TYPE_CHECKING:
    from logitproof.kernels.findings.verdict import KernelVerdict

SMALL = head_cases.Shape(37, 24, 70, at_borders=True)
CASES = {
    "ordinary": SMALL,
    "other rows ignored": replace(SMALL, other_rows=True),
    "prompt": head_cases.QUICK["prompt"],
    "far apart": head_cases.QUICK["far apart"],
}
WAS_MISSED = [one for one in FAULTS if one.case in ("other rows ignored", "far apart") or "border" in one.fault]


@pytest.fixture(autouse=True)
def no_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask real products alone."""
    monkeypatch.setattr(head_cases, "BY_IDENTITY", ())
    monkeypatch.setitem(head_cases.SHAPES, "quick", CASES)


def judged(planted: Planted) -> KernelVerdict:
    head = planted.head
    return logitproof.check(
        head.value, op="linear_cross_entropy", gradient=head.gradient, format="float32", **planted.declared
    )


@pytest.mark.parametrize("planted", [*WAS_MISSED, *one_in_three([one for one in FAULTS if one not in WAS_MISSED])])
def test_a_fault_is_named(planted: Planted) -> None:
    head_cases.SHAPES["quick"] = {name: CASES[name] for name in ("ordinary", planted.case)}
    verdict = judged(planted)
    named = [one for one in verdict.judgements if one.clause == planted.clause and one.verdict == "deviates"]
    assert any(planted.says in one.reason and planted.case in one.regime for one in named), verdict.details()


@pytest.mark.parametrize("correct", CORRECT, ids=lambda one: " ".join(one.declared))
def test_the_head_without_a_fault_conforms(correct: Planted) -> None:
    wrong = [one for one in judged(correct).judgements if not one.expected]
    assert [(one.clause, one.regime, one.reason) for one in wrong] == []
