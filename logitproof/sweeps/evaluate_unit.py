"""A worker's task: it evaluates a unit in a target and certifies the answers, call by call.

While a call is certified the next one is evaluated: the framework and what judges it share the processors.
"""

from __future__ import annotations

import ctypes
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from logitproof.sweeps.certifier import Certifier
from logitproof.sweeps.units import record_of
from logitproof_adapters.contract import declared_arithmetic
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_conformance.session.environment_facts import SENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof.sweeps.units import Unit
    from logitproof_adapters.targets.target import Target

CALL = 1 << 18
"""Rows of one call of the framework."""


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Numbers of malloc.h."""

KEPT_BYTES = 1 << 26


@cache
def keep_freed_memory() -> None:
    """Let this process keep freed memory for the next call, once.

    By default glibc gives the arrays of each call back to the system, which hands out their pages anew: that took three
    quarters of the time in which the judge reads an answer.
    """
    with suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_TRIM_THRESHOLD, 4 * KEPT_BYTES)
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)


@dataclass(frozen=True)
class Task:
    """A unit, and where it is evaluated; it travels to a worker."""

    framework: str
    target: Target
    unit: Unit


def carry_out(task: Task) -> dict[str, Any]:
    """Return the record of a task's unit; the evaluator is kept for the next one.

    Raises
    ------
    RemoteError, TargetDied
        The framework raised something, or ended its process.
    ValueError
        An answer has not the shape or format of one.
    """
    adapter = adapter_of(task.framework, task.target)
    certifier = Certifier(task.unit.function, declared_arithmetic(adapter))
    for start, answer in answers_of(adapter, task.unit):
        certifier.take(start, answer)
    certifier.finish()
    return record_of(task.unit, certifier)


_evaluators: dict[str, RemoteAdapter] = {}
"""The evaluator of this process, by what it holds."""


def adapter_of(framework: str, target: Target) -> RemoteAdapter:
    """Return the evaluator of this process; one that holds something else is ended."""
    holds = repr((framework, target))
    if holds not in _evaluators:
        release()
        _evaluators[holds] = RemoteAdapter(framework, target, also_sent=SENT)
    return _evaluators[holds]


def release() -> None:
    """End the evaluator of this process."""
    while _evaluators:
        _evaluators.popitem()[1].close()


def answers_of(adapter: RemoteAdapter, unit: Unit) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield the answers to a unit, one call ahead."""
    keep_freed_memory()
    cell, end = unit.function.cell(adapter.name), unit.start + unit.rows
    calls = [(start, min(CALL, end - start)) for start in range(unit.start, end, CALL)]
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(adapter.sweep, cell, *calls[0])
        for (start, _), following in zip(calls, [*calls[1:], None], strict=True):
            answer = coming.result()
            if following:
                coming = ahead.submit(adapter.sweep, cell, *following)
            yield start, answer
