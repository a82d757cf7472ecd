"""`logitproof prepare` leaves on disk what a run asks, and says how much of it was missing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from logitproof.commands.command_line import main
from logitproof.matrix import prepare as preparing
from logitproof.matrix.prepare import GRADED, questions
from logitproof_adapters.catalogue.registry import load
from logitproof_conformance.asking import truth as truth_module
from logitproof_conformance.asking.truth import accuracy_bounds, truth_of
from logitproof_conformance.plan.checks import makes_sense
from logitproof_reference.answers.answers import shared_answers
from logitproof_reference.answers.cache_folder import ANSWERS_VARIABLE, CACHE_VARIABLE, OFF

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from logitproof_adapters.contract import Adapter
    from logitproof_reference.cases.catalogue import Batch
    from logitproof_reference.vocabulary.cells import Cell


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    monkeypatch.delenv(ANSWERS_VARIABLE)
    as_in_a_new_process()
    yield tmp_path / "answers"
    as_in_a_new_process()


def as_in_a_new_process() -> None:
    """Forget what is held in memory."""
    shared_answers.cache_clear()
    truth_module._truth.cache_clear()


def few(adapter: Adapter, profile: str) -> list[tuple[Cell, Batch]]:
    """Of the questions of a framework, those of one op and format."""
    found = questions(adapter, profile)
    return [(cell, batch) for cell, batch in found if (cell.op, cell.format) == ("log_sum_exp", "float16")]


def test_what_is_prepared_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(preparing, "questions", few)
    assert main(["prepare", "--framework", "numpy"]) == 0
    first = capsys.readouterr().out
    assert f"; {folder} holds " in first
    assert " 0 answers computed" not in first
    as_in_a_new_process()
    assert main(["prepare", "--framework", "numpy"]) == 0
    assert capsys.readouterr().out.startswith("0 answers computed, ")
    as_in_a_new_process()
    adapter = load("numpy")
    for cell, batch in few(adapter, "quick"):
        truth_of(adapter, cell, batch)
        if makes_sense(GRADED, cell, "quick"):
            accuracy_bounds(adapter, cell, batch)
    assert shared_answers().counts["computed"] == 0
    assert shared_answers().counts["disk"] > 0


def test_every_cell_that_a_framework_offers_is_prepared() -> None:
    adapter = load("numpy")
    asked = {cell.id for cell, _ in questions(adapter, "quick")}
    assert {cell.id for cell in preparing.plan_cells(adapter, "quick") if not adapter.unsupported(cell)} == asked


def test_nothing_is_prepared_where_nothing_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert os.environ[ANSWERS_VARIABLE] == OFF
    shared_answers.cache_clear()
    assert main(["prepare", "--framework", "numpy"]) == 2
    assert ANSWERS_VARIABLE in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_an_unknown_profile_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "--framework", "numpy", "--profile", "slow"]) == 2
    assert '"slow" is not known' in capsys.readouterr().err
