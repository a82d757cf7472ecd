"""The dialect of Optax."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof_adapters.contract import DISTRIBUTIONS, INDICES, SIGMOID, Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Loss


def documented() -> Mapping[Loss, Dialect]:
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
            out_of_range="assumed not to occur; NaN, -K to -1 count from the end (observed)",
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
