"""Trials of state, rows, placements and wide rows find the faults that they are there for, and none in right code."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof.kernels.cases.recipes import RECIPES
from logitproof.kernels.cases.trials import ALL_RECIPES, Trial, draw, planned
from logitproof.kernels.check import check
from logitproof_reference.vocabulary.formats import FORMATS
from meta.kernels import correct_third
from meta.kernels.corpus import grad_loss, log_sum_exp, loss, softmax, wide
from meta.kernels.every import CORRECT, Planted
from meta.kernels.test_causes import findings_of, named

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.filterwarnings("ignore")  # of what faulty kernels divide and overflow

FOUND = {
    "four_output_buffers_in_turn": ("kept_5x96", "float32"),
    "half_result_in_one_buffer": ("kept_5x96", "float16"),
    "partial_sums_of_wide_rows_in_one_buffer": ("kept_3x8193", "float32"),
    "cached_by_logits_alone": ("same_logits_5x96", "float32"),
    "gradient_cached_without_its_cotangent": ("same_logits_5x96", "float32"),
    "padding_of_the_call_before": ("after_more_classes_5x96", "float32"),
    "one_wide_row_split_without_a_common_maximum": ("rows_1x32769", "float32"),
    "last_row_of_a_full_grid_unwritten": ("rows_256x10", "float32"),
    "elements_past_two_to_the_20_unwritten": ("rows_1025x1537", "float32"),
    "many_rows_of_more_than_a_vector_share_a_sum": ("rows_4097x129", "float32"),
    "strides_ignored_in_wide_rows": ("strided_3x8193", "float32"),
    "classes_of_stride_zero_read_as_one": ("broadcast_classes_6x33", "float32"),
    "cotangent_of_stride_zero_read_as_zeros": ("expanded_cotangents_6x33", "float32"),
    "strides_of_logits_used_for_cotangents": ("columns_of_logits_6x33", "float32"),
    "stride_of_labels_ignored": ("strided_6x33", "float32"),
    "workspace_of_the_first_width": ("after_fewer_classes_173x29", "float32"),
    "float64_result_past_1024_classes": ("width_1025", "float32"),
    "tail_below_11_skipped_past_131072": ("width_131073", "float32"),
    "tile_at_minus_infinity_in_rows_past_65536": ("width_131073", "float32"),
    "leader_past_65536_outside_the_maximum": ("width_65537", "float32"),
    "some_widths_lose_their_tail_of_16": ("width_6007", "float32"),
    "label_of_a_border_found_in_two_blocks": ("width_1025", "float32"),
    "ignored_index_counted_from_the_end": ("width_257", "float32"),
    "reciprocal_estimate_without_a_newton_step": ("width_33", "float32"),
    "derivative_averaged_over_the_classes": ("width_33", "float32"),
    "cotangent_in_bfloat16": ("width_33", "float32"),
    "large_logits_asserted_away": ("width_33", "float32"),
    "one_hot_cached_by_the_address_of_the_labels": ("same_memory_5x96", "float32"),
    "half_a_tile_at_the_end_outside_the_sum": ("width_192", "float32"),
    "last_axis_of_one_lost": ("axis_of_one_5x10", "float32"),
    "cotangents_near_one_taken_for_one": ("cotangents_near_one_60x5", "float32"),
}
"""Names of faulty kernels, and the trial and format that shows each."""


def trial_named(name: str, format_: str) -> Trial:
    return next(one for one in planned("quick", 262_144, main=format_ == "float32") if one.name == name)


@pytest.mark.parametrize("name", FOUND)
def test_a_trial_finds_the_fault_that_it_is_there_for(name: str) -> None:
    trial, format_ = FOUND[name]
    planted = named(name)
    if name == "float64_result_past_1024_classes":  # seen beside what two rows of three classes give
        verdict = check(planted.function, op=planted.op, format=format_, widest=1025)
        assert "the result has format float64, expected float32" in "\n".join(verdict.summary())
        return
    assert findings_of(planted, format_, trial_named(trial, format_))[1], trial


def _of_softmax(x: NDArray[Any], c: NDArray[Any]) -> NDArray[Any]:
    p, g = softmax(wide(x)), wide(c)
    found: NDArray[Any] = (p * (g - (p * g).sum(axis=1, keepdims=True))).astype(x.dtype)
    return found


RIGHT = {
    "softmax": Planted("softmax", "", softmax, _of_softmax),
    "log_sum_exp": Planted("log_sum_exp", "", log_sum_exp),
    "loss": Planted("softmax_cross_entropy", "", loss, grad_loss),
}


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize(("trial", "format_"), sorted(set(FOUND.values())), ids="-".join)
def test_right_code_is_right_in_each_of_them(name: str, trial: str, format_: str) -> None:
    assert not [one for one in findings_of(RIGHT[name], format_, trial_named(trial, format_))[1] if not one.is_huge]


def test_a_kernel_that_refuses_labels_out_of_range_need_not_look_at_their_number() -> None:
    planted = next(one for one in CORRECT if one.function.__name__ == "checked_labels")
    verdict = check(planted.function, op=planted.op, format="float32", widest=3, **planted.declared)
    assert verdict.conforms, str(verdict)
    out_of_range = [found for found in verdict.judgements if found.clause == "ERR-1"]
    assert out_of_range
    assert all(found.verdict == "conforms" for found in out_of_range)
    assert [found.regime for found in verdict.judgements if found.clause == "ERR-2" and found.verdict == "unsupported"]


@pytest.mark.parametrize("format_", FORMATS)
def test_upstream_gradients_of_mean_one_are_not_all_one(format_: str) -> None:
    rows = draw(trial_named("cotangents_of_mean_one_60x5", "float32"), FORMATS[format_], 0, elementwise=False).rows
    for given in (rows.row_cotangents.astype(np.float64), rows.class_cotangents.astype(np.float64).ravel()):
        assert given.mean() == given[0] == given[-1] == 1
        assert set(given) == {0.5, 1.0, 1.5}


def test_an_ignored_row_that_is_not_finite_may_give_nan_but_is_told_so() -> None:
    planted = next(one for one in CORRECT if one.kind == "ignored times 0")
    asked: Any = planted.declared
    verdict = check(planted.function, op=planted.op, gradient=planted.gradient, format="float32", widest=10, **asked)
    judged = [found for found in verdict.judgements if found.clause == "OPT-6"]
    assert verdict.conforms
    assert judged[-1].verdict == "concern"
    assert any("an ignored row whose logits hold NaN or an infinity gives NaN, not 0" in note for note in verdict.notes)


TIMES_ZERO = (
    "mean_with_ignored_rows_times_zero",
    "sum_by_a_product_with_the_mask",
    "weights_of_ignored_rows_set_to_zero",
)


@pytest.mark.parametrize("name", TIMES_ZERO)
def test_an_ignored_row_that_spoils_a_sum_or_mean_breaks_opt_3(name: str) -> None:
    planted = named(name)
    asked: Any = planted.declared
    verdict = check(planted.function, op=planted.op, format="float32", widest=10, **asked)
    assert {found.clause for found in verdict.judgements if found.verdict == "deviates"} == {"OPT-3"}
    said = "\n".join(verdict.summary())
    assert "ordinary rows, NaN and infinities in the ignored ones: observed nan" in said
    assert "ignored rows times 0: " in said


@pytest.mark.parametrize("kind", ["mean of kept", "ignore, mean", "ignore, sum", "weights, ignore, mean", "bincount"])
def test_a_reduced_loss_that_leaves_ignored_rows_out_is_right(kind: str) -> None:
    planted = next(one for one in CORRECT if one.kind == kind)
    assert not findings_of(planted, "float32", trial_named("ignored_rows_not_finite_25x10", "float32"))[1]


def test_wide_rows_are_asked_what_narrow_ones_are() -> None:
    counts = {one.classes: one.rows for one in planned("quick", 262_144, main=True) if one.kind == "width"}
    assert all(counts[n] >= len(RECIPES) for n in ALL_RECIPES)


def test_the_full_profile_passes_the_places_that_float32_tells_apart() -> None:
    assert max(one.rows * one.classes for one in planned("full", 262_144, main=True)) > 1 << 24


def test_a_sum_that_is_rounded_at_random_is_unsteady_in_the_format_that_shows_it() -> None:
    verdict = check(correct_third.rounded_at_random, op="softmax", format=["float32", "float64"], widest=33)
    assert verdict.conforms
    assert any("two equal calls differ" in note for note in verdict.notes)


@pytest.mark.parametrize("kind", ["ignore, none", "fused smoothing", "mean"])
@pytest.mark.parametrize("trial", ["width_2", "width_1000"])
def test_an_option_in_half_precision_accuses_no_right_code(kind: str, trial: str) -> None:
    planted = next(one for one in CORRECT if one.kind == kind and one.gradient)
    assert not [one for one in findings_of(planted, "float16", trial_named(trial, "float16"))[1] if not one.is_huge]


@pytest.mark.parametrize("kind", ["wide loss", "all wide"])
def test_a_gradient_is_held_to_the_format_it_came_in(kind: str) -> None:
    planted = next(one for one in CORRECT if one.kind == kind)
    asker, found = findings_of(planted, "bfloat16", trial_named("width_33", "bfloat16"))
    assert asker.question.declaration.result_format == "float32"
    assert not [one for one in found if not one.is_huge]


def test_a_gradient_in_float32_is_not_granted_the_roundings_of_bfloat16() -> None:
    def rounded(x: Any, y: Any, c: Any) -> Any:
        return grad_loss(x, y, c.astype(x.dtype)).astype(np.float32)

    planted = next(one for one in CORRECT if one.kind == "all wide")
    found = findings_of(replace(planted, gradient=rounded), "bfloat16", trial_named("width_33", "bfloat16"))[1]
    assert {one.clause for one in found} >= {"GRD-1"}


def test_what_jax_arrays_do_not_have_is_not_asked_of_a_kernel_of_jax_and_the_full_profile_asks_all() -> None:
    for main in (True, False):
        asked = list(planned("quick", 262_144, main=main))
        of_jax = list(planned("quick", 262_144, main=main, framework="jax"))
        assert {one.name for one in of_jax} <= {one.name for one in asked}
        assert not [one for one in of_jax if one.placement]
        further = set() if main else {"after_fewer_classes", "after_more_classes"}
        assert {one.way for one in of_jax} == {one.way for one in asked} - further
        assert {one.name for one in of_jax if one.kind == "rows"} == {one.name for one in asked if one.kind == "rows"}
        assert list(planned("full", 262_144, main=main)) == list(planned("full", 262_144, main=main, framework="jax"))
    widths = {one.classes for one in planned("quick", 262_144, main=True) if one.kind == "width"}
    assert widths == {
        one.classes for one in planned("quick", 262_144, main=True, framework="jax") if one.kind == "width"
    }
