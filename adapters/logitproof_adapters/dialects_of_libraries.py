"""Dialects of what is built on a framework, runs models or takes probabilities.

Read in the documentation and docstrings of the releases that are judged; what those leave open and a call shows is
"(observed)".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof_adapters.contract import DISTRIBUTIONS, INDICES, SIGMOID, Dialect
from logitproof_adapters.dialects_of_frameworks import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Loss


def keras(backend: str) -> Mapping[Loss, Dialect]:
    """Return what Keras on one of its backends documents of its losses."""
    page = "https://keras.io/api/losses/probabilistic_losses/"
    of_softmax = " of keras.activations.softmax"
    on_tensorflow = backend == "tensorflow"
    outside = {
        "tensorflow": "an error (observed)",
        "torch": "an error, but -100 costs 0 (observed)",
        "jax": "costs 0: its one-hot label is zeros (observed)",
    }
    indices = Dialect(
        documentation=f"{page}#sparsecategoricalcrossentropy-class",
        function="keras.losses.SparseCategoricalCrossentropy",
        takes=("reduction", "ignore_index"),
        mean_over="kept_rows",
        empty_mean="zero",
        reduction="mean",
        class_axis="any, last by default" if backend == "torch" else "last; others are refused (observed)",
        label_formats="any integer, or floating",
        out_of_range=outside[backend],
        ignored_index="none",
    )
    categorical = Dialect(
        documentation=f"{page}#categoricalcrossentropy-class",
        function="keras.losses.CategoricalCrossentropy",
        takes=("reduction", "label_smoothing"),
        empty_mean="zero",
        reduction="mean",
        class_axis="any, last by default",
    )
    distributions = replace(categorical, unnormalized_gradient="tensorflow") if on_tensorflow else categorical
    # Keras takes the logits back from its own softmax on TensorFlow, so that nothing is clipped there.
    clip = None if on_tensorflow else 1e-7
    clipped = {"clip_probabilities": "not clipped; with ignore_class [1e-07, 1 - 1e-07] (observed)"}
    of_another_softmax = {
        (*DISTRIBUTIONS, "tf_probabilities"): replace(
            categorical,
            function=f"{categorical.function} of tf.nn.softmax",
            clip_probabilities=1e-7,
            words={"clip_probabilities": "[1e-07, 1 - 1e-07] in eager mode, nothing in a graph (observed)"},
        )
    }
    return {
        (*INDICES, ""): indices,
        (*INDICES, "probabilities"): replace(
            indices,
            function=f"{indices.function}{of_softmax}",
            clip_probabilities=clip,
            words=clipped if on_tensorflow else {},
        ),
        (*DISTRIBUTIONS, ""): distributions,
        (*DISTRIBUTIONS, "probabilities"): replace(
            distributions, function=f"{categorical.function}{of_softmax}", clip_probabilities=clip
        ),
        **(of_another_softmax if on_tensorflow else {}),
        (*SIGMOID, ""): Dialect(
            documentation=f"{page}#binarycrossentropy-class",
            function="keras.losses.BinaryCrossentropy",
            takes=("reduction", "label_smoothing"),
            empty_mean="zero",
            reduction="mean",
            words={"smoothing_over": "0 and 1 alike"},
        ),
    }


def optax() -> Mapping[Loss, Dialect]:
    """Return what Optax documents of its losses."""
    page = "https://optax.readthedocs.io/en/latest/api/losses.html#optax.losses"
    distributions = Dialect(
        documentation=f"{page}.softmax_cross_entropy",
        function="optax.softmax_cross_entropy, optax.smooth_labels",
        takes=("label_smoothing",),
        reduction="none",
        class_axis="any, last by default",
    )
    sigmoid = Dialect(
        documentation=f"{page}.sigmoid_binary_cross_entropy",
        function="optax.sigmoid_binary_cross_entropy",
        reduction="none",
    )
    return {
        (*INDICES, ""): Dialect(
            documentation=f"{page}.softmax_cross_entropy_with_integer_labels",
            function="optax.softmax_cross_entropy_with_integer_labels",
            reduction="none",
            class_axis="any, last by default",
            label_formats="any integer",
            out_of_range="assumed not to happen; NaN, -K to -1 count from the end (observed)",
            ignored_index="none",
        ),
        (*DISTRIBUTIONS, ""): distributions,
        (*DISTRIBUTIONS, "safe_softmax_cross_entropy"): replace(
            distributions,
            documentation=f"{page}.safe_softmax_cross_entropy",
            function="optax.safe_softmax_cross_entropy",
            takes=(),
            class_axis="last",
        ),
        (*DISTRIBUTIONS, "poly_loss_cross_entropy"): replace(
            distributions,
            documentation=f"{page}.poly_loss_cross_entropy",
            function="optax.losses.poly_loss_cross_entropy, epsilon 0",
        ),
        (*SIGMOID, ""): sigmoid,
        (*SIGMOID, "sigmoid_focal_loss"): replace(
            sigmoid, documentation=f"{page}.sigmoid_focal_loss", function="optax.losses.sigmoid_focal_loss, gamma 0"
        ),
    }


def liger() -> Mapping[Loss, Dialect]:
    """Return what Liger Kernel documents of its losses."""
    return {
        (*INDICES, ""): replace(
            torch()[*INDICES, ""],
            documentation="https://linkedin.github.io/Liger-Kernel/Low-Level-APIs/",
            function="LigerCrossEntropyLoss",
            empty_mean="zero",
            label_formats="any integer (observed)",
        )
    }


def onnxruntime() -> Mapping[Loss, Dialect]:
    """Return what ONNX documents of its losses."""
    page = "https://onnx.ai/onnx/operators/onnx__"
    loss = Dialect(
        documentation=f"{page}SoftmaxCrossEntropyLoss.html",
        function="SoftmaxCrossEntropyLoss",
        takes=("reduction", "weight", "ignore_index"),
        reduction="mean",
        class_axis="1",
        label_formats="int32, int64",
        out_of_range="an error; -1 is the last class (observed)",
        ignored_index="none",
    )
    return {
        (*INDICES, ""): loss,
        (*INDICES, "nll_loss"): replace(
            loss, documentation=f"{page}NegativeLogLikelihoodLoss.html", function="NegativeLogLikelihoodLoss"
        ),
    }


def sklearn() -> Mapping[Loss, Dialect]:
    """Return what scikit-learn documents of its losses."""
    return {
        (*INDICES, ""): Dialect(
            documentation="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.log_loss.html",
            function="sklearn.metrics.log_loss",
            takes=("reduction", "weight"),
            clip_probabilities=2.0**-23,
            reduction="mean",
            class_axis="last",
            label_formats="any",
            out_of_range="an error (observed)",
            ignored_index="none",
            words={
                "reduction": "mean; sum",
                "takes": "normalize, sample_weight",
                "mean_over": "sample weights",
                "empty_mean": "an error (observed)",
                "clip_probabilities": "[eps, 1 - eps], eps of their format",
            },
        )
    }
