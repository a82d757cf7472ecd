"""Calls beside the matrix, by what reports of bugs had in common that no cell has; each has one right answer.

Labels that are numbers of Python, integers or booleans; logits that are integers; classes along several axes, axes by
other names; masks, autocast, compiled constants; losses that are built on the ops. The module travels to targets.
"""

from __future__ import annotations

import math

from logitproof_adapters.catalogue.extra_calls.call import (
    DISTRIBUTIONS,
    INDICES,
    LOG_SOFTMAX,
    LOG_SUM_EXP,
    SIGMOID,
    SOFTMAX,
    ExtraCall,
    calls,
)

_LAST = 1.0 / (1.0 + math.exp(-1.0))
"""Softmax of the larger of two logits that are 1 apart, and the sigmoid of 1."""
_LAST_BY_2 = 1.0 / (1.0 + math.exp(-2.0))
"""Softmax of the larger of two logits that are 2 apart."""
_LOSS = math.log1p(math.exp(-1.0))
"""Loss of the label with that probability."""
_OTHER = _LOSS + 1.0
"""Loss of the other label."""
_OF_2 = math.log1p(math.e)
"""Log-sum-exp of 0 and 1."""
_LIKELY, _UNLIKELY = -math.log(0.75), -math.log(0.25)
_SMOOTHED = 0.75 * _LIKELY + 0.25 * _UNLIKELY
"""Binary loss of the probability 3/4 with the label 1 smoothed by a half."""
_SMOOTHED_LOGITS = 0.75 * _LOSS + 0.25 * _OTHER
"""Loss of the logits 0, 1 with the second label smoothed by a half."""
_EVEN = 0.5 * (_LOSS + _OTHER)
_LOG_2, _LOG_3 = math.log(2.0), math.log(3.0)
_COLUMNS = 0.5 * (_LOG_2 + 3.0 * _LOSS)
"""Mean binary loss of the logits 0, 1 with labels 0, 1, a label of 1 in the second column by a factor of 3."""
_CURVED = _LAST * (1.0 - _LAST) * (1.0 - 2.0 * _LAST)
"""Second derivative of the sigmoid at 1."""
_DIVERGENCE = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
"""Kullback-Leibler divergence of (1/4, 3/4) from (1/2, 1/2)."""
_Z_LOSS = _LOSS + 0.5 * _OF_2**2
"""Loss of the label with the larger logit, and half the square of the log-sum-exp."""

_TORCH = """\
import torch
import torch.nn.functional as F
from torch import inf

X = torch.tensor([0.0, 1.0])
ROWS = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
KEPT = torch.tensor([True, True, False])


def slope(function, *numbers):
    x = torch.tensor(numbers, requires_grad=True)
    function(x).backward()
    return x.grad


def under_autocast():
    with torch.autocast("cpu"):
        return F.cross_entropy(ROWS, torch.tensor([1, 1]))


def nans_of_constants():
    # https://github.com/pytorch/pytorch/issues/188225
    def constants():
        ones = torch.ones(2, 2)
        return torch.softmax(torch.arccosh(torch.log2(torch.atan2(ones, ones))), 1)

    return torch.compile(constants)().isnan().sum()


def beside_its_logits():
    # https://github.com/pytorch/pytorch/issues/163932
    def shares(x, scale):
        y = x.sin() * scale
        return y, torch.softmax(y, 0)

    torch.manual_seed(0)
    return torch.compile(shares)(torch.randn(25, 2).t()[0], torch.tensor([1e14]))[1].sum()


def of_any_shape():
    # https://github.com/pytorch/pytorch/issues/182399
    def loss(logits, labels, weight):
        return F.cross_entropy(logits, labels, weight=weight)

    return torch.compile(loss, dynamic=True)(ROWS, torch.tensor([[0.0, 1.0], [0.0, 1.0]]), torch.tensor([3.0, 2.0]))


def mapped():
    # https://github.com/pytorch/pytorch/issues/105736
    return torch.vmap(F.cross_entropy)(ROWS, torch.tensor([-1, 1]), ignore_index=-1)[1]


def cumulated(x):
    return torch.logcumsumexp(x, 0)[1]


def merged(x):
    return torch.logaddexp(x[0], x[1])


def slope_of_alignments():
    # https://github.com/pytorch/pytorch/issues/127608
    logs = torch.full((2, 1, 3), 1 / 3).log().requires_grad_()
    F.ctc_loss(logs, torch.ones(1, 1, dtype=torch.int64), (2,), (1,), reduction="sum").backward()
    return logs.grad[0, 0, 1]


def traced():
    return torch.jit.trace(torch.nn.LogSoftmax(0), X)(X)[1]


SECOND = torch.tensor([1, 7, 1, 7])[::2]
"""

