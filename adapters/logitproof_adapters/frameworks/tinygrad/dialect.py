"""The dialect of tinygrad."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof_adapters.contract import DISTRIBUTIONS, INDICES, SIGMOID, Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Loss


def documented() -> Mapping[Loss, Dialect]:
    """Return what tinygrad documents of its losses."""
    page = "https://docs.tinygrad.org/tensor/ops/#tinygrad.Tensor"
    indices = Dialect(
        documentation=f"{page}.cross_entropy",
        function="Tensor.cross_entropy",
        takes=("reduction", "label_smoothing"),
        reduction="mean",
        class_axis="1",
        label_formats="any integer (observed)",
        out_of_range="zero loss: its one-hot label is all zeros (observed)",
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
            ignored_index="none; -1 stands for none",
        ),
        (*INDICES, "nll_loss"): replace(
            indices,
            documentation=f"{page}.nll_loss",
            function="Tensor.nll_loss",
            takes=("reduction", "weight", "ignore_index"),
            out_of_range="zero loss (observed)",
        ),
        (*DISTRIBUTIONS, ""): replace(indices, label_formats="", out_of_range="", ignored_index=""),
        (*SIGMOID, ""): Dialect(
            documentation=f"{page}.binary_crossentropy_logits",
            function="Tensor.binary_crossentropy_logits",
            takes=("reduction", "pos_weight"),
            reduction="mean",
        ),
    }
