"""A mutant: the control with one fault, the fault in a sentence, and the clause that must name it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

from logitproof_adapters.contract import Description
from logitproof_adapters.control import answers as control_answers
from logitproof_adapters.control import sigmoid as control_sigmoid
from logitproof_adapters.control import softmax as control
from logitproof_adapters.sources.unsupported import not_wrapped
from logitproof_conformance.plan.spellings import EVERY_AXIS, SPELLINGS
from logitproof_reference.vocabulary.cells import PLAIN, Cell, Options
from logitproof_reference.vocabulary.ops import OPS, SECOND_GRADIENT
from logitproof_reference.vocabulary.producers import PRODUCERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Inputs

MODULES = (control, control_answers, control_sigmoid)
"""Where the control's functions are called."""

SOFTMAX = ("softmax", "none", "value")
LOG_SOFTMAX = ("log_softmax", "none", "value")
LOG_SUM_EXP = ("log_sum_exp", "none", "value")
INDEX_LOSS = ("softmax_cross_entropy", "indices", "value")
DISTRIBUTION_LOSS = ("softmax_cross_entropy", "distributions", "value")
GRAD_SOFTMAX = ("softmax", "none", "grad_logits")
GRAD_LOG_SOFTMAX = ("log_softmax", "none", "grad_logits")
GRAD_LOG_SUM_EXP = ("log_sum_exp", "none", "grad_logits")
GRAD_INDEX_LOSS = ("softmax_cross_entropy", "indices", "grad_logits")
GRAD_DISTRIBUTION_LOSS = ("softmax_cross_entropy", "distributions", "grad_logits")
GRAD_LABELS = ("softmax_cross_entropy", "distributions", "grad_labels")
JVP_SOFTMAX = ("softmax", "none", "jvp")
JVP_LOG_SOFTMAX = ("log_softmax", "none", "jvp")
JVP_LOG_SUM_EXP = ("log_sum_exp", "none", "jvp")
JVP_INDEX_LOSS = ("softmax_cross_entropy", "indices", "jvp")
JVP_DISTRIBUTION_LOSS = ("softmax_cross_entropy", "distributions", "jvp")
HVP_LOG_SUM_EXP = ("log_sum_exp", "none", "hvp")
HVP_INDEX_LOSS = ("softmax_cross_entropy", "indices", "hvp")
HVP_DISTRIBUTION_LOSS = ("softmax_cross_entropy", "distributions", "hvp")
SIGMOID_LOSS = ("sigmoid_cross_entropy", "distributions", "value")
GRAD_SIGMOID_LOSS = ("sigmoid_cross_entropy", "distributions", "grad_logits")
GRAD_SIGMOID_LABELS = ("sigmoid_cross_entropy", "distributions", "grad_labels")
JVP_SIGMOID_LOSS = ("sigmoid_cross_entropy", "distributions", "jvp")
HVP_SIGMOID_LOSS = ("sigmoid_cross_entropy", "distributions", "hvp")


def ask_control(cell: Cell, inputs: Inputs) -> NDArray[Any]:
    """Return the control's answer, with whatever is patched into it; it goes backward twice as it does once.

    Labels may keep the class axis, with a length of one.
    """
    labels = inputs.labels
    if labels is not None and labels.dtype.kind in "iu" and labels.ndim == inputs.logits.ndim > 1:
        inputs = replace(inputs, labels=labels.squeeze(inputs.axis))
    if cell.entry in (*SPELLINGS, EVERY_AXIS):
        return _spelled_otherwise(cell, inputs)
    if not inputs.logits.ndim:
        alone = replace(inputs, logits=inputs.logits[None])
        return ask_control(cell, alone).reshape(())
    quantity = "grad_logits" if cell.quantity == SECOND_GRADIENT else cell.quantity
    given = {name: array for name, array in inputs.arrays().items() if name != "logits"}
    if cell.producer:
        return control_answers.behind_producer(
            cell.producer, cell.op, quantity, inputs.logits, axis=inputs.axis, **given
        )
    options = {name: value for name, value in vars(cell.options).items() if value != getattr(PLAIN, name)}
    return control_answers.answer(cell.op, quantity, inputs.logits, axis=inputs.axis, **{**options, **given})