_JAX = """\
import jax
import jax.numpy as jnp
from jax.numpy import inf

X = jnp.array([0.0, 1.0])
ROWS = jnp.array([[0.0, 1.0], [2.0, 4.0]])
KEPT = jnp.array([True, True, False])
MASKED = jnp.array([0.0, 1.0, 1e4])


def slopes(function, *numbers, **options):
    return jax.grad(function)(jnp.array(numbers), **options)


def first_of_rows(x, axis):
    return jax.nn.softmax(x, axis=axis)[0, 0]


def last(x):
    return jax.nn.softmax(x)[1]


def merged(x):
    return jnp.logaddexp(x[0], x[1])


def kept(x):
    return jax.nn.softmax(x, where=KEPT)[1]


def log_kept(x):
    return jax.nn.log_softmax(x, where=KEPT)[1]


def with_factors(x):
    return jax.nn.logsumexp(x, b=jnp.array([1.0, 0.0]))


def by_columns(x):
    return jax.vmap(jax.nn.softmax, in_axes=1, out_axes=1)(x)


def scanned(x):
    return jax.lax.scan(lambda carry, row: (carry, jax.nn.log_softmax(row)), 0.0, x)[1]


def several_axes_with_factors():
    return jax.nn.logsumexp(jnp.zeros((2, 2)), axis=(0, 1), b=jnp.array([1.0, 2.0]))


def integers(*numbers):
    return jnp.array(numbers)
"""

_OPTAX = """\
import jax
import jax.numpy as jnp
import optax

X = jnp.array([0.0, 1.0])
ROWS = jnp.array([[0.0, 1.0], [0.0, 1.0]])


def fenchel_young():
    return optax.losses.make_fenchel_young_loss(jax.nn.logsumexp)(X, jnp.array([0.0, 1.0]))


def focal(logit, label):
    return optax.sigmoid_focal_loss(logit, label, gamma=2.0)


def slope(label):
    return jax.grad(optax.sigmoid_binary_cross_entropy)(jnp.array(0.0), label)
"""

_KERAS = """\
import keras
from numpy import array, full, ones, zeros

LOSSES = keras.losses
X = array([[0.0, 1.0]], dtype="float32")
SECOND = array([[0, 1]])


def masked_softmax():
    given = array([[0.0, 1.0, 1e4]], dtype="float32")
    return keras.layers.Softmax()(given, mask=array([[True, True, False]]))


def number(tensor):
    here = keras.ops.convert_to_numpy(tensor) if hasattr(keras, "ops") else array(tensor)
    return float(here.reshape(-1)[-1])
"""

_TENSORFLOW = """\
import tensorflow as tf
from numpy import ones

LOSSES = tf.compat.v1.losses
X = tf.constant([[0.0, 1.0]])


def likely(format):
    return tf.fill([5], tf.constant(0.75, format))


def smoothed(format):
    # https://github.com/keras-team/keras/issues/15341
    return tf.keras.losses.binary_crossentropy(ones(5), likely(format), label_smoothing=0.5)


def of_a_high_class():
    # https://github.com/tensorflow/tensorflow/issues/50964
    logits = tf.cast(11.0 * tf.one_hot([2049], 2051), tf.float16)
    return tf.keras.losses.sparse_categorical_crossentropy(tf.constant([2049]), logits, from_logits=True)[0] < 0.25


def survives():
    # https://github.com/tensorflow/tensorflow/issues/67531
    try:
        tf.raw_ops.SoftmaxCrossEntropyWithLogits(features=tf.zeros((3, 0)), labels=tf.zeros(0))
    except Exception:
        pass  # a refusal is as good as an answer
    return 1.0


def sparse_softmax():
    return tf.sparse.to_dense(tf.sparse.softmax(tf.sparse.from_dense([[1.0, 2.0, 0.0]])))


def ragged_softmax():
    return tf.nn.softmax(tf.ragged.constant([[0.0, 1.0], [5.0]]))


def slope(function, number):
    x = tf.constant(number)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    return tape.gradient(value, x)


def alignments():
    lengths = tf.constant([1]), tf.constant([2])
    return tf.nn.ctc_loss(tf.constant([[1]]), tf.zeros((2, 1, 3)), *lengths, blank_index=0)[0]
"""

