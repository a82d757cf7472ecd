"""One answer of a function compared with the exact answer: by the MUST bound, then by the SHOULD bound."""

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
    from logitproof_reference.judging.compare import Comparison
    from logitproof_reference.numerics.enclosure import Enclosure
    from logitproof_reference.vocabulary.cells import Cell
    from logitproof_reference.vocabulary.formats import F64, Format
    from logitproof_reference.vocabulary.judgement import Judgement

    Array = NDArray[Any]


@dataclass(frozen=True)
class Bounded:
    """An answer with the exact one, and what a bound says of both; see `against`."""

    observed: Array
    exact: Enclosure
    bound: F64
    comparison: Comparison

    @property
    def is_right(self) -> bool:
        """Whether every number lies within the bound."""
        return bool((self.comparison.conforms | self.comparison.undecided).all())

    @property
    def worst_row(self) -> int:
        """The row of the number that is furthest off."""
        return int(np.unravel_index(self.comparison.worst(), self.observed.shape)[0])

    def judgement(
        self, cell: Cell, case: str, clause: str, wrong: str, *, named: str = "", inputs: str = ""
    ) -> Judgement:
        """Return the judgement by a clause; `wrong` is its verdict on a wrong answer, `named` what that may be."""
        comparison, is_right = self.comparison, self.is_right
        at = np.unravel_index(comparison.worst(), self.observed.shape)
        row, element = int(at[0]), int(at[1]) if len(at) > 1 else -1
        seen, true, allowed, slack = (
            float(one[at]) for one in (self.observed, self.exact.value, self.bound, comparison.slack)
        )
        place = f"row {row}" + (f", column {element}" if element >= 0 else "")
        reason = f"{place}: {seen:.9g}, exactly {true:.9g}; error / bound {slack:.3g}{named}"
        return on_cell(
            cell,
            case,
            clause=clause,
            grade=clause_of(clause).level,
            verdict="conforms" if is_right else wrong,
            reason="" if is_right else reason,
            elements=self.observed.size,
            ulps=float(comparison.ulps.max()),
            slack=float(comparison.slack.max()),
            nats=float(comparison.error.max()),
            row=row,
            element=element,
            exact=true.hex(),
            observed=seen.hex(),
            bound=f"{allowed:.6g}",
            inputs="" if is_right else inputs,
            digest=digest(self.observed),
        )


def against(observed: Array, exact: Enclosure, bound: F64, format_: Format) -> Bounded:
    """Compare an answer with the exact one of its shape, by a bound that may be one number for several."""
    allowed = np.broadcast_to(bound, exact.shape)
    return Bounded(observed, exact, allowed, compare(observed, exact, allowed, format_))


def crash_reason(error: Exception) -> str:
    """Describe what a kernel raised, in a line."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:300]}"


@dataclass(frozen=True)
class Held:
    """The exact answer and bounds that one answer is compared with.

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
            reason = crash_reason(error)
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
        found = against(observed, self.truth, self.bound(arithmetic), FORMATS[self.cell.format])
        named = suspect(observed) if suspect is not None and not found.is_right else ""
        return found.judgement(self.cell, self.case, id_, wrong, named=named)
