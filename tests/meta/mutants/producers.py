"""Faults of what stands in front of an op and is fused with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.producers import PRODUCERS
from meta.mutants.mutant import GRAD_INDEX_LOSS, LOG_SOFTMAX, SOFTMAX, Mutant, ask_control

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs

    Array = NDArray[Any]

TEMPERATURE = PRODUCERS["tempered"].number
SMALL = 4096
"""Elements up to which XLA computes a value again in every loop that consumes it."""


def maximum_of_other_rounding(cell: Cell, inputs: Inputs) -> Array:
    """Take the maximum of the quotients, and the exponentials of products with a rounded reciprocal."""
    del cell
    x, three = inputs.logits, inputs.logits.dtype.type(TEMPERATURE)
    with np.errstate(all="ignore"):
        exponentials = np.exp(x * (1 / three) - (x / three).max(axis=inputs.axis, keepdims=True))
        return np.asarray(exponentials / exponentials.sum(axis=inputs.axis, keepdims=True))


def contracted_in_small_batches(cell: Cell, inputs: Inputs) -> Array:
    """Compile a small batch into one loop, in which product and difference are one operation of one rounding."""
    if inputs.logits.size > SMALL:
        return ask_control(cell, inputs)
    x, third = inputs.logits, 1 / inputs.logits.dtype.type(TEMPERATURE)
    with np.errstate(all="ignore"):
        differences = x.astype(np.float64) * float(third) - (x * third).max(axis=inputs.axis, keepdims=True)
        exponentials = np.exp(differences.astype(x.dtype))
        return np.asarray(exponentials / exponentials.sum(axis=inputs.axis, keepdims=True))


def left_out(cell: Cell, inputs: Inputs) -> Array:
    """Ask the op of the logits themselves."""
    return ask_control(replace(cell, producer=""), inputs)


def without_chain_rule(cell: Cell, inputs: Inputs) -> Array:
    """Leave the producer's factor out of the gradient."""
    answer, producer = ask_control(cell, inputs), PRODUCERS[cell.producer]
    undo = {"*": np.divide, "/": np.multiply}[producer.sign]
    return np.asarray(undo(answer, answer.dtype.type(producer.number)))


PRODUCER_MUTANTS = [
    Mutant(
        "fused_maximum_of_other_rounding",
        "Fused with a division, the maximum is that of quotients, the exponentials those of products.",
        "EXT-7",
        SOFTMAX,
        ask=maximum_of_other_rounding,
        producer="tempered",
        profile="full",
    ),
    Mutant(
        "fused_differently_for_few_rows",
        "Compiled for a small batch alone, the maximum is that of rounded products, the differences are not rounded.",
        "EXT-7",
        SOFTMAX,
        ask=contracted_in_small_batches,
        mode="compiled",
        producer="tempered",
        profile="full",
    ),
    Mutant(
        "producer_left_out",
        "What stands in front of the op is fused away.",
        "VAL-1",
        LOG_SOFTMAX,
        ask=left_out,
        producer="scaled",
        profile="full",
    ),
    Mutant(
        "gradient_without_chain_rule",
        "The gradient lacks the factor of what stands in front.",
        "GRD-1",
        GRAD_INDEX_LOSS,
        ask=without_chain_rule,
        producer="scaled",
        profile="full",
    ),
]
