"""Arrays spelled as Python source, exactly: the inputs of a repro."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def literal(array: NDArray[Any]) -> str:
    """Spell `array` as a nested list of Python numbers.

    Exact: each number of a format is a float64, and Python prints the shortest
    decimal that reads back as that float64. ``inf`` and ``nan`` are spelled by
    name; the program must import them from ``math``. A NaN keeps no payload.

    >>> literal(np.array([[0.1, -np.inf]], dtype=np.float32))
    '[[0.10000000149011612, -inf]]'
    >>> literal(np.array([2, 0]))
    '[2, 0]'
    """
    exact = array if np.issubdtype(array.dtype, np.integer) else array.astype(np.float64)
    return repr(exact.tolist())
