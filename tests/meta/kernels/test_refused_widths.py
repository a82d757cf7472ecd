"""A width that a kernel refuses by an error that says so is noted; one on which it fails otherwise is a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof.kernels.check import check
from logitproof.kernels.judging.asking import Asker
from logitproof.kernels.judging.examination import Plan, examine
from logitproof.kernels.judging.refused_widths import RefusedWidths, described, is_refusal
from logitproof.kernels.judging.truth import Question
from logitproof_adapters.kernels.adapter import adapter_of
from logitproof_adapters.kernels.kernel import Kernel
from meta.kernels.corpus import grad_loss, loss, softmax
from meta.kernels.correct_third import (
    at_most_8192_classes,
    gradient_of_at_most_8192_classes,
    multiples_of_8_alone,
)
from meta.kernels.test_causes import named

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

pytestmark = pytest.mark.filterwarnings("ignore")  # of what faulty kernels divide and overflow

REFUSALS = (
    "ValueError: the number of classes must be a multiple of 32, got 33",
    "ValueError: at most 8,192 classes are supported",
    "RuntimeError: Cannot launch Triton kernel since n = 131072 exceeds the maximum CUDA blocksize = 65536.",
    "UnsupportedWidth: vocabulary too large: 65537 > 65536",
    "TypeError: n_cols has to be a power of two",
    "NotImplementedError: ",
    "AssertionError: ",
)
ACCIDENTS = (
    "ValueError: cannot reshape array of size 127 into shape (32)",
    "ValueError: operands could not be broadcast together with shapes (4,33) (4,32)",
    "ValueError: could not broadcast input array from shape (4,33) into shape (4,32)",
    "ValueError: zero-size array to reduction operation maximum which has no identity",
    "ValueError: The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()",
    "ValueError: array split does not result in an equal division",
    "TypeError: only length-1 arrays can be converted to Python scalars",
    "RuntimeError: The size of tensor a (33) must match the size of tensor b (32) at non-singleton dimension 1",
    "RuntimeError: start (32) + length (32) exceeds dimension size (33).",
    "RuntimeError: shape '[4, 32]' is invalid for input of size 132",
    "RuntimeError: CUDA error: an illegal memory access was encountered",
    "OutOfMemoryError: CUDA out of memory. Tried to allocate 16.00 GiB. GPU 0 supports at most 8 GiB",
    "IndexError: index 8192 is out of bounds for axis 1 with size 8192",
    "_ArrayMemoryError: Unable to allocate 32.0 GiB for an array with shape (65537, 65537)",
    "ZeroDivisionError: division by zero",
    "ValueError: bad input",
    "",
)


@pytest.mark.parametrize("failure", REFUSALS)
def test_an_error_that_names_a_limit_refuses(failure: str) -> None:
    assert is_refusal(failure)


@pytest.mark.parametrize("failure", ACCIDENTS)
def test_any_other_error_is_a_failure(failure: str) -> None:
    assert not is_refusal(failure)


@pytest.mark.parametrize(
    ("refused", "taken", "said"),
    [
        ({1, 2, 33, 127}, {32, 64, 128}, "are not multiples of 32"),
        ({3, 33, 96}, {1, 2, 32, 64}, "are not powers of 2"),
        ({8193, 32769}, {1, 2, 8192}, "are 8,193 or more, of those tried"),
        ({1, 2}, {3, 8}, "are 2 or less, of those tried"),
        ({127, 1025}, {1, 2, 33, 128, 4096}, "are 127, 1,025"),
        (set(range(1, 21, 2)), {2, 3, 40}, "are 1, 3, 5, 7, 9, 11, 13, 15 and 2 more"),
        ({5}, set(), "are 5"),
    ],
)
def test_widths_are_told_by_what_they_have_in_common(refused: set[int], taken: set[int], said: str) -> None:
    assert described(refused, taken) == said


def test_nothing_is_said_where_nothing_is_refused() -> None:
    assert RefusedWidths(lambda *_: "").note() == ""


def refusals_in(verdict: Any) -> list[str]:
    return [text for text in verdict.notes if "refuses widths" in text]


def test_multiples_alone_are_judged_and_the_others_noted_once() -> None:
    verdict = check(multiples_of_8_alone, op="softmax", format="float32", widest=300)
    assert verdict.conforms, str(verdict)
    (note,) = refusals_in(verdict)
    left_out = sum("refuses so many classes" in found.reason for found in verdict.judgements)
    assert note == (
        "it refuses widths that are not multiples of 8 (ValueError: the number of classes must be a multiple of 8, "
        f"got 1): {left_out} cases not asked"
    )
    assert left_out > 50
    asked = {found.regime for found in verdict.judgements if found.verdict == "conforms"}
    assert {"width_128", "width_256", "after_fewer_classes_5x96", "strided_16x16"} <= asked
    assert any("no limit on |logits| found, on rows of 8 classes" in line for line in verdict.summary())


def _of_128(x: Array) -> Array:
    if x.shape[1] > 128:
        raise NotImplementedError
    return x


def test_a_limit_is_noted_of_the_value_and_the_gradient() -> None:
    def value(x: Array, y: Array) -> Array:
        return loss(_of_128(x), y)

    def gradient(x: Array, y: Array, c: Array) -> Array:
        return grad_loss(_of_128(x), y, c)

    verdict = check(value, op="softmax_cross_entropy", gradient=gradient, format="float32", widest=300)
    assert verdict.conforms, str(verdict)
    (note,) = refusals_in(verdict)
    assert note.startswith("it refuses widths that are 129 or more, of those tried (NotImplementedError): ")


def test_the_kernels_of_the_corpus_with_a_limit_take_what_they_say() -> None:
    x = np.zeros((2, 8192), np.float32)
    y, c = np.zeros(2, np.int64), np.ones(2, np.float32)
    assert at_most_8192_classes(x, y).shape == (2,)
    assert gradient_of_at_most_8192_classes(x, y, c).shape == x.shape
    with pytest.raises(AssertionError):
        at_most_8192_classes(np.zeros((2, 8193), np.float32), y)


def test_a_width_on_which_a_call_fails_is_held_against_the_kernel() -> None:
    verdict = check(named("one_width_in_whole_vectors").function, op="softmax", format="float32", widest=129)
    assert not verdict.conforms
    assert "127 classes" in verdict.summary()[1]
    assert not refusals_in(verdict)


def test_a_fault_at_the_widths_that_are_taken_is_found() -> None:
    verdict = check(named("multiples_of_8_without_a_shift").function, op="softmax", format="float32", widest=129)
    assert not verdict.conforms
    assert any("no max shift" in line for line in verdict.summary())
    assert refusals_in(verdict)


def test_an_error_for_the_number_of_rows_is_no_refusal_of_a_width() -> None:
    def of_few_rows(x: Array) -> Array:
        if len(x) > 500:
            raise ValueError("at most 500 rows are supported")
        return softmax(x)

    verdict = check(of_few_rows, op="softmax", format="float32", widest=33)
    assert not verdict.conforms
    assert not refusals_in(verdict)


def test_a_width_that_was_taken_before_is_not_refused_later() -> None:
    calls: list[int] = []

    def of_some_calls(x: Array) -> Array:
        calls.append(x.shape[1])
        if x.shape[1] == 7 and calls.count(7) > 3:
            raise ValueError("at most 6 classes are supported")
        return softmax(x)

    verdict = check(of_some_calls, op="softmax", format="float32", widest=33)
    assert not verdict.conforms
    assert not refusals_in(verdict)


def test_a_width_that_is_refused_is_not_passed_where_nobody_keeps_them() -> None:
    kernel = Kernel(multiples_of_8_alone, "softmax")
    asker = Asker(adapter_of(kernel), Question(kernel.op, kernel.labels, "value", kernel.declaration))
    found = examine(asker, Plan(("float32",), ("value",), widest=33))
    assert any("multiple of 8" in one.failure and one.trial == "width_33" for one in found.findings)
    assert not any(one.trial == "width_32" for one in found.findings)
