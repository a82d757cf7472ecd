"""A kernel that misbehaves in the judge's process: what it raises is its answer, what it changes changes nothing."""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
import threading
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof.kernels.check import check

if TYPE_CHECKING:
    from collections.abc import Callable

    from logitproof.kernels.findings.verdict import KernelVerdict


class Mute(BaseException):
    """An error whose words are another one."""

    def __str__(self) -> str:
        raise KeyboardInterrupt


class Number:
    """Something that is not a number, and ends the process where it is asked to be one."""

    def __float__(self) -> float:
        raise SystemExit(0)


def softmax(x: Any) -> Any:
    """Return the control's answer."""
    with np.errstate(all="ignore"):
        shifted = np.exp(x - x.max(axis=-1, keepdims=True))
        return (shifted / shifted.sum(axis=-1, keepdims=True)).astype(x.dtype)


def judged(act: Callable[[], object]) -> KernelVerdict:
    """Judge a kernel that does something beside."""

    def kernel(x: Any) -> Any:
        answer = softmax(x)
        act()
        return answer

    return check(kernel, op="softmax", format="float32", widest=8, without=["ERR"])


def spelled(verdict: KernelVerdict) -> list[str]:
    """Return the judgements, spelled out: NaN is equal to NaN then."""
    return [repr(replace(one, repro="")) for one in verdict.judgements]


@pytest.fixture(scope="module")
def sound() -> list[str]:
    return spelled(judged(lambda: None))


def everything() -> None:
    """Change what the judge could depend on."""
    np.seterr(all="raise")
    np.seterrcall(lambda *_: None)
    sys.setrecursionlimit(sys.getrecursionlimit() + 1)
    warnings.simplefilter("error")
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = "99"
    random.random()  # noqa: S311  its state is what is looked at
    os.chdir("/")


def test_what_a_kernel_changes_changes_no_verdict_and_stays_no_longer(sound: list[str]) -> None:
    looks: tuple[Callable[[], Any], ...] = (
        *(np.geterr, np.geterrcall, sys.getrecursionlimit, os.getcwd),
        *(lambda: dict(os.environ), lambda: signal.getsignal(signal.SIGTERM), lambda: list(warnings.filters)),
    )
    before = [look() for look in looks]
    assert spelled(judged(everything)) == sound
    assert [look() for look in looks] == before


def test_whatever_a_kernel_raises_ends_no_check() -> None:
    errors = itertools.cycle((KeyboardInterrupt, SystemExit, Mute, pytest.skip.Exception, GeneratorExit, MemoryError))

    def raising() -> None:
        raise next(errors)

    found = judged(raising)
    assert not found.conforms


ANSWERS: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda _: None,
    "text": lambda x: x.astype(str),
    "objects": lambda x: np.full(x.shape, Number()),
    "dates": lambda x: x.astype("M8[s]"),
    "records": lambda x: x.view([("a", "f4")]),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_without_numbers_is_no_answer(answer: Callable[[Any], Any]) -> None:
    found = check(answer, op="softmax", format="float32", widest=8, without=["ERR"])
    assert not found.conforms
    assert not any("Logitproof itself failed" in one.reason for one in found.judgements)
