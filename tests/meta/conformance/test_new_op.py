"""A new op is a row and its formulas: oracle, bounds, plan and control take it from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof.kernels.causes.causes import explaining
from logitproof.kernels.causes.symptoms import Symptoms
from logitproof_adapters.control import sigmoid as control_sigmoid
from logitproof_adapters.control import softmax as control
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_conformance.judging.judging import CellEvaluation
from logitproof_conformance.plan.cells import every_cell
from logitproof_conformance.session.without_pytest import judge_regimes
from logitproof_reference import ExactRows
from logitproof_reference.bounds import producers, table
from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.assumptions import MUST
from logitproof_reference.bounds.error_model import BoundedValue
from logitproof_reference.cases.hashed_numbers import normals
from logitproof_reference.judging import accuracy_classes
from logitproof_reference.oracle import closed_forms, definitions, infinite_logits, multiprecision, sigmoid
from logitproof_reference.oracle.definitions import SigmoidElement
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.vocabulary.cells import Cell
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS, QUANTITIES, Formulas, Op

if TYPE_CHECKING:
    from types import ModuleType


SURPRISE = Op(
    "surprise",
    {
        "value": Formulas("surprises", "surprises", "surprises", infinities="surprises", control="surprises"),
        "grad_logits": Formulas("surprise_vjp", "surprise_vjp", "surprise_vjp", control="surprise_vjp"),
        "jvp": Formulas("surprise_jvp", "surprise_jvp", "surprise_jvp", control="surprise_jvp"),
    },
    keeps_classes=True,
    offers_hvp=False,
    laws=frozenset({"shifted_rows", "permuted_classes"}),
)
"""-log p_j of every class."""

DOUBLED = Op(
    "doubled",
    {"value": Formulas("doubled", "doubled", "doubled", control="doubled")},
    laws=frozenset({"shifted_rows", "permuted_classes"}),
    shift_slope=2.0,
)
"""Twice the log-sum-exp: a common shift moves it, and it falls to -inf with the logits."""


def rounding_free_double(one: BoundedValue) -> BoundedValue:
    """Return the bound of twice a number."""
    return BoundedValue(2.0 * one.value, 2.0 * one.error)


FORMULAS: dict[ModuleType, dict[str, Any]] = {
    closed_forms: {
        "doubled": lambda core, terms: closed_forms.log_sum_exp(core, terms).scaled(1),
        "surprises": lambda core, terms: -closed_forms.log_softmax(core, terms),
        "surprise_vjp": lambda core, terms: -closed_forms.log_softmax_vjp(core, terms),
        "surprise_jvp": lambda core, terms: -closed_forms.log_softmax_jvp(core, terms),
    },
    definitions: {
        "doubled": lambda row: 2 * row.log_sum_exp,
        "surprises": lambda row: row.surprise,
        "surprise_vjp": lambda row: [-value for value in definitions.log_softmax_vjp(row)],
        "surprise_jvp": lambda row: [-value for value in definitions.log_softmax_jvp(row)],
    },
    infinite_logits: {"surprises": lambda terms, absent: -infinite_logits.log_softmax(terms, absent)},
    table: {
        "doubled": lambda asked: rounding_free_double(table.log_sum_exp(asked)),
        "surprises": lambda asked: -table.log_softmax(asked),
        "surprise_vjp": lambda asked: -table.log_softmax_vjp(asked),
        "surprise_jvp": lambda asked: -table.log_softmax_jvp(asked),
    },
    control: {
        "doubled": lambda x: 2 * control.log_sum_exp(x),
        "surprises": lambda x: -control.log_softmax(x),
        "surprise_vjp": lambda x, c: -control.grad_log_softmax(x, c),
        "surprise_jvp": lambda x, v: -control.jvp_log_softmax(x, v),
    },
}


@pytest.fixture
def surprise(monkeypatch: pytest.MonkeyPatch) -> Op:
    """Put the ops in their place: a row, and functions in the modules that hold an op's formulas."""
    monkeypatch.setitem(OPS, SURPRISE.name, SURPRISE)
    monkeypatch.setitem(OPS, DOUBLED.name, DOUBLED)
    for module, functions in FORMULAS.items():
        for name, function in functions.items():
            monkeypatch.setattr(module, name, function, raising=False)
    return SURPRISE


