"""Error bounds of one training step in a format, compared with the exact step from the same parameters.

No error is carried from step to step: every step is compared with the exact one from the very parameters that the
framework had before it, so that no bound grows with the number of steps, and none assumes anything of the model.

With u the unit roundoff of the format, v that of its sums (float32 for half precision), g_h as in `growth`, and every
quantity written as a value with a deviation d, in which whatever was computed before it lies:

- x W + b over k terms, and every other product: d <= (|x| + dx)(|W| + dW) - |x||W| + g (|x| + dx)(|W| + dW) with
  1 + g = (1 + g_k(v)) (1 + g_2(u)): any order of summation, the product and the bias rounded on their own;
- relu never enlarges d; its derivative may be 0 or 1 where |x| <= dx, so that all of what passes there is in doubt;
- the loss function may be off by its MUST bound. At logits off by D at most (the largest d of the row) its value moves
  by at most 2 D, and each p and 1 - p by a factor within exp(+-2 D): |p' - p| <= (exp(2 D) - 1) min(p, 1 - p). The MUST
  bound at those logits is at most exp(4 D) times that at the exact ones and 8 u D, for it is made of probabilities and
  of terms u |x_i - x_j| whose weights add up to 4 at most;
- the mean over m rows adds g_{m + 1}(v) + u, and the step p - rate g two roundings of u and the deviation of g.

Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 2002, ch. 3, doi:10.1137/1.9780898718027.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.assumptions import MUST, SHOULD, growth
from logitproof_reference.oracle.request import checked_request

if TYPE_CHECKING:
    from logitproof_reference.training.exact import Pass
    from logitproof_reference.training.tasks import Examples, Task
    from logitproof_reference.vocabulary.formats import F64, Format

_INFLATION = 1.0 + 2.0**-40
"""Covers the roundings of these formulas themselves, in float64."""


@dataclass(frozen=True)
class Computed:
    """A number that a framework may have computed: the exact magnitude, and an error bound."""

    size: F64
    off: F64

    @property
    def reach(self) -> F64:
        """The largest magnitude it may have."""
        return self.size + self.off

    def transposed(self) -> Computed:
        """Return the transpose."""
        return Computed(self.size.T, self.off.T)


@dataclass(frozen=True)
class StepBounds:
    """The largest deviations of one step from the exact one: of the loss in nats, of each gradient and parameter."""

    loss: float
    gradients: list[F64]
    parameters: list[F64]


class _Roundings:
    """The relative errors of a format's products and sums."""

    def __init__(self, format_: Format) -> None:
        self.unit = format_.unit_roundoff
        accumulation = SHOULD.accumulation_format(format_)
        self.sums = accumulation.unit_roundoff
        self.eta = max(format_.smallest_subnormal, accumulation.smallest_normal)

    def of_sum(self, terms: int, roundings: int) -> float:
        """Return g with 1 + g = (1 + g_terms(v)) (1 + g_roundings(u))."""
        return (1.0 + growth(terms, self.sums)) * (1.0 + growth(roundings, self.unit)) - 1.0

    def product(self, x: Computed, y: Computed, added: F64 | float = 0.0) -> F64:
        """Return the deviation of x y + added."""
        terms = x.size.shape[1]
        reach = x.reach @ y.reach
        inherited = reach - x.size @ y.size
        off: F64 = inherited + self.of_sum(terms, 2) * (reach + added) + 2.0 * self.eta
        return off


def step_bounds(task: Task, exact: Pass, parameters: list[F64], batch: Examples, format_: Format) -> StepBounds:
    """Return how far a step of a correct framework may be from the exact one.

    Parameters
    ----------
    task : Task
        What is trained.
    exact : Pass
        The exact pass from these parameters.
    parameters : list of float64 arrays
        The parameters before the step, numbers of the format.
    batch : Examples
        The batch, of `BATCH` examples.
    format_ : Format
        The format that all is computed and stored in.
    """
    roundings = _Roundings(format_)
    with np.errstate(over="ignore", invalid="ignore"):
        inputs, offs = _forward(exact, parameters, roundings)
        loss, upstream = _loss(task, exact, offs[-1], batch, format_)
        gradients = _backward(exact, parameters, (inputs, offs), upstream, roundings)
        moved = [
            task.rate * off + 2.0 * roundings.unit * (np.abs(p) + task.rate * (np.abs(g[0]) + off)) + roundings.eta
            for p, g, off in zip(parameters, exact.gradients, gradients, strict=True)
        ]
    return StepBounds(loss * _INFLATION, [off * _INFLATION for off in gradients], [off * _INFLATION for off in moved])


