"""NumPy: the control, the plain functions of `logitproof_adapters.control`. It must conform everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from logitproof_adapters.contract import Description
from logitproof_adapters.control import answers as control_answers
from logitproof_adapters.sources.numpy_arrays import NO_BFLOAT16, NumpyArrays
from logitproof_adapters.sources.numpy_build import simd_extensions
from logitproof_adapters.sources.source_adapter import SourceAdapter, arguments
from logitproof_reference.vocabulary.formats import bfloat16_is_bits
from logitproof_reference.vocabulary.ops import OPS
from logitproof_reference.vocabulary.producers import PRODUCERS

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.cells import Cell


class NumpyAdapter(NumpyArrays, SourceAdapter):
    """Asks the control."""

    name = "numpy"
    producers = tuple(PRODUCERS)
    modes = ("eager",)
    one_dimension = tuple(OPS)
    mixed_derivatives = True
    imports = ("" if bfloat16_is_bits() else "import ml_dtypes\n") + (
        "import numpy as np\nfrom logitproof_adapters.control import answers as control_answers"
    )
    report = 'print(result.dtype, result.astype("float64").tolist())'

    def __init__(self) -> None:
        super().__init__(control_answers=control_answers)

    def describe(self) -> Description:
        """Return NumPy's version and the SIMD extensions it uses."""
        return Description("NumPy (control)", np.__version__, {"simd": simd_extensions()})

    def unsupported(self, cell: Cell) -> str | None:
        """Return why NumPy has no such cell, or None."""
        lacks = cell.format == "bfloat16" and bfloat16_is_bits()
        return super().unsupported(cell) or (NO_BFLOAT16 if lacks else None)

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        del ndim
        names = {"x": "logits", "y": "labels", "c": "cotangent", "v": "tangent", "w": "weight", "pw": "pos_weight"}
        given = [f"{names[letter]}={letter}" for letter in arguments(cell).split(", ")]
        options = {"reduction": "none", "ignore_index": None, "label_smoothing": 0.0}
        asked = [f"{name}={value!r}" for name in options if (value := getattr(cell.options, name)) != options[name]]
        call = ", ".join([f'"{cell.op}"', f'"{cell.quantity}"', *given, f"axis={axis}", *asked])
        asking = f'behind_producer("{cell.producer}", ' if cell.producer else "answer("
        return f"f = lambda {arguments(cell)}: control_answers.{asking}{call})"
