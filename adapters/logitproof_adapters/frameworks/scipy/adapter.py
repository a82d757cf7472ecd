"""SciPy: scipy.special.softmax, log_softmax and logsumexp (https://docs.scipy.org/doc/scipy/reference/special.html).

All three take an axis and keep the format of a NumPy array. SciPy has no cross-entropy and differentiates nothing.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from logitproof_adapters.contract import Description
from logitproof_adapters.sources.numpy_arrays import NumpyArrays
from logitproof_adapters.sources.numpy_build import simd_extensions
from logitproof_adapters.sources.source_adapter import SourceAdapter, spelled_words
from logitproof_adapters.sources.unsupported import NOT_ASKED

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.cells import Cell

EXPRESSIONS = {
    ("softmax", ""): "scipy.special.softmax(x, axis={axis})",
    ("log_softmax", ""): "scipy.special.log_softmax(x, axis={axis})",
    ("log_sum_exp", ""): "scipy.special.logsumexp(x, axis={axis})",
    ("log_sum_exp", "weights"): "scipy.special.logsumexp(x, axis={axis}, b=np.ones_like(x))",
    ("log_sum_exp", "return_sign"): (
        "(lambda value, sign: np.where(sign >= 0, value, np.nan))"
        "(*scipy.special.logsumexp(x, axis={axis}, return_sign=True))"
    ),
}
"""Calls by op and entry. Entry ``weights`` has factors b of 1; the sign of a sum of exponentials is 1, of none 0."""


SPELLED = {
    ("softmax", "two_class_axes"): "scipy.special.softmax(x, axis=({axis}, {last}))",
    ("log_softmax", "two_class_axes"): "scipy.special.log_softmax(x, axis=({axis}, {last}))",
    ("log_sum_exp", "two_class_axes"): "scipy.special.logsumexp(x, axis=({axis}, {last}))",
    ("log_sum_exp", "kept_axis"): "scipy.special.logsumexp(x, axis={axis}, keepdims=True)",
    **{
        (op, "every_axis"): f"scipy.special.{name}(x)"
        for op, name in (("softmax", "softmax"), ("log_softmax", "log_softmax"), ("log_sum_exp", "logsumexp"))
    },
}
"""Further calls by op and word of `Adapter.spellings`."""


class ScipyAdapter(NumpyArrays, SourceAdapter):
    """Asks SciPy."""

    name = "scipy"
    modes = ("eager",)
    entries = MappingProxyType({("log_sum_exp", "none"): ("weights", "return_sign")})
    spellings = MappingProxyType(spelled_words(SPELLED))
    zero_dimensions = ("log_sum_exp",)  # "a: array_like", by default over all of it
    one_dimension = ("softmax", "log_softmax", "log_sum_exp")  # "x: array_like"
    imports = "import numpy as np\nimport scipy.special"
    report = "print(result.dtype, result.tolist())"

    def __init__(self) -> None:
        import scipy.special  # noqa: PLC0415 - an adapter imports its framework here and nowhere else

        super().__init__(np=np, scipy=scipy)
        self._scipy = scipy

    def describe(self) -> Description:
        """Return the versions of SciPy and of NumPy, whose exp and log it calls, and the SIMD extensions found."""
        return Description("SciPy", self._scipy.__version__, {"numpy": np.__version__, "simd": simd_extensions()})

    def unsupported(self, cell: Cell) -> str | None:
        """Return why SciPy has no such cell, or None."""
        reasons = {
            f"scipy.special has no {cell.op}": (cell.op, "") not in EXPRESSIONS,
            "SciPy does not differentiate": cell.quantity != "value",
            f"{NOT_ASKED}SciPy documents no bfloat16; that of ml_dtypes is added in bfloat16": cell.format
            == "bfloat16",
        }
        return super().unsupported(cell) or next((reason for reason, applies in reasons.items() if applies), None)

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        spelled = SPELLED.get((cell.op, cell.entry)) or EXPRESSIONS[cell.op, cell.entry]
        return f"f = lambda x: {spelled.format(axis=axis if ndim else None, last=ndim - 1)}"
