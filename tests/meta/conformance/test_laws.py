"""The laws that relate answers: rows that shift exactly, bounds without order, faults told with both questions."""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof_adapters import contract
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_conformance.asking.truth import arguments_of
from logitproof_conformance.checks import modes
from logitproof_conformance.checks.laws_of_symmetry import shiftable
from logitproof_conformance.checks.modes import run_alone
from logitproof_conformance.checks.registry import CHECK_JUDGES
from logitproof_conformance.judging.judging import CellEvaluation
from logitproof_conformance.plan.batches import common_batches
from logitproof_conformance.plan.cases import Case, main_questions, plan_cases
from logitproof_conformance.plan.checks import LAWS
from logitproof_reference import softmax_cross_entropy
from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.assumptions import MUST
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.vocabulary.cells import Cell, Options
from logitproof_reference.vocabulary.formats import FORMATS
from meta.mutants.catalogue import MUTANTS
from meta.mutants.mutant import MutantAdapter
from meta.oracle.derivatives import DerivativesAdapter, softmax_product, total

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_adapters.contract import Adapter
    from logitproof_reference.vocabulary.cells import Inputs
    from logitproof_reference.vocabulary.formats import Format
    from logitproof_reference.vocabulary.judgement import Judgement
    from meta.oracle.derivatives import F64


def judged(adapter: Adapter, cell: Cell, check: str, profile: str = "quick") -> list[Judgement]:
    return list(CHECK_JUDGES[check](CellEvaluation(adapter, cell, profile), Case(cell, check, "laws")))


@pytest.mark.parametrize("format_", FORMATS.values(), ids=list(FORMATS))
def test_shiftable_rows_and_their_shifts_are_numbers_of_the_format_large_and_small(format_: Format) -> None:
    rows, shifts = shiftable(format_, 400, 10)
    assert rows.dtype == format_.dtype
    assert np.abs(shifts).max() == 2.0 ** (format_.precision - 1)
    assert np.abs(shifts).min() == 16
    assert (np.sign(shifts) == [1, -1] * 200).all()
    moved = (rows.astype(np.float64) + shifts[:, None]).astype(format_.dtype).astype(np.float64)
    assert (moved - shifts[:, None] == rows.astype(np.float64)).all()
    assert len(np.unique(rows.astype(np.float64))) > 16


@pytest.mark.parametrize("question", main_questions(), ids="-".join)
def test_a_bound_knows_no_order_of_the_classes(question: tuple[str, str, str]) -> None:
    op, labels, quantity = question
    (batch,) = common_batches("float32", "quick", op)
    rows = batch.rows[batch.slices["typical"]]
    given = arguments_of(Cell("any", "eager", op, quantity, "float32", labels), rows)
    allowed = bound(checked_request(op, quantity, rows.logits, **given), batch.format, MUST)
    turned = {name: array[:, ::-1] if array.ndim > 1 else array for name, array in given.items()}
    if labels == "indices":
        turned["labels"] = batch.classes - 1 - turned["labels"]
    other = bound(checked_request(op, quantity, rows.logits[:, ::-1], **turned), batch.format, MUST)
    np.testing.assert_allclose(other, allowed[:, ::-1] if allowed.ndim > 1 else allowed, rtol=1e-9)


class LogitsAsGradient(NumpyAdapter):
    """Returns the logits for their gradient, as a kernel that wrote none into its buffer."""

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        return inputs.logits.copy() if cell.quantity == "grad_logits" else super().evaluate(cell, inputs)


@pytest.mark.parametrize("format_", ["float32", "float64"])
def test_rows_whose_sum_no_number_holds_are_left_out_of_the_law_of_sums(format_: str) -> None:
    cell = Cell("numpy", "eager", "softmax_cross_entropy", "grad_logits", format_, "indices")
    evaluation = CellEvaluation(LogitsAsGradient(), cell, "full")
    assert any(np.abs(batch.rows.logits.astype(np.float64)).max() > 1e38 for batch in evaluation.batches)
    (found,) = CHECK_JUDGES["row_sums"](evaluation, Case(cell, "row_sums", "laws"))
    assert (found.verdict, found.clause) == ("concern", "LAW-2")
    assert np.isfinite(float.fromhex(found.observed))


def first_class_unmoved(p: F64, v: F64) -> F64:
    """Treat the greatest logit as if it did not move, as a maximum whose derivative is stopped halfway."""
    leads = p == p.max(axis=-1, keepdims=True)
    return softmax_product(p, np.where(leads, 0, v))


def one_sided(p: F64, v: F64) -> F64:
    """Leave p out on one side of the product p p^T."""
    return p * v - p * total(v)


FAULTS = {
    "forward mode drops a factor": ({"forward": lambda p, v: p * v - total(p * v)}, "jvp", "forward_and_reverse"),
    "forward mode takes the maximum for constant": ({"forward": first_class_unmoved}, "jvp", "forward_and_reverse"),
    "second order drops p on one side": ({"second": one_sided}, "hvp", "second_vector"),
    "second order clips the vector": (
        {"second": lambda p, v: softmax_product(p, np.clip(v, -1, 1))},
        "hvp",
        "second_vector",
    ),
}


def exact_value(spelled: str) -> float:
    """Return the number of which the head and the tail are spelled."""
    head, sign, tail = spelled.partition(" ")
    return float.fromhex(head) + (float.fromhex(tail.replace(" ", "")) if sign else 0.0)