_MLX = """\
import mlx.core as mx
import mlx.nn as nn

X = mx.array([[0.0, 1.0]])
ROWS = mx.array([[0.0, 1.0], [0.0, 1.0]])
LOSSES = nn.losses


def pushed(keepdims):
    def function(x):
        return mx.logsumexp(x, axis=-1, keepdims=keepdims)

    return mx.jvp(function, [ROWS], [mx.array([[0.0, 1.0], [0.0, 0.0]])])[1][0].reshape(-1)[0].item()


def merged(x):
    return mx.logaddexp(x[0], x[1])


def slope(function, *numbers):
    return mx.grad(function)(mx.array(numbers))[0].item()


def by_columns():
    return mx.vmap(mx.softmax, in_axes=1, out_axes=1)(mx.array([[0.0, 5.0], [2.0, 5.0]]))[1, 0].item()


def cumulated(x):
    return mx.logcumsumexp(x)[1]
"""

_PADDLE = """\
import paddle
import paddle.nn.functional as F

X = paddle.to_tensor([[0.0, 1.0]])
ROWS = paddle.to_tensor([[0.0, 1.0], [0.0, 1.0]])


def slope(function, *numbers):
    x = paddle.to_tensor(numbers, stop_gradient=False)
    function(x).backward()
    return x.grad[0]


def summed(x):
    return paddle.logsumexp(x)
"""

_TINYGRAD = """\
from tinygrad import Tensor, dtypes

X = Tensor([[0.0, 1.0]])
ROWS = Tensor([[0.0, 1.0], [0.0, 1.0]])


def slope(function, *numbers):
    x = Tensor(numbers)
    return function(x).gradient(x)[0][0].item()
"""

_SCIPY = """\
import numpy as np
from scipy import special, stats
from scipy.special import log_softmax, logsumexp, softmax

ROWS = np.array([[0.0, 1.0], [2.0, 4.0]])


def infinite_and_left_out():
    return logsumexp([np.inf, 1.0], b=[0.0, 1.0])


def distance_is_no_number():
    # https://github.com/scipy/scipy/issues/20083
    from scipy.spatial.distance import jensenshannon

    near = np.float32([0.027501475, 0.055202297]), np.float32([0.027537677, 0.055334348])
    return np.isnan(jensenshannon(*near))
"""

_SKLEARN = """\
import numpy as np


def half_binomial():
    from sklearn._loss.loss import HalfBinomialLoss

    return HalfBinomialLoss()


def slope(label, logit):
    # https://github.com/scikit-learn/scikit-learn/issues/28046
    return half_binomial().gradient(np.array([label]), np.array([logit]))[0]


def curvature(label, logit):
    return half_binomial().gradient_hessian(np.array([label]), np.array([logit]))[1][0]


def loss(label, logit):
    return half_binomial().loss(np.array([label]), np.array([logit]))[0]


def loss_of_class(label, *logits):
    from sklearn._loss.loss import HalfMultinomialLoss

    return HalfMultinomialLoss(n_classes=len(logits)).loss(np.array([float(label)]), np.array([logits]))[0]


def first_training_score():
    # https://github.com/scikit-learn/scikit-learn/pull/17694
    from sklearn.ensemble import GradientBoostingClassifier

    return GradientBoostingClassifier(n_estimators=1).fit(np.ones((3, 1)), [0, 1, 2]).train_score_[0]
"""

_LIGER = """\
import os

import torch
from liger_kernel.transformers import LigerCrossEntropyLoss

# Without a GPU: TRITON_INTERPRET=1 in the environment.
DEVICE = "cpu" if os.environ.get("TRITON_INTERPRET") == "1" else "cuda"


def loss(**options):
    with torch.device(DEVICE):
        return LigerCrossEntropyLoss(**options)(torch.tensor([[0.0, 1.0]]), torch.tensor([1]))
"""

