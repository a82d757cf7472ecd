"""The dialect of scikit-learn.

Read in the documentation and docstrings of the releases that are judged; what those leave open and a call shows is
"(observed)".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_adapters.contract import INDICES, Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Loss


def documented() -> Mapping[Loss, Dialect]:
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