@pytest.mark.parametrize("fault", FAULTS)
def test_derivatives_that_break_their_law_are_told_with_both_questions(fault: str) -> None:
    parts, quantity, check = FAULTS[fault]
    cell = Cell("derivatives", "eager", "softmax" if quantity == "jvp" else "log_sum_exp", quantity, "float32")
    (found,) = judged(DerivativesAdapter(**parts), cell, check)
    assert (found.clause, found.verdict) == ("LAW-8" if quantity == "jvp" else "LAW-9", "deviates")
    assert found.exact != found.observed
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(found.repro, {})  # noqa: S102 - our own text
    products = [float(line.rpartition(" ")[2]) for line in printed.getvalue().splitlines() if "vector" in line]
    assert products == pytest.approx([exact_value(found.exact), float.fromhex(found.observed)], rel=1e-12)
    assert {"logits", "vector"} <= set(json.loads(found.inputs))
    assert found.slack > 1
    assert found.elements > 300


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(("op", "quantity"), [("softmax", "jvp"), ("log_sum_exp", "jvp"), ("log_sum_exp", "hvp")])
def test_right_derivatives_keep_every_law(op: str, quantity: str, format_: str) -> None:
    cell, adapter = Cell("derivatives", "eager", op, quantity, format_), DerivativesAdapter()
    asked = [check for check, applies in LAWS.items() if applies(cell)]
    assert len(asked) == 3
    verdicts = {found.clause: found.verdict for check in asked for found in judged(adapter, cell, check)}
    assert set(verdicts.values()) == {"conforms"}


@pytest.mark.parametrize("clause", ["LAW-3", "LAW-4", "LAW-6", "LAW-7"])
def test_a_broken_law_names_row_answers_and_bound(clause: str) -> None:
    mutant = next(mutant for mutant in MUTANTS.values() if mutant.clause == clause)
    asked = [case for case in plan_cases(MutantAdapter(mutant), "quick") if case.cell == mutant.cell]
    found = [
        one for case in asked if case.regime in LAWS for one in judged(MutantAdapter(mutant), mutant.cell, case.regime)
    ]
    broken = next(one for one in found if one.clause == clause and one.verdict != "conforms")
    assert broken.row >= 0
    assert "row" in broken.reason
    assert broken.bound
    assert "logits" in json.loads(broken.inputs)


PROGRAMS = {
    "import os\nos.abort()": ("ended", "kills the process with signal 6"),
    "raise SystemExit(128 + 6)": ("ended", "kills the process with signal 6"),  # as a container or a remote shell exits
    "raise ValueError('10 is no class')": ("raised", "raises ValueError: 10 is no class"),
    "print('float32', [float('nan'), 1.0])": ("NaN", "returns nan"),
    "print('float32', [[float('nan')] * 2, [1.0, 2.0]])": ("NaN", "returns [nan, nan]"),
    "print('float32', [0.25, float('inf')])": ("answered", "returns 0.25"),
    "print('float32', [float('-inf'), 1.0])": ("answered", "returns -inf"),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_refusal_is_an_error_or_nan_and_no_end_of_the_process(program: str) -> None:
    expected, seen = PROGRAMS[program]
    outcome, told = run_alone(NumpyAdapter(), program)
    assert outcome == expected
    assert told.startswith(seen)


UNENDING = {
    "while True: pass": (1_000_000, "does not finish in 1 s of processor time"),
    "import time\ntime.sleep(3600)": (0.5, "does not finish in 0.5 s, waiting"),
}


@pytest.mark.parametrize("program", UNENDING)
def test_a_program_without_end_is_ended_and_no_refusal(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    factor, seen = UNENDING[program]
    monkeypatch.setattr(modes, "SECONDS", 1)
    monkeypatch.setattr(contract.adapter, "IDLE_FACTOR", factor)
    assert run_alone(NumpyAdapter(), program) == ("ended", seen)


def test_only_plain_eager_float32_is_asked_for_laws_in_the_quick_profile() -> None:
    adapter = MutantAdapter(MUTANTS["compiled_keeps_axis"])
    asked = [case for case in plan_cases(adapter, "quick") if case.regime in LAWS]
    assert {case.cell.format for case in asked} == {"float32"}
    assert {case.cell.mode for case in asked if case.regime != "eager_answer"} == {"eager"}
    assert {case.cell.mode for case in asked if case.regime == "eager_answer"} == {"compiled"}
    assert {(case.cell.axis, case.cell.layout) for case in asked} == {("last", "contiguous")}


class LossAdapter(DerivativesAdapter):
    """Gives the oracle's losses, rounded once; distributions may lose their smoothing."""

    def __init__(self, *, smooths_distributions: bool) -> None:
        super().__init__()
        self.smooths_distributions = smooths_distributions

    def unsupported(self, cell: Cell) -> str | None:
        del cell
        return None

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        smoothing = cell.options.label_smoothing if cell.labels == "indices" or self.smooths_distributions else 0.0
        labels = np.asarray(inputs.labels)
        loss = softmax_cross_entropy(inputs.logits, labels, weight=inputs.weight, label_smoothing=smoothing)
        return loss.round(cell.format)


@pytest.mark.parametrize("options", [Options(weight=True), Options(label_smoothing=0.125)], ids=["weight", "smoothing"])
def test_a_class_index_equals_its_one_hot_distribution_with_options_too(options: Options) -> None:
    cell = Cell("any", "eager", "softmax_cross_entropy", "value", "float32", "indices", options=options)
    asked = [
        case for case in plan_cases(LossAdapter(smooths_distributions=True), "quick") if case.cell.options == options
    ]
    assert any(case.regime == "one_hot_labels" for case in asked)
    right, wrong = (
        judged(LossAdapter(smooths_distributions=smooths), cell, "one_hot_labels")[0] for smooths in (True, False)
    )
    assert right.verdict == "conforms"
    assert wrong.verdict == ("deviates" if options.label_smoothing else "conforms")
