"""The accuracy grade of a function (ACC-1): float32 code, code in the format, within the MUST bound, or outside."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_conformance.asking.truth import accuracy_bounds
from logitproof_conformance.judging.judging import (
    CellEvaluation,
    finite_rows,
    judgement,
    repro_of,
    spell_exact,
    spell_inputs,
    verdict_on,
)
from logitproof_reference.bounds.half_precision import ACCURACY_GRADES
from logitproof_reference.cases.catalogue import REGIMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof_adapters.contract import Adapter
    from logitproof_conformance.judging.rules import ComparedBatch
    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.judging.compare import Comparison
    from logitproof_reference.vocabulary.judgement import Judgement

    F64 = NDArray[np.float64]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class GradedBatch:
    """The accuracy grades of a batch; arrays are shaped like the answer."""

    adapter: Adapter
    seen: ComparedBatch

    @cached_property
    def in_float32(self) -> Comparison:
        """The comparison with the bound of grade A."""
        return self.seen.within(self._bounds["A"])

    @cached_property
    def chosen(self) -> Mask:
        """Numbers of ordinary rows of finite logits whose exact value the format holds as a normal one."""
        batch, seen = self.seen.batch, self.seen
        ordinary = np.zeros(len(batch.rows), dtype=bool)
        for name, rows in batch.slices.items():
            ordinary[rows] = not REGIMES[name].clause.startswith("EXT")
        ordinary &= finite_rows(batch.rows.logits)
        normal: Mask = np.isfinite(seen.due) & ~seen.tiny
        return normal & ordinary.reshape(-1, *(1,) * (normal.ndim - 1))

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """The place of each number's grade in `ACCURACY_GRADES`; -1 where none is given."""
        within = [self.in_float32.conforms, self.seen.within(self._bounds["B"]).conforms, self.seen.must.conforms]
        return np.where(self.chosen, np.select(within, range(len(within)), len(within)), -1)

    @cached_property
    def _bounds(self) -> dict[str, F64]:
        return accuracy_bounds(self.adapter, self.seen.cell, self.seen.batch)

    def bound_at(self, place: tuple[Any, ...]) -> float:
        """Return the bound of grade A of one number."""
        return float(self._bounds["A"][place])

    @cached_property
    def worst(self) -> tuple[int, float]:
        """The place of the worst grade, and the largest error / bound of A among its numbers; (-1, 0) for none."""
        place = int(self.places.max(initial=-1))
        return place, float(self.in_float32.slack[self.places == place].max(initial=0.0)) if place >= 0 else 0.0

    @cached_property
    def counts(self) -> Counter[int]:
        """How many numbers have each grade, by its place."""
        found = np.bincount(self.places[self.chosen], minlength=1).tolist()
        return Counter({place: count for place, count in enumerate(found) if count})


def judge_accuracy_grade(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Grade every number of the cell's ordinary rows: as of float32, rounded once, or of the format (ACC-1)."""
    answered = [batch for batch in evaluation.batches if evaluation.answer(batch).observed is not None]
    graded = [GradedBatch(evaluation.adapter, evaluation.seen(batch)) for batch in answered]
    counts = sum((one.counts for one in graded), Counter[int]())
    if not counts:
        yield judgement(case, "ACC-1", "unsupported", reason="there is no finite result to grade")
        return
    worst = max(graded, key=lambda one: one.worst)
    place, slack = worst.worst
    grade = list(ACCURACY_GRADES)[place]
    found = replace(
        judgement(case, "ACC-1", verdict_on("ACC-1", good=not place)),
        elements=counts.total(),
        slack=slack,
        ulps=max(float(one.in_float32.ulps[one.chosen].max(initial=0.0)) for one in graded),
        nats=max(float(one.in_float32.error[one.chosen].max(initial=0.0)) for one in graded),
        accuracy_class=f"grade {grade}",
    )
    yield _with_worst_number(evaluation, found, worst, counts)


def _with_worst_number(
    evaluation: CellEvaluation, found: Judgement, graded: GradedBatch, counts: Counter[int]
) -> Judgement:
    """Describe the number of the worst grade that is farthest from A."""
    place, _ = graded.worst
    slack = np.where(graded.places == place, graded.in_float32.slack, -1.0)
    at: tuple[Any, ...] = np.unravel_index(int(np.argmax(slack)), slack.shape)
    seen, batch = graded.seen, graded.seen.batch
    regime, number = batch.locate(int(at[0]))
    exact, observed = seen.truth.exact, float(seen.observed[at])
    described = replace(
        found,
        row=number,
        element=int(at[1]) if len(at) > 1 else -1,
        exact=spell_exact(exact.value[at], exact.tail[at]),
        observed=observed.hex(),
        bound=f"{graded.bound_at(at):.6g}",
        inputs=spell_inputs(evaluation.cell, batch, regime, number),
    )
    if found.verdict == "conforms":
        return described
    grades = list(ACCURACY_GRADES)
    shares = ", ".join(f"{counts[i]:,} {grades[i]}" for i in range(len(grades)) if counts[i])
    reason = (
        f"{found.accuracy_class}, {ACCURACY_GRADES[grades[place]]}; of {counts.total():,} numbers {shares}; "
        f"worst: row {number} of {regime}, observed {observed:.9g}, exact {exact.value[at]:.9g}, "
        f"{graded.in_float32.ulps[at]:.3g} ulps off"
    )
    return replace(described, reason=reason, repro=repro_of(evaluation, batch, int(at[0])))
