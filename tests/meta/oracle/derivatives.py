"""A small adapter with forward mode and second order in closed form, and faults for the laws of derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import Description

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs

    F64 = NDArray[np.float64]


def total(x: F64) -> F64:
    """Return the sum over the classes, kept as an axis."""
    summed: F64 = x.sum(axis=-1, keepdims=True)
    return summed


def probabilities(x: F64) -> F64:
    """Return the softmax."""
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponentials / total(exponentials)


def softmax_product(p: F64, v: F64) -> F64:
    """Return (diag(p) - p p^T) v: softmax's Jacobian, and log-sum-exp's Hessian, times v."""
    return p * (v - total(p * v))


class DerivativesAdapter:
    """Computes in float64 and rounds once.

    Parameters
    ----------
    forward : callable (p, v) -> jvp of softmax
        In place of the product with diag(p) - p p^T.
    second : callable (p, v) -> the Hessian of log-sum-exp times v
        Likewise.
    """

    name = "derivatives"
    modes = ("eager",)

    def __init__(
        self,
        forward: Callable[[F64, F64], F64] = softmax_product,
        second: Callable[[F64, F64], F64] = softmax_product,
    ) -> None:
        self.answers: dict[tuple[str, str], Callable[..., F64]] = {
            ("softmax", "jvp"): lambda p, _c, v: forward(p, v),
            ("softmax", "grad_logits"): lambda p, c, _v: softmax_product(p, c),
            ("log_sum_exp", "jvp"): lambda p, _c, v: total(forward(p, v) + p * total(p * v))[..., 0],
            ("log_sum_exp", "grad_logits"): lambda p, c, _v: c[:, None] * p,
            ("log_sum_exp", "hvp"): lambda p, c, v: c[:, None] * second(p, v),
        }

    def describe(self) -> Description:
        """Return what it is."""
        return Description("closed forms", "0")

    def unsupported(self, cell: Cell) -> str | None:
        """Return why a cell is not answered."""
        return None if (cell.op, cell.quantity) in self.answers else "not one of the derivatives"

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the closed form, rounded once."""
        arrays = (inputs.cotangent, inputs.tangent)
        with np.errstate(all="ignore"):
            c, v = (None if array is None else array.astype(np.float64) for array in arrays)
            answer = self.answers[cell.op, cell.quantity](probabilities(inputs.logits.astype(np.float64)), c, v)
            return answer.astype(inputs.logits.dtype)

    def repro(self, cell: Cell, inputs: Inputs) -> str:
        """Return a program that prints the answer."""
        return f"answer = {self.evaluate(cell, inputs).tolist()}  # {cell.id}\nprint('{cell.format}', answer)"
