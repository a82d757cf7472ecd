"""Which clause judges which elements of an answer, by which bound, and which exceptions it accepts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from logitproof_conformance.asking.ask import digest
from logitproof_conformance.asking.truth import refined
from logitproof_conformance.plan.batches import ALL_BUT_ONE_IGNORED, ALL_IGNORED, MASKED_WEIGHTLESS
from logitproof_conformance.plan.layout import SHAPES
from logitproof_reference.cases.catalogue import REGIMES
from logitproof_reference.judging.compare import Measured, compare
from logitproof_reference.vocabulary.cells import PLAIN
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_conformance.asking.truth import Truth
    from logitproof_reference.cases.catalogue import Batch
    from logitproof_reference.judging.compare import Comparison
    from logitproof_reference.vocabulary.cells import Cell, Options

    Mask = NDArray[np.bool_]

FAMILY = {"value": "VAL", "grad_logits": "GRD", "grad_labels": "GLB", "jvp": "JVP", "hvp": "HVP"}


@dataclass(frozen=True)
class ComparedBatch:
    """One batch, asked and compared: what the rules look at. All arrays are shaped like the answer."""

    cell: Cell
    batch: Batch
    observed: NDArray[Any]
    truth: Truth

    @cached_property
    def must(self) -> Comparison:
        """The comparison with the bound every correct implementation meets."""
        return self._decided(self.truth.must)

    @cached_property
    def should(self) -> Comparison:
        """The comparison with the bound of a careful implementation."""
        return self._decided(self.truth.should)

    @cached_property
    def measured(self) -> Measured:
        """The answer beside the exact one, for bounds of any kind."""
        return Measured(self.observed, self.truth.exact, FORMATS[self.cell.format])

    def within(self, allowed: NDArray[np.float64]) -> Comparison:
        """Return the comparison with a bound, made once; rows that the exact answer's radius leaves open stay so."""
        held = self._within.get(id(allowed))
        if held is None or held[0] is not allowed:
            held = self._within[id(allowed)] = allowed, self.measured.within(allowed)
        return held[1]

    @cached_property
    def _within(self) -> dict[int, tuple[NDArray[np.float64], Comparison]]:
        return {}

    def _decided(self, allowed: NDArray[np.float64]) -> Comparison:
        """Compare, rows whose radius does not decide in multiple precision."""
        cell, found = self.cell, self.within(allowed)
        if not found.undecided.any() or OPS[cell.op].elementwise or cell.is_scalar or cell.producer:
            return found
        undecided = found.undecided.reshape(len(self.observed), -1).any(axis=1)
        exact = refined(cell, self.batch, self.truth, np.flatnonzero(undecided))
        return compare(self.observed, exact, allowed, FORMATS[cell.format])

    @cached_property
    def due(self) -> NDArray[np.float64]:
        """The exact answer, rounded to the format."""
        return self.truth.exact.round(FORMATS[self.cell.format]).astype(np.float64)

    @cached_property
    def logits(self) -> NDArray[np.float64]:
        """The logits, one per class whatever the shape of the answer."""
        return self.batch.rows.logits.astype(np.float64)

    @cached_property
    def finite(self) -> Mask:
        """Where the observed number is finite."""
        return np.isfinite(self.observed.astype(np.float64))

    @cached_property
    def tiny(self) -> Mask:
        """Where the exact answer is subnormal in the format, or below."""
        small = np.abs(self.truth.exact.value) < FORMATS[self.cell.format].smallest_normal
        tiny: Mask = small & (self.due != 0)
        return tiny


@dataclass(frozen=True)
class ComparedRows:
    """Some rows of a compared batch, as rules look at them: of every regime its own, not the whole batch each time."""

    of: ComparedBatch
    rows: slice

    @property
    def cell(self) -> Cell:
        """The cell that was asked."""
        return self.of.cell

    @cached_property
    def observed(self) -> NDArray[Any]:
        """The answer."""
        return self.of.observed[self.rows]

    @cached_property
    def due(self) -> NDArray[np.float64]:
        """The exact answer, rounded to the format."""
        return self.of.due[self.rows]

    @cached_property
    def logits(self) -> NDArray[np.float64]:
        """The logits."""
        return self.of.logits[self.rows]

    @cached_property
    def finite(self) -> Mask:
        """Where the observed number is finite."""
        return self.of.finite[self.rows]

    @cached_property
    def tiny(self) -> Mask:
        """Where the exact answer is subnormal in the format, or below."""
        return self.of.tiny[self.rows]

    @cached_property
    def numbers(self) -> Mask:
        """Where both the exact answer and the observed number are finite."""
        numbers: Mask = np.isfinite(self.due) & self.finite
        return numbers

    @cached_property
    def digest(self) -> str:
        """Hash of the bits of the answer."""
        return digest(self.observed)


@dataclass(frozen=True)
class Rule:
    """A clause, the elements it judges, the bound it allows, and what it accepts besides."""

    clause: str
    chosen: Callable[[ComparedRows], Mask]
    allowed: Literal["must", "should"] = "must"
    accepts: Callable[[ComparedRows], Mask] | None = None
    exactly: bool = False
    """Whether the answer must be the exact one itself: the bound is 0."""


def _everywhere(seen: ComparedRows) -> Mask:
    return np.ones(seen.observed.shape, dtype=bool)


def _nan(seen: ComparedRows) -> Mask:
    return np.isnan(seen.observed.astype(np.float64))


def _in_a_spoiled_row(seen: ComparedRows) -> Mask:
    """Choose the answers of rows whose own logits are not finite; none where the rows are summed."""
    if seen.cell.is_scalar:
        return np.zeros(seen.observed.shape, dtype=bool)
    spoiled = ~np.isfinite(seen.logits).all(axis=1)
    return np.broadcast_to(spoiled.reshape(-1, *(1,) * (seen.observed.ndim - 1)), seen.observed.shape)


