"""The adapter of a kernel: of NumPy arrays, or of a framework's tensors, with the framework's differentiation."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_adapters.contract import CPU, Description, DeviceError
from logitproof_adapters.contract.device import made_for
from logitproof_adapters.kernels.head import head_kernel
from logitproof_adapters.kernels.kernel import EAGER, NUMPY
from logitproof_adapters.kernels.programs_of_jax import LaterCompiled, OneProgram
from logitproof_adapters.kernels.questions import KernelQuestions, imported
from logitproof_adapters.sources.numpy_arrays import NumpyArrays
from logitproof_adapters.sources.source_adapter import SourceAdapter, arguments
from logitproof_reference.vocabulary.heads import HEADS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_adapters.kernels.kernel import Kernel
    from logitproof_reference.vocabulary.cells import Cell, Inputs


class NumpyKernel(KernelQuestions, NumpyArrays, SourceAdapter):
    """Asks a function of NumPy arrays."""

    modes = ("eager",)
    report = 'print(result.dtype, result.astype("float64").tolist())'

    def __init__(self, kernel: Kernel) -> None:
        functions = {"kernel": kernel.function, "gradient": kernel.gradient, "backward": kernel.backward}
        super().__init__(np=np, **functions)
        self._kernel = kernel
        self.name = kernel.name
        given = [imported(function, name) for name, function in functions.items() if function is not None]
        self.imports = "\n".join(["import ml_dtypes", "import numpy as np", *given])

    def describe(self) -> Description:
        """Return the kernel's name and NumPy's version."""
        return Description(self._kernel.name, "0", {"numpy": np.__version__})

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the kernel's answer as it came; its results are judged, not NumPy's warnings."""
        with np.errstate(all="ignore"):
            return super().evaluate(cell, inputs)

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        asked = arguments(cell)
        if cell.quantity == "value":
            return f"f = lambda {asked}: {self.expression(cell, axis, ndim)}"
        if self._kernel.gradient is None:
            return super().source(cell, axis, ndim)
        given = [letter for letter in asked.split(", ") if letter not in {"w", "pw", "m"}]
        return f"f = lambda {asked}: {self._call('gradient', given, self._kernel.gradient)}"


def adapter_of(kernel: Kernel, device: str = CPU) -> Any:
    """Return the adapter that asks a kernel, of tensors on a device.

    Raises
    ------
    DeviceError
        There is no such device, or nothing can be put there.
    ImportError
        The kernel's framework is not installed.
    ValueError
        Its adapter does not ask by source, so that there is no place for a kernel.
    """
    if kernel.op in HEADS:
        return head_kernel(kernel, device)
    if kernel.framework == NUMPY:
        if device != CPU:
            raise DeviceError(f'device "{device}": arrays of NumPy lie on the CPU; name the framework of its tensors')
        return NumpyKernel(kernel)
    module, _, name = FRAMEWORKS[kernel.framework].adapter_spec.partition(":")
    base = getattr(import_module(module), name)
    if not issubclass(base, SourceAdapter) or not hasattr(base, "expression"):
        reason = f"{kernel.framework} has no tensors that a kernel could take; name the framework of its tensors"
        raise ValueError(reason)
    return _on(base, kernel, device)


def _on(base: type[SourceAdapter], kernel: Kernel, device: str) -> SourceAdapter:
    """Return the framework's adapter with the kernel in place of its own functions."""
    if kernel.mode not in base.modes:
        raise ValueError(f'mode "{kernel.mode}" is none of {kernel.framework}; it has {", ".join(base.modes)}')
    functions = {"kernel": kernel.function, "backward": kernel.backward}
    common: type[KernelQuestions] = KernelQuestions
    if kernel.framework == "jax" and kernel.mode == EAGER and kernel.backward is None:
        common = OneProgram if hasattr(kernel.function, "lower") else LaterCompiled
    asking = made_for(type("FrameworkKernel", (common, base), {"modes": (kernel.mode,), "_apart": {}}), device)
    asking._kernel = kernel  # noqa: SLF001  the class was made here
    asking._namespace.update({"np": np, **functions})  # noqa: SLF001  likewise
    asking.name = kernel.name
    given = [imported(function, name) for name, function in functions.items() if function is not None]
    asking.imports = "\n".join([asking.imports, *given])
    adapter: SourceAdapter = asking
    return adapter
