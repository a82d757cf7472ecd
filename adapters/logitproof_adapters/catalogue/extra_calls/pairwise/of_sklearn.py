"""scikit-learn's loss of probabilities (https://scikit-learn.org/stable/modules/generated/sklearn.metrics.log_loss.html)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from logitproof_adapters.catalogue.extra_calls.call import INDICES, SOFTMAX
from logitproof_adapters.catalogue.extra_calls.pairwise.inputs import INPUTS
from logitproof_adapters.catalogue.extra_calls.pairwise.tables import (
    LAYOUTS,
    LAYOUTS_OF_NUMPY,
    WORDS,
    Function,
)

if TYPE_CHECKING:
    from logitproof_adapters.catalogue.extra_calls.pairwise.tables import Case

PROGRAM = (
    f"""\
import numpy as np
from sklearn.metrics import log_loss
from sklearn.utils.extmath import softmax as sklearn_softmax
{INPUTS}

{WORDS}
float32, float64 = np.float32, np.float64
numbered, negative, named, boolean, listed, one_hot = "numbered negative named boolean listed one_hot".split()
{LAYOUTS_OF_NUMPY}
"""
    """

def shares(x):
    terms = np.exp(x - x.max(axis=-1, keepdims=True))
    return terms / terms.sum(axis=-1, keepdims=True)


def labels_of(classes, many, spelling):
    every = np.arange(many)
    if spelling == "one_hot":
        return 1 * (classes[:, None] == every), None
    names = {"negative": every - 7, "named": np.array(list("abcdefgh"))[:many], "boolean": every == 1}
    names = names.get(spelling, every)
    labels = names[classes]
    return labels.tolist() if spelling == "listed" else labels, names


def loss(shape, kind, form, layout, spelling, column, of_rows, reduction):
    labels, names = labels_of(classes_of(shape, kind), shape[-1], spelling)
    likely = shares(logits_of(shape, kind))
    likely = laid(likely[:, 1] if column else likely, form, layout)
    options = {} if names is None else {"labels": names}
    if of_rows:
        options["sample_weight"] = factors_of(shape[:1])
    return [log_loss(labels, likely, normalize=reduction == "mean", **options)]


def softmax(shape, kind, form, layout):
    return np.asarray(sklearn_softmax(laid(logits_of(shape, kind), form, layout)), dtype=np.float64).ravel().tolist()
"""
)


def _legal(case: Case) -> bool:
    """Return whether scikit-learn documents it: one column is that of the second of two classes."""
    many = case["shape"][-1]
    if case.get("column") and (many != 2 or case["spelling"] == "one_hot"):
        return False
    return not (case.get("spelling") == "boolean" and many != 2)


_ROWS = (((4, 2), -1), ((3, 3), -1), ((5, 8), -1), ((1, 2), -1))
_TABLE: dict[str, Any] = {"form": ("float32", "float64"), "layout": LAYOUTS}

FUNCTIONS = (
    Function(
        "loss",
        "cross_entropy",
        INDICES,
        {
            "place": _ROWS,
            "kind": ("typical", "level"),
            **_TABLE,
            "spelling": ("numbered", "negative", "named", "boolean", "listed", "one_hot"),
            "column": (False, True),
            "of_rows": (False, True),
            "reduction": ("sum", "mean"),
        },
        {"what": "value"},
        legal=_legal,
    ),
    Function(
        "softmax",
        "softmax",
        SOFTMAX,
        {"place": _ROWS, "kind": ("typical", "level", "high", "far", "offset", "masked"), **_TABLE},
        {"what": "value"},
        legal=_legal,
    ),
)
