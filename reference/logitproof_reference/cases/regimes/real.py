"""Regimes of real logits: outputs of trained classifiers for real inputs (provenance in real_logits/README.md)."""

from __future__ import annotations

from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.cases.labels import cycled_weights
from logitproof_reference.cases.regime import Labels, Regime

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import Format


@cache
def _stored(name: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Read logits (rows, n) and class indices (rows,) of one stored classifier."""
    with (
        (files("logitproof_reference.cases.regimes") / "real_logits" / f"{name}.npz").open("rb") as stream,
        np.load(stream) as stored,
    ):
        return stored["logits"], stored["labels"].astype(np.int64)


def real_logits(name: str) -> NDArray[np.float32]:
    """Return all stored logits (rows, n) of the classifier that a regime of this module is named for."""
    return _stored(name.removeprefix("real_"))[0]


def _logits(_format: Format, count: int, *, name: str) -> NDArray[Any]:
    return _stored(name)[0][:count]


def _labels(key: str, logits: NDArray[np.float64], *, name: str) -> Labels:
    """Return the stored class indices, and distributions of the usual five kinds around them."""
    indices = _stored(name)[1][: len(logits)]
    return Labels(indices, cycled_weights(key, indices, np.ones(logits.shape, dtype=np.bool_)))


def _regime(name: str, reason: str, classes: int, *, quick: int, full: int) -> Regime:
    return Regime(
        f"real_{name}",
        reason,
        classes,
        {"quick": quick, "full": full} if quick else {"full": full},
        partial(_logits, name=name),
        source="real_logits/README.md",
        labels=partial(_labels, name=name),
    )


_TABLE = [
    _regime(
        "digits_mlp", "A small network on handwritten digits; some rows are confidently wrong.", 10, quick=400, full=898
    ),
    _regime(
        "magika_file_types",
        "A classifier of file types, 214 classes, on the files of a Linux machine.",
        214,
        quick=0,
        full=280,
    ),
    _regime(
        "ppocr_characters",
        "Text recognition, 6,625 characters: the most and the least confident time steps.",
        6625,
        quick=0,
        full=48,
    ),
]

REGIMES_REAL: dict[str, Regime] = {regime.name: regime for regime in _TABLE}
