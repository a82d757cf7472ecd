"""Entropy, divergence and focal loss in multiple precision, from their definitions: the second road."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mpmath

if TYPE_CHECKING:
    from collections.abc import Callable

    from logitproof_reference.oracle.derived_losses import Operands

DIGITS = 500
STEP = 2**-600
"""Differences over it keep half of the digits."""


def shares(row: list[Any]) -> list[Any]:
    """Return softmax of a row."""
    powers = [mpmath.exp(one) for one in row]
    total = mpmath.fsum(powers)
    return [power / total for power in powers]


def entropy(row: list[Any], target: list[Any], label: int, gamma: int) -> Any:
    """Return -sum p log p."""
    del target, label, gamma
    return -mpmath.fsum(p * mpmath.log(p) for p in shares(row))


def kl_divergence(row: list[Any], target: list[Any], label: int, gamma: int) -> Any:
    """Return sum t log(t / p)."""
    del label, gamma
    return mpmath.fsum(t * mpmath.log(t / p) for t, p in zip(shares(target), shares(row), strict=True))


def js_divergence(row: list[Any], target: list[Any], label: int, gamma: int) -> Any:
    """Return the mean of both divergences from the mixture."""
    del label, gamma
    p, t = shares(row), shares(target)
    mixture = [(one + other) / 2 for one, other in zip(p, t, strict=True)]
    both = ((share, half) for side in (p, t) for share, half in zip(side, mixture, strict=True))
    return mpmath.fsum(share * mpmath.log(share / half) for share, half in both) / 2


def focal_cross_entropy(row: list[Any], target: list[Any], label: int, gamma: int) -> Any:
    """Return (1 - p)**gamma (-log p) at the label."""
    del target
    p = shares(row)[label]
    return (1 - p) ** gamma * -mpmath.log(p)


def bernoulli_entropy(x: Any, t: Any, temperature: Any) -> Any:
    """Return -p log p - (1 - p) log(1 - p)."""
    del t, temperature
    return -mpmath.fsum(p * mpmath.log(p) for p in shares([mpmath.mpf(0), x]))


def bernoulli_kl_divergence(x: Any, t: Any, temperature: Any) -> Any:
    """Return the divergence of t from x."""
    del temperature
    both = zip(shares([mpmath.mpf(0), t]), shares([mpmath.mpf(0), x]), strict=True)
    return mpmath.fsum(q * mpmath.log(q / p) for q, p in both)


def relaxed_bernoulli(x: Any, s: Any, temperature: Any) -> Any:
    """Return the logarithm of T a e^(-T s) / (1 + a e^(-T s))^2, a the odds."""
    odds = mpmath.exp(x) * mpmath.exp(-temperature * s)
    return mpmath.log(temperature * odds / (1 + odds) ** 2)


def relaxed_categorical(x: list[Any], v: list[Any], temperature: Any) -> Any:
    """Return the logarithm of (n - 1)! T^(n - 1) times the product of the terms over the power of their sum."""
    n = len(x)
    terms = [mpmath.exp(one) * mpmath.exp(-temperature * s) for one, s in zip(x, v, strict=True)]
    return mpmath.log(mpmath.factorial(n - 1) * temperature ** (n - 1) * mpmath.fprod(terms) / mpmath.fsum(terms) ** n)


OF_ELEMENTS: dict[str, Callable[..., Any]] = {
    "bernoulli_entropy": bernoulli_entropy,
    "bernoulli_kl_divergence": bernoulli_kl_divergence,
    "relaxed_bernoulli": relaxed_bernoulli,
}

DEFINITIONS: dict[str, Callable[..., Any]] = {
    "entropy": entropy,
    "kl_divergence": kl_divergence,
    "js_divergence": js_divergence,
    "focal_cross_entropy": focal_cross_entropy,
}


def answers(op: str, quantity: str, of: Operands) -> list[Any]:
    """Return the value of each row, or its derivatives with respect to the logits, or the target's logits."""
    with mpmath.workdps(DIGITS):
        found = []
        for row, target, label in zip(of.logits, of.target, of.labels, strict=True):  # type: ignore[arg-type]
            given = [[mpmath.mpf(float(one)) for one in array] for array in (row, target)]
            if quantity == "value":
                found.append(DEFINITIONS[op](*given, int(label), of.gamma))
                continue
            by = int(quantity == "grad_target")
            found.append([_slope(op, given, by, at, (int(label), of.gamma)) for at in range(len(row))])
    return found


def _slope(op: str, given: list[list[Any]], by: int, at: int, rest: tuple[int, int]) -> Any:
    ends = []
    for sign in (1, -1):
        moved = [list(array) for array in given]
        moved[by][at] += sign * mpmath.mpf(STEP)
        ends.append(DEFINITIONS[op](*moved, *rest))
    return (ends[0] - ends[1]) / (2 * mpmath.mpf(STEP))


def of_distributions(op: str, quantity: str, of: Operands) -> dict[tuple[int, ...], Any]:
    """Return the value of a distribution, or its derivatives with respect to each logit or number of the sample."""
    found: dict[tuple[int, ...], Any] = {}
    by = quantity in {"grad_target", "grad_sample"}
    with mpmath.workdps(DIGITS):
        temperature = mpmath.mpf(float(of.temperature))
        for i, rows in enumerate(zip(of.logits, of.target, strict=True)):  # type: ignore[arg-type]
            given = [[mpmath.mpf(float(one)) for one in row] for row in rows]
            if op == "relaxed_categorical" and quantity == "value":
                found[i,] = relaxed_categorical(*given, temperature)
                continue
            for k in range(len(given[0])):
                ends = []
                for sign in (0,) if quantity == "value" else (1, -1):
                    moved = [list(row) for row in given]
                    moved[by][k] += sign * mpmath.mpf(STEP)
                    if op == "relaxed_categorical":
                        ends.append(relaxed_categorical(*moved, temperature))
                    else:
                        ends.append(OF_ELEMENTS[op](moved[0][k], moved[1][k], temperature))
                found[i, k] = ends[0] if len(ends) == 1 else (ends[0] - ends[1]) / (2 * mpmath.mpf(STEP))
    return found
