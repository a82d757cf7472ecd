"""The worst element of a record: its own error, not the largest of its regime; no ratio where no bound applies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from logitproof_reference.judging.worst_element import exact_parts, worst_element
from logitproof_reports.counting.run_table import _unbounded


def record(**fields: object) -> dict[str, Any]:
    """Return a judgement on a loss in float32: 2.25 observed, 2 exact, and a far larger error on another row."""
    plain = {
        "op": "softmax_cross_entropy",
        "quantity": "value",
        "format": "float32",
        "verdict": "deviates",
        "exact": "0x1p+1 + 0x1p-60",
        "observed": "0x1.2p+1",
        "bound": "1e-06",
        "slack": 2.5e5,
        "ulps": 1e300,
        "nats": 1e290,
    }
    return {**plain, **fields}


def test_error_and_ulps_are_those_of_the_recorded_answer() -> None:
    found = worst_element(record())
    assert found.error == pytest.approx(0.25)
    assert found.ulps == pytest.approx(0.25 / 2.0**-22)
    assert (found.ratio, found.unit, found.accepted) == (2.5e5, "nats", False)


@pytest.mark.parametrize(("op", "quantity"), [("softmax", "value"), ("softmax_cross_entropy", "grad_logits")])
def test_probabilities_and_derivatives_are_not_in_nats(op: str, quantity: str) -> None:
    assert worst_element(record(op=op, quantity=quantity)).unit == "absolute"


ACCEPTED = {"verdict": "conforms", "observed": "nan", "slack": 1.0, "ulps": math.inf}
INFINITE = {"verdict": "conforms", "exact": "nan", "observed": "nan", "bound": "nan", "slack": 0.0, "ulps": 0.0}
AT_THE_BOUND = {"verdict": "conforms", "observed": "0x1.00001p+1", "bound": "1.90735e-06", "slack": 1.0, "ulps": 8.0}


@pytest.mark.parametrize(("fields", "unbounded"), [(ACCEPTED, True), (INFINITE, True), (AT_THE_BOUND, False)])
def test_what_no_bound_decides_has_no_ratio(fields: dict[str, object], *, unbounded: bool) -> None:
    made = record(**fields)
    assert math.isnan(worst_element(made).ratio) == unbounded
    assert worst_element(made).accepted == (fields is ACCEPTED)
    # Tables of many rows decide the same at once.
    assert np.asarray(_unbounded(pa.Table.from_pylist([made]))).tolist() == [unbounded]


def test_a_wrong_answer_keeps_its_ratio() -> None:
    assert worst_element(record(exact="-inf", observed="nan", bound="nan", slack=math.inf)).ratio == math.inf


@pytest.mark.parametrize("fields", [{"observed": ""}, {"exact": "several"}, {"format": "float8"}])
def test_what_was_not_recorded_is_not_measured(fields: dict[str, object]) -> None:
    found = worst_element(record(**fields))
    assert all(map(math.isnan, (found.error, found.ulps, found.ratio)))


def test_a_tail_is_part_of_the_exact_answer() -> None:
    assert exact_parts("-0x1p+0 - 0x1p-60") == [-1.0, -(2.0**-60)]
