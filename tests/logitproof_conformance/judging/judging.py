"""From answers to judgements: applies every rule of a regime, and describes the worst element."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_conformance.asking.ask import Answer, ask
from logitproof_conformance.asking.truth import truth_of
from logitproof_conformance.judging.rules import ComparedBatch, ComparedRows, Rule, rules_of
from logitproof_conformance.plan.cases import Case, batches_of
from logitproof_conformance.plan.layout import arrange
from logitproof_conformance.programs.repro import is_spelled, program_of, program_of_rows, rows_to_show
from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reference.specification.verdicts import verdict_by_level
from logitproof_reference.vocabulary.formats import hex_floats
from logitproof_reference.vocabulary.judgement import on_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from logitproof_adapters.contract import Adapter
    from logitproof_conformance.asking.truth import Truth
    from logitproof_reference.cases.catalogue import Batch
    from logitproof_reference.vocabulary.cells import Cell
    from logitproof_reference.vocabulary.judgement import Judgement

    Mask = NDArray[np.bool_]

STORED = {"tangent": "vector"}
"""What a run file calls an input, where that is not its name: files of older releases stay comparable."""


class CellEvaluation:
    """One cell: asked once a batch, judged regime by regime."""

    def __init__(self, adapter: Adapter, cell: Cell, profile: str) -> None:
        self.adapter = adapter
        self.cell = cell
        self.batches = batches_of(cell, profile)
        self._answers: dict[tuple[str, ...], Answer] = {}
        self._seen: dict[tuple[str, ...], ComparedBatch] = {}
        self._spelled: dict[tuple[str, int], str] = {}

    def batch_with(self, regime: str) -> Batch:
        """Return the batch that holds a regime's rows."""
        return next(batch for batch in self.batches if regime in batch.slices)

    @property
    def common_batch(self) -> Batch:
        """The batch with most of the regimes."""
        return max(self.batches, key=lambda batch: len(batch.slices))

    def answer(self, batch: Batch) -> Answer:
        """Return the framework's answer to a batch, asking at most once."""
        key = tuple(batch.slices)
        if key not in self._answers:
            self._answers[key] = ask(self.adapter, self.cell, batch)
        return self._answers[key]

    def seen(self, batch: Batch) -> ComparedBatch:
        """Return a batch compared with the exact answers; its answer must have come in shape."""
        key = tuple(batch.slices)
        if key not in self._seen:
            self._seen[key] = ComparedBatch(self.cell, batch, self.answer(batch).array, self.truth(batch))
        return self._seen[key]

    def inputs(self, batch: Batch, regime: str, row: int) -> str:
        """Return a row's inputs, spelled once: several rules often find the same row to be the worst."""
        key = (regime, row)
        if key not in self._spelled:
            self._spelled[key] = spell_inputs(self.cell, batch, regime, row)
        return self._spelled[key]

    def truth(self, batch: Batch, cell: Cell | None = None) -> Truth:
        """Return what is exact in the adapter's dialect, of this cell or of another one."""
        return truth_of(self.adapter, cell or self.cell, batch)


