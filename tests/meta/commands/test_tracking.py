"""Trainings in Weights & Biases: every step, by Keras' own callback where Keras trains, and only where asked for."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

import pytest

from logitproof.commands.command_line import main
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_adapters.frameworks.numpy.trainer import NumpyTrainer
from logitproof_conformance.plan.training import training_cases
from logitproof_conformance.training.judging import judge_training
from logitproof_conformance.training.wandb_log import PROJECT_VARIABLE
from logitproof_reference.training.record import SERIES

if TYPE_CHECKING:
    from pathlib import Path

    from logitproof_conformance.plan.cases import Case

STEPS = 8
"""Steps that the quick profile trains."""


class Remembered:
    """What stands for wandb and for a run of it: it remembers what it is told."""

    def __init__(self) -> None:
        self.started: list[dict[str, Any]] = []
        self.logged: list[dict[str, float]] = []
        self.summary: dict[str, str] = {}
        self.finished = 0

    def init(self, **options: Any) -> Remembered:
        self.started.append(options)
        return self

    def log(self, numbers: dict[str, float]) -> None:
        self.logged.append(numbers)

    def define_metric(self, *_: object, **__: object) -> None:
        """Take how a chart is drawn, which is of no matter here."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.finished += 1


class Looped(NumpyTrainer):
    """The control's trainer as one whose loop is the framework's own: it tells its callbacks of each step."""

    takes_callbacks = True

    def train(self, *arguments: Any) -> Any:
        given = super().train(*arguments)
        for number, step in enumerate(given):
            for callback in self.callbacks:
                callback.on_train_batch_end(number, {"loss": step.loss})
        return given


class LoopedAdapter(NumpyAdapter):
    """The control with that trainer."""

    trainer = Looped


def quick_case(adapter: NumpyAdapter) -> Case:
    (case,) = training_cases(adapter, "quick")
    return case


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> Remembered:
    told = Remembered()
    monkeypatch.setenv(PROJECT_VARIABLE, "ours")
    monkeypatch.setitem(sys.modules, "wandb", told)  # type: ignore[arg-type]  # it stands for the module
    return told


def test_every_step_of_a_training_is_logged(wandb: Remembered) -> None:
    adapter = NumpyAdapter()
    found = list(judge_training(adapter, quick_case(adapter), "quick"))
    assert [options["project"] for options in wandb.started] == ["ours"]
    assert wandb.started[0]["name"].startswith("numpy-")
    assert [numbers.pop("training/step") for numbers in wandb.logged] == list(range(STEPS))
    assert all(set(numbers) == {f"training/{name}" for name in SERIES} for numbers in wandb.logged)
    assert wandb.summary == {"training": found[-1].reason}
    assert wandb.finished == 1


def test_a_loop_of_the_frameworks_own_is_watched_by_wandbs_callback(
    wandb: Remembered, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    callback = SimpleNamespace(on_train_batch_end=lambda batch, _: batches.append(batch))
    module = SimpleNamespace(WandbMetricsLogger=lambda log_freq: callback if log_freq == "batch" else None)
    monkeypatch.setitem(sys.modules, "wandb.integration.keras", module)  # type: ignore[arg-type]  # likewise
    adapter = LoopedAdapter()
    list(judge_training(adapter, quick_case(adapter), "quick"))
    assert batches == list(range(STEPS))
    assert len(wandb.logged) == STEPS


def test_nothing_asks_for_wandb_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PROJECT_VARIABLE, raising=False)
    monkeypatch.setitem(sys.modules, "wandb", None)  # type: ignore[arg-type]  # so that importing it fails
    adapter = NumpyAdapter()
    found = list(judge_training(adapter, quick_case(adapter), "quick"))
    assert {judgement.verdict for judgement in found} == {"conforms"}


def test_without_the_extra_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("logitproof.readers.wandb_run.find_spec", lambda _: None)
    assert main(["run", "--framework", "numpy", "--wandb"]) == 2
    assert 'python -m pip install "wandb' in capsys.readouterr().err


def test_offline_wandb_keeps_a_run_for_a_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="the extra wandb is not installed").teardown()  # reads the environment again
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(PROJECT_VARIABLE, "ours")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    adapter = NumpyAdapter()
    list(judge_training(adapter, quick_case(adapter), "quick"))
    (kept,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    content = kept.read_bytes()
    assert all(f"training/{name}".encode() in content for name in SERIES)
