"""NumPy: the control, trained by closed forms; half precision is computed in float32 and rounded after every step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_adapters.sources.trainer import SourceTrainer
from logitproof_reference.vocabulary.cells import SIGMOID

if TYPE_CHECKING:
    from logitproof_reference.training.tasks import Task
    from logitproof_reference.vocabulary.cells import Cell

PROGRAM = """def product(x, y):
    return (x.astype(np.float32) @ y.astype(np.float32)).astype(x.dtype)


def sum_of_rows(x):
    return x.astype(np.float32).sum(axis=0).astype(x.dtype)


def forward(x):
    inputs = []
    for w, b in zip(state[::2], state[1::2]):
        inputs.append(np.maximum(x, 0) if inputs else x)
        x = product(inputs[-1], w) + b
    return inputs, x


def backward(inputs, upstream):
    gradients = []
    for layer in reversed(range(len(inputs))):
        gradients = [product(inputs[layer].T, upstream), sum_of_rows(upstream), *gradients]
        upstream = product(upstream, state[2 * layer].T) * (inputs[layer] > 0)
    return gradients


def load(parameters):
    global state
    state = parameters


def moved(gradients):
    return [(p - {rate} * g).astype(p.dtype) for p, g in zip(state, gradients)]


def loss(z, y):
    mean = dict(logits=z, labels=y, axis=1, reduction="mean")
    gradient = control_answers.answer("{op}", "grad_logits", cotangent=np.ones((), z.dtype), **mean)
    return control_answers.answer("{op}", "value", **mean), gradient


def train(batches):
    for x, y in batches:
        inputs, z = forward(x)
        value, upstream = loss(z, y)
        gradients = backward(inputs, upstream)
        load(moved(gradients))
        yield value, gradients, state


logits = lambda x: forward(x)[1]
descend = lambda x, upstream: moved(backward(forward(x)[0], upstream))
"""


class NumpyTrainer(SourceTrainer):
    """Trains the control."""

    recipes = {  # noqa: RUF012 - a table of the class, as its base declares it
        "softmax_cross_entropy": (("indices", ""), ("distributions", "")),
        SIGMOID: (("distributions", ""),),
    }

    def source(self, cell: Cell, task: Task) -> str:
        """Return the program."""
        del cell
        return PROGRAM.format(op=task.op, rate=task.rate)
