"""The dialect of MLX."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof_adapters.contract import DISTRIBUTIONS, INDICES, SIGMOID, Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Loss


def documented() -> Mapping[Loss, Dialect]:
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
