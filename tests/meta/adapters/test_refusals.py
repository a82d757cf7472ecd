"""What an adapter calls unsupported is refused by its framework; where the call works, the test fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from logitproof_adapters.catalogue import registry
from logitproof_adapters.sources.unsupported import NOT_ASKED
from logitproof_reference.vocabulary.cells import Cell
from meta.adapters import refusals
from meta.adapters.refusals import Refusal, refusals_of, trials

if TYPE_CHECKING:
    from collections.abc import Callable

REASON = "NumPy has no roots"


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], list[refusals.Trial]]:
    """Return a function that tries a reason by a call that must raise something."""

    def tried(call: str, raises: str) -> list[refusals.Trial]:
        adapter = registry.load("numpy")
        cell = Cell("numpy", "eager", "softmax", "value", "float32")
        monkeypatch.setattr(refusals, "reasons_of", lambda _: {REASON: [cell]})
        monkeypatch.setattr(refusals, "REFUSALS", (Refusal("numpy", REASON, raises, (call,) if call else ()),))
        monkeypatch.setitem(refusals.SETUPS, "numpy", "import numpy as np")
        return trials(adapter)

    return tried


@pytest.mark.parametrize("name", sorted(registry.BUILT_IN))
def test_every_reason_is_a_refusal_of_the_framework(name: str) -> None:
    if (missing := registry.missing(name)) is not None:
        pytest.skip(missing)
    try:
        adapter = registry.load(name)
    except registry.MissingFramework as error:  # e.g. Keras runs on another backend in this process
        pytest.skip(str(error))
    assert [trial for trial in trials(adapter) if not trial.refused] == []


@pytest.mark.parametrize(
    ("call", "raises", "refused"),
    [
        ("np.roots_of(2)", "AttributeError: .*roots_of", True),
        ("np.sqrt(2)", ".", False),
        ("np.roots_of(2)", "TypeError", False),
        ('other(dir(np), "^roots_of$")', "LookupError: no other name", True),
        ('other(dir(np), "^roots$")', "LookupError: no other name", False),
        ('other(dir(np), "^roots$", "roots")', "LookupError: no other name", True),
    ],
)
def test_a_call_that_works_or_fails_otherwise_is_no_refusal(
    refusing: Callable[[str, str], list[refusals.Trial]], call: str, raises: str, *, refused: bool
) -> None:
    [trial] = refusing(call, raises)
    assert trial.refused == refused
    assert (trial.reason, trial.call) == (REASON, call)


def test_without_a_call_of_its_own_the_repro_of_each_cell_is_tried(
    refusing: Callable[[str, str], list[refusals.Trial]],
) -> None:
    [trial] = refusing("", ".")
    assert "control_answers.answer" in trial.call
    assert "float32" in trial.answer
    assert not trial.refused


def test_a_reason_without_a_call_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "reasons_of", lambda _: {"NumPy has no luck": []})
    with pytest.raises(LookupError, match="NumPy has no luck"):
        trials(registry.load("numpy"))


def test_what_the_suite_does_not_ask_is_no_refusal() -> None:
    adapter = registry.load("numpy")
    reason = adapter.unsupported(Cell("numpy", "graph", "softmax", "value", "float32"))
    assert reason is not None
    assert reason.startswith(NOT_ASKED)
    assert not refusals.reasons_of(adapter)
    assert not refusals_of("numpy", reason)