def _spelled_otherwise(cell: Cell, inputs: Inputs) -> NDArray[Any]:
    """Return the control's answer to another call of an op: the classes in one axis, and back."""
    usual, spelling = replace(cell, entry=""), SPELLINGS.get(cell.entry)
    if spelling is None or not spelling.parts:
        answer = ask_control(usual, inputs)
        return np.expand_dims(answer, inputs.axis) if spelling and spelling.keeps_axis else answer
    back = np.argsort(spelling.parts)
    logits = inputs.logits.transpose(back)
    joined = replace(inputs, axis=1, logits=logits.reshape(len(logits), -1))
    answer = ask_control(usual, joined)
    return answer.reshape(logits.shape).transpose(spelling.parts) if cell.has_class_axis else answer


@dataclass(frozen=True)
class Mutant:
    """The control with one fault.

    Attributes
    ----------
    name, fault : str
        A word for it, and what is wrong in one sentence.
    clause : str
        The clause that must name the fault; others may.
    question : tuple of str
        Op, labels and quantity of a cell in which it must be killed.
    parts : dict of str to callable
        What stands in for functions of the control.
    ask : callable
        What stands around the control, where the fault lies there.
    mode, format, axis, layout : str
    options : Options
    producer : str
        The rest of that cell. In another mode than `mode` there is no fault.
    profile : str
        The smallest profile that must kill it.
    program : str
        What stands for it where a check runs a repro in a process of its own.
    """

    name: str
    fault: str
    clause: str
    question: tuple[str, str, str]
    parts: dict[str, Callable[..., Any]] = field(default_factory=dict)
    ask: Callable[[Cell, Inputs], NDArray[Any]] = ask_control
    mode: str = "eager"
    format: str = "float32"
    axis: str = "last"
    layout: str = "contiguous"
    options: Options = PLAIN
    producer: str = ""
    profile: str = "quick"
    program: str = ""

    @property
    def cell(self) -> Cell:
        """The cell in which the mutant must be killed."""
        op, labels, quantity = self.question
        words = (self.mode, op, quantity, self.format, labels, self.axis, self.layout, self.options)
        return Cell("mutant", *words, producer=self.producer)


def without_fault(mutant: Mutant) -> Mutant:
    """Return the control in the mutant's place: the same cell, nothing wrong."""
    return replace(mutant, name="control", fault="None.", parts={}, ask=ask_control, program="")


@contextmanager
def patched(parts: Mapping[str, Callable[..., Any]]) -> Iterator[None]:
    """Put `parts` in place of the control's functions of these names, wherever it calls them."""
    with ExitStack() as patches:
        for module, name in product(MODULES, parts):
            if hasattr(module, name):
                patches.enter_context(patch.object(module, name, parts[name]))
        yield


class MutantAdapter:
    """Asks a mutant."""

    name = "mutant"
    producers = tuple(PRODUCERS)
    keeps_graph = True
    mixed_derivatives = True
    label_columns = True
    one_dimension = tuple(OPS)
    spellings = MappingProxyType(dict.fromkeys(("softmax", "log_softmax", "log_sum_exp"), (*SPELLINGS, EVERY_AXIS)))
    zero_dimensions = ("softmax", "log_softmax", "log_sum_exp")

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        self.modes: tuple[str, ...] = tuple(dict.fromkeys(("eager", mutant.mode)))

    def describe(self) -> Description:
        """Return the mutant's name."""
        return Description(f"mutant {self.mutant.name}", "0")

    def unsupported(self, cell: Cell) -> str | None:
        """Return why the control has no such cell, or None."""
        return not_wrapped(cell, self.modes, producers=self.producers)

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the faulty answer; in another mode than the mutant's, the control's."""
        if cell.mode != self.mutant.mode:
            return ask_control(cell, inputs)
        with patched(self.mutant.parts):
            return self.mutant.ask(cell, inputs)

    def repro(self, cell: Cell, inputs: Inputs) -> str:
        """Return the mutant's program; most have none, for a mutant is its own repro."""
        del cell, inputs
        return self.mutant.program
