"""A subject evaluated along every axis, and where its answers differ."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.errors import UsageError
from logitproof.invariance.axes import AXES, Axis, Calls, kept_classes, quickest_first
from logitproof_conformance.asking.ask import same_bits
from logitproof_reference.cases.hashed_numbers import integers, normals
from logitproof_reference.vocabulary.cells import Inputs
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS, QUANTITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from logitproof.invariance.progress import Progress
    from logitproof_adapters.contract import Adapter
    from logitproof_reference.vocabulary.cells import Cell

    Array = NDArray[Any]
    Start = Callable[[Calls | None], AbstractContextManager[Adapter]]

SPREAD = 4.0

INTERRUPTED = "interrupted"
"""The reason of what was not asked any more."""


@dataclass(frozen=True)
class Subject:
    """What is asked, and how its process is started.

    Attributes
    ----------
    cell : Cell
        In the mode that is the base.
    start : callable
        Starts an adapter, in a process with what a setting says of it; None for the base.
    """

    cell: Cell
    start: Start


@dataclass(frozen=True)
class Witness:
    """Two inputs that give the same row other bits.

    Attributes
    ----------
    row : int
        Of the base's batch.
    index : tuple of int
        Of the first number that differs, in the row's answer.
    base, other : float
        The numbers.
    first, second : Inputs
        What was handed over.
    places : tuple of int
        Where the row stands in each.
    """

    row: int
    index: tuple[int, ...]
    base: float
    other: float
    first: Inputs
    second: Inputs
    places: tuple[int, int]


@dataclass(frozen=True)
class Setting:
    """What a setting gave: how many rows have the base's bits, or why it was not asked."""

    words: str
    same: int = 0
    rows: int = 0
    reason: str = ""
    witness: Witness | None = None


@dataclass(frozen=True)
class Along:
    """What was found along an axis."""

    axis: Axis
    settings: tuple[Setting, ...]

    @property
    def verdict(self) -> str:
        """``same bits``, ``flips``, or ``not asked``."""
        asked = [one for one in self.settings if one.rows]
        if not asked:
            return "not asked"
        return "same bits" if all(one.same == one.rows for one in asked) else "flips"

    @property
    def witness(self) -> Witness | None:
        """The first witness."""
        return next((one.witness for one in self.settings if one.witness is not None), None)


def drawn(cell: Cell, rows: int, classes: int, seed: int) -> Inputs:
    """Return a batch of rows for a cell, the same bits everywhere.

    Raises
    ------
    UsageError
        There are fewer than two rows or classes.
    """
    if rows < 2 or classes < 2:
        raise UsageError(f"{rows} rows of {classes} classes; needed: two or more of each")
    dtype, op = FORMATS[cell.format].dtype, OPS[cell.op]
    logits = (SPREAD * normals(f"invariance {seed}", (rows, classes))).astype(dtype)
    given: dict[str, Array] = {}
    if cell.labels == "indices":
        given["labels"] = integers(f"invariance, labels {seed}", (rows,), classes)
    elif cell.labels == "distributions":
        given["labels"] = np.full((rows, classes), 1.0 / classes).astype(dtype)
    shape = logits.shape if op.keeps_classes else (rows,)
    if QUANTITIES[cell.quantity].takes_cotangent:
        given["cotangent"] = normals(f"invariance, cotangent {seed}", shape).astype(dtype)
    if QUANTITIES[cell.quantity].takes_tangent:
        given["tangent"] = normals(f"invariance, tangent {seed}", logits.shape).astype(dtype)
    return Inputs(logits, axis=1, **given)


