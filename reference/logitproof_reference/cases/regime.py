"""Rows, and the regime: a named family of rows with the reason for testing it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.cases.hashed_numbers import integers
from logitproof_reference.cases.labels import cycled_indices, cycled_weights
from logitproof_reference.vocabulary.formats import FORMATS, Format, named_format, rounded

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    F64 = NDArray[np.float64]
    I64 = NDArray[np.int64]

PROFILES = ("quick", "full")


@dataclass(frozen=True)
class Rows:
    """Everything that a cell may be asked with, class axis last, C-contiguous.

    Attributes
    ----------
    logits : array of the format, shape (rows, n)
    indices : int64, shape (rows,)
        Class indices, 0 <= index < n.
    distributions : array of the format, shape (rows, n)
        Labels as distributions; they sum to one exactly unless the regime says otherwise.
    row_cotangents : array of the format, shape (rows,)
        Upstream gradients for ops that reduce the classes; multiples of 1/8 in [-2, 2], never 0, unless the regime
        says otherwise.
    class_cotangents : array of the format, shape (rows, n)
        The same for ops that keep the classes.
    """

    logits: NDArray[Any]
    indices: I64
    distributions: NDArray[Any]
    row_cotangents: NDArray[Any]
    class_cotangents: NDArray[Any]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.logits)

    def __getitem__(self, selection: slice | I64 | NDArray[np.bool_]) -> Rows:
        """Return some of the rows."""
        return Rows(*(getattr(self, part.name)[selection] for part in fields(self)))


def concatenated(parts: list[Rows]) -> Rows:
    """Return the rows of all `parts`, which share one format and one class count."""
    return Rows(*(np.concatenate([getattr(rows, part.name) for rows in parts]) for part in fields(Rows)))


@dataclass(frozen=True)
class Labels:
    """Class indices, and distributions as float64; all but those of ``every_bit`` are exact in every format."""

    indices: I64
    distributions: F64


def ordinary_labels(key: str, logits: F64) -> Labels:
    """Return labels at the greatest, some and the least class, and distributions of five kinds.

    A class ruled out (-inf) gets no label; where all are ruled out, every class may be one.
    """
    allowed = ~np.isneginf(logits)
    allowed |= ~allowed.any(axis=-1, keepdims=True)
    indices = cycled_indices(key, logits, allowed)
    return Labels(indices, cycled_weights(key, indices, allowed))


def eighths(key: str, shape: tuple[int, ...]) -> F64:
    """Return k/8, 1 <= |k| <= 16: neither constant nor 1, and exact in every format."""
    draws = integers(key, shape, 32)
    return np.where(draws < 16, draws - 16, draws - 15) / 8.0


@dataclass(frozen=True)
class Regime:
    """A named family of rows.

    Attributes
    ----------
    name : str
        As verdicts, ledgers and reports cite it.
    reason : str
        One sentence: what these rows can show.
    classes : int
        The class count n.
    counts : dict of str to int
        Rows in each profile; a profile left out does not ask this regime.
        The rows of ``quick`` are the first of ``full``.
    values : callable (Format, rows) -> float64 or float32 array (rows, n)
        The logits before their one rounding to the format.
    clause : str
        Empty for ordinary rows, judged by VAL, GRD, GLB; else the EXT or IO clause that the rows serve.
    source : str
        Where such rows went wrong before, or who asks for them.
    formats : tuple of str
        The formats that hold such rows.
    labels : callable (key, logits) -> Labels
        How the rows are labelled.
    cotangents : callable (key, shape) -> float64 array
        The upstream gradients before their one rounding to the format.
    """

    name: str
    reason: str
    classes: int
    counts: dict[str, int]
    values: Callable[[Format, int], NDArray[Any]]
    clause: str = ""
    source: str = ""
    formats: tuple[str, ...] = tuple(FORMATS)
    labels: Callable[[str, F64], Labels] = field(default=ordinary_labels)
    cotangents: Callable[[str, tuple[int, ...]], F64] = field(default=eighths)

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profiles that ask this regime."""
        return tuple(self.counts)

    def build(self, format_: Format | str, profile: str = "full") -> Rows:
        """Build the rows of `profile`, bit for bit the same on every machine.

        Raises
        ------
        ValueError
            The regime does not exist in this format or profile.
        """
        format_ = named_format(format_) if isinstance(format_, str) else format_
        if format_.name not in self.formats:
            raise ValueError(f'regime "{self.name}" has no rows in {format_.name}; it has: {", ".join(self.formats)}')
        if profile not in self.counts:
            raise ValueError(f'regime "{self.name}" is not in profile "{profile}"; it is in: {", ".join(self.counts)}')
        return self.rows(format_, self.counts[profile])

    def rows(self, format_: Format, count: int) -> Rows:
        """Return the first rows in a format."""
        logits = rounded(self.values(format_, count), format_)
        labels = self.labels(self.name, logits.astype(np.float64))
        return Rows(
            logits,
            labels.indices,
            rounded(labels.distributions, format_),
            rounded(self.cotangents(f"{self.name}/row cotangents", (count,)), format_),
            rounded(self.cotangents(f"{self.name}/class cotangents", (count, self.classes)), format_),
        )
