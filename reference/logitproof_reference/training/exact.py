"""Training in double-double: matrix products, the oracle's loss and gradient, and the step of SGD, each near 2**-98.

The oracle takes logits of a format, an exact pass has them as pairs hi + lo. With |lo| <= 2**-53 |hi| the loss and its
gradient at hi + lo are those at hi and the derivative in the direction lo; what that leaves out is of the order
lo**2, below 2**-96 for logits under 1,000.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.numerics.ball import Ball
from logitproof_reference.numerics.double_double import add, multiply_double, sum_first_axis
from logitproof_reference.numerics.products import product as enclosed_product
from logitproof_reference.oracle.softmax_rows import ExactRows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from logitproof_reference.numerics.double_double import Pair
    from logitproof_reference.training.tasks import Examples, Task
    from logitproof_reference.vocabulary.formats import F64


def exactly(array: NDArray[np.generic]) -> Pair:
    """Return an array of any format as a pair."""
    values = array.astype(np.float64)
    return values, np.zeros_like(values)


def transposed(x: Pair) -> Pair:
    """Return the transpose of a matrix."""
    return x[0].T, x[1].T


def product(x: Pair, y: Pair) -> Pair:
    """Return the matrix product of x (m, k) and y (k, n)."""
    return enclosed_product(Ball(*x), Ball(*y)).pair


def where(mask: NDArray[np.bool_], x: Pair) -> Pair:
    """Return x where `mask` holds and 0 elsewhere."""
    return np.where(mask, x[0], 0.0), np.where(mask, x[1], 0.0)


@dataclass(frozen=True)
class Pass:
    """One exact pass, forward and backward, from given parameters over one batch.

    Attributes
    ----------
    loss : pair of float64 arrays of no axis
        The mean loss of the batch, in nats.
    gradients : list of pairs
        Its derivative with respect to each parameter.
    inputs, sums : list of pairs
        What each layer took in, and x W + b, which it gave; the last of `sums` are the logits.
    upstream : list of pairs
        The derivative of the loss by each of `sums`.
    """

    loss: Pair
    gradients: list[Pair]
    inputs: list[Pair]
    sums: list[Pair]
    upstream: list[Pair]

    @property
    def logits(self) -> Pair:
        """The logits."""
        return self.sums[-1]


def forward(parameters: Sequence[Pair], features: Pair) -> tuple[list[Pair], list[Pair]]:
    """Return what each layer takes in, and what it gives."""
    inputs: list[Pair] = [features]
    sums: list[Pair] = []
    for weights, bias in zip(parameters[::2], parameters[1::2], strict=True):
        if sums:
            inputs.append(where(sums[-1][0] > 0.0, sums[-1]))
        sums.append(add(product(inputs[-1], weights), bias))
    return inputs, sums


def loss_and_gradient(task: Task, logits: Pair, labels: NDArray[np.int64]) -> tuple[Pair, Pair]:
    """Return the mean loss of a batch in nats and its derivative with respect to the logits (rows, classes)."""
    hi, lo = logits
    labelled = task.labels_of(labels)
    oracle = partial(ExactRows(hi).evaluate, task.op, labels=labelled)
    upstream = np.full(labelled.shape, 1.0 / len(hi))
    value, moved = oracle("value"), oracle("jvp", tangent=lo)
    slope, bent = oracle("grad_logits", cotangent=upstream), oracle("hvp", cotangent=upstream, tangent=lo)
    losses = add((value.value.ravel(), value.tail.ravel()), (moved.value.ravel(), moved.tail.ravel()))
    mean = multiply_double(sum_first_axis(losses, same_sign=False), np.array(1.0 / len(hi)))
    return mean, add((slope.value, slope.tail), (bent.value, bent.tail))


def backward(
    parameters: Sequence[Pair], inputs: Sequence[Pair], sums: Sequence[Pair], upstream: Pair
) -> tuple[list[Pair], list[Pair]]:
    """Return the gradients of the parameters and of each layer's output, from that of the logits."""
    gradients: list[Pair] = []
    upstreams = [upstream]
    for layer in reversed(range(len(inputs))):
        by_bias = sum_first_axis(upstreams[0], same_sign=False)
        gradients = [product(transposed(inputs[layer]), upstreams[0]), by_bias, *gradients]
        if layer:
            passed = product(upstreams[0], transposed(parameters[2 * layer]))
            upstreams = [where(sums[layer - 1][0] > 0.0, passed), *upstreams]
    return gradients, upstreams


def exact_pass(task: Task, parameters: Sequence[Pair], batch: Examples) -> Pass:
    """Return one exact pass over a batch of `BATCH` examples; NaN throughout where a parameter is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        inputs, sums = forward(parameters, exactly(batch.features))
        loss, upstream = loss_and_gradient(task, sums[-1], batch.labels)
        gradients, upstreams = backward(parameters, inputs, sums, upstream)
    return Pass(loss, gradients, inputs, sums, upstreams)


def descended(task: Task, parameters: Sequence[Pair], gradients: Sequence[Pair]) -> list[Pair]:
    """Return the parameters after a step of SGD: p - rate g."""
    rate = np.array(-task.rate)
    return [add(p, multiply_double(g, rate)) for p, g in zip(parameters, gradients, strict=True)]


def exact_trajectory(task: Task, steps: int) -> Iterator[tuple[Pass, list[Pair]]]:
    """Yield each step's pass and the parameters after it, from the initial ones."""
    parameters = [exactly(array) for array in task.initial()]
    for batch in task.batches(steps):
        found = exact_pass(task, parameters, batch)
        parameters = descended(task, parameters, found.gradients)
        yield found, parameters


def predictions(parameters: Sequence[NDArray[np.generic]], examples: Examples) -> NDArray[np.int64]:
    """Return the class of each example, by float64 arithmetic; of a single logit, whether it is positive."""
    h: F64 = examples.features
    with np.errstate(invalid="ignore", over="ignore"):
        for layer, (weights, bias) in enumerate(zip(parameters[::2], parameters[1::2], strict=True)):
            h = (np.maximum(h, 0.0) if layer else h) @ weights.astype(np.float64) + bias.astype(np.float64)
    return (h[:, 0] > 0.0).astype(np.int64) if h.shape[1] == 1 else h.argmax(axis=1)