def _nan_in_a_spoiled_row(seen: ComparedRows) -> Mask:
    """Accept NaN there: as an ignored row it is 0 by OPT-6, by EXT-1 it is NaN."""
    return _nan(seen) & _in_a_spoiled_row(seen)


def _certain(seen: ComparedRows) -> Mask:
    """Choose what no step of any evaluation rounds: of one class p = 1, log p = 0, and log-sum-exp is the logit.

    Not a subnormal logit, which may be flushed, nor what a dialect makes of it: a clipped probability's loss, or 1 - q
    where the gradient is documented as p - q.
    """
    copies = seen.cell.op == "log_sum_exp" or (seen.cell.op, seen.cell.quantity) == ("softmax", "value")
    certain: Mask = seen.numbers & ~seen.tiny & (copies | (seen.due == 0))
    return certain


EXTREME_RULES = {
    "EXT-5": (
        Rule("EXT-5", _everywhere, accepts=_nan),
        Rule("EXT-6", _everywhere, "should"),
    ),
}
"""Rules of those EXT clauses that judge by more than their own bound."""

COSTS_NOTHING = Rule("OPT-6", _in_a_spoiled_row, "should")
"""The rule of ignored rows whose logits are not finite."""

OF_FINITE_LOGITS = frozenset({"EXT-7", "EXT-8", "EXT-9"})
"""Extreme clauses whose rows hold no infinity and no NaN."""

RULES_OF_ELEMENTS = (
    Rule("EXT-1", lambda seen: np.isnan(seen.logits)),
    Rule("EXT-10", lambda seen: np.isinf(seen.logits), accepts=_nan),
    Rule("EXT-11", lambda seen: np.isinf(seen.logits), "should"),
)
"""Rules of an op that takes each logit of a row by itself, for logits that are not finite."""


def rules_of(cell: Cell, regime: str) -> tuple[Rule, ...]:
    """Return the rules that judge a regime in a cell."""
    if cell.options != PLAIN:
        return (option_rule(cell.options, regime), *([COSTS_NOTHING] if regime == ALL_BUT_ONE_IGNORED else []))
    clause = REGIMES[regime].clause
    if clause.startswith("EXT") and clause not in OF_FINITE_LOGITS:
        if OPS[cell.op].elementwise:
            return RULES_OF_ELEMENTS + tuple(map(_at_finite_logits, _rules_of_values(cell, "")))
        return EXTREME_RULES.get(clause, (Rule(clause, _everywhere),))
    return _rules_of_values(cell, clause)


def _at_finite_logits(rule: Rule) -> Rule:
    return replace(rule, chosen=lambda seen: rule.chosen(seen) & np.isfinite(seen.logits))


def _rules_of_values(cell: Cell, clause: str) -> tuple[Rule, ...]:
    """Return the rules for finite logits, of a regime that serves `clause`."""
    plain = (cell.axis, cell.layout) == SHAPES[0]
    family = FAMILY[cell.quantity]
    is_certain = clause == "IO-4" and plain and not cell.producer and not OPS[cell.op].elementwise
    first = clause if clause.startswith("IO") else f"{family}-1"
    if not plain:
        # Elsewhere an infinity means that the axis was misread; here it may be an overflow.
        may_overflow = clause in {"EXT-7", "EXT-8"}
        return (
            Rule("IO-5", lambda seen: np.isfinite(seen.due) & (seen.finite | (not may_overflow))),
            Rule("EXT-7", lambda seen: np.isfinite(seen.due) & ~seen.finite & may_overflow),
            Rule("EXT-8", lambda seen: np.isinf(seen.due)),
            Rule("EXT-9", lambda seen: seen.tiny & seen.finite, "should"),
        )
    rules: tuple[Rule, ...] = (
        Rule(first, lambda seen: seen.numbers),
        Rule("EXT-7", lambda seen: np.isfinite(seen.due) & (~seen.finite | (clause == "EXT-7"))),
        Rule("EXT-8", lambda seen: np.isinf(seen.due)),
    )
    if is_certain:
        others = Rule(f"{family}-1", lambda seen: seen.numbers & ~_certain(seen))
        rules = (Rule(clause, _certain, exactly=True), others, *rules[1:])
    if clause == "EXT-9":  # what underflow costs the normal numbers computed from it is its fault too
        return (*rules, Rule("EXT-9", lambda seen: seen.numbers, "should"))
    gradual = Rule("EXT-9", lambda seen: seen.tiny & seen.finite, "should")
    careful = Rule(f"{family}-2", lambda seen: seen.numbers & ~seen.tiny, "should")
    return (*rules, gradual, careful)


def option_rule(options: Options, regime: str) -> Rule:
    """Return the rule for a loss with options: of those set, the clause that says most."""
    if regime == ALL_IGNORED:
        return Rule("OPT-5", _everywhere, accepts=lambda seen: np.isnan(seen.due) & (seen.observed == 0))
    if regime == ALL_BUT_ONE_IGNORED:
        return Rule("OPT-3", _everywhere, accepts=_nan_in_a_spoiled_row)
    if regime == MASKED_WEIGHTLESS:
        return Rule("EXT-2", _everywhere)
    clauses = {
        "OPT-3": options.ignore_index is not None,
        "OPT-4": options.label_smoothing != 0,
        "OPT-2": options.weight or options.pos_weight,
        "OPT-1": True,
    }
    return Rule(next(clause for clause, applies in clauses.items() if applies), _everywhere)
