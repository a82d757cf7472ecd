"""Which clauses judge a case: those of a regime come from its rules, those of a check are listed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_conformance.judging.rules import FAMILY, rules_of
from logitproof_conformance.plan import training as training_plan
from logitproof_conformance.plan.bad_inputs import (
    BAD_LABELS,
    DISTRIBUTION_FORMATS,
    INVALID_ARGUMENTS,
    LABEL_FORMATS,
    NARROW_IGNORED,
    NO_CLASSES,
    WEIGHT_FORMATS,
)
from logitproof_conformance.plan.checks import CERTAIN_CLASS, ZERO_DIMENSIONS
from logitproof_conformance.plan.further_layouts import FURTHER_LAYOUTS, ONE_DIMENSION
from logitproof_conformance.plan.spellings import EVERY_AXIS, SPELLINGS
from logitproof_reference.vocabulary.ops import MIXED_DERIVATIVE, OPS

if TYPE_CHECKING:
    from logitproof_conformance.plan.cases import Case

CHECK_CLAUSES: dict[str, tuple[str, ...]] = {
    "poisoned_neighbours": ("ROW-1",),
    "another_place": ("ROW-2",),
    "row_alone": ("ROW-2", *(f"{family}-1" for family in FAMILY.values())),
    "few_rows": ("VAL-1", "VAL-2", *(f"EXT-{number}" for number in range(1, 12))),
    "repeated_call": ("LAW-5",),
    "row_sums": tuple(sorted({clause for op in OPS.values() for clause in op.row_sums.values()})),
    "shifted_rows": ("LAW-3",),
    "permuted_classes": ("LAW-4",),
    "one_hot_labels": ("LAW-6",),
    "order_of_logits": ("LAW-7",),
    "forward_and_reverse": ("LAW-8",),
    "second_vector": ("LAW-9",),
    MIXED_DERIVATIVE: ("HVP-3",),
    "eager_answer": ("MOD-2", "MOD-3"),
    "eager_refusal": ("MOD-3", "MOD-4"),
    "accuracy_class": ("VAL-3", "ACC-2"),
    "accuracy_grade": ("ACC-1",),
    CERTAIN_CLASS: ("ACC-3",),
    "result": ("IO-1", "IO-2"),
    "empty_batch": ("IO-3",),
    "second_backward": ("IO-7",),
    "padded_rows": ("IO-5",),
    **dict.fromkeys((*FURTHER_LAYOUTS, ONE_DIMENSION, *SPELLINGS, EVERY_AXIS), ("IO-5",)),
    ZERO_DIMENSIONS: ("IO-4",),
    **dict.fromkeys(BAD_LABELS, ("ERR-1",)),
    **{name: (invalid_argument.clause, "MOD-4") for name, invalid_argument in INVALID_ARGUMENTS.items()},
    **dict.fromkeys((*LABEL_FORMATS, *DISTRIBUTION_FORMATS, NARROW_IGNORED, *WEIGHT_FORMATS), ("IO-6",)),
    NO_CLASSES: ("ERR-4", "ERR-5", "MOD-4"),
}
"""What each check of `plan.checks.CHECKS` judges. Beside these, IO-1 judges every answer whose shape is wrong."""


def clauses_of(case: Case) -> tuple[str, ...]:
    """Return the clauses that may judge a case, the first of them that of a failure.

    None where the framework does not offer its cell.
    """
    if case.chapter == "unsupported":
        return ()
    if case.chapter == training_plan.TEST_MODULE:
        return training_plan.CLAUSES
    if case.regime in CHECK_CLAUSES:
        of_check = CHECK_CLAUSES[case.regime]
        return tuple(clause for clause in of_check if clause != "MOD-4" or case.cell.mode != "eager")
    return tuple(dict.fromkeys(rule.clause for rule in rules_of(case.cell, case.regime)))
