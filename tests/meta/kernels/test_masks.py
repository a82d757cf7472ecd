"""Masks of classes: a correct kernel conforms, each planted fault is named, what is undeclared is noted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import logitproof
from logitproof.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof.kernels.findings.verdict import KernelVerdict

    Array = NDArray[Any]


def of_classes(x: Array, where: Array, empty: float = 0.0) -> Array:
    """Softmax of the classes that count; a row without any gives `empty`."""
    kept = np.where(where, x, -np.inf).astype(np.float64)
    top = np.max(kept, axis=1, keepdims=True)
    e = np.exp(kept - np.where(np.isneginf(top), 0.0, top))
    total = e.sum(axis=1, keepdims=True)
    p = np.where(total == 0, empty, e / np.where(total == 0, 1.0, total))
    return np.asarray(np.where(where | (total == 0), p, 0.0)).astype(x.dtype)


def pull_back(x: Array, c: Array, where: Array) -> Array:
    p, upstream = of_classes(x, where).astype(np.float64), np.where(where, c, 0.0)
    return (p * (upstream - (p * upstream).sum(axis=1, keepdims=True))).astype(x.dtype)


def logarithm(x: Array, where: Array) -> Array:
    kept = np.where(where, x, -np.inf).astype(np.float64)
    top = np.max(kept, axis=1, keepdims=True)
    t = kept - np.where(np.isneginf(top), 0.0, top)
    return np.asarray(t - np.log(np.exp(t).sum(axis=1, keepdims=True))).astype(x.dtype)


def checked(kernel: Callable[..., Array], op: str = "softmax", **declared: Any) -> KernelVerdict:
    with np.errstate(all="ignore"):
        return logitproof.check(kernel, op=op, format="float32", widest=65, where=True, **declared)


def broken(verdict: KernelVerdict) -> set[str]:
    return {shown.finding.clause for shown in verdict.shown}


@pytest.mark.parametrize("word", ["zero", "nan", "uniform", "minus_inf"])
def test_a_correct_softmax_conforms_by_what_is_declared_of_rows_without_classes(word: str) -> None:
    given = {"zero": 0.0, "nan": np.nan, "minus_inf": -np.inf}

    def kernel(x: Array, where: Array) -> Array:
        return of_classes(x, where, given.get(word, 1.0 / x.shape[1]))

    verdict = checked(kernel, all_masked=word, gradient=pull_back)
    assert verdict.conforms
    assert not verdict.notes
    assert {"MSK-2"} <= {one.clause for one in verdict.judgements}


def test_a_correct_log_softmax_conforms() -> None:
    assert checked(logarithm, "log_softmax").conforms


def test_a_row_without_classes_is_noted_where_nothing_is_declared() -> None:
    (note,) = checked(of_classes).notes
    assert note == "a fully masked row gives 0: declare --all-masked to have it judged"


def added(x: Array, where: Array) -> Array:
    """Add the mask as a large negative number (keras-team/keras#21850)."""
    w = x.astype(np.float64) + np.where(where, 0.0, -1e4)
    e = np.exp(w - w.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


def added_larger(x: Array, where: Array) -> Array:
    """Add a number that logits of 2e4 do not reach, but the largest ones do."""
    w = x.astype(np.float64) + np.where(where, 0.0, -1e9)
    e = np.exp(w - w.max(axis=1, keepdims=True))
    return np.asarray(np.where(where, e / e.sum(axis=1, keepdims=True), 0.0)).astype(x.dtype)


def maximum_of_all(x: Array, where: Array) -> Array:
    e = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True)) * where
    return np.asarray(e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


def multiplied(x: Array, where: Array) -> Array:
    """Set logits that do not count to 0, as if by a product."""
    w = np.where(where, x, 0.0).astype(np.float64)
    e = np.exp(w - w.max(axis=1, keepdims=True))
    return np.asarray(np.where(where, e / e.sum(axis=1, keepdims=True), 0.0)).astype(x.dtype)


def mask_of_first_row(x: Array, where: Array) -> Array:
    return of_classes(x, np.broadcast_to(where[:1], where.shape))


def inverted(x: Array, where: Array) -> Array:
    return of_classes(x, ~where)


def spoiled_by_a_row_without_classes(x: Array, where: Array) -> Array:
    found = of_classes(x, where)
    return found * np.float32(np.nan if not where.any(axis=1).all() else 1.0)


@pytest.mark.parametrize(
    "kernel",
    [
        added,
        added_larger,
        maximum_of_all,
        multiplied,
        mask_of_first_row,
        inverted,
        spoiled_by_a_row_without_classes,
    ],
)
def test_a_class_that_does_not_count_has_no_share(kernel: Callable[..., Array]) -> None:
    verdict = checked(kernel)
    assert not verdict.conforms
    # The smallest input of a kernel that is wrong everywhere has one class, which counts.
    assert "MSK-1" in broken(verdict) | {one.clause for one in verdict.judgements if not one.expected}


def test_a_mask_that_is_the_lowest_number_leaves_a_share_beside_classes_at_it() -> None:
    def filled(x: Array, where: Array) -> Array:
        """Fill with the least number of the format, as attention masks are made."""
        return of_classes(np.where(where, x, np.finfo(x.dtype).min), np.ones_like(where))

    verdict = checked(filled)
    (shown,) = verdict.shown
    assert shown.finding.clause == "MSK-1"
    assert "at a class that does not count, where all others are at -3.40282e+38" in shown.finding.failure
    deviating = [one for one in verdict.judgements if one.verdict == "deviates"]  # as run files have it too
    assert {(one.clause, one.reason) for one in deviating} == {("MSK-1", shown.finding.failure)}
    assert f"{len(deviating)} deviate;" in verdict.headline()


def test_a_gradient_at_a_class_that_does_not_count_is_named() -> None:
    def leaking(x: Array, c: Array, where: Array) -> Array:
        found = pull_back(x, c, where)
        found[~where] = np.float32(1e-38)
        return found

    assert broken(checked(of_classes, gradient=leaking)) == {"MSK-1"}


def test_another_answer_than_the_declared_one_for_a_row_without_classes_is_named() -> None:
    assert broken(checked(of_classes, all_masked="nan")) == {"MSK-3"}


def test_a_gradient_of_a_row_without_classes_is_held_to_zero() -> None:
    def spoiled(x: Array, c: Array, where: Array) -> Array:
        found = pull_back(x, c, where)
        return np.where(where.any(axis=1, keepdims=True), found, np.float32(np.nan))

    assert broken(checked(of_classes, gradient=spoiled, all_masked="zero")) == {"MSK-3"}


def test_what_stands_where_a_class_does_not_count_is_a_warning() -> None:
    def reading(x: Array, where: Array) -> Array:
        """Let NaN through, as a product with 0 does."""
        return of_classes(x, where) + np.where(np.isnan(x).any(axis=1, keepdims=True), np.float32(np.nan), 0)

    verdict = checked(reading, all_masked="zero")
    assert verdict.conforms
    assert [one.verdict for one in verdict.judgements if one.clause == "MSK-2"] == ["concern"]
    assert verdict.notes == ("value of float32: NaN at classes that do not count: another result (MSK-2)",)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"where": False, "all_masked": "zero"}, "all_masked is of rows behind a mask: declare where too"),
        ({"where": True, "all_masked": "one"}, 'all_masked "one" is not known'),
        ({"where": True, "op": "entropy"}, "where is for functions of logits, not for entropy"),
    ],
)
def test_what_does_not_go_together_is_refused(declared: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        logitproof.check(of_classes, **{"op": "softmax", **declared})
