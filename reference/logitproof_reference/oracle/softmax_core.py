"""Intermediate results of a block of rows for every quantity: differences, exponentials, their sum, its logarithm.

With m the largest logit of a row, m2 the largest of the others and f_j = exp(x_j - m2)::

    rest = exp(m2 - m) sum_{j != argmax} f_j      S = 1 + rest
    p_j = f_j exp(m2 - m) / S                     p_argmax = 1 / S,   1 - p_argmax = rest / S

Where no logit of a row is above 170 in magnitude f_j is exp(x_j) over the power of 2 next to exp(m2), and that power
over exp(m) takes the place of exp(m2 - m): products and sums are the same, and the arguments are plain doubles.

exp(m2 - m) is kept as a number near 1 and an exponent, so that saturated rows lose nothing: a loss of 1e-300, and the
gradient at its label, carry all their digits until the one last scaling to float64.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.numerics import exp_log as elementary
from logitproof_reference.numerics.ball import Ball, choose, exact_difference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.numerics.double_double import F64

RAISED = 512
"""The f_j are held times 2**512, which gives them the range down to 2**-1378 with all digits."""

_LOG2_E = 1.4426950408889634

_TINY = -300
"""Below rest = 2**-300 log(1 + rest) is rest, with a relative error under 2**-250 (up to 2**40 classes)."""

_VANISHING = -2160
"""exp(-1500) < 2**-2160: times anything the double-double path admits, it is far below 2**-1074."""


class Core:
    """Shared intermediate results of a block of rows, each computed at first use.

    Parameters
    ----------
    x : float64 array, shape (classes, rows)
        Class axis first. Finite and at most 2**600 in magnitude, or -inf for a class ruled out; at least one finite
        logit a row.

    Attributes
    ----------
    top : tuple of two index arrays
        Where the (first) largest logit of each row lies.
    """

    def __init__(self, x: F64) -> None:
        self._rows = np.arange(x.shape[1])
        self.top = (x.argmax(axis=0), self._rows)
        self.largest: F64 = x[self.top]
        smallest = x.min()
        self._masked = bool(np.isneginf(smallest))
        self._given = x
        self._x = np.where(self.absent, self.largest, x) if self._masked else x
        others = x.copy()
        others[self.top] = -np.inf
        second = others.max(axis=0)
        self._alone = np.isneginf(second)
        self._second = np.where(self._alone, self.largest, second)
        others[self.top] = self._second
        if self._masked:
            others = np.where(self.absent, self._second, others)
        within = -others.min(axis=0) <= elementary.LARGEST_PLAIN
        self._is_plain: NDArray[np.bool_] = within & (self.largest <= elementary.LARGEST_PLAIN)
        others[self.top] = np.where(self._is_plain, -self.largest, self._second)
        self._others = others

    @cached_property
    def absent(self) -> NDArray[np.bool_]:
        """The classes ruled out, shape (classes, rows)."""
        return np.isneginf(self._given)

    @cached_property
    def t(self) -> Ball:
        """Distance to the largest logit, exact; 0 where the class is ruled out."""
        return exact_difference(self.largest, self._x)

    def distance(self, classes: NDArray[np.int64]) -> Ball:
        """Distance of one class per row to the largest logit, exact."""
        return exact_difference(self.largest, self._x[self.at(classes)])

    def at(self, classes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
        """Return the index of one class per row."""
        return classes, self._rows

    @property
    def _exponentials(self) -> Ball:
        """Return f_j 2**512, and 0 at the largest logit and at the classes ruled out."""
        return self._exponentials_and_top[0]

    @cached_property
    def _exponentials_and_top(self) -> tuple[Ball, Ball]:
        """Return the exponentials, and what stood at the largest logit: where logits are plain exp(-m), as raised."""
        f = self._raised()
        top = f.take(self.top)
        for part in (f.hi, f.lo, f.radius):
            part[self.top] = 0.0
            if self._masked:
                part[self.absent] = 0.0
        return f, top

    def _raised(self) -> Ball:
        """Return every exponential, row by row in the way that suits the row, whatever rows stand beside it."""
        plain = self._is_plain
        if plain.all():
            return elementary.exp_plain(self._others, RAISED - self._binade)
        shifted = elementary.exp_of_difference(self._others, self._second, raised=RAISED)
        if plain.any():
            ball = elementary.exp_plain(self._others[:, plain], RAISED - self._binade[plain])
            for part, given in ((shifted.hi, ball.hi), (shifted.lo, ball.lo), (shifted.radius, ball.radius)):
                part[:, plain] = given
        return shifted

    @cached_property
    def _binade(self) -> NDArray[np.int64]:
        """Return the n with exp(m2) next to 2**n, which replaces exp(m2) in f_j where logits are plain; 0 elsewhere."""
        return np.floor(np.where(self._is_plain, self._second, 0.0) * _LOG2_E).astype(np.int64)

    @cached_property
    def _gap(self) -> tuple[Ball, NDArray[np.int64]]:
        """Return exp(m2 - m), or 2**n exp(-m), as a ball near 1 and an exponent; 0 if there is no other class."""
        plain = self._is_plain
        ball, n = self._plain_gap()
        if not plain.all():
            shifted, n_shifted = self._shifted_gap()
            ball, n = choose(plain, ball, shifted), np.where(plain, n, n_shifted)
        if not self._alone.any():
            return ball, n
        hi, lo, radius = (np.where(self._alone, 0.0, part) for part in (ball.hi, ball.lo, ball.radius))
        return Ball(hi, lo, radius), np.where(self._alone, 0, n)

    def _plain_gap(self) -> tuple[Ball, NDArray[np.int64]]:
        n = np.floor(np.where(self._is_plain, self.largest, 0.0) * -_LOG2_E).astype(np.int64)
        return self._exponentials_and_top[1].scaled(self._binade - RAISED - n), n + self._binade

    def _shifted_gap(self) -> tuple[Ball, NDArray[np.int64]]:
        d = exact_difference(self._second, self.largest)
        vanishing = d.hi < -elementary.DOMAIN
        hi, lo, n = elementary.exp_scaled((np.where(vanishing, 0.0, d.hi), np.where(vanishing, 0.0, d.lo)))
        radius = np.where(vanishing, 2.0, elementary.EXP_ERROR * 2.02)
        ball = Ball(np.where(vanishing, 0.0, hi), np.where(vanishing, 0.0, lo), radius)
        return ball, np.where(vanishing, _VANISHING, n)

    @property
    def exponent(self) -> NDArray[np.int64]:
        """Binary exponent that `rest` and `top_complement` are still to be scaled by."""
        return self._gap[1]

    @property
    def scale(self) -> NDArray[np.int64]:
        """Binary exponent that `probabilities` are still to be scaled by."""
        return self.exponent - RAISED

    @cached_property
    def rest(self) -> Ball:
        """Sum of exp(x_j - m) over all but the largest logit, less its exponent."""
        return (self._gap[0] * self._exponentials.sum(same_sign=True)).scaled(-RAISED)

    @cached_property
    def total(self) -> Ball:
        """S = sum of exp(x_j - m)."""
        return self.rest.scaled(self.exponent) + 1.0

    @cached_property
    def log_total(self) -> tuple[Ball, NDArray[np.int64]]:
        """Log S, and the binary exponent it is still to be scaled by."""
        tiny = self.exponent <= _TINY
        rest = self.rest
        itself = Ball(rest.hi, rest.lo, rest.radius + 2.0**-150 * rest.hi)
        ordinary = elementary.log1p(rest.scaled(self.exponent))
        return choose(tiny, itself, ordinary), np.where(tiny, self.exponent, 0)

    @cached_property
    def log_sum(self) -> Ball:
        """Log S in float64's range."""
        mantissa, exponent = self.log_total
        return mantissa.scaled(exponent)

    @cached_property
    def probabilities(self) -> Ball:
        """p_j of all but the largest logit, less the exponent `scale`; 0 at the largest logit."""
        return self._exponentials * (self._gap[0] / self.total)

    @cached_property
    def top_probability(self) -> Ball:
        """P of the largest logit."""
        return Ball(np.ones_like(self.largest)) / self.total

    @cached_property
    def top_complement(self) -> Ball:
        """1 - p of the largest logit, less its exponent."""
        return self.rest / self.total

    @cached_property
    def softmax(self) -> Ball:
        """Every p_j."""
        return self.probabilities.scaled(self.scale).put(self.top, self.top_probability)

    @cached_property
    def complement(self) -> Ball:
        """Every 1 - p_j; the others' p_j are at most 1/2, so nothing cancels."""
        return (1.0 - self.softmax).put(self.top, self.top_complement.scaled(self.exponent))

    def others(self, values: Ball) -> Ball:
        """Return `values` (classes, rows) with a 0 at the largest logit."""
        zero = np.zeros_like(self.largest)
        return values.put(self.top, Ball(zero))
