"""Dialects of the frameworks that differentiate on their own.

Read in the documentation and docstrings of the releases that are judged; what those leave open and a call shows is
"(observed)".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof_adapters.contract import DISTRIBUTIONS, INDICES, SIGMOID, Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Loss


def torch() -> Mapping[Loss, Dialect]:
    """Return what PyTorch documents of its losses."""
    page = "https://docs.pytorch.org/docs/stable/generated/torch.nn"
    indices = Dialect(
        documentation=f"{page}.CrossEntropyLoss.html",
        function="torch.nn.CrossEntropyLoss",
        takes=("reduction", "weight", "ignore_index", "label_smoothing"),
        reduction="mean",
        class_axis="1",
        label_formats="int64",
        out_of_range="an error (observed)",
        ignored_index="-100",
    )
    distributions = replace(
        indices,
        takes=("reduction", "weight", "label_smoothing"),
        label_formats="",
        out_of_range="",
        ignored_index="",
    )
    functional = f"{page}.functional.cross_entropy.html"
    return {
        (*INDICES, ""): indices,
        (*INDICES, "functional"): replace(
            indices, documentation=functional, function="torch.nn.functional.cross_entropy"
        ),
        (*INDICES, "nll_loss"): replace(
            indices,
            documentation=f"{page}.NLLLoss.html",
            function="torch.nn.functional.nll_loss",
            takes=("reduction", "weight", "ignore_index"),
        ),
        (*DISTRIBUTIONS, ""): distributions,
        (*DISTRIBUTIONS, "functional"): replace(
            distributions, documentation=functional, function="torch.nn.functional.cross_entropy"
        ),
        (*SIGMOID, ""): Dialect(
            documentation=f"{page}.BCEWithLogitsLoss.html",
            function="torch.nn.BCEWithLogitsLoss",
            takes=("reduction", "weight", "pos_weight"),
            reduction="mean",
        ),
    }


def tensorflow() -> Mapping[Loss, Dialect]:
    """Return what TensorFlow documents of its losses."""
    page = "https://www.tensorflow.org/api_docs/python/tf/nn"
    return {
        (*INDICES, ""): Dialect(
            documentation=f"{page}/sparse_softmax_cross_entropy_with_logits",
            function="tf.nn.sparse_softmax_cross_entropy_with_logits",
            reduction="none",
            class_axis="last",
            label_formats="int32, int64",
            out_of_range="an error; on a GPU NaN",
            ignored_index="none",
        ),
        (*DISTRIBUTIONS, ""): Dialect(
            documentation=f"{page}/softmax_cross_entropy_with_logits",
            function="tf.nn.softmax_cross_entropy_with_logits",
            unnormalized_gradient="tensorflow",
            reduction="none",
            class_axis="any, last by default",
        ),
        (*SIGMOID, ""): Dialect(
            documentation=f"{page}/sigmoid_cross_entropy_with_logits",
            function="tf.nn.sigmoid_cross_entropy_with_logits",
            takes=("pos_weight",),
            reduction="none",
        ),
    }


def jax() -> Mapping[Loss, Dialect]:
    """Return what JAX documents of its losses."""
    pages = "https://docs.jax.dev/en/latest/_autosummary/"
    return {
        (*INDICES, ""): Dialect(
            documentation=f"{pages}jax.numpy.take_along_axis.html",
            function="jnp.take_along_axis of jax.nn.log_softmax",
            reduction="none",
            class_axis="any",
            label_formats="any integer",
            out_of_range="NaN; -K to -1 count from the end",
            ignored_index="none",
        ),
        (*DISTRIBUTIONS, ""): Dialect(
            documentation=f"{pages}jax.nn.log_softmax.html",
            function="sum of labels times jax.nn.log_softmax",
            reduction="none",
            class_axis="any, last by default",
        ),
        (*SIGMOID, ""): Dialect(
            documentation=f"{pages}jax.nn.log_sigmoid.html",
            function="labels times jax.nn.log_sigmoid",
            reduction="none",
        ),
    }


def paddle() -> Mapping[Loss, Dialect]:
    """Return what PaddlePaddle documents of its losses."""
    page = "https://www.paddlepaddle.org.cn/documentation/docs/en/api/paddle/nn/functional"
    indices = Dialect(
        documentation=f"{page}/cross_entropy_en.html",
        function="paddle.nn.functional.cross_entropy",
        takes=("reduction", "weight", "ignore_index", "label_smoothing"),
        # A negative ignore_index, the default, "means that no label value needs to be ignored".
        mean_over="rows",
        empty_mean="zero",
        reduction="mean",
        class_axis="any, last by default",
        label_formats="int32, int64, float32, float64",
        out_of_range="an error (observed)",
        ignored_index="-100, whose rows count in the mean",
        words={"mean_over": "all rows; the rows kept where ignore_index >= 0; their weights where there are weights"},
    )
    return {
        (*INDICES, ""): indices,
        (*INDICES, "nll_loss"): replace(
            indices,
            documentation=f"{page}/nll_loss_en.html",
            function="paddle.nn.functional.nll_loss",
            takes=("reduction", "weight", "ignore_index"),
            mean_over=None,
            class_axis="1",
            label_formats="int64",
            ignored_index="-100",
            words={},
        ),
        (*DISTRIBUTIONS, ""): replace(
            indices,
            takes=("reduction", "weight", "label_smoothing"),
            unnormalized_gradient="tensorflow",
            label_formats="",
            out_of_range="",
            ignored_index="",
            words={"mean_over": "all rows; the mean weights of their labels where there are weights"},
        ),
        (*SIGMOID, ""): Dialect(
            documentation=f"{page}/binary_cross_entropy_with_logits_en.html",
            function="paddle.nn.functional.binary_cross_entropy_with_logits",
            takes=("reduction", "weight", "pos_weight"),
            reduction="mean",
        ),
    }


def mlx() -> Mapping[Loss, Dialect]:
    """Return what MLX documents of its losses."""
    page = "https://ml-explore.github.io/mlx/build/html/python/nn/_autosummary_functions/mlx.nn.losses"
    indices = Dialect(
        documentation=f"{page}.cross_entropy.html",
        function="mlx.nn.losses.cross_entropy",
        takes=("reduction", "label_smoothing"),
        mean_over="rows",
        reduction="none",
        class_axis="any, last by default",
        label_formats="any integer (observed)",
        out_of_range="undefined: indexing is not checked",
        ignored_index="none",
    )
    return {
        (*INDICES, ""): indices,
        (*DISTRIBUTIONS, ""): replace(
            indices, unnormalized_gradient="tensorflow", label_formats="", out_of_range="", ignored_index=""
        ),
        (*SIGMOID, ""): Dialect(
            documentation=f"{page}.binary_cross_entropy.html",
            function="mlx.nn.losses.binary_cross_entropy",
            takes=("reduction",),
            reduction="mean",
        ),
    }


def tinygrad() -> Mapping[Loss, Dialect]:
    """Return what tinygrad documents of its losses."""
    page = "https://docs.tinygrad.org/tensor/ops/#tinygrad.Tensor"
    indices = Dialect(
        documentation=f"{page}.cross_entropy",
        function="Tensor.cross_entropy",
        takes=("reduction", "label_smoothing"),
        reduction="mean",
        class_axis="1",
        label_formats="any integer (observed)",
        out_of_range="costs 0: its one-hot label is zeros (observed)",
        ignored_index="none",
    )
    return {
        (*INDICES, ""): indices,
        (*INDICES, "sparse_categorical_crossentropy"): replace(
            indices,
            documentation=f"{page}.sparse_categorical_crossentropy",
            function="Tensor.sparse_categorical_crossentropy",
            takes=("reduction", "ignore_index", "label_smoothing"),
            class_axis="last",
            ignored_index="none; -1 is the word for none",
        ),
        (*INDICES, "nll_loss"): replace(
            indices,
            documentation=f"{page}.nll_loss",
            function="Tensor.nll_loss",
            takes=("reduction", "weight", "ignore_index"),
            out_of_range="costs 0 (observed)",
        ),
        (*DISTRIBUTIONS, ""): replace(indices, label_formats="", out_of_range="", ignored_index=""),
        (*SIGMOID, ""): Dialect(
            documentation=f"{page}.binary_crossentropy_logits",
            function="Tensor.binary_crossentropy_logits",
            takes=("reduction", "pos_weight"),
            reduction="mean",
        ),
    }
