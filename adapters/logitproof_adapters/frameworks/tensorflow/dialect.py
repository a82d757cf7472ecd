"""The dialect of TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_adapters.contract import DISTRIBUTIONS, INDICES, SIGMOID, Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Loss


def documented() -> Mapping[Loss, Dialect]:
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
