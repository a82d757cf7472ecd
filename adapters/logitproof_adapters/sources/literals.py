"""Arrays written as Python literals, or by a placeholder.

A program that shows a wide row packs its arrays, or builds them. It is then spelled with a word for each: spelled in
full, to be replaced, they took a tenth of a run's time.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.formats import widened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    Words = list[tuple[NDArray[Any], str]]

_WORDS: ContextVar[Words] = ContextVar("words", default=[])  # noqa: B039 - it is replaced, and never changed


@contextmanager
def words_for(arrays: Mapping[str, NDArray[Any]]) -> Iterator[None]:
    """Let `literal` spell these very arrays, each by its word."""
    before = _WORDS.set([(array, word) for word, array in arrays.items()])
    try:
        yield
    finally:
        _WORDS.reset(before)


def words_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, str]:
    """Return the words that stand for some of these arrays now, by the names of the arrays."""
    return {name: word for name, array in arrays.items() for given, word in _WORDS.get() if given is array}


def literal(array: NDArray[Any]) -> str:
    """Spell `array` as a nested list of Python numbers.

    Exact: each number of a format is a float64, and Python prints the shortest
    decimal that reads back as that float64. ``inf`` and ``nan`` are spelled by
    name; the program must import them from ``math``. A NaN keeps no payload.
    Where a word stands for the array (`words_for`), it is that.

    >>> literal(np.array([[0.1, -np.inf]], dtype=np.float32))
    '[[0.10000000149011612, -inf]]'
    >>> literal(np.array([2, 0]))
    '[2, 0]'
    """
    for given, word in _WORDS.get():
        if array is given:
            return word
    exact = array if np.issubdtype(array.dtype, np.integer) or array.dtype == bool else widened(array)
    return repr(exact.tolist())
