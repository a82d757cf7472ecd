"""Faults of heads over shards are named by their clauses in the first lines; heads of unusual designs conform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import logitproof
from logitproof.kernels.cases import head_cases
from meta.kernels.faults_of_shards import DESIGNS, FAULTS, Design, Planted
from meta.kernels.one_in_three import LEFT_OUT

if TYPE_CHECKING:
    from logitproof.kernels.findings.verdict import KernelVerdict

SMALL = head_cases.Shape(37, 24, 70)
FIRST = 5
"""Lines of a verdict that a reader sees at once."""

pytestmark = LEFT_OUT


def judged(one: Planted | Design, monkeypatch: pytest.MonkeyPatch, formats: tuple[str, ...]) -> KernelVerdict:
    monkeypatch.setitem(head_cases.SHAPES, "quick", {"ordinary": SMALL, "prompt": head_cases.QUICK["prompt"]})
    function, gradient = one.functions
    function.__name__ = "head"
    return logitproof.check(function, op="linear_cross_entropy", gradient=gradient, format=formats, **one.declared)


@pytest.mark.parametrize("planted", FAULTS, ids=lambda one: one.fault)
def test_a_fault_is_named_in_the_first_lines(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = judged(planted, monkeypatch, ("float32",))
    lines = [line for line in str(verdict).splitlines() if line.strip()][:FIRST]
    assert any(planted.clause in line and planted.says in line for line in lines), lines


@pytest.mark.parametrize("design", DESIGNS, ids=lambda one: one.name)
def test_a_design_conforms(design: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = [one for one in judged(design, monkeypatch, design.formats).judgements if not one.expected]
    assert [(one.clause, one.regime, one.format, one.reason) for one in wrong] == []
