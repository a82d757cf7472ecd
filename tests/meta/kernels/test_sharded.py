"""A loss over a sharded vocabulary has one answer on all ranks; what a rank takes from its own shard alone is named."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import logitproof
from logitproof.errors import UsageError
from logitproof.kernels.cases import head_cases
from logitproof.kernels.families.one_answer_of_ranks import one_answer
from logitproof_reference.numerics.enclosure import Enclosure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof.kernels.findings.verdict import KernelVerdict

    Array = NDArray[Any]

FEW = {name: head_cases.QUICK[name] for name in ("ordinary", "offset", "one class")}
SMOOTHING = 0.25


def loss(h: Array, w: Array, labels: Array, *, ranks: int, label_smoothing: float = 0.0, fault: str = "") -> Array:
    """Return the loss as each rank has it, of shards of the classes."""
    z = h @ w.T
    shards = np.array_split(z, ranks, axis=1)
    top = z.max(axis=1)
    sums = [np.exp(shard - top[:, None]).sum(axis=1) for shard in shards]
    label = z[np.arange(len(z)), labels] - top
    starts = np.cumsum([0, *(shard.shape[1] for shard in shards)])
    if fault == "label at the border":  # owned by neither of two shards: no rank adds its logit
        label = np.where(np.isin(labels, starts[1:-1]), -top, label)
    found = []
    for rank, shard in enumerate(shards):
        total = {"own sum": sums[rank], "all classes on every rank": ranks * sum(sums)}.get(fault, sum(sums))
        inside = (labels >= starts[rank]) & (labels < starts[rank + 1])
        own = np.where(inside, label, 0) if fault == "label of the shard" else label
        if fault == "own maximum":
            highest = [part.max(axis=1, initial=-np.inf) for part in shards]
            total = sum(np.exp(part - high[:, None]).sum(axis=1) for part, high in zip(shards, highest, strict=True))
            own = own + top - highest[rank]
        spread_over = shard if fault == "smoothing over the shard" else z
        mean = (spread_over - top[:, None]).mean(axis=1)
        with np.errstate(divide="ignore"):
            found.append(np.log(total) - (1 - label_smoothing) * own - label_smoothing * mean)
    return (np.stack(found) if ranks > 1 else found[0]).astype(h.dtype)


def gradient(
    h: Array, w: Array, labels: Array, c: Array, *, ranks: int, label_smoothing: float = 0.0, fault: str = ""
) -> tuple[Array, Array]:
    """Return the gradients; with the fault, ranks without the label subtract 1 at their first class."""
    z = h @ w.T
    e = np.exp(z - z.max(axis=1, keepdims=True))
    slope = e / e.sum(axis=1, keepdims=True) - np.float32(label_smoothing / z.shape[1])
    starts = np.cumsum([0, *(len(one) for one in np.array_split(np.arange(z.shape[1]), ranks))])
    for rank, start in enumerate(starts[:-1]):
        inside = (labels >= start) & (labels < starts[rank + 1])
        where = np.where(inside, labels, min(start, z.shape[1] - 1))
        counted = inside | (fault == "others subtract too")
        slope[np.arange(len(z)), where] -= counted * np.float32(1 - label_smoothing)
    slope = slope * c[:, None]
    return slope @ w, slope.T @ h


def judged(ranks: int, fault: str, monkeypatch: pytest.MonkeyPatch, **declared: Any) -> KernelVerdict:
    monkeypatch.setitem(head_cases.SHAPES, "quick", FEW)
    value, slope = partial(loss, ranks=ranks, fault=fault), partial(gradient, ranks=ranks, fault=fault)
    value.__name__ = "head"  # type: ignore[attr-defined]
    return logitproof.check(value, op="linear_cross_entropy", gradient=slope, format="float32", ranks=ranks, **declared)


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
@pytest.mark.parametrize("declared", [{}, {"label_smoothing": SMOOTHING}], ids=["plain", "smoothed"])
def test_one_answer_on_every_rank_conforms(
    ranks: int, declared: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = judged(ranks, "", monkeypatch, **declared)
    assert [(found.clause, found.regime, found.reason) for found in verdict.judgements if not found.expected] == []
    assert ("LIN-9" in {found.clause for found in verdict.judgements}) == (ranks > 1)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("own sum", "the ranks have"),
        ("label of the shard", "the ranks have"),
        ("smoothing over the shard", "the ranks have"),
        ("all classes on every rank", "larger by log 2"),
        ("own maximum", "the ranks have"),
    ],
)
def test_what_a_rank_takes_from_its_own_shard_is_named(fault: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = {"label_smoothing": SMOOTHING} if "smoothing" in fault else {}
    found = judged(2, fault, monkeypatch, **declared).judgements
    assert any(says in one.reason for one in found if one.clause == "LIN-9" and one.verdict == "deviates")


def test_a_label_at_the_border_of_two_shards_has_an_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    found = judged(2, "label at the border", monkeypatch).judgements
    assert "LIN-1" in {one.clause for one in found if one.verdict == "deviates"}


def test_a_shard_without_the_label_has_no_label(monkeypatch: pytest.MonkeyPatch) -> None:
    found = judged(3, "others subtract too", monkeypatch).judgements
    assert {one.clause for one in found if one.verdict == "deviates"} >= {"LIN-2", "LIN-3"}


def test_ranks_are_a_number_from_one_and_of_fused_heads() -> None:
    with pytest.raises(UsageError, match="ranks is 0"):
        logitproof.check(loss, op="linear_cross_entropy", ranks=0)
    with pytest.raises(UsageError, match="ranks is declared of linear_cross_entropy"):
        logitproof.check(loss, op="softmax_cross_entropy", ranks=2)


def test_a_loss_within_a_bound_that_holds_the_logarithm_of_the_ranks_is_one_answer() -> None:
    exact = Enclosure.exact(np.full(3, 40.0))
    assert one_answer(np.full((2, 3), 40.25), exact, np.ones(3)) == ("conforms", "")
    assert one_answer(np.full((2, 3), 40.0 + np.log(2.0)), exact, np.full(3, 0.5))[0] == "deviates"
