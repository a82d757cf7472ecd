"""The dialect of Keras."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof_adapters.contract import DISTRIBUTIONS, INDICES, SIGMOID, Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Loss


def documented(backend: str) -> Mapping[Loss, Dialect]:
    """Return what Keras on one of its backends documents of its losses."""
    page = "https://keras.io/api/losses/probabilistic_losses/"
    of_softmax = " of keras.activations.softmax"
    on_tensorflow = backend == "tensorflow"
    outside = {
        "tensorflow": "an error (observed)",
        "torch": "an error, but -100 has zero loss (observed)",
        "jax": "zero loss: its one-hot label is all zeros (observed)",
    }
    indices = Dialect(
        documentation=f"{page}#sparsecategoricalcrossentropy-class",
        function="keras.losses.SparseCategoricalCrossentropy",
        takes=("reduction", "ignore_index"),
        mean_over="kept_rows",
        empty_mean="zero",
        reduction="mean",
        class_axis="any, last by default" if backend == "torch" else "last; others raise an error (observed)",
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
    binary = Dialect(
        documentation=f"{page}#binarycrossentropy-class",
        function="keras.losses.BinaryCrossentropy",
        takes=("reduction", "label_smoothing"),
        empty_mean="zero",
        reduction="mean",
        words={"smoothing_over": "0 and 1 alike"},
    )
    focal = replace(
        binary,
        documentation=f"{page}#binaryfocalcrossentropy-class",
        function="keras.losses.BinaryFocalCrossentropy with gamma 0",
    )
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
        (*SIGMOID, ""): binary,
        **({} if backend == "torch" else {(*SIGMOID, "focal"): focal}),
    }
