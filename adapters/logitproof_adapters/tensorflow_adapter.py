"""TensorFlow: tf.nn.softmax, log_softmax, both cross-entropies with logits, tf.reduce_logsumexp, by tf.GradientTape.

tf.nn.sparse_softmax_cross_entropy_with_logits takes the classes last
(https://www.tensorflow.org/api_docs/python/tf/nn/sparse_softmax_cross_entropy_with_logits); where they lie elsewhere,
tf.transpose brings them there. Mode ``compiled`` is tf.function(jit_compile=True) around the whole, tape included,
``graph`` the same without XLA, ``vmap`` tf.vectorized_map of the answer for one row.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import Description, Dialect
from logitproof_adapters.questions import SourceAdapter, arguments, behind_producer, literal
from logitproof_reference.cells import PLAIN, PRODUCERS, Options

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.cells import Cell

EXPRESSIONS = {
    ("softmax", "none"): "tf.nn.softmax(x, axis={axis})",
    ("log_softmax", "none"): "tf.nn.log_softmax(x, axis={axis})",
    ("log_sum_exp", "none"): "tf.reduce_logsumexp(x, axis={axis})",
    ("softmax_cross_entropy", "indices"): (
        "tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits={x_classes_last})"
    ),
    ("softmax_cross_entropy", "distributions"): (
        "tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=x, axis={axis})"
    ),
    ("sigmoid_cross_entropy", "distributions"): "tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=x)",
}

DOCUMENTATION = "https://www.tensorflow.org/api_docs/python/tf/nn/"

POSITIVE_WEIGHT = "tf.nn.weighted_cross_entropy_with_logits(labels=y, logits=x, pos_weight=pw)"

VALUE = """    return {expression}"""

GRADIENT = """    with tf.GradientTape() as tape:
        tape.watch({wanted})
        value = {expression}
    return tape.gradient(value, {wanted}, output_gradients=c)"""

FORWARD = """    with tf.autodiff.ForwardAccumulator(x, v) as forward:
        value = {expression}
    return forward.jvp(value)"""

SECOND = """    with tf.autodiff.ForwardAccumulator(x, v) as forward:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = {expression}
        gradient = tape.gradient(value, x, output_gradients=c)
    return forward.jvp(gradient)"""

ANSWERS = {
    "value": VALUE,
    "grad_logits": GRADIENT.replace("{wanted}", "x"),
    "grad_labels": GRADIENT.replace("{wanted}", "y"),
    "jvp": FORWARD,
    "hvp": SECOND,
}


DECORATORS = {
    "eager": "",
    "compiled": "@tf.function(jit_compile=True, autograph=False)\n",
    "graph": "@tf.function(autograph=False)\n",
    "vmap": "",
}
MAPPED = """def f({letters}):
    return tf.vectorized_map(lambda row: of_row(*row), ({letters},))"""


class TensorflowAdapter(SourceAdapter):
    """Asks TensorFlow on the CPU."""

    name = "tensorflow"
    modes: tuple[str, ...] = tuple(DECORATORS)
    producers = PRODUCERS
    imports = "import tensorflow as tf"
    report = 'print(result.dtype.name, result.numpy().astype("float64").tolist())'

    def __init__(self) -> None:
        import tensorflow as tf  # noqa: PLC0415 - an adapter imports its framework here and nowhere else

        super().__init__(tf=tf)
        self._tf = tf
        tf.get_logger().setLevel("ERROR")  # a new shape is a new trace, and TensorFlow warns of every fifth

    def describe(self) -> Description:
        """Return TensorFlow's version, compiler, threads and whether oneDNN was ruled out."""
        build = {
            "compiler": self._tf.version.COMPILER_VERSION,
            "threads": str(self._tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count()),
            "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
        }
        return Description("TensorFlow", self._tf.__version__, build)

    def unsupported(self, cell: Cell) -> str | None:
        """Return why TensorFlow has no such cell, or None."""
        offered = cell.options in {PLAIN, Options(pos_weight=True)}
        reason = "tf.nn has no reduction, class weight, ignored index or label smoothing; tf.keras.losses has"
        return super().unsupported(cell) or (None if offered else reason)

    def dialect(self, cell: Cell) -> Dialect:
        """Return what tf.nn documents: of labels that are no distribution, "the gradient will be incorrect"."""
        if cell.op == "sigmoid_cross_entropy":
            return Dialect(documentation=f"{DOCUMENTATION}sigmoid_cross_entropy_with_logits", reduction="none")
        if cell.labels == "distributions":
            return Dialect(
                documentation=f"{DOCUMENTATION}softmax_cross_entropy_with_logits",
                unnormalized_gradient="tensorflow",
                reduction="none",
                class_axis="any",
            )
        return Dialect(
            documentation=f"{DOCUMENTATION}sparse_softmax_cross_entropy_with_logits",
            reduction="none",
            class_axis="last",
            label_formats="int32, int64",
            out_of_range="raises on the CPU, NaN for loss and gradient on the GPU",
            ignored_index="none",
        )

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        is_mapped = cell.mode == "vmap"
        expression = behind_producer(cell, self.expression(cell, *((0, 1) if is_mapped else (axis, ndim))))
        body, letters = ANSWERS[cell.quantity].format(expression=expression), arguments(cell)
        program = f"{DECORATORS[cell.mode]}def {'of_row' if is_mapped else 'f'}({letters}):\n{body}"
        return f"{program}\n\n{MAPPED.format(letters=letters)}" if is_mapped else program

    def expression(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return the call that is judged; an adapter of what is built on TensorFlow overrides this alone."""
        order = [*(other for other in range(ndim) if other != axis), axis]
        x_classes_last = "x" if axis == ndim - 1 else f"tf.transpose(x, {order})"
        plain = EXPRESSIONS[cell.op, cell.labels].format(axis=axis, x_classes_last=x_classes_last)
        return POSITIVE_WEIGHT if cell.options.pos_weight else plain

    def tensor(self, array: NDArray[Any]) -> Any:
        """Return a tensor that holds a copy of the array."""
        return self._tf.constant(array)

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return an array of the tensor's format."""
        return np.asarray(tensor.numpy())

    def spelling(self, array: NDArray[Any]) -> str:
        """Spell the array as a tensor."""
        return f"tf.constant({literal(array)}, tf.{array.dtype}, {array.shape})"
