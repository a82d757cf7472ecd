"""Labels out of range of loss heads, a second backward pass through one graph, and a second derivative."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import logitproof
from logitproof.kernels.cases import head_cases
from logitproof.kernels.families.by_format import verdict_by_format
from logitproof.kernels.families.heads import AskedHead
from logitproof.kernels.judging.request import Request
from logitproof.kernels.judging.truth import Question
from logitproof_adapters.contract import Description
from logitproof_adapters.kernels.declaration import Declaration
from meta.kernels.fused import by_logits, logits_of, row_losses

if TYPE_CHECKING:
    from logitproof.kernels.findings.verdict import KernelVerdict
    from logitproof_reference.vocabulary.cells import Cell, Inputs

    Array = np.ndarray[Any, Any]

HEAD = "linear_cross_entropy"


@pytest.fixture(autouse=True)
def one_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out all products but a small one."""
    monkeypatch.setitem(head_cases.SHAPES, "quick", {"ordinary": head_cases.Shape(7, 8, 12)})
    monkeypatch.setattr(head_cases, "BY_IDENTITY", ())


def head(h: Array, w: Array, labels: Array, *, of: str, mean: bool = False) -> Array:
    z = logits_of(h, w)
    outside = (labels < 0) | (labels >= len(w))
    if of == "error" and outside.any():
        raise IndexError("label out of range")
    within = labels % len(w) if of == "wraps" else np.clip(labels, 0, len(w) - 1)
    losses = row_losses(z, within)
    losses = np.where(outside, {"zero": 0.0, "nan": np.nan, "other": 7.5}.get(of, losses), losses)
    return np.asarray(losses.mean() if mean else losses, h.dtype)


def gradient(h: Array, w: Array, labels: Array, c: Array, *, mean: bool = False) -> tuple[Array, Array]:
    g = by_logits(logits_of(h, w), labels % len(w), c / len(h) if mean else c)
    return g @ w, g.T @ h


def judged(of: str, *, mean: bool = False, **declared: Any) -> KernelVerdict:
    function, by = partial(head, of=of, mean=mean), partial(gradient, mean=mean)
    function.__name__ = "head"  # type: ignore[attr-defined]
    return logitproof.check(function, op=HEAD, gradient=by, format="float32", **declared)


@pytest.mark.parametrize(
    ("of", "note"),
    [
        ("wraps", "label -1 of 10 classes gives the loss of class 9: declare --refuses error"),
        ("clipped", "label -1, -100 of 10 classes gives the loss of class 0"),
        ("zero", "label -1, 10, -100, 27 of 10 classes gives 0, and a gradient"),
        ("other", "label -1, 10, -100, 27 of 10 classes gives a number"),
    ],
)
def test_a_number_for_a_label_out_of_range_is_noted(of: str, note: str) -> None:
    verdict = judged(of)
    assert verdict.conforms
    assert any(note in one for one in verdict.notes), verdict.notes
    refusing = judged(of, refuses="error")
    assert {one.clause for one in refusing.judgements if not one.expected} == {"ERR-1"}


@pytest.mark.parametrize("of", ["error", "nan"])
def test_an_error_or_nan_is_right_and_not_noted(of: str) -> None:
    assert not judged(of).notes
    assert judged(of, refuses="error").conforms


def test_of_a_mean_the_whole_is_judged() -> None:
    verdict = judged("wraps", mean=True, reduction="mean")
    assert any("label -1 of 10 classes gives the loss of class 9" in one for one in verdict.notes)
    assert judged("nan", mean=True, reduction="mean", refuses="nan").conforms


