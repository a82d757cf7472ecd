"""What an adapter is: the one interface between Logitproof and a framework."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from logitproof_reference.bounds.assumptions import MUST

from .dialect import Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.vocabulary.cells import Cell, Inputs


LIMITED = """import os
os.environ.update({variables!r})
try:
    import resource
except ImportError:  # Windows has none
    pass
else:
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    if hard == resource.RLIM_INFINITY or hard > {seconds}:
        resource.setrlimit(resource.RLIMIT_CPU, ({seconds}, hard))
"""
"""What a program that runs alone begins with."""

IDLE_FACTOR = 10
"""How many times longer than its limit of processor time a program that runs alone may take by the clock. One that
computes reaches the other limit first, also where ten share a processor: past this one it waits for nothing."""


@dataclass(frozen=True)
class Description:
    """What stands behind an adapter.

    Attributes
    ----------
    framework : str
        The name its users know, e.g. ``PyTorch``.
    version : str
        PEP 440, as the framework reports it; ledger entries select by it.
    build : dict of str to str
        What else decides bits: threads, SIMD level, device, build flags.
    """

    framework: str
    version: str
    build: dict[str, str] = field(default_factory=dict)


@runtime_checkable
class Adapter(Protocol):
    """Asks one framework. No tolerance, no retry, no repair of results.

    The framework is imported by the adapter's constructor and nowhere else.
    """

    name: str
    modes: tuple[str, ...]

    def describe(self) -> Description:
        """Return framework, version and build."""
        ...

    def unsupported(self, cell: Cell) -> str | None:
        """Return why the framework offers no such cell, or None where it does."""
        ...

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the framework's answer as it came, as a NumPy array in the format the framework chose."""
        ...

    def repro(self, cell: Cell, inputs: Inputs) -> str:
        """Return a standalone program in the framework's own API that prints this cell's answer for `inputs`."""
        ...


def ignored_labels(adapter: Adapter) -> tuple[int, ...]:
    """Return the class indices that the framework documents as ignored by default: such a row costs exactly 0.

    An adapter says so by an attribute of this name; one without it ignores none.
    """
    return tuple(getattr(adapter, "ignored_labels", ()))


def broadcast_labels(adapter: Adapter) -> tuple[str, ...]:
    """Return the kinds of labels (``indices``, ``distributions``) that the framework documents as broadcast.

    An adapter says so by an attribute of this name; one without it broadcasts none.
    """
    return tuple(getattr(adapter, "broadcast_labels", ()))


def floating_indices(adapter: Adapter) -> bool:
    """Return whether the framework documents that class indices may be floating-point numbers.

    An adapter says so by an attribute of this name; one without it takes integers alone.
    """
    return bool(getattr(adapter, "floating_indices", False))


def label_columns(adapter: Adapter) -> bool:
    """Return whether the framework documents that class indices may have the shape (rows, 1) where classes are last.

    An adapter says so by an attribute of this name; one without it takes (rows,) alone.
    """
    return bool(getattr(adapter, "label_columns", False))


def most_axes(adapter: Adapter) -> Mapping[str, int]:
    """Return the most axes that the framework documents for the logits of an op, by op; one not named takes any number.

    An adapter says so by an attribute of this name, e.g. ``{"log_sum_exp": 4}``.
    """
    found: Mapping[str, int] = getattr(adapter, "most_axes", {})
    return found


def one_dimension(adapter: Adapter) -> tuple[str, ...]:
    """Return the ops that the framework documents for logits of one axis: the classes of one example, without a batch.

    An adapter says so by an attribute of this name; one without it takes batches alone.
    """
    return tuple(getattr(adapter, "one_dimension", ()))


def spellings(adapter: Adapter) -> Mapping[str, tuple[str, ...]]:
    """Return the further ways in which an op can be called that answer the same, as words of `Cell.entry`, by op.

    The words are those of `spellings.SPELLINGS` in the plan: a call with the classes along two axes, with the class
    axis kept, without an axis, and the like. They are no functions of their own, and a table of results has none.

    An adapter says so by an attribute of this name; one without it calls each op in one way.
    """
    found: Mapping[str, tuple[str, ...]] = getattr(adapter, "spellings", {})
    return found


