"""What adapters and trainers have in common whose framework takes and returns NumPy arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.sources.source_adapter import literal

if TYPE_CHECKING:
    from numpy.typing import NDArray


class NumpyArrays:
    """Puts NumPy arrays in the place of tensors; it stands in front of `SourceAdapter` or `SourceTrainer`."""

    def tensor(self, array: NDArray[Any]) -> Any:
        """Return the array itself."""
        return array

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return the array itself, or as an array the NumPy scalar or Python number that came."""
        return np.asarray(tensor)

    def spelling(self, array: NDArray[Any]) -> str:
        """Spell the array as an array."""
        return f'np.array({literal(array)}, "{array.dtype}").reshape({array.shape})'
