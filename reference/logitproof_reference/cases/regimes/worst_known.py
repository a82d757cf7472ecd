"""The regime of the worst rows known: what searches found, kept in a file and evaluated in every framework.

``worst_known.json`` holds a witness for each function and format: the row of ten classes with the largest error / bound
that a search found in any framework. `meta.cases.enter_witness` enters one that exceeds the last.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.cases.labels import cycled_weights
from logitproof_reference.cases.regime import Regime, Rows
from logitproof_reference.cases.regimes.ordinary import TEN
from logitproof_reference.vocabulary.formats import rounded

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.formats import F64, Format

FORMATS = ("float16", "bfloat16", "float32")
"""Formats with witnesses."""

COUNT = 8
"""Witnesses in each format: softmax, log-softmax, log-sum-exp and softmax cross-entropy, value and gradient."""


@dataclass(frozen=True)
class KnownRow:
    """A witness as it is kept; numbers are hexadecimal texts.

    Attributes
    ----------
    op, quantity, format : str
        The function of which it is the worst row known.
    framework, version : str
        Where it was found.
    slack : str
        Its error / bound there.
    logits : list of str
    index : int or None
        Class index of a cross-entropy.
    cotangent : list of str
        Upstream gradient of an answer with a number per class; empty elsewhere.
    """

    op: str
    quantity: str
    format: str
    framework: str
    version: str
    slack: str
    logits: list[str]
    index: int | None
    cotangent: list[str]

    @property
    def id(self) -> str:
        """Stable name: a better witness replaces the one of the same name."""
        return f"{self.op}-{self.quantity}-{self.format}"


@cache
def known_rows() -> dict[str, KnownRow]:
    """Return all witnesses by id."""
    text = (files("logitproof_reference.cases.regimes") / "worst_known.json").read_text("utf-8")
    return {row.id: row for row in (KnownRow(**one) for one in json.loads(text))}


@dataclass(frozen=True)
class _WorstKnown(Regime):
    """A regime whose labels and upstream gradients are those of the witnesses, where a witness has them."""

    def rows(self, format_: Format, count: int) -> Rows:
        """Return the first witnesses in a format."""
        rows, known = super().rows(format_, count), _of(format_, count)
        indices, cotangents = rows.indices.copy(), rows.class_cotangents.copy()
        for place, one in enumerate(known):
            if one.index is not None:
                indices[place] = one.index
            if one.cotangent:
                cotangents[place] = rounded(_numbers(one.cotangent), format_)
        weights = cycled_weights(self.name, indices, np.ones(rows.logits.shape, np.bool_))
        return replace(
            rows,
            indices=indices,
            distributions=rounded(weights, format_),
            row_cotangents=np.ones_like(rows.row_cotangents),  # those of the searches
            class_cotangents=cotangents,
        )


def _of(format_: Format, count: int) -> list[KnownRow]:
    return [one for one in known_rows().values() if one.format == format_.name][:count]


def _numbers(texts: list[str]) -> F64:
    return np.array([float.fromhex(text) for text in texts])


def _logits(format_: Format, count: int) -> F64:
    return np.stack([_numbers(one.logits) for one in _of(format_, count)])


WORST_KNOWN = _WorstKnown(
    "worst_known",
    "For each function the row of ten classes with the largest error / bound that a search found in any framework.",
    TEN,
    {"full": COUNT},
    _logits,
    formats=FORMATS,
)
