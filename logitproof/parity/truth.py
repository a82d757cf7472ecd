"""The exact log-probabilities of wide rows, accurate to nearly all digits of float64, fast enough for 10,000 rows.

With m the largest logit, of class t, and R the sum of e^(x_i - m) over the other classes: log p_t = -log1p(R), and
log p_k = (x_k - m) - log1p(R) elsewhere, a sum of two numbers that are not positive, so that nothing cancels. A
difference of logits is off by half an ulp of float64, an exponential by that times its argument and an ulp of NumPy's,
and the sum of n numbers, pairwise in blocks of 128, by at most (log2(n) + 30) 2**-53 of itself. A wide row is taken
piece by piece: two pieces stay in a processor's cache, which a row in float64 does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.oracle.softmax_rows import ExactRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F64 = NDArray[np.float64]

RELATIVE = 2.0**-44
"""Relative error of a log-probability here: exponents beyond -745 add nothing, those above it at most 2**-43.5 each by
their argument's half ulp, weighted by themselves: |d| e^-d <= 0.37, so that the sum is off by less than 2**-46."""


PIECE = 1 << 15
"""Numbers of a row that are taken together: 256 KiB of float64."""


@dataclass(frozen=True)
class RowTruth:
    """The terms of a row's log-probabilities: in float64, all finite or -inf.

    Attributes
    ----------
    scaled : float64 array
        Logits over the temperature.
    top : int
        Where the largest is.
    others : float
        The sum of e^(x_i - m) without that one.
    temperature : float
        By which the logits were divided.
    """

    scaled: F64
    top: int
    others: float
    temperature: float = 1.0

    @classmethod
    def of(cls, logits: NDArray[Any], temperature: float = 1.0) -> RowTruth:
        """Return the truth of one row of logits of any format."""
        scaled = logits.astype(np.float64)
        if temperature != 1.0:
            scaled /= temperature
        top = int(scaled.argmax())
        most, sums, e = scaled[top], [], np.empty(min(PIECE, scaled.size))
        for start in range(0, scaled.size, PIECE):
            piece = scaled[start : start + PIECE]
            terms = e[: piece.size]
            np.exp(np.subtract(piece, most, out=terms), out=terms)
            if start <= top < start + PIECE:
                terms[top - start] = 0.0
            sums.append(float(terms.sum()))
        return cls(scaled, top, math.fsum(sums), temperature)

    def log_probability(self, index: int) -> float:
        """Return log p of one class."""
        if index == self.top:
            return -float(np.log1p(self.others))
        return float(self.scaled[index] - self.scaled[self.top]) - float(np.log1p(self.others))

    def log_probabilities(self, start: int = 0, stop: int | None = None) -> F64:
        """Return log p of the classes from `start` up to, but not including, `stop`; by default of every class."""
        tail = np.log1p(self.others)
        piece: F64 = self.scaled[start:stop] - self.scaled[self.top]
        piece -= tail
        if start <= self.top < start + piece.size:
            piece[self.top - start] = -tail
        return piece


def nearer(a: float, b: float, index: int, truth: RowTruth) -> int:
    """Return -1 where a is nearer to log p of a class, 1 where b is, 0 if they are as near.

    Where float64 does not decide, the oracle does; a temperature's quotient is then exact to float64 alone.
    """
    if a == b:
        return 0
    exact = truth.log_probability(index)
    gap = abs(b - exact) - abs(a - exact)
    if abs(gap) <= 4.0 * RELATIVE * abs(exact):
        enclosed = ExactRows(truth.scaled[None]).evaluate("log_softmax", "value")[:, index]
        off = enclosed.distance(np.array([a])), enclosed.distance(np.array([b]))
        gap = float(off[1][0] - off[0][0])
    return 0 if gap == 0.0 else (-1 if gap > 0.0 else 1)
