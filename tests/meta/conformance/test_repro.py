"""A repro of a wide row is a program that prints the framework's answer to that row, and is short enough to read."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_adapters.targets.target import here
from logitproof_conformance.checks.registry import CHECK_JUDGES
from logitproof_conformance.checks.results import judge_empty_batch
from logitproof_conformance.judging.judging import CellEvaluation, judge_regime
from logitproof_conformance.plan.cases import Case
from logitproof_conformance.plan.layout import arrange
from logitproof_conformance.programs.repro import MOST_CHARACTERS, program_of, with_products, with_sum
from logitproof_reference.vocabulary.cells import Cell

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Inputs

GRADIENT = Cell("numpy", "eager", "softmax_cross_entropy", "grad_logits", "float32", "distributions")
WIDE = {"edges_1000": "zlib.decompress", "width_65537": "REGIMES"}
"""Regimes, and what the program makes their arrays of."""


@pytest.mark.parametrize("regime", WIDE)
def test_the_program_of_a_wide_row_prints_the_answer_to_it(regime: str) -> None:
    adapter = NumpyAdapter()
    batch = CellEvaluation(adapter, GRADIENT, "quick").batch_with(regime)
    row = batch.slices[regime].start + 1
    program = program_of(adapter, GRADIENT, batch, row)
    assert WIDE[regime] in program
    assert len(program) <= MOST_CHARACTERS
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    due = adapter.evaluate(GRADIENT, arrange(GRADIENT, batch.rows[row : row + 1]))
    assert json.loads(printed.partition(" ")[2]) == due.tolist()


class SpellsItself(NumpyAdapter):
    """The control, with arrays spelled by its own means: it knows no words for them."""

    def spelling(self, array: NDArray[Any]) -> str:
        plain = array.tolist() if array.dtype.kind == "i" else array.astype(float).tolist()
        return f'np.array({plain}, "{array.dtype.name}").reshape({array.shape})'


@pytest.mark.parametrize("regime", WIDE)
def test_a_program_is_the_same_whoever_spells_its_arrays_and_where(regime: str) -> None:
    batch = CellEvaluation(NumpyAdapter(), GRADIENT, "quick").batch_with(regime)
    row = batch.slices[regime].start + 1
    with RemoteAdapter("numpy", here()) as remote:
        programs = {program_of(adapter, GRADIENT, batch, row) for adapter in (NumpyAdapter(), SpellsItself(), remote)}
    assert len(programs) == 1
    assert "<<" not in programs.pop()


class Failing(NumpyAdapter):
    """The control, which raises for batches of this many rows."""

    def __init__(self, rows: range) -> None:
        super().__init__()
        self.rows = rows

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        if len(inputs.logits) in self.rows:
            raise RuntimeError("no kernel")
        return super().evaluate(cell, inputs)


def test_a_call_that_raises_and_an_empty_batch_have_a_program_too() -> None:
    evaluation = CellEvaluation(Failing(range(1_000_000)), GRADIENT, "quick")
    (crashed,) = judge_regime(evaluation, Case(GRADIENT, "typical", ""))
    assert crashed.verdict == "crashed"
    (empty,) = judge_empty_batch(evaluation, Case(GRADIENT, "empty_batch", ""))
    assert empty.verdict == "deviates"
    for found in (crashed, empty):
        assert "result = f(x, y, c)" in found.repro


class Refusing(NumpyAdapter):
    """The control, which raises where a batch holds one certain row."""

    def __init__(self, row: NDArray[Any]) -> None:
        super().__init__()
        self.row = row

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        if (inputs.logits == self.row).all(axis=1).any():
            raise ValueError("this row is refused")
        return super().evaluate(cell, inputs)


@pytest.mark.parametrize(("row", "rows"), [(0, 1), (3, None)])
def test_the_program_of_a_call_that_raises_asks_the_row_that_is_to_blame(row: int, rows: int | None) -> None:
    batch = CellEvaluation(NumpyAdapter(), GRADIENT, "quick").batch_with("saturated")
    part = batch.slices["saturated"]
    evaluation = CellEvaluation(Refusing(batch.rows.logits[part.start + row]), GRADIENT, "quick")
    shown = batch.rows[part][: rows or part.stop - part.start]
    (crashed,) = judge_regime(evaluation, Case(GRADIENT, "saturated", ""))
    assert crashed.reason == "ValueError: this row is refused"
    spelled = evaluation.adapter.repro(GRADIENT, arrange(GRADIENT, shown))
    assert crashed.repro == spelled
    # Where another regime of the batch holds the row, its rows are what the program asks.
    (crashed,) = judge_regime(evaluation, Case(GRADIENT, "typical", ""))
    assert crashed.repro == evaluation.adapter.repro(GRADIENT, arrange(GRADIENT, batch.rows[part]))


PRINTS = "result = [[0.25, 0.5]]\nprint('float32', result)"


@pytest.mark.parametrize(
    ("program", "printed"),
    [
        (with_sum(PRINTS), ["float32 [[0.25, 0.5]]", "sum: 0.75"]),
        (with_products([PRINTS], [np.array([[2.0, 4.0]])]), ["float32 [[0.25, 0.5]]", "times the vector: 2.5"]),
        (with_sum("result = 1"), []),
    ],
)
def test_a_program_prints_what_a_law_compares(
    program: str, printed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    exec(program, {})  # noqa: S102 - our own text
    assert capsys.readouterr().out.splitlines() == printed


class Doubling(NumpyAdapter):
    """Twice what the control answers."""

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        return 2 * super().evaluate(cell, inputs)

    def repro(self, cell: Cell, inputs: Inputs) -> str:
        return super().repro(cell, inputs).replace("result = f(", "result = 2 * f(")


def test_the_sum_of_a_row_that_breaks_its_law_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    cell = Cell("numpy", "eager", "softmax", "value", "float32")
    evaluation = CellEvaluation(Doubling(), cell, "quick")
    evaluation.batches = (evaluation.common_batch,)  # without those of one class, which are their own sums
    (found,) = CHECK_JUDGES["row_sums"](evaluation, Case(cell, "row_sums", ""))
    exec(found.repro, {})  # noqa: S102 - our own text
    assert float(capsys.readouterr().out.splitlines()[-1].removeprefix("sum: ")) == float.fromhex(found.observed) > 1.5


def test_a_row_of_one_class_is_asked_with_those_beside_it() -> None:
    cell = Cell("numpy", "eager", "softmax", "value", "float32")
    batch = CellEvaluation(NumpyAdapter(), cell, "quick").batch_with("one_class")
    row = len(batch.rows) - 1
    program = program_of(NumpyAdapter(), cell, batch, row)
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert 1 < len(json.loads(printed.partition(" ")[2])) == min(len(batch.rows), row % 16 + 1)
