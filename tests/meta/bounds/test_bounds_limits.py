"""A bound is finite exactly where the exact answer is: at infinities, masked classes, and the largest numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.assumptions import MUST, SHOULD
from logitproof_reference.cases.regimes.extreme import REGIMES_EXTREME
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUESTIONS = [
    ("softmax", "none", "value"),
    ("softmax", "none", "grad_logits"),
    ("log_softmax", "none", "value"),
    ("log_softmax", "none", "grad_logits"),
    ("log_sum_exp", "none", "value"),
    ("log_sum_exp", "none", "grad_logits"),
    ("softmax_cross_entropy", "indices", "value"),
    ("softmax_cross_entropy", "indices", "grad_logits"),
    ("softmax_cross_entropy", "distributions", "value"),
    ("softmax_cross_entropy", "distributions", "grad_logits"),
    ("softmax_cross_entropy", "distributions", "grad_labels"),
]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("regime", REGIMES_EXTREME)
def test_bound_is_finite_exactly_where_the_answer_is(regime: str, name: str) -> None:
    if name not in REGIMES_EXTREME[regime].formats:
        pytest.skip(f"{regime} has no rows in {name}")
    # The oracle answers the huge differences of these in multiple precision, row by row.
    count = 2 if name == "float64" and "max_finite" in regime else 12
    rows = REGIMES_EXTREME[regime].build(FORMATS[name])[:count]
    exact_rows = ExactRows(rows.logits)
    for op, kind, quantity in QUESTIONS:
        labels = {"none": None, "indices": rows.indices, "distributions": rows.distributions}[kind]
        upstream = rows.class_cotangents if op in {"softmax", "log_softmax"} else rows.row_cotangents
        cotangent = None if quantity == "value" else upstream
        exact = exact_rows.evaluate(op, quantity, labels, cotangent)
        for arithmetic in (MUST, SHOULD):
            request = checked_request(op, quantity, rows.logits, labels, cotangent=cotangent)
            found = bound(request, FORMATS[name], arithmetic)
            np.testing.assert_array_equal(np.isfinite(found), np.isfinite(exact.value), f"{op} {kind} {quantity}")
            assert not (found < 0.0).any()


def test_bound_of_no_rows_is_empty() -> None:
    for op, quantity, shape in [("softmax", "value", (0, 3)), ("log_sum_exp", "value", (0,))]:
        found = bound(checked_request(op, quantity, np.zeros((0, 3))), FORMATS["float32"], MUST)
        assert found.shape == shape


def test_blocks_do_not_change_a_bound() -> None:
    logits = np.linspace(-5.0, 5.0, 300 * 1000).reshape(300, 1000)
    whole = bound(checked_request("softmax", "value", logits), FORMATS["float32"], MUST)
    alone = bound(checked_request("softmax", "value", logits[290:]), FORMATS["float32"], MUST)
    np.testing.assert_array_equal(whole[290:], alone)


@pytest.mark.parametrize(
    ("op", "quantity", "logits", "said"),
    [
        ("softmax", "grad_labels", np.zeros((1, 2)), "grad_labels of softmax is not known"),
        ("softmax", "value", np.zeros(2), r"shape \(2,\)"),
        ("softmax_cross_entropy", "value", np.zeros((1, 2)), "needs labels"),
        ("softmax", "jvp", np.zeros((1, 2)), "needs a tangent"),
    ],
)
def test_request_without_an_answer_is_refused(op: str, quantity: str, logits: NDArray[Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        checked_request(op, quantity, logits)


def test_derivatives_of_higher_order_have_no_bound_with_options() -> None:
    logits = np.zeros((1, 2))
    request = checked_request(
        "softmax_cross_entropy", "jvp", logits, np.array([0]), tangent=logits, label_smoothing=0.125
    )
    with pytest.raises(ValueError, match="no bound is known for jvp with options"):
        bound(request, FORMATS["float32"], MUST)
