"""The truth by ball arithmetic (python-flint): definitions written again, sharing nothing with the oracle.

Each function returns, for one row, the exact answers as balls together with their scale: the sum of the magnitudes of
the independent terms that an answer is the sum or difference of. Where only one term is left the scale is the answer
itself, and an error is relative; where terms cancel the oracle answers for the terms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import flint
import numpy as np
from flint import arb

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from numpy.typing import NDArray

Balls = list[Any]


@dataclass
class Case:
    """One row of finite numbers, or with -inf for classes ruled out; arrays are float64.

    The options are those of `LossOptions` that concern one row; `divisor` is what a mean divides its cotangent by.
    """

    x: NDArray[Any]
    labels: Any = None
    cotangent: Any = None
    tangent: Any = None
    options: dict[str, Any] = field(default_factory=dict)
    divisor: Fraction | None = None

    @property
    def is_ignored(self) -> bool:
        """Whether the row's label is the ignored class index."""
        index = self.options.get("ignore_index")
        return index is not None and np.ndim(self.labels) == 0 and int(self.labels) == index

    @property
    def cotangents(self) -> Balls:
        """The cotangent, or one per class, divided as the mean has it."""
        given = [] if self.cotangent is None else np.atleast_1d(self.cotangent)
        return [divided(arb(float(value)), self.divisor) for value in given]


def divided(ball: Any, divisor: Fraction | None) -> Any:
    """Return a ball over a fraction."""
    return ball if divisor is None else ball * divisor.denominator / divisor.numerator


class Row:
    """A row's probabilities and arrays as balls."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.options = case.options
        self.present = [j for j, value in enumerate(case.x) if value != -math.inf]
        self.n = len(case.x)
        x = {j: arb(float(case.x[j])) for j in self.present}
        top = max(self.present, key=lambda j: case.x[j])
        self.m = x[top]
        self.t = {j: self.m - x[j] for j in self.present}
        e = {j: (-t).exp() for j, t in self.t.items()}
        self.s = sum(e.values(), arb(0))
        self.log_s = self.s.log()
        self.p = [e[j] / self.s if j in e else arb(0) for j in range(self.n)]
        self.surprise = [self.t[j] + self.log_s if j in self.t else arb("inf") for j in range(self.n)]
        self.c = case.cotangents
        self.v = [arb(float(v)) for v in case.tangent] if case.tangent is not None else []

    def others(self, j: int) -> Any:
        """1 - p_j, as the sum it is."""
        return sum((p for i, p in enumerate(self.p) if i != j), arb(0))

    def spread(self, v: Balls) -> tuple[Balls, Balls]:
        """v_j - mean(v) as a sum of differences, and the sum of their magnitudes."""
        signed = [sum((p * (a - b) for p, b in zip(self.p, v, strict=True)), arb(0)) for a in v]
        sizes = [sum((p * abs(a - b) for p, b in zip(self.p, v, strict=True)), arb(0)) for a in v]
        return signed, sizes

    def weights(self) -> Balls:
        """Class weights."""
        weight = self.options.get("weight")
        return [arb(1)] * self.n if weight is None else [arb(float(value)) for value in weight]

    def smoothing(self) -> tuple[Any, Any]:
        """Return s and l: a label q becomes s q + l."""
        a = arb(self.options.get("label_smoothing", 0.0))
        if self.options.get("smoothing_over") == "other_classes":
            return 1 - a - a / (self.n - 1), a / (self.n - 1)
        return 1 - a, a / self.n

    def q(self) -> Balls:
        """Labels smoothed and weighted, as torch.nn.CrossEntropyLoss documents."""
        labels = self.case.labels
        given = [arb(int(j == labels)) if np.ndim(labels) == 0 else arb(float(labels[j])) for j in range(self.n)]
        s, level = self.smoothing()
        return [w * (s * q + level) for w, q in zip(self.weights(), given, strict=True)]

    def clipped(self) -> tuple[Balls, list[bool]]:
        """-log of p clipped to [e, 1 - e], and where p lies within, as Keras documents."""
        if "clip_probabilities" not in self.options:
            return self.surprise, [True] * self.n
        e = arb(self.options["clip_probabilities"])
        below, above = [bool(p < e) for p in self.p], [bool(p > 1 - e) for p in self.p]
        bounded = [
            -e.log() if low else -(1 - e).log() if high else surprise
            for surprise, low, high in zip(self.surprise, below, above, strict=True)
        ]
        return bounded, [not (low or high) for low, high in zip(below, above, strict=True)]

    def used_q(self) -> Balls:
        """Labels whose terms have a derivative: a clipped one has none."""
        return [q if inside else arb(0) for q, inside in zip(self.q(), self.clipped()[1], strict=True)]

    def total(self) -> Any:
        """Return the sum of the labels, for which TensorFlow's gradient puts 1."""
        tensorflow = self.options.get("unnormalized_gradient") == "tensorflow"
        return arb(1) if tensorflow else sum(self.used_q(), arb(0))


