"""Correct code breaks no MUST in the whole quick matrix, however it is written; its concerns are the known ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_conformance.judging.judging import CellEvaluation
from logitproof_conformance.plan.cases import plan_cells
from logitproof_conformance.session.without_pytest import judge_regimes
from logitproof_reference.bounds.assumptions import VACUOUS
from logitproof_reference.vocabulary.formats import FORMATS
from meta.mutants.findings import HARMLESS
from meta.mutants.streaming_implementation import StreamingAdapter
from meta.oracle.second_implementation import SecondAdapter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_adapters.contract import Adapter
    from logitproof_reference.vocabulary.cells import Cell, Inputs


class FlushingAdapter(SecondAdapter):
    """The second implementation on a machine that flushes subnormal results to zero.

    Not over this many classes that ordinary probabilities are subnormal: there the bound is that of wide accumulation,
    which grants no flush; see `bounds.assumptions.wide`.
    """

    name = "flushing"

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the answer without its subnormal numbers."""
        answer = super().evaluate(cell, inputs)
        smallest = FORMATS[cell.format].smallest_normal
        if inputs.logits.shape[inputs.axis] * smallest >= VACUOUS:
            return answer
        tiny = np.abs(answer.astype(np.float64)) < smallest
        return np.where(tiny, 0, answer).astype(answer.dtype)


CORRECT: dict[str, tuple[type[Adapter], set[str]]] = {
    "control": (NumpyAdapter, set()),
    "second": (SecondAdapter, {"EXT-6", "EXT-11", "ACC-2", "ACC-3", "ERR-5"}),  # NaN beside +inf; p - 1 at the label
    "streaming": (StreamingAdapter, {"EXT-6", "EXT-11", "ACC-2", "ACC-3", "ERR-5"}),
    "flushing": (FlushingAdapter, {"EXT-6", "EXT-9", "EXT-11", "LAW-2", "ACC-2", "ACC-3", "ERR-5"}),
}
"""Implementations, and the SHOULD clauses that they may break."""


def cells(adapter: Adapter, format_: str) -> list[Cell]:
    planned = (cell for cell in plan_cells(adapter, "quick") if cell.format == format_)
    return [cell for cell in planned if adapter.unsupported(cell) is None]


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("name", CORRECT)
def test_correct_code_breaks_no_must_in_the_whole_matrix(name: str, format_: str) -> None:
    build, expected = CORRECT[name]
    adapter = build()
    found = [
        one
        for cell in cells(adapter, format_)
        for _, one in judge_regimes(CellEvaluation(adapter, cell, "quick"), "quick")
    ]
    assert len(found) > 400
    assert sum(one.elements for one in found) > 10**5
    broken = [one for one in found if one.verdict not in HARMLESS]
    assert [(one.cell, one.regime, one.reason) for one in broken if one.verdict != "concern"] == []
    assert {one.clause for one in broken} <= expected


def test_second_implementation_is_other_code_than_the_control() -> None:
    control, second = NumpyAdapter(), SecondAdapter()
    asked = cells(control, "float32")
    assert [cell.id.partition("-")[2] for cell in asked] == [
        cell.id.partition("-")[2] for cell in cells(second, "float32")
    ]
    same = 0
    for cell in asked:
        answers = [CellEvaluation(adapter, cell, "quick") for adapter in (control, second)]
        first, other = (evaluation.answer(evaluation.common_batch).array for evaluation in answers)
        same += first.tobytes() == other.tobytes()
    assert same < len(asked) / 4
