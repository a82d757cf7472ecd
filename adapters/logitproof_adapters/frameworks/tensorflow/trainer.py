"""TensorFlow, trained as its guide to basic training loops does: tf.Variable, tf.GradientTape, assign_sub.

https://www.tensorflow.org/guide/basic_training_loops, with the losses of tf.nn, dense and sparse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_adapters.frameworks.tensorflow.expressions import EXPRESSIONS
from logitproof_adapters.sources.trainer import SourceTrainer, products
from logitproof_reference.vocabulary.cells import SIGMOID

if TYPE_CHECKING:
    from logitproof_reference.training.tasks import Task
    from logitproof_reference.vocabulary.cells import Cell

PROGRAM = """def forward(parameters, x):
{products}


def mean_loss(x, y):
    return tf.reduce_mean({expression})


def load(parameters):
    global variables
    variables = [tf.Variable(given) for given in parameters]


def train(batches):
    for x, y in batches:
        with tf.GradientTape() as tape:
            loss = mean_loss(forward(variables, x), y)
        gradients = tape.gradient(loss, variables)
        for variable, gradient in zip(variables, gradients):
            variable.assign_sub({rate} * gradient)
        yield loss, gradients, [variable.read_value() for variable in variables]


def logits(x):
    return forward(variables, x)


def descend(x, upstream):
    with tf.GradientTape() as tape:
        z = forward(variables, x)
    for variable, gradient in zip(variables, tape.gradient(z, variables, output_gradients=upstream)):
        variable.assign_sub({rate} * gradient)
    return [variable.read_value() for variable in variables]


def loss(z, y):
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = mean_loss(z, y)
    return value, tape.gradient(value, z)
"""


class TensorflowTrainer(SourceTrainer):
    """Trains with TensorFlow, in eager mode."""

    recipes = {  # noqa: RUF012 - a table of the class, as its base declares it
        "softmax_cross_entropy": (("indices", ""), ("distributions", "")),
        SIGMOID: (("distributions", ""),),
    }

    def source(self, cell: Cell, task: Task) -> str:
        """Return the program."""
        expression = EXPRESSIONS[task.op, cell.labels].format(axis=1, x_classes_last="x")
        return PROGRAM.format(products=products(task, "tf.nn.relu"), expression=expression, rate=task.rate)
