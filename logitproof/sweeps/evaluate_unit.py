"""A worker's task: it evaluates a unit in a target and certifies the answers, call by call.

While a call is certified the next one is evaluated: the framework and what judges it share the processors.
"""

from __future__ import annotations

import ctypes
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from logitproof.errors import UsageError
from logitproof.sweeps.certifier import Certifier
from logitproof.sweeps.units import UNIT, record_of
from logitproof_adapters.contract import declared_arithmetic
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_conformance.session.environment_facts import SENT, environment_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof.sweeps.units import Unit
    from logitproof_adapters.targets.target import Target

CALL = 1 << 18
"""Rows of one call of the framework."""

DECIDING = ("machine", "cpu", "cpu_features", "threads", "packages", "arithmetic")
"""Facts of the environment that may decide bits, or what is certified."""

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
    """A unit, and where it is evaluated; it travels to a worker.

    Attributes
    ----------
    framework : str
    target : Target
    identity : dict
        What `identity_of` returned where the sweep was planned.
    unit : Unit
    """

    framework: str
    target: Target
    identity: dict[str, Any]
    unit: Unit


def carry_out(task: Task) -> dict[str, Any]:
    """Return the record of a task's unit; the evaluator is kept for the next one.

    Raises
    ------
    RemoteError, TargetDied
        The framework raised something, or ended its process.
    ValueError
        An answer has not the shape or format of one.
    UsageError
        What decides bits is not the same here as where the sweep was planned.
    """
    adapter = adapter_of(task.framework, task.target)
    refuse_another_environment(task.identity, identity_of(adapter))
    certifier = Certifier(task.unit.function, declared_arithmetic(adapter))
    for start, answer in answers_of(adapter, task.unit):
        certifier.take(start, answer)
    certifier.finish()
    return record_of(task.unit, certifier)


class _Evaluators(threading.local):
    """The evaluator of a thread, by what it holds: a worker of a cluster may have several threads."""

    def __init__(self) -> None:
        self.held: dict[str, RemoteAdapter] = {}
        self.identities: dict[RemoteAdapter, dict[str, Any]] = {}


_evaluators = _Evaluators()


def adapter_of(framework: str, target: Target) -> RemoteAdapter:
    """Return the evaluator of this thread; one that holds something else is ended."""
    holds = repr((framework, target))
    if holds not in _evaluators.held:
        release()
        _evaluators.held[holds] = RemoteAdapter(framework, target, also_sent=SENT)
    return _evaluators.held[holds]


def release() -> None:
    """End the evaluator of this thread."""
    _evaluators.identities.clear()
    while _evaluators.held:
        _evaluators.held.popitem()[1].close()


def identity_of(adapter: RemoteAdapter) -> dict[str, Any]:
    """Return what a record is of: the adapter, its framework, what of the environment may decide bits."""
    if adapter not in _evaluators.identities:
        facts = environment_facts(adapter)
        _evaluators.identities[adapter] = {
            "adapter": adapter.name,
            "framework": asdict(adapter.describe()),
            "environment": {name: facts.get(name) for name in DECIDING},
            "held_to": asdict(declared_arithmetic(adapter)),
            "unit": UNIT,
        }
    return _evaluators.identities[adapter]


def refuse_another_environment(planned: dict[str, Any], found: dict[str, Any]) -> None:
    """Raise `UsageError` where a worker is not what the sweep was planned for: its record would be of both."""
    if planned == found:
        return
    planned, found = ({**one["environment"], **one} for one in (planned, found))
    name = next(name for name in planned if planned[name] != found.get(name))
    raise UsageError(
        f"a worker has another {name} ({found.get(name)}) than the sweep was planned with ({planned[name]}): "
        "use workers of one kind, and a sweep of its own for each kind"
    )


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
