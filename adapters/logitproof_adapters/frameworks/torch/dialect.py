"""The dialect of PyTorch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof_adapters.contract import DISTRIBUTIONS, INDICES, SIGMOID, Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Loss

IGNORED_LABEL = -100
"""The default of ignore_index in torch.nn.CrossEntropyLoss: a row of this label has zero loss."""


def documented() -> Mapping[Loss, Dialect]:
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
        ignored_index=str(IGNORED_LABEL),
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
