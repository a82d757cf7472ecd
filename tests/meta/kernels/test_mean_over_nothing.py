"""A mean over weights that sum to 0 is not defined: NaN, 0 and, with smoothing, infinity are accepted (OPT-5)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof.kernels.judging.asking import Asker
from logitproof.kernels.judging.truth import Question, weights
from logitproof_adapters.kernels.adapter import adapter_of
from logitproof_adapters.kernels.declaration import Declaration
from logitproof_adapters.kernels.kernel import Kernel
from logitproof_reference.cases.regime import Rows

if TYPE_CHECKING:
    from collections.abc import Callable

SMOOTHED = Declaration(reduction="mean", weight=True, label_smoothing=0.1)
LOSS = "softmax_cross_entropy"


def weighted_mean(x: Any, y: Any, weight: Any, smoothing: float, divided: Callable[[Any, Any], Any]) -> Any:
    t = x.astype(np.float64) - x.max(axis=1, keepdims=True)
    logs = t - np.log(np.exp(t).sum(axis=1, keepdims=True))
    own = weight[y] * logs[np.arange(len(y)), y]
    rows = -(1 - smoothing) * own - smoothing * (logs * weight).mean(axis=1)
    with np.errstate(all="ignore"):
        return divided(rows.sum(), weight[y].astype(np.float64).sum())


def outcome(declaration: Declaration, divided: Callable[[Any, Any], Any], *, weighs_nothing: bool) -> bool:
    """Return whether the answer on one row is accepted, whose label's class weighs nothing or something."""
    logits = np.linspace(-1, 1, 12, dtype=np.float32)[None]
    weight = weights(declaration, logits)["weight"]
    label = int(np.flatnonzero((weight == 0) == weighs_nothing)[0])
    ones = np.ones_like(logits)
    rows = Rows(logits, np.array([label]), ones / 12, ones[:, 0], ones)

    def kernel(x: Any, y: Any, weight: Any) -> Any:
        return np.float32(weighted_mean(x, y, weight, declaration.label_smoothing, divided))

    asked = Kernel(kernel, LOSS, declaration=declaration)
    asker = Asker(adapter_of(asked), Question(LOSS, "indices", "value", declaration))
    reply = asker.ask("value", rows)
    assert reply.observed is not None, reply.failure
    return not asker.held("value", rows, reply).wrong.any()


DIVIDED = {
    "nan": lambda total, over: total / over if over else np.nan,
    "zero": lambda total, over: total / over if over else 0.0,
    "infinite": lambda total, over: np.float64(total) / over if over else np.inf,
    "of the total": lambda total, over: total / over if over else total,
}


@pytest.mark.parametrize(
    ("divided", "accepted"), [("nan", True), ("zero", True), ("infinite", True), ("of the total", False)]
)
def test_what_a_mean_over_no_weight_may_be(divided: str, *, accepted: bool) -> None:
    assert outcome(SMOOTHED, DIVIDED[divided], weighs_nothing=True) == accepted
    assert outcome(SMOOTHED, DIVIDED[divided], weighs_nothing=False)


def test_without_smoothing_it_is_not_infinite() -> None:
    plain = replace(SMOOTHED, label_smoothing=0.0)
    assert not outcome(plain, DIVIDED["infinite"], weighs_nothing=True)
    assert outcome(plain, DIVIDED["zero"], weighs_nothing=True)
