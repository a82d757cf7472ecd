"""An adapter is asked the functions it names, and judged in the dialect it documents."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof_adapters.contract import Dialect, entries
from logitproof_adapters.control import softmax as control
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_adapters.sources.unsupported import not_wrapped
from logitproof_conformance.asking.dialect_choices import choices_of, stated_dialects
from logitproof_conformance.judging.judging import CellEvaluation
from logitproof_conformance.plan.cases import cases_of, plan_cells
from logitproof_conformance.session.without_pytest import judge_regimes
from logitproof_reference.oracle.loss_options import LossOptions
from logitproof_reference.vocabulary.cells import Cell, Options

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Inputs

LOSS = "softmax_cross_entropy"
PLAIN_GRADIENT = Cell("spoken", "eager", LOSS, "grad_logits", "float32", "distributions")
WEIGHTED_MEAN = Cell(
    "spoken", "eager", LOSS, "value", "float32", "indices", options=Options(weight=True, reduction="mean")
)


class Spoken(NumpyAdapter):
    """The control, with a dialect, and one more function."""

    name = "spoken"
    entries = {(LOSS, "indices"): ("other",)}  # noqa: RUF012 - as an adapter writes it

    def __init__(self, spoken: Dialect, *, doubled: float = 1.0) -> None:
        super().__init__()
        self.spoken = spoken
        self.doubled = doubled

    def unsupported(self, cell: Cell) -> str | None:
        return not_wrapped(cell, self.modes, self.entries)

    def dialect(self, cell: Cell) -> Dialect:
        del cell
        return self.spoken

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        answer = super().evaluate(replace(cell, entry=""), inputs)
        with np.errstate(over="ignore"):
            return answer * answer.dtype.type(self.doubled) if cell.entry == "other" else answer


class TakesUnitTotals(Spoken):
    """Differentiates as TensorFlow documents: softmax minus label, whatever the label's sum."""

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        if (cell.labels, cell.quantity) != ("distributions", "grad_logits"):
            return super().evaluate(cell, inputs)
        assert inputs.labels is not None
        assert inputs.cotangent is not None
        with np.errstate(all="ignore"):
            softmax = control.softmax(inputs.logits)
            gradient: NDArray[Any] = (softmax - inputs.labels) * inputs.cotangent[:, None]
        return gradient


class DividesByRows(Spoken):
    """Averages over all rows, weights or not."""

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        if cell.options.reduction != "mean":
            return super().evaluate(cell, inputs)
        summed = replace(cell, options=replace(cell.options, reduction="sum"))
        answer: NDArray[Any] = super().evaluate(summed, inputs) / np.float32(len(inputs.logits))
        return answer


def verdicts(adapter: Spoken, cell: Cell) -> dict[str, str]:
    """Return the most severe verdict a regime or check."""
    found: dict[str, str] = {}
    for case, judgement in judge_regimes(CellEvaluation(adapter, cell, "quick"), "quick"):
        if found.get(case.regime) != "deviates":
            found[case.regime] = judgement.verdict
    return found


def test_a_gradient_that_takes_labels_to_sum_to_one_conforms_where_it_is_documented() -> None:
    documented = Dialect(unnormalized_gradient="tensorflow")
    assert verdicts(TakesUnitTotals(documented), PLAIN_GRADIENT)["unnormalized_labels"] == "conforms"
    assert verdicts(TakesUnitTotals(Dialect()), PLAIN_GRADIENT)["unnormalized_labels"] == "deviates"
    assert verdicts(Spoken(documented), PLAIN_GRADIENT)["unnormalized_labels"] == "deviates"


def test_a_mean_over_rows_conforms_where_it_is_documented() -> None:
    documented = Dialect(mean_over="rows")
    assert set(verdicts(DividesByRows(documented), WEIGHTED_MEAN).values()) == {"conforms"}
    assert "deviates" in verdicts(DividesByRows(Dialect()), WEIGHTED_MEAN).values()
    assert "deviates" in verdicts(Spoken(documented), WEIGHTED_MEAN).values()


def test_each_function_named_is_asked_and_judged() -> None:
    cells = list(plan_cells(Spoken(Dialect()), "quick"))
    further = [cell for cell in cells if cell.entry]
    assert {(cell.labels, cell.quantity, cell.entry) for cell in further} == {
        ("indices", "value", "other"),
        ("indices", "grad_logits", "other"),
    }
    (value,) = (cell for cell in further if cell.quantity == "value")
    assert not {"deviates", "crashed"} & set(verdicts(Spoken(Dialect()), value).values())
    assert "deviates" in verdicts(Spoken(Dialect(), doubled=2.0), value).values()


def test_the_full_profile_asks_each_function_with_options() -> None:
    options = {cell.options for cell in plan_cells(Spoken(Dialect()), "full") if cell.entry}
    assert len(options) > 10


def test_a_function_that_is_not_named_is_unsupported_with_the_reason() -> None:
    cell = Cell("spoken", "eager", LOSS, "value", "float32", "indices", entry="unknown")
    (case,) = cases_of(Spoken(Dialect()), cell, "quick")
    assert case.chapter == "unsupported"
    assert not entries(NumpyAdapter())


@pytest.mark.parametrize("name", sorted(Dialect().__dict__.keys() & vars(LossOptions()).keys() - {"reduction"}))
def test_the_defaults_of_a_dialect_are_those_of_the_reference(name: str) -> None:
    assert getattr(Dialect(), name) == getattr(LossOptions(), name)


def test_only_choices_that_change_an_answer_decide_which_answer_is_exact() -> None:
    adapter = Spoken(Dialect(mean_over="rows", unnormalized_gradient="tensorflow"))
    assert choices_of(adapter, PLAIN_GRADIENT) == (("unnormalized_gradient", "tensorflow"),)
    assert choices_of(adapter, WEIGHTED_MEAN) == (("mean_over", "rows"),)
    assert choices_of(adapter, replace(WEIGHTED_MEAN, options=Options())) == ()


def test_a_run_tells_the_dialect_of_every_loss() -> None:
    told = stated_dialects(Spoken(Dialect(documentation="https://example.org", mean_over="rows")))
    assert [(one["op"], one["labels"], one["entry"]) for one in told] == [
        (LOSS, "indices", ""),
        (LOSS, "indices", "other"),
        (LOSS, "distributions", ""),
        ("sigmoid_cross_entropy", "distributions", ""),
    ]
    assert all(one["mean_over"] == "rows" and one["documentation"] for one in told)
