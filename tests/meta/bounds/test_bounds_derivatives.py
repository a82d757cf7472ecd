"""Bounds of jvp and hvp hold for every ordinary way to compute them in the format itself, and are not loose.

The truth is float64 in closed form: eight digits beyond float32, so that it moves no slack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.assumptions import Arithmetic
from logitproof_reference.cases import hashed_numbers as bit_generator
from logitproof_reference.oracle.request import Request, checked_request
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS, TAKES_COTANGENT, TAKES_TANGENT
from meta.bounds.emulated_arithmetic import FAMILIES, Emulation, cotangents, distributions, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    F64 = NDArray[np.float64]
    Way = Callable[[Emulation, "Case"], F64]

NAMES = ["float16", "bfloat16", "float32"]
CORRECT = Arithmetic(exp_ulps=0.5, log_ulps=0.5, flush_to_zero=False)
LOOSE = Arithmetic(exp_ulps=4.0, log_ulps=4.0, flush_to_zero=False)
EMULATIONS = [(0.0, CORRECT), (3.5, LOOSE), (-3.5, LOOSE)]


class Case:
    """Rows, labels, cotangents and a direction of a family in a format."""

    def __init__(self, family: str, name: str) -> None:
        self.x = rows_of(family, FORMATS[name], 100)
        rows, n = self.x.shape
        self.k = bit_generator.integers("index", (rows,), n)
        self.q = distributions(self.x, FORMATS[name])
        self.g = np.where(cotangents((rows,)) == 0.0, 1.0, cotangents((rows,)))[:, None]
        self.c = cotangents((rows, n))
        self.v = cotangents((rows, n + 1))[:, 1:]
        self.onehot = (np.arange(n) == self.k[:, None]).astype(np.float64)


def true_softmax(x: F64) -> F64:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True), dtype=np.float64)


def moved(p: F64, v: F64) -> F64:
    return np.asarray(p * (v - (p * v).sum(axis=-1, keepdims=True)), dtype=np.float64)


TRUTHS: dict[tuple[str, str, str], Callable[[Case, F64], F64]] = {
    ("softmax", "none", "jvp"): lambda case, p: moved(p, case.v),
    ("log_softmax", "none", "jvp"): lambda case, p: case.v - (p * case.v).sum(-1, keepdims=True),
    ("log_sum_exp", "none", "jvp"): lambda case, p: (p * case.v).sum(-1),
    ("softmax_cross_entropy", "indices", "jvp"): lambda case, p: ((p - case.onehot) * case.v).sum(-1),
    ("softmax_cross_entropy", "distributions", "jvp"): lambda case, p: (
        (case.q.sum(-1, keepdims=True) * p - case.q) * case.v
    ).sum(-1),
    ("softmax", "none", "hvp"): lambda case, p: (
        moved(p, case.v) * (case.c - (p * case.c).sum(-1, keepdims=True))
        - p * (case.c * moved(p, case.v)).sum(-1, keepdims=True)
    ),
    ("log_softmax", "none", "hvp"): lambda case, p: -case.c.sum(-1, keepdims=True) * moved(p, case.v),
    ("log_sum_exp", "none", "hvp"): lambda case, p: case.g * moved(p, case.v),
    ("softmax_cross_entropy", "indices", "hvp"): lambda case, p: case.g * moved(p, case.v),
    ("softmax_cross_entropy", "distributions", "hvp"): lambda case, p: (
        case.g * case.q.sum(-1, keepdims=True) * moved(p, case.v)
    ),
}


def _centred(a: Emulation, p: F64, v: F64) -> F64:
    return a.fl(p * a.fl(v - a.dot(p, v)))


def _expanded(a: Emulation, p: F64, v: F64) -> F64:
    return a.fl(a.fl(p * v) - a.fl(p * a.dot(p, v)))


def _squared_sum(a: Emulation, case: Case, weight: F64) -> F64:
    """W e_j v_j / S - w S' e_j / S^2: the tape of a gradient (w / S) e_j."""
    e = a.exp(a.shifted(case.x))
    total = a.sum(e)
    first = a.fl(a.fl(a.fl(weight / total) * e) * case.v)
    moved_total = a.fl(a.fl(weight * a.dot(e, case.v)) / a.fl(total * total))
    return a.fl(first - a.fl(moved_total * e))


def _softmax_hvp(a: Emulation, case: Case) -> F64:
    p = a.softmax(case.x)
    moved_p = _centred(a, p, case.v)
    second = a.fl(p * a.dot(moved_p, case.c))
    return a.fl(a.fl(moved_p * a.fl(case.c - a.dot(p, case.c))) - second)


