"""Columns of words packed into a page.

Layout, before compression and base64: the length of a JSON head (four bytes, little-endian), the head, then the
columns in the order of the head's ``columns``. A column is a list of distinct words and for each row the position of
its word; the positions are stored in as many bytes as the list needs, least significant bytes of all rows first,
which compresses better than whole numbers.
"""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reports.runs.coded_text import Words
from logitproof_reports.words.text import decimal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

CELL_COLUMNS = {
    "framework": "adapter",
    "mode": "mode",
    "op": "op",
    "labels": "labels",
    "quantity": "quantity",
    "format": "format",
    "axis": "axis",
    "layout": "layout",
    "options": "options",
    "entry": "entry",
    "producer": "producer",
    "regime": "regime",
    "clause": "clause",
}
"""Words of every page's filter about a cell, and the columns of the run that they search."""

_SMALL = 32_768
"""Payloads up to this many bytes stay uncompressed and need no DecompressionStream."""


@dataclass(frozen=True)
class Payload:
    """Packed columns, and how they are encoded."""

    encoding: str
    text: str


def packed(rows: int, columns: Mapping[str, Words], **head: Any) -> Payload:
    """Pack columns of this many rows, and what else the page's script needs to know."""
    described = {"rows": rows, "columns": [[name, one.words, _width(one)] for name, one in columns.items()], **head}
    spelled = json.dumps(described, separators=(",", ":")).encode()
    raw = len(spelled).to_bytes(4, "little") + spelled + b"".join(map(_planes, columns.values()))
    encoding, content = ("identity", raw) if len(raw) <= _SMALL else ("gzip", gzip.compress(raw, 6, mtime=0))
    return Payload(encoding, base64.b64encode(content).decode())


def fitting(
    rows: Iterable[int], detail_of: Callable[[int], dict[str, Any]], characters: int
) -> dict[int, dict[str, Any]]:
    """Return the details of rows, in turn, as many as fit into this many characters of JSON."""
    details: dict[int, dict[str, Any]] = {}
    for row in rows:
        detail = detail_of(row)
        characters -= len(json.dumps(detail))
        if characters < 0:
            break
        details[row] = detail
    return details


def numbers(values: NDArray[np.float64], digits: int) -> Words:
    """Round to significant digits; the distinct numbers ascend, so that codes sort as numbers do."""
    with np.errstate(divide="ignore", invalid="ignore"):
        exponents = np.floor(np.log10(np.abs(values)))
    scale = 10.0 ** np.where(np.isfinite(exponents), exponents - (digits - 1), 0.0)
    rounded = np.where(np.isfinite(values), np.round(values / scale) * scale, values)
    distinct, codes = np.unique(rounded, return_inverse=True)
    spelled = [decimal(float(number), digits) for number in distinct]
    place_of: dict[str, int] = {}
    places = np.array([place_of.setdefault(word, len(place_of)) for word in spelled], dtype=np.int64)
    words = list(place_of)
    return Words(words, places[codes] if len(places) else codes.astype(np.int64))


def _width(column: Words) -> int:
    return max(1, (max(0, len(column.words) - 1).bit_length() + 7) // 8)


def _planes(column: Words) -> bytes:
    return b"".join(((column.codes >> 8 * byte) & 0xFF).astype(np.uint8).tobytes() for byte in range(_width(column)))
