"""Adapters that tell where they compute, and one of a framework with devices and arithmetic of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import CPU, Description
from logitproof_adapters.contract.device import absent
from logitproof_adapters.frameworks.jax.adapter import JaxAdapter
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_adapters.frameworks.tensorflow.adapter import TensorflowAdapter
from logitproof_adapters.frameworks.tinygrad.adapter import TinygradAdapter
from logitproof_adapters.frameworks.torch.adapter import TorchAdapter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs

TINY = 2.0**-126


def _flushed(number: NDArray[Any]) -> NDArray[Any]:
    return np.where(abs(number) < TINY, np.float32(0), number)


class Accelerated(NumpyAdapter):
    """The control beside an accelerator, which flushes, divides by reciprocals and adds in float16."""

    name = "accelerated"

    def __init__(self, device: str = CPU) -> None:
        super().__init__()
        if device not in {CPU, "fast:1"}:
            raise absent("Accelerated", device, [CPU, "fast:1"])
        self.place(device, "" if device == CPU else 'computes_on = "fast:1"')

    def describe(self) -> Description:
        """Return the control's version and the device."""
        return Description("Accelerated", super().describe().version, {"device": self.device})

    def operate(self, name: str, *arrays: NDArray[Any]) -> NDArray[Any]:
        """Return what the device gives."""
        if self.device == CPU:
            return super().operate(name, *arrays)
        x, *others = map(_flushed, arrays) if name == "product" else arrays
        if name == "total":
            return np.add.accumulate(x, dtype=np.float16)[-1]
        return _flushed(x * others[0]) if name == "product" else x * (np.float32(1) / others[0])


class Breaks(Accelerated):
    """Beside an accelerator that answers nothing any more once a call has failed, as CUDA does."""

    broken = False

    def operate(self, name: str, *arrays: NDArray[Any]) -> NDArray[Any]:
        """Return what the device gives."""
        self._fail()
        return super().operate(name, *arrays)

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the control's answer, but for classes that lie first."""
        self.broken |= cell.axis == "first" and self.device != CPU
        self._fail()
        return super().evaluate(cell, inputs)

    def _fail(self) -> None:
        if self.broken:
            raise RuntimeError("device-side assert triggered")


class PlacedTorch(TorchAdapter):
    """PyTorch on a device whose memory is its own; what it asks changes its input."""

    def _moved(self, tensor: Any) -> Any:
        return tensor.clone()

    def expression(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return the call, behind one that changes its input."""
        return f"({super().expression(cell, axis, ndim)}, x.zero_())[0]"


class Placed(JaxAdapter):
    """JAX, answering where its result lies."""

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return the number of the device."""
        return np.array([one.id for one in tensor.devices()])


class PlacedTensorflow(TensorflowAdapter):
    """TensorFlow on a processor that it takes for two, answering where its result lies."""

    def __init__(self, device: str = CPU) -> None:
        import tensorflow as tf  # noqa: PLC0415 - as every adapter

        (processor,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
        super().__init__(device)

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return the number of the device."""
        return np.array([int(tensor.device.rpartition(":")[2])])


class PlacedTinygrad(TinygradAdapter):
    """tinygrad, answering by which compiler it computes."""

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return 1 for LLVM, 0 for another."""
        from tinygrad import Device  # noqa: PLC0415 - as every adapter

        tensor.realize()
        compiler = Device[tensor.device].renderer
        return np.array(["LLVM" in type(compiler).__name__], dtype=np.int64)
