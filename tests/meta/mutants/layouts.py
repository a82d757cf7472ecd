"""Mutants of the layout: faults that show with more axes, axes of length one, and strides that are not a batch's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from meta.mutants.mutant import (
    GRAD_INDEX_LOSS,
    GRAD_SOFTMAX,
    INDEX_LOSS,
    LOG_SOFTMAX,
    LOG_SUM_EXP,
    SOFTMAX,
    Mutant,
    ask_control,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs

    Array = NDArray[Any]
    Ask = Callable[[Cell, Inputs], Array]

FEWEST_PARALLEL = 128
"""Rows behind the classes from which on the parallel code of `last_block_of_rows_missing` is taken."""


def with_another_axis(is_wrong: Callable[[Inputs], bool], axis: Callable[[Inputs], int]) -> Ask:
    """Return the control, which takes another axis for the classes' where `is_wrong`."""

    def ask(cell: Cell, inputs: Inputs) -> Array:
        return ask_control(cell, replace(inputs, axis=axis(inputs)) if is_wrong(inputs) else inputs)

    return ask


def with_logits(is_wrong: Callable[[Array], bool], read: Callable[[Array], Array]) -> Ask:
    """Return the control, which reads the logits otherwise where `is_wrong`."""

    def ask(cell: Cell, inputs: Inputs) -> Array:
        x = inputs.logits
        return ask_control(cell, replace(inputs, logits=read(x)) if is_wrong(x) else inputs)

    return ask


def _last(inputs: Inputs) -> int:
    return inputs.logits.ndim - 1


def _behind(inputs: Inputs) -> tuple[int, ...]:
    return inputs.logits.shape[inputs.axis + 1 :]


def with_rows_behind(is_wrong: Callable[[int], bool], change: Callable[[Array], Array]) -> Ask:
    """Return the control's answer; where the rows behind the classes are of a wrong number, they are changed."""

    def ask(cell: Cell, inputs: Inputs) -> Array:
        answer, behind = ask_control(cell, inputs), _behind(inputs)
        if not is_wrong(int(np.prod(behind))):
            return answer
        ahead = answer.shape[: answer.ndim - len(behind)]
        return change(answer.reshape(*ahead, -1).copy()).reshape(answer.shape)

    return ask


def remainder_from_the_column_before(answer: Array) -> Array:
    """Answer the rows behind the last whole vector of 16 by the row before each."""
    start = answer.shape[-1] // 16 * 16
    answer[..., start:] = answer[..., start - 1 : -1]
    return answer


