"""The table of all judgements, packed into the page.

Layout, before compression and base64: the length of a JSON head (four bytes, little-endian), the head, then the
columns in the order of the head's ``columns``. A column is a list of distinct words and for each row the position of
its word; the positions are stored in as many bytes as the list needs, least significant bytes of all rows first,
which compresses better than whole numbers. Slack and ulps are words too, of three significant digits. What only some
rows have (inputs, repro, ...) is in the head's ``details``, by row number, for as many of the worst rows as fit.
"""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from .judged import Words, words_of
from .outcomes import BY_RANK, OUTCOMES, decimal, visible
from .page_findings import facts_of, inputs_of
from .page_model import Payload

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from .judged import Judged

TEXT_COLUMNS = {
    "framework": "adapter",
    "mode": "mode",
    "op": "op",
    "labels": "labels",
    "quantity": "quantity",
    "format": "format",
    "axis": "axis",
    "layout": "layout",
    "regime": "regime",
    "clause": "clause",
    "grade": "grade",
    "class": "accuracy_class",
    "deviation": "deviation",
    "cell": "cell",
}
"""Words of the filter and the columns of the run that they search."""

DETAIL_CHARACTERS = 600_000
"""Text of details carried along, before compression; hexadecimal inputs do not compress below a half."""

DETAILS_EACH = 3
"""Worst rows of each field of the matrix whose details are carried in any case."""

_SMALL = 32_768
"""Payloads up to this many bytes stay uncompressed and need no DecompressionStream."""


def payload_of(judged: Judged) -> Payload:
    """Pack a run's judgements."""
    columns = {name: words_of(judged.table[column]) for name, column in TEXT_COLUMNS.items()}
    columns = {name: column.mapped(visible) for name, column in columns.items()}
    columns["verdict"] = Words([outcome.name for outcome in BY_RANK], judged.rank)
    columns["slack"] = _numbers(judged.slack)
    columns["ulps"] = _numbers(judged.ulps)
    head = {
        "rows": judged.table.num_rows,
        "columns": [[name, column.words, _width(column)] for name, column in columns.items()],
        "outcomes": {outcome.name: [outcome.glyph, outcome.label, outcome.rank] for outcome in BY_RANK},
        "details": _details(judged),
    }
    spelled = json.dumps(head, separators=(",", ":")).encode()
    raw = len(spelled).to_bytes(4, "little") + spelled + b"".join(map(_planes, columns.values()))
    encoding, packed = ("identity", raw) if len(raw) <= _SMALL else ("gzip", gzip.compress(raw, 9, mtime=0))
    return Payload(encoding, base64.b64encode(packed).decode())


def _numbers(numbers: NDArray[np.float64]) -> Words:
    """Round to three significant digits; the distinct numbers ascend, so that codes sort as numbers do."""
    with np.errstate(divide="ignore", invalid="ignore"):
        exponents = np.floor(np.log10(np.abs(numbers)))
    scale = 10.0 ** np.where(np.isfinite(exponents), exponents - 2, 0.0)
    rounded = np.where(np.isfinite(numbers), np.round(numbers / scale) * scale, numbers)
    distinct, codes = np.unique(rounded, return_inverse=True)
    spelled = Words([decimal(float(number)) for number in distinct], codes.astype(np.int64))
    return spelled if len(set(spelled.words)) == len(spelled.words) else _merged(spelled)


def _merged(column: Words) -> Words:
    """Give equal words one code, keeping their order."""
    words = list(dict.fromkeys(column.words))
    places = {word: place for place, word in enumerate(words)}
    return Words(words, np.array([places[word] for word in column.words], dtype=np.int64)[column.codes])


def _width(column: Words) -> int:
    return max(1, (max(0, len(column.words) - 1).bit_length() + 7) // 8)


def _planes(column: Words) -> bytes:
    return b"".join(((column.codes >> 8 * byte) & 0xFF).astype(np.uint8).tobytes() for byte in range(_width(column)))


def _details(judged: Judged) -> dict[int, dict[str, Any]]:
    """Return the details of the worst rows, by row number, as many as `DETAIL_CHARACTERS` allows."""
    details: dict[int, dict[str, Any]] = {}
    left = DETAIL_CHARACTERS
    for row in _by_interest(judged):
        detail = _detail(judged.record(row))
        left -= len(json.dumps(detail))
        if left < 0:
            break
        details[row] = detail
    return details


def _by_interest(judged: Judged) -> Iterable[int]:
    """Yield the worst rows of each field of the matrix first, then all that do not conform, worst first."""
    rows = judged.worst_first
    fields = np.ravel_multi_index(
        (judged.framework.codes[rows], judged.family.codes[rows], judged.format.codes[rows]),
        tuple(max(1, len(column.words)) for column in (judged.framework, judged.family, judged.format)),
    )
    by_field = np.argsort(fields, kind="stable")
    starts = np.flatnonzero(np.diff(fields[by_field], prepend=-1))
    place = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
    chosen = np.sort(by_field[place < DETAILS_EACH])
    wrong = np.flatnonzero(judged.rank[rows] > OUTCOMES["conforms"].rank)
    return dict.fromkeys(rows[np.concatenate([chosen, wrong])].tolist())


def _detail(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "reason": visible(record["reason"]),
        "facts": [[fact.name, fact.value] for fact in facts_of(record)],
        "inputs": [[fact.name, fact.value] for fact in inputs_of(record["inputs"])],
        "repro": visible(record["repro"], keep="\n\t"),
    }
