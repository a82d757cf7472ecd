"""A claim: a sentence from tutorials, the rows that test it, and a ruling that follows from the rows.

A claim is tried on the exact answer rounded once to the format, which is what a perfect implementation returns, and on
what frameworks answer. It is true where every trial bears it out, false where a trial does not and no condition saves
it, and true with a condition where the condition parts the trials that bear it out from those that do not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from logitproof_reference.oracle import api as oracle
from logitproof_reference.vocabulary.cells import PLAIN, Cell, Inputs, Options
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Rows: TypeAlias = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Query:
    """One question of a trial.

    Attributes
    ----------
    op, quantity : str
        The vocabulary of `cells`.
    logits : tuple of rows
    labels : tuple of int, tuple of rows, or None
        Class indices, distributions, or nothing.
    options : Options
    weight : tuple of float
        Weights of the classes, where `options` say so.
    choices : dict
        Named choices of `LossOptions`: another dialect, which only the oracle is asked.
    """

    op: str
    logits: Rows
    labels: tuple[int, ...] | Rows | None = None
    quantity: str = "value"
    options: Options = PLAIN
    weight: tuple[float, ...] = ()
    choices: dict[str, Any] = field(default_factory=dict)

    def exact(self, format_: str) -> NDArray[Any]:
        """Return the exact answer, rounded once to the format."""
        inputs = self.inputs(format_)
        given = {} if inputs.labels is None else {"labels": inputs.labels}
        set_ones = {name: value for name, value in vars(self.options).items() if value != getattr(PLAIN, name)}
        weights = {} if inputs.weight is None else {"weight": inputs.weight.astype(np.float64)}
        options = {**set_ones, **weights, **self.choices}
        if self.quantity == "grad_logits":
            answer = oracle.grad_logits(self.op, inputs.logits, **given, **options)
        else:
            answer = getattr(oracle, self.op)(inputs.logits, **given, **options)
        return answer.round(format_)

    def cell(self, adapter: str, format_: str) -> Cell:
        """Return the cell by which a framework is asked, in eager mode."""
        kinds = {True: "indices", False: "distributions"}
        labels = "none" if self.labels is None else kinds[isinstance(self.labels[0], int)]
        return Cell(adapter, "eager", self.op, self.quantity, format_, labels, options=self.options)

    def inputs(self, format_: str) -> Inputs:
        """Return logits, labels and weights as arrays of the format."""
        dtype = FORMATS[format_].dtype
        labels = None if self.labels is None else np.array(self.labels)
        if labels is not None and labels.ndim == 2:
            labels = labels.astype(dtype)
        rows, classes = len(self.logits), len(self.logits[0])
        upstream = (rows, classes) if OPS[self.op].keeps_classes else rows
        return Inputs(
            logits=np.array(self.logits, dtype=np.float64).astype(dtype),
            axis=1,
            labels=labels,
            cotangent=np.ones(upstream, dtype=dtype) if self.quantity == "grad_logits" else None,
            weight=np.array(self.weight, dtype=dtype) if self.weight else None,
        )


@dataclass(frozen=True)
class Trial:
    """One row, or a few, on which a claim is tried.

    Attributes
    ----------
    on : str
        What is asked, for a reader.
    format : str
    asks : tuple of Query
        The questions.
    holds : callable
        Whether the answers, float64 arrays in the order of `asks`, bear the claim out.
    read : callable
        What the claim makes of the answers, one array of numbers to show; the answers themselves by default.
    """

    on: str
    format: str
    asks: tuple[Query, ...]
    holds: Callable[..., bool]
    read: Callable[..., NDArray[np.float64]] = lambda *answers: np.concatenate([each.ravel() for each in answers])

    def answers(self) -> list[NDArray[np.float64]]:
        """Return the exact answers, rounded to the format."""
        return [ask.exact(self.format).astype(np.float64) for ask in self.asks]

    def outcome(self, answers: list[NDArray[np.float64]]) -> Outcome:
        """Return what the claim makes of answers and whether they bear it out."""
        with np.errstate(all="ignore"):
            return Outcome(np.asarray(self.read(*answers)).ravel().tolist(), bool(self.holds(*answers)))


@dataclass(frozen=True)
class Outcome:
    """The numbers of a trial, and whether they bear the claim out."""

    numbers: list[float]
    holds: bool


@dataclass(frozen=True)
class Claim:
    """A sentence that tutorials say, and what is true of it.

    Attributes
    ----------
    id : str
        A word for it.
    says : str
        The claim, in a sentence.
    verdict : str
        ``true``, ``true with a condition`` or ``false``; that its trials give it is tested.
    because : str
        Why, in plain words; with the numbers to recompute it by hand.
    trials : tuple of Trial
        The rows it is tried on.
    condition : str
        Under which it is true; empty elsewhere.
    source : str
        A page that says it, or documents what is true.
    """

    id: str
    says: str
    verdict: str
    because: str
    trials: tuple[Trial, ...]
    condition: str = ""
    source: str = ""

    def ruling(self) -> str:
        """Return the verdict that follows from the trials: it must be `verdict`."""
        held = [trial.outcome(trial.answers()).holds for trial in self.trials]
        if all(held):
            return "true"
        return "true with a condition" if self.condition and any(held) else "false"
