"""The plan: the quick profile asks part of what the full one does; no mode, function or option is left out silently."""

from __future__ import annotations

import pytest

from logitproof_conformance.plan.cases import batches_of, plan_cells
from logitproof_conformance.plan.cells import COMPILED_OPTIONS, FURTHER_FORMATS, OPTIONS
from logitproof_reference.vocabulary.cells import MODES, PLAIN, Cell
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.producers import PRODUCERS
from meta.mutants.mutant import INDEX_LOSS, Mutant, MutantAdapter

LOSS = ("softmax_cross_entropy", "indices")


class EveryModeAdapter(MutantAdapter):
    """Offers every mode, and a second function."""

    entries = {LOSS: ("other",)}  # noqa: RUF012 - as an adapter writes it

    def __init__(self) -> None:
        super().__init__(Mutant("control", "None.", "VAL-1", INDEX_LOSS))
        self.modes = MODES


@pytest.fixture(scope="module")
def planned() -> dict[str, list[Cell]]:
    return {profile: list(plan_cells(EveryModeAdapter(), profile)) for profile in ("quick", "full")}


def test_the_quick_profile_is_part_of_the_full_one(planned: dict[str, list[Cell]]) -> None:
    assert set(planned["quick"]) < set(planned["full"])
    assert len(planned["full"]) == len(set(planned["full"]))


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_every_mode_and_function_is_asked(planned: dict[str, list[Cell]], profile: str) -> None:
    assert {cell.mode for cell in planned[profile]} == set(MODES)
    assert {cell.entry for cell in planned[profile]} == {"", "other"}


def test_further_modes_are_asked_gradients_in_the_formats_of_training(planned: dict[str, list[Cell]]) -> None:
    asked = {(cell.mode, cell.format) for cell in planned["full"] if cell.quantity == "grad_logits"}
    assert asked >= {(mode, format_) for mode in ("graph", "vmap") for format_ in FURTHER_FORMATS}


def test_every_option_is_asked_in_every_format_and_the_longest_compiled(planned: dict[str, list[Cell]]) -> None:
    asked = {(cell.mode, cell.format, cell.options) for cell in planned["full"] if cell.options != PLAIN}
    every = {options for table in OPTIONS.values() for options in table}
    assert asked >= {("eager", format_, options) for format_ in FORMATS for options in every}
    assert asked >= {("compiled", "float32", options) for options in COMPILED_OPTIONS}
    assert set(COMPILED_OPTIONS) <= every


def test_producers_stand_in_front_of_every_softmax_in_the_full_profile(planned: dict[str, list[Cell]]) -> None:
    asked = {(cell.mode, cell.producer) for cell in planned["full"] if cell.producer}
    assert asked == {(mode, producer) for mode in ("eager", "compiled") for producer in PRODUCERS}


@pytest.mark.parametrize("mode", ["eager", "compiled"])
@pytest.mark.parametrize("format_", FORMATS)
def test_more_classes_than_float16_counts_are_asked_in_every_format(mode: str, format_: str) -> None:
    cell = Cell("x", mode, "softmax", "value", format_)
    rows = next(batch.rows.logits for batch in batches_of(cell, "full") if batch.classes > 65_520)
    assert (rows == rows[:, :1]).all(axis=1).any(), "a row of equal logits, whose sum overflows float16"
