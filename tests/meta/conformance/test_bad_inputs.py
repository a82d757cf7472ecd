"""Bad inputs: errors and NaN conform, documented answers conform, every other number is found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof_adapters.contract import Adapter, broadcast_labels, floating_indices, ignored_labels
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_conformance.checks.registry import CHECK_JUDGES
from logitproof_conformance.judging.judging import CellEvaluation
from logitproof_conformance.plan.bad_inputs import (
    BAD_INPUTS,
    BAD_LABELS,
    INVALID_ARGUMENTS,
    LABEL_FORMATS,
    NO_CLASSES,
    takes,
)
from logitproof_conformance.plan.cases import Case, plan_cases
from logitproof_conformance.plan.checks import CHECKS, MIXED_PRECISION
from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reference.vocabulary.cells import PLAIN, Cell, Options
from meta.mutants.errors import broadcast, filled
from meta.mutants.mutant import Mutant, MutantAdapter, ask_control

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Inputs
    from logitproof_reference.vocabulary.judgement import Judgement

LOSS = Cell("mutant", "eager", "softmax_cross_entropy", "value", "float32", "indices")
SOFT_LOSS = replace(LOSS, labels="distributions")


class Stub(MutantAdapter):
    """The control with `ask` around it; takes options, and documents what it is told."""

    def __init__(self, ask: Callable[[Cell, Inputs], NDArray[Any]], **documented: Any) -> None:
        super().__init__(Mutant("stub", "None.", "ERR-1", (LOSS.op, LOSS.labels, LOSS.quantity), ask=ask))
        vars(self).update(documented)

    def unsupported(self, cell: Cell) -> str | None:
        """Return why the control has no such cell; options are left to `ask`."""
        return super().unsupported(replace(cell, options=PLAIN))


def judged(adapter: Adapter, check: str, cell: Cell = LOSS) -> Judgement:
    (found,) = CHECK_JUDGES[check](CellEvaluation(adapter, cell, "quick"), Case(cell, check, "errors"))
    return found


def refusing(cell: Cell, inputs: Inputs) -> NDArray[Any]:
    """Refuse all labels but those in int64."""
    if inputs.labels is not None and inputs.labels.dtype != np.int64:
        raise TypeError("labels must be int64")
    return ask_control(cell, inputs)


@pytest.mark.parametrize("check", BAD_INPUTS)
def test_every_bad_input_is_a_check_of_a_clause_and_is_asked_in_the_quick_profile(check: str) -> None:
    assert CHECKS[check] == "errors"
    format_ = MIXED_PRECISION.get(check, "float32")
    assert any(takes(check, replace(cell, format=format_)) for cell in (LOSS, SOFT_LOSS))
    asked = {case.cell.id for case in plan_cases(NumpyAdapter(), "quick") if case.regime == check}
    assert all("eager" in cell and f"-{format_}" in cell for cell in asked)
    assert asked


def test_clauses_of_bad_inputs_exist() -> None:
    assert {invalid_argument.clause for invalid_argument in INVALID_ARGUMENTS.values()} | {
        "ERR-1",
        "ERR-4",
        "IO-6",
    } <= set(CLAUSES)


@pytest.mark.parametrize(
    "check", [*BAD_LABELS, "labels_one_short", "one_label_for_all", "floating_indices", NO_CLASSES]
)
def test_an_error_conforms_and_its_words_are_kept(check: str) -> None:
    found = judged(NumpyAdapter(), check, replace(LOSS, adapter="numpy"))
    assert found.verdict == "conforms"
    assert found.reason.startswith(("IndexError: ", "ValueError: ", "TypeError: "))


@pytest.mark.parametrize("check", BAD_LABELS)
@pytest.mark.parametrize("quantity", ["value", "grad_logits"])
def test_nan_in_the_row_of_a_bad_label_conforms(check: str, quantity: str) -> None:
    assert judged(Stub(filled(np.nan)), check, replace(LOSS, quantity=quantity)).verdict == "conforms"


@pytest.mark.parametrize("value", [0.0, 2.5, np.inf])
def test_a_number_in_the_row_of_a_bad_label_deviates_with_its_value(value: float) -> None:
    found = judged(Stub(filled(value)), "label_n")
    assert found.verdict == "deviates"
    assert found.reason == f"label 10 with 10 classes returns {value:.9g}, expected an error or NaN"


def test_a_documented_ignored_label_costs_exactly_0_and_other_labels_do_not() -> None:
    assert judged(Stub(filled(0.0), ignored_labels=(-100,)), "label_minus_100").verdict == "conforms"
    assert judged(Stub(filled(0.0), ignored_labels=(-100,)), "label_minus_1").verdict == "deviates"
    assert judged(Stub(filled(1e-30), ignored_labels=(-100,)), "label_minus_100").verdict == "deviates"
    assert judged(Stub(filled(np.nan), ignored_labels=(-100,)), "label_minus_100").verdict == "deviates"


def test_a_bad_label_that_spoils_good_rows_is_told_with_a_spoiled_row() -> None:
    found = judged(Stub(filled(np.nan, whole_batch=True)), "label_n")
    assert found.verdict == "deviates"
    assert "changes the results of" in found.reason


@pytest.mark.parametrize(("check", "cell"), [("one_label_for_all", LOSS), ("one_class_for_all", SOFT_LOSS)])
def test_broadcast_labels_conform_where_documented_alone(check: str, cell: Cell) -> None:
    assert judged(Stub(broadcast), check, cell).verdict == "deviates"
    assert judged(Stub(broadcast, broadcast_labels=(cell.labels,)), check, cell).verdict == "conforms"


def test_a_documented_broadcast_must_give_the_answer_of_the_broadcast_labels() -> None:
    def last_row_for_all(cell: Cell, inputs: Inputs) -> NDArray[Any]:
        return ask_control(cell, replace(inputs, labels=np.full(len(inputs.logits), 3)))

    found = judged(Stub(last_row_for_all, broadcast_labels=("indices",)), "one_label_for_all")
    assert found.verdict == "deviates"


def truncating(cell: Cell, inputs: Inputs) -> NDArray[Any]:
    """Take floating-point indices for the integers below them."""
    assert inputs.labels is not None
    return ask_control(cell, replace(inputs, labels=inputs.labels.astype(np.int64)))


def test_floating_indices_conform_where_documented_alone() -> None:
    assert judged(Stub(truncating), "floating_indices").verdict == "deviates"
    assert judged(Stub(truncating, floating_indices=True), "floating_indices").verdict == "conforms"


def test_documented_floating_indices_must_give_the_answer_of_the_integers() -> None:
    def of_the_next_class(cell: Cell, inputs: Inputs) -> NDArray[Any]:
        assert inputs.labels is not None
        return ask_control(cell, replace(inputs, labels=(inputs.labels.astype(np.int64) + 1) % 10))

    assert judged(Stub(of_the_next_class, floating_indices=True), "floating_indices").verdict == "deviates"


def without_options(cell: Cell, inputs: Inputs) -> NDArray[Any]:
    """Answer as if no option had been given: smoothing and reduction taken as they come, weights cut or stretched."""
    return ask_control(replace(cell, options=PLAIN), replace(inputs, weight=None, pos_weight=None))


def raising(cell: Cell, inputs: Inputs) -> NDArray[Any]:
    """Refuse everything."""
    raise ValueError(f"{cell.id} at {inputs.axis} is refused")


OPTION_CHECKS = [name for name, invalid_argument in INVALID_ARGUMENTS.items() if invalid_argument.options != PLAIN]


@pytest.mark.parametrize("check", OPTION_CHECKS)
@pytest.mark.parametrize("cell", [LOSS, SOFT_LOSS], ids=["indices", "distributions"])
def test_wrong_options_and_weights_that_are_taken_deviate(check: str, cell: Cell) -> None:
    found = judged(Stub(without_options), check, cell)
    assert (found.verdict, found.clause) == ("deviates", INVALID_ARGUMENTS[check].clause)
    assert judged(Stub(raising), check, cell).verdict == "conforms"


def test_a_mean_that_is_nan_for_a_row_of_nan_is_no_refusal_of_an_unknown_reduction() -> None:
    def taking_it_for_the_mean(cell: Cell, inputs: Inputs) -> NDArray[Any]:
        return ask_control(replace(cell, options=Options(reduction="mean")), inputs)

    found = judged(Stub(taking_it_for_the_mean), "unknown_reduction")
    assert (found.verdict, found.clause) == ("deviates", "ERR-3")


@pytest.mark.parametrize("check", LABEL_FORMATS)
def test_labels_in_another_format_give_the_same_answer_or_an_error(check: str) -> None:
    assert judged(Stub(ask_control), check).verdict == "conforms"
    refused = judged(Stub(refusing), check)
    assert (refused.verdict, refused.reason) == ("conforms", "TypeError: labels must be int64")


def test_an_adapter_that_documents_nothing_ignores_and_broadcasts_nothing() -> None:
    assert ignored_labels(NumpyAdapter()) == ()
    assert broadcast_labels(NumpyAdapter()) == ()
    assert not floating_indices(NumpyAdapter())
    assert isinstance(NumpyAdapter(), Adapter)
