"""The cases of a loss head: hidden states, weight, bias and labels, with identity and with real products."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.cases.catalogue import REGIMES
from logitproof_reference.cases.hashed_numbers import integers, normals
from logitproof_reference.cases.ignored_rows import ignore_middle_of_three
from logitproof_reference.vocabulary.formats import FORMATS, rounded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Array = NDArray[Any]

BY_IDENTITY = ("typical", "saturated", "confident", "nearly_uniform", "near_tie", "exact_tie", "common_offset_1e4")
"""Regimes of finite logits that are asked with hidden states that are the identity."""
MOST_ROWS = 24


@dataclass(frozen=True)
class Shape:
    """A product that is asked.

    Attributes
    ----------
    rows, width, classes : int
    size : float
        Standard deviation of the logits, of hidden states of mean `mean`.
    mean : float
    offset : float
        What one of the hidden states adds to every logit.
    labelled : int
        Classes that are labels, the first ones, so that their gradients add up over the rows, all of one sign; 0 for
        all classes, and upstream gradients of several sizes.
    prompt : int
        So many rows, the first ones, are ignored, as those of a prompt are; asked where a label is ignored.
    ramp : float
        What one of the hidden states adds to the logits of the last class, and takes from those of the first, in
        between in proportion; in every second row the other way round. The largest logit of a block of classes then
        lies past the range of exp from that of another one.
    at_borders : bool
        Whether rows have the classes for labels that are the first and last ones of shards and blocks.
    other_rows : bool
        Whether other rows are ignored than in a batch of this shape that was asked before; asked where a label is
        ignored. A buffer kept from that call then holds what must not count.
    """

    rows: int
    width: int
    classes: int
    size: float = 1.0
    mean: float = 0.0
    offset: float = 0.0
    labelled: int = 0
    prompt: int = 0
    ramp: float = 0.0
    at_borders: bool = False
    other_rows: bool = False


FACTORS = (0.5, -0.75, 1.25, 2.0, -1.0, 0.25, 1.5)
"""What logits are multiplied with by a tensor of factors, over and over."""

SHARDS, BLOCKS = (2, 3, 4), (16, 32, 64, 128)
"""In how many shards, and in blocks of how many classes, heads divide the classes."""

QUICK = {
    "ordinary": Shape(37, 64, 257, at_borders=True),
    "ordinary, other rows ignored": Shape(37, 64, 257, other_rows=True),
    "peaked": Shape(24, 64, 129, size=8.0),
    "offset": Shape(24, 65, 129, offset=256.0),
    "many rows": Shape(4096, 8, 130, size=0.1, mean=3.0, labelled=1),
    "far apart": Shape(6, 16, 1003, ramp=4096.0),
    "one class": Shape(5, 16, 1),
    "one row": Shape(1, 64, 1003),
    "deep": Shape(4, 4096, 33),
    "wide": Shape(3, 16, 32_769),
    "prompt": Shape(150, 16, 65, prompt=128),
}
FULL = {**QUICK, "vocabulary": Shape(3, 64, 151_936)}
SHAPES = {"quick": QUICK, "full": FULL}


@dataclass(frozen=True)
class Case:
    """Hidden states, a weight and labels, and whether every product of them is exact."""

    name: str
    hidden: Array
    weight: Array
    labels: NDArray[np.int64]
    is_identity: bool = False
    upstream: tuple[float, ...] = (1.0, -0.5, 2.0, 0.25)
    bias: Array | None = None
    given_factors: Array | None = None
    placement: str = ""

    def given(self, *, has_bias: bool) -> dict[str, Array]:
        """Return the operands of the linear layer by role; on the identity's road a bias is 0, which keeps it exact."""
        operands = {"hidden": self.hidden, "weight": self.weight}
        zeros = np.zeros(len(self.weight), self.weight.dtype)
        return {**operands, "bias": zeros if self.bias is None else self.bias} if has_bias else operands

    def factors(self, kind: str) -> Array:
        """Return factors of the logits, of both signs: one per row, (rows, 1), or one per class, (classes,)."""
        if self.given_factors is not None:
            return self.given_factors[:1, None] if kind == "rows" else self.given_factors
        numbers = np.resize(FACTORS, len(self.labels) if kind == "rows" else len(self.weight)).astype(self.hidden.dtype)
        return numbers[:, None] if kind == "rows" else numbers

    def scored(self, *, is_shifted: bool, ignored: int) -> NDArray[np.int64]:
        """Return the label that each row is judged by."""
        return np.append(self.labels[1:], ignored) if is_shifted else self.labels


def borders(classes: int) -> list[int]:
    """Return the first class of each shard but the first and of the second block, and the classes before these.

    >>> borders(40)
    [9, 10, 13, 14, 15, 16, 19, 20, 27, 28, 29, 30, 31, 32]
    """
    firsts = [-(-classes // shards) * shard for shards in SHARDS for shard in range(1, shards)]
    return sorted({one for first in (*firsts, *BLOCKS) for one in (first - 1, first) if one < classes})


def cases(format_: str, profile: str, widest: int, seed: int, ignored: int | None) -> Iterator[Case]:
    """Yield what a kernel is asked in a format; with an ignored label, every third row has it."""
    form = FORMATS[format_]
    for name in BY_IDENTITY:
        rows = REGIMES[name].build(form)
        logits = rows.logits[:MOST_ROWS]
        hidden = np.eye(len(logits)).astype(form.dtype)
        labels = ignore_middle_of_three(rows.indices[:MOST_ROWS], ignored)
        yield Case(f"identity, {name}", hidden, np.ascontiguousarray(logits.T), labels, is_identity=True)
    for name, shape in SHAPES[profile].items():
        if shape.classes > widest or (ignored is None and (shape.prompt or shape.other_rows)):
            continue
        key = f"linear {name} {seed}"
        hidden = normals(f"{key}, hidden", (shape.rows, shape.width)) + shape.mean
        weight = normals(f"{key}, weight", (shape.classes, shape.width)) * (shape.size / np.sqrt(shape.width))
        if shape.offset:
            hidden[:, -1], weight[:, -1] = 1.0, shape.offset
        if shape.ramp:
            hidden[:, -1] = np.resize([1.0, -1.0], shape.rows)
            weight[:, -1] = np.linspace(-shape.ramp, shape.ramp, shape.classes)
        labels = integers(f"{key}, labels", (shape.rows,), shape.labelled or shape.classes)
        if not shape.labelled:  # the last class, alone in the last tile of several sizes, and the first
            labels[0], labels[2:3] = shape.classes - 1, 0
        if shape.at_borders:
            kept = [row for row in range(3, shape.rows) if row % 3 != 1]  # not those that are ignored
            for row, label in zip(kept, borders(shape.classes), strict=False):
                labels[row] = label
        labels = np.roll(ignore_middle_of_three(labels, ignored), int(shape.other_rows))
        if ignored is not None:
            labels[: shape.prompt] = ignored
        bias = rounded(normals(f"{key}, bias", (shape.classes,)), form)
        case = Case(name, rounded(hidden, form), rounded(weight, form), labels, bias=bias)
        yield replace(case, upstream=(1.0,)) if shape.labelled else case
