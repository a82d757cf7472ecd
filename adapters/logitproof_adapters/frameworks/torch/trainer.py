"""PyTorch, trained as its tutorials do: torch.nn.Sequential, a criterion, loss.backward(), torch.optim.SGD.

https://docs.pytorch.org/tutorials/beginner/basics/optimization_tutorial.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_adapters.sources.trainer import SourceTrainer, layers_of
from logitproof_reference.vocabulary.cells import SIGMOID

if TYPE_CHECKING:
    from logitproof_reference.training.tasks import Task
    from logitproof_reference.vocabulary.cells import Cell

CRITERIA = {"softmax_cross_entropy": "torch.nn.CrossEntropyLoss()", SIGMOID: "torch.nn.BCEWithLogitsLoss()"}

PROGRAM = """model = torch.nn.Sequential({layers}).to(torch.{format})
criterion = {criterion}
optimizer = torch.optim.SGD(model.parameters(), lr={rate})


def load(parameters):
    with torch.no_grad():
        for own, given in zip(model.parameters(), parameters):
            own.copy_(given.t())  # torch.nn.Linear keeps its matrix as (out of, into)


def parameters():
    return [own.detach().t().clone() for own in model.parameters()]


def train(batches):
    for x, y in batches:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        yield loss, [own.grad.t().clone() for own in model.parameters()], parameters()


def logits(x):
    return model(x)


def descend(x, upstream):
    optimizer.zero_grad()
    model(x).backward(upstream)
    optimizer.step()
    return parameters()


def loss(z, y):
    z.requires_grad_()
    value = criterion(z, y)
    value.backward()
    return value, z.grad
"""


class TorchTrainer(SourceTrainer):
    """Trains with PyTorch, in eager mode."""

    recipes = {  # noqa: RUF012 - a table of the class, as its base declares it
        "softmax_cross_entropy": (("indices", ""), ("distributions", "")),
        SIGMOID: (("distributions", ""),),
    }

    def source(self, cell: Cell, task: Task) -> str:
        """Return the program."""
        layers = [
            f"torch.nn.Linear({width}, {units})" + ("" if last else ", torch.nn.ReLU()")
            for width, units, last in layers_of(task)
        ]
        return PROGRAM.format(layers=", ".join(layers), format=cell.format, criterion=CRITERIA[task.op], rate=task.rate)
