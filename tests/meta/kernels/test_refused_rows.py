"""Rows that a function refuses by an error that says so are noted once; other errors stay crashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import logitproof
from logitproof.kernels.refused_rows import is_refusal_of_rows

if TYPE_CHECKING:
    from logitproof.kernels.verdict import KernelVerdict

ENTROPY = "probability_entropy"


@pytest.mark.parametrize(
    ("failure", "is_one"),
    [
        ("ValueError: CategoricalProbs distribution got invalid probs parameter.", True),
        ("ValueError: Expected parameter probs (Tensor of shape (4, 3)) to satisfy the constraint Simplex()", True),
        ("ValueError: y_prob contains values greater than 1: 1.25", True),
        ("ValueError: The number of classes must be at least 2", True),
        ("ValueError: The labels array needs to contain at least two labels, got [0].", True),
        ("ValueError: too many rows", False),
        ("ValueError: operands could not be broadcast together with shapes (4,) (3,)", False),
        ("IndexError: index 3 is out of bounds for axis 1 with size 3", False),
        ("ZeroDivisionError: invalid value: a negative sum", False),
    ],
)
def test_an_error_that_names_values_is_a_refusal(failure: str, is_one: bool) -> None:  # noqa: FBT001
    assert is_refusal_of_rows(failure) == is_one


def entropy(p: Any, message: str) -> Any:
    if (abs(p.astype(np.float64).sum(axis=1) - 1) > 1e-2).any():
        raise ValueError(message)
    return -np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0).sum(axis=1)


def judged(message: str) -> KernelVerdict:
    def own(p: Any) -> Any:
        return entropy(p, message)

    return logitproof.check(own, op=ENTROPY, format="float32", widest=300)


def test_a_refusal_is_noted_once_and_not_held_against_it() -> None:
    verdict = judged("probabilities sum to 0.5 in row 3")
    assert verdict.conforms, verdict.details()
    (note,) = [one for one in verdict.notes if "it refuses rows" in one]
    assert "sums other than one" in note
    assert "probabilities sum to" in note
    assert [one.regime for one in verdict.judgements if one.verdict == "unsupported"] == ["sums other than one"]


def test_an_accident_is_a_crash() -> None:
    verdict = judged("could not broadcast: shapes do not match")
    assert not verdict.conforms
    assert [one.regime for one in verdict.judgements if one.verdict == "crashed"] == ["sums other than one"]
