"""The state of the process is the same after a framework as before, whatever it changed, and however it left."""

from __future__ import annotations

import ctypes
import os
import platform
import random
import signal
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof_adapters.contract.calls import CallFailed, answer_of
from logitproof_adapters.contract.floating_point import FENV_BYTES
from logitproof_adapters.contract.process_state import kept_process_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MATHS = ctypes.CDLL(None)
UPWARD = {"x86_64": 0x800, "aarch64": 0x400000}
FLUSHES = {"x86_64": (28, 0x8040), "aarch64": (0, 1 << 24)}
"""Where in the floating-point environment the bits are that flush subnormal numbers to zero, and which they are."""


def flush_to_zero() -> None:
    state = ctypes.create_string_buffer(FENV_BYTES)
    MATHS.fegetenv(state)
    place, bits = FLUSHES[platform.machine()]
    word = ctypes.c_uint32.from_buffer(state, place)
    word.value |= bits
    MATHS.fesetenv(state)


def half_of_the_least() -> float:
    """Return half the least normal number, which flushing makes 0."""
    return float(np.float64(sys.float_info.min) / np.float64(2.0))


def third() -> float:
    """Return a quotient that rounding upward changes."""
    return float(np.float64(1.0) / np.float64(3.0))


CHANGES: dict[str, tuple[Callable[[Path], Any], Callable[[], Any]]] = {
    "rounding": (lambda _: MATHS.fesetround(UPWARD[platform.machine()]), third),
    "flush to zero": (lambda _: flush_to_zero(), half_of_the_least),
    "NumPy's errors": (lambda _: np.seterr(all="raise"), np.geterr),
    "NumPy's error function": (lambda _: np.seterrcall(lambda *_: None), np.geterrcall),
    "warnings": (lambda _: warnings.simplefilter("ignore"), lambda: list(warnings.filters)),
    "recursion limit": (lambda _: sys.setrecursionlimit(500), sys.getrecursionlimit),
    "signal handlers": (
        lambda _: signal.signal(signal.SIGTERM, signal.SIG_IGN),
        lambda: signal.getsignal(signal.SIGTERM),
    ),
    "folder": (os.chdir, os.getcwd),
    "environment": (lambda _: os.environ.update(OMP_NUM_THREADS="99", HOME=""), lambda: dict(os.environ)),
    "random numbers": (lambda _: random.seed(7), random.getstate),
    "NumPy's random numbers": (
        lambda _: np.random.seed(7),  # noqa: NPY002
        lambda: repr(np.random.get_state()),  # noqa: NPY002
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_framework_changes_is_restored_though_it_raises(name: str, tmp_path: Path) -> None:
    if name in {"rounding", "flush to zero"} and platform.machine() not in UPWARD:
        pytest.skip("where the bits are is not known of this processor")
    change, look = CHANGES[name]
    before = look()
    changed: list[Any] = []

    def framework() -> None:
        with kept_process_state():
            change(tmp_path)
            changed.append(look())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        framework()
    assert changed != [before]
    assert look() == before


def test_a_folder_that_is_gone_and_another_thread_are_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    ended: list[str] = []

    def elsewhere() -> None:
        with kept_process_state():
            ended.append("within")
        ended.append("behind")

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert ended == ["within", "behind"]


class Mute(BaseException):
    """An error whose words are one more."""

    def __str__(self) -> str:
        raise SystemExit


def raising(error: BaseException) -> Any:
    raise error


ERRORS = {
    "RuntimeError: no": RuntimeError("no\nmore"),
    "KeyboardInterrupt: ": KeyboardInterrupt(),
    "SystemExit: 0": SystemExit(0),
    "Skipped: not today": pytest.skip.Exception("not today"),
    "Mute: its message cannot be read: SystemExit": Mute(),
}


@pytest.mark.parametrize("words", ERRORS)
def test_whatever_a_call_raises_is_its_answer(words: str) -> None:
    with pytest.raises(CallFailed) as caught:
        answer_of(lambda: raising(ERRORS[words]))
    assert str(caught.value) == words


def test_the_interrupt_of_the_user_is_not_the_calls() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            answer_of(lambda: signal.raise_signal(signal.SIGINT))
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
