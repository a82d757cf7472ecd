"""A verdict on a kernel fused with the linear layer before it: clauses LIN, by the identity and by real products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.errors import UsageError
from logitproof.kernels.verdict import KernelVerdict
from logitproof_conformance.asking.ask import digest
from logitproof_reference.bounds.assumptions import MUST, SHOULD
from logitproof_reference.cases.catalogue import REGIMES
from logitproof_reference.cases.hashed_numbers import integers, normals
from logitproof_reference.cases.regime import rounded
from logitproof_reference.judging.compare import compare
from logitproof_reference.prologues.factor import FactorPrologue
from logitproof_reference.prologues.head import Head
from logitproof_reference.prologues.linear import IdentityPrologue, LinearPrologue
from logitproof_reference.prologues.softcap import SoftcapPrologue
from logitproof_reference.specification.clauses import CLAUSES as ALL_CLAUSES
from logitproof_reference.vocabulary.cells import Cell, Inputs
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.heads import HEADS
from logitproof_reference.vocabulary.judgement import on_cell
from logitproof_reference.vocabulary.producers import Factor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from logitproof.kernels.check import Request
    from logitproof.kernels.truth import Question
    from logitproof_adapters.contract import Adapter
    from logitproof_adapters.sources.kernel_claim import Claim
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.judging.compare import Comparison
    from logitproof_reference.numerics.enclosure import Enclosure
    from logitproof_reference.prologues.protocol import Prologue
    from logitproof_reference.vocabulary.judgement import Judgement

    Array = NDArray[Any]

CLAUSES = ("LIN-1", "LIN-2", "LIN-3", "LIN-4")
OF_QUANTITY = {"value": "LIN-1", "grad_hidden": "LIN-2", "grad_weight": "LIN-3"}
BEST_EFFORT = "LIN-4"

DECLARED = {"reduction", "ignore_index", "label_smoothing", "scale", "temperature", "softcap"}
"""What may be declared of a fused kernel."""

BY_IDENTITY = ("typical", "saturated", "confident", "nearly_uniform", "near_tie", "exact_tie", "common_offset_1e4")
"""Regimes of finite logits that are asked with hidden states that are the identity."""
MOST_ROWS = 24


@dataclass(frozen=True)
class Shape:
    """A product that is asked.

    Attributes
    ----------
    rows, width, classes : int
    size : float
        Standard deviation of the logits, of hidden states of mean `mean`.
    mean : float
    offset : float
        What one of the hidden states adds to every logit.
    labelled : int
        Classes that are labels, the first ones, so that their gradients add up over the rows, all of one sign; 0 for
        all classes, and upstream gradients of several sizes.
    """

    rows: int
    width: int
    classes: int
    size: float = 1.0
    mean: float = 0.0
    offset: float = 0.0
    labelled: int = 0


QUICK = {
    "ordinary": Shape(37, 64, 257),
    "peaked": Shape(24, 64, 129, size=8.0),
    "offset": Shape(24, 65, 129, offset=256.0),
    "many rows": Shape(4096, 8, 130, size=0.1, mean=3.0, labelled=1),
    "one class": Shape(5, 16, 1),
    "one row": Shape(1, 64, 1003),
    "deep": Shape(4, 4096, 33),
    "wide": Shape(3, 16, 32_769),
}
FULL = {**QUICK, "vocabulary": Shape(3, 64, 151_936)}
SHAPES = {"quick": QUICK, "full": FULL}


@dataclass(frozen=True)
class Case:
    """Hidden states, a weight and labels, and whether every product of them is exact."""

    name: str
    hidden: Array
    weight: Array
    labels: NDArray[np.int64]
    is_identity: bool = False
    upstream: tuple[float, ...] = (1.0, -0.5, 2.0, 0.25)


def cases(format_: str, profile: str, widest: int, seed: int, ignored: int | None) -> Iterator[Case]:
    """Yield what a kernel is asked in a format; with an ignored label, every third row has it."""
    form = FORMATS[format_]
    for name in BY_IDENTITY:
        rows = REGIMES[name].build(form)
        logits = rows.logits[:MOST_ROWS]
        hidden = np.eye(len(logits)).astype(form.dtype)
        labels = _ignoring(rows.indices[:MOST_ROWS], ignored)
        yield Case(f"identity, {name}", hidden, np.ascontiguousarray(logits.T), labels, is_identity=True)
    for name, shape in SHAPES[profile].items():
        if shape.classes > widest:
            continue
        key = f"linear {name} {seed}"
        hidden = normals(f"{key}, hidden", (shape.rows, shape.width)) + shape.mean
        weight = normals(f"{key}, weight", (shape.classes, shape.width)) * (shape.size / np.sqrt(shape.width))
        if shape.offset:
            hidden[:, -1], weight[:, -1] = 1.0, shape.offset
        labels = _ignoring(integers(f"{key}, labels", (shape.rows,), shape.labelled or shape.classes), ignored)
        given = rounded(hidden, form), rounded(weight, form), labels
        yield Case(name, *given, upstream=(1.0,)) if shape.labelled else Case(name, *given)


def _ignoring(labels: NDArray[np.int64], ignored: int | None) -> NDArray[np.int64]:
    return labels if ignored is None else np.where(np.arange(len(labels)) % 3 == 1, ignored, labels)


def head_verdict(
    adapter: Adapter, question: Question, quantities: tuple[str, ...], request: Request, formats: Sequence[str]
) -> KernelVerdict:
    """Judge a fused kernel.

    Raises
    ------
    UsageError
        Something is declared of it that is not judged here.
    """
    claim = question.claim
    if unknown := sorted(set(claim.declared) - DECLARED):
        raise UsageError(f"{unknown[0]} is not judged of {question.op}; known: {', '.join(sorted(DECLARED))}")
    found: list[Judgement] = []
    notes: list[str] = []
    taken: list[str] = []
    for format_ in formats:
        asked = _Format(adapter, question, quantities, format_)
        if reason := asked.refused():
            if request.formats:
                raise UsageError(f"the kernel does not take {format_}: {reason}")
            notes.append(f"{format_} is not taken: {reason}")
            continue
        taken.append(format_)
        for case in cases(format_, request.profile, request.widest, request.seed, claim.ignore_index):
            if request.progress is not None:
                request.progress(f"{format_} {case.name}")
            found += asked.judged(case)
    kept = tuple(one for one in found if not one.clause.startswith((*request.without, "-")))
    described = adapter.describe()
    return KernelVerdict(
        adapter.name, question, described, kept, request.profile, {}, notes=tuple(notes), formats=tuple(taken)
    )


def prologues_of(claim: Claim, *, is_identity: bool) -> tuple[Prologue, ...]:
    """Return what stands in front of the loss, as declared: linear layer, scale or temperature, cap."""
    chain: list[Prologue] = [IdentityPrologue() if is_identity else LinearPrologue()]
    for name, sign in (("scale", "*"), ("temperature", "/")):
        if (number := getattr(claim, name)) != 1.0:
            chain.append(FactorPrologue(Factor(name, sign, number)))
    if claim.softcap is not None:
        chain.append(SoftcapPrologue(claim.softcap))
    return tuple(chain)


@dataclass(frozen=True)
class _Format:
    """A kernel, asked in one format."""

    adapter: Adapter
    question: Question
    quantities: tuple[str, ...]
    format: str

    def refused(self) -> str:
        """Return why the kernel does not take the format, by its answer to a small product; empty where it does."""
        dtype = FORMATS[self.format].dtype
        small = Case("small", np.ones((2, 4), dtype), np.ones((3, 4), dtype), np.array([0, 2]))
        try:
            self._answer("value", small)
        except Exception as error:  # noqa: BLE001 - whatever a kernel raises is its refusal
            return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"
        return ""

    def judged(self, case: Case) -> Iterator[Judgement]:
        """Yield the judgements of a case."""
        claim = self.question.claim
        options = {name: getattr(claim, name) for name in ("reduction", "ignore_index", "label_smoothing")}
        given = {"hidden": case.hidden, "weight": case.weight}
        op = HEADS[self.question.op].op
        head = Head(prologues_of(claim, is_identity=case.is_identity), given, op, case.labels, options)
        for quantity in self.quantities:
            yield from self._judged(case, head, quantity)

    def _cotangent(self, case: Case) -> Array:
        if self.question.claim.reduction != "none":
            return np.asarray(1.5)
        return np.resize(case.upstream, len(case.labels))

    def _answer(self, quantity: str, case: Case) -> Array:
        dtype = FORMATS[self.format].dtype
        cotangent = None if quantity == "value" else self._cotangent(case).astype(dtype)
        inputs = Inputs(case.hidden.copy(), 1, case.labels, cotangent, projection=case.weight.copy())
        return np.array(self.adapter.evaluate(self._cell(quantity), inputs))

    def _cell(self, quantity: str) -> Cell:
        question = self.question
        return Cell(
            self.adapter.name,
            "eager",
            question.op,
            quantity,
            self.format,
            question.labels,
            options=question.claim.options,
        )

    def _judged(self, case: Case, head: Head, quantity: str) -> Iterator[Judgement]:
        cell, clause, format_ = self._cell(quantity), OF_QUANTITY[quantity], FORMATS[self.format]
        grade = ALL_CLAUSES[clause].grade
        try:
            observed = self._answer(quantity, case)
        except Exception as error:  # noqa: BLE001 - whatever a kernel raises is a result
            reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:300]}"
            yield on_cell(cell, case.name, clause=clause, grade=grade, verdict="crashed", reason=reason)
            return
        cotangent = None if quantity == "value" else self._cotangent(case)
        exact = head.exact(quantity, cotangent)
        observed = observed.reshape(1) if exact.shape == (1,) and observed.shape == () else observed
        if observed.shape != exact.shape:
            reason = f"the result has shape {observed.shape}, expected {exact.shape}"
            yield on_cell(cell, case.name, clause=clause, grade=grade, verdict="deviates", reason=reason)
            return
        for id_, arithmetic, verdict in (
            (clause, self.question.arithmetic or MUST, "deviates"),
            (BEST_EFFORT, SHOULD, "concern"),
        ):
            yield _judgement(
                cell, case, id_, verdict, _held(observed, exact, head, (quantity, cotangent), (format_, arithmetic))
            )


@dataclass(frozen=True)
class _Held:
    """An answer beside the truth."""

    observed: Array
    exact: Enclosure
    bound: NDArray[np.float64]
    comparison: Comparison


def _held(
    observed: Array, exact: Enclosure, head: Head, asked: tuple[str, Array | None], model: tuple[Any, Arithmetic]
) -> _Held:
    quantity, cotangent = asked
    allowed = head.bound(quantity, *model, cotangent)
    return _Held(observed, exact, allowed, compare(observed, exact, np.broadcast_to(allowed, exact.shape), model[0]))


def _judgement(cell: Cell, case: Case, clause: str, verdict: str, held: _Held) -> Judgement:
    comparison = held.comparison
    is_right = bool((comparison.conforms | comparison.undecided).all())
    worst = comparison.worst()
    at = np.unravel_index(worst, held.observed.shape)
    row, element = int(at[0]), int(at[1]) if len(at) > 1 else -1
    seen, exact = float(held.observed[at]), float(held.exact.value[at])
    allowed, slack = float(np.broadcast_to(held.bound, held.exact.shape)[at]), float(comparison.slack[at])
    place = f"row {row}" + (f", column {element}" if element >= 0 else "")
    reason = f"{place}: {seen:.9g}, exactly {exact:.9g}; error / bound {slack:.3g}"
    return on_cell(
        cell,
        case.name,
        clause=clause,
        grade=ALL_CLAUSES[clause].grade,
        verdict="conforms" if is_right else verdict,
        reason="" if is_right else reason,
        elements=held.observed.size,
        ulps=float(comparison.ulps.max()),
        slack=float(comparison.slack.max()),
        nats=float(comparison.error.max()),
        row=row,
        element=element,
        exact=exact.hex(),
        observed=seen.hex(),
        bound=f"{allowed:.6g}",
        inputs="" if is_right else f'{{"regime": "{case.name}", "row": {row}}}',
        digest=digest(held.observed),
    )
