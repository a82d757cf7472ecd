"""TensorFlow: tf.nn.softmax, log_softmax, both cross-entropies with logits, tf.reduce_logsumexp, by tf.GradientTape.

The losses are those of https://www.tensorflow.org/api_docs/python/tf/nn; the calls are spelled in
`functions`.
"""

from __future__ import annotations

import os
from inspect import signature
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import CPU, Description
from logitproof_adapters.contract.device import absent, first_is_unnumbered, indexed, parted
from logitproof_adapters.frameworks.tensorflow.dialect import documented
from logitproof_adapters.frameworks.tensorflow.expressions import (
    EXPRESSIONS,
    POSITIVE_WEIGHT,
    PROGRAMS,
    SPELLED,
    program,
)
from logitproof_adapters.sources.source_adapter import (
    SourceAdapter,
    behind_producer,
    literal,
    place_of_classes,
    spelled_words,
)
from logitproof_reference.vocabulary.cells import PLAIN, Options
from logitproof_reference.vocabulary.formats import is_bfloat16, name_of_dtype
from logitproof_reference.vocabulary.producers import PRODUCERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell


class TensorflowAdapter(SourceAdapter):
    """Asks TensorFlow on a device: a type and an index."""

    name = "tensorflow"
    dialects = documented()
    modes: tuple[str, ...] = tuple(PROGRAMS)
    producers = tuple(PRODUCERS)
    keeps_graph = True
    mixed_derivatives = True
    spellings: Mapping[str, tuple[str, ...]] = spelled_words(SPELLED)
    one_dimension: tuple[str, ...] = ("softmax", "log_softmax", "log_sum_exp", "softmax_cross_entropy")
    """sparse_softmax_cross_entropy_with_logits: logits "of shape [d_0, ..., d_{r-1}, num_classes]"."""
    imports = "import tensorflow as tf"
    operations = MappingProxyType({**SourceAdapter.operations, "total": "tf.reduce_sum"})
    report = 'print(result.dtype.name, result.numpy().astype("float64").tolist())'

    _has_jit_compile = True

    def __init__(self, device: str = CPU) -> None:
        # TensorFlow opens every GPU, and takes its memory: other frameworks may be judged there meanwhile.
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        import tensorflow as tf  # noqa: PLC0415 - an adapter imports its framework here and nowhere else

        super().__init__(tf=tf)
        self._tf = tf
        tf.get_logger().setLevel("ERROR")  # a new shape is a new trace, and TensorFlow warns of every fifth
        # Before TensorFlow 2.5 the argument had the other name.
        self._has_jit_compile = "jit_compile" in signature(tf.function).parameters
        self.place(device, self._line(device))

    def _line(self, device: str) -> str:
        """Return the line from which on a device is used; empty if it is used anyway.

        Raises
        ------
        DeviceError
            There is no such device.
        """
        others = {one.device_type for one in self._tf.config.list_physical_devices()} - {"CPU", "XLA_CPU"}
        if device == CPU and not others:
            return ""
        wanted = first_is_unnumbered(device.replace("cuda", "gpu"))
        there = indexed(one.device_type.lower() for one in self._tf.config.list_logical_devices())
        if wanted not in there:
            raise absent("TensorFlow", device, there)
        kind, index = parted(wanted)
        return f'scope = tf.device("/device:{kind.upper()}:{index}"); scope.__enter__()'

    def describe(self) -> Description:
        """Return TensorFlow's version, compiler, threads, device and whether its kernels are oneDNN's."""
        # Where the program sets no number, the variable does (TensorFlow's local_device.cc).
        default = os.environ.get("TF_NUM_INTRAOP_THREADS") or os.cpu_count()
        build = {
            "compiler": self._tf.version.COMPILER_VERSION,
            "threads": str(self._tf.config.threading.get_intra_op_parallelism_threads() or default),
            "onednn": "on" if self._uses_onednn() else "off",
            "device": self.device,
        }
        if self.device.startswith(("cuda", "gpu")):
            build["tf32"] = "on" if self._tf.config.experimental.tensor_float_32_execution_enabled() else "off"
            build["soft_placement"] = "on" if self._tf.config.get_soft_device_placement() else "off"
            physical = self._tf.config.list_physical_devices("GPU")[parted(self.device)[1]]
            details = self._tf.config.experimental.get_device_details(physical)
            build["device_name"] = str(details.get("device_name", "unknown"))
        return Description("TensorFlow", self._tf.__version__, build)

    @staticmethod
    def _uses_onednn() -> bool:
        # What TF_ENABLE_ONEDNN_OPTS says, else whether the CPU has VNNI, BF16 or AMX; no public function tells.
        try:
            from tensorflow.python.util import _pywrap_util_port as port  # noqa: PLC0415 - part of the framework
        except ImportError:  # before TensorFlow 2.5
            from tensorflow.python import _pywrap_util_port as port  # noqa: PLC0415 - likewise

        return bool(port.IsMklEnabled())

    def unsupported(self, cell: Cell) -> str | None:
        """Return why TensorFlow has no such cell, or None."""
        offered = cell.options in {PLAIN, Options(pos_weight=True)}
        reason = "tf.nn has no reduction, class weight, ignored index or label smoothing; tf.keras.losses has"
        return super().unsupported(cell) or (None if offered else reason)

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        text = program(cell, behind_producer(cell, self.expression(cell, *place_of_classes(cell, axis, ndim))))
        return text if self._has_jit_compile else text.replace("jit_compile", "experimental_compile")

    def expression(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return the call that is judged; an adapter of what is built on TensorFlow overrides this alone."""
        order = [*(other for other in range(ndim) if other != axis), axis]
        x_classes_last = "x" if axis == ndim - 1 else f"tf.transpose(x, {order})"
        spelled = SPELLED.get((cell.op, cell.entry)) or EXPRESSIONS[cell.op, cell.labels]
        plain = spelled.format(axis=axis, last=ndim - 1, x_classes_last=x_classes_last)
        return POSITIVE_WEIGHT if cell.options.pos_weight else plain

    def tensor(self, array: NDArray[Any]) -> Any:
        """Return a tensor that holds a copy of the array."""
        # Releases before 2.11 have a bfloat16 of their own for NumPy; later ones have that of ml_dtypes.
        own = array.view(self._tf.bfloat16.as_numpy_dtype) if is_bfloat16(array.dtype) else array
        return self._tf.constant(own)

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return an array of the tensor's format."""
        return np.asarray(tensor.numpy())

    def spelling(self, array: NDArray[Any]) -> str:
        """Spell the array as a tensor."""
        return f"tf.constant({literal(array)}, tf.{name_of_dtype(array.dtype)}, {array.shape})"