def last_block_of_rows_missing(answer: Array) -> Array:
    """Leave the rows past the last whole block of 64 at zero."""
    answer[..., answer.shape[-1] // 64 * 64 :] = 0
    return answer


def labels_broadcast_against_rows(cell: Cell, inputs: Inputs) -> Array:
    """Answer labels of shape (rows, 1) by the mean over every row's label, as a gather that broadcasts does."""
    if inputs.labels is None or inputs.labels.ndim == 1:
        return ask_control(cell, inputs)
    every = [ask_control(cell, replace(inputs, labels=np.full(len(inputs.labels), k))) for k in inputs.labels[:4, 0]]
    return np.mean(every, axis=0, dtype=inputs.logits.dtype)


def _is_column_major(x: Array) -> bool:
    return x.flags.f_contiguous and not x.flags.c_contiguous


def without_batch_per_element(cell: Cell, inputs: Inputs) -> Array:
    """Take the only axis for rows of one class each."""
    if inputs.logits.ndim > 1:
        return ask_control(cell, inputs)
    return ask_control(cell, replace(inputs, logits=inputs.logits[:, None], axis=1))[:, 0]


def without_rows_between(cell: Cell, inputs: Inputs) -> Array:
    """Take the axes of the classes, where there are two, for the first ones, as if no rows lay between them."""
    if cell.entry != "two_class_axes":
        return ask_control(cell, inputs)
    x = inputs.logits
    return ask_control(cell, replace(inputs, logits=x.reshape(x.shape[0], x.shape[2], x.shape[1]).swapaxes(1, 2)))


def with_entry(word: str, change: Callable[[Array], Array]) -> Ask:
    """Return the control whose answer to one call of an op is changed."""
    return lambda cell, inputs: change(ask_control(cell, inputs)) if cell.entry == word else ask_control(cell, inputs)


def in_order_of_memory(array: Array) -> Array:
    """Write rows one after another into memory whose columns lie side by side."""
    return array.ravel().reshape(array.shape[::-1]).T if array.ndim > 1 else array


def without_an_axis_is_nothing(cell: Cell, inputs: Inputs) -> Array:
    """Take a number without an axis for a row of no class."""
    return ask_control(cell, inputs) if inputs.logits.ndim else np.zeros_like(inputs.logits)


LAYOUT_MUTANTS = (
    Mutant(
        "two_axes_side_by_side",
        "Classes along two axes are taken to lie side by side, whichever axes are named.",
        "IO-5",
        SOFTMAX,
        ask=without_rows_between,
        profile="full",
    ),
    Mutant(
        "flattened_axes_apart",
        "Of axes that count as one the last alone is run over.",
        "IO-5",
        LOG_SOFTMAX,
        ask=with_entry("flattened_axes", lambda answer: answer + np.float32(np.log(2.0))),
        profile="full",
    ),
    Mutant(
        "kept_axis_without_maximum",
        "With the axis kept the largest logit is not added again.",
        "IO-5",
        LOG_SUM_EXP,
        ask=with_entry("kept_axis", lambda answer: answer - np.float32(1.0)),
        profile="full",
    ),
    Mutant(
        "given_array_read_by_rows",
        "A result is written row by row into a given array, wherever its columns lie.",
        "IO-5",
        SOFTMAX,
        ask=with_entry("given_array", in_order_of_memory),
        profile="full",
    ),
    Mutant(
        "saved_result_read_by_rows",
        "A saved result is read row by row, wherever its columns lie.",
        "IO-5",
        GRAD_SOFTMAX,
        ask=with_entry("strided_output", in_order_of_memory),
        profile="full",
    ),
    Mutant(
        "no_axis_is_mean",
        "Without an axis a mean is taken in the place of the sum.",
        "IO-5",
        LOG_SUM_EXP,
        ask=with_entry("every_axis", lambda answer: answer - np.float32(1.0)),
        profile="full",
    ),
    Mutant(
        "no_axis_no_class",
        "A number without an axis has no class: its share is 0.",
        "IO-4",
        SOFTMAX,
        ask=without_an_axis_is_nothing,
        profile="full",
    ),
    Mutant(
        "only_axis_is_rows",
        "Logits of one axis are taken for rows of one class: every share is 1.",
        "IO-5",
        SOFTMAX,
        ask=without_batch_per_element,
    ),
    Mutant(
        "first_of_three_is_first_of_two",
        "The axes behind the first one are taken for one row's: of three axes the classes are the second.",
        "IO-5",
        SOFTMAX,
        ask=with_another_axis(lambda i: (i.axis, i.logits.ndim) == (0, 3) and max(_behind(i)) > 1, lambda _: 1),
        profile="full",
    ),
    Mutant(
        "ones_behind_are_last",
        "Where all axes behind the classes have length one, the last of them is taken: every share is 1.",
        "IO-5",
        SOFTMAX,
        ask=with_another_axis(lambda i: i.axis == 0 and max(_behind(i), default=0) == 1, _last),
    ),
    Mutant(
        "one_ahead_is_squeezed",
        "An axis of length one is taken away and the class axis not counted anew.",
        "IO-5",
        LOG_SOFTMAX,
        ask=with_another_axis(lambda i: 1 in i.logits.shape[1 : i.axis], _last),
        profile="full",
    ),
    Mutant(
        "second_of_four_is_third",
        "Images are taken to have their classes third.",
        "IO-5",
        LOG_SOFTMAX,
        ask=with_another_axis(lambda i: (i.axis, i.logits.ndim) == (1, 4), lambda _: 2),
        profile="full",
    ),
    Mutant(
        "fifth_axis_is_not_counted",
        "Axes are counted from behind, up to four of them: of five the classes are the third.",
        "IO-5",
        SOFTMAX,
        ask=with_another_axis(lambda i: i.logits.ndim == 5, lambda i: i.axis + 1),
        profile="full",
    ),
    Mutant(
        "remainder_behind_classes_is_one_off",
        "Rows behind the classes past the last whole vector are answered by the row before.",
        "IO-5",
        LOG_SUM_EXP,
        ask=with_rows_behind(
            lambda rows: 16 < rows < FEWEST_PARALLEL and rows % 16 != 0, remainder_from_the_column_before
        ),
        profile="full",
    ),
    Mutant(
        "last_block_of_rows_missing",
        "Many rows behind the classes are answered in parallel blocks, the last of which is never begun.",
        "IO-5",
        GRAD_INDEX_LOSS,
        ask=with_rows_behind(lambda rows: rows >= FEWEST_PARALLEL, last_block_of_rows_missing),
        profile="full",
    ),
    Mutant(
        "column_order_taken_for_row_order",
        "Memory without gaps is read row by row, also where rows lie side by side.",
        "IO-5",
        SOFTMAX,
        ask=with_logits(_is_column_major, lambda x: np.ascontiguousarray(x.T).reshape(x.shape)),
        profile="full",
    ),
    Mutant(
        "negative_stride_without_its_sign",
        "Strides are taken without their sign, from the lowest address on.",
        "IO-5",
        SOFTMAX,
        ask=with_logits(lambda x: min(x.strides, default=0) < 0, np.flip),
        profile="full",
    ),
    Mutant(
        "stride_0_taken_for_1",
        "A stride of 0 is taken for that of one element: every row begins one class later.",
        "IO-5",
        SOFTMAX,
        ask=with_logits(lambda x: 0 in x.strides, lambda x: np.stack([np.roll(row, -at) for at, row in enumerate(x)])),
        profile="full",
    ),
    Mutant(
        "label_column_broadcast",
        "Labels of shape (rows, 1) are broadcast against the rows.",
        "IO-5",
        INDEX_LOSS,
        ask=labels_broadcast_against_rows,
        profile="full",
    ),
)
