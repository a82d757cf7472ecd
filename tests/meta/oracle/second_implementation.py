"""Another correct implementation, written from the formulas by other means than the control.

Divisions are avoided: p is exp(log p). Sums are pairwise. Half formats are computed in float32 and rounded once at the
end. Every derivative goes through that of log-softmax; ignored rows are left out before anything is computed. A row
with a logit of +inf is NaN, which EXT-5 allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import Description
from logitproof_adapters.sources.unsupported import not_wrapped
from logitproof_reference.vocabulary.cells import SIGMOID

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs

    Array = NDArray[Any]


def pairwise(x: Array) -> Array:
    """Sum over the last axis, which stays with length 1: neighbours first, then their sums."""
    while x.shape[-1] > 1:
        even = x[..., : x.shape[-1] // 2 * 2]
        x = np.concatenate([even[..., ::2] + even[..., 1::2], x[..., even.shape[-1] :]], axis=-1)
    return x if x.shape[-1] else np.zeros((*x.shape[:-1], 1), x.dtype)


def log_softmax(x: Array, scale: float = 1.0) -> Array:
    """Return scale * log p; a scale of 1/2 keeps the difference of any two finite logits finite."""
    m = x.max(axis=-1, keepdims=True)
    s = pairwise(np.exp(x - m))
    return (x * x.dtype.type(scale) - m * x.dtype.type(scale)) - np.log(s) * x.dtype.type(scale)


def log_sum_exp(x: Array) -> Array:
    """Return m + log sum exp(x - m), -inf where every class is ruled out."""
    m = x.max(axis=-1, keepdims=True)
    return np.where(m == -np.inf, m, m + np.log(pairwise(np.exp(x - m))))[..., 0]


def softmax(x: Array) -> Array:
    """Return exp(log p)."""
    return np.exp(log_softmax(x))


def pull_back(x: Array, c: Array) -> Array:
    """Return the vector-Jacobian product of log-softmax."""
    return c - softmax(x) * pairwise(c)


def push_forward(x: Array, v: Array) -> Array:
    """Return the Jacobian-vector product of log-softmax."""
    return v - pairwise(softmax(x) * v)


def pull_back_softmax(x: Array, c: Array) -> Array:
    """Return the vector-Jacobian product of exp(log-softmax)."""
    return pull_back(x, softmax(x) * c)


def cross_entropy(x: Array, q: Array) -> Array:
    """Return -sum q log p, to which classes without label add nothing."""
    terms = np.where(q == 0, 0, q * log_softmax(x, 0.5))
    return -2 * pairwise(terms.astype(x.dtype))[..., 0]


def log_sigmoid(x: Array) -> Array:
    """Return the logarithm of the sigmoid."""
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


ANSWERS: dict[tuple[str, str], Callable[..., Array]] = {
    ("softmax", "value"): softmax,
    ("softmax", "grad_logits"): pull_back_softmax,
    ("softmax", "jvp"): lambda x, v: softmax(x) * push_forward(x, v),
    ("log_softmax", "value"): log_softmax,
    ("log_softmax", "grad_logits"): pull_back,
    ("log_softmax", "jvp"): push_forward,
    ("log_sum_exp", "value"): log_sum_exp,
    ("log_sum_exp", "grad_logits"): lambda x, c: softmax(x) * c[..., None],
    ("log_sum_exp", "jvp"): lambda x, v: pairwise(softmax(x) * v)[..., 0],
    ("log_sum_exp", "hvp"): lambda x, c, v: pull_back_softmax(x, v) * c[..., None],
    ("softmax_cross_entropy", "value"): cross_entropy,
    ("softmax_cross_entropy", "grad_logits"): lambda x, q, c: pull_back(x, -(q * c[..., None])),
    ("softmax_cross_entropy", "grad_labels"): lambda x, _q, c: -(log_softmax(x, 0.5) * c[..., None] * 2),
    ("softmax_cross_entropy", "jvp"): lambda x, q, v: -pairwise(q * push_forward(x, v))[..., 0],
    ("softmax_cross_entropy", "hvp"): lambda x, q, c, v: pull_back_softmax(x, v) * (pairwise(q) * c[..., None]),
}
"""Answers by op and quantity, classes last, labels as distributions."""


def refuse(cell: Cell, inputs: Inputs) -> None:
    """Raise ValueError where arguments do not fit each other or the vocabulary."""
    shape, options, labels = inputs.logits.shape, cell.options, inputs.labels
    n = shape[inputs.axis]
    weights = [array.shape for array in (inputs.weight, inputs.pos_weight) if array is not None]
    wrong = n == 0 or options.reduction not in {"none", "sum", "mean"} or not 0 <= options.label_smoothing <= 1
    wrong = wrong or any(found != (n,) for found in weights)
    if labels is not None:
        is_index = cell.labels == "indices"
        due = shape[: inputs.axis] + shape[inputs.axis + 1 :] if is_index else shape
        wrong = wrong or labels.shape != due or (labels.dtype.kind in "iu") != is_index
        if is_index and not wrong:
            wrong = bool((((labels < 0) | (labels >= n)) & (labels != options.ignore_index)).any())
    if wrong:
        raise ValueError(f"{cell.id} is asked with arguments that do not fit")


class SecondAdapter:
    """Asks the second implementation."""

    name = "second"
    modes = ("eager",)

    def describe(self) -> Description:
        """Return its name."""
        return Description("second implementation", "0")

    def unsupported(self, cell: Cell) -> str | None:
        """Return why there is no such cell, or None."""
        return not_wrapped(cell, self.modes)

    def evaluate(self, cell: Cell, inputs: Inputs) -> Array:
        """Return the answer: classes moved last and back, float32 at least on the way."""
        refuse(cell, inputs)
        wide = np.result_type(inputs.logits.dtype, np.float32)
        given = {
            name: np.moveaxis(array, inputs.axis, -1) if array.ndim == inputs.logits.ndim else np.asarray(array)
            for name, array in inputs.arrays().items()
        }
        arrays = {name: a.astype(np.int64 if a.dtype.kind in "iu" else wide) for name, a in given.items()}
        with np.errstate(all="ignore"):
            answer = self._sigmoid(cell, arrays) if cell.op == SIGMOID else self._softmax(cell, arrays)
            answer = np.asarray(answer).astype(inputs.logits.dtype)
        return np.moveaxis(answer, -1, inputs.axis) if answer.ndim == inputs.logits.ndim else answer

    def repro(self, cell: Cell, inputs: Inputs) -> str:
        """Return no program: nobody outside can run it."""
        del cell, inputs
        return ""

    def _softmax(self, cell: Cell, arrays: dict[str, Array]) -> Array:
        """Leave ignored rows out, ask, reduce, and put zeros in their places."""
        options, x = cell.options, arrays.pop("logits")
        labels, weight = arrays.pop("labels", None), arrays.pop("weight", None)
        if labels is None:
            return ANSWERS[cell.op, cell.quantity](x, *arrays.values())
        kept = labels != options.ignore_index if cell.labels == "indices" else np.ones(x.shape[:-1], dtype=bool)
        n, divisor = x.shape[-1], float(kept.size if cell.labels == "distributions" else kept.sum())
        q = labels if cell.labels == "distributions" else (labels[..., None] == np.arange(n)).astype(x.dtype)
        if options.label_smoothing:
            q = q - x.dtype.type(options.label_smoothing) * (q - x.dtype.type(1 / n))
        if weight is not None:
            divisor = float(weight[labels[kept]].sum()) if cell.labels == "indices" else divisor
            q = q * weight
        return _reduced(cell, x, q, kept, arrays, divisor=divisor)

    def _sigmoid(self, cell: Cell, arrays: dict[str, Array]) -> Array:
        """Fold the weights into both terms; the mean is over all elements."""
        x, y = arrays["logits"], arrays["labels"]
        w, positive = (arrays.get(name, x.dtype.type(1)) for name in ("weight", "pos_weight"))
        one, other = w * positive * y, w * (1 - y)
        count = x.dtype.type({"none": 1, "sum": 1, "mean": x.size}[cell.options.reduction])
        c = arrays.get("cotangent", x.dtype.type(1)) / count
        if cell.quantity == "value":
            losses = -(one * log_sigmoid(x)) - other * log_sigmoid(-x)
            return losses if cell.options.reduction == "none" else pairwise(losses.reshape(1, -1))[0, 0] / count
        slope = other * np.exp(log_sigmoid(x)) - one * np.exp(log_sigmoid(-x))
        v = arrays.get("tangent", x.dtype.type(1))
        return {
            "grad_logits": lambda: slope * c,
            "grad_labels": lambda: c * w * (log_sigmoid(-x) - positive * log_sigmoid(x)),
            "jvp": lambda: slope * v,
            "hvp": lambda: (one + other) * np.exp(log_sigmoid(x) + log_sigmoid(-x)) * c * v,
        }[cell.quantity]()


def _reduced(cell: Cell, x: Array, q: Array, kept: Array, arrays: dict[str, Array], *, divisor: float) -> Array:
    """Answer for the rows kept alone: their losses, sum or mean, or derivatives that are 0 in the other rows."""
    reduction, function = cell.options.reduction, ANSWERS[cell.op, cell.quantity]
    count = x.dtype.type(divisor if reduction == "mean" else 1)
    if cell.quantity == "value" and reduction != "none":
        losses = function(x[kept], q[kept]).reshape(1, -1)
        return pairwise(losses)[0, 0] / count
    rows = {name: (np.broadcast_to(a, kept.shape) if a.ndim == 0 else a)[kept] for name, a in arrays.items()}
    if "cotangent" in rows:
        rows["cotangent"] = rows["cotangent"] / count
    found = function(x[kept], q[kept], *rows.values())
    answer = np.zeros((*kept.shape, *found.shape[1:]), found.dtype)
    answer[kept] = found
    return answer
