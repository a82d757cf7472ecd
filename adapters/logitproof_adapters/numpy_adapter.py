"""NumPy: the control, the plain functions of `logitproof_adapters.control`. It must come out conforming everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters import control
from logitproof_adapters.contract import Description
from logitproof_adapters.questions import SourceAdapter, literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.cells import Cell


class NumpyAdapter(SourceAdapter):
    """Asks the control."""

    name = "numpy"
    modes = ("eager",)
    imports = "import ml_dtypes\nimport numpy as np\nfrom logitproof_adapters import control"
    report = 'result = f(x, y, c)\nprint(result.dtype, result.astype("float64").tolist())'

    def __init__(self) -> None:
        super().__init__(control=control)

    def describe(self) -> Description:
        """Return NumPy's version and the SIMD extensions it uses."""
        found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
        return Description("NumPy (control)", np.__version__, {"simd": " ".join(found)})

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f(x, y, c)``."""
        del ndim
        return f'f = lambda x, y, c: control.answer("{cell.op}", "{cell.quantity}", x, y, c, axis={axis})'

    def tensor(self, array: NDArray[Any]) -> Any:
        """Return the array itself."""
        return array

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return the array itself."""
        return np.asarray(tensor)

    def spelling(self, array: NDArray[Any]) -> str:
        """Spell the array as an array."""
        return f'np.array({literal(array)}, "{array.dtype}").reshape({array.shape})'
