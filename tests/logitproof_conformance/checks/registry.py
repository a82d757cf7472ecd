"""Which function judges each check."""

from __future__ import annotations

from logitproof_conformance.checks.accuracy_class import judge_accuracy_class, judge_certain_class
from logitproof_conformance.checks.accuracy_grade import judge_accuracy_grade
from logitproof_conformance.checks.few_rows import judge_few_rows
from logitproof_conformance.checks.further_layouts import judge_further_layout, judge_one_dimension
from logitproof_conformance.checks.label_formats import (
    judge_distribution_format,
    judge_label_format,
    judge_narrow_ignored_labels,
    judge_weight_format,
)
from logitproof_conformance.checks.laws_of_derivatives import judge_forward_and_reverse, judge_second_vector
from logitproof_conformance.checks.laws_of_symmetry import (
    judge_one_hot_labels,
    judge_permuted_classes,
    judge_shifted_rows,
)
from logitproof_conformance.checks.mixed_derivative import judge_mixed_derivative
from logitproof_conformance.checks.modes import judge_eager_answer, judge_eager_refusal
from logitproof_conformance.checks.padded_rows import judge_padded_rows
from logitproof_conformance.checks.refusals import judge_bad_label, judge_invalid_argument, judge_no_classes
from logitproof_conformance.checks.results import judge_empty_batch, judge_result
from logitproof_conformance.checks.row_independence import (
    judge_another_place,
    judge_poisoned_neighbours,
    judge_repeated_call,
    judge_row_alone,
)
from logitproof_conformance.checks.row_sums_and_order import judge_order_of_logits, judge_row_sums
from logitproof_conformance.checks.second_backward import judge_second_backward
from logitproof_conformance.checks.spellings import judge_spelling, judge_zero_dimensions
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
from logitproof_reference.vocabulary.ops import MIXED_DERIVATIVE

CHECK_JUDGES = {
    "poisoned_neighbours": judge_poisoned_neighbours,
    "another_place": judge_another_place,
    "row_alone": judge_row_alone,
    "few_rows": judge_few_rows,
    "repeated_call": judge_repeated_call,
    "row_sums": judge_row_sums,
    "shifted_rows": judge_shifted_rows,
    "permuted_classes": judge_permuted_classes,
    "one_hot_labels": judge_one_hot_labels,
    "order_of_logits": judge_order_of_logits,
    "forward_and_reverse": judge_forward_and_reverse,
    "second_vector": judge_second_vector,
    MIXED_DERIVATIVE: judge_mixed_derivative,
    "eager_answer": judge_eager_answer,
    "eager_refusal": judge_eager_refusal,
    "accuracy_class": judge_accuracy_class,
    "accuracy_grade": judge_accuracy_grade,
    CERTAIN_CLASS: judge_certain_class,
    "result": judge_result,
    "empty_batch": judge_empty_batch,
    "second_backward": judge_second_backward,
    "padded_rows": judge_padded_rows,
    **dict.fromkeys(FURTHER_LAYOUTS, judge_further_layout),
    ONE_DIMENSION: judge_one_dimension,
    **dict.fromkeys(SPELLINGS, judge_spelling),
    EVERY_AXIS: judge_one_dimension,
    ZERO_DIMENSIONS: judge_zero_dimensions,
    **dict.fromkeys(BAD_LABELS, judge_bad_label),
    **dict.fromkeys(INVALID_ARGUMENTS, judge_invalid_argument),
    **dict.fromkeys(LABEL_FORMATS, judge_label_format),
    **dict.fromkeys(DISTRIBUTION_FORMATS, judge_distribution_format),
    NARROW_IGNORED: judge_narrow_ignored_labels,
    **dict.fromkeys(WEIGHT_FORMATS, judge_weight_format),
    NO_CLASSES: judge_no_classes,
}
"""The judge of each check in `plan.checks.CHECKS`."""
