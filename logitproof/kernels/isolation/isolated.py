"""A kernel in its own process, where it can crash, hang or exhaust memory at the cost of one cell."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from logitproof.errors import UsageError
from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_adapters.contract import Description, DeviceError
from logitproof_adapters.evaluator.values import packed_all, unpacked_all, unpacked_answer
from logitproof_adapters.kernels.in_evaluator import VARIABLE
from logitproof_adapters.kernels.kernel import EAGER
from logitproof_adapters.sources.literals import words_of
from logitproof_adapters.targets.link import Link, TargetDied
from logitproof_adapters.targets.sent_sources import is_own, sources_for
from logitproof_adapters.targets.target import TargetError, here
from logitproof_conformance.session.environment_facts import SENT
from logitproof_reference.vocabulary.cells import cell_to_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_adapters.kernels.declaration import Declaration
    from logitproof_adapters.targets.sent_sources import Sources
    from logitproof_adapters.targets.target import Target
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.vocabulary.cells import Cell, Inputs

THERE = "logitproof_adapters.kernels.in_evaluator"
PATIENCE_SECONDS = 60.0
MEMORY_GIB = 8.0
MOST_DEATHS = 8
"""Number of deaths in a row after which the kernel is given up."""


@dataclass(frozen=True)
class Limits:
    """The limits of a kernel.

    Attributes
    ----------
    seconds : float
        Of one call.
    memory_gib : float or None
        Data that its process may hold; None for what its target says, or no limit.
    """

    seconds: float = PATIENCE_SECONDS
    memory_gib: float | None = MEMORY_GIB


@dataclass(frozen=True)
class Named:
    """A kernel by name: what an evaluator needs to find it.

    Attributes
    ----------
    function, gradient, backward : str
        ``module:name``; gradient and backward may be empty.
    op, labels, framework : str
    declaration : Declaration
    asked, forbidden : tuple of str
        As in `logitproof_adapters.kernels.kernel.Kernel`.
    path : tuple of str
        Folders in which its modules lie.
    hidden : bool
        Whether exact answers are kept out of its reach.
    mode : str
        As in `logitproof_adapters.kernels.kernel.Kernel`.
    shards : int
        Over how many ranks it shards its vocabulary, handed over as ``ranks``; 1 for what it does by itself.
    """

    function: str
    gradient: str
    op: str
    labels: str
    framework: str
    declaration: Declaration
    asked: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    hidden: bool = False
    backward: str = ""
    mode: str = EAGER
    shards: int = 1


class IsolatedKernel:
    """Fulfils `Adapter` for a kernel in a process of its own.

    Parameters
    ----------
    named : Named
    arithmetic : Arithmetic or None
        The declared precision.
    limits : Limits
    target : Target or None
        Where it runs; None for the interpreter that runs Logitproof.
    beside : Sources, optional
        Modules of the kernel that travel; those that this process can import travel by their names.

    Attributes
    ----------
    target : Target
        The same with what the kernel's process needs.
    keeps_graph : bool
        Whether a second backward pass is asked of it (IO-7), as its framework's adapter says.

    Raises
    ------
    UsageError
        It cannot be imported there, or there is no such device.
    """

    def __init__(
        self,
        named: Named,
        arithmetic: Arithmetic | None = None,
        limits: Limits | None = None,
        target: Target | None = None,
        beside: Sources | None = None,
    ) -> None:
        self.modes: tuple[str, ...] = (named.mode,)
        self.arithmetic = arithmetic
        self._limits = limits or Limits()
        words = {**asdict(named), "declaration": named.declaration.declared}
        chosen = _prepared(target or here(), self._limits)
        self.target = replace(chosen, env={**chosen.env, VARIABLE: json.dumps(words)})
        self._sources = {} if chosen.is_here else {**_sources(named, chosen), **(beside or {})}
        self._deaths = 0
        self._link: Link | None = None
        facts = self._connected()
        self.name: str = facts["name"]
        self.keeps_graph: bool = facts["keeps_graph"]
        self._description = Description(**facts["description"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End its process."""
        if self._link is not None:
            self._link.close()

    def _connected(self) -> dict[str, Any]:
        try:
            self._link = Link(self.target, self._sources)
            self._link.greet()
            answer, _ = self._link.ask({"do": "load", "adapter": f"{THERE}:LoadedKernel", "device": self.target.device})
        except (TargetDied, TargetError) as error:
            raise UsageError(f"the kernel cannot be loaded: {error}") from error
        if raised := answer.get("raised"):
            self._link.close()
            problem = "" if raised["kind"] == DeviceError.__name__ else f"{raised['kind']}: "
            raise UsageError(f"the kernel cannot be loaded: {problem}{raised['message']}")
        facts: dict[str, Any] = answer["facts"]
        return facts

    def _alive(self) -> Link:
        """Return its process, restarted if it has ended."""
        if self._link is None or not self._link.alive:
            self._connected()
        assert self._link is not None  # `_connected` has raised otherwise
        return self._link

    def _ask(self, header: dict[str, Any], inputs: Inputs) -> tuple[dict[str, Any], memoryview]:
        if self._deaths >= MOST_DEATHS:
            raise TargetDied(f"given up after {self._deaths} ends in a row")
        arrays = inputs.arrays()
        described, parts = packed_all(arrays)
        try:
            answer, memory = self._alive().ask(
                {**header, "axis": inputs.axis, "arrays": described}, parts, seconds=self._limits.seconds
            )
        except TargetDied:
            self._deaths += 1
            raise
        self._deaths = 0
        start = answer.get("answer", {}).get("size", 0)
        for name, changed in unpacked_all(answer.get("changed", {}), memory[start:]).items():
            if arrays[name].flags.writeable:
                arrays[name][...] = changed
        if raised := answer.get("raised"):
            raise type(raised["kind"], (RuntimeError,), {})(raised["message"])
        return answer, memory

    def describe(self) -> Description:
        """Return the kernel's name and the version of what runs it."""
        return self._description

    def call(self, module: str, function: str) -> Any:
        """Return what a function that takes nothing returns in its process."""
        return self._alive().ask({"do": "call", "module": module, "function": function})[0]["result"]

    def probe(self) -> dict[str, str]:
        """Return what its framework does with numbers there; see `sources.probe`."""
        found: dict[str, str] = self._alive().ask({"do": "probe"})[0].get("arithmetic", {})
        return found

    def unsupported(self, cell: Cell) -> str | None:
        """Return why the kernel is not asked a cell, or None."""
        answer, _ = self._alive().ask({"do": "offers", "cells": [cell_to_json(cell)]})
        reason: str | None = answer["offers"][0][0]
        return reason

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the kernel's answer as it came; what ends its process costs that one call."""
        answer, memory = self._ask({"do": "evaluate", "cell": cell_to_json(cell)}, inputs)
        return unpacked_answer(answer["answer"], memory[: answer["answer"]["size"]])

    def repro(self, cell: Cell, inputs: Inputs) -> str:
        """Return a standalone program that calls the kernel."""
        header = {"do": "repro", "cell": cell_to_json(cell), "words": words_of(inputs.arrays())}
        try:
            text: str = self._ask(header, inputs)[0]["text"]
        except (TargetDied, RuntimeError) as error:  # what was measured counts, though its program is lost
            return f"# the kernel's process could not write this program: {type(error).__name__}: {error}"
        return text


def _prepared(target: Target, limits: Limits) -> Target:
    """Return a target with the limit of memory; this interpreter finds what this process finds, and is sent nothing.

    No bytecode is kept of a kernel's module: one that is changed within a second would be taken for the one before.
    """
    path = os.pathsep.join(place for place in sys.path if place)
    own = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"} if target.is_here else {}
    return replace(target, memory_gib=limits.memory_gib or target.memory_gib, env={**own, **target.env})


def _sources(named: Named, target: Target) -> Sources:
    """Return what travels; the kernel's own modules do where they need not be there: a command may lead elsewhere.

    The suite's own modules always do: those of public heads among them.
    """
    given = [spec for spec in (named.function, named.gradient, named.backward) if spec]
    may_lie_there = target.is_interpreter or named.hidden
    functions = [spec for spec in given if not may_lie_there or is_own(spec.partition(":")[0])]
    adapters = [FRAMEWORKS[named.framework].adapter_spec] if named.framework != "numpy" else []
    return sources_for([THERE, *SENT, *(spec.partition(":")[0] for spec in (*adapters, *functions))])
