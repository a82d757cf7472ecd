"""The ordinary algorithms of every op and quantity, as frameworks write them, on emulated arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from meta.bounds.emulated_arithmetic import Emulation

    F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """What the algorithms are given: logits, labels and cotangents of the format."""

    logits: F64
    indices: NDArray[np.int64]
    distributions: F64
    row_cotangents: F64
    class_cotangents: F64

    @property
    def onehot(self) -> F64:
        """The indices as distributions."""
        return (np.arange(self.logits.shape[1]) == self.indices[:, None]).astype(np.float64)


def _of_every_softmax(gradient: Callable[[Emulation, Row, F64], F64]) -> dict[str, Callable[[Emulation, Row], F64]]:
    """Return a gradient computed from each ordinary softmax."""
    softmaxes = {
        "division": lambda a, row: a.softmax(row.logits),
        "reciprocal": lambda a, row: a.softmax_by_reciprocal(row.logits),
        "exp of log-softmax": lambda a, row: a.softmax_by_exp(row.logits),
    }
    return {
        name: lambda a, row, softmax=softmax: gradient(a, row, softmax(a, row)) for name, softmax in softmaxes.items()
    }


def _softmax_centred(a: Emulation, row: Row, p: F64) -> F64:
    c = row.class_cotangents
    return a.fl(a.fl(c - a.dot(c, p)) * p)


def _softmax_expanded(a: Emulation, row: Row, p: F64) -> F64:
    c = row.class_cotangents
    return a.fl(a.fl(c * p) - a.fl(p * a.dot(c, p)))


def _log_softmax(a: Emulation, row: Row, p: F64) -> F64:
    c = row.class_cotangents
    return a.fl(c - a.fl(p * a.sum(c)))


def _log_softmax_taped(a: Emulation, row: Row) -> F64:
    c = row.class_cotangents
    e = a.exp(a.shifted(row.logits))
    return a.fl(c - a.fl(a.fl(a.sum(c) / a.sum(e)) * e))


def _log_sum_exp(a: Emulation, row: Row, p: F64) -> F64:
    return a.fl(row.row_cotangents[:, None] * p)


def _log_sum_exp_taped(a: Emulation, row: Row) -> F64:
    e = a.exp(a.shifted(row.logits))
    return a.fl(a.fl(row.row_cotangents[:, None] / a.sum(e)) * e)


def log_sum_exp_gradient_of_saved(a: Emulation, row: Row) -> F64:
    """C exp(x - y) of the rounded log-sum-exp: ordinary, but off by u |y|."""
    p = a.exp(a.fl(row.logits - a.log_sum_exp(row.logits)))
    return a.fl(row.row_cotangents[:, None] * p)


def _indices_factored(a: Emulation, row: Row, p: F64) -> F64:
    return a.fl(row.row_cotangents[:, None] * a.fl(p - row.onehot))


def _indices_taped(a: Emulation, row: Row, p: F64) -> F64:
    g = row.row_cotangents[:, None]
    return a.fl(a.fl(p * g) - g * row.onehot)


def _indices_by_the_others(a: Emulation, row: Row, p: F64) -> F64:
    """-(sum of the other p) at the label in place of p - 1."""
    parts = np.where(row.onehot == 1.0, -a.sum(np.where(row.onehot == 1.0, 0.0, p)), p)
    return a.fl(row.row_cotangents[:, None] * parts)


def _distributions_factored(a: Emulation, row: Row, p: F64) -> F64:
    q = row.distributions
    return a.fl(row.row_cotangents[:, None] * a.fl(a.fl(a.sum(q) * p) - q))


def _distributions_taped(a: Emulation, row: Row, p: F64) -> F64:
    seeds = a.fl(-row.row_cotangents[:, None] * row.distributions)
    return a.fl(seeds - a.fl(p * a.sum(seeds)))


def _distributions_plain(a: Emulation, row: Row, p: F64) -> F64:
    return a.fl(row.row_cotangents[:, None] * a.fl(p - row.distributions))


def _loss_at_label(a: Emulation, row: Row) -> F64:
    return -np.take_along_axis(a.log_softmax(row.logits), row.indices[:, None], axis=1)[:, 0]


def _loss_from_shifted(a: Emulation, row: Row) -> F64:
    d = a.shifted(row.logits)
    at_label = np.take_along_axis(d, row.indices[:, None], axis=1)
    return a.fl(a.log(a.sum(a.exp(d))) - at_label)[:, 0]


ALGORITHMS: dict[tuple[str, str, str], dict[str, Callable[[Emulation, Row], F64]]] = {
    ("softmax", "none", "value"): {
        "division": lambda a, row: a.softmax(row.logits),
        "reciprocal": lambda a, row: a.softmax_by_reciprocal(row.logits),
        "exp of log-softmax": lambda a, row: a.softmax_by_exp(row.logits),
    },
    ("log_softmax", "none", "value"): {"shifted": lambda a, row: a.log_softmax(row.logits)},
    ("log_sum_exp", "none", "value"): {"shifted": lambda a, row: a.log_sum_exp(row.logits)[:, 0]},
    ("softmax_cross_entropy", "indices", "value"): {"gathered": _loss_at_label, "shifted": _loss_from_shifted},
    ("softmax_cross_entropy", "distributions", "value"): {
        "dot": lambda a, row: -a.dot(row.distributions, a.log_softmax(row.logits))[:, 0],
    },
    ("softmax", "none", "grad_logits"): {
        **_of_every_softmax(_softmax_centred),
        **{f"{name}, expanded": f for name, f in _of_every_softmax(_softmax_expanded).items()},
    },
    ("log_softmax", "none", "grad_logits"): {**_of_every_softmax(_log_softmax), "taped": _log_softmax_taped},
    ("log_sum_exp", "none", "grad_logits"): {
        **_of_every_softmax(_log_sum_exp),
        "taped": _log_sum_exp_taped,
    },
    ("softmax_cross_entropy", "indices", "grad_logits"): {
        **_of_every_softmax(_indices_factored),
        **{f"{name}, taped": f for name, f in _of_every_softmax(_indices_taped).items()},
        **{f"{name}, by the others": f for name, f in _of_every_softmax(_indices_by_the_others).items()},
    },
    ("softmax_cross_entropy", "distributions", "grad_logits"): {
        **_of_every_softmax(_distributions_factored),
        **{f"{name}, taped": f for name, f in _of_every_softmax(_distributions_taped).items()},
        **{f"{name}, plain": f for name, f in _of_every_softmax(_distributions_plain).items()},
    },
    ("softmax_cross_entropy", "distributions", "grad_labels"): {
        "negated": lambda a, row: a.fl(-row.row_cotangents[:, None] * a.log_softmax(row.logits)),
    },
}
"""Every op, kind of labels and quantity, with its ordinary algorithms by name."""