def _softmax_hvp_expanded(a: Emulation, case: Case) -> F64:
    p = a.softmax_by_reciprocal(case.x)
    moved_p = _expanded(a, p, case.v)
    first = a.fl(a.fl(moved_p * case.c) - a.fl(moved_p * a.dot(p, case.c)))
    return a.fl(first - a.fl(p * a.dot(moved_p, case.c)))


def _seeds(a: Emulation, case: Case) -> F64:
    return a.sum(a.fl(case.g * case.q))


WAYS: dict[tuple[str, str, str], dict[str, Way]] = {
    ("softmax", "none", "jvp"): {
        "centred": lambda a, case: _centred(a, a.softmax(case.x), case.v),
        "expanded": lambda a, case: _expanded(a, a.softmax_by_exp(case.x), case.v),
        "squared sum": lambda a, case: _squared_sum(a, case, np.ones_like(case.g)),
    },
    ("log_softmax", "none", "jvp"): {
        "softmax": lambda a, case: a.fl(case.v - a.dot(a.softmax(case.x), case.v)),
        "sums apart": lambda a, case: a.fl(
            case.v - a.fl(a.dot(a.exp(a.shifted(case.x)), case.v) / a.sum(a.exp(a.shifted(case.x))))
        ),
    },
    ("log_sum_exp", "none", "jvp"): {
        "softmax": lambda a, case: a.dot(a.softmax_by_exp(case.x), case.v)[:, 0],
        "division": lambda a, case: a.dot(a.softmax(case.x), case.v)[:, 0],
    },
    ("softmax_cross_entropy", "indices", "jvp"): {
        "gathered": lambda a, case: (
            -np.take_along_axis(a.fl(case.v - a.dot(a.softmax(case.x), case.v)), case.k[:, None], axis=1)[:, 0]
        ),
        "gradient": lambda a, case: a.dot(a.fl(a.softmax(case.x) - case.onehot), case.v)[:, 0],
    },
    ("softmax_cross_entropy", "distributions", "jvp"): {
        "dot": lambda a, case: -a.dot(case.q, a.fl(case.v - a.dot(a.softmax(case.x), case.v)))[:, 0],
        "gradient": lambda a, case: a.dot(a.fl(a.fl(a.sum(case.q) * a.softmax(case.x)) - case.q), case.v)[:, 0],
    },
    ("softmax", "none", "hvp"): {"centred": _softmax_hvp, "expanded": _softmax_hvp_expanded},
    ("log_softmax", "none", "hvp"): {
        "factored": lambda a, case: a.fl(-a.sum(case.c) * _centred(a, a.softmax(case.x), case.v)),
        "squared sum": lambda a, case: _squared_sum(a, case, -a.sum(case.c)),
    },
    ("log_sum_exp", "none", "hvp"): {
        "factored": lambda a, case: a.fl(case.g * _expanded(a, a.softmax(case.x), case.v)),
        "squared sum": lambda a, case: _squared_sum(a, case, case.g),
    },
    ("softmax_cross_entropy", "indices", "hvp"): {
        "factored": lambda a, case: a.fl(case.g * _centred(a, a.softmax_by_exp(case.x), case.v)),
        "squared sum": lambda a, case: _squared_sum(a, case, case.g),
    },
    ("softmax_cross_entropy", "distributions", "hvp"): {
        "factored": lambda a, case: a.fl(_seeds(a, case) * _centred(a, a.softmax(case.x), case.v)),
        "squared sum": lambda a, case: _squared_sum(a, case, _seeds(a, case)),
    },
}
"""Every op, kind of labels and quantity of second order, with its ordinary ways."""


def request_of(question: tuple[str, str, str], case: Case) -> Request:
    op, labels, quantity = question
    upstream = case.c if OPS[op].keeps_classes else case.g[:, 0]
    return checked_request(
        op,
        quantity,
        case.x,
        {"none": None, "indices": case.k, "distributions": case.q}[labels],
        cotangent=upstream if quantity in TAKES_COTANGENT else None,
        tangent=case.v if quantity in TAKES_TANGENT else None,
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("question", [pytest.param(question, id="-".join(question)) for question in WAYS])
def test_derivatives_keep_their_bounds_and_use_much_of_them(question: tuple[str, str, str], name: str) -> None:
    used = {}
    for family in FAMILIES:
        if family == "wide":
            continue
        case = Case(family, name)
        exact = TRUTHS[question](case, true_softmax(case.x))
        for ulps, arithmetic in EMULATIONS:
            granted = bound(request_of(question, case), FORMATS[name], arithmetic)
            for way, evaluate in WAYS[question].items():
                error = np.abs(evaluate(Emulation(FORMATS[name], ulps, ulps), case) - exact)
                used[f"{family}, {way}, {ulps}"] = float(
                    np.divide(error, granted, out=np.zeros_like(error), where=error > 0.0).max()
                )
    assert max(used.values()) <= 1.0, max(used, key=used.__getitem__)
    assert max(used.values()) >= 0.25
