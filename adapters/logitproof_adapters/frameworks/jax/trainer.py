"""JAX, trained as its documentation does: jax.value_and_grad of the mean loss, and the step, under jax.jit.

https://docs.jax.dev/en/latest/notebooks/neural_network_with_tfds_data.html; the loss is that of `functions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_adapters.frameworks.jax.expressions import EXPRESSIONS
from logitproof_adapters.sources.trainer import SourceTrainer, products
from logitproof_reference.vocabulary.cells import SIGMOID

if TYPE_CHECKING:
    from logitproof_reference.training.tasks import Task
    from logitproof_reference.vocabulary.cells import Cell

PROGRAM = """def forward(parameters, x):
{products}


def mean_loss(x, y):
    return jnp.mean({expression})


@jax.jit
def update(parameters, x, y):
    objective = lambda parameters: mean_loss(forward(parameters, x), y)
    value, gradients = jax.value_and_grad(objective)(parameters)
    return value, gradients, [p - {rate} * g for p, g in zip(parameters, gradients)]


@jax.jit
def update_from(parameters, x, upstream):
    gradients = jax.vjp(lambda parameters: forward(parameters, x), parameters)[1](upstream)[0]
    return [p - {rate} * g for p, g in zip(parameters, gradients)]


def load(given):
    global state
    state = given


def train(batches):
    parameters = state
    for x, y in batches:
        value, gradients, parameters = update(parameters, x, y)
        yield value, gradients, parameters


logits = lambda x: jax.jit(forward)(state, x)
descend = lambda x, upstream: update_from(state, x, upstream)
loss = jax.jit(jax.value_and_grad(mean_loss))
"""


class JaxTrainer(SourceTrainer):
    """Trains with JAX, compiled."""

    mode = "compiled"
    recipes = {  # noqa: RUF012 - a table of the class, as its base declares it
        "softmax_cross_entropy": (("indices", ""), ("distributions", "")),
        SIGMOID: (("distributions", ""),),
    }

    def source(self, cell: Cell, task: Task) -> str:
        """Return the program."""
        expression = EXPRESSIONS[task.op, cell.labels, cell.entry].format(axis=1)
        return PROGRAM.format(products=products(task, "jax.nn.relu"), expression=expression, rate=task.rate)
