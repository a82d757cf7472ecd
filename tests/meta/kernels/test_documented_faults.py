"""Each documented fault of loss heads is named by its clause; the same head without it conforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import logitproof
from logitproof.kernels.cases import head_cases
from logitproof.kernels.judging.request import Request
from meta.kernels import documented_faults
from meta.kernels.one_in_three import one_in_three

if TYPE_CHECKING:
    from collections.abc import Iterable

    from logitproof.kernels.findings.verdict import KernelVerdict

FEW = ("ordinary", "peaked", "offset", "one class", "one row")


def judged(planted: documented_faults.Planted, monkeypatch: pytest.MonkeyPatch, names: Iterable[str]) -> KernelVerdict:
    monkeypatch.setitem(head_cases.SHAPES, "quick", {name: head_cases.QUICK[name] for name in names})
    function, gradient = planted.functions
    function.__name__ = "head"
    return logitproof.check(
        function, op="linear_cross_entropy", gradient=gradient, format=planted.formats, **planted.declared
    )


@pytest.mark.parametrize("planted", one_in_three([*documented_faults.FAULTS, *documented_faults.INVENTED]))
def test_a_documented_fault_is_named(planted: documented_faults.Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    more = ("many rows",) if planted.clause == "LIN-3" else ()
    for names in (("ordinary",), (*FEW, *more)):  # most show in the first case already
        verdict = judged(planted, monkeypatch, names)
        wrong = [found for found in verdict.judgements if found.verdict == "deviates"]
        if named := [found for found in wrong if found.clause == planted.clause]:
            break
    assert named, verdict.details()
    assert any(planted.says in found.reason for found in named), [found.reason for found in named]


@pytest.mark.parametrize(
    "planted", one_in_three(documented_faults.CORRECT, lambda one: " ".join(one.declared) or "plain")
)
def test_the_head_without_a_fault_conforms(planted: documented_faults.Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    more = ("many rows",) if set(planted.declared) <= {"bias"} else ()
    verdict = judged(planted, monkeypatch, (*FEW, *more))
    wrong = [
        (found.clause, found.regime, found.format, found.reason) for found in verdict.judgements if not found.expected
    ]
    assert not wrong
    declared = set(planted.declared)
    named = {found.clause for found in verdict.judgements}
    assert ("LIN-5" in named) == ("bias" in declared)
    assert ("LIN-10" in named) == ("learned" in declared)
    assert ("LIN-6" in named) >= bool(declared & {"scale", "temperature", "softcap", "factors"})
    assert ("LIN-7" in named) >= bool(declared & {"z_loss", "divisor", "shift"})


def test_fifteen_faults_have_a_thread_of_their_own() -> None:
    assert len({one.thread for one in documented_faults.FAULTS}) >= 15
    assert {one.clause for one in documented_faults.FAULTS} >= {"LIN-2", "LIN-3", "LIN-6", "LIN-7", "LIN-8"}


def test_a_clause_that_is_left_out_takes_no_other_with_it() -> None:
    assert Request(without=("LIN-1",)).asks("LIN-10")
    assert not Request(without=("LIN-1",)).asks("LIN-1")
    assert not Request(without=("LIN",)).asks("LIN-10")
