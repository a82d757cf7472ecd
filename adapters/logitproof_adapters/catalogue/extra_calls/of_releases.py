"""Calls outside the matrix that a release may change: undocumented behaviour, and options that no cell covers.

Where the mathematics of the documented meaning leaves one answer only, the call has it; the others are compared with
each other. The module travels to targets.
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

_LOG_4 = math.log(4.0)
_LOG_LAST_OF_2 = -math.log1p(math.exp(-1.0))
"""Log-softmax of the larger of two logits that are 1 apart."""
_LAST_OF_4 = 1.0 / (1.0 + math.exp(-1.0) + math.exp(-2.0) + math.exp(-3.0))
"""Softmax of the last of the logits 0, 1, 2, 3."""
_SIGNED_SUM = math.log(2.0 * math.exp(3.0) + 3.0 * math.exp(0.5) - 0.75 * math.exp(4.0))
_BOTH_CLASSES = 2.0 * math.log1p(math.e) - 1.0
"""Cross-entropy of the logits 0, 1 with a label of 1 for each of the two: the sum of both losses."""
_KL = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
"""Kullback-Leibler divergence of (1/4, 3/4) from (1/2, 1/2)."""
_SMOOTHED = -(0.05 * math.log(0.25) + 0.95 * math.log(0.75))
"""Cross-entropy of the probabilities 1/4, 3/4 with the label 0, 1 smoothed by a tenth."""
_LIKELY = -math.log(0.75)
_LOG_3 = math.log(3.0)
"""The CTC loss of one label in two frames with three equally likely symbols: three of nine paths spell it."""

_ROWS_BY_FACTORS = math.log1p(3.0 * math.e)
"""Log-sum-exp of 0 by a factor of 1 and of 1 by one of 3."""
_OF_DOUBLED = math.log(2.0) + math.log1p(math.e)
"""Log-sum-exp of 0 and 1, both by a factor of 2."""
_FIRST_OF_2 = 1.0 / (1.0 + math.e)
"""Softmax of the smaller of two logits that are 1 apart."""
_SOFTMAX_AND_TANGENT = 2.0 * _FIRST_OF_2 * (1.0 - _FIRST_OF_2) ** 2
"""Slope of p + p (1 - p), the first of a softmax and its slope with respect to the first logit, along that logit."""
_LOG_SOFTMAX_AND_TANGENT = (1.0 - _FIRST_OF_2) ** 2
"""Slope of log p + (1 - p), likewise."""
_CLIPPED = -math.log1p(-(2.0**-23))
"""Loss of a certain answer whose probability is clipped at the epsilon of float32."""
_AS_GIVEN = -0.5 * math.log(0.2 * 0.3)
"""Mean loss of labels that have the probabilities 0.2 and 0.3, whatever these add to."""

_UNCLIPPED_LOG_LOSS = """\
from inspect import signature

import numpy as np
from sklearn.metrics import log_loss

# Releases before 1.5 clip at the argument eps.
UNCLIPPED = {"eps": 0.0} if "eps" in signature(log_loss).parameters else {}


def unclipped(labels, probabilities):
    return log_loss(labels, probabilities, **UNCLIPPED)
"""
_SLOPES_BY_FACTOR = """\
import jax
import jax.numpy as jnp


def slopes(factors):
    return jax.grad(lambda b: jax.nn.logsumexp(jnp.zeros(2), b=b))(jnp.array(factors))
"""
_SLOPES_BY_LOGIT = """\
import jax
import jax.numpy as jnp
import optax

KEPT = jnp.array([[True], [False]])


def kept(logits):
    labels = jnp.array([0, 1])
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels, where=KEPT)[0]


slopes = jax.grad(kept)(jnp.array([[0.0, 1.0], [0.0, 1.0]]))
"""
_SLOPES = """\
import torch
import torch.nn.functional as F
from torch.autograd import forward_ad


def slope_with_tangent(function):
    logits = torch.tensor([0.0, 1.0], requires_grad=True)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(logits, torch.tensor([1.0, 0.0]))
        value, tangent = forward_ad.unpack_dual(function(dual, 0))
        (value + tangent)[0].backward()
    return logits.grad[0]


def slope_of_loss(logit):
    logit = torch.tensor(logit, requires_grad=True)
    F.binary_cross_entropy(logit.sigmoid(), torch.tensor(1.0)).backward()
    return logit.grad