_ONNX = """\
import sys

import numpy as np
from onnx import TensorProto, helper

ROWS = np.array([[0.0, 1.0], [0.0, 2.0]], dtype=np.float32)


def model_of(op, opset, arrays, attributes):
    given = [f"x{place}" for place in range(len(arrays))]
    kinds = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "int64": TensorProto.INT64}
    inputs = [
        helper.make_tensor_value_info(name, kinds[array.dtype.name], array.shape) for name, array in zip(given, arrays)
    ]
    output = helper.make_tensor_value_info("y", kinds[arrays[0].dtype.name], None)
    graph = helper.make_graph([helper.make_node(op, given, ["y"], **attributes)], "one_node", inputs, [output])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def run(op, *arrays, opset=18, **attributes):
    model = model_of(op, opset, arrays, attributes)
    fed = {f"x{place}": array for place, array in enumerate(arrays)}
    if "onnxruntime" in sys.modules:
        import onnxruntime

        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return np.asarray(session.run(None, fed)[0])
    if "openvino" in sys.modules:
        import openvino

        compiled = openvino.Core().compile_model(openvino.Core().read_model(model.SerializeToString()), "CPU")
        return np.asarray(compiled(fed)[0])
    from onnx.reference import ReferenceEvaluator

    return np.asarray(ReferenceEvaluator(model).run(None, fed)[0])


def log_sum_exp(*axes, array=ROWS, **attributes):
    return run("ReduceLogSumExp", array, np.array(axes, dtype=np.int64), **attributes)


def softmax(array=ROWS, **attributes):
    return run("Softmax", array, **attributes)


def softplus(array):
    return run("Softplus", array)


def log_softmax(array=ROWS, **attributes):
    return run("LogSoftmax", array, **attributes)
"""