def _forward(exact: Pass, parameters: list[F64], roundings: _Roundings) -> tuple[list[Computed], list[F64]]:
    """Return what each layer takes in, and how far what it gives may be off."""
    sizes = [np.abs(pair[0]) for pair in exact.inputs]
    inputs = [Computed(sizes[0], np.zeros_like(sizes[0]))]
    offs: list[F64] = []
    for layer, size in enumerate(sizes):
        if layer:
            inputs.append(Computed(size, offs[-1]))
        weights = np.abs(parameters[2 * layer])
        given = Computed(weights, np.zeros_like(weights))
        offs.append(roundings.product(inputs[-1], given, np.abs(parameters[2 * layer + 1])))
    return inputs, offs


def _loss(task: Task, exact: Pass, off: F64, batch: Examples, format_: Format) -> tuple[float, Computed]:
    """Return the deviation of the mean loss, and its gradient with respect to the logits as it may be."""
    logits, gradient = exact.logits[0], exact.upstream[-1][0]
    labels = task.labels_of(batch.labels)
    count = labels.size
    cotangent = np.full(labels.shape, 1.0 / count)
    unit = format_.unit_roundoff
    furthest = off.max(axis=1, keepdims=True)
    swollen, moved = np.exp(4.0 * furthest), np.expm1(2.0 * furthest)

    asked = checked_request(task.op, "value", logits, labels)
    value = bound(asked, format_, MUST).reshape(labels.shape)
    each = swollen.reshape(-1) * value.reshape(len(logits)) + (8.0 * unit + 2.0) * furthest[:, 0]
    rounded = (1.0 + growth(count + 1, SHOULD.accumulation_format(format_).unit_roundoff)) * (1.0 + unit) - 1.0
    loss = each.mean() + rounded * (abs(float(exact.loss[0])) + each.mean())

    slope = bound(checked_request(task.op, "grad_logits", logits, labels, cotangent=cotangent), format_, MUST)
    # |gradient| is p or 1 - p over the count; the other of the two may be the smaller.
    share = np.minimum(np.abs(gradient), np.abs(1.0 / count - np.abs(gradient)))
    return float(loss), Computed(np.abs(gradient), swollen * slope + 8.0 * unit * furthest / count + moved * share)


def _backward(
    exact: Pass,
    parameters: list[F64],
    layers: tuple[list[Computed], list[F64]],
    upstream: Computed,
    roundings: _Roundings,
) -> list[F64]:
    """Return how far the gradients with respect to the parameters may be off."""
    inputs, offs = layers
    gradients: list[F64] = []
    for layer in reversed(range(len(inputs))):
        rows = len(upstream.size)
        by_bias = upstream.off.sum(axis=0) + roundings.of_sum(rows, 1) * upstream.reach.sum(axis=0)
        gradients = [roundings.product(inputs[layer].transposed(), upstream), by_bias + roundings.eta, *gradients]
        if layer:
            weights = np.abs(parameters[2 * layer]).T
            off = roundings.product(upstream, Computed(weights, np.zeros_like(weights)))
            upstream = _behind_relu(exact, layer, off, offs[layer - 1], (upstream, weights))
    return gradients


def _behind_relu(exact: Pass, layer: int, off: F64, doubt: F64, passed: tuple[Computed, F64]) -> Computed:
    """Return the derivative behind a relu: where the sign of its input is in doubt, so is all of it."""
    through = exact.sums[layer - 1][0]
    size = np.abs(exact.upstream[layer - 1][0])
    reach = passed[0].size @ passed[1] + off
    return Computed(size, np.where(np.abs(through) <= doubt, reach, np.where(through > 0.0, off, 0.0)))