def zero_dimensions(adapter: Adapter) -> tuple[str, ...]:
    """Return the ops that the framework documents for logits without any axis: one number, the only class.

    An adapter says so by an attribute of this name; one without it takes none.
    """
    return tuple(getattr(adapter, "zero_dimensions", ()))


def negative_strides(adapter: Adapter) -> bool:
    """Return whether the framework takes arrays that lie backwards in memory.

    An adapter of one that does not says so by an attribute of this name.
    """
    return bool(getattr(adapter, "negative_strides", True))


def entries(adapter: Adapter) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Return the further functions that can be asked, as words of `Cell.entry`, by op and labels.

    An adapter says so by an attribute of this name; one without it has no function but the first. E.g.
    ``{("softmax_cross_entropy", "indices"): ("functional", "nll_loss")}``.
    """
    found: Mapping[tuple[str, str], tuple[str, ...]] = getattr(adapter, "entries", {})
    return found


def dialect(adapter: Adapter, cell: Cell) -> Dialect:
    """Return what is documented of the loss that `cell` asks.

    An adapter says so by a method ``dialect(cell)``; one without it means what torch.nn.CrossEntropyLoss documents.
    """
    stated: Dialect = adapter.dialect(cell) if hasattr(adapter, "dialect") else Dialect()
    return stated


def foresee(adapter: Adapter, cells: Sequence[Cell]) -> None:
    """Tell an adapter which cells it will be asked of, so that one whose framework is elsewhere can ask at once.

    An adapter that has use for it has a method of this name.
    """
    if hasattr(adapter, "foresee"):
        adapter.foresee(cells)


def declared_arithmetic(adapter: Adapter) -> Arithmetic:
    """Return the arithmetic that the implementation is held to: the MUST bound is that of it.

    An adapter says so by an attribute ``arithmetic``; of one without it, the least is assumed that is asked of
    everyone.
    """
    return getattr(adapter, "arithmetic", None) or MUST


def run_alone(
    adapter: Adapter, program: str, variables: Mapping[str, str], seconds: int
) -> subprocess.CompletedProcess[str]:
    """Run a program in a Python process of its own, where the framework is, with these environment variables.

    An adapter whose framework is elsewhere has a method of this name that takes the other arguments.

    The process ends by SIGXCPU once it has used `seconds` of processor time, however busy the machine is.

    Raises
    ------
    subprocess.TimeoutExpired
        It waited for something that never came.
    """
    if hasattr(adapter, "run_alone"):
        done: subprocess.CompletedProcess[str] = adapter.run_alone(program, variables, seconds)
        return done
    return run_program([sys.executable], program, variables, seconds)


def run_program(
    command: Sequence[str], program: str, variables: Mapping[str, str], seconds: int, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Do so with the interpreter that a command starts; it may be on another machine, hence sets its limits itself."""
    return subprocess.run(  # noqa: S603 - the user's command
        [*command, "-"],
        input=LIMITED.format(variables=dict(variables), seconds=seconds) + program,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=IDLE_FACTOR * seconds,
        check=False,
        **options,
    )


def keeps_graph(adapter: Adapter) -> bool:
    """Return whether the quantity `cells.SECOND_GRADIENT` can be asked: what a second backward pass gives.

    An adapter says so by an attribute of this name; one without it goes backward once.
    """
    return bool(getattr(adapter, "keeps_graph", False))


def mixed_derivatives(adapter: Adapter) -> bool:
    """Return whether the quantity `cells.MIXED_DERIVATIVE` can be asked: how the gradient changes with the labels.

    An adapter says so by an attribute of this name; one without it takes none.
    """
    return bool(getattr(adapter, "mixed_derivatives", False))


def quick_rows(adapter: Adapter) -> int:
    """Return the most rows of a batch that the quick profile asks.

    An adapter whose framework takes milliseconds a row says so by an attribute of this name; one without it takes any.
    """
    return int(getattr(adapter, "quick_rows", sys.maxsize))


def producers(adapter: Adapter) -> tuple[str, ...]:
    """Return what the adapter can put in front of an op, words of `producers.PRODUCERS`.

    An adapter says so by an attribute of this name; one without it puts nothing there.
    """
    return tuple(getattr(adapter, "producers", ()))
