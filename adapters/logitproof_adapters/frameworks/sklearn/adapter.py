"""scikit-learn: sklearn.utils.extmath.softmax, and sklearn.metrics.log_loss of the probabilities that it makes.

log_loss takes probabilities, so what is judged holds the softmax in front of it, the one by which predict_proba of
LogisticRegression makes them. It clips them to [eps, 1 - eps], eps of their own format, and returns one Python float
(https://scikit-learn.org/stable/modules/generated/sklearn.metrics.log_loss.html). Class weights are those of the
samples' classes, given as sample_weight: by these the mean divides.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from logitproof_adapters.contract import Description
from logitproof_adapters.frameworks.sklearn.dialect import documented
from logitproof_adapters.sources.numpy_arrays import NumpyArrays
from logitproof_adapters.sources.source_adapter import SourceAdapter, arguments
from logitproof_adapters.sources.unsupported import NOT_ASKED
from logitproof_reference.vocabulary.cells import Options
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from logitproof_adapters.contract import Dialect
    from logitproof_reference.vocabulary.cells import Cell

REDUCED = {Options(reduction=word, weight=weight) for word in ("sum", "mean") for weight in (False, True)}


class SklearnAdapter(NumpyArrays, SourceAdapter):
    """Asks scikit-learn."""

    name = "sklearn"
    dialects = documented()
    modes = ("eager",)
    imports = "import numpy as np\nfrom sklearn.metrics import log_loss\nfrom sklearn.utils.extmath import softmax"
    report = "result = np.asarray(result)\nprint(result.dtype, result.tolist())"

    def __init__(self) -> None:
        import sklearn  # noqa: PLC0415 - an adapter imports its framework here and nowhere else
        from sklearn.metrics import log_loss  # noqa: PLC0415 - likewise
        from sklearn.utils.extmath import softmax  # noqa: PLC0415 - likewise

        super().__init__(np=np, log_loss=log_loss, softmax=softmax)
        self._version = sklearn.__version__

    def describe(self) -> Description:
        """Return the versions of scikit-learn and of NumPy, whose exp and log it calls."""
        return Description("scikit-learn", self._version, {"numpy": np.__version__})

    def unsupported(self, cell: Cell) -> str | None:
        """Return why scikit-learn has no such cell, or None."""
        reasons = {
            f"scikit-learn has no {cell.op}": cell.op not in {"softmax", "softmax_cross_entropy"},
            "scikit-learn does not differentiate": cell.quantity != "value",
            "log_loss takes class labels, not distributions": cell.labels == "distributions",
            "log_loss returns the sum or mean of the batch": cell.labels != "none" and cell.options not in REDUCED,
            "scikit-learn takes samples by classes, in this order": cell.axis != "last",
            f"{NOT_ASKED}scikit-learn documents no bfloat16; that of ml_dtypes is added in bfloat16": (
                cell.format == "bfloat16"
            ),
        }
        return super().unsupported(cell) or next((reason for reason, applies in reasons.items() if applies), None)

    def dialect(self, cell: Cell) -> Dialect:
        """Return what log_loss documents: it clips to the eps of the probabilities' own format."""
        return replace(super().dialect(cell), clip_probabilities=2 * FORMATS[cell.format].unit_roundoff)

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        del axis, ndim
        if cell.op == "softmax":
            return "f = lambda x: softmax(x)"
        normalize = "" if cell.options.reduction == "mean" else ", normalize=False"
        weights = ", sample_weight=w[y]" if cell.options.weight else ""
        call = f"log_loss(y, softmax(x), labels=np.arange(x.shape[1]){normalize}{weights})"
        return f"f = lambda {arguments(cell)}: {call}"
