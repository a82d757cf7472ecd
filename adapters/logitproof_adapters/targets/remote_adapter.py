"""The proxy of an adapter in a target: it passes every call to the evaluator there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

from logitproof_adapters.catalogue import registry
from logitproof_adapters.contract import Description, DeviceError, Dialect, run_program
from logitproof_adapters.evaluator.values import packed_all, unpacked_all, unpacked_answer
from logitproof_adapters.sources.literals import words_of
from logitproof_adapters.targets.call_limits import MOST_DEATHS, PATIENCE_SECONDS, START_SECONDS
from logitproof_adapters.targets.link import Link, TargetDied
from logitproof_adapters.targets.remote_trainer import RemoteTrainer
from logitproof_adapters.targets.sent_sources import sources_for_adapter
from logitproof_adapters.targets.target import TargetError
from logitproof_reference.bounds.assumptions import Arithmetic
from logitproof_reference.vocabulary.cells import cell_to_json

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from logitproof_adapters.targets.link import Ticket
    from logitproof_adapters.targets.target import Target
    from logitproof_reference.vocabulary.cells import Cell, Inputs

    Reply = tuple[dict[str, Any], memoryview]
    CallKey = tuple[Cell, int, tuple[tuple[str, tuple[int, ...], bytes], ...]]
    """A cell, the class axis, and the arrays by name, shape and bytes."""


class Offer(NamedTuple):
    """The reason why a framework does not offer a cell, if so, and its dialect for the cell."""

    reason: str | None
    dialect: Dialect


class RemoteError(RuntimeError):
    """Raised in the target; the class of each is named as what was raised there."""


class RemoteAdapter:
    """Fulfils `Adapter` through a pipe; the evaluator is restarted if it ended.

    Parameters
    ----------
    name : str
        A known framework, or ``module:Class``, whose sources are sent where this process can find them.
    target : Target
        Where it is evaluated.
    patience : float
        Seconds that a call may take.
    also_sent : sequence of str
        Further modules for `call`.
    follow : callable, optional
        Is told of each evaluator that is started, and may set its `Link.wait`.

    Raises
    ------
    UnknownFramework, MissingFramework
        No adapter goes by this name, or the framework is not installed there.
    TargetError
        The target cannot be used.
    """

    name: str
    modes: tuple[str, ...]

    def __init__(
        self,
        name: str,
        target: Target,
        *,
        patience: float = PATIENCE_SECONDS,
        also_sent: Sequence[str] = (),
        follow: Callable[[Link], None] | None = None,
    ) -> None:
        self._spec = registry.spec_of(name)
        self._framework = name
        self._packages = registry.packages_of(name)
        self.target = target
        self._patience = patience
        self._follow = follow
        self._sources = sources_for_adapter(self._spec.partition(":")[0], also_sent)
        self.link: Link | None = None
        self._loaded: Ticket | None = None
        self._deaths = 0
        self._deadly: dict[CallKey, str] = {}
        self._offers: dict[Cell, Offer] = {}
        try:
            self._state(self._first_connected())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the evaluator."""
        if self.link is not None:
            self.link.close()

    @property
    def python(self) -> str:
        """The version of the Python there."""
        return self.link.python if self.link else ""

    def _state(self, facts: dict[str, Any]) -> None:
        """Take over what the adapter there states."""
        self.name = facts["name"]
        self.modes = tuple(facts["modes"])
        self._description = Description(**facts["description"])
        self.entries = {(op, labels): tuple(words) for op, labels, words in facts["entries"]}
        self.producers = tuple(facts["producers"])
        self.ignored_labels = tuple(facts["ignored_labels"])
        self.broadcast_labels = tuple(facts["broadcast_labels"])
        self.floating_indices = facts["floating_indices"]
        self.label_columns = facts["label_columns"]
        self.most_axes = dict(facts["most_axes"])
        self.negative_strides = facts["negative_strides"]
        self.one_dimension = tuple(facts["one_dimension"])
        self.spellings = {op: tuple(words) for op, words in facts["spellings"].items()}
        self.zero_dimensions = tuple(facts["zero_dimensions"])
        self.mixed_derivatives = facts["mixed_derivatives"]
        self.keeps_graph = facts["keeps_graph"]
        self.quick_rows = facts["quick_rows"]
        self.arithmetic = facts["arithmetic"] and Arithmetic(**facts["arithmetic"])
        if facts["trainer"]:
            self.trainer: Callable[[RemoteAdapter], RemoteTrainer] = RemoteTrainer
            self.facts_of_trainer = facts["trainer"]

    def _first_connected(self) -> dict[str, Any]:
        """Start the first evaluator, load the adapter in it, and return what that states."""
        link = self._start()
        packages = link.send({"do": "find", "packages": self._packages})
        loaded = self._load(link)
        link.greet()
        try:
            link.wait(packages)
            if missing := packages.reply[0]["missing"]:
                reason = f'framework "{self._framework}" is not installed in target {self.target.name}'
                raise registry.MissingFramework(f"{reason}: it has no {' and no '.join(missing)}")
            link.wait(loaded)
            answer, _ = loaded.reply
        except TargetDied as error:
            raise TargetError(f"target {self.target.name}: {self._framework} cannot be imported: {error}") from error
        if raised := answer.get("raised"):
            if raised["kind"] == DeviceError.__name__:
                raise TargetError(f"target {self.target.name}: {raised['message']}")
            problem = f"{raised['kind']}: {raised['message']}"
            where = "" if self.target.is_here else f" in target {self.target.name}"
            raise registry.MissingFramework(f"adapter {self._spec} cannot be used{where}: {problem}")
        facts: dict[str, Any] = answer["facts"]
        return facts

    def _start(self) -> Link:
        self.link = Link(self.target, self._sources)
        if self._follow is not None:
            self._follow(self.link)
        return self.link

    def _load(self, link: Link) -> Ticket:
        loading = {"do": "load", "adapter": self._spec, "device": self.target.device}
        self._loaded = link.send(loading, seconds=START_SECONDS)
        return self._loaded

    def request(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> Reply:
        """Return the answer to a request, from an evaluator that is restarted where the last one has ended.

        Raises
        ------
        TargetDied
            It ended, or the target is given up.
        RemoteError
            What was raised there, by a class of the same name.
        """
        described, parts = packed_all(arrays or {})
        try:
            answer, memory = self._asked({**header, "arrays": described}, parts)
        except (TargetDied, TargetError) as error:
            self._deaths += 1
            raise TargetDied(str(error)) from error
        self._deaths = 0
        if raised := answer.get("raised"):
            self._take_back(answer, memory, arrays)
            raise type(raised["kind"], (RemoteError,), {})(raised["message"])
        return answer, memory

    def _asked(self, header: Mapping[str, Any], parts: Sequence[bytes | memoryview]) -> Reply:
        """Send a request, again where the process ended before it was at it."""
        while self._deaths < MOST_DEATHS:
            link = self.link
            if link is None or not link.alive:
                link = self._start()
                self._load(link)
            ticket = link.send(header, parts, seconds=self._patience)
            link.wait(ticket)
            self._see_that_it_is_loaded()
            if not ticket.lost:
                return ticket.reply
        raise TargetDied(f"given up after {self._deaths} ends in a row")

    def _see_that_it_is_loaded(self) -> None:
        """Raise TargetDied where an evaluator that was restarted could not load the adapter."""
        if self._loaded is None or self._loaded.lost or not self._loaded.done:
            return
        answer, _ = self._loaded.reply
        if raised := answer.get("raised"):
            raise TargetDied(f"{self._framework} cannot be imported again: {raised['kind']}: {raised['message']}")

    @staticmethod
    def _take_back(answer: Mapping[str, Any], memory: memoryview, arrays: Mapping[str, NDArray[Any]] | None) -> None:
        """Do to the inputs what the call did to its own."""
        for name, changed in unpacked_all(answer.get("changed", {}), memory).items():
            (arrays or {})[name][...] = changed

    def call(self, module: str, function: str, *arguments: str) -> Any:
        """Return what a function of texts, or of nothing, returns there; its module is one of `also_sent`."""
        asked = {"do": "call", "module": module, "function": function, "arguments": arguments}
        return self.request(asked)[0]["result"]

    def describe(self) -> Description:
        """Return framework, version and build."""
        return self._description

    def probe(self) -> dict[str, str]:
        """Return what the device there does with numbers; see `sources.probe`."""
        found: dict[str, str] = self.request({"do": "probe"})[0]["arithmetic"]
        return found

    def unsupported(self, cell: Cell) -> str | None:
        """Return why the framework offers no such cell, or None if it does."""
        return self._offer_of(cell).reason

    def dialect(self, cell: Cell) -> Dialect:
        """Return what the framework documents of the loss that a cell asks."""
        return self._offer_of(cell).dialect

    def _offer_of(self, cell: Cell) -> Offer:
        if cell not in self._offers:
            self.foresee([cell])
        return self._offers[cell]

    def share_offers(self, other: RemoteAdapter) -> None:
        """Take what another evaluator of the same target said of its cells."""
        self._offers = other._offers

    def foresee(self, cells: Sequence[Cell]) -> None:
        """Request in one batch what `unsupported` and `dialect` return for these cells."""
        answer, _ = self.request({"do": "offers", "cells": [cell_to_json(cell) for cell in cells]})
        dialects = [Dialect(**{**stated, "takes": tuple(stated["takes"])}) for stated in answer["dialects"]]
        offers = (Offer(reason, dialects[number]) for reason, number in answer["offers"])
        self._offers.update(zip(cells, offers, strict=True))

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the framework's answer as it came; what ended the process once is not evaluated again.

        Of other rows the cell may be right: other cells are compared with it, and a label that is not there may end it.
        """
        arrays = inputs.arrays()
        if self._deadly and (last_words := self._deadly.get(_call_key(cell, inputs.axis, arrays))):
            raise _death(last_words, cell, inputs)
        header = {"do": "evaluate", "cell": cell_to_json(cell), "axis": inputs.axis}
        is_asked = self._deaths < MOST_DEATHS
        try:
            answer, memory = self.request(header, arrays)
        except TargetDied as error:
            self._deadly[_call_key(cell, inputs.axis, arrays)] = str(error)
            raise (_death(str(error), cell, inputs) if is_asked else error) from error
        size = answer["answer"]["size"]
        self._take_back(answer, memory[size:], arrays)
        return unpacked_answer(answer["answer"], memory[:size])

    def sweep(self, cell: Cell, start: int, count: int) -> NDArray[Any]:
        """Return the framework's answer to rows that are made there by their numbers; see `sources.two_logits`."""
        header = {"do": "sweep", "cell": cell_to_json(cell), "start": start, "count": count}
        answer, memory = self.request(header)
        return unpacked_answer(answer["answer"], memory)

    def repro(self, cell: Cell, inputs: Inputs) -> str:
        """Return a standalone program in the framework's own API that prints this cell's answer for `inputs`."""
        arrays = inputs.arrays()
        header = {"do": "repro", "cell": cell_to_json(cell), "axis": inputs.axis, "words": words_of(arrays)}
        try:
            text: str = self.request(header, arrays)[0]["text"]
        except (TargetDied, RemoteError) as error:  # what was measured counts, though its program is lost
            message = " ".join(str(error).split())
            return f"# the target could not write this program: {type(error).__name__}: {message}"
        return text

    def run_alone(self, program: str, variables: Mapping[str, str], seconds: int) -> subprocess.CompletedProcess[str]:
        """Run a program there, in a process of its own."""
        there = {**self.target.variables, **variables}
        return run_program(self.target.command, program, there, seconds, env=self.target.environment)


def _death(last_words: str, cell: Cell, inputs: Inputs) -> TargetDied:
    """Return the end of the process at a cell and its inputs."""
    error = TargetDied(last_words)
    error.asked = cell, inputs
    return error


def _call_key(cell: Cell, axis: int, arrays: Mapping[str, NDArray[Any]]) -> CallKey:
    return cell, axis, tuple((name, array.shape, array.tobytes()) for name, array in arrays.items())
