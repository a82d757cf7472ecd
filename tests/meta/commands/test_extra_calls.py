"""What no clause covers is evaluated on both sides and compared: a change of meaning there shuts the gate too."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

import pytest
from mpmath import mp

from logitproof.extra_calls import judgements as made_calls
from logitproof.extra_calls.judgements import judgement_on
from logitproof_adapters.catalogue.extra_calls import answers, evaluate
from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_adapters.targets.link import TargetDied
from logitproof_adapters.targets.target import here
from logitproof_reports.diff.compare import diff
from logitproof_reports.diff.report import report_of
from logitproof_reports.diff.ruling import rule
from logitproof_reports.diff.to_terminal import verdict_lines
from logitproof_reports.runs.run_file import read_run, write_run
from logitproof_reports.runs.schema import RunFileError
from meta.reports.synthetic_runs import QUESTIONS, judgement, run_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from logitproof_adapters.catalogue.extra_calls.call import ExtraCall
    from logitproof_reference.vocabulary.judgement import Judgement
    from logitproof_reports.diff.report import DiffReport

CALL = answers.CALLS[0]
OTHER = judgement("sklearn", "eager", "float64", QUESTIONS[0], "typical")


def compared(*answers: dict[str, Any]) -> DiffReport:
    runs = [run_of("sklearn", OTHER, judgement_on("sklearn", CALL, answer)) for answer in answers]
    found = diff(*runs)
    return report_of(found, rule(found))


def test_an_answer_that_means_something_else_shuts_the_gate() -> None:
    report = compared({"value": (0.7136).hex()}, {"value": (1.4067).hex()})
    (cause,) = report.causes
    assert (report.word, cause.change.name) == ("NOT SAFE", "meaning changed")
    assert cause.example.sentence == "0.7136 -> 1.4067"
    assert CALL.name in cause.hit
    assert any(line.strip() == CALL.source for line in verdict_lines(report))
    assert "explain" not in report.next_step


def test_what_one_run_alone_was_evaluated_in_is_not_compared() -> None:
    runs = run_of("sklearn", OTHER), run_of("sklearn", OTHER, judgement_on("sklearn", CALL, {"value": (0.5).hex()}))
    for pair in (runs, runs[::-1]):
        found = diff(*pair)
        assert found.by_class() == diff(runs[0], runs[0]).by_class()


def test_a_last_bit_changes_nothing_and_an_error_is_to_be_looked_at() -> None:
    assert compared({"value": (0.5).hex()}, {"value": (0.5 + 2**-50).hex()}).word == "SAFE"
    raised = compared({"value": (0.5).hex()}, {"raised": "ValueError: they must sum to one"})
    assert (raised.word, raised.causes[0].change.name) == ("LOOK", "class changed")
    assert raised.causes[0].example.after == "raises ValueError"


def test_a_call_is_evaluated_and_what_it_raises_is_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "_NAMESPACES", {})
    package, metrics = ModuleType("sklearn"), ModuleType("sklearn.metrics")
    package.metrics = metrics  # type: ignore[attr-defined]

    def log_loss(labels: list[int], _probabilities: object, **_: object) -> float:
        if len(labels) > 2:
            raise ValueError("no such\nlabels")
        return 0.5

    metrics.log_loss = log_loss  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sklearn", package)
    monkeypatch.setitem(sys.modules, "sklearn.metrics", metrics)
    found = {
        call.name: evaluate.answer(call.imports, call.source) for call in answers.CALLS if call.package == "sklearn"
    }
    assert found[CALL.name]["value"] == (0.5).hex()
    assert found["unnormalized_probabilities_weighted"]["raised"] == "ValueError: no such"
    # What a release lacks costs its own call alone.
    assert found["explained"]["raised"].startswith("AttributeError")


class Remote:
    """Stands for a target whose process every second call ends."""

    def __init__(self, *_: object, **__: object) -> None:
        self.calls = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def call(self, _module: str, _function: str, _imports: str, _source: str) -> dict[str, Any]:
        self.calls += 1
        if self.calls % 2:
            raise TargetDied("signal 11")
        return {"value": (0.5).hex()}


def test_a_call_that_ends_its_process_costs_no_other_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = tuple(one for one in answers.CALLS if one.package == "sklearn")
    monkeypatch.setattr(made_calls, "RemoteAdapter", Remote)
    monkeypatch.setattr(answers, "calls_of", lambda _: calls)
    run = made_calls.with_extra_calls(run_of("sklearn", OTHER), here(), ["sklearn"])
    reasons = run.table["reason"].to_pylist()[1:]
    assert len(reasons) == len(calls)
    assert reasons[0] == "the process ended: signal 11"
    assert set(reasons[1::2]) == {""}


def test_every_call_is_of_a_known_package_and_has_a_name_of_its_own() -> None:
    assert {call.package for call in answers.CALLS} <= {row.packages[0] for row in FRAMEWORKS.values()}
    keys = [(call.package, call.op, call.labels, call.format, call.name) for call in answers.CALLS]
    assert len(set(keys)) == len(keys)
    for call in answers.CALLS:
        compile(call.repro, call.name, "exec")


def softmax_of(*logits: float) -> list[Any]:
    terms = [mp.e**logit for logit in logits]
    return [term / mp.fsum(terms) for term in terms]


def divergence(labels: list[float], probabilities: list[float]) -> Any:
    return mp.fsum(y * mp.log(y / mp.mpf(p)) for y, p in zip(labels, probabilities, strict=True))


LAST_OF_TWO = softmax_of(0, 1)[1]
LOSS = -mp.log(LAST_OF_TWO)
EITHER = -mp.log(softmax_of(0, 1)[0])
"""The loss of the logits 0, 1 with the first label."""
KL = divergence([0.5, 0.5], [0.25, 0.75])
SMOOTHED = mp.mpf(1) / 10
BY_DEFINITION: dict[str, Any] = {
    "all_axes log_softmax": mp.log(softmax_of(0, 1, 2, 3)[3]),
    "all_axes softmax": softmax_of(0, 1, 2, 3)[3],
    "all_axes log_sum_exp": mp.log(4),
    "several_axes log_sum_exp": mp.log(4),
    "several_axes softmax": softmax_of(0, 1, 2, 3)[3],
    "computed_in_float64 softmax": softmax_of(0, 1, 2, 3)[3],
    "integers log_sum_exp": mp.log(1 + mp.e),
    "cumulative log_sum_exp": mp.log(1 + mp.e),
    "negative_factor log_sum_exp": mp.log(2 * mp.e**3 + 3 * mp.e ** mp.mpf("0.5") - mp.mpf("0.75") * mp.e**4),
    "negative_sum log_sum_exp": mp.log(abs(1 - mp.e)),
    "sign_of_infinity log_sum_exp": 1,
    "sign_of_zero log_sum_exp": 0,
    "complex_logits log_sum_exp": mp.log(abs(1 + mp.e ** mp.mpc(0, 1))),
    "large_half_precision_logits_along_the_first_axis log_softmax": mp.log(softmax_of(*range(0, 288, 16))[17]),
    "log_of_a_sigmoid sigmoid_cross_entropy": -mp.log(1 + mp.e**1000),
    "slope_of_softplus sigmoid_cross_entropy": 1 / (1 + mp.e**50) + 1 / (1 + mp.e**-50),
    "soft_margin sigmoid_cross_entropy": mp.log(1 + mp.e**-1),
    "labels_that_sum_to_two softmax_cross_entropy": -mp.fsum(mp.log(p) for p in softmax_of(0, 1)),
    "polynomial softmax_cross_entropy": -mp.log(LAST_OF_TWO) + 2 * (1 - LAST_OF_TWO),
    "alignments softmax_cross_entropy": -mp.log(3 * mp.mpf(1) / 3 * mp.mpf(1) / 3),
    "divergence softmax_cross_entropy": KL,
    "convex_divergence softmax_cross_entropy": KL,
    "divergence_of_logarithms softmax_cross_entropy": KL,
    "smoothed_probabilities softmax_cross_entropy": -SMOOTHED / 2 * mp.log(0.25) - (1 - SMOOTHED / 2) * mp.log(0.75),
    "smoothed_probabilities sigmoid_cross_entropy": -SMOOTHED / 2 * mp.log(0.25) - (1 - SMOOTHED / 2) * mp.log(0.75),
    "weighted_rows sigmoid_cross_entropy": (2 * -mp.log(0.75) + 0) / 2,
    "probabilities sigmoid_cross_entropy": -mp.log(0.75),
    "probabilities softmax_cross_entropy": -mp.log(0.75),
    "one_column softmax_cross_entropy": -(mp.log(1 - mp.mpf("0.3")) + mp.log(mp.mpf("0.4"))) / 2,
    "summed softmax_cross_entropy": -(mp.log(1 - mp.mpf("0.3")) + mp.log(mp.mpf("0.4"))),
    "a_class_without_rows softmax_cross_entropy": -mp.log(0.75),
    "explained softmax_cross_entropy": 1 - mp.log(0.75) / mp.log(0.5),
    "probability_zero sigmoid_cross_entropy": 100,  # documented: logarithms are no less than -100
    "certain_error sigmoid_cross_entropy": 100,  # likewise
    "small_probability sigmoid_cross_entropy": 8 * mp.log(10),
    "one_column_float32 softmax_cross_entropy": -mp.log(1 - mp.mpf(2) ** -23),  # clipped at the epsilon of float32
    "certainty softmax_cross_entropy": 0,
    "probabilities_as_given softmax_cross_entropy": -(mp.log(mp.mpf("0.2")) + mp.log(mp.mpf("0.3"))) / 2,
    "factor_zero_of_the_largest log_sum_exp": mp.log(1 * mp.e**0 + 0 * mp.e**1000),
    "one_factor log_sum_exp": mp.log(2 * mp.e**0 + 2 * mp.e**1),
    "factors_of_rows log_sum_exp": mp.log(1 * mp.e**0 + 3 * mp.e**1),
    "slope_by_factor log_sum_exp": 1 / mp.mpf(2 + 1),
    "slope_by_negative_factor log_sum_exp": 1 / mp.mpf(2 - 1),
    "slope_by_factor_zero log_sum_exp": 1 / mp.mpf(2 + 0),
    "slope_in_a_kept_row softmax_cross_entropy": softmax_of(0, 1)[0] - 1,
    "slope_in_a_row_left_out softmax_cross_entropy": 0,
    "slope_at_a_small_probability sigmoid_cross_entropy": 1 / (1 + mp.e**40) - 1,
    "backward_in_forward_mode softmax": mp.diff(lambda x: softmax_of(x, 1)[0] * (1 + softmax_of(x, 1)[1]), 0),
    "backward_in_forward_mode log_softmax": mp.diff(lambda x: mp.log(softmax_of(x, 1)[0]) + softmax_of(x, 1)[1], 0),
    "masked_in_compiled_code softmax": softmax_of(0, 1, 2)[2],
    "linear_layer softmax_cross_entropy": -mp.log(LAST_OF_TWO),
    **dict.fromkeys(
        (
            "two_maps softmax",
            "left_out_by_a_mask softmax",
            "sparse_logits softmax",
            "ragged_rows softmax",
            "integers softmax",
            "wider_format softmax",
            "pushed_forward log_sum_exp",
            "pushed_forward_kept_axis log_sum_exp",
        ),
        LAST_OF_TWO,
    ),
    **dict.fromkeys(("traced log_softmax", "integers log_softmax", "scanned log_softmax"), -LOSS),
    "left_out_by_a_mask log_softmax": -LOSS,
    **dict.fromkeys(
        (
            "under_autocast softmax_cross_entropy",
            "mapped_and_ignored softmax_cross_entropy",
            "strided_labels softmax_cross_entropy",
            "integer_labels softmax_cross_entropy",
            "first_axis softmax_cross_entropy",
            "narrow_labels softmax_cross_entropy",
            "fenchel_young softmax_cross_entropy",
            "divergence_of_certainty softmax_cross_entropy",
            "floating_labels softmax_cross_entropy",
            "column_of_labels softmax_cross_entropy",
            "as_a_metric softmax_cross_entropy",
            "log_likelihoods softmax_cross_entropy",
            "loss_of_logits softmax_cross_entropy",
            "loss_of_logits sigmoid_cross_entropy",
            "label_of_python sigmoid_cross_entropy",
            "boolean_label sigmoid_cross_entropy",
            "integer_label sigmoid_cross_entropy",
        ),
        LOSS,
    ),
    "negative_axis log_sum_exp": mp.log(1 + mp.e),
    "axes_named_empty log_sum_exp": mp.log(4),
    "large_number_of_float64 log_sum_exp": 1000,
    "axis_unnamed softmax": LAST_OF_TWO,
    "axis_unnamed log_softmax": -LOSS,
    "one_axis softmax": softmax_of(0, 2)[1],
    "softplus sigmoid_cross_entropy": mp.log(1 + mp.e),
    "drowned_noise softmax": 1,  # noise of some units beside a difference of 1e4
    "compiled_constants softmax": 4,  # NaN in each of the four places
    "compiled_beside_its_logits softmax": 1,  # the sum of all shares
    **dict.fromkeys(("slope_at_a_tie log_sum_exp",), softmax_of(3, 3)[0]),
    "slope_behind_minus_infinity log_sum_exp": 1,
    "slope_of_alignments softmax_cross_entropy": -mp.mpf(2) / 3,  # two of three paths have the label in the first frame
    "cumulative_far_apart log_sum_exp": mp.log(mp.e**0),
    "smoothed_throughout softmax_cross_entropy": (LOSS + EITHER) / 2,
    "weighted_of_any_shape softmax_cross_entropy": 2 * LOSS,
    "weights_of_rows softmax_cross_entropy": 2 * LOSS,
    "slope_of_the_log_of_a_sigmoid sigmoid_cross_entropy": 1 / (1 + mp.e**-1000),
    "weight_of_each_column sigmoid_cross_entropy": (mp.log(2) + 3 * LOSS) / 2,
    "several_labels sigmoid_cross_entropy": (mp.log(2) + LOSS) / 2,
    "left_out_by_a_mask log_sum_exp": mp.log(1 + mp.e),
    "slope_beside_a_mask softmax": LAST_OF_TWO * (1 - LAST_OF_TWO),
    "slope_beside_a_mask log_softmax": 1 - LAST_OF_TWO,
    "slope_along_axis_false softmax": 0,  # by a logit of another column
    "mapped_columns softmax": softmax_of(0, 2)[1],
    "first_axis softmax": softmax_of(0, 2)[1],
    "first_axis log_softmax": mp.log(softmax_of(0, 2)[1]),
    "no_axis log_sum_exp": mp.log(mp.e**3),
    "complex_minus_infinity log_sum_exp": 0,  # of the logarithm of 0
    "labels_of_one_row_without_classes softmax_cross_entropy": 1,  # true: the process lives
    "kept_several_axes log_sum_exp": mp.log(4),
    "several_axes_with_factors log_sum_exp": mp.log(2 * (1 + 2)),
    "slope_beside_factor_zero log_sum_exp": 1,
    "forward_and_reverse softmax": mp.diff(lambda x: softmax_of(0, x)[1], 1, 2),
    "label_of_python_focal sigmoid_cross_entropy": (1 - LAST_OF_TWO) ** 2 * LOSS,
    "slope_by_integer_label sigmoid_cross_entropy": softmax_of(0, 0)[0] - 1,
    "smoothed_in_float64 sigmoid_cross_entropy": -mp.log(0.75) * 3 / 4 - mp.log(0.25) / 4,
    "smoothed_logits sigmoid_cross_entropy": (mp.log(2) + 3 * LOSS / 4 + EITHER / 4) / 2,
    "smoothed sigmoid_cross_entropy": (mp.log(2) + 3 * LOSS / 4 + EITHER / 4) / 2,
    "smoothed_integer_labels softmax_cross_entropy": 3 * LOSS / 4 + EITHER / 4,
    "smoothed softmax_cross_entropy": 3 * LOSS / 4 + EITHER / 4,
    "focal_logits softmax_cross_entropy": (1 - LAST_OF_TWO) ** 2 * LOSS / 4,
    "balanced_focal sigmoid_cross_entropy": mp.mpf("0.25") * mp.mpf("0.25") ** 2 * -mp.log(0.75),
    "label_past_the_integers_of_float16 softmax_cross_entropy": 1,  # true: the loss is small
    "infinity_left_out_by_a_factor log_sum_exp": 1,
    "distance_of_near_distributions softmax_cross_entropy": 0,  # false: it is a number
    "divergence_from_certainty softmax_cross_entropy": -mp.log(0.75),
    "slope_of_a_certain_error sigmoid_cross_entropy": 1 / (1 + mp.e**1000) - 1,
    "curvature_of_a_certain_error sigmoid_cross_entropy": mp.e**-1000 / (1 + mp.e**-1000) ** 2,
    "training_score softmax_cross_entropy": mp.log(3),
    "loss_of_the_square softmax_cross_entropy": LOSS + mp.log(1 + mp.e) ** 2 / 2,
    "linear_layer_smoothed softmax_cross_entropy": -mp.log(softmax_of(0, 1)[0]) / 4 - 3 * mp.log(LAST_OF_TWO) / 4,
}
"""The answers of the calls that have one, from what they compute, by name and op."""
AVERAGED = ("torch", "paddle")
"""Packages whose divergence is divided by the number of elements, here two, by default."""
FOCAL = {
    "optax": mp.mpf("0.25") * (1 - LAST_OF_TWO) ** 2 * -mp.log(LAST_OF_TWO),
    "paddle": mp.mpf("0.25") * (1 - LAST_OF_TWO) ** 2 * -mp.log(LAST_OF_TWO),
    "keras sigmoid_cross_entropy": mp.mpf("0.25") ** 2 * -mp.log(0.75),
    "keras softmax_cross_entropy": mp.mpf("0.25") * mp.mpf("0.25") ** 2 * -mp.log(0.75),
}


@pytest.mark.parametrize(
    "call",
    [one for one in answers.CALLS if one.exact is not None],
    ids=lambda call: f"{call.package}-{call.op}-{call.name}",
)
def test_the_one_right_answer_is_that_of_the_definition(call: ExtraCall) -> None:
    if call.name == "focal":
        exact = FOCAL.get(f"{call.package} {call.op}") or FOCAL[call.package]
    else:
        exact = BY_DEFINITION[f"{call.name} {call.op}"]
    if call.name == "divergence" and call.package in AVERAGED:
        exact /= 2
    assert call.exact is not None
    assert abs(mp.mpf(call.exact) - exact) <= 1e-15 * max(1, abs(exact))


SIGNED = next(one for one in answers.CALLS if (one.package, one.name) == ("scipy", "negative_factor"))


@pytest.mark.parametrize(
    ("before", "after", "word", "change"),
    [
        ({"value": SIGNED.exact}, {"value": math.nan}, "NOT SAFE", "newly failing"),
        ({"value": SIGNED.exact}, {"value": 1.3}, "NOT SAFE", "newly failing"),
        ({"value": SIGNED.exact}, {"raised": "TypeError: no b"}, "NOT SAFE", "newly crashing"),
        ({"value": math.nan}, {"value": SIGNED.exact}, "SAFE", "fixed"),
        ({"raised": "TypeError: no b"}, {"value": SIGNED.exact}, "SAFE", "fixed"),
    ],
)
def test_a_call_with_one_right_answer_is_held_against_it(
    before: dict[str, Any], after: dict[str, Any], word: str, change: str
) -> None:
    other = judgement("scipy", "eager", "float64", QUESTIONS[0], "typical")
    sides = [{key: one.hex() if key == "value" else one for key, one in side.items()} for side in (before, after)]
    runs = [run_of("scipy", other, judgement_on("scipy", SIGNED, side)) for side in sides]
    found = diff(*runs)
    report = report_of(found, rule(found))
    (cause,) = report.causes
    assert (report.word, cause.change.name) == (word, change)
    assert SIGNED.source in cause.line
    assert "exact 1.427" in cause.line or "raises TypeError" in cause.line


def test_wrong_answers_are_listed_with_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SIGNED.exact is not None
    answers = [{"value": SIGNED.exact.hex()}, {"value": (1.25).hex()}, {"raised": "TypeError: no b"}]

    def judged(adapter: str, _target: object) -> Iterator[Judgement]:
        yield from (judgement_on(adapter, SIGNED, answer) for answer in answers)
        yield judgement_on(adapter, CALL, {"value": (0.5).hex()})

    monkeypatch.setattr(made_calls, "_judgements", judged)
    assert list(made_calls.wrong_answers(here(), ["scipy", "numpy"])) == [
        "scipy: 1 of 3 extra calls give their one right answer",
        f"  {SIGNED.source}: 1.25, expected {SIGNED.exact:.9g} (negative_factor)",
        f"  {SIGNED.source}: TypeError: no b, expected {SIGNED.exact:.9g} (negative_factor)",
    ]


def test_calls_that_only_the_newer_run_was_asked_are_left_out() -> None:
    old = judgement_on("sklearn", CALL, {"value": (0.5).hex()})
    new = judgement_on("sklearn", answers.CALLS[1], {"value": (0.5).hex()})
    part = replace(run_of("sklearn", OTHER, old), complete=False)
    found = diff(part, run_of("sklearn", OTHER, old, new))
    assert "unknown before" not in {change.name for change, _ in found.by_class()}
    assert report_of(found, rule(found)).word == "SAFE"


def test_a_run_file_takes_them_as_any_other_record_and_is_read_again(tmp_path: Path) -> None:
    held = [judgement_on("sklearn", call, {"value": (0.5).hex()}) for call in answers.CALLS]
    run = run_of("sklearn", OTHER, *{(one.cell, one.regime): one for one in held}.values())
    write_run(tmp_path / "run.parquet", run)
    assert read_run(tmp_path / "run.parquet").table["inputs"].to_pylist() == run.table["inputs"].to_pylist()


@pytest.mark.parametrize("call", ["f(\x1b[0m)", 'f("x")', "<b>", "f(" + "1," * 300])
def test_what_is_no_such_call_is_refused(call: str, tmp_path: Path) -> None:
    record = replace(judgement_on("sklearn", CALL, {"value": (0.5).hex()}), inputs=json.dumps({"call": call}))
    write_run(tmp_path / "run.parquet", run_of("sklearn", OTHER, record))
    with pytest.raises(RunFileError, match="no such value"):
        read_run(tmp_path / "run.parquet")
