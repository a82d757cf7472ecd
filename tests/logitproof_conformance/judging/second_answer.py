"""A second answer to the same rows: wherever the first is within its bound, it must be too."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from logitproof_conformance.asking.ask import digest
from logitproof_conformance.judging.judging import judgement, spell, verdict_on
from logitproof_conformance.programs.repro import rows_to_show

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_adapters.contract import Adapter
    from logitproof_conformance.judging.rules import ComparedBatch
    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.cases.regime import Rows
    from logitproof_reference.vocabulary.cells import Cell, Inputs
    from logitproof_reference.vocabulary.judgement import Judgement


@dataclass(frozen=True)
class SecondAnswer:
    """Two answers to one batch, and how the second was asked for.

    Attributes
    ----------
    clause, says : str
        The clause, and what distinguishes the second: "in a second backward pass".
    first, second : ComparedBatch
        The answers, compared with the same exact ones.
    cell : Cell
        What was asked the second time.
    inputs : callable
        Lays rows out as they were handed in the second time.
    """

    clause: str
    says: str
    first: ComparedBatch
    second: ComparedBatch
    cell: Cell
    inputs: Callable[[Rows], Inputs]

    @property
    def lost(self) -> NDArray[np.bool_]:
        """The elements that were within their bound the first time alone."""
        return self.first.must.conforms & ~self.second.must.conforms


def judge_as_good(adapter: Adapter, case: Case, asked: SecondAnswer) -> Judgement:
    """Judge the second answer; describe the worst element that it lost."""
    lost = asked.lost
    found = replace(
        judgement(case, asked.clause, verdict_on(asked.clause, good=not lost.any())),
        elements=asked.second.observed.size,
        digest=digest(asked.second.observed),
    )
    if not lost.any():
        return found
    slack = np.where(lost, asked.second.must.slack, -1.0)
    return _described(adapter, found, asked, np.unravel_index(int(np.argmax(slack)), slack.shape))


def _described(adapter: Adapter, found: Judgement, asked: SecondAnswer, at: tuple[np.intp, ...]) -> Judgement:
    """Add both answers at an element, with how to see the second again."""
    batch, row = asked.second.batch, int(at[0])
    regime, number = batch.locate(row)
    inputs = asked.inputs(rows_to_show(asked.cell, batch, row))
    before, after = float(asked.first.observed[at]), float(asked.second.observed[at])
    return replace(
        found,
        reason=f"row {number} of {regime}: {after:.9g} {asked.says}, {before:.9g} without; "
        f"{int(asked.lost.sum())} of {asked.lost.size} elements are no longer within their bound",
        slack=float(asked.second.must.slack[at]),
        row=number,
        element=int(at[1]) if len(at) > 1 else -1,
        exact=before.hex(),
        observed=after.hex(),
        inputs=spell(inputs.arrays()),
        repro=adapter.repro(asked.cell, inputs),
    )
