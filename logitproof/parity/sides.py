"""A computed side: log-softmax of a framework, in a target, of stored or random logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.errors import UsageError
from logitproof_adapters.catalogue.registry import missing
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_adapters.targets.target import here, interpreter, named
from logitproof_reference.cases.hashed_numbers import normals
from logitproof_reference.vocabulary.cells import Cell, Inputs
from logitproof_reference.vocabulary.formats import FORMATS, name_of_dtype

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof.parity.files import Source
    from logitproof_adapters.targets.target import Target

SPREAD = 4.0
"""Standard deviation of drawn logits."""


@dataclass(frozen=True)
class DrawnLogits:
    """Logits drawn from a normal distribution by a hash: the same bits everywhere, whatever the size of a block."""

    rows: int
    classes: int
    format: str
    seed: int = 0

    @property
    def label(self) -> str:
        """Their description."""
        return f"logits drawn by seed {self.seed}"

    @property
    def shape(self) -> tuple[int, ...]:
        """(tokens, classes)."""
        return self.rows, self.classes

    @property
    def dtype(self) -> np.dtype[Any]:
        """Their format's."""
        return FORMATS[self.format].dtype

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield blocks of rows."""
        for start in range(0, self.rows, rows):
            numbers = [
                normals(f"parity {self.seed} {row}", (self.classes,))
                for row in range(start, min(start + rows, self.rows))
            ]
            yield (SPREAD * np.stack(numbers)).astype(self.dtype)


@dataclass(frozen=True)
class FrameworkSide:
    """The log-probabilities that a framework computes from logits.

    Attributes
    ----------
    word : str
        As the user named it.
    adapter : RemoteAdapter
    logits : Source
    """

    word: str
    adapter: RemoteAdapter
    logits: Source

    @property
    def label(self) -> str:
        """Name and version."""
        description = self.adapter.describe()
        return f"{description.framework} {description.version} ({self.word})"

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the logits."""
        return self.logits.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the logits."""
        return self.logits.dtype

    @property
    def _cell(self) -> Cell:
        return Cell(self.adapter.name, "eager", "log_softmax", "value", name_of_dtype(self.dtype))

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield the framework's answer to a block at a time.

        Raises
        ------
        UsageError
            The framework does not offer log-softmax in this format, or answers in another shape.
        """
        cell = self._cell
        if reason := self.adapter.unsupported(cell):
            raise UsageError(f"{self.word} does not offer {cell.op} of {cell.format}: {reason}")
        for block in self.logits.blocks(rows):
            answer = np.asarray(self.adapter.evaluate(cell, Inputs(block, axis=1)))
            if answer.shape != block.shape:
                raise UsageError(f"{self.word} returned shape {answer.shape} for logits of shape {block.shape}")
            yield answer


def framework_side(word: str, logits: Source) -> FrameworkSide:
    """Return the side that ``FRAMEWORK`` or ``FRAMEWORK@TARGET`` names; it is closed with its adapter.

    Raises
    ------
    UsageError, UnknownFramework, MissingFramework, TargetError
        There is no such framework, target or interpreter.
    """
    name, _, place = word.partition("@")
    target = target_of(place)
    if target.is_here and (reason := missing(name)):
        raise UsageError(reason)
    return FrameworkSide(word, RemoteAdapter(name, target), logits)


def target_of(place: str) -> Target:
    """Return the target that a path of an interpreter, or a name of logitproof.toml, stands for; empty: this one."""
    if not place:
        return here()
    return interpreter(place) if "/" in place else named(place)