OF_REPORTS: tuple[ExtraCall, ...] = (
    *calls(
        "torch",
        "float32",
        _TORCH,
        (
            ("two_maps", SOFTMAX, "torch.nn.Softmax2d()(X.reshape(1, 2, 1, 1))[0, 1, 0, 0]", _LAST),
            (
                "left_out_by_a_mask",
                SOFTMAX,
                "torch.masked.softmax(torch.tensor([0.0, 1.0, 1e4]), 0, mask=KEPT)[1]",
                _LAST,
            ),
            ("sparse_logits", SOFTMAX, "torch.sparse.softmax(torch.tensor([[1.0, 2.0]]).to_sparse(), 1)[0, 1]", _LAST),
            ("drowned_noise", SOFTMAX, "F.gumbel_softmax(torch.tensor([0.0, 1e4]), hard=True)[1]", 1.0),
            ("traced", LOG_SOFTMAX, "traced()", -_LOSS),
            ("compiled_constants", SOFTMAX, "nans_of_constants()", 4.0),
            ("compiled_beside_its_logits", SOFTMAX, "beside_its_logits()", 1.0),
            ("slope_at_a_tie", LOG_SUM_EXP, "slope(merged, 3.0, 3.0)[0]", 0.5),
            ("slope_behind_minus_infinity", LOG_SUM_EXP, "slope(cumulated, -inf, 1.0)[1]", 1.0),
            ("under_autocast", INDICES, "under_autocast()", _LOSS),
            ("mapped_and_ignored", INDICES, "mapped()", _LOSS),
            ("smoothed_throughout", INDICES, "F.cross_entropy(ROWS, torch.tensor([1, 1]), label_smoothing=1.0)", _EVEN),
            ("strided_labels", INDICES, "F.cross_entropy(ROWS, SECOND)", _LOSS),
            ("weighted_of_any_shape", DISTRIBUTIONS, "of_any_shape()", 2.0 * _LOSS),
            ("slope_of_alignments", INDICES, "slope_of_alignments()", -2.0 / 3.0),
            ("log_of_a_sigmoid", SIGMOID, "F.logsigmoid(torch.tensor(-1000.0))", -1000.0),
            ("slope_of_the_log_of_a_sigmoid", SIGMOID, "slope(F.logsigmoid, -1000.0)[0]", 1.0),
            (
                "weight_of_each_column",
                SIGMOID,
                "F.binary_cross_entropy_with_logits(ROWS, ROWS, pos_weight=2 + X)",
                _COLUMNS,
            ),
            ("several_labels", SIGMOID, "F.multilabel_soft_margin_loss(ROWS, ROWS)", 0.5 * (_LOG_2 + _LOSS)),
        ),
    ),
    *calls(
        "jax",
        "float32",
        _JAX,
        (
            ("integers", SOFTMAX, "jax.nn.softmax(integers(0, 1))[1]", _LAST),
            ("integers", LOG_SOFTMAX, "jax.nn.log_softmax(integers(0, 1))[1]", -_LOSS),
            ("left_out_by_a_mask", SOFTMAX, "jax.nn.softmax(MASKED, where=KEPT)[1]", _LAST),
            ("left_out_by_a_mask", LOG_SOFTMAX, "jax.nn.log_softmax(MASKED, where=KEPT)[1]", -_LOSS),
            ("left_out_by_a_mask", LOG_SUM_EXP, "jax.nn.logsumexp(MASKED, where=KEPT)", _OF_2),
            ("slope_beside_a_mask", SOFTMAX, "slopes(kept, 0.0, 1.0, 1e4)[1]", _LAST * (1.0 - _LAST)),
            ("slope_beside_a_mask", LOG_SOFTMAX, "slopes(log_kept, 0.0, 1.0, 1e4)[1]", 1.0 - _LAST),
            # https://github.com/jax-ml/jax/issues/10918
            ("slope_along_axis_false", SOFTMAX, "jax.grad(first_of_rows)(ROWS, False)[0, 1]", 0.0),
            ("mapped_columns", SOFTMAX, "by_columns(ROWS)[1, 0]", _LAST_BY_2),
            ("scanned", LOG_SOFTMAX, "scanned(ROWS)[0, 1]", -_LOSS),
            ("no_axis", LOG_SUM_EXP, "jax.nn.logsumexp(jnp.array(3.0))", 3.0),
            ("several_axes_with_factors", LOG_SUM_EXP, "several_axes_with_factors()", math.log(6.0)),
            ("slope_beside_factor_zero", LOG_SUM_EXP, "slopes(with_factors, 0.0, 1000.0)[0]", 1.0),
            ("slope_at_a_tie", LOG_SUM_EXP, "slopes(merged, 3.0, 3.0)[0]", 0.5),
            ("forward_and_reverse", SOFTMAX, "jax.jacfwd(jax.jacrev(last))(X)[1, 1]", _CURVED),
            ("slope_of_the_log_of_a_sigmoid", SIGMOID, "jax.grad(jax.nn.log_sigmoid)(-1000.0)", 1.0),
        ),
    ),
    *calls(
        "optax",
        "float32",
        _OPTAX,
        (
            # https://github.com/google-deepmind/optax/pull/1261
            ("label_of_python", SIGMOID, "optax.sigmoid_binary_cross_entropy(jnp.array(1.0), 1)", _LOSS),
            ("label_of_python_focal", SIGMOID, "focal(jnp.array(1.0), 1)", (1.0 - _LAST) ** 2 * _LOSS),
            ("boolean_label", SIGMOID, "optax.sigmoid_binary_cross_entropy(jnp.array(1.0), jnp.array(True))", _LOSS),
            ("integer_label", SIGMOID, "optax.sigmoid_binary_cross_entropy(jnp.array(1.0), jnp.array(1))", _LOSS),
            ("slope_by_integer_label", SIGMOID, "slope(jnp.array(1))", -0.5),
            ("integer_labels", DISTRIBUTIONS, "optax.softmax_cross_entropy(X, jnp.array([0, 1]))", _LOSS),
            ("first_axis", DISTRIBUTIONS, "optax.softmax_cross_entropy(ROWS.T, ROWS.T, axis=0)[1]", _LOSS),
            ("narrow_labels", INDICES, "optax.softmax_cross_entropy_with_integer_labels(X, jnp.uint8(1))", _LOSS),
            ("fenchel_young", DISTRIBUTIONS, "fenchel_young()", _LOSS),
            (
                "divergence_of_certainty",
                DISTRIBUTIONS,
                "optax.kl_divergence(jax.nn.log_softmax(X), jnp.array([0.0, 1.0]))",
                _LOSS,
            ),
        ),
    ),
    *calls(
        "keras",
        "float32",
        _KERAS,
        (
            # https://github.com/keras-team/keras/issues/15341
            (
                "smoothed_in_float64",
                SIGMOID,
                "number(LOSSES.binary_crossentropy(ones(5), full(5, 0.75), label_smoothing=0.5))",
                _SMOOTHED,
            ),
            (
                "smoothed_logits",
                SIGMOID,
                "number(LOSSES.BinaryCrossentropy(True, 0.5)(SECOND, X))",
                0.5 * (_LOG_2 + _SMOOTHED_LOGITS),
            ),
            (
                "smoothed_integer_labels",
                DISTRIBUTIONS,
                "number(LOSSES.CategoricalCrossentropy(True, 0.5)(SECOND, X))",
                _SMOOTHED_LOGITS,
            ),
            ("floating_labels", INDICES, "number(LOSSES.SparseCategoricalCrossentropy(True)(array([1.0]), X))", _LOSS),
            ("column_of_labels", INDICES, "number(LOSSES.SparseCategoricalCrossentropy(True)(array([[1]]), X))", _LOSS),
            ("left_out_by_a_mask", SOFTMAX, "number(masked_softmax()[0, 1])", _LAST),
            (
                "focal_logits",
                DISTRIBUTIONS,
                "number(LOSSES.CategoricalFocalCrossentropy(from_logits=True)(SECOND, X))",
                0.25 * (1.0 - _LAST) ** 2 * _LOSS,
            ),
            (
                "balanced_focal",
                SIGMOID,
                "number(LOSSES.BinaryFocalCrossentropy(True, 0.25)(array([[1.0]]), array([[0.75]])))",
                0.25**3 * _LIKELY,
            ),
            (
                "as_a_metric",
                DISTRIBUTIONS,
                "number(keras.metrics.CategoricalCrossentropy(from_logits=True)(SECOND, X))",
                _LOSS,
            ),
            ("log_of_a_sigmoid", SIGMOID, "number(keras.ops.log_sigmoid(array([-1000.0])))", -1000.0),
            (
                "alignments",
                INDICES,
                "number(keras.ops.ctc_loss(array([[1]]), zeros((1, 2, 3)), array([1]), array([2])))",
                _LOG_3,
            ),
        ),
    ),
    *calls(
        "tensorflow",
        "float32",
        _TENSORFLOW,
        (
            ("smoothed_in_float64", SIGMOID, "smoothed(tf.float64)", _SMOOTHED),
            ("label_past_the_integers_of_float16", INDICES, "of_a_high_class()", 1.0),
            ("labels_of_one_row_without_classes", DISTRIBUTIONS, "survives()", 1.0),
            ("no_axis", LOG_SUM_EXP, "tf.reduce_logsumexp(3.0)", 3.0),
            (
                "kept_several_axes",
                LOG_SUM_EXP,
                "tf.reduce_logsumexp(tf.zeros((2, 2)), axis=[0, 1], keepdims=True)[0, 0]",
                2.0 * _LOG_2,
            ),
            ("sparse_logits", SOFTMAX, "sparse_softmax()[0, 1]", _LAST),
            ("ragged_rows", SOFTMAX, "ragged_softmax()[0, 1]", _LAST),
            ("slope_of_the_log_of_a_sigmoid", SIGMOID, "slope(tf.math.log_sigmoid, -1000.0)", 1.0),
            ("slope_of_softplus", SIGMOID, "slope(tf.math.softplus, 50.0) + slope(tf.math.softplus, -50.0)", 1.0),
            ("alignments", INDICES, "alignments()", _LOG_3),
            (
                "smoothed",
                DISTRIBUTIONS,
                "LOSSES.softmax_cross_entropy([[0, 1]], X, label_smoothing=0.5)",
                _SMOOTHED_LOGITS,
            ),
            (
                "smoothed",
                SIGMOID,
                "LOSSES.sigmoid_cross_entropy([[0, 1]], X, label_smoothing=0.5)",
                0.5 * (_LOG_2 + _SMOOTHED_LOGITS),
            ),
            (
                "weights_of_rows",
                INDICES,
                "LOSSES.sparse_softmax_cross_entropy([1, 0], tf.tile(X, [2, 1]), weights=[2.0, 0.0])",
                2.0 * _LOSS,
            ),
        ),
    ),
    *calls(
        "mlx",
        "float32",
        _MLX,
        (
            # https://github.com/ml-explore/mlx/pull/3721
            ("pushed_forward", LOG_SUM_EXP, "pushed(False)", _LAST),
            ("pushed_forward_kept_axis", LOG_SUM_EXP, "pushed(True)", _LAST),
            ("integers", SOFTMAX, "mx.softmax(mx.array([0, 1]))[1].item()", _LAST),
            ("mapped_columns", SOFTMAX, "by_columns()", _LAST_BY_2),
            ("slope_at_a_tie", LOG_SUM_EXP, "slope(merged, 3.0, 3.0)", 0.5),
            ("cumulative", LOG_SUM_EXP, "mx.logcumsumexp(mx.array([0.0, 1.0]))[1].item()", _OF_2),
            ("log_likelihoods", INDICES, "LOSSES.nll_loss(nn.log_softmax(X), mx.array([1])).item()", _LOSS),
            (
                "smoothed",
                INDICES,
                "LOSSES.cross_entropy(X, mx.array([1]), label_smoothing=0.5).item()",
                _SMOOTHED_LOGITS,
            ),
            (
                "weights_of_rows",
                INDICES,
                "LOSSES.cross_entropy(X, mx.array([1]), weights=mx.array([2.0])).item()",
                2.0 * _LOSS,
            ),
            ("narrow_labels", INDICES, "LOSSES.cross_entropy(X, mx.array([1], dtype=mx.uint8)).item()", _LOSS),
            ("integer_label", SIGMOID, "LOSSES.binary_cross_entropy(mx.array([1.0]), mx.array([1])).item()", _LOSS),
            ("log_of_a_sigmoid", SIGMOID, "nn.log_sigmoid(mx.array(-1000.0)).item()", -1000.0),
        ),
    ),
    *calls(
        "paddle",
        "float32",
        _PADDLE,
        (
            (
                "several_axes",
                LOG_SUM_EXP,
                "paddle.logsumexp(paddle.zeros([2, 2]), axis=[0, 1], keepdim=True)[0, 0]",
                2.0 * _LOG_2,
            ),
            ("no_axis", LOG_SUM_EXP, "paddle.logsumexp(paddle.to_tensor(3.0))", 3.0),
            ("slope_at_a_tie", LOG_SUM_EXP, "slope(summed, 3.0, 3.0)", 0.5),
            ("wider_format", SOFTMAX, "F.softmax(paddle.to_tensor([0.0, 1.0]), dtype=paddle.float64)[1]", _LAST),
            ("drowned_noise", SOFTMAX, "F.gumbel_softmax(paddle.to_tensor([[0.0, 1e4]]), hard=True)[0, 1]", 1.0),
            ("column_of_labels", INDICES, "F.cross_entropy(X, paddle.to_tensor([[1]]))", _LOSS),
            ("smoothed", INDICES, "F.cross_entropy(X, paddle.to_tensor([1]), label_smoothing=0.5)", _SMOOTHED_LOGITS),
            ("first_axis", DISTRIBUTIONS, "F.cross_entropy(X.T, X.T, soft_label=True, axis=0)", _LOSS),
            ("log_likelihoods", INDICES, "F.nll_loss(F.log_softmax(X), paddle.to_tensor([1]))", _LOSS),
            (
                "weight_of_each_column",
                SIGMOID,
                "F.binary_cross_entropy_with_logits(X, X, pos_weight=2.0 + X)",
                _COLUMNS,
            ),
            ("log_of_a_sigmoid", SIGMOID, "F.log_sigmoid(paddle.to_tensor(-1000.0))", -1000.0),
            ("soft_margin", SIGMOID, "F.soft_margin_loss(paddle.to_tensor([1.0]), paddle.to_tensor([1.0]))", _LOSS),
        ),
    ),
    *calls(
        "tinygrad",
        "float32",
        _TINYGRAD,
        (
            (
                "several_axes",
                LOG_SUM_EXP,
                "Tensor.zeros(2, 2).logsumexp(axis=(0, 1), keepdim=True)[0, 0].item()",
                2.0 * _LOG_2,
            ),
            ("no_axis", LOG_SUM_EXP, "Tensor(3.0).logsumexp().item()", 3.0),
            # https://github.com/tinygrad/tinygrad/issues/6937
            ("cumulative_far_apart", LOG_SUM_EXP, "Tensor([0.0, 1000.0]).logcumsumexp()[0].item()", 0.0),
            ("integers", SOFTMAX, "Tensor([0, 1]).softmax()[1].item()", _LAST),
            ("wider_format", SOFTMAX, "Tensor([0.0, 1.0]).softmax(dtype=dtypes.float64)[1].item()", _LAST),
            ("slope_at_a_tie", LOG_SUM_EXP, "slope(Tensor.logsumexp, 3.0, 3.0)", 0.5),
            ("log_likelihoods", INDICES, "X.log_softmax().nll_loss(Tensor([1])).item()", _LOSS),
            (
                "smoothed",
                INDICES,
                "X.sparse_categorical_crossentropy(Tensor([1]), label_smoothing=0.5).item()",
                _SMOOTHED_LOGITS,
            ),
            ("narrow_labels", INDICES, "X.cross_entropy(Tensor([1], dtype=dtypes.uint8)).item()", _LOSS),
            ("weight_of_each_column", SIGMOID, "X.binary_crossentropy_logits(X, pos_weight=X + 2.0).item()", _COLUMNS),
            ("log_of_a_sigmoid", SIGMOID, "Tensor(-1000.0).logsigmoid().item()", -1000.0),
        ),
    ),
    *calls(
        "scipy",
        "float64",
        _SCIPY,
        (
            ("integers", SOFTMAX, "softmax([0, 1])[1]", _LAST),
            ("integers", LOG_SOFTMAX, "log_softmax([0, 1])[1]", -_LOSS),
            ("no_axis", LOG_SUM_EXP, "logsumexp(3.0)", 3.0),
            ("complex_minus_infinity", LOG_SUM_EXP, "logsumexp([complex(-np.inf), complex(-np.inf, 0.75)]).imag", 0.0),
            (
                "kept_several_axes",
                LOG_SUM_EXP,
                "logsumexp(np.zeros((2, 2)), axis=(0, 1), keepdims=True)[0, 0]",
                2.0 * _LOG_2,
            ),
            ("infinity_left_out_by_a_factor", LOG_SUM_EXP, "infinite_and_left_out()", 1.0),
            ("first_axis", SOFTMAX, "softmax(ROWS, axis=0)[1, 0]", _LAST_BY_2),
            ("first_axis", LOG_SOFTMAX, "log_softmax(ROWS, axis=-2)[1, 0]", -math.log1p(math.exp(-2.0))),
            ("log_of_a_sigmoid", SIGMOID, "special.log_expit(-1000.0)", -1000.0),
            ("divergence", DISTRIBUTIONS, "stats.entropy([0.5, 0.5], [0.25, 0.75])", _DIVERGENCE),
            ("divergence_from_certainty", DISTRIBUTIONS, "special.rel_entr([0.0, 1.0], [0.25, 0.75]).sum()", _LIKELY),
            ("distance_of_near_distributions", DISTRIBUTIONS, "distance_is_no_number()", 0.0),
        ),
    ),
    *calls(
        "sklearn",
        "float64",
        _SKLEARN,
        (
            ("loss_of_logits", SIGMOID, "loss(1.0, 1.0)", _LOSS),
            ("slope_of_a_certain_error", SIGMOID, "slope(1.0, -1000.0)", -1.0),
            ("curvature_of_a_certain_error", SIGMOID, "curvature(1.0, -1000.0)", 0.0),
            ("loss_of_logits", INDICES, "loss_of_class(1, 0.0, 1.0, -1000.0)", _LOSS),
            ("training_score", INDICES, "first_training_score()", _LOG_3),
        ),
    ),
    *calls(
        "liger_kernel",
        "float32",
        _LIGER,
        (
            ("loss_of_the_square", INDICES, "loss(lse_square_scale=0.5)", _Z_LOSS),
            ("smoothed", INDICES, "loss(label_smoothing=0.5)", _SMOOTHED_LOGITS),
        ),
    ),
    *calls(
        "onnx",
        "float32",
        _ONNX,
        (
            ("negative_axis", LOG_SUM_EXP, "log_sum_exp(-1, keepdims=0)[0]", _OF_2),
            ("several_axes", LOG_SUM_EXP, "log_sum_exp(0, 1, array=np.zeros_like(ROWS))[0, 0]", 2.0 * _LOG_2),
            ("axes_named_empty", LOG_SUM_EXP, "log_sum_exp(array=np.zeros_like(ROWS))[0, 0]", 2.0 * _LOG_2),
            ("large_number_of_float64", LOG_SUM_EXP, "log_sum_exp(0, array=np.array([1000.0]))[0]", 1000.0),
            ("axis_unnamed", SOFTMAX, "softmax()[0, 1]", _LAST),
            ("first_axis", SOFTMAX, "softmax(ROWS.T.copy(), axis=-2)[1, 1]", _LAST_BY_2),
            ("one_axis", SOFTMAX, "softmax(ROWS[1], axis=0)[1]", _LAST_BY_2),
            ("axis_unnamed", LOG_SOFTMAX, "log_softmax()[0, 1]", -_LOSS),
            ("first_axis", LOG_SOFTMAX, "log_softmax(ROWS.T.copy(), axis=0)[1, 1]", -math.log1p(math.exp(-2.0))),
            ("softplus", SIGMOID, "softplus(ROWS)[0, 1]", _OF_2),
        ),
    ),
)
