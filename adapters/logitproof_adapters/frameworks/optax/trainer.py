"""Optax, trained as its documentation does: a loss of optax, jax.value_and_grad, optax.sgd, under jax.jit.

https://optax.readthedocs.io/en/latest/getting_started.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_adapters.frameworks.jax.trainer import PROGRAM, JaxTrainer
from logitproof_adapters.frameworks.optax.adapter import EXPRESSIONS
from logitproof_adapters.sources.trainer import products

if TYPE_CHECKING:
    from logitproof_reference.training.tasks import Task
    from logitproof_reference.vocabulary.cells import Cell

BY_HAND = "[p - {rate} * g for p, g in zip(parameters, gradients)]"
STEPPED = "optax.apply_updates(parameters, optimizer.update(gradients, optimizer.init(parameters), parameters)[0])"


class OptaxTrainer(JaxTrainer):
    """Trains with Optax, compiled; plain SGD keeps no state from step to step."""

    def source(self, cell: Cell, task: Task) -> str:
        """Return the program."""
        expression = EXPRESSIONS[task.op, cell.labels, cell.entry].format(along="", labels="y")
        program = PROGRAM.replace(BY_HAND, STEPPED).format(
            products=products(task, "jax.nn.relu"), expression=expression, rate=task.rate
        )
        return f"optimizer = optax.sgd({task.rate})\n\n\n{program}"
