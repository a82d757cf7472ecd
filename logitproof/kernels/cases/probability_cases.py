"""The cases of a loss of probabilities: rows with and without sum one, confident rows, 0, 1, and values outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.cases.hashed_numbers import integers, normals
from logitproof_reference.vocabulary.formats import FORMATS, rounded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import Format

    Array = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """Probabilities, those of a target, and labels of both kinds.

    Attributes
    ----------
    name : str
    probabilities, target : arrays (rows, classes) of a format
    indices : int64 array (rows,)
    distributions : array (rows, classes) of a format
    at_the_ends : bool
        Whether some probabilities are 0 or 1.
    spoiled : int
        This many rows, the first ones, have a number outside of [0, 1].
    """

    name: str
    probabilities: Array
    target: Array
    indices: NDArray[np.int64]
    distributions: Array
    at_the_ends: bool = False
    spoiled: int = 0


SIZES = {
    "typical": (24, 10, 1.5),
    "confident": (24, 5, 4.0),
    "two classes": (37, 2, 1.5),
    "one class": (3, 1, 1.0),
    "odd": (24, 257, 1.5),
    "wide": (4, 4099, 1.5),
}
"""Rows, classes, and the standard deviation of the logits that they are the softmax of."""

FACTORS = (0.5, 1.5, 0.25, 1.25)
"""What rows are multiplied with whose sums are not one; of a binary loss, which ends at 1, the first alone."""


def cases(format_: str, widest: int, seed: int, *, is_binary: bool) -> Iterator[Case]:
    """Yield what a loss is asked in a format; no number is subnormal."""
    form = FORMATS[format_]
    for name, (rows, classes, size) in SIZES.items():
        if classes <= widest:
            yield _drawn(name, form, (rows, classes), size, seed)
    plain = _drawn("typical", form, (24, 10), 1.5, seed)
    factors = np.resize((0.5,) if is_binary else FACTORS, 24)[:, None]
    several = rounded(plain.probabilities.astype(np.float64) * factors, form)
    yield Case("sums other than one", several, plain.target, plain.indices, plain.distributions)
    yield _with_small_numbers(form)
    yield _with_ends(form)


def outside(format_: str, *, is_binary: bool) -> Case:
    """Return rows with a negative number at the label, and of a binary loss one past 1, before ordinary ones."""
    form = FORMATS[format_]
    numbers = [[-0.25, 0.75, 0.5], [0.25, 0.5, 1.5 if is_binary else -0.5], [0.25, 0.5, 0.25]]
    labels = [[0.75, 0.25, 0.0], [0.0, 0.25, 0.75], [0.25, 0.5, 0.25]]
    target = np.array([[0.25, 0.25, 0.5]] * 3)
    return Case(
        "outside",
        rounded(np.array(numbers), form),
        rounded(target, form),
        np.array([0, 2, 1]),
        rounded(np.array(labels), form),
        at_the_ends=True,
        spoiled=2,
    )


def _drawn(name: str, form: Format, shape: tuple[int, int], size: float, seed: int) -> Case:
    key = f"probabilities {name} {seed}"
    made = [_shares(normals(f"{key} {role}", shape) * size, form) for role in ("own", "target", "labels")]
    return Case(name, made[0], made[1], integers(f"{key} indices", shape[:1], shape[1]), made[2])


def _shares(logits: NDArray[np.float64], form: Format) -> Array:
    """Return softmax in a format, no number of it below twice the smallest normal one, none 1."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    made = np.maximum(e / e.sum(axis=1, keepdims=True), 2.0 * form.smallest_normal)
    return rounded(np.minimum(made, 1.0 - 2.0 * form.unit_roundoff), form)


def _with_small_numbers(form: Format) -> Case:
    """Return rows with a probability past the square of the unit roundoff: a guard against 0 swamps its derivative.

    In float32 it is 9e-19 (https://github.com/pytorch/pytorch/issues/103316), in float16 the smallest that is asked.
    """
    small = max(form.unit_roundoff**2.5, 2.0 * form.smallest_normal)
    numbers = rounded(np.array([[small, 0.25, 0.75], [0.5, small, 0.5], [0.25, 0.75, small]]), form)
    labels = rounded(np.array([[1.0, 0.0, 0.0], [0.25, 0.5, 0.25], [0.25, 0.75, 0.0]]), form)
    target = rounded(np.array([[0.5, 0.25, 0.25], [small, 0.5, 0.5], [0.25, 0.5, 0.25]]), form)
    return Case("small", numbers, target, np.array([0, 1, 1]), labels)


def _with_ends(form: Format) -> Case:
    """Return rows with probabilities of 0 and 1: at the label, beside it, and where label or target are 0 too."""
    numbers = [[0.0, 0.25, 0.75], [1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 1.0, 0.0]]
    labels = [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.25, 0.75, 0.0], [0.0, 0.5, 0.5]]
    target = [[0.5, 0.25, 0.25], [1.0, 0.0, 0.0], [0.25, 0.75, 0.0], [0.0, 1.0, 0.0]]
    own, aimed, kept = (rounded(np.array(one), form) for one in (numbers, target, labels))
    return Case("0 and 1", own, aimed, np.array([0, 0, 1, 2]), kept, at_the_ends=True)
