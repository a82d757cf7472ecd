"""Bernoulli and relaxed distributions of logits: exact by their densities in multiple precision, bounds that hold."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from logitproof_reference.bounds.assumptions import MUST, SHOULD
from logitproof_reference.bounds.derived_losses import bound
from logitproof_reference.cases.hashed_numbers import normals
from logitproof_reference.oracle.derived_losses import Operands, exact
from logitproof_reference.prologues.distribution_bounds import DISTRIBUTIONS as BOUNDS
from logitproof_reference.prologues.distributions import DISTRIBUTIONS
from logitproof_reference.vocabulary.formats import FORMATS
from meta.derived_losses import by_mpmath

QUESTIONS = [(op, quantity) for op, of_op in DISTRIBUTIONS.items() for quantity in of_op]


def operands(size: float, temperature: float, name: str = "float32", shape: tuple[int, int] = (4, 5)) -> Operands:
    made = [(size * normals(f"distributions {side}", shape)).astype(FORMATS[name].dtype) for side in ("own", "sample")]
    return Operands(made[0], made[1], temperature=temperature)


@pytest.mark.parametrize(("size", "temperature"), [(0.01, 1.0), (1.0, 0.3), (30.0, 2.0)])
@pytest.mark.parametrize(("op", "quantity"), QUESTIONS)
def test_every_answer_is_exact_by_multiple_precision(op: str, quantity: str, size: float, temperature: float) -> None:
    given = operands(size, temperature)
    found = exact(op, quantity, given, formulas=DISTRIBUTIONS)
    truth = by_mpmath.of_distributions(op, quantity, given)
    assert set(truth) == set(np.ndindex(found.shape))
    for place, expected in truth.items():
        with mpmath.workdps(by_mpmath.DIGITS):
            ball = mpmath.mpf(float(found.value[place])) + mpmath.mpf(float(found.tail[place]))
            assert abs(ball - expected) <= mpmath.mpf(float(found.radius[place])) + mpmath.mpf(2) ** -900, place
        assert found.radius[place] <= 2.0**-75 * max(1.0, size)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("op", "quantity"), QUESTIONS)
def test_rounding_once_stays_within_the_bound(op: str, quantity: str, name: str) -> None:
    given = operands(3.0, 0.5, name, (24, 10))
    truth = exact(op, quantity, given, formulas=DISTRIBUTIONS)
    error = truth.distance(truth.value.astype(FORMATS[name].dtype))
    for arithmetic in (MUST, SHOULD):
        allowed = bound(op, quantity, given, (FORMATS[name], arithmetic), bounds=BOUNDS)
        assert (error <= allowed).all()
        if name == "float32":
            assert (allowed <= 3e-4).all(), float(allowed.max())


def test_a_sample_is_needed() -> None:
    logits: Any = np.zeros((1, 2), np.float32)
    with pytest.raises(ValueError, match="needs a sample"):
        exact("relaxed_categorical", "value", Operands(logits), formulas=DISTRIBUTIONS)
