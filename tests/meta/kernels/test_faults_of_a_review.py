"""Faults that a second review planted are named by their clauses; heads of four designs without one conform."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

import logitproof
from logitproof.kernels.cases import head_cases
from meta.kernels import faults_of_a_review, fused
from meta.kernels.faults_of_a_review import BIAS, CAP, FAULTS, MEAN, Options, gradient, value
from meta.kernels.one_in_three import one_in_three

if TYPE_CHECKING:
    from logitproof.kernels.findings.verdict import KernelVerdict

FEW = ("ordinary", "prompt")
ELSEWHERE = {
    "losses added in bfloat16": "many rows",
    "sums over classes in bfloat16": "wide",
    "bias twice at the label": "one row",
}
"""Faults that show in another product, or would be named wrongly there."""


@pytest.fixture(autouse=True)
def fewer_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the largest products."""
    monkeypatch.setitem(head_cases.SHAPES, "quick", {name: head_cases.QUICK[name] for name in FEW})


def judged(function: Any, by: Any, formats: tuple[str, ...], declared: dict[str, Any]) -> KernelVerdict:
    function.__name__ = "head"
    return logitproof.check(function, op="linear_cross_entropy", gradient=by, format=formats, **declared)


@pytest.mark.parametrize("planted", one_in_three(FAULTS))
def test_a_fault_is_named(planted: faults_of_a_review.Planted) -> None:
    if further := ELSEWHERE.get(planted.fault):
        head_cases.SHAPES["quick"] = {name: head_cases.QUICK[name] for name in ("ordinary", further)}
    function, by = planted.functions
    verdict = judged(function, by, planted.formats, planted.declared)
    named = [one for one in verdict.judgements if one.clause == planted.clause and one.verdict == "deviates"]
    assert any(planted.says in one.reason for one in named), verdict.details()
    is_declared = "z_loss" in planted.declared
    assert is_declared or not [one.reason for one in verdict.judgements if "z-loss" in one.reason]


@pytest.mark.parametrize(
    "declared",
    [{}, BIAS, MEAN, {**BIAS, "scale": 0.5}, CAP, {"scale": 0.5, "z_loss": 1e-2}, {"label_smoothing": 0.125}],
    ids=lambda one: " ".join(one) or "plain",
)
def test_the_head_without_a_fault_conforms(declared: dict[str, Any]) -> None:
    options = Options(**{name: one for name, one in declared.items() if name != "bias"})
    head, by = partial(value, o=options), partial(gradient, o=options)
    wrong = [one for one in judged(head, by, ("float32", "bfloat16"), declared).judgements if not one.expected]
    assert [(one.clause, one.regime, one.format, one.reason) for one in wrong] == []


@pytest.mark.parametrize("kernel", fused.CORRECT[:4], ids=lambda one: one.name)
def test_heads_of_other_designs_keep_to_strides_and_leave_their_operands(kernel: fused.Fused) -> None:
    verdict = judged(kernel.function, kernel.gradient, ("float32",), {})
    assert verdict.conforms
    assert {one.regime for one in verdict.judgements if one.clause == "IO-5"} == {
        "ordinary, columns",
        "ordinary, strided",
        "ordinary, expanded_cotangents",
    }
