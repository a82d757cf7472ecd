"""The words of the matrix: op, quantity, mode, cell, and what a cell is asked with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OPS = ("softmax", "log_softmax", "log_sum_exp", "softmax_cross_entropy", "sigmoid_cross_entropy")
QUANTITIES = ("value", "grad_logits", "grad_labels", "jvp", "hvp")
MODES = ("eager", "compiled", "graph", "vmap")
LABELS = ("none", "indices", "distributions")
AXES = ("last", "first", "middle")
LAYOUTS = ("contiguous", "strided")

REDUCES_CLASSES = frozenset({"log_sum_exp", "softmax_cross_entropy"})
"""Ops whose value has no class axis."""


@dataclass(frozen=True, order=True)
class Cell:
    """One bulk question: adapter x mode x op x quantity x format x options.

    Attributes
    ----------
    adapter, mode, op, quantity, format : str
        The vocabulary above; `adapter` matches ``[a-z][a-z0-9_]*``.
    labels : str
        ``none``, ``indices`` (class indices) or ``distributions``.
    axis : str
        Where the class axis lies: ``last`` of two, ``first`` of two, or ``middle`` of three.
    layout : str
        ``contiguous``, or ``strided`` (every second element of a wider array).
    """

    adapter: str
    mode: str
    op: str
    quantity: str
    format: str
    labels: str = "none"
    axis: str = "last"
    layout: str = "contiguous"

    @property
    def id(self) -> str:
        """The stable name under which run files and ledgers know the cell.

        >>> Cell("torch", "eager", "softmax_cross_entropy", "grad_logits", "float32", "indices").id
        'torch-eager-softmax_cross_entropy-indices-grad_logits-float32'
        >>> Cell("jax", "compiled", "softmax", "value", "bfloat16", axis="first").id
        'jax-compiled-softmax-value-bfloat16-axis=first'
        """
        words = [self.adapter, self.mode, self.op, self.labels, self.quantity, self.format]
        if self.labels == "none":
            words.remove("none")
        if self.axis != "last":
            words.append(f"axis={self.axis}")
        if self.layout != "contiguous":
            words.append(f"layout={self.layout}")
        return "-".join(words)

    @property
    def has_class_axis(self) -> bool:
        """Whether the answer holds one number a class, not one a row."""
        return self.op not in REDUCES_CLASSES or self.quantity in {"grad_logits", "grad_labels", "hvp"}


@dataclass(frozen=True)
class Inputs:
    """What an adapter is handed for one evaluation: plain NumPy arrays in the cell's format.

    Attributes
    ----------
    logits : array of the cell's format, two or three axes
        The class axis is `axis`.
    axis : int
        Position of the class axis, never negative.
    labels : int64 array (logits' shape without the class axis), array of logits' shape and format, or None
        Class indices, distributions, or nothing.
    cotangent : array of the cell's format, the shape of the op's value, or None
        The upstream gradient, given when `quantity` is ``grad_logits`` or ``grad_labels``.
        The answer is the vector-Jacobian product, shaped like the logits (labels).
    """

    logits: NDArray[Any]
    axis: int
    labels: NDArray[Any] | None = None
    cotangent: NDArray[Any] | None = None

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays that are there, by name."""
        named = {"logits": self.logits, "labels": self.labels, "cotangent": self.cotangent}
        return {name: array for name, array in named.items() if array is not None}
