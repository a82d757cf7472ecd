"""One answer of a function held against its exact answer: by the MUST bound, then by the SHOULD bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_conformance.asking.ask import digest
from logitproof_reference.bounds.assumptions import MUST, SHOULD
from logitproof_reference.judging.compare import compare
from logitproof_reference.specification.clauses import clause as clause_of
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.judgement import on_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.numerics.enclosure import Enclosure
    from logitproof_reference.vocabulary.cells import Cell
    from logitproof_reference.vocabulary.formats import F64
    from logitproof_reference.vocabulary.judgement import Judgement

    Array = NDArray[Any]


@dataclass(frozen=True)
class Held:
    """What is asked of one answer.

    Attributes
    ----------
    cell, case : Cell, str
        What was asked, and the name of the numbers.
    clause, best_effort : str
        The clause of the MUST bound and that of the SHOULD bound; the second may be empty.
    truth : Enclosure
    bound : callable
        Takes an `Arithmetic`.
    arithmetic : Arithmetic or None
        The declared one.
    """

    cell: Cell
    case: str
    clause: str
    best_effort: str
    truth: Enclosure
    bound: Callable[[Arithmetic], F64]
    arithmetic: Arithmetic | None = None

    def judged(self, ask: Callable[[], Array], suspect: Callable[[Array], str] | None = None) -> Iterator[Judgement]:
        """Yield the judgements of an answer; `suspect` says of a wrong one what it may be."""
        grade = clause_of(self.clause).level
        try:
            observed = ask()
        except Exception as error:  # noqa: BLE001 - whatever a kernel raises is a result
            reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:300]}"
            yield on_cell(self.cell, self.case, clause=self.clause, grade=grade, verdict="crashed", reason=reason)
            return
        if observed.shape != self.truth.shape:
            reason = f"the result has shape {observed.shape}, expected {self.truth.shape}"
            yield on_cell(self.cell, self.case, clause=self.clause, grade=grade, verdict="deviates", reason=reason)
            return
        yield self._within(observed, self.clause, self.arithmetic or MUST, "deviates", suspect)
        if self.best_effort:
            yield self._within(observed, self.best_effort, SHOULD, "concern", None)

    def _within(
        self, observed: Array, id_: str, arithmetic: Arithmetic, wrong: str, suspect: Callable[[Array], str] | None
    ) -> Judgement:
        allowed = self.bound(arithmetic)
        comparison = compare(observed, self.truth, allowed, FORMATS[self.cell.format])
        is_right = bool((comparison.conforms | comparison.undecided).all())
        at = np.unravel_index(comparison.worst(), observed.shape)
        seen, true, slack = (float(one[at]) for one in (observed, self.truth.value, comparison.slack))
        named = suspect(observed) if suspect is not None and not is_right else ""
        reason = f"row {at[0]}: {seen:.9g}, exactly {true:.9g}; error / bound {slack:.3g}{named}"
        return on_cell(
            self.cell,
            self.case,
            clause=id_,
            grade=clause_of(id_).level,
            verdict="conforms" if is_right else wrong,
            reason="" if is_right else reason,
            elements=observed.size,
            ulps=float(comparison.ulps.max()),
            slack=float(comparison.slack.max()),
            nats=float(comparison.error.max()),
            row=int(at[0]),
            element=int(at[1]) if len(at) > 1 else -1,
            exact=true.hex(),
            observed=seen.hex(),
            bound=f"{float(allowed[at]):.6g}",
            digest=digest(observed),
        )
