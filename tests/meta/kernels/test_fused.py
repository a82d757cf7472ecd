"""Fused kernels: correct ones of several algorithms conform, faulty ones break the clause that names their fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import logitproof
from logitproof.errors import UsageError
from logitproof.kernels.cases import head_cases
from meta.kernels import fused

if TYPE_CHECKING:
    from logitproof.kernels.findings.verdict import KernelVerdict

FEW = {name: head_cases.QUICK[name] for name in ("ordinary", "offset", "one class", "one row")}
MANY_ROWS = {"sums of chunks in bfloat16", "chunked, sums in float32"}
"""The kernels that are asked of 4,096 rows too, where such sums part."""


@pytest.fixture(autouse=True)
def fewer_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the largest products, which single tests ask."""
    monkeypatch.setitem(head_cases.SHAPES, "quick", FEW)


def judged(kernel: fused.Fused) -> KernelVerdict:
    if kernel.name in MANY_ROWS:
        head_cases.SHAPES["quick"] = {**FEW, "many rows": head_cases.QUICK["many rows"]}
    return logitproof.check(
        kernel.function,
        op="linear_cross_entropy",
        gradient=kernel.gradient,
        format=kernel.formats,
        **kernel.declared,
    )


def broken(verdict: KernelVerdict) -> set[str]:
    return {found.clause for found in verdict.judgements if not found.expected}


@pytest.mark.parametrize("kernel", fused.CORRECT, ids=lambda one: one.name)
def test_correct_code_conforms(kernel: fused.Fused) -> None:
    verdict = judged(kernel)
    assert broken(verdict) == set(), verdict.details()
    assert verdict.conforms
    assert {found.clause for found in verdict.judgements} >= {"LIN-1", "LIN-2", "LIN-3", "LIN-4"}


@pytest.mark.parametrize("kernel", fused.FAULTY, ids=lambda one: one.name)
def test_a_faulty_kernel_breaks_its_clause(kernel: fused.Fused) -> None:
    head_cases.SHAPES["quick"] = {"ordinary": FEW["ordinary"]}
    if kernel.name in MANY_ROWS or kernel.clause not in broken(judged(kernel)):  # most show in the first case already
        head_cases.SHAPES["quick"] = FEW
        assert kernel.clause in broken(judged(kernel))


def test_wide_and_deep_products_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(head_cases.SHAPES, "quick", {name: head_cases.QUICK[name] for name in ("deep", "wide")})
    verdict = judged(fused.Fused("plain", fused.plain, fused.plain_gradient, formats=("float32",)))
    assert verdict.conforms
    assert {found.regime for found in verdict.judgements} >= {"deep", "wide", "identity, saturated"}


def test_what_a_good_implementation_reaches_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def as_a_sequential_sum_may_be(h: Any, w: Any, labels: Any) -> Any:
        return fused.plain(h, w, labels) + np.float32(1e-3 if len(w) > 30_000 else 0)

    monkeypatch.setitem(head_cases.SHAPES, "quick", {"wide": head_cases.QUICK["wide"]})
    verdict = logitproof.check(as_a_sequential_sum_may_be, op="linear_cross_entropy", format="float32")
    assert {found.clause for found in verdict.judgements if found.verdict == "concern"} == {"LIN-4"}
    assert verdict.conforms


def test_what_a_kernel_raises_or_returns_is_judged() -> None:
    def raises(h: Any, w: Any, labels: Any) -> Any:
        if len(h) > 30:
            raise ValueError("too many rows")
        return fused.plain(h, w, labels)

    verdict = logitproof.check(raises, op="linear_cross_entropy", format="float32")
    assert {found.reason for found in verdict.judgements if found.verdict == "crashed"} == {"ValueError: too many rows"}
    mean = logitproof.check(lambda h, w, y: fused.plain(h, w, y).mean(), op="linear_cross_entropy", format="float32")
    assert {found.reason for found in mean.judgements if found.verdict == "deviates"} >= {
        "the result has shape (), expected (37,)"
    }


@pytest.mark.parametrize(
    ("declared", "complaint"),
    [
        ({"weight": True}, "weight is not judged of linear_cross_entropy"),
        ({"bias": True, "op": "softmax_cross_entropy"}, "bias is declared of linear_cross_entropy, not of softmax"),
        ({"framework": "mlx"}, "is asked of kernels of numpy, torch, jax; mlx is not among them"),
        ({"labels": "distributions"}, 'labels "distributions" do not go with linear_cross_entropy; it takes indices'),
        ({"quantities": ["grad_logits"]}, 'quantity "grad_logits" is not one of linear_cross_entropy'),
        ({"format": "bfloat16", "function": len}, "the kernel does not take bfloat16"),
    ],
)
def test_what_is_not_judged_is_refused(
    declared: dict[str, Any], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logitproof.kernels.check.refuse_missing", lambda *_, **__: None)
    given: dict[str, Any] = {"function": fused.plain, **declared}
    with pytest.raises(UsageError, match=complaint.replace("(", r"\(")):
        logitproof.check(given.pop("function"), op=given.pop("op", "linear_cross_entropy"), **given)
