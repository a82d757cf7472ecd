"""tinygrad: Tensor.softmax, log_softmax, logsumexp and the losses of Tensor, differentiated by Tensor.gradient.

The functions are those of https://docs.tinygrad.org/tensor/ops/, their calls are spelled in `functions`. It
compiles every kernel at first use, on the CPU by clang, whatever the mode.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import CPU, Description, DeviceError
from logitproof_adapters.contract.device import absent
from logitproof_adapters.frameworks.tinygrad.compiler import cache_of, clang, knows_bfloat16
from logitproof_adapters.frameworks.tinygrad.dialect import documented
from logitproof_adapters.frameworks.tinygrad.expressions import ENTRIES, SPELLED, call, program
from logitproof_adapters.sources.source_adapter import SourceAdapter, literal, spelled_words
from logitproof_reference.vocabulary.formats import bfloat16, is_bfloat16, name_of_dtype

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell

VECTOR = 8
"""Numbers that a device is tried with, so many that tinygrad loads several at once, which LLVM 14 does not read."""


class TinygradAdapter(SourceAdapter):
    """Asks tinygrad on a device: what its variable DEV takes, such as ``cpu:llvm`` or ``cl``."""

    name = "tinygrad"
    dialects = documented()
    entries = ENTRIES
    spellings = MappingProxyType(spelled_words(SPELLED))
    zero_dimensions = ("softmax", "log_softmax", "log_sum_exp")
    one_dimension = ("softmax", "log_softmax", "log_sum_exp")
    imports = "import numpy as np\nfrom tinygrad import Tensor, TinyJit, dtypes"
    report = "print(str(result.numpy().dtype), result.tolist())"

    def __init__(self, device: str = CPU) -> None:
        self._compiler = clang()
        os.environ.setdefault("CACHEDB", cache_of(self._compiler))  # read when tinygrad is imported
        if device != CPU or "DEV" not in os.environ:
            os.environ["DEV"] = device.upper()  # likewise
        from tinygrad import Device, Tensor, TinyJit, dtypes  # noqa: PLC0415 - an adapter imports its framework here

        super().__init__(Tensor=Tensor, TinyJit=TinyJit, dtypes=dtypes)
        self._tensor, self._dtypes = Tensor, dtypes
        self.device = os.environ["DEV"].lower()
        self._is_there = bool(self._compiler) if self.device == CPU else self._opened(Device)
        if self.device != CPU or next(_available(Device), "CPU") != "CPU":
            self.imports = f'import os\nos.environ["DEV"] = "{self.device.upper()}"\n{self.imports}'
        self._knows_bfloat16 = bool(self._compiler) and knows_bfloat16()

    def _opened(self, devices: Any) -> bool:
        """Compute on the device.

        Raises
        ------
        DeviceError
            It is not there.
        """
        try:
            self._tensor([1.0] * VECTOR).exp().tolist()
        except Exception as error:
            there = [name.lower() for name in _available(devices)]
            why = next(iter(str(error).splitlines()), type(error).__name__)
            raise DeviceError(f"{absent('tinygrad', self.device, there)}: {why}") from error
        return True

    def describe(self) -> Description:
        """Return tinygrad's version, device and compiler."""
        return Description("tinygrad", version("tinygrad"), {"device": self.device, "compiler": self._compiler})

    def unsupported(self, cell: Cell) -> str | None:
        """Return why tinygrad has no such cell, or None."""
        stated = self.dialect(cell)
        refused = [word for word in cell.options.words if word.partition("=")[0] not in stated.takes]
        reasons = {
            "tinygrad has no forward mode": cell.quantity == "jvp",
            "Tensor.gradient came with tinygrad 0.10.1": (
                cell.quantity != "value" and not hasattr(self._tensor, "gradient")
            ),
            "tinygrad needs clang on the CPU; install it, or set CC to one": not self._is_there,
            f"{self._compiler} does not compute in __bf16; install a newer clang, or set CC to one": (
                cell.format == "bfloat16" and self.device == CPU and not self._knows_bfloat16
            ),
            f"{stated.function} takes no {', '.join(refused)}": bool(refused),
        }
        return super().unsupported(cell) or next((reason for reason, applies in reasons.items() if applies), None)

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        return program(cell, self.expression(cell, axis, ndim))

    def expression(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return the call that is judged."""
        return call(cell, axis, ndim)

    def tensor(self, array: NDArray[Any]) -> Any:
        """Return a realized tensor of the same numbers; NumPy's bfloat16 goes by its bits."""
        if is_bfloat16(array.dtype):
            return self._tensor(array.view(np.uint16)).bitcast(self._dtypes.bfloat16).realize()
        return self._tensor(array).realize()

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return an array of the tensor's format."""
        if tensor.dtype == self._dtypes.bfloat16:
            return np.asarray(tensor.bitcast(self._dtypes.uint16).numpy().view(bfloat16()))
        return np.asarray(tensor.numpy())

    def spelling(self, array: NDArray[Any]) -> str:
        """Spell the array as a tensor."""
        dtype = f"dtypes.{name_of_dtype(array.dtype)}"
        return f"Tensor(np.array({literal(array)}), dtype={dtype}).reshape({array.shape}).realize()"


def _available(devices: Any) -> Iterator[str]:
    """Return the devices that tinygrad finds; before 0.10 it does not tell."""
    return iter(devices.get_available_devices()) if hasattr(devices, "get_available_devices") else iter(())
