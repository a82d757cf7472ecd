"""The dialect of Paddle."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof_adapters.contract import DISTRIBUTIONS, INDICES, SIGMOID, Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Loss

IGNORED_LABEL = -100
"""The default of ignore_index in paddle.nn.functional.cross_entropy: a row of this label has zero loss."""


def documented() -> Mapping[Loss, Dialect]:
    """Return what PaddlePaddle documents of its losses."""
    page = "https://www.paddlepaddle.org.cn/documentation/docs/en/api/paddle/nn/functional"
    indices = Dialect(
        documentation=f"{page}/cross_entropy_en.html",
        function="paddle.nn.functional.cross_entropy",
        takes=("reduction", "weight", "ignore_index", "label_smoothing"),
        mean_over="rows",
        empty_mean="zero",
        reduction="mean",
        class_axis="any, last by default",
        label_formats="int32, int64, float32, float64",
        out_of_range="an error (observed)",
        ignored_index=f"{IGNORED_LABEL}, whose rows count in the mean",
        words={"mean_over": "all rows; the rows kept where ignore_index >= 0; their weights where there are weights"},
    )
    by_release = _by_release(indices)
    return {
        (*INDICES, ""): by_release,
        (*INDICES, "nll_loss"): replace(
            indices,
            documentation=f"{page}/nll_loss_en.html",
            function="paddle.nn.functional.nll_loss",
            takes=("reduction", "weight", "ignore_index"),
            mean_over=None,
            class_axis="1",
            label_formats="int64",
            ignored_index=str(IGNORED_LABEL),
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


def _by_release(newest: Dialect) -> Dialect:
    """Return the dialect of class indices with what it was before 3.0.

    The page is the same word for word in 2.6.2 and 3.3.1, and can be read in two ways where ignore_index is negative,
    as it is by default: its value "is ignored and does not contribute to the loss", and a negative one "means that no
    label value needs to be ignored", while the mean divides by the number of samples. Eager calls of 2.6 follow the
    first, those of 3.0 and later the second (https://github.com/PaddlePaddle/Paddle/pull/76033 would change them back).
    """
    kept = "the rows kept; their weights where there are weights"
    before = replace(newest, mean_over=None, ignored_index=str(IGNORED_LABEL), words={"mean_over": kept})
    return replace(newest, since="3.0", earlier=before)
