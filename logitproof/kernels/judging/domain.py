"""The domain on which a kernel is right: how large its logits may be, found with rows of every magnitude."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from logitproof.kernels.judging.examination import width_near
from logitproof_reference.cases.catalogue import Rows
from logitproof_reference.vocabulary.formats import FORMATS, rounded
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof.kernels.judging.asking import Asker
    from logitproof_reference.vocabulary.formats import Format

    F64 = NDArray[np.float64]

CLASSES = 8
"""Number of classes, if the kernel accepts it."""

ZOOM = 33
ZOOMS = 3
"""Magnitudes tried between the last right and the first wrong one, and how often this is repeated."""

LARGEST = 2.0**599
"""Largest magnitude for float64: beyond it the oracle evaluates row by row."""

_ORDINARY = np.array([0.25, -0.5, 1.0, -1.0, 0.125, 0.75, -0.25, 0.0])
_NEAR = np.array([0.25, -0.5, 1.0, -1.25, 0.125, 0.75, -0.25, 0.0])

PATTERNS: dict[str, Callable[[F64, int], F64]] = {
    "one logit of {limit}, the others 0": lambda s, n: s * (np.arange(n) == 0),
    "logits spread up to {limit}": lambda s, n: s * np.resize(_ORDINARY, n),
    "all logits near {limit}": lambda s, n: s + np.resize(_NEAR, n),
    "all logits near -{limit}": lambda s, n: -s + np.resize(_NEAR, n),
}
"""Rows of a magnitude and this many classes; what a limit of it is called."""


@dataclass(frozen=True)
class Limit:
    """Up to where a kernel is right in a format.

    Attributes
    ----------
    format, pattern : str
    right : float
        The largest magnitude below the first that is wrong; the largest number tried where none is.
    wrong : float
        The first magnitude that is wrong; inf where none is.
    observed, exact : float
        A wrong element there.
    classes : int
        Of the rows.
    """

    format: str
    pattern: str
    right: float
    wrong: float = float("inf")
    observed: float = float("nan")
    exact: float = float("nan")
    classes: int = CLASSES

    @property
    def is_whole(self) -> bool:
        """Whether no magnitude is wrong."""
        return bool(np.isinf(self.wrong))


def limits(asker: Asker, format_: str) -> list[Limit]:
    """Return the limit of each pattern of a format, of values; none for losses that are reduced or capped."""
    declaration = asker.question.declaration
    if declaration.reduction != "none":
        return []
    largest = min(FORMATS[format_].largest, LARGEST)
    powers = 2.0 ** np.arange(-2.0, np.floor(np.log2(largest)) + 1)
    classes = width_near(asker, format_, CLASSES)
    return [_limit(asker, FORMATS[format_], name, np.append(powers, largest), classes) for name in PATTERNS]


def _limit(asker: Asker, format_: Format, name: str, magnitudes: F64, classes: int) -> Limit:
    last = Limit(format_.name, name, float(magnitudes[-1]), classes=classes)
    for _ in range(1 + ZOOMS):
        found = _first_wrong(asker, format_, name, magnitudes, classes)
        if found is None:
            return last
        place, observed, exact = found
        right = float(magnitudes[place - 1]) if place else 0.0
        last = Limit(format_.name, name, right, float(magnitudes[place]), observed, exact, classes)
        magnitudes = np.unique(rounded(np.linspace(right, magnitudes[place], ZOOM), format_).astype(np.float64))
        if len(magnitudes) < 3:
            return last
    return last


def _first_wrong(
    asker: Asker, format_: Format, name: str, magnitudes: F64, classes: int
) -> tuple[int, float, float] | None:
    rows = rows_of(name, magnitudes, format_, classes, elementwise=OPS[asker.question.op].elementwise)
    reply, compared = asker.compare("value", rows)
    if compared is None or not compared.wrong.any():
        return None
    place = int(np.argmax(compared.wrong))
    element = np.argmax(~compared.comparison.conforms[place].ravel())
    observed = np.asarray(reply.observed, dtype=np.float64)[place].ravel()[element]
    return place, float(observed), float(compared.truth.exact.value[place].ravel()[element])


def rows_of(name: str, magnitudes: F64, format_: Format, classes: int, *, elementwise: bool) -> Rows:
    """Return a row of each magnitude."""
    with np.errstate(over="ignore"):
        logits = np.clip(np.stack([PATTERNS[name](s, classes) for s in magnitudes]), -format_.largest, format_.largest)
    exact = rounded(logits, format_)
    count = len(exact)
    indices = np.full(count, 1, np.int64)
    q = np.zeros(exact.shape)
    q[:, :2] = 0.5
    cotangents = rounded(np.ones(exact.shape), format_)
    labels = q if not elementwise else np.where(np.arange(classes) % 2 == 0, 1.0, 0.0) + 0.0 * q
    return Rows(exact, indices, rounded(labels, format_), cotangents[:, 0].copy(), cotangents)