def _pull(row: Row, c: Balls) -> tuple[Balls, Balls]:
    """c_j (1 - p_j) - p_j (sum of the other c)."""
    answers, scales = [], []
    for j, p in enumerate(row.p):
        rest = [value for i, value in enumerate(c) if i != j]
        answers.append(c[j] * row.others(j) - p * sum(rest, arb(0)))
        scales.append(abs(c[j]) * row.others(j) + p * sum(map(abs, rest), arb(0)))
    return answers, scales


def _times(factor: Balls, pair: tuple[Balls, Balls]) -> tuple[Balls, Balls]:
    signed = [f * a for f, a in zip(factor, pair[0], strict=True)]
    return signed, [abs(f) * a for f, a in zip(factor, pair[1], strict=True)]


def _same(answers: Balls) -> tuple[Balls, Balls]:
    return answers, [abs(answer) for answer in answers]


def _cross_entropy(row: Row) -> tuple[Balls, Balls]:
    pairs = [(q, s) for q, s in zip(row.q(), row.clipped()[0], strict=True) if q != 0]
    return [sum((q * s for q, s in pairs), arb(0))], [sum((abs(q) * s for q, s in pairs), arb(0))]


def _cross_entropy_grad(row: Row) -> tuple[Balls, Balls]:
    (g,), q = row.c, row.used_q()
    if "unnormalized_gradient" not in row.options:
        return _pull(row, [-g * qj for qj in q])
    answers = [g * (p * (1 - qj) - row.others(j) * qj) for j, (p, qj) in enumerate(zip(row.p, q, strict=True))]
    scales = [
        abs(g) * (p * (1 + abs(qj)) + row.others(j) * abs(qj)) for j, (p, qj) in enumerate(zip(row.p, q, strict=True))
    ]
    return answers, scales


def _grad_labels(row: Row) -> tuple[Balls, Balls]:
    slope = row.c[0] * row.smoothing()[0]
    return _same([slope * w * s for w, s in zip(row.weights(), row.clipped()[0], strict=True)])


def _cross_entropy_jvp(row: Row) -> tuple[Balls, Balls]:
    signed, sizes = row.spread(row.v)
    q = row.used_q()
    return (
        [-sum((a * b for a, b in zip(q, signed, strict=True)), arb(0))],
        [sum((abs(a) * b for a, b in zip(q, sizes, strict=True)), arb(0))],
    )


def _softmax_hvp(row: Row) -> tuple[Balls, Balls]:
    (v, v_size), (c, c_size) = row.spread(row.v), row.spread(row.c)
    both = [a * b for a, b in zip(v, c, strict=True)]
    both_size = [a * b for a, b in zip(v_size, c_size, strict=True)]
    covariance = sum((p * a for p, a in zip(row.p, both, strict=True)), arb(0))
    size = sum((p * a for p, a in zip(row.p, both_size, strict=True)), arb(0))
    return _times(row.p, ([a - covariance for a in both], [a + size for a in both_size]))


