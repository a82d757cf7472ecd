"""A known fault is guessed by its name, from the numbers that a kernel with it gives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof.kernels import check as checking
from logitproof.kernels.cases.trials import Trial
from logitproof.kernels.causes.causes import CAUSES, explaining
from logitproof.kernels.check import SMALL_LOSSES, check
from logitproof.kernels.findings.findings import symptoms_of
from logitproof.kernels.findings.sentences import smallest_input
from logitproof.kernels.findings.shown import OF_WAYS, causes_of, shown_findings
from logitproof.kernels.findings.shrink import cut, smaller
from logitproof.kernels.judging.asking import Asker
from logitproof.kernels.judging.examination import Examination, Plan, examine, widths_of
from logitproof.kernels.judging.truth import Question
from logitproof_adapters.kernels.adapter import adapter_of
from logitproof_adapters.kernels.declaration import Declaration
from logitproof_adapters.kernels.kernel import Kernel
from meta.kernels.corpus import grad_loss, log_sum_exp, loss, softmax, wide
from meta.kernels.every import CORRECT, FAULTY, Planted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from logitproof.kernels.findings.findings import Finding

pytestmark = pytest.mark.filterwarnings("ignore")  # of what faulty kernels divide and overflow

GUESSED = {
    "no_shift": ("no max shift", "float32", 33),
    "shift_of_the_batch": ("shift by the batch", "float32", 33),
    "shift_by_the_mean": ("shift by the mean", "float32", 33),
    "shift_by_the_first": ("shift by the first logit", "float32", 33),
    "maximum_begins_at_zero": ("maximum begins at 0", "float32", 33),
    "maximum_begins_at_minus_1e4": ("maximum begins at -1e4", "float32", 33),
    "label_taken_off_last": ("label's logit subtracted last", "float32", 33),
    "logarithm_of_softmax": ("log of softmax", "float32", 33),
    "logarithm_plus_1e_8": ("log of softmax + 1e-08", "float32", 33),
    "probability_clipped": ("softmax clipped at 1e-07", "float32", 33),
    "half_probability_before_the_logarithm": ("softmax in half before log", "float16", 33),
    "float64_computed_in_float32": ("float64 computed in float32", "float64", 33),
    "bfloat16_sum_in_bfloat16": ("sum in bfloat16", "bfloat16", 1024),
    "blocks_not_rescaled": ("blocks not rescaled", "float32", 4097),
    "padded_with_zeros": ("padded with zeros", "float32", 129),
    "padded_with_minus_1e4": ("padded with -1e4", "float32", 33),
    "class_count_in_int16": ("class limit", "float32", 32769),
    "classes_past_65536_unwritten": ("classes unwritten", "float32", 65537),
    "small_terms_skipped": ("small terms skipped", "float32", 33),
    "nan_dropped": ("NaN dropped", "float32", 33),
    "nan_dropped_in_a_body_of_16": ("NaN dropped in vectors of 16", "float32", 33),
    "zero_times_infinity": ("0 times infinity", "float32", 33),
    "labels_in_uint8": ("labels in uint8", "float32", 1000),
    "label_looked_up_in_its_block_alone": ("label within its block", "float32", 32769),
    "labels_normalised": ("labels normalised", "float32", 33),
    "labels_taken_to_sum_to_one": ("labels taken to sum to one", "float32", 33),
    "small_labels_dropped": ("small labels dropped", "float32", 33),
    "labels_rounded": ("labels rounded", "float32", 33),
    "cotangent_ignored": ("cotangent ignored", "float32", 33),
    "cotangent_of_the_first_row": ("cotangent's first row for all", "float32", 33),
    "cotangent_in_float16": ("cotangent in float16", "float32", 33),
    "small_cotangents_flushed": ("small cotangents flushed", "float32", 33),
    "divided_by_the_rows": ("gradient divided by the rows", "float32", 33),
    "clipped_at_one": ("gradient clipped", "float32", 33),
    "gradient_rounded_to_float16": ("rounded to float16", "float32", 33),
    "sigmoid_then_logarithm": ("sigmoid then log", "float32", 33),
    "exponential_overflows": ("exp of the logit overflows", "float32", 33),
    "gradient_from_a_saved_log_sum_exp_in_half": ("log-sum-exp in half", "float16", 33),
    "inner_product_without_the_last_partial_tile": ("tail past a multiple of 128 lost in the gradient", "float32", 129),
    "last_block_begins_where_it_fits": ("tail read twice", "float32", 257),
    "maximum_added_back_with_its_gradient": ("maximum differentiated too", "float32", 33),
    "one_hot_not_times_the_cotangent": ("label without the upstream gradient", "float32", 33),
    "labels_of_the_last_partial_tile_of_rows_begin_anew": ("labels begin anew", "float32", 33),
}
"""Names of faulty kernels, the guess, and the format and width in which they show."""


def findings_of(planted: Planted, format_: str, trial: Trial) -> tuple[Asker, list[Finding]]:
    """Return what one trial finds of a kernel."""
    declared = dict(planted.declared)
    labels = declared.pop("labels", "")
    declared.pop("format", "")
    kernel = Kernel(
        planted.function, planted.op, labels, gradient=planted.gradient, declaration=Declaration(**declared)
    )
    asker = Asker(adapter_of(kernel), Question(kernel.op, kernel.labels, "value", kernel.declaration))

    class OneTrial(Plan):
        def trials(self) -> list[tuple[str, Trial]]:
            return [(format_, trial)]

    return asker, examine(asker, OneTrial((format_,), kernel.quantities), Examination(widths=widths_of(asker))).findings


def named(name: str) -> Planted:
    return next(planted for planted in FAULTY if planted.name == name)


def test_there_are_many_known_faults() -> None:
    assert len({cause.name for cause in CAUSES}) >= 25
    assert len({name for name, *_ in GUESSED.values()}) >= 25


@pytest.mark.parametrize("name", GUESSED)
def test_a_known_fault_is_guessed(name: str) -> None:
    expected, format_, classes = GUESSED[name]
    rows = 60 if classes <= 1024 else 10
    asker, found = findings_of(named(name), format_, Trial(f"width_{classes}", rows, classes, "width"))
    assert found, f"{name} is not found"
    guesses = [cause.name for one in found if (told := symptoms_of(asker.question, one)) for cause in explaining(told)]
    assert expected in guesses, guesses


def test_a_maximum_that_is_raised_too_late_is_guessed() -> None:
    def raised_past_100_alone(x: Any) -> Any:
        m = x[:, :4].max(axis=1)
        top = x.max(axis=1)
        m = np.where((top > m + 100) | np.isneginf(m) | np.isnan(top), top, m)
        m = np.where(np.isfinite(m), m, 0).astype(x.dtype)
        return m + np.log(np.exp(x - m[:, None]).sum(axis=1))

    asker, found = findings_of(
        Planted("log_sum_exp", "", raised_past_100_alone), "float32", Trial("width_33", 60, 33, "width")
    )
    guesses = {cause.name for one in found for cause in causes_of(asker.question, one)}
    assert "maximum raised too late" in guesses
    assert "shift by the first logit" not in guesses


def test_an_inner_product_over_the_batch_is_guessed_where_no_nan_hides_it() -> None:
    asker, found = findings_of(named("inner_product_over_the_batch"), "float32", Trial("rows_3", 3, 10, "rows"))
    guesses = {cause.name for one in found for cause in causes_of(asker.question, one)}
    assert guesses == {"inner product over the batch"}


def test_an_inner_product_over_rows_and_classes_is_guessed() -> None:
    def over_all(x: Any, c: Any) -> Any:
        p = softmax(wide(x))
        return (p * (wide(c) - (p * wide(c)).sum())).astype(x.dtype)

    planted = Planted("softmax", "", softmax, over_all)
    asker, found = findings_of(planted, "float32", Trial("rows_3", 3, 10, "rows"))
    guesses = {cause.name for one in found for cause in causes_of(asker.question, one)}
    assert guesses == {"inner product over all"}


def test_rows_at_the_end_that_are_zero_are_guessed_as_rows_before_small_results() -> None:
    def first_forty(x: Any) -> Any:
        found = softmax(x)
        found[40:] = 0
        return found

    asker, (found,) = findings_of(Planted("softmax", "", first_forty), "float32", Trial("rows_64", 64, 10, "rows"))
    assert next(iter(causes_of(asker.question, found))).name == "rows unwritten"


def test_a_batch_that_one_nan_spoils_says_nothing_else_of_the_cause() -> None:
    asker, found = findings_of(named("inner_product_over_the_batch"), "float32", Trial("width_33", 60, 33, "width"))
    guesses = {cause.name for one in found for cause in causes_of(asker.question, one)}
    assert guesses == {"NaN spoils the batch"}


def gradient_through_the_maximum(x: Any, y: Any, c: Any) -> Any:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    g = e * (c[:, None] / e.sum(axis=1, keepdims=True))
    g[np.arange(len(x)), y] -= c
    rest = -g.sum(axis=1)
    g[np.arange(len(x)), x.argmax(axis=1)] += rest
    return g


@pytest.mark.parametrize("format_", ["float32", "float64"])
def test_a_maximum_that_is_differentiated_is_guessed(format_: str) -> None:
    planted = Planted("softmax_cross_entropy", "", loss, gradient_through_the_maximum)
    asker, found = findings_of(planted, format_, Trial("width_1000", 60, 1000, "width"))
    assert found
    assert {cause.name for one in found for cause in causes_of(asker.question, one)} == {"maximum not held constant"}


def test_a_small_loss_without_its_digits_is_noted() -> None:
    planted = named("log_of_one_plus_exp_without_log1p")
    verdict = check(planted.function, op=planted.op, format="float32", widest=2)
    assert verdict.conforms
    assert SMALL_LOSSES in verdict.notes


def gradient_of_the_rounded_log_sum_exp(x: Any, y: Any, c: Any) -> Any:
    p = np.exp(x - log_sum_exp(x)[:, None])
    p[np.arange(len(x)), y] -= 1
    return p * c[:, None]


@pytest.mark.parametrize("format_", ["float32", "float64"])
def test_a_rounded_log_sum_exp_is_no_missing_slope(format_: str) -> None:
    planted = Planted("softmax_cross_entropy", "", loss, gradient_of_the_rounded_log_sum_exp)
    asker, found = findings_of(planted, format_, Trial("width_33", 60, 33, "width"))
    (shown, *_) = shown_findings(asker, found)
    assert shown.cause is not None
    assert shown.cause.name == "log-sum-exp rounded first"


OF_OPTIONS = {
    "scale_missing_in_the_gradient": ("slope lost in the gradient", "float32"),
    "slope_of_the_cap_missing": ("slope lost in the gradient", "float32"),
    "loss_rounded_before_it_is_widened": ("rounded to bfloat16", "bfloat16"),
    "slope_of_the_cap_from_the_logit": ("cap's slope of the logit", "float32"),
    "z_loss_slope_of_the_shifted_sum": ("z-loss of shifted logits", "float32"),
    "smoothing_over_padded_classes": ("smoothing over padded classes", "float32"),
    "ignored_rows_weigh_the_first_class_in_the_divisor": ("ignored rows in the divisor", "float32"),
    "mean_of_the_means_of_tiles": ("mean of means", "float32"),
    "maximum_before_a_negative_scale": ("shift by the smallest logit", "float32"),
}


@pytest.mark.parametrize("name", OF_OPTIONS)
def test_a_fault_beside_an_option_is_not_taken_for_one_of_the_sum(name: str) -> None:
    expected, format_ = OF_OPTIONS[name]
    asker, found = findings_of(named(name), format_, Trial("width_33", 60, 33, "width"))
    assert found, f"{name} is not found"
    (shown, *_) = shown_findings(asker, found)
    assert shown.cause is not None
    assert shown.cause.name == expected


def test_a_fault_of_ignored_rows_is_not_explained_by_the_others() -> None:
    asker, found = findings_of(
        named("ignored_rows_keep_the_uniform_term"), "float32", Trial("width_33", 60, 33, "width")
    )
    assert found
    assert {one.cause.name for one in shown_findings(asker, found) if one.cause} == {"ignored rows count"}


def test_rows_are_called_unwritten_only_where_they_hold_zeros() -> None:
    def last_row_by_one(x: Any, y: Any, c: Any) -> Any:
        c = c.copy()
        c[-1] = 1
        return grad_loss(x, y, c)

    def last_row_of_zeros(x: Any, y: Any, c: Any) -> Any:
        out = grad_loss(x, y, c)
        out[-1] = 0
        return out

    guesses = []
    for gradient in (last_row_by_one, last_row_of_zeros):
        planted = Planted("softmax_cross_entropy", "", loss, gradient)
        asker, found = findings_of(planted, "bfloat16", Trial("width_33", 47, 33, "plain"))
        assert found
        guesses.append({cause.name for one in found for cause in causes_of(asker.question, one)})
    assert "rows unwritten" not in guesses[0]
    assert "rows unwritten" in guesses[1]


OF_STATE = {
    "one_output_buffer": "kept",
    "cached_by_address": "same_memory",
    "cached_by_corners": "same_corners",
    "wrong_after_calls_of_one_shape": "fifty_times",
    "buffer_between_threads": "in_threads",
    "gradient_added_to_the_last": "twice",
    "probabilities_of_the_last_forward_pass": "after_another_value",
}


@pytest.mark.parametrize("name", OF_STATE)
def test_a_fault_of_state_is_guessed_by_the_way_of_calling(name: str) -> None:
    way = OF_STATE[name]
    asker, found = findings_of(named(name), "float32", Trial(f"{way}_5x96", 5, 96, "way", way=way))
    assert found, f"{name} is not found"
    (shown, *_) = shown_findings(asker, found)
    assert shown.cause is OF_WAYS[way]


def test_a_row_without_any_class_is_not_the_smallest_input_of_a_fault() -> None:
    planted = named("half_a_tile_at_the_end_outside_the_sum")
    asker, found = findings_of(planted, "float32", Trial("width_192", 27, 192, "width"))
    for one in shown_findings(asker, found):
        assert np.isfinite(one.finding.exact)


def test_a_row_that_was_cut_is_described_as_it_is_now() -> None:
    planted = Planted("log_sum_exp", "", lambda x: log_sum_exp(x) + 1)
    asker, found = findings_of(planted, "float32", Trial("width_33", 27, 33, "width"))
    (rising,) = np.flatnonzero(found[0].rows.logits[:, 0] == -30)
    whole = replace(found[0], rows=found[0].rows[rising : rising + 1], row=0, note="all but class 32 lower by 12")
    shorter = smaller(asker, whole, cut(whole.rows, slice(0, 20)))
    assert shorter is not None
    assert "class 32" in smallest_input(whole)
    assert "20 classes, logits from " in smallest_input(shorter)


def correct_ones() -> Iterator[Planted]:
    """Yield a correct kernel of each algorithm, those whose options are declared too."""
    seen: set[str] = set()
    for planted in CORRECT:
        if planted.kind not in seen and not planted.kind.startswith("logaddexp"):
            seen.add(planted.kind)
            yield planted


def test_a_sum_in_the_log_domain_conforms_and_its_loss_is_said() -> None:
    planted = next(one for one in CORRECT if one.kind == "logaddexp")
    verdict = check(planted.function, op=planted.op, format="float32", widest=1000)
    assert verdict.conforms
    (note,) = (text for text in verdict.notes if "log domain" in text)
    assert "times the bound of a shifted sum" in note


def test_no_wider_bound_excuses_an_infinity_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def lowest(x: Any) -> Any:
        asked.append(x)
        return np.maximum(log_sum_exp(x), np.finfo(x.dtype).min)  # -inf where all logits are -inf

    verdict = check(lowest, op="log_sum_exp", format="float32", widest=16)
    assert [one.clause for one in verdict.judgements if not one.expected]
    calls = len(asked)
    asked.clear()
    monkeypatch.setattr(checking, "may_add_in_the_log_domain", lambda *_: False)
    check(lowest, op="log_sum_exp", format="float32", widest=16)
    assert calls == len(asked)  # nothing was asked for the sake of that bound


@pytest.mark.parametrize("planted", list(correct_ones()), ids=lambda planted: planted.name)
def test_a_correct_kernel_is_not_accused(planted: Planted) -> None:
    declared = dict(planted.declared)
    format_: Any = declared.pop("format", "float32")
    right = Planted(planted.op, planted.kind, planted.function, planted.gradient, declared)
    for trial in (Trial("width_129", 50, 129, "width"), Trial("strided_6x33", 6, 33, "placement", "strided")):
        assert all(one.is_huge for one in findings_of(right, format_, trial)[1])
