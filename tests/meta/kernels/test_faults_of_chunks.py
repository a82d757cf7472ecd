"""Faults of heads in chunks are named by their clauses; the head without one conforms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import logitproof
from logitproof.kernels.cases import head_cases
from meta.kernels.faults_of_chunks import FAULTS, MEAN, Planted
from meta.kernels.one_in_three import one_in_three

if TYPE_CHECKING:
    from logitproof.kernels.findings.verdict import KernelVerdict

SMALL = head_cases.Shape(37, 24, 70)
WIDE = head_cases.Shape(2, 4, 32_769)


def judged(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> KernelVerdict:
    shape = WIDE if planted.fault == "labels in int16" else SMALL
    monkeypatch.setitem(head_cases.SHAPES, "quick", {"ordinary": shape})
    monkeypatch.setattr(head_cases, "BY_IDENTITY", ())
    function, gradient = planted.functions
    function.__name__ = "head"
    return logitproof.check(
        function, op="linear_cross_entropy", gradient=gradient, format="float32", **planted.declared
    )


@pytest.mark.parametrize("planted", one_in_three(FAULTS))
def test_a_fault_is_named(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = judged(planted, monkeypatch)
    named = [one for one in verdict.judgements if one.clause == planted.clause and one.verdict == "deviates"]
    assert any(planted.says in one.reason for one in named), verdict.details()


@pytest.mark.parametrize(
    "declared",
    [{**MEAN, "shift": True}, {"z_loss": 1e-2, **MEAN}, {"bias": True, "scale": 0.5, "softcap": 5.0}],
    ids=" ".join,
)
def test_the_head_without_a_fault_conforms(declared: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = [one for one in judged(Planted("", "", declared), monkeypatch).judgements if not one.expected]
    assert [(one.clause, one.regime, one.reason) for one in wrong] == []
