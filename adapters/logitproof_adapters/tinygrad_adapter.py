"""tinygrad: Tensor.softmax, log_softmax, logsumexp and the losses of Tensor, differentiated by Tensor.gradient.

cross_entropy takes the classes at axis 1, sparse_categorical_crossentropy last (https://docs.tinygrad.org/tensor/ops/).
tinygrad compiles every kernel at first use, on the CPU by clang, whatever the mode; the compiled mode is TinyJit, whose
third call is the first that replays what the second recorded.
"""

from __future__ import annotations

import os
import shutil
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from logitproof_adapters.contract import Description
from logitproof_adapters.questions import SourceAdapter, arguments, literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.cells import Cell, Options

EXPRESSIONS = {
    "softmax": "x.softmax({axis})",
    "log_softmax": "x.log_softmax({axis})",
    "log_sum_exp": "x.logsumexp({axis})",
    "softmax_cross_entropy": "x{to_1}.cross_entropy(y{soft_to_1}, {options})",
    "sparse_categorical_crossentropy": "x{to_last}.sparse_categorical_crossentropy(y, {options})",
    "nll_loss": "x{to_1}.log_softmax(1).nll_loss(y, {options})",
    "sigmoid_cross_entropy": "x.binary_crossentropy_logits(y, {options})",
}

ANSWERS = {
    "value": "{expression}",
    "grad_logits": "{expression}.gradient(x, gradient=c)[0]",
    "grad_labels": "{expression}.gradient(y, gradient=c)[0]",
    "hvp": "{expression}.gradient(x, gradient=c)[0].gradient(x, gradient=v)[0]",
}

TAKEN = {
    "softmax_cross_entropy": {"reduction", "label_smoothing"},
    "sparse_categorical_crossentropy": {"reduction", "label_smoothing", "ignore_index"},
    "nll_loss": {"reduction", "weight", "ignore_index"},
    "sigmoid_cross_entropy": {"reduction", "pos_weight"},
}
"""Options by function."""


def spelled(options: Options) -> dict[str, str]:
    """Spell options as the arguments of a loss, by name."""
    given = {
        "reduction": repr(options.reduction),
        "weight": "w" if options.weight else "",
        "pos_weight": "pw" if options.pos_weight else "",
        "ignore_index": "" if options.ignore_index is None else str(options.ignore_index),
        "label_smoothing": str(options.label_smoothing or ""),
    }
    return {name: value for name, value in given.items() if value}


def function(cell: Cell) -> str:
    """Return the word of the function that `cell` asks: a key of `EXPRESSIONS`."""
    return cell.entry or cell.op


class TinygradAdapter(SourceAdapter):
    """Asks tinygrad on its default device."""

    name = "tinygrad"
    imports = "import numpy as np\nfrom tinygrad import Tensor, TinyJit, dtypes"
    report = "print(str(result.numpy().dtype), result.tolist())"
    entries = {  # noqa: RUF012 - never changed
        ("softmax_cross_entropy", "indices"): ("sparse_categorical_crossentropy", "nll_loss")
    }

    def __init__(self) -> None:
        from tinygrad import Device, Tensor, TinyJit, dtypes  # noqa: PLC0415 - an adapter imports its framework here

        super().__init__(Tensor=Tensor, TinyJit=TinyJit, dtypes=dtypes)
        self._tensor, self._dtypes = Tensor, dtypes
        self._compiler = os.environ.get("CC", "clang") if shutil.which(os.environ.get("CC", "clang")) else ""
        self._device = Device.DEFAULT if self._compiler or "DEV" in os.environ else ""

    def describe(self) -> Description:
        """Return tinygrad's version, device and compiler."""
        return Description("tinygrad", version("tinygrad"), {"device": self._device, "compiler": self._compiler})

    def unsupported(self, cell: Cell) -> str | None:
        """Return why tinygrad has no such cell, or None."""
        taken = TAKEN.get(function(cell), set())
        refused = [name for name in spelled(cell.options) if name not in taken and cell.labels != "none"]
        reasons = {
            "tinygrad needs clang on the CPU; install it, or set CC to one": not self._device,
            "tinygrad has no forward mode": cell.quantity == "jvp",
            f"{function(cell)} takes no {', '.join(refused)}": bool(refused),
        }
        return super().unsupported(cell) or next((reason for reason, applies in reasons.items() if applies), None)

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        letters = arguments(cell)
        to_1 = "" if axis == 1 else f".transpose({axis}, 1)"
        expression = EXPRESSIONS[function(cell)].format(
            axis=axis,
            to_1=to_1,
            soft_to_1=to_1 if cell.labels == "distributions" else "",
            to_last="" if axis == ndim - 1 else f".transpose({axis}, {ndim - 1})",
            options=", ".join(f"{name}={value}" for name, value in spelled(cell.options).items()),
        )
        answer = f"lambda {letters}: " + ANSWERS[cell.quantity].format(expression=expression)
        if cell.mode == "eager":
            return f"f = {answer}"
        return f"jitted = TinyJit({answer}.realize())\nf = lambda {letters}: [jitted({letters}) for _ in range(3)][-1]"

    def tensor(self, array: NDArray[Any]) -> Any:
        """Return a realized tensor of the same numbers; NumPy's bfloat16 goes by its bits."""
        if array.dtype == ml_dtypes.bfloat16:
            return self._tensor(array.view(np.uint16)).bitcast(self._dtypes.bfloat16).realize()
        return self._tensor(array).realize()

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return an array of the tensor's format."""
        if tensor.dtype == self._dtypes.bfloat16:
            return np.asarray(tensor.bitcast(self._dtypes.uint16).numpy().view(ml_dtypes.bfloat16))
        return np.asarray(tensor.numpy())

    def spelling(self, array: NDArray[Any]) -> str:
        """Spell the array as a tensor."""
        return f"Tensor(np.array({literal(array)}), dtype=dtypes.{array.dtype}).reshape({array.shape}).realize()"
