"""The common part of adapters and trainers whose framework takes and returns NumPy arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.sources.source_adapter import literal
from logitproof_reference.vocabulary.formats import BFLOAT16_BITS, name_of_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_BFLOAT16 = "NumPy has bfloat16 by ml_dtypes alone, not installed"


class NumpyArrays:
    """Puts NumPy arrays in place of tensors; it stands in front of `SourceAdapter` or `SourceTrainer`."""

    def tensor(self, array: NDArray[Any]) -> Any:
        """Return the array itself.

        Raises
        ------
        TypeError
            It is bfloat16, which NumPy does not have here.
        """
        if array.dtype == BFLOAT16_BITS:
            raise TypeError(NO_BFLOAT16)
        return array

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return the array itself, or as an array the NumPy scalar or Python number that came."""
        return np.asarray(tensor)

    def spelling(self, array: NDArray[Any]) -> str:
        """Spell the array as an array."""
        return f'np.array({literal(array)}, "{name_of_dtype(array.dtype)}").reshape({array.shape})'
