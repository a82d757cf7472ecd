"""Bounds of weighted sums and means of losses hold in the format itself, and are not loose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof_reference import bit_generator, bounds_loss
from logitproof_reference.arithmetic import Arithmetic
from logitproof_reference.formats import FORMATS
from logitproof_reference.rounding import Approximation, Rounding
from meta.emulated_arithmetic import Emulation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F64 = NDArray[np.float64]

NAMES = ["float16", "bfloat16", "float32"]
CORRECT = Arithmetic(exp_ulps=0.5, log_ulps=0.5, flush_to_zero=False)


def batches(name: str, size: int) -> tuple[Emulation, F64, F64]:
    """Return 300 batches of losses, and their weights, as numbers of a format."""
    a = Emulation(FORMATS[name])
    losses = a.fl(6.0 * bit_generator.uniforms("losses", (300, size)) ** 2)
    return a, losses, a.fl(0.1 + bit_generator.uniforms("weights", (300, size)))


def usage(answer: F64, found: Approximation) -> float:
    return float((np.abs(answer - found.value) / found.error).max())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 2, 3, 8, 40])
def test_weighted_sum_keeps_its_bound(name: str, size: int) -> None:
    a, losses, weights = batches(name, size)
    found = bounds_loss.weighted_sum(Approximation.exact(losses), weights, Rounding(FORMATS[name], CORRECT))
    used = usage(a.dot(losses, weights), found)
    assert used <= 1.0
    assert used >= (0.5 if size < 8 else 0.1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 2, 3, 8, 40])
def test_weighted_mean_keeps_its_bound(name: str, size: int) -> None:
    a, losses, weights = batches(name, size)
    found = bounds_loss.weighted_mean(Approximation.exact(losses), weights, Rounding(FORMATS[name], CORRECT))
    by_quotient = usage(a.fl(a.dot(losses, weights) / a.sum(weights)), found)
    by_reciprocal = usage(a.fl(a.dot(losses, weights) * a.fl(1.0 / a.sum(weights))), found)
    used = max(by_quotient, by_reciprocal)
    assert used <= 1.0
    assert used >= (0.3 if size < 8 else 0.05)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [2, 3, 8, 40])
def test_mean_keeps_its_bound(name: str, size: int) -> None:
    a, losses, _ = batches(name, size)
    found = bounds_loss.uniform_mean(Approximation.exact(losses), Rounding(FORMATS[name], CORRECT))
    by_quotient = usage(a.fl(a.sum(losses) / size), found)
    by_reciprocal = usage(a.fl(a.sum(losses) * a.fl(np.array(1.0 / size))), found)
    used = max(by_quotient, by_reciprocal)
    assert used <= 1.0
    assert used >= (0.2 if 1 < size < 8 else 0.03)


def test_mean_of_losses_that_are_off_is_off_by_their_mean() -> None:
    losses = Approximation(np.ones((1, 4)), np.full((1, 4), 0.25))
    found = bounds_loss.uniform_mean(losses, Rounding(FORMATS["float64"], CORRECT))
    assert found.error[0, 0] == pytest.approx(0.25)


def test_mean_over_weights_that_sum_to_zero_has_no_bound() -> None:
    losses = Approximation.exact(np.ones((1, 2)))
    found = bounds_loss.weighted_mean(losses, np.zeros((1, 2)), Rounding(FORMATS["float32"], CORRECT))
    assert np.isnan(found.value).all()


def test_mean_of_no_losses_has_no_bound() -> None:
    found = bounds_loss.uniform_mean(Approximation.exact(np.ones((1, 0))), Rounding(FORMATS["float32"], CORRECT))
    assert np.isnan(found.value).all()
