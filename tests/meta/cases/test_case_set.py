"""The case set is the same for everyone: no adapter can change what the next cell is asked."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from logitproof_conformance.judging.judging import CellEvaluation
from logitproof_conformance.plan.batches import common_batches
from logitproof_conformance.plan.cases import plan_cells
from logitproof_conformance.session.without_pytest import judge_regimes
from logitproof_reference.cases.regime import Rows
from meta.mutants.mutant import SOFTMAX, Mutant, MutantAdapter, ask_control

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs


def overwriting(cell: Cell, inputs: Inputs) -> NDArray[Any]:
    """Answer as the control does, and leave nothing of the inputs."""
    copies: dict[str, Any] = {name: array.copy() for name, array in inputs.arrays().items()}
    answer = ask_control(cell, replace(inputs, **copies))
    for array in inputs.arrays().values():
        if array.flags.writeable:
            array[...] = 0
    return answer


def bits(format_: str) -> list[bytes]:
    rows = [batch.rows for batch in common_batches(format_, "quick", "softmax")]
    return [getattr(each, part.name).tobytes() for each in rows for part in fields(Rows)]


def test_inputs_that_an_adapter_writes_over_leave_the_case_set_as_it_was() -> None:
    adapter = MutantAdapter(
        Mutant("overwriting", "Zeros are written over the inputs.", "IO-2", SOFTMAX, ask=overwriting)
    )
    before, broken = bits("float32"), set()
    for cell in plan_cells(adapter, "quick"):
        if cell.format == "float32" and adapter.unsupported(cell) is None:
            found = [one for _, one in judge_regimes(CellEvaluation(adapter, cell, "quick"), "quick")]
            broken |= {one.clause for one in found if one.verdict == "deviates"}
    assert bits("float32") == before
    assert broken == {"IO-2"}
