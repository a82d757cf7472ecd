"""The dialect of scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof_adapters.contract import INDICES, Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Loss


def documented() -> Mapping[Loss, Dialect]:
    """Return what scikit-learn documents of its losses."""
    words = {
        "reduction": "mean; sum",
        "takes": "normalize, sample_weight",
        "mean_over": "sample weights",
        "empty_mean": "an error (observed)",
        "clip_probabilities": "[eps, 1 - eps], eps of their format",
    }
    newest = Dialect(
        documentation="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.log_loss.html",
        function="sklearn.metrics.log_loss",
        takes=("reduction", "weight"),
        clip_probabilities=2.0**-23,
        reduction="mean",
        class_axis="last",
        label_formats="any",
        out_of_range="an error (observed)",
        ignored_index="none",
        words=words,
    )
    # Clipping is documented alike before; that the rows are then divided by their sums, with a warning where those are
    # not 1, is not: what such a division changes is judged by what is documented.
    divided = f"{words['clip_probabilities']}, then divided by their sum (observed)"
    before = replace(newest, words={**words, "clip_probabilities": divided})
    return {(*INDICES, ""): replace(newest, since="1.5", earlier=before)}
