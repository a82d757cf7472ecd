"""Losses of probabilities in multiple precision, from their definitions, gradients by differences: the second road."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mpmath

if TYPE_CHECKING:
    from collections.abc import Callable

    from logitproof_reference.oracle.conventions import Convention
    from logitproof_reference.oracle.probabilities import Operands

DIGITS = 400
STEP = 2**-500
"""Differences over it keep half of the digits."""


def held(row: list[Any], convention: Convention) -> list[Any]:
    """Return what the convention makes of numbers."""
    made = [one / mpmath.fsum(row) for one in row] if convention.normalized else list(row)
    e = mpmath.mpf(convention.clip)
    return [min(max(one, e), 1 - e) for one in made] if convention.clip else made


def log(x: Any, convention: Convention) -> Any:
    """Return the logarithm, not below the floor."""
    floor = convention.log_floor
    if x == 0:
        return mpmath.mpf(0 if floor is None else floor)  # what it is multiplied with is 0, or the test leaves it out
    return mpmath.log(x) if floor is None else max(mpmath.log(x), mpmath.mpf(floor))


def cross_entropy(r: list[Any], t: list[Any], q: list[Any], c: Convention) -> list[Any]:
    """Return -sum q log r."""
    del t
    return [-mpmath.fsum(weight * log(one, c) for weight, one in zip(q, r, strict=True))]


def binary(r: list[Any], t: list[Any], q: list[Any], c: Convention) -> list[Any]:
    """Return -y log r - (1 - y) log(1 - r), one number each."""
    del t
    return [-y * log(one, c) - (1 - y) * log(1 - one, c) for y, one in zip(q, r, strict=True)]


def binary_entropy(r: list[Any], t: list[Any], q: list[Any], c: Convention) -> list[Any]:
    """Return -r log r - (1 - r) log(1 - r), one number each."""
    del t, q
    return [-one * log(one, c) - (1 - one) * log(1 - one, c) for one in r]


def binary_divergence(r: list[Any], t: list[Any], q: list[Any], c: Convention) -> list[Any]:
    """Return t (log t - log r) + (1 - t) (log(1 - t) - log(1 - r)), one number each."""
    del q
    pairs = [(aim, one) for aim, one in zip(t, r, strict=True)]
    return [a * (log(a, c) - log(x, c)) + (1 - a) * (log(1 - a, c) - log(1 - x, c)) for a, x in pairs]


def entropy(r: list[Any], t: list[Any], q: list[Any], c: Convention) -> list[Any]:
    """Return -sum r log r."""
    del t, q
    return [-mpmath.fsum(one * log(one, c) for one in r)]


def divergence(r: list[Any], t: list[Any], q: list[Any], c: Convention) -> list[Any]:
    """Return sum t (log t - log r)."""
    del q
    return [mpmath.fsum(aim * (log(aim, c) - log(one, c)) for aim, one in zip(t, r, strict=True))]


DEFINITIONS: dict[str, Callable[..., list[Any]]] = {
    "probability_cross_entropy": cross_entropy,
    "binary_cross_entropy": binary,
    "binary_entropy": binary_entropy,
    "binary_kl_divergence": binary_divergence,
    "probability_entropy": entropy,
    "probability_kl_divergence": divergence,
}


def answers(op: str, quantity: str, of: Operands) -> list[list[Any]]:
    """Return the value of each row, or the derivative of its sum by each of its numbers, or of the target's."""
    with mpmath.workdps(DIGITS):
        found = []
        for index in range(len(of.probabilities)):
            rows = [of.probabilities, of.target, of.weights]
            own, target, q = ([mpmath.mpf(float(one)) for one in array[index]] for array in rows)  # type: ignore[index]
            if quantity == "value":
                found.append(_value(op, own, target, q, of.convention))
                continue
            by = (own, target)[quantity == "grad_target"]
            found.append([_slope(op, (own, target, q), by, at, of.convention) for at in range(len(by))])
    return found


def _value(op: str, own: list[Any], target: list[Any], q: list[Any], c: Convention) -> list[Any]:
    return DEFINITIONS[op](held(own, c), held(target, c), q, c)


def _slope(op: str, given: tuple[list[Any], ...], by: list[Any], at: int, c: Convention) -> Any:
    ends = []
    for sign in (1, -1):
        moved = [list(array) for array in given]
        place = next(i for i, array in enumerate(given) if array is by)
        moved[place][at] += sign * mpmath.mpf(STEP)
        ends.append(mpmath.fsum(_value(op, *moved, c)))  # type: ignore[arg-type]
    return (ends[0] - ends[1]) / (2 * mpmath.mpf(STEP))
