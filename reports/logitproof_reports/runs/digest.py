"""The digest of a run: independent of how its table is chunked, and different for different runs."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from .schema import SCHEMA, attributed, cells_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .schema import Run


def digest_of(run: Run) -> str:
    """Return the SHA-256 of all that a run file holds of a run, in hexadecimal."""
    facts = [attributed(run), run.profile, run.case_set, run.complete, run.table.num_rows]
    if run.origins or run.seconds:  # files of earlier releases have neither
        seconds = {cell: run.seconds[cell] for cell in cells_of(run.table) if cell in run.seconds}
        facts += [[one.as_json() for one in run.origins], seconds]
    whole = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name in SCHEMA.names:
        for part in _hashed(run.table[name].chunks):
            whole.update(part)
    return whole.hexdigest()


def _hashed(chunks: Iterable[pa.Array]) -> list[bytes]:
    """Return the hashes of a column's values: of texts that of all bytes, and that of the lengths."""
    content, lengths = hashlib.sha256(), hashlib.sha256()
    for chunk in chunks:
        if pa.types.is_string(chunk.type):
            _, starts, text = chunk.buffers()
            ends = np.frombuffer(starts, np.int32, len(chunk) + 1, 4 * chunk.offset) if len(chunk) else np.zeros(1, int)
            content.update(memoryview(text)[ends[0] : ends[-1]] if text else b"")
            lengths.update(np.diff(ends).tobytes())
        else:
            content.update(chunk.to_numpy(zero_copy_only=False).tobytes())
    return [content.digest(), lengths.digest()]
