"""Rows that a function refuses by an error that says so are noted once; other errors stay crashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import logitproof
from logitproof.kernels.judging.refused_rows import is_refusal_of_rows

if TYPE_CHECKING:
    from logitproof.kernels.findings.verdict import KernelVerdict

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


def of_confident_rows(p: Any) -> Any:
    if (p > 0.9).any():
        raise ValueError("invalid value: probabilities must be less than 0.9")
    return entropy(p, "")


def asserted_of_confident_rows(p: Any) -> Any:
    assert (p <= 0.9).all()
    return entropy(p, "")


@pytest.mark.parametrize("refusing", [of_confident_rows, asserted_of_confident_rows])
def test_a_refusal_of_rows_of_the_domain_is_a_crash(refusing: Any) -> None:
    verdict = logitproof.check(refusing, op=ENTROPY, format="float32", widest=300)
    assert not verdict.conforms
    assert {one.regime for one in verdict.judgements if one.verdict == "crashed"} == {"confident", "two classes"}


def test_a_refusal_of_large_logits_is_a_crash_and_of_infinite_ones_a_note() -> None:
    def refusing(x: Any) -> Any:
        if not np.isfinite(x).all():
            raise ValueError("logits must be finite")
        if np.abs(x).max() > 1e4:
            raise ValueError("logits must be finite and between 0 and 1e4")
        return entropy_of_logits(x)

    verdict = logitproof.check(refusing, op="entropy", format="float32", widest=300)
    assert {one.regime for one in verdict.judgements if one.verdict == "crashed"} == {"common_offset_1e4"}
    assert any("it refuses rows (ValueError: logits must be finite): classes at -inf" in one for one in verdict.notes)


def entropy_of_logits(x: Any) -> Any:
    t = x.astype(np.float64) - x.max(axis=1, keepdims=True)
    e = np.exp(t)
    s = e.sum(axis=1)
    return (np.log(s) - np.where(e == 0, 0, e * t).sum(axis=1) / s).astype(x.dtype)


def test_a_width_that_ordinary_rows_are_refused_at_too_is_a_note() -> None:
    def refusing(x: Any) -> Any:
        if x.shape[1] < 2:
            raise ValueError("at least two classes")
        return entropy_of_logits(x)

    verdict = logitproof.check(refusing, op="entropy", format="float32", widest=300)
    assert verdict.conforms, verdict.details()
    assert any("it refuses rows (ValueError: at least two classes): one class" in one for one in verdict.notes)
