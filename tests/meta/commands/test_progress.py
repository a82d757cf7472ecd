"""Progress tells how long it may still take, of an upgrade for both sides."""

from __future__ import annotations

import pytest

from logitproof.matrix import progress
from logitproof.matrix.progress import Bars, Estimate, Lines


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("sides_after", "words"),
    [(0, "about 60 s left"), (1, "about 2 min left for both sides")],
)
def test_the_time_left_follows_from_the_time_taken(clock: list[float], sides_after: int, words: str) -> None:
    estimate = Estimate(sides_after)
    assert not estimate.words("torch", 0, 400)
    clock[0] += 20.0
    assert estimate.words("torch", 100, 400) == words
    assert not estimate.words("torch", 400, 400)
    assert not estimate.words("jax", 3, 400)  # has just begun


def test_each_quarter_has_its_line_with_the_time_left(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(Estimate(1))
    for judged, seconds in ((0, 0.0), (30, 15.0), (40, 5.0), (60, 10.0)):
        clock[0] += seconds
        lines.show("optax", judged, 120, importing=0.0, ended=False)
    lines.show("optax", 120, 120, importing=0.0, ended=True)
    assert capsys.readouterr().err.splitlines() == [
        "optax: 0 of 120 cases judged",
        "optax: 30 of 120 cases judged, about 2 min left for both sides",
        "optax: 60 of 120 cases judged, about 2 min left for both sides",
        "optax: ended",
    ]


def test_a_bar_shows_it_beside(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with Bars(Estimate()) as bars:
        bars.show("optax", 0, 120, importing=0.0, ended=False)
        clock[0] += 10.0
        bars.show("optax", 60, 120, importing=0.0, ended=False)
    assert "about 10 s left" in capsys.readouterr().err