class Graph:
    """An adapter of a framework that keeps the graph of a forward pass, and of what a head may do wrong with it."""

    name, modes, arithmetic, keeps_graph = "graph", ("eager",), None, True

    def __init__(self, second: str, twice: str = "", otherwise: str = "") -> None:
        self.second, self.twice, self.otherwise = second, twice, otherwise

    def describe(self) -> Description:
        return Description("graph", "0", {})

    def unsupported(self, cell: Cell) -> str | None:
        del cell

    def evaluate(self, cell: Cell, inputs: Inputs) -> Array:
        h, w, labels = inputs.logits, inputs.projection, inputs.labels
        if self.otherwise == "refused" and cell.quantity.startswith(("tracked", "alone")):
            raise RuntimeError("weight must require a gradient")
        if cell.quantity.endswith("value"):
            return head(h, w, labels, of="error") * (0.5 if cell.quantity == self.otherwise else 1.0)
        assert inputs.cotangent is not None
        if cell.quantity == self.otherwise:
            return np.zeros_like(h if cell.quantity.endswith("hidden") else w)
        if cell.quantity.startswith("alone"):
            cell = replace(cell, quantity=cell.quantity.removeprefix("alone_"))
        quantity = cell.quantity.removeprefix("second_")
        times = 1.0
        if quantity != cell.quantity:
            if self.second == "error":
                raise RuntimeError("Trying to backward through the graph a second time")
            times = inputs.cotangent[:, None] if self.second == "scaled again" else 1.0
        if quantity == "hvp_hidden":
            return self.derivative(h, w, labels, inputs)
        g = by_logits(logits_of(h, w), labels, inputs.cotangent) * times
        return (g @ w if quantity == "grad_hidden" else g.T @ h).astype(h.dtype)

    def derivative(self, h: Array, w: Array, labels: Array, inputs: Inputs) -> Array:
        if self.twice == "constant":
            raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
        if self.twice == "refused":
            raise RuntimeError("marked with @once_differentiable")
        assert inputs.tangent is not None
        dh, dw = (part.reshape(one.shape) for part, one in zip(np.split(inputs.tangent, [h.size]), (h, w), strict=True))
        z, c = logits_of(h, w), inputs.cotangent[:, None]  # type: ignore[index]
        p = by_logits(z, labels, np.ones(len(h)))
        p[np.arange(len(h)), labels] += 1
        dz = dh @ w.T + h @ dw.T
        dp = p * (dz - (p * dz).sum(axis=1, keepdims=True))
        parts = (c * dp) @ w, by_logits(z, labels, inputs.cotangent) @ dw
        return np.asarray(parts[1] if self.twice == "softmax held" else parts[0] + parts[1], h.dtype)


def of_graph(second: str, twice: str = "", otherwise: str = "") -> KernelVerdict:
    request = Request(formats=("float32",))
    quantities = ("value", "grad_hidden", "grad_weight")
    asked = Question(HEAD, "indices", "value", Declaration())
    adapter: Any = Graph(second, twice, otherwise)
    return verdict_by_format(AskedHead, adapter, asked, quantities, request=request, formats=("float32",))


@pytest.mark.parametrize("second", ["same", "error"])
def test_a_second_pass_that_is_right_or_an_error_conforms(second: str) -> None:
    verdict = of_graph(second)
    assert verdict.conforms, verdict.details()
    assert not verdict.notes
    assert [one.quantity for one in verdict.judgements if one.clause == "IO-7"] == ["grad_hidden", "grad_weight"]


def test_a_second_pass_that_scales_again_deviates() -> None:
    wrong = [one for one in of_graph("scaled again").judgements if not one.expected]
    assert {one.clause for one in wrong} == {"IO-7"}


@pytest.mark.parametrize(
    ("otherwise", "clause", "regime"),
    [
        ("tracked_value", "LIN-1", "ordinary, beside gradients"),
        ("untracked_value", "LIN-1", "ordinary, without gradients"),
        ("alone_grad_hidden", "LIN-2", "ordinary, the other operands frozen"),
        ("alone_grad_weight", "LIN-3", "ordinary, the other operands frozen"),
    ],
)
def test_a_number_that_depends_on_which_gradients_are_asked_deviates(otherwise: str, clause: str, regime: str) -> None:
    wrong = [one for one in of_graph("same", otherwise=otherwise).judgements if not one.expected]
    assert [(one.clause, one.regime) for one in wrong] == [(clause, regime)]


def test_a_head_that_refuses_frozen_operands_is_noted() -> None:
    verdict = of_graph("same", otherwise="refused")
    assert verdict.conforms
    assert [note.partition(",")[0] for note in verdict.notes] == ["value", "grad_hidden", "grad_weight"]


@pytest.mark.parametrize(
    ("twice", "note"), [("constant", "constant to autograd"), ("softmax held", "is another"), ("refused", "")]
)
def test_a_second_derivative_that_is_wrong_without_a_word_is_noted(twice: str, note: str) -> None:
    verdict = of_graph("same", twice)
    assert verdict.conforms
    assert bool(verdict.notes) == bool(note)
    assert all(note in one for one in verdict.notes)