def judge_regime(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Judge the rows of one regime by every rule that applies to them."""
    batch = evaluation.batch_with(case.regime)
    rules = rules_of(case.cell, case.regime)
    answer, clause = evaluation.answer(batch), rules[0].clause
    if (failed := failure(case, answer, clause, partial(repro_of_failure, evaluation, batch, case.regime))) is not None:
        yield failed
        return
    rows = slice(0, 1) if case.cell.is_scalar else batch.slices[case.regime]
    seen = evaluation.seen(batch)
    part = ComparedRows(seen, rows)
    deviates = False
    for rule in rules:
        # Who breaks the MUST bound breaks the SHOULD bound too: said once.
        if (chosen := rule.chosen(part)).any() and not (deviates and rule.allowed == "should"):
            found = judge_rule(evaluation, case, part, rule, chosen)
            deviates |= found.verdict == "deviates"
            yield found


def failure(case: Case, answer: Answer, clause: str, program: Callable[[], str] | None = None) -> Judgement | None:
    """Return the judgement on a call that raised or whose answer has a wrong shape; None if it came in order.

    The program that shows it is the whole call's unless another one is to be made: that is long where rows are many.
    """
    if not (answer.failure or answer.misshapen):
        return None
    repro = (program or answer.program)()
    if answer.failure:
        return judgement(case, clause, "crashed", reason=answer.failure, repro=repro)
    return judgement(case, "IO-1", "deviates", reason=answer.misshapen, repro=repro)


def judge_rule(evaluation: CellEvaluation, case: Case, part: ComparedRows, rule: Rule, chosen: Mask) -> Judgement:
    """Apply one rule to the elements that it chose of a regime and describe the worst one."""
    seen, rows = part.of, part.rows
    comparison = getattr(seen, rule.allowed)
    conforms = comparison.conforms[rows] | ~chosen
    if rule.accepts is not None:
        conforms = conforms | rule.accepts(part)
    if rule.exactly:
        conforms = (part.observed.astype(np.float64) == part.due) | ~chosen
    slack = np.where(chosen, comparison.slack[rows], -1.0)
    if rule.exactly:
        slack[~conforms] = np.inf
    slack[conforms & (slack > 1.0)] = 1.0
    # What conforms has a slack of at most 1; what does not stands above it, the worst first.
    place = np.unravel_index(int(np.argmax(np.where(conforms, slack, slack + 2.0))), slack.shape)
    verdict, worst_slack = verdict_on(rule.clause, good=bool(conforms.all())), float(slack[place])
    measured = {
        "elements": int(chosen.sum()),
        "slack": worst_slack,
        "ulps": float(comparison.ulps[rows][chosen].max()),
        "nats": float(comparison.error[rows][chosen].max()),
        "digest": part.digest,
    }
    at = (rows.start + place[0], *place[1:])
    worst = describe_worst(evaluation, case, seen, rule, at)
    if verdict != "conforms":
        worst |= explain_worst(evaluation, seen, rule, at, worst_slack)
    return judgement(case, rule.clause, verdict, **measured, **worst)


def describe_worst(
    evaluation: CellEvaluation, case: Case, seen: ComparedBatch, rule: Rule, at: tuple[np.intp, ...]
) -> dict[str, Any]:
    """Return a judgement's fields of the worst element: where it is, what is exact and observed, and its inputs."""
    row = int(at[0]) - seen.batch.slices[case.regime].start
    exact = seen.truth.exact
    return {
        "row": row,
        "element": int(at[1]) if len(at) > 1 else -1,
        "exact": spell_exact(exact.value[at], exact.tail[at]),
        "observed": float(seen.observed[at]).hex(),
        "bound": f"{0.0 if rule.exactly else getattr(seen.truth, rule.allowed)[at]:.6g}",
        "inputs": evaluation.inputs(seen.batch, case.regime, row),
    }


def explain_worst(
    evaluation: CellEvaluation, seen: ComparedBatch, rule: Rule, at: tuple[np.intp, ...], slack: float
) -> dict[str, str]:
    """Return what to say of a wrong element, and how to see it again."""
    ulps = getattr(seen, rule.allowed).ulps[at]
    far = f", {ulps:.3g} ulps off, {slack:.3g} times the bound" if np.isfinite(ulps) else ""
    reason = (
        f"observed {float(seen.observed[at]):.9g}, exact {seen.truth.exact.value[at]:.9g}{far}; "
        f"required by {rule.clause}: {CLAUSES[rule.clause].title}"
    )
    return {"reason": reason, "repro": repro_of(evaluation, seen.batch, int(at[0]))}


def spell_exact(value: float, tail: float) -> str:
    """Spell value + tail as hexadecimal floats."""
    return float(value).hex() + (f" {'-' if tail < 0 else '+'} {abs(float(tail)).hex()}" if tail else "")


def spell_inputs(cell: Cell, batch: Batch, regime: str, row: int) -> str:
    """Spell a row's inputs as JSON with hexadecimal floats; a wide row, and one of many that count, by its name."""
    shown = rows_to_show(cell, batch, batch.slices[regime].start + row)
    if not is_spelled(shown.logits, batch):
        return json.dumps({"regime": regime, "row": row})
    plain = replace(cell, axis="last", layout="contiguous")
    return spell(arrange(plain, shown).arrays())


def spell(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Spell arrays as JSON: whole numbers as such, the others as hexadecimal floats."""
    spelled = {
        STORED.get(name, name): array.ravel().tolist() if array.dtype.kind == "i" else hex_floats(array)
        for name, array in arrays.items()
    }
    return json.dumps(spelled)


def repro_of(evaluation: CellEvaluation, batch: Batch, row: int) -> str:
    """Return the program that shows one row of a batch; see `repro.program_of`."""
    return program_of(evaluation.adapter, evaluation.cell, batch, row)


def repro_of_failure(evaluation: CellEvaluation, batch: Batch, regime: str) -> str:
    """Return the program of a call that raises as the whole batch does: of as few rows of it as do, a regime's first.

    One row may be to blame for the batch. Tried are the first row of the regime, then all of its rows, then those of
    each other regime.
    """
    own = batch.slices[regime]
    for part in (slice(own.start, own.start + 1), own, *batch.slices.values()):
        answer = ask(evaluation.adapter, evaluation.cell, replace(batch, rows=batch.rows[part]))
        if answer.failure or answer.misshapen:
            return program_of_rows(evaluation.adapter, evaluation.cell, batch, part)
    return repro_of(evaluation, batch, own.start)


def finite_rows(array: NDArray[Any]) -> Mask:
    """Return which rows of a (rows, classes) array hold finite numbers only."""
    return np.asarray(np.isfinite(array.astype(np.float64)).all(axis=1))


def judgement(case: Case, clause: str, verdict: str, **found: Any) -> Judgement:
    """Return a judgement on a case, with what was found; without it nothing is measured yet."""
    grade = CLAUSES[clause].level if clause else "MAY"
    return on_cell(case.cell, case.regime, clause=clause, grade=grade, verdict=verdict, **found)


def verdict_on(clause: str, *, good: bool) -> str:
    """Return the verdict on a clause that holds or does not."""
    return verdict_by_level(CLAUSES[clause].level, holds=good)