def _hvp(row: Row, factor: Any) -> tuple[Balls, Balls]:
    return _times([factor * p for p in row.p], row.spread(row.v))


_CE = "softmax_cross_entropy"
DEFINITIONS: dict[tuple[str, str], Callable[[Row], tuple[Balls, Balls]]] = {
    ("softmax", "value"): lambda row: _same(row.p),
    ("log_softmax", "value"): lambda row: _same([-s for s in row.surprise]),
    ("log_sum_exp", "value"): lambda row: ([row.m + row.log_s], [abs(row.m) + row.log_s]),
    (_CE, "value"): _cross_entropy,
    ("softmax", "grad_logits"): lambda row: _times(row.p, row.spread(row.c)),
    ("log_softmax", "grad_logits"): lambda row: _pull(row, row.c),
    ("log_sum_exp", "grad_logits"): lambda row: _same([row.c[0] * p for p in row.p]),
    (_CE, "grad_logits"): _cross_entropy_grad,
    (_CE, "grad_labels"): _grad_labels,
    ("softmax", "jvp"): lambda row: _times(row.p, row.spread(row.v)),
    ("log_softmax", "jvp"): lambda row: row.spread(row.v),
    ("log_sum_exp", "jvp"): lambda row: (
        [sum((p * v for p, v in zip(row.p, row.v, strict=True)), arb(0))],
        [sum((p * abs(v) for p, v in zip(row.p, row.v, strict=True)), arb(0))],
    ),
    (_CE, "jvp"): _cross_entropy_jvp,
    ("softmax", "hvp"): _softmax_hvp,
    ("log_softmax", "hvp"): lambda row: _hvp(row, -sum(row.c, arb(0))),
    ("log_sum_exp", "hvp"): lambda row: _hvp(row, row.c[0]),
    (_CE, "hvp"): lambda row: _hvp(row, row.c[0] * row.total()),
}


def truth(op: str, quantity: str, case: Case) -> tuple[Balls, Balls]:
    """Return the answers of a row and their scales, a list of balls each (of one ball for a scalar)."""
    flint.ctx.prec = precision(case.x)
    if case.is_ignored:
        zeros = [arb(0)] * (1 if quantity in {"value", "jvp"} else len(case.x))
        return zeros, zeros
    return DEFINITIONS[op, quantity](Row(case))


def precision(logits: NDArray[Any]) -> int:
    """Return bits enough for the smallest probability that float64 can tell from 0, and for the widest difference."""
    x = logits[np.isfinite(logits)]
    spread = float(x.max() / 2 - x.min() / 2) * 2 * 1.4427
    widest = math.frexp(float(np.abs(x).max()))[1]
    nonzero = np.abs(x[x != 0.0])
    finest = math.frexp(float(nonzero.min()))[1] if nonzero.size else 0
    return int(300 + 3 * min(spread, 1300) + max(widest, 0) - min(finest, 0))


def worst_errors(observed: tuple[NDArray[Any], ...], answers: Balls, scales: Balls) -> tuple[float, bool]:
    """Return the largest error / scale of one row, and whether its enclosure contains the truth.

    Parameters
    ----------
    observed : tuple of float64 arrays
        Value, tail and radius, one entry a ball. Entries below 2**-950 are judged by their radius alone: there
        value and tail have fewer bits than 106.
    """
    relative, contained = 0.0, True
    for value, tail, radius, exact, scale in zip(*map(np.atleast_1d, observed), answers, scales, strict=True):
        if math.isinf(value):
            contained &= bool(exact == arb(float(value)) or exact * math.copysign(1, value) > arb(2) ** 1024)
            continue
        error = abs(arb(float(value)) + arb(float(tail)) - exact)
        contained &= not bool(error > arb(float(radius)))
        if scale > arb(2) ** -950:
            assert error.rad() < scale * arb(2) ** -150, "the truth itself is not sharp enough to judge by"
            relative = max(relative, float((error / scale).upper()))
    return relative, contained