def survey(
    subject: Subject,
    inputs: Inputs,
    axes: Iterable[Axis] = tuple(AXES.values()),
    progress: Progress | None = None,
) -> list[Along]:
    """Evaluate a subject along axes.

    They are evaluated the quickest first, and returned in their order. A KeyboardInterrupt ends it with what was
    measured: the other settings have `INTERRUPTED` as their reason.

    Raises
    ------
    UsageError
        The subject does not offer what is asked, or the base itself fails.
    KeyboardInterrupt
        Before anything was measured.
    """
    with ExitStack() as stack:
        adapter = stack.enter_context(subject.start(None))
        if reason := adapter.unsupported(subject.cell):
            raise UsageError(f"{subject.cell.adapter} does not offer {subject.cell.id}: {reason}")
        try:
            base = np.array(adapter.evaluate(subject.cell, inputs))
        except Exception as error:
            raise UsageError(f"the batch itself fails: {type(error).__name__}: {error}") from error
        if base.shape[:1] != (len(inputs.logits),):
            raise UsageError(f"the answer has shape {base.shape}; invariance needs one of each row")
        if progress is not None:
            progress.begin()
        found: list[Along] = []
        asked = list(axes)
        for axis in quickest_first(asked):
            if was_interrupted(found):
                found.append(Along(axis, (Setting("all", reason=INTERRUPTED),)))
                continue
            found.append(_along(axis, subject, adapter, inputs, base))
            if progress is not None and not was_interrupted(found):
                progress.after(found[-1].axis.name, found[-1].verdict)
        return sorted(found, key=lambda along: asked.index(along.axis))


def was_interrupted(found: Iterable[Along]) -> bool:
    """Return whether something was not asked because of an interruption."""
    return any(setting.reason == INTERRUPTED for along in found for setting in along.settings)


def _along(axis: Axis, subject: Subject, adapter: Adapter, inputs: Inputs, base: Array) -> Along:
    """Evaluate the settings of an axis, up to an interruption."""
    settings: list[Setting] = []
    for calls in axis.settings(inputs):
        try:
            settings.append(_asked(subject, adapter, inputs, base, calls))
        except KeyboardInterrupt:
            settings.append(Setting(calls.words, reason=INTERRUPTED))
            break
    return Along(axis, tuple(settings))


def _asked(subject: Subject, adapter: Adapter, inputs: Inputs, base: Array, calls: Calls) -> Setting:
    """Evaluate one setting, in its own process if it needs one."""
    cell = replace(subject.cell, mode=calls.mode or subject.cell.mode)
    try:
        with ExitStack() as stack:
            if calls.needs_a_process:
                adapter = stack.enter_context(subject.start(calls))
            if reason := adapter.unsupported(cell):
                return Setting(calls.words, reason=reason)
            return _compared(adapter, cell, inputs, base, calls)
    except Exception as error:  # noqa: BLE001 - whatever a framework raises is a result
        kind = "" if isinstance(error, UsageError) else f"{type(error).__name__}: "
        return Setting(calls.words, reason=f"{kind}{str(error).partition(chr(10))[0][:200]}")


def _of_ranks(answer: Array, base: Array, shards: int) -> Array:
    """Return one answer of as many as there are ranks, ranks first: one with other bits than the base's, if any has."""
    if shards == 1 or answer.shape != (shards, *base.shape):
        return answer
    return next((one for one in answer if not same_bits(base, one).all()), answer[0])


def _compared(adapter: Adapter, cell: Cell, inputs: Inputs, base: Array, calls: Calls) -> Setting:
    same, rows = 0, 0
    witness: Witness | None = None
    for given, which in calls.of_rows:
        answer = _of_ranks(np.array(adapter.evaluate(cell, given)), base, calls.shards)
        answer = kept_classes(answer, inputs.logits.shape[1]) if base.ndim == 2 else answer
        of_base = base[which]
        if answer[: len(which)].shape != of_base.shape or answer.dtype != base.dtype:
            reason = f"the answer has shape {answer.shape} and format {answer.dtype}"
            return Setting(calls.words, reason=reason)
        equal = same_bits(of_base, answer[: len(which)]).reshape(len(which), -1)
        same += int(equal.all(axis=1).sum())
        rows += len(which)
        if witness is None and not equal.all():
            place = int(np.flatnonzero(~equal.all(axis=1))[0])
            number = int(np.flatnonzero(~equal[place])[0])
            index = tuple(int(one) for one in np.unravel_index(number, base.shape[1:])) if base.ndim > 1 else ()
            pair = float(of_base[place][index]), float(answer[place][index])
            witness = Witness(int(which[place]), index, *pair, inputs, given, (int(which[place]), place))
    return Setting(calls.words, same, rows, witness=witness)
