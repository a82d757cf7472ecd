"""Inputs that a framework must refuse or answer with NaN: what is wrong with each, and the clause."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.cells import PLAIN, Options
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs

LOSS = "softmax_cross_entropy"
ANY_LABELS = ("indices", "distributions")

BAD_LABELS: dict[str, Callable[[int], int]] = {
    "label_minus_1": lambda classes: -1,  # noqa: ARG005 - a table's entries share one signature
    "label_n": lambda classes: classes,
    "label_2n_plus_7": lambda classes: 2 * classes + 7,
    "label_past_int32": lambda classes: 2**31 + 5,  # noqa: ARG005 - as above
    "label_minus_100": lambda classes: -100,  # noqa: ARG005 - as above
}
"""ERR-1: labels out of range by class count. Past int32 lies one that a narrower format wraps to 5 - 2^31, or to 5."""

LABEL_FORMATS = {f"labels_in_{name}": name for name in ("int8", "int16", "int32", "uint8")}
"""IO-6: formats of class indices besides int64."""

DISTRIBUTION_FORMATS = {f"distributions_in_{name}": name for name in FORMATS}
"""IO-6: formats of distributions besides the logits' own."""

WEIGHT_FORMATS = {f"weight_in_{name}": name for name in FORMATS}
"""IO-6: formats of class weights besides the logits' own."""

NARROW_IGNORED = "narrow_ignored_labels"
NARROW_FORMATS = {255: "uint8", 0: "uint8", -1: "int8", -100: "int8"}
"""IO-6: the narrowest format that holds an ignored index, and the class indices beside it."""

NO_CLASSES = "no_classes"
"""ERR-4: rows of zero classes."""


@dataclass(frozen=True)
class InvalidArgument:
    """An argument of a wrong shape or kind, among others that are right.

    Attributes
    ----------
    clause : str
        The clause that says it must be refused.
    labels : tuple of str
        The kinds of labels it is asked with.
    argument : str
        The argument that is wrong; empty where the options are.
    spoil : callable
        Makes the right array the wrong one.
    options : Options
        What the loss is asked with besides.
    broadcasts : bool
        Whether NumPy's rules would stretch the array to the right shape.
    floats : bool
        Whether the numbers are right, in a floating-point format.
    """

    clause: str
    labels: tuple[str, ...]
    argument: str = "labels"
    spoil: Callable[[NDArray[Any]], NDArray[Any]] = np.asarray
    options: Options = PLAIN
    broadcasts: bool = False
    floats: bool = False

    def inputs(self, right: Inputs) -> Inputs:
        """Return the inputs with this argument spoiled."""
        if not self.argument:
            return right
        spoiled: dict[str, Any] = {self.argument: self.spoil(getattr(right, self.argument))}
        return replace(right, **spoiled)


def _one_short(array: NDArray[Any]) -> NDArray[Any]:
    return array[:-1].copy()


def _one_over(array: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([array, array[-1:]])


def _first_alone(array: NDArray[Any]) -> NDArray[Any]:
    return array[:1].copy()


WEIGHTED = Options(weight=True)

INVALID_ARGUMENTS = {
    "labels_one_short": InvalidArgument("ERR-2", ANY_LABELS, spoil=_one_short),
    "labels_one_over": InvalidArgument("ERR-2", ANY_LABELS, spoil=_one_over),
    "one_label_for_all": InvalidArgument("ERR-2", ANY_LABELS, spoil=_first_alone, broadcasts=True),
    "classes_one_short": InvalidArgument("ERR-2", ("distributions",), spoil=lambda labels: labels[:, :-1].copy()),
    "one_class_for_all": InvalidArgument(
        "ERR-2", ("distributions",), spoil=lambda labels: labels[:, :1].copy(), broadcasts=True
    ),
    "weight_one_short": InvalidArgument("ERR-2", ANY_LABELS, "weight", _one_short, WEIGHTED),
    "one_weight_for_all": InvalidArgument("ERR-2", ANY_LABELS, "weight", _first_alone, WEIGHTED),
    "floating_indices": InvalidArgument(
        "ERR-3", ("indices",), spoil=lambda labels: labels.astype(np.float32), floats=True
    ),
    "smoothing_past_1": InvalidArgument("ERR-3", ANY_LABELS, "", options=Options(label_smoothing=1.5)),
    "smoothing_below_0": InvalidArgument("ERR-3", ANY_LABELS, "", options=Options(label_smoothing=-0.125)),
    "unknown_reduction": InvalidArgument("ERR-3", ANY_LABELS, "", options=Options(reduction="average")),
}
"""ERR-2, ERR-3: shapes that do not match, indices that are no integers, options that do not exist."""

BAD_INPUTS = (*INVALID_ARGUMENTS, *LABEL_FORMATS, *DISTRIBUTION_FORMATS, NO_CLASSES, *BAD_LABELS)
"""All checks of this chapter, by name; last what is most likely to end the process, for the rest of a cell is lost."""


def takes(name: str, cell: Cell) -> bool:
    """Return whether a bad input makes sense for a cell: losses and their gradients; no classes, for every op.

    Labels out of range are asked in eager mode alone: a compiled guard may end the process, so that the check of MOD-3
    asks it in a process of its own.
    """
    if cell.quantity not in {"value", "grad_logits"} or OPS[cell.op].elementwise:
        return False
    if name == NO_CLASSES:
        return True
    if name in INVALID_ARGUMENTS:
        return cell.op == LOSS and cell.labels in INVALID_ARGUMENTS[name].labels
    if name in DISTRIBUTION_FORMATS:
        # Of values alone: the cotangent of a gradient would have to be in the format of the loss.
        asked = (cell.mode, cell.labels, cell.quantity) == ("eager", "distributions", "value")
        return asked and cell.format != DISTRIBUTION_FORMATS[name]
    return cell.op == LOSS and cell.labels == "indices" and (cell.mode == "eager" or name not in BAD_LABELS)
