"""All kernels of the corpus, registered."""

from __future__ import annotations

from meta.kernels import (
    correct,
    correct_fifth,
    correct_fourth,
    correct_second,
    correct_sixth,
    correct_third,
    faulty_eighth,
    faulty_fifth,
    faulty_fourth,
    faulty_gradients,
    faulty_numbers,
    faulty_options,
    faulty_second,
    faulty_second_gradients,
    faulty_seventh,
    faulty_shapes,
    faulty_sixth,
    faulty_state,
    faulty_third,
)
from meta.kernels.corpus import CORRECT, FAULTY, Planted

__all__ = ["CORRECT", "FAULTY", "MODULES", "Planted"]

MODULES = (
    correct,
    correct_fifth,
    correct_fourth,
    correct_second,
    correct_sixth,
    correct_third,
    faulty_eighth,
    faulty_fifth,
    faulty_fourth,
    faulty_gradients,
    faulty_numbers,
    faulty_options,
    faulty_second,
    faulty_second_gradients,
    faulty_seventh,
    faulty_shapes,
    faulty_sixth,
    faulty_state,
    faulty_third,
)
