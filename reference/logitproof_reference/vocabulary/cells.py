"""The words of the matrix: mode, layout, cell, and the inputs of a cell."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .ops import OPS, TAKES_COTANGENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

MODES = ("eager", "compiled", "graph", "vmap")
LABELS = ("none", "indices", "distributions")
AXES = ("last", "first", "middle")
LAYOUTS = ("contiguous", "strided")

SIGMOID = "sigmoid_cross_entropy"


@dataclass(frozen=True)
class Options:
    """Options of a loss besides logits and labels; the defaults are no options.

    Attributes
    ----------
    reduction : str
        ``none``, ``sum`` or ``mean``, as the framework documents it.
    weight : bool
        Whether `Inputs.weight` is given: a weight for each class.
    pos_weight : bool
        Whether `Inputs.pos_weight` is given: the weight of positive labels, for each class of a sigmoid loss.
    ignore_index : int or None
        The class index whose rows are ignored.
    label_smoothing : float
        The share of each label that is distributed over all classes.
    where : bool
        Whether `Inputs.mask` is given: the classes of each row that count.
    """

    reduction: str = "none"
    weight: bool = False
    pos_weight: bool = False
    ignore_index: int | None = None
    label_smoothing: float = 0.0
    where: bool = False

    @property
    def words(self) -> list[str]:
        """The options that are set, as a cell's id spells them."""
        spelled = {
            f"reduction={self.reduction}": self.reduction != "none",
            "weight": self.weight,
            "pos_weight": self.pos_weight,
            f"ignore_index={self.ignore_index}": self.ignore_index is not None,
            f"label_smoothing={self.label_smoothing}": self.label_smoothing != 0.0,
            "where": self.where,
        }
        return [word for word, is_set in spelled.items() if is_set]


PLAIN = Options()
"""No options at all."""


@dataclass(frozen=True)
class Cell:
    """One unit of the matrix: adapter x mode x op x quantity x format x options.

    Attributes
    ----------
    adapter, mode, op, quantity, format : str
        The vocabulary above; `adapter` matches ``[a-z][a-z0-9_]*``.
    labels : str
        ``none``, ``indices`` (class indices) or ``distributions``.
    axis : str
        Position of the class axis: ``last`` of two, ``first`` of two, or ``middle`` of three.
    layout : str
        ``contiguous``, or ``strided`` (every second element of a wider array).
    options : Options
        The options of the loss.
    entry : str
        Which of the framework's functions is called, if it has several for the op: a word of its adapter,
        e.g. ``functional``; empty for the usual one.
    producer : str
        What precedes the op and may be fused with it, a word of `producers.PRODUCERS`; empty for nothing.
    """

    adapter: str
    mode: str
    op: str
    quantity: str
    format: str
    labels: str = "none"
    axis: str = "last"
    layout: str = "contiguous"
    options: Options = PLAIN
    entry: str = ""
    producer: str = ""

    @property
    def id(self) -> str:
        """The stable name of the cell in run files and ledgers; it is looked up among cells, never parsed.

        >>> Cell("torch", "eager", "softmax_cross_entropy", "grad_logits", "float32", "indices").id
        'torch-eager-softmax_cross_entropy-indices-grad_logits-float32'
        >>> Cell("jax", "compiled", "softmax", "value", "bfloat16", axis="first").id
        'jax-compiled-softmax-value-bfloat16-axis=first'
        >>> options = Options(reduction="mean", weight=True, ignore_index=255)
        >>> Cell("torch", "eager", "softmax_cross_entropy", "value", "float32", "indices", options=options).id
        'torch-eager-softmax_cross_entropy-indices-value-float32-reduction=mean-weight-ignore_index=255'
        >>> Cell("torch", "eager", "softmax_cross_entropy", "value", "float32", "indices", entry="nll_loss").id
        'torch-eager-softmax_cross_entropy-indices-value-float32-entry=nll_loss'
        """
        return self._id

    @cached_property
    def _id(self) -> str:
        words = [self.adapter, self.mode, self.op, self.labels, self.quantity, self.format]
        if self.labels == "none":
            words.remove("none")
        if self.axis != "last":
            words.append(f"axis={self.axis}")
        if self.layout != "contiguous":
            words.append(f"layout={self.layout}")
        words += [f"{name}={word}" for name in ("entry", "producer") if (word := getattr(self, name))]
        return "-".join([*words, *self.options.words])

    @property
    def has_class_axis(self) -> bool:
        """Whether the answer holds one number per class, not one per row."""
        return OPS[self.op].has_class_axis(self.quantity)

    @property
    def is_scalar(self) -> bool:
        """Whether the answer is one number for the whole batch."""
        return self.options.reduction != "none" and self.quantity not in TAKES_COTANGENT


def cell_to_json(cell: Cell) -> dict[str, Any]:
    """Return the words of a cell."""
    return {**{field.name: getattr(cell, field.name) for field in fields(Cell)}, "options": vars(cell.options)}


def cell_from_json(words: Mapping[str, Any]) -> Cell:
    """Return the cell of these words."""
    return Cell(**{**words, "options": Options(**words["options"])})


@dataclass(frozen=True)
class Inputs:
    """The inputs of one evaluation: NumPy arrays in the cell's format.

    Attributes
    ----------
    logits : array of the cell's format, two or three axes
        The class axis is `axis`.
    axis : int
        Position of the class axis, never negative.
    labels : int64 array (logits' shape without the class axis), array of logits' shape and format, or None
        Class indices, distributions, or nothing.
    cotangent : array of the cell's format, the shape of the op's value, or None
        The upstream gradient, given when `quantity` is ``grad_logits``, ``grad_labels`` or ``hvp``.
        The answer is the vector-Jacobian product, shaped like the logits (labels).
    tangent : array of the cell's format and the logits' shape, or None
        The direction of the logits in a ``jvp``, or the vector that a ``hvp`` multiplies with the Hessian. For
        functions of `vocabulary.heads`, one direction per operand, along the first axis.
    weight, pos_weight : array of the cell's format, shape (classes,), or None
        As the cell's options say.
    mask : array of bool, the logits' shape, or None
        True for the classes that count, as the cell's options say.
    projection : array of the cell's format, shape (classes, width), or None
        The weight of a linear layer that is part of the op; then `logits` are the hidden states (rows, width).
    bias : array of the cell's format, shape (classes,), or None
        The bias of that layer, if any.
    factors : array of the cell's format, shape (rows, 1) or (classes,), or None
        The factors of the logits of that layer, if any.
    """

    logits: NDArray[Any]
    axis: int
    labels: NDArray[Any] | None = None
    cotangent: NDArray[Any] | None = None
    tangent: NDArray[Any] | None = None
    weight: NDArray[Any] | None = None
    pos_weight: NDArray[Any] | None = None
    mask: NDArray[Any] | None = None
    projection: NDArray[Any] | None = None
    bias: NDArray[Any] | None = None
    factors: NDArray[Any] | None = None

    @property
    def vector(self) -> NDArray[Any] | None:
        """The tangent, under the name that older adapters use."""
        return self.tangent

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays that are there, by name."""
        return {name: array for name, array in vars(self).items() if name != "axis" and array is not None}
