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
"""Prepended to a program that runs in its own process."""

IDLE_FACTOR = 10
"""Wall-clock limit of such a program, as a multiple of its CPU time limit. A program that computes reaches the CPU
limit first, even if ten share a processor; one that reaches this limit is waiting for something that never comes."""


@dataclass(frozen=True)
class Description:
    """The framework behind an adapter.

    Attributes
    ----------
    framework : str
        Its usual name, e.g. ``PyTorch``.
    version : str
        As the framework reports it (PEP 440); ledger entries are selected by it.
    build : dict of str to str
        Whatever else affects the bits of results: threads, SIMD level, device, build flags.
    """

    framework: str
    version: str
    build: dict[str, str] = field(default_factory=dict)


@runtime_checkable
class Adapter(Protocol):
    """Calls one framework. No tolerance, no retry, no correction of results.

    The framework is imported only by the adapter's constructor.
    """

    name: str
    modes: tuple[str, ...]

    def describe(self) -> Description:
        """Return framework, version and build."""
        ...

    def unsupported(self, cell: Cell) -> str | None:
        """Return why the framework does not offer a cell, or None if it does."""
        ...

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the framework's result unchanged, as a NumPy array in the format that the framework returned."""
        ...

    def repro(self, cell: Cell, inputs: Inputs) -> str:
        """Return a standalone program in the framework's own API that prints the result for `inputs`."""
        ...


def ignored_labels(adapter: Adapter) -> tuple[int, ...]:
    """Return the class indices that the framework documents as ignored by default: such a row has a loss of exactly 0.

    Read from the adapter's attribute of this name; default: none.
    """
    return tuple(getattr(adapter, "ignored_labels", ()))


def broadcast_labels(adapter: Adapter) -> tuple[str, ...]:
    """Return the kinds of labels (``indices``, ``distributions``) that the framework documents as broadcast.

    Read from the adapter's attribute of this name; default: none.
    """
    return tuple(getattr(adapter, "broadcast_labels", ()))


def floating_indices(adapter: Adapter) -> bool:
    """Return whether the framework documents that class indices may be floating-point numbers.

    Read from the adapter's attribute of this name; default: only integers.
    """
    return bool(getattr(adapter, "floating_indices", False))


def label_columns(adapter: Adapter) -> bool:
    """Return whether the framework documents that class indices may have the shape (rows, 1) if classes are last.

    Read from the adapter's attribute of this name; default: only (rows,).
    """
    return bool(getattr(adapter, "label_columns", False))


def most_axes(adapter: Adapter) -> Mapping[str, int]:
    """Return the largest number of axes that the framework documents for the logits, by op; ops not named take any.

    Read from the adapter's attribute of this name; default: no limit. E.g. ``{"log_sum_exp": 4}``.
    """
    found: Mapping[str, int] = getattr(adapter, "most_axes", {})
    return found


def one_dimension(adapter: Adapter) -> tuple[str, ...]:
    """Return the ops that the framework documents for logits of one axis: the classes of one example, without a batch.

    Read from the adapter's attribute of this name; default: none, only batches.
    """
    return tuple(getattr(adapter, "one_dimension", ()))


def spellings(adapter: Adapter) -> Mapping[str, tuple[str, ...]]:
    """Return alternative calls of an op with the same answer, as words of `Cell.entry`, by op.

    The words are those of `spellings.SPELLINGS` in the plan: a call with the classes along two axes, with the class
    axis kept, without an axis, and the like. They are not separate functions in tables of results.

    Read from the adapter's attribute of this name; default: none.
    """
    found: Mapping[str, tuple[str, ...]] = getattr(adapter, "spellings", {})
    return found


def zero_dimensions(adapter: Adapter) -> tuple[str, ...]:
    """Return the ops that the framework documents for logits without any axis: one number, the only class.

    Read from the adapter's attribute of this name; default: none.
    """
    return tuple(getattr(adapter, "zero_dimensions", ()))


def negative_strides(adapter: Adapter) -> bool:
    """Return whether the framework accepts arrays with negative strides.

    Read from the adapter's attribute of this name; default: True.
    """
    return bool(getattr(adapter, "negative_strides", True))


def entries(adapter: Adapter) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Return further functions of the framework for an op, as words of `Cell.entry`, by op and labels.

    Read from the adapter's attribute of this name; default: none. E.g.
    ``{("softmax_cross_entropy", "indices"): ("functional", "nll_loss")}``.
    """
    found: Mapping[tuple[str, str], tuple[str, ...]] = getattr(adapter, "entries", {})
    return found


def dialect(adapter: Adapter, cell: Cell) -> Dialect:
    """Return what is documented about the loss of `cell`.

    Returned by the adapter's method ``dialect(cell)``; default: what torch.nn.CrossEntropyLoss documents.
    """
    stated: Dialect = adapter.dialect(cell) if hasattr(adapter, "dialect") else Dialect()
    return stated


def foresee(adapter: Adapter, cells: Sequence[Cell]) -> None:
    """Announce to an adapter the cells that follow, so that one whose framework is elsewhere can batch its requests.

    Calls the adapter's method of this name, if it has one.
    """
    if hasattr(adapter, "foresee"):
        adapter.foresee(cells)


def declared_arithmetic(adapter: Adapter) -> Arithmetic:
    """Return the arithmetic by which the MUST bound of the implementation is computed.

    Read from the adapter's attribute ``arithmetic``; default: the weakest assumptions, `MUST`.
    """
    return getattr(adapter, "arithmetic", None) or MUST


def run_alone(
    adapter: Adapter, program: str, variables: Mapping[str, str], seconds: int
) -> subprocess.CompletedProcess[str]:
    """Run a program in its own Python process, where the framework is, with these environment variables.

    An adapter whose framework is elsewhere has a method of this name that takes the other arguments.

    The process is ended by SIGXCPU once it has used `seconds` of CPU time, however busy the machine is.

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
    """Run a program with the interpreter of a command; it may be on another machine, so it sets its own limits."""
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
    """Return whether the quantity `cells.SECOND_GRADIENT` is offered: the result of a second backward pass.

    Read from the adapter's attribute of this name; default: False.
    """
    return bool(getattr(adapter, "keeps_graph", False))


def mixed_derivatives(adapter: Adapter) -> bool:
    """Return whether the quantity `cells.MIXED_DERIVATIVE` is offered: how the gradient changes with the labels.

    Read from the adapter's attribute of this name; default: False.
    """
    return bool(getattr(adapter, "mixed_derivatives", False))


def quick_rows(adapter: Adapter) -> int:
    """Return the largest batch of the quick profile, in rows, for frameworks that take milliseconds per row.

    Read from the adapter's attribute of this name; default: no limit.
    """
    return int(getattr(adapter, "quick_rows", sys.maxsize))


def producers(adapter: Adapter) -> tuple[str, ...]:
    """Return what the adapter can put in front of an op, words of `producers.PRODUCERS`.

    Read from the adapter's attribute of this name; default: none.
    """
    return tuple(getattr(adapter, "producers", ()))
