"""Kernels as test data: faulty ones with one plausible fault each, and correct ones of different algorithms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Function = Callable[..., Any]


@dataclass(frozen=True)
class Planted:
    """A kernel, and how it is checked.

    Attributes
    ----------
    op : str
    kind : str
        What is wrong with it, in a word; of a correct one, its algorithm.
    function, gradient : callable
    declared : dict
        Further arguments of `logitproof.check`.
    """

    op: str
    kind: str
    function: Function
    gradient: Function | None = None
    declared: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the function that holds the fault."""
        return str((self.gradient or self.function).__name__)


FAULTY: list[Planted] = []
CORRECT: list[Planted] = []


def fault(op: str, kind: str, **declared: Any) -> Callable[[Function], Function]:
    """Register a faulty function of values."""

    def register(function: Function) -> Function:
        FAULTY.append(Planted(op, kind, function, declared=declared))
        return function

    return register


def faulty_gradient(op: str, kind: str, value: Function, **declared: Any) -> Callable[[Function], Function]:
    """Register a faulty gradient beside a value that is right."""

    def register(function: Function) -> Function:
        FAULTY.append(Planted(op, kind, value, function, declared))
        return function

    return register


def wide(x: Array) -> Array:
    """Return half formats in float32, the others as they are."""
    return x.astype(np.float32) if x.dtype.itemsize == 2 else x


def one_hot(y: Array, n: int) -> Array:
    """Return class indices as distributions, and distributions as they are."""
    return (np.arange(n) == y[:, None]).astype(np.float64) if y.dtype.kind in "iu" else y


def softmax(x: Array) -> Array:
    """Return softmax, computed in float32 or wider."""
    w = wide(x)
    e = np.exp(w - w.max(axis=-1, keepdims=True))
    return (e / e.sum(axis=-1, keepdims=True)).astype(x.dtype)


def log_softmax(x: Array) -> Array:
    """Return log-softmax, computed in float32 or wider."""
    t = wide(x) - wide(x).max(axis=-1, keepdims=True)
    return (t - np.log(np.exp(t).sum(axis=-1, keepdims=True))).astype(x.dtype)


def log_sum_exp(x: Array) -> Array:
    """Return log-sum-exp, computed in float32 or wider."""
    w, m = wide(x), wide(x).max(axis=-1)
    safe = np.where(np.isinf(m), 0, m).astype(w.dtype)
    return (safe + np.log(np.exp(w - safe[:, None]).sum(axis=-1))).astype(x.dtype)


def loss(x: Array, y: Array) -> Array:
    """Return the cross-entropy at class indices, computed in float32 or wider."""
    w, m = wide(x), wide(x).max(axis=-1)
    picked = w[np.arange(len(w)), y]
    return (np.log(np.exp(w - m[:, None]).sum(axis=-1)) + (m - picked)).astype(x.dtype)


def soft_loss(x: Array, q: Array) -> Array:
    """Return the cross-entropy with distributions, computed in float32 or wider."""
    t = wide(x) - wide(x).max(axis=-1, keepdims=True)
    logarithm = t - np.log(np.exp(t).sum(axis=-1, keepdims=True))
    terms = np.where(q == 0, 0, wide(q) * logarithm)
    return (-terms.sum(axis=-1)).astype(x.dtype)


def grad_loss(x: Array, y: Array, c: Array) -> Array:
    """Return the gradient of the cross-entropy, computed in float32 or wider."""
    w, q = softmax(wide(x)), wide(one_hot(y, x.shape[1]).astype(x.dtype))
    return (wide(c)[:, None] * (w * q.sum(axis=-1, keepdims=True) - q)).astype(x.dtype)


def sigmoid_loss(x: Array, y: Array) -> Array:
    """Return the sigmoid cross-entropy, computed in float32 or wider."""
    w, v = wide(x), wide(y)
    return (np.maximum(w, 0) - w * v + np.log1p(np.exp(-np.abs(w)))).astype(x.dtype)
