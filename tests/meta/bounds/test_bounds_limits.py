"""A bound is finite exactly where the exact answer is: at infinities, masked classes, and the largest numbers."""

from __future__ import annotations

import numpy as np
import pytest

from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.assumptions import MUST, SHOULD
from logitproof_reference.cases.extreme import REGIMES_EXTREME
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.vocabulary.formats import FORMATS

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
            found = bound(
                op,
                quantity,
                logits=rows.logits,
                labels=labels,
                cotangent=cotangent,
                format=FORMATS[name],
                arithmetic=arithmetic,
            )
            np.testing.assert_array_equal(np.isfinite(found), np.isfinite(exact.value), f"{op} {kind} {quantity}")
            assert not (found < 0.0).any()


def test_bound_of_no_rows_is_empty() -> None:
    for op, quantity, shape in [("softmax", "value", (0, 3)), ("log_sum_exp", "value", (0,))]:
        found = bound(op, quantity, logits=np.zeros((0, 3)), format=FORMATS["float32"], arithmetic=MUST)
        assert found.shape == shape


def test_blocks_do_not_change_a_bound() -> None:
    logits = np.linspace(-5.0, 5.0, 300 * 1000).reshape(300, 1000)
    whole = bound("softmax", "value", logits=logits, format=FORMATS["float32"], arithmetic=MUST)
    alone = bound("softmax", "value", logits=logits[290:], format=FORMATS["float32"], arithmetic=MUST)
    np.testing.assert_array_equal(whole[290:], alone)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"op": "softmax", "quantity": "grad_labels", "logits": np.zeros((1, 2))}, "softmax grad_labels"),
        ({"op": "softmax", "quantity": "value", "logits": np.zeros(2)}, r"shape \(2,\)"),
        ({"op": "softmax_cross_entropy", "quantity": "value", "logits": np.zeros((1, 2))}, "labels are missing"),
        ({"op": "softmax", "quantity": "jvp", "logits": np.zeros((1, 2))}, "tangent is missing"),
    ],
)
def test_question_without_an_answer_is_refused(arguments: dict[str, object], said: str) -> None:
    op, quantity, logits = arguments["op"], arguments["quantity"], arguments["logits"]
    with pytest.raises(ValueError, match=said):
        bound(op, quantity, logits=logits, format=FORMATS["float32"], arithmetic=MUST)  # type: ignore[arg-type]  # mixed table
