"""Arrays and frames on the pipe come out as they went in: numbers, layout, and what is no array of numbers."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from logitproof_adapters.contract.dialect import CHOICES, Dialect
from logitproof_adapters.evaluator.frames import LARGEST, LENGTH, FrameError, decoded, encoded, length_of
from logitproof_adapters.evaluator.values import (
    packed,
    packed_all,
    packed_answer,
    unpacked,
    unpacked_all,
    unpacked_answer,
)
from logitproof_reference.cases.memory_layouts import offset
from logitproof_reference.oracle.loss_options import LossOptions
from logitproof_reference.vocabulary.cells import Cell, Options, cell_from_json, cell_to_json

WIDE = np.arange(60, dtype=np.float32).reshape(5, 12)
LAYOUTS = {
    "contiguous": WIDE,
    "strided": WIDE[:, :8:2],
    "transposed": WIDE.T,
    "reversed": WIDE[::-1, ::-3],
    "a row": WIDE[2],
    "a number": np.array(3.5),
    "repeated": np.broadcast_to(WIDE[0], (3, 12)),
    "no rows": WIDE[:0],
    "no classes": WIDE[:, :0],
    "indices": np.array([3, -1, 2]),
    "bfloat16": WIDE.astype(ml_dtypes.bfloat16)[:, 1::2],
    "float16": WIDE.astype(np.float16),
    "booleans": WIDE > 7,
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_an_array_keeps_its_numbers_and_its_layout(name: str) -> None:
    array = LAYOUTS[name]
    described, memory = packed(array)
    found = unpacked(described, memoryview(memory))
    assert (found.dtype, found.shape, found.flags.writeable) == (array.dtype, array.shape, array.flags.writeable)
    assert found.tobytes() == array.tobytes()
    assert not array.size or found.strides == array.strides


def test_what_lies_between_the_elements_of_a_view_travels_too() -> None:
    described, memory = packed(WIDE[:, :8:2])
    found = unpacked(described, memoryview(memory))
    between = np.lib.stride_tricks.as_strided(found[:, :1], (5, 7), (48, 4))
    assert (between == WIDE[:, :7]).all()


def test_an_array_that_begins_behind_the_start_of_its_memory_does_so_on_the_other_side_and_before_it_is_no_number() -> (
    None
):
    array = offset(WIDE)
    described, memory = packed(array)
    found = unpacked(described, memoryview(memory))
    assert isinstance(found.base, np.ndarray)
    assert found.ctypes.data - found.base.ctypes.data == WIDE.itemsize
    assert np.isnan(found.base[0])
    assert (found == WIDE).all()


def test_several_arrays_come_apart_again() -> None:
    described, parts = packed_all(LAYOUTS)
    found = unpacked_all(described, memoryview(b"".join(parts)))
    assert {name: array.tobytes() for name, array in found.items()} == {
        name: array.tobytes() for name, array in LAYOUTS.items()
    }


@pytest.mark.parametrize("name", LAYOUTS)
def test_an_answer_keeps_its_numbers(name: str) -> None:
    described, memory = packed_answer(LAYOUTS[name])
    found = unpacked_answer(described, memoryview(memory))
    assert (found.dtype, found.shape, found.tobytes()) == (
        LAYOUTS[name].dtype,
        LAYOUTS[name].shape,
        LAYOUTS[name].tobytes(),
    )


@pytest.mark.parametrize("answer", [np.array(None), np.array(["no", "numbers"]), np.array([{}])])
def test_an_answer_without_numbers_keeps_its_shape(answer: np.ndarray) -> None:
    described, memory = packed_answer(answer)
    found = unpacked_answer(described, memoryview(memory))
    assert (found.shape, memory) == (answer.shape, b"")


def test_a_cell_keeps_its_words() -> None:
    cell = Cell("torch", "eager", "softmax", "value", "float32", options=Options(reduction="mean", ignore_index=3))
    assert cell_from_json(cell_to_json(cell)) == cell


def test_a_frame_comes_out_as_it_went_in() -> None:
    frame = b"".join(encoded({"words": "\udcff\n"}, [b"\n\x00", b"more"]))
    assert length_of(frame[:8]) == len(frame) - 8
    header, raw = decoded(frame[8:])
    assert (header, bytes(raw)) == ({"words": "\udcff\n"}, b"\n\x00more")


@pytest.mark.parametrize("head", [b"Hello, w", LENGTH.pack(0), LENGTH.pack(LARGEST + 1)])
def test_text_on_the_pipe_is_no_frame(head: bytes) -> None:
    with pytest.raises(FrameError, match="garbage"):
        length_of(head)


@pytest.mark.parametrize("body", [b"", b"no json\n", b"[1]\n", b"{}"])
def test_what_does_not_begin_with_a_line_of_json_is_no_frame(body: bytes) -> None:
    with pytest.raises(FrameError, match="garbage"):
        decoded(body)


def test_the_choices_of_a_dialect_have_the_defaults_of_the_options_that_they_are() -> None:
    assert [getattr(Dialect, name) for name in CHOICES] == [getattr(LossOptions, name) for name in CHOICES]