@pytest.mark.parametrize("quantity", SURPRISE.formulas)
def test_oracle_and_definition_agree_on_a_new_op(surprise: Op, quantity: str) -> None:
    logits, given = normals("new op", (5, 7)), normals("new op, given", (5, 7))
    logits[1, 2] = -np.inf
    taken = {"grad_logits": {"cotangent": given}, "jvp": {"tangent": given}}.get(quantity, {})
    request = checked_request(surprise.name, quantity, logits, **taken)
    one, other = ExactRows(logits).answer(request), multiprecision.evaluate(request)
    np.testing.assert_array_equal(one.value, other.value)
    finite = np.isfinite(one.value)
    apart = np.abs((one.tail - other.tail)[finite])
    assert (apart <= (one.radius + other.radius)[finite]).all()


def test_a_new_op_is_planned_where_its_row_says(surprise: Op) -> None:
    cells = [cell for cell in every_cell(NumpyAdapter()) if cell.op == surprise.name]
    assert {cell.quantity for cell in cells} == {"value", "grad_logits", "jvp"}
    assert {cell.axis for cell in cells if cell.quantity == "value"} == {"last", "first", "middle"}
    assert {cell.format for cell in cells} == set(FORMATS)
    assert not any(cell.labels != "none" for cell in cells)


@pytest.mark.parametrize("quantity", SURPRISE.formulas)
def test_a_new_op_is_judged_by_its_own_bound(surprise: Op, quantity: str) -> None:
    cell = Cell("numpy", "eager", surprise.name, quantity, "float32")
    found = [judgement for _, judgement in judge_regimes(CellEvaluation(NumpyAdapter(), cell, "quick"), "quick")]
    clauses = {judgement.clause for judgement in found}
    assert {"value": {"VAL-1", "LAW-3", "EXT-2"}, "grad_logits": {"GRD-1"}, "jvp": {"JVP-1"}}[quantity] <= clauses
    assert {judgement.verdict for judgement in found if judgement.grade == "MUST"} <= {"conforms", "unsupported"}


@pytest.mark.usefixtures("surprise")
def test_a_new_op_that_moves_with_its_logits_is_judged_by_its_slope() -> None:
    cell = Cell("numpy", "eager", DOUBLED.name, "value", "float32")
    found = [judgement for _, judgement in judge_regimes(CellEvaluation(NumpyAdapter(), cell, "quick"), "quick")]
    assert {judgement.clause for judgement in found} >= {"VAL-1", "LAW-3", "EXT-4", "ERR-4"}
    assert {judgement.verdict for judgement in found if judgement.grade == "MUST"} <= {"conforms", "unsupported"}


@pytest.mark.usefixtures("surprise")
def test_no_cause_is_guessed_of_a_new_op() -> None:
    logits = normals("new op", (5, 7))
    wrong, exact = np.ones(5, dtype=bool), 2 * control.log_sum_exp(logits)
    given = Symptoms(DOUBLED.name, "value", "float32", logits, None, None, exact / 2, exact, wrong, wrong)
    assert explaining(given) == {}


def test_a_new_op_with_a_fault_is_outside_its_bound(surprise: Op) -> None:
    logits = normals("new op", (5, 7)).astype(np.float32)
    request = checked_request(surprise.name, "value", logits)
    error = ExactRows(logits).answer(request).distance(1.001 * -control.log_softmax(logits))
    assert (error > bound(request, FORMATS["float32"], MUST)).all()


@pytest.mark.parametrize(("op", "quantity"), [(op.name, quantity) for op in OPS.values() for quantity in op.formulas])
def test_every_function_that_a_row_names_exists(op: str, quantity: str) -> None:
    row, formulas = OPS[op], OPS[op].formulas[quantity]
    elementwise = row.elementwise
    forms = sigmoid if elementwise else closed_forms
    homes: dict[str, tuple[Any, str]] = {
        "closed form": (forms, formulas.closed_form),
        "closed form at an index": (forms, formulas.closed_form_at_index),
        "definition": (SigmoidElement if elementwise else definitions, formulas.definition),
        "infinities": (sigmoid if elementwise else infinite_logits, formulas.infinities),
        "bound": (table, formulas.bound),
        "moved": (producers, formulas.moved),
        "control": (control_sigmoid if elementwise else control, formulas.control),
        **{question: (accuracy_classes, function) for question, function in formulas.accuracy},
    }
    assert [what for what, (home, name) in homes.items() if name and not callable(getattr(home, name, None))] == []
    assert {question for question, _ in formulas.accuracy} <= set(accuracy_classes.CLASSES)
    assert not QUANTITIES[quantity].operand or QUANTITIES[quantity].operand in row.operands
