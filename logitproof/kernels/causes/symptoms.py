"""What a kernel gets wrong in one batch, and the answers of kernels with exactly one fault."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import Format

    F64 = NDArray[np.float64]


MODELLED = frozenset(
    {"softmax", "log_softmax", "log_sum_exp", "softmax_cross_entropy", "sigmoid_cross_entropy"},
)
"""The ops of which the answers of faulty kernels are known; the cause of a fault in another one is not guessed."""


@dataclass(frozen=True)
class Symptoms:
    """One batch that a kernel gets wrong, in float64.

    Attributes
    ----------
    op, quantity : str
    format : str
        Of the answer.
    x : array (rows, n)
        Logits, transformed as is declared.
    labels : array or None
        Class indices or distributions.
    c : array or None
        Cotangents.
    observed, exact : arrays of the answer's shape
    wrong : bool array (rows,)
        Where some element of a row does not conform.
    bad : bool array of the answer's shape
        Where it does not conform.
    is_reduced : bool
        Whether the answer is one number for all rows, or its gradient.
    is_transformed : bool
        Whether a transform of the logits, a z-loss or a divisor is declared.
    """

    op: str
    quantity: str
    format: str
    x: F64
    labels: NDArray[Any] | None
    c: F64 | None
    observed: F64
    exact: F64
    wrong: NDArray[np.bool_]
    bad: NDArray[np.bool_]
    is_reduced: bool = False
    is_transformed: bool = False

    def of(self, kept: NDArray[np.bool_]) -> Symptoms:
        """Return the symptoms of some rows."""
        return replace(
            self,
            x=self.x[kept],
            labels=None if self.labels is None else self.labels[kept],
            c=None if self.c is None else self.c[kept],
            observed=self.observed[kept],
            exact=self.exact[kept],
            wrong=self.wrong[kept],
            bad=self.bad[kept],
        )

    @property
    def n(self) -> int:
        """The number of classes."""
        return int(self.x.shape[1])

    @property
    def unit(self) -> Format:
        """The format."""
        return FORMATS[self.format]

    @cached_property
    def total(self) -> F64:
        """Log-sum-exp of each row as a column."""
        return log_total(self.x)

    @cached_property
    def wrong_numbers(self) -> tuple[F64, F64, F64]:
        """The numbers that do not conform: observed, exact, and how far they are apart."""
        observed, exact = self.observed[self.bad], self.exact[self.bad]
        return observed, exact, distance(observed, exact)

    @property
    def has_indices(self) -> bool:
        """Whether labels are class indices."""
        return self.labels is not None and self.labels.dtype.kind == "i"


def log_total(x: F64) -> F64:
    """Return log-sum-exp of each row as a column."""
    top = np.max(x, axis=1, keepdims=True, initial=-np.inf)
    safe = np.where(np.isfinite(top), top, 0.0)
    return np.asarray(safe + np.log(np.exp(x - safe).sum(axis=1, keepdims=True)))


def answer(
    s: Symptoms, *, total: F64 | None = None, x: F64 | None = None, labels: Any = None, c: Any = None
) -> F64 | None:
    """Return the answer of a kernel that is right but for what is given: the logarithm of its sums, logits, labels."""
    given, x = x, s.x if x is None else x
    labels = s.labels if labels is None else labels
    c = s.c if c is None else c
    if OPS[s.op].elementwise:
        return _elementwise(s, x, labels, c)
    if total is None:
        total = s.total if given is None else log_total(x)
    t = x - total
    if s.quantity == "value":
        return value_of(s, t, total, labels)
    if s.quantity == "grad_logits" and c is not None:
        return gradient_of(s, np.exp(t), labels, c)
    return None


def value_of(s: Symptoms, t: F64, total: F64, labels: Any) -> F64:
    """Return the value that log-probabilities and the logarithm of the sum make."""
    if s.op == "softmax_cross_entropy":
        if labels.dtype.kind == "i":
            return np.asarray(-t[np.arange(len(t)), labels])
        return np.asarray(-np.where(labels == 0, 0.0, labels * t).sum(axis=1))
    return {"softmax": np.exp(t), "log_softmax": t, "log_sum_exp": total[:, 0]}[s.op]


def gradient_of(s: Symptoms, p: F64, labels: Any, c: F64) -> F64:
    """Return the gradient by the logits that a softmax makes."""
    if s.op == "softmax":
        return np.asarray(p * (c - (p * c).sum(axis=1, keepdims=True)))
    if s.op == "log_softmax":
        return np.asarray(c - p * c.sum(axis=1, keepdims=True))
    if s.op == "log_sum_exp":
        return c[:, None] * p
    q = one_hot(labels, p.shape[1])
    return np.asarray(c[:, None] * (p * q.sum(axis=1, keepdims=True) - q))


def _elementwise(s: Symptoms, x: F64, labels: Any, c: Any) -> F64 | None:
    if s.quantity == "value":
        return np.asarray(np.logaddexp(0.0, -np.abs(x)) + np.maximum(x, 0.0) - x * labels)
    if s.quantity != "grad_logits":
        return None
    e = np.exp(-np.abs(x))
    return np.asarray(c * (np.where(x >= 0, 1.0, e) / (1.0 + e) - labels))


def one_hot(labels: Any, n: int) -> F64:
    """Return class indices as distributions, and these as they are."""
    return np.asarray(np.arange(n) == labels[:, None] if labels.dtype.kind == "i" else labels, dtype=np.float64)


def distance(first: F64, second: F64) -> F64:
    """Return how far two answers are apart; inf where they differ in kind."""
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    apart = np.where(np.isfinite(first) & np.isfinite(second), np.abs(first - second), np.inf)
    return np.where(same, 0.0, apart)
