"""Evaluates a kernel on a trial, and compares its answer with the exact one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.judging.truth import (
    SPOILER,
    Question,
    Truth,
    arguments,
    divisor,
    of_held_products,
    truth_of,
    weights,
)
from logitproof_adapters.contract.calls import CallFailed, answer_of
from logitproof_adapters.evaluator.values import is_numeric
from logitproof_adapters.targets.link import TargetDied
from logitproof_conformance.plan.layout import MIDDLE_WIDTH, PLACES
from logitproof_reference.cases.memory_layouts import laid
from logitproof_reference.judging.compare import Comparison, compare
from logitproof_reference.vocabulary.cells import Cell, Inputs
from logitproof_reference.vocabulary.formats import FORMATS, format_of
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from logitproof_adapters.contract import Adapter
    from logitproof_reference.cases.catalogue import Rows

KEPT_ELEMENTS = 1 << 24
"""Number of elements of exact answers that are kept for the next kernel, each of four float64 numbers."""


@dataclass(frozen=True)
class Reply:
    """The result of a call.

    Attributes
    ----------
    observed : array, class axis last, or None
    dtype : str
    failure : str
        What was raised, how the process ended, or what is wrong with the shape.
    modified : tuple of str
        The inputs that the call changed.
    died : bool
        Whether the process ended.
    """

    observed: NDArray[Any] | None
    dtype: str = ""
    failure: str = ""
    modified: tuple[str, ...] = ()
    died: bool = False


class Truths:
    """Exact answers by question and rows, the first ones kept: each kernel of one op is asked the same in turn.

    Parameters
    ----------
    most : int
        How many numbers are kept; 0 for a kernel that nobody comes after.
    """

    def __init__(self, most: int = KEPT_ELEMENTS) -> None:
        self._kept: dict[Any, Truth] = {}
        self._left = most

    def of(self, question: Question, rows: Rows, key: Any) -> Truth:
        """Return the exact answers; `key` names the rows."""
        whole = (question, key)
        if key is not None and whole in self._kept:
            return self._kept[whole]
        found = truth_of(question, rows)
        if key is not None and found.allowed.size <= self._left:
            self._kept[whole] = found
            self._left -= found.allowed.size
        return found


def _masked(logits: NDArray[Any], spoiler: float) -> dict[str, NDArray[Any]]:
    """Return a mask of the classes at -inf, and logits with a number in their place."""
    mask = ~np.isneginf(logits.astype(np.float64))
    return {"logits": np.where(mask, logits, logits.dtype.type(spoiler)), "mask": mask}


def _with_axis_of_one(array: NDArray[Any]) -> NDArray[Any]:
    """Lay out (rows, classes) as (rows, classes, 1), (rows,) as (rows, 1)."""
    return np.ascontiguousarray(array[..., None])


@dataclass(frozen=True)
class Compared:
    """An answer and how it compares."""

    reply: Reply
    truth: Truth
    comparison: Comparison
    wrong: NDArray[np.bool_]
    """By row, where some element does not conform."""


class Asker:
    """Asks one kernel.

    Parameters
    ----------
    adapter : Adapter
    question : Question
        All but its quantity.
    truths : Truths, optional
    is_beside : bool
        Whether exact answers are computed while the kernel computes: of one in a process of its own, where nobody
        compares how long calls take.

    Attributes
    ----------
    seconds : float
        What its calls took so far.
    beside : Executor or None
        A thread for what needs no answer of the kernel, where exact answers are computed beside it.
    behind : int
        Length of the axis behind the classes, where they are the middle one.
    usual_way : str
        How the kernel is called where no way of calling is named, a word of `ways_of_calling`; empty: as any function.
    """

    def __init__(
        self, adapter: Adapter, question: Question, truths: Truths | None = None, *, is_beside: bool = False
    ) -> None:
        self.adapter = adapter
        self.question = question
        self.seconds = 0.0
        self.truths = truths or Truths()
        self.beside = ThreadPoolExecutor(1) if is_beside else None
        self._expected: dict[tuple[str, Any], Future[Truth]] = {}
        self.behind = MIDDLE_WIDTH
        self.usual_way = ""

    def with_axis_of_one(self) -> Asker:
        """Return what asks the same with an axis of length one behind the classes, where they are the middle axis."""
        other = copy(self)
        other.behind = 1
        return other

    def cell(self, quantity: str, format_: str, way: str = "") -> Cell:
        """Return the cell of a call."""
        question, declaration = self.question, self.question.declaration
        return Cell(
            self.adapter.name,
            self.adapter.modes[0],
            question.op,
            quantity,
            format_,
            question.labels,
            declaration.class_axis,
            options=declaration.options,
            entry=way or self.usual_way,
        )

    def inputs(self, quantity: str, rows: Rows, placement: str = "", spoiler: float = SPOILER) -> Inputs:
        """Return the arrays of a call, laid out; `spoiler` is put where a class does not count."""
        question = replace(self.question, quantity=quantity)
        place = _with_axis_of_one if self.behind == 1 else PLACES[question.declaration.class_axis]
        given = {"logits": rows.logits, **arguments(question, rows)}
        if question.declaration.where:
            given |= _masked(rows.logits, spoiler)
        arrays = {
            name: laid(placement, name, place(array)) if array.ndim else array.copy() for name, array in given.items()
        }
        axis = {"last": 1, "first": 0, "middle": 1}[question.declaration.class_axis]
        return Inputs(axis=axis, **arrays, **weights(question.declaration, rows.logits))

    def ask(self, quantity: str, rows: Rows, placement: str = "", way: str = "", *, spoiler: float = SPOILER) -> Reply:
        """Call the kernel; what it raises is a reply."""
        inputs = self.inputs(quantity, rows, placement, spoiler)
        arrays = inputs.arrays()
        before = {name: array.tobytes() for name, array in arrays.items()}
        cell = self.cell(quantity, format_of(rows.logits).name, way)
        started = time.perf_counter()
        try:
            is_here = not hasattr(self.adapter, "target")  # of a process of its own
            answer = answer_of(lambda: self.adapter.evaluate(cell, inputs), passed=(TargetDied,), is_here=is_here)
        except TargetDied as error:
            return Reply(None, failure=f"its process {error}", died=True)
        except CallFailed as error:
            return Reply(None, failure=str(error))
        finally:
            self.seconds += time.perf_counter() - started
        modified = tuple(name for name, array in arrays.items() if array.tobytes() != before[name])
        return self.read(quantity, rows, answer, modified)

    def read(self, quantity: str, rows: Rows, answer: NDArray[Any], modified: tuple[str, ...] = ()) -> Reply:
        """Return an answer as a reply, its class axis last; one of another shape or kind is a failure."""
        if not is_numeric(answer.dtype):
            return Reply(None, str(answer.dtype), f"the result holds {answer.dtype}, no number format", modified)
        restored = self._restored(quantity, answer, rows)
        if restored is None:
            wanted = self.shape(quantity, rows)
            return Reply(None, str(answer.dtype), f"the result has shape {answer.shape}, expected {wanted}", modified)
        return Reply(restored, str(answer.dtype), modified=modified)

    def shape(self, quantity: str, rows: Rows) -> tuple[int, ...]:
        """Return the shape that an answer must have."""
        declaration, cell = self.question.declaration, self.cell(quantity, "float32")
        if cell.is_scalar:
            return ()
        count, n = rows.logits.shape
        per_class = (n,) if cell.has_class_axis else ()
        groups = -(-count // self.behind)
        shapes = {
            "last": (count, *per_class),
            "first": (*per_class, count),
            "middle": (groups, *per_class, self.behind),
        }
        return shapes[declaration.class_axis]

    def _restored(self, quantity: str, answer: NDArray[Any], rows: Rows) -> NDArray[Any] | None:
        """Return an answer with the class axis last, one number as an array of one; None if its shape is wrong."""
        if answer.shape != self.shape(quantity, rows):
            return None
        cell = self.cell(quantity, "float32")
        if cell.is_scalar:
            return answer.reshape(1)
        if cell.axis == "middle":
            moved = np.moveaxis(answer, 1, -1) if cell.has_class_axis else answer
            return moved.reshape(-1, *moved.shape[2:])[: len(rows)]
        return answer.T if cell.axis == "first" and cell.has_class_axis else answer

    def compare(
        self, quantity: str, rows: Rows, placement: str = "", way: str = "", *, key: Any = None
    ) -> tuple[Reply, Compared | None]:
        """Call the kernel and compare its answer; None if none came."""
        if self.beside is None:
            reply = self.ask(quantity, rows, placement, way)
            return reply, None if reply.observed is None else self.held(quantity, rows, reply, key=key)
        expected = self._asked(quantity)
        truth = self._expected.pop((quantity, key), None) or self.beside.submit(self.truths.of, expected, rows, key)
        reply = self.ask(quantity, rows, placement, way)
        exact = truth.result() if self._asked(quantity, reply.dtype) == expected else None
        return reply, None if reply.observed is None else self.held(quantity, rows, reply, key=key, truth=exact)

    def expect(self, quantity: str, rows: Rows, key: Any) -> None:
        """Let exact answers be computed that the next comparison of this quantity and key needs."""
        if self.beside is not None:
            self._expected[quantity, key] = self.beside.submit(self.truths.of, self._asked(quantity), rows, key)

    def expect_no_more(self, key: Any) -> None:
        """Let go of exact answers of a key that nobody asked for."""
        for one in [one for one in list(self._expected) if one[1] == key]:
            self._expected.pop(one).cancel()

    def _asked(self, quantity: str, dtype: str = "") -> Question:
        """Return the question; a declared format of the result is that of a gradient only where this came in it.

        Autograd rounds the gradient of a float32 loss of bfloat16 logits to bfloat16.
        """
        asked = replace(self.question, quantity=quantity)
        if quantity == "value" or not asked.declaration.result_format or dtype == asked.declaration.result_format:
            return asked
        return replace(asked, declaration=replace(asked.declaration, result_format=""))

    def held(self, quantity: str, rows: Rows, reply: Reply, *, key: Any = None, truth: Truth | None = None) -> Compared:
        """Compare an answer that came."""
        assert reply.observed is not None
        asked = self._asked(quantity, reply.dtype)
        truth = self.truths.of(asked, rows, key) if truth is None else truth
        format_ = FORMATS[asked.declaration.result_format or format_of(rows.logits).name]
        observed = reply.observed
        comparison = compare(observed.astype(np.float64), truth.exact, truth.allowed, format_)
        conforms = comparison.conforms | comparison.undecided | self._accepted(rows, observed)
        conforms |= self._ignored(rows, observed) | self._over_nothing(rows, observed)
        conforms &= ~self._leaked(quantity, rows, observed) | np.isnan(truth.exact.value)  # a row without any class
        conforms |= self._of_held_products(asked, rows, observed)
        conforms[self._undeclared(rows)[: len(conforms)]] = True
        wrong = np.asarray(~conforms.reshape(len(conforms), -1).all(axis=1)) if conforms.size else np.zeros(0, bool)
        return Compared(reply, truth, replace(comparison, conforms=conforms), wrong)

    def _of_held_products(self, asked: Question, rows: Rows, observed: NDArray[Any]) -> NDArray[np.bool_]:
        """Return where an answer is that of products past the format, which are infinite in it; NaN beside a +inf."""
        found = of_held_products(asked, rows)
        if found is None:
            return np.zeros(observed.shape, bool)
        truth, reached = found
        format_ = FORMATS[asked.declaration.result_format or format_of(rows.logits).name]
        seen = observed.astype(np.float64)
        right = compare(seen, truth.exact, truth.allowed, format_).conforms | np.isnan(seen)
        return np.asarray(right & reached.reshape(-1, *(1,) * (observed.ndim - 1)))

    def _leaked(self, quantity: str, rows: Rows, observed: NDArray[Any]) -> NDArray[np.bool_]:
        """Return where a class at -inf has a share, or a masked class a gradient: both must be 0."""
        of_mask = self.question.declaration.where and quantity == "grad_logits"
        if (self.question.op, quantity) != ("softmax", "value") and not of_mask:
            return np.zeros(observed.shape, bool)
        return np.asarray(np.isneginf(self._signed(rows)) & (observed.astype(np.float64) != 0))

    def _signed(self, rows: Rows) -> NDArray[np.float64]:
        """Return logits with the sign that the declared scale gives them: of -inf a negative one makes +inf."""
        return np.asarray(rows.logits.astype(np.float64) * np.sign(self.question.declaration.factor))

    def _undeclared(self, rows: Rows) -> NDArray[np.bool_]:
        """Return the rows with a mask whose result is not declared: fully masked, or with a masked label."""
        declaration, labels = self.question.declaration, self.question.labels
        if not declaration.where or declaration.reduction != "none":
            return np.zeros(len(rows), bool)
        out = np.isneginf(rows.logits.astype(np.float64))
        if labels == "indices":
            at = np.clip(rows.indices, 0, out.shape[1] - 1)
            return np.asarray(out.all(axis=1) | out[np.arange(len(out)), at])
        spread = rows.distributions.astype(np.float64) != 0
        return np.asarray(out.all(axis=1) | ((out & spread).any(axis=1) if labels == "distributions" else False))

    def _ignored(self, rows: Rows, observed: NDArray[Any]) -> NDArray[np.bool_]:
        """Return where an ignored row that is not finite gives 0 or NaN: its logits need not be read (OPT-3)."""
        if len(observed) != len(rows):
            return np.zeros(observed.shape, bool)
        skipped = self.ignored_and_not_finite(rows).reshape(-1, *(1,) * (observed.ndim - 1))
        numbers = observed.astype(np.float64)
        return np.asarray(((numbers == 0) | np.isnan(numbers)) & skipped)

    def _over_nothing(self, rows: Rows, observed: NDArray[Any]) -> NDArray[np.bool_]:
        """Return where a mean over weights that sum to 0 is NaN, 0, or infinite by what smoothing leaves (OPT-5)."""
        declaration = self.question.declaration
        is_weighted = declaration.weight and declaration.reduction == "mean" and self.question.labels == "indices"
        if not is_weighted or divisor(self.question, rows.logits, rows.indices) != 0:
            return np.zeros(observed.shape, bool)
        numbers = observed.astype(np.float64)
        infinite = np.isinf(numbers) & (declaration.label_smoothing != 0)
        return np.asarray(np.isnan(numbers) | (numbers == 0) | infinite)

    def ignored_and_not_finite(self, rows: Rows) -> NDArray[np.bool_]:
        """Return for each row whether it is ignored and holds NaN or an infinity."""
        ignored = self.question.declaration.ignore_index
        if ignored is None:
            return np.zeros(len(rows), bool)
        finite = np.isfinite(rows.logits.astype(np.float64)).all(axis=1)
        return np.asarray((rows.indices == ignored) & ~finite)

    def _accepted(self, rows: Rows, observed: NDArray[Any]) -> NDArray[np.bool_]:
        """Return where NaN is accepted: in rows with a logit of +inf; of an elementwise op, at infinite logits.

        In one number for all rows an ignored one counts nothing, whatever it holds (OPT-3).
        """
        nan = np.isnan(observed.astype(np.float64))
        logits = self._signed(rows)
        if OPS[self.question.op].elementwise and observed.shape == logits.shape:
            return np.asarray(nan & np.isinf(logits))
        spoiled = np.isposinf(logits).any(axis=1)
        if len(observed) != len(logits):
            return nan & (spoiled & ~self.ignored_and_not_finite(rows)).any()
        return nan & spoiled.reshape(-1, *(1,) * (observed.ndim - 1))
