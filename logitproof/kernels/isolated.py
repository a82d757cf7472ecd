"""A kernel in a process of its own, so that it can die, hang or eat memory at the cost of a cell."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from logitproof.errors import UsageError
from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_adapters.contract import Description
from logitproof_adapters.evaluator.values import cell_to_json, packed_all, unpacked_all, unpacked_answer
from logitproof_adapters.sources.kernel_there import VARIABLE
from logitproof_adapters.targets.link import Link, TargetDied
from logitproof_adapters.targets.sent_sources import sources_for
from logitproof_adapters.targets.target import Target, TargetError, interpreter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_adapters.sources.kernel_claim import Claim
    from logitproof_adapters.targets.sent_sources import Sources
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.vocabulary.cells import Cell, Inputs

THERE = "logitproof_adapters.sources.kernel_there"
PATIENCE_SECONDS = 60.0
MEMORY_GIB = 8.0
MOST_DEATHS = 8
"""In a row: past them the kernel is given up."""


@dataclass(frozen=True)
class Limits:
    """What a kernel may use.

    Attributes
    ----------
    seconds : float
        Of one call.
    memory_gib : float or None
        Address space of its process; None for no limit.
    """

    seconds: float = PATIENCE_SECONDS
    memory_gib: float | None = MEMORY_GIB


@dataclass(frozen=True)
class Named:
    """A kernel by name: what an evaluator needs to find it.

    Attributes
    ----------
    function, gradient : str
        ``module:name``; the gradient may be empty.
    op, labels, framework : str
    claim : Claim
    asked, forbidden : tuple of str
        As in `logitproof_adapters.sources.kernel.Kernel`.
    path : tuple of str
        Folders in which its modules lie.
    hidden : bool
        Whether exact answers are kept out of its reach.
    """

    function: str
    gradient: str
    op: str
    labels: str
    framework: str
    claim: Claim
    asked: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    hidden: bool = False


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

    Raises
    ------
    UsageError
        It cannot be imported there.
    """

    modes: tuple[str, ...] = ("eager",)

    def __init__(
        self,
        named: Named,
        arithmetic: Arithmetic | None = None,
        limits: Limits | None = None,
        target: Target | None = None,
    ) -> None:
        self.arithmetic = arithmetic
        self._limits = limits or Limits()
        words = {**asdict(named), "claim": named.claim.declared}
        is_here = target is None
        chosen = target or _this_interpreter(self._limits)
        self._target = replace(chosen, env={**chosen.env, VARIABLE: json.dumps(words)})
        self._sources = {} if is_here else _sources(named.framework)
        self._deaths = 0
        self._link: Link | None = None
        facts = self._connected()
        self.name: str = facts["name"]
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
            self._link = Link(self._target, self._sources)
            self._link.greet()
            answer, _ = self._link.ask({"do": "load", "adapter": f"{THERE}:There", "device": self._target.device})
        except (TargetDied, TargetError) as error:
            raise UsageError(f"the kernel cannot be loaded: {error}") from error
        if raised := answer.get("raised"):
            self._link.close()
            raise UsageError(f"the kernel cannot be loaded: {raised['kind']}: {raised['message']}")
        facts: dict[str, Any] = answer["facts"]
        return facts

    def _ask(self, header: dict[str, Any], inputs: Inputs) -> tuple[dict[str, Any], memoryview]:
        if self._deaths >= MOST_DEATHS:
            raise TargetDied(f"given up after {self._deaths} ends in a row")
        arrays = inputs.arrays()
        described, parts = packed_all(arrays)
        if self._link is None or not self._link.alive:
            self._connected()
        try:
            answer, memory = self._link.ask(  # type: ignore[union-attr]
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

    def unsupported(self, cell: Cell) -> str | None:
        """Return why the kernel is not asked a cell, or None."""
        if self._link is None or not self._link.alive:
            self._connected()
        answer, _ = self._link.ask({"do": "offers", "cells": [cell_to_json(cell)]})  # type: ignore[union-attr]
        reason: str | None = answer["offers"][0][0]
        return reason

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the kernel's answer as it came; what ends its process costs that one call."""
        answer, memory = self._ask({"do": "evaluate", "cell": cell_to_json(cell)}, inputs)
        return unpacked_answer(answer["answer"], memory[: answer["answer"]["size"]])

    def repro(self, cell: Cell, inputs: Inputs) -> str:
        """Return a standalone program that calls the kernel."""
        try:
            text: str = self._ask({"do": "repro", "cell": cell_to_json(cell)}, inputs)[0]["text"]
        except TargetDied as error:
            return f"# the kernel's process could not spell this program: {error}"
        return text


def _this_interpreter(limits: Limits) -> Target:
    """Return the interpreter that runs Logitproof, with the modules that this process finds: nothing has to be sent."""
    found = {"PYTHONPATH": os.pathsep.join(place for place in sys.path if place)}
    return replace(interpreter(sys.executable), memory_gib=limits.memory_gib, env=found)


def _sources(framework: str) -> Sources:
    adapter = FRAMEWORKS[framework].adapter_spec.partition(":")[0]
    return sources_for([THERE, *([adapter] if framework != "numpy" else [])])