"""
_MASKED = """\
import tensorflow as tf


@tf.function(jit_compile=True)
def masked_softmax(logits, kept):
    return tf.nn.softmax(logits + (1.0 - kept) * -1e9)
"""
_LINEAR_LAYER = """\
import os

import torch
from liger_kernel.transformers.fused_linear_cross_entropy import LigerFusedLinearCrossEntropyLoss

# Without a GPU: TRITON_INTERPRET=1 in the environment.
DEVICE = "cpu" if os.environ.get("TRITON_INTERPRET") == "1" else "cuda"


def loss(**options):
    with torch.device(DEVICE):
        weight, hidden, labels = torch.eye(2), torch.tensor([[0.0, 1.0]]), torch.tensor([1])
        return LigerFusedLinearCrossEntropyLoss(**options)(weight, hidden, labels)
"""

OF_RELEASES: tuple[ExtraCall, ...] = (
    *calls(
        "sklearn",
        "float64",
        "import numpy as np\nfrom sklearn import metrics\nfrom sklearn.metrics import log_loss",
        (
            ("unnormalized_probabilities", INDICES, "log_loss([0, 1], [[0.2, 0.3], [0.2, 0.3]])", None),
            (
                "unnormalized_probabilities_weighted",
                INDICES,
                "log_loss([0, 1, 2], [[0.1, 0.2, 0.3], [0.2, 0.2, 0.2], [0.5, 0.5, 0.5]], sample_weight=[1, 2, 0.5])",
                None,
            ),
            ("probability_zero", INDICES, "log_loss([0, 1], [[1.0, 0.0], [1.0, 0.0]])", None),
            (
                "probability_zero_float32",
                INDICES,
                "log_loss([0, 1], np.array([[1.0, 0.0], [1.0, 0.0]], dtype=np.float32))",
                None,
            ),
            ("one_column", INDICES, "log_loss([0, 1], [0.3, 0.4])", -0.5 * math.log(0.7 * 0.4)),
            ("a_class_without_rows", INDICES, "log_loss([1, 1], [[0.25, 0.75], [0.25, 0.75]], labels=[0, 1])", _LIKELY),
            ("summed", INDICES, "log_loss([0, 1], [0.3, 0.4], normalize=False)", -math.log(0.7 * 0.4)),
            (
                "explained",
                INDICES,
                "metrics.d2_log_loss_score([0, 1], [[0.75, 0.25], [0.25, 0.75]])",
                1.0 - _LIKELY / math.log(2.0),
            ),
        ),
    ),
    *calls(
        "sklearn",
        "float64",
        _UNCLIPPED_LOG_LOSS,
        (
            # https://github.com/scikit-learn/scikit-learn/issues/24315
            ("one_column_float32", INDICES, "log_loss([0, 1], np.array([0.0, 1.0], dtype=np.float32))", _CLIPPED),
            # https://github.com/scikit-learn/scikit-learn/pull/24365
            ("certainty", INDICES, "unclipped([0, 1], [[1.0, 0.0], [0.0, 1.0]])", 0.0),
            # https://github.com/scikit-learn/scikit-learn/issues/24515: the documented loss divides by no sum.
            ("probabilities_as_given", INDICES, "log_loss([0, 1], [[0.2, 0.3], [0.2, 0.3]])", _AS_GIVEN),
        ),
    ),
    *calls(
        "scipy",
        "float64",
        "from numpy import inf\nfrom scipy.special import log_softmax, logsumexp, softmax",
        (
            ("negative_factor", LOG_SUM_EXP, "logsumexp([3.0, 0.5, 4.0], b=[2.0, 3.0, -0.75])", _SIGNED_SUM),
            (
                "negative_sum",
                LOG_SUM_EXP,
                "logsumexp([0.0, 1.0], b=[1.0, -1.0], return_sign=True)[0]",
                math.log(math.expm1(1.0)),
            ),
            ("factor_zero_of_the_largest", LOG_SUM_EXP, "logsumexp([0.0, 1000.0], b=[1.0, 0.0])", 0.0),
            ("one_factor", LOG_SUM_EXP, "logsumexp([0.0, 1.0], b=2.0)", _OF_DOUBLED),
            (
                "factors_of_rows",
                LOG_SUM_EXP,
                "logsumexp([[0.0, 1.0], [1.0, 0.0]], b=[[1.0], [3.0]], axis=0)[0]",
                _ROWS_BY_FACTORS,
            ),
            ("sign_of_infinity", LOG_SUM_EXP, "logsumexp([inf], return_sign=True)[1]", 1.0),
            ("sign_of_zero", LOG_SUM_EXP, "logsumexp([0.0, 0.0], b=[1.0, -1.0], return_sign=True)[1]", 0.0),
            ("integers", LOG_SUM_EXP, "logsumexp([0, 1])", math.log1p(math.e)),
            (
                "complex_logits",
                LOG_SUM_EXP,
                "logsumexp([0.0, 1j]).real",
                0.5 * math.log(2.0 + 2.0 * math.cos(1.0)),
            ),
            ("several_axes", LOG_SUM_EXP, "logsumexp([[0.0, 0.0], [0.0, 0.0]], axis=(0, 1))", _LOG_4),
            ("all_axes", SOFTMAX, "softmax([[0.0, 1.0], [2.0, 3.0]])[1, 1]", _LAST_OF_4),
            ("all_axes", LOG_SOFTMAX, "log_softmax([[0.0, 1.0], [2.0, 3.0]])[1, 1]", math.log(_LAST_OF_4)),
        ),
    ),
    *calls(
        "jax",
        "float32",
        "import jax\nimport jax.numpy as jnp",
        (
            (
                "negative_factor",
                LOG_SUM_EXP,
                "jax.nn.logsumexp(jnp.array([3.0, 0.5, 4.0]), b=jnp.array([2.0, 3.0, -0.75]))",
                _SIGNED_SUM,
            ),
            (
                "negative_sum",
                LOG_SUM_EXP,
                "jax.nn.logsumexp(jnp.array([0.0, 1.0]), b=jnp.array([1.0, -1.0]), return_sign=True)[0]",
                math.log(math.expm1(1.0)),
            ),
            ("sign_of_infinity", LOG_SUM_EXP, "jax.nn.logsumexp(jnp.array([jnp.inf]), return_sign=True)[1]", 1.0),
            ("integers", LOG_SUM_EXP, "jax.nn.logsumexp(jnp.array([0, 1]))", math.log1p(math.e)),
            ("several_axes", LOG_SUM_EXP, "jax.nn.logsumexp(jnp.zeros((2, 2)), axis=(0, 1))", _LOG_4),
            (
                "several_axes",
                SOFTMAX,
                "jax.nn.softmax(jnp.array([[0.0, 1.0], [2.0, 3.0]]), axis=(0, 1))[1, 1]",
                _LAST_OF_4,
            ),
            ("log_of_a_sigmoid", SIGMOID, "jax.nn.log_sigmoid(-1000.0)", -1000.0),
            ("slope_of_softplus", SIGMOID, "jax.grad(jax.nn.softplus)(-50.0) + jax.grad(jax.nn.softplus)(50.0)", 1.0),
        ),
    ),
    *calls(
        "jax",
        "float32",
        _SLOPES_BY_FACTOR,
        (
            (
                "factor_zero_of_the_largest",
                LOG_SUM_EXP,
                "jax.nn.logsumexp(jnp.array([0.0, 1000.0]), b=jnp.array([1.0, 0.0]))",
                0.0,
            ),
            ("one_factor", LOG_SUM_EXP, "jax.nn.logsumexp(jnp.array([0.0, 1.0]), b=2.0)", _OF_DOUBLED),
            (
                "factors_of_rows",
                LOG_SUM_EXP,
                "jax.nn.logsumexp(jnp.array([[0.0, 1.0], [1.0, 0.0]]), b=jnp.array([[1.0], [3.0]]), axis=0)[0]",
                _ROWS_BY_FACTORS,
            ),
            ("slope_by_factor", LOG_SUM_EXP, "slopes([2.0, 1.0])[1]", 1.0 / 3.0),
            ("slope_by_negative_factor", LOG_SUM_EXP, "slopes([2.0, -1.0])[1]", 1.0),
            # https://github.com/jax-ml/jax/issues/22398
            ("slope_by_factor_zero", LOG_SUM_EXP, "slopes([2.0, 0.0])[1]", 0.5),
        ),
    ),
    *calls(
        "optax",
        "float32",
        _SLOPES_BY_LOGIT,
        (
            ("slope_in_a_kept_row", INDICES, "slopes[0, 0]", _FIRST_OF_2 - 1.0),
            # https://github.com/google-deepmind/optax/issues/1335
            ("slope_in_a_row_left_out", INDICES, "slopes[1, 0]", 0.0),
        ),
    ),
    *calls(
        "optax",
        "float32",
        "import jax.numpy as jnp\nimport optax",
        (
            (
                "labels_that_sum_to_two",
                DISTRIBUTIONS,
                "optax.softmax_cross_entropy(jnp.array([0.0, 1.0]), jnp.array([1.0, 1.0]))",
                _BOTH_CLASSES,
            ),
            (
                "divergence",
                DISTRIBUTIONS,
                "optax.kl_divergence(jnp.log(jnp.array([0.25, 0.75])), jnp.array([0.5, 0.5]))",
                _KL,
            ),
            (
                "divergence_of_logarithms",
                DISTRIBUTIONS,
                "optax.losses.kl_divergence_with_log_targets(jnp.log(jnp.array([0.25, 0.75])), jnp.log(0.5))",
                _KL,
            ),
            (
                "convex_divergence",
                DISTRIBUTIONS,
                "optax.convex_kl_divergence(jnp.log(jnp.array([0.25, 0.75])), jnp.array([0.5, 0.5]))",
                _KL,
            ),
            (
                "polynomial",
                DISTRIBUTIONS,
                "optax.losses.poly_loss_cross_entropy(jnp.array([0.0, 1.0]), jnp.array([0.0, 1.0]), epsilon=2.0)",
                -_LOG_LAST_OF_2 + 2.0 * (1.0 - math.exp(_LOG_LAST_OF_2)),
            ),
            (
                "focal",
                SIGMOID,
                "optax.sigmoid_focal_loss(jnp.array(1.0), jnp.array(1.0), alpha=0.25, gamma=2.0)",
                -0.25 * (1.0 - math.exp(_LOG_LAST_OF_2)) ** 2 * _LOG_LAST_OF_2,
            ),
            (
                "alignments",
                INDICES,
                "optax.ctc_loss(jnp.zeros((1, 2, 3)), jnp.zeros((1, 2)), jnp.array([[1]]), jnp.zeros((1, 1)))[0]",
                _LOG_3,
            ),
        ),
    ),
    *calls(
        "keras",
        "float32",
        "import keras\nfrom numpy import array, eye",
        (
            (
                "unnormalized_probabilities",
                DISTRIBUTIONS,
                "float(keras.losses.CategoricalCrossentropy()([[0.0, 1.0]], [[0.2, 0.3]]))",
                None,
            ),
            (
                "unnormalized_probabilities_indices",
                INDICES,
                "float(keras.losses.SparseCategoricalCrossentropy()(array([1]), array([[0.2, 0.3]])))",
                None,
            ),
            (
                "probability_zero",
                DISTRIBUTIONS,
                "float(keras.losses.CategoricalCrossentropy()([[0.0, 1.0]], [[1.0, 0.0]]))",
                None,
            ),
            (
                "smoothed_probabilities",
                DISTRIBUTIONS,
                "float(keras.losses.CategoricalCrossentropy(label_smoothing=0.1)([[0.0, 1.0]], [[0.25, 0.75]]))",
                _SMOOTHED,
            ),
            (
                "smoothed_probabilities",
                SIGMOID,
                "float(keras.losses.BinaryCrossentropy(label_smoothing=0.1)([[1.0]], [[0.75]]))",
                _SMOOTHED,
            ),
            ("probability_zero", SIGMOID, "float(keras.losses.BinaryCrossentropy()([[1.0]], [[0.0]]))", None),
            ("small_probability", SIGMOID, "float(keras.losses.BinaryCrossentropy()([[1.0]], [[1e-8]]))", None),
            (
                "probabilities_of_zero",
                DISTRIBUTIONS,
                "float(keras.losses.CategoricalCrossentropy()([[0.0, 1.0]], [[0.0, 0.0]]))",
                None,
            ),
            (
                "weighted_rows",
                SIGMOID,
                "float(keras.losses.BinaryCrossentropy()([[1.0], [0.0]], [[0.75], [0.75]], sample_weight=[2.0, 0.0]))",
                _LIKELY,
            ),
            (
                "ignored_labels_with_an_axis_of_one",
                INDICES,
                "float(keras.losses.SparseCategoricalCrossentropy(True, -1)(array([[[-1], [1]]]), eye(2)[[[1, 1]]]))",
                None,
            ),
            (
                "focal",
                SIGMOID,
                "float(keras.losses.BinaryFocalCrossentropy(gamma=2.0)([[1.0]], [[0.75]]))",
                0.25**2 * _LIKELY,
            ),
            (
                "focal",
                DISTRIBUTIONS,
                "float(keras.losses.CategoricalFocalCrossentropy(alpha=0.25, gamma=2.0)([[0.0, 1.0]], [[0.25, 0.75]]))",
                0.25**3 * _LIKELY,
            ),
            (
                "divergence",
                DISTRIBUTIONS,
                "float(keras.losses.KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]))",
                _KL,
            ),
            (
                "several_axes",
                LOG_SUM_EXP,
                "float(keras.ops.logsumexp(keras.ops.zeros((2, 2)), axis=(0, 1)))",
                _LOG_4,
            ),
        ),
    ),
    *calls(
        "torch",
        "float32",
        "import torch\nimport torch.nn.functional as F",
        (
            (
                # https://github.com/pytorch/pytorch/issues/158310
                "large_half_precision_logits_along_the_first_axis",
                LOG_SOFTMAX,
                "(torch.arange(0, 288, 16).reshape(18, 1) + torch.full((1, 64), -20000)).half().log_softmax(0)[17, 0]",
                -math.log1p(math.exp(-16.0) + math.exp(-32.0)),
            ),
            ("computed_in_float64", SOFTMAX, "F.softmax(torch.arange(4), dim=0, dtype=torch.float64)[3]", _LAST_OF_4),
            ("integers", LOG_SUM_EXP, "torch.logsumexp(torch.tensor([0, 1]), dim=0)", math.log1p(math.e)),
            ("several_axes", LOG_SUM_EXP, "torch.logsumexp(torch.zeros(2, 2), dim=(0, 1))", _LOG_4),
            ("cumulative", LOG_SUM_EXP, "torch.logcumsumexp(torch.tensor([0.0, 1.0]), dim=0)[1]", math.log1p(math.e)),
            (
                "divergence",
                DISTRIBUTIONS,
                "F.kl_div(torch.tensor([0.25, 0.75]).log(), torch.tensor([0.5, 0.5]))",
                0.5 * _KL,
            ),
            (
                "probability_zero",
                SIGMOID,
                "F.binary_cross_entropy(torch.tensor([0.0]), torch.tensor([1.0]))",
                100.0,
            ),
            (
                "certain_error",
                SIGMOID,
                "F.binary_cross_entropy(torch.tensor([1.0]), torch.tensor([0.0]))",
                100.0,
            ),
            (
                "small_probability",
                SIGMOID,
                "F.binary_cross_entropy(torch.tensor([1e-8]), torch.tensor([1.0]))",
                -math.log(1e-8),
            ),
            ("soft_margin", SIGMOID, "F.soft_margin_loss(torch.tensor([1.0]), torch.tensor([1.0]))", -_LOG_LAST_OF_2),
            (
                "alignments",
                INDICES,
                "F.ctc_loss(torch.zeros(2, 1, 3).log_softmax(2), torch.ones(1, 1), (2,), (1,))",
                _LOG_3,
            ),
        ),
    ),
    *calls(
        "torch",
        "float32",
        _SLOPES,
        (
            # https://github.com/pytorch/pytorch/issues/103316
            ("slope_at_a_small_probability", SIGMOID, "slope_of_loss(-40.0)", -1.0),
            # https://github.com/pytorch/pytorch/issues/162350
            ("backward_in_forward_mode", SOFTMAX, "slope_with_tangent(torch.softmax)", _SOFTMAX_AND_TANGENT),
            (
                "backward_in_forward_mode",
                LOG_SOFTMAX,
                "slope_with_tangent(torch.log_softmax)",
                _LOG_SOFTMAX_AND_TANGENT,
            ),
        ),
    ),
    *calls(
        "liger_kernel",
        "float32",
        _LINEAR_LAYER,
        (
            ("linear_layer", INDICES, "loss()", -_LOG_LAST_OF_2),
            # https://github.com/linkedin/Liger-Kernel/issues/243
            ("linear_layer_smoothed", INDICES, "loss(label_smoothing=0.5)", 0.25 - _LOG_LAST_OF_2),
        ),
    ),
    *calls(
        "tensorflow",
        "float32",
        "import tensorflow as tf",
        (
            ("all_axes", LOG_SUM_EXP, "tf.reduce_logsumexp([[0.0, 0.0], [0.0, 0.0]])", _LOG_4),
            (
                "labels_that_sum_to_two",
                DISTRIBUTIONS,
                "tf.nn.softmax_cross_entropy_with_logits(labels=[[1.0, 1.0]], logits=[[0.0, 1.0]])[0]",
                _BOTH_CLASSES,
            ),
            ("log_of_a_sigmoid", SIGMOID, "tf.math.log_sigmoid(-1000.0)", -1000.0),
        ),
    ),
    *calls(
        "tensorflow",
        "float32",
        _MASKED,
        (
            # https://github.com/tensorflow/tensorflow/issues/55682
            (
                "masked_in_compiled_code",
                SOFTMAX,
                "masked_softmax(tf.constant([[0.0, 1.0, 2.0, 3.0]]), tf.constant([[1.0, 1.0, 1.0, 0.0]]))[0, 2]",
                1.0 / (1.0 + math.exp(-1.0) + math.exp(-2.0)),
            ),
        ),
    ),
    *calls(
        "mlx",
        "float32",
        "import mlx.core as mx\nimport mlx.nn as nn",
        (
            ("several_axes", LOG_SUM_EXP, "mx.logsumexp(mx.zeros((2, 2)), axis=(0, 1)).item()", _LOG_4),
            (
                "several_axes",
                SOFTMAX,
                "mx.softmax(mx.array([[0.0, 1.0], [2.0, 3.0]]), axis=(0, 1))[1, 1].item()",
                _LAST_OF_4,
            ),
            (
                "divergence",
                DISTRIBUTIONS,
                "nn.losses.kl_div_loss(mx.log(mx.array([0.25, 0.75])), mx.log(mx.array([0.5, 0.5]))).item()",
                _KL,
            ),
            (
                "probabilities",
                SIGMOID,
                "nn.losses.binary_cross_entropy(mx.array([0.75]), mx.array([1.0]), with_logits=False).item()",
                _LIKELY,
            ),
            (
                "labels_that_sum_to_two",
                DISTRIBUTIONS,
                "nn.losses.cross_entropy(mx.array([[0.0, 1.0]]), mx.array([[1.0, 1.0]])).item()",
                None,
            ),
        ),
    ),
    *calls(
        "paddle",
        "float32",
        "import paddle\nimport paddle.nn.functional as F",
        (
            (
                "probabilities",
                INDICES,
                "F.cross_entropy(paddle.to_tensor([[0.25, 0.75]]), paddle.to_tensor([1]), use_softmax=False)",
                _LIKELY,
            ),
            (
                "divergence",
                DISTRIBUTIONS,
                "F.kl_div(paddle.to_tensor([0.25, 0.75]).log(), paddle.to_tensor([0.5, 0.5]))",
                0.5 * _KL,
            ),
            ("all_axes", LOG_SUM_EXP, "paddle.logsumexp(paddle.zeros([2, 2]))", _LOG_4),
            (
                "focal",
                SIGMOID,
                "F.sigmoid_focal_loss(paddle.to_tensor([[1.0]]), paddle.to_tensor([[1.0]]))",
                -0.25 * (1.0 - math.exp(_LOG_LAST_OF_2)) ** 2 * _LOG_LAST_OF_2,
            ),
        ),
    ),
    *calls(
        "tinygrad",
        "float32",
        "from tinygrad import Tensor",
        (
            ("all_axes", LOG_SUM_EXP, "Tensor.zeros(2, 2).logsumexp().item()", _LOG_4),
            (
                "several_axes",
                SOFTMAX,
                "Tensor([[0.0, 1.0], [2.0, 3.0]]).softmax(axis=(0, 1))[1, 1].item()",
                _LAST_OF_4,
            ),
            ("cumulative", LOG_SUM_EXP, "Tensor([0.0, 1.0]).logcumsumexp()[1].item()", math.log1p(math.e)),
            ("probabilities", SIGMOID, "Tensor([0.75]).binary_crossentropy(Tensor([1.0])).item()", _LIKELY),
        ),
    ),
)
