"""A column of text as its distinct words and a code for each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from numpy.typing import NDArray

    Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Words:
    """A column of text: its distinct words, and for each row the position of its word."""

    words: list[str]
    codes: Codes

    def mapped(self, change: Callable[[str], str], key: Callable[[str], Any] | None = None) -> Words:
        """Return the column with every word changed; the new words are sorted by `key`."""
        changed = [change(word) for word in self.words]
        words = sorted(set(changed), key=key)
        places = np.array([words.index(word) for word in changed], dtype=np.int64)
        return Words(words, places[self.codes] if len(places) else self.codes)

    def is_word(self, word: str) -> NDArray[np.bool_]:
        """Return where the row's word is `word`."""
        place = self.words.index(word) if word in self.words else -1
        found: NDArray[np.bool_] = self.codes == place
        return found


def words_of(column: pa.ChunkedArray) -> Words:
    """Return a column of text as distinct words and codes."""
    encoded = column.combine_chunks().dictionary_encode()
    return Words(encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64))
