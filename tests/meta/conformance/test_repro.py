"""A repro of a wide row is a program that prints the framework's answer to that row, and is short enough to read."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_conformance.checks.registry import judge_empty_batch
from logitproof_conformance.judging.judging import CellEvaluation, judge_regime
from logitproof_conformance.judging.repro import MOST_CHARACTERS, program_of
from logitproof_conformance.plan.cases import Case
from logitproof_conformance.plan.layout import arrange
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


class Failing(NumpyAdapter):
    """The control, which raises for batches of so many rows."""

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
