"""A loss head by ball arithmetic (python-flint), written anew: the logits, the losses and every gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flint
import numpy as np
from flint import arb, arb_mat

if TYPE_CHECKING:
    from numpy.typing import NDArray

PRECISION = 300


def matrix(array: NDArray[Any]) -> Any:
    """Return an array of any format as a matrix of balls."""
    return arb_mat([[arb(float(number)) for number in row] for row in array])


def head_by_balls(
    hidden: NDArray[Any],
    weight: NDArray[Any],
    labels: NDArray[np.int64],
    *,
    cap: float = 0.0,
    bias: NDArray[Any] | None = None,
    z_loss: float = 0.0,
    factors: NDArray[Any] | None = None,
    divides: bool = False,
) -> dict[str, Any]:
    """Return the loss of each row, and the gradients of their sum by hidden states, weight, bias and factors.

    Factors are (rows, 1) or (1, classes); where they divide, z = x / t.
    """
    flint.ctx.prec = PRECISION
    h, w = matrix(hidden), matrix(weight)
    products = h * w.transpose()
    rows, classes = len(hidden), len(weight)
    added = [arb(0 if bias is None else float(bias[j])) for j in range(classes)]
    z = [[products[i, j] + added[j] for j in range(classes)] for i in range(rows)]
    slopes = [[arb(1)] * classes for _ in range(rows)]
    plain = z
    if factors is not None:
        given = [[arb(float(one)) for one in row] for row in np.broadcast_to(factors, (rows, classes))]
        times = [[1 / one for one in row] for row in given] if divides else given
        z = [[x * t for x, t in zip(*both, strict=True)] for both in zip(z, times, strict=True)]
    if cap:
        tanh = [[(entry / arb(cap)).tanh() for entry in row] for row in z]
        z = [[t * arb(cap) for t in row] for row in tanh]
        slopes = [[1 - t * t for t in row] for row in tanh]
    losses, upstream = [], arb_mat(rows, classes)
    for i, row in enumerate(z):
        top = max(row, key=lambda one: float(one.mid()))
        exponentials = [(entry - top).exp() for entry in row]
        total = sum(exponentials, arb(0))
        label = int(labels[i])
        lse = total.log() + top
        losses.append(lse - row[label] + arb(z_loss) * lse * lse)
        for j, e in enumerate(exponentials):
            p = e / total
            upstream[i, j] = (p - (1 if j == label else 0) + 2 * arb(z_loss) * lse * p) * slopes[i][j]
    found: dict[str, Any] = {}
    if factors is not None:
        by_time = [[-t * t if divides else arb(1) for t in row] for row in times]
        terms = [[upstream[i, j] * plain[i][j] * by_time[i][j] for j in range(classes)] for i in range(rows)]
        of_rows = arb_mat([[sum(row, arb(0))] for row in terms])
        of_classes = [sum((row[j] for row in terms), arb(0)) for j in range(classes)]
        found["grad_factors"] = of_rows if factors.shape == (rows, 1) else of_classes
        upstream = arb_mat([[upstream[i, j] * times[i][j] for j in range(classes)] for i in range(rows)])
    by_bias = [sum((upstream[i, j] for i in range(rows)), arb(0)) for j in range(classes)]
    by_operands = {"grad_hidden": upstream * w, "grad_weight": upstream.transpose() * h, "grad_bias": by_bias}
    return {"value": losses, **by_operands, **found, "logits": z}


def farthest(exact: Any, answer: Any) -> float:
    """Return the largest |value + tail - truth| over its radius, 0 where both are 0; `answer` is an enclosure."""
    worst = 0.0
    for index, truth in _entries(exact, answer.shape):
        distance = abs(arb(float(answer.value[index])) + arb(float(answer.tail[index])) - truth)
        upper, radius = float(distance.upper()), float(answer.radius[index])
        worst = max(worst, upper / radius if radius else (0.0 if upper == 0.0 else float("inf")))
    return worst


def _entries(exact: Any, shape: tuple[int, ...]) -> Any:
    if len(shape) == 1:
        return [((i,), exact[i]) for i in range(shape[0])]
    return [((i, j), exact[i, j]) for i in range(shape[0]) for j in range(shape[1])]
