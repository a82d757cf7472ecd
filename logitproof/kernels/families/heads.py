"""A verdict on a kernel fused with the linear layer before it (clauses LIN), with identity and real products."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.cases import products_past_the_format as past_the_format
from logitproof.kernels.cases.head_cases import Case, cases
from logitproof.kernels.causes.head_faults import IN_FRONT, OF_THE_LOSS, Setting, applied, of_rows, read_off
from logitproof.kernels.families import head_labels, head_twice
from logitproof.kernels.families.by_format import AskedFormat
from logitproof.kernels.families.one_answer_of_ranks import ONE_ANSWER, farthest, one_answer
from logitproof.kernels.findings.sentences import MATCHES
from logitproof.kernels.judging.against_bounds import Bounded, against, crash_reason
from logitproof.kernels.judging.examination import is_normal
from logitproof.kernels.judging.refused_rows import AskedCase
from logitproof_adapters.contract import keeps_graph
from logitproof_adapters.kernels.head import ALONE, TRACKED, TWICE, UNTRACKED, VALUES
from logitproof_adapters.targets.link import TargetDied
from logitproof_reference.bounds.assumptions import MUST, SHOULD
from logitproof_reference.cases.memory_layouts import laid
from logitproof_reference.judging.compare import compare
from logitproof_reference.prologues.factor import FactorPrologue, FactorsPrologue
from logitproof_reference.prologues.head import BY_FACTORS
from logitproof_reference.prologues.linear import IdentityPrologue, LinearPrologue
from logitproof_reference.prologues.softcap import SoftcapPrologue
from logitproof_reference.specification.clauses import CLAUSES as ALL_CLAUSES
from logitproof_reference.vocabulary.cells import Cell, Inputs
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.heads import HEADS
from logitproof_reference.vocabulary.judgement import on_cell
from logitproof_reference.vocabulary.producers import Factor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof.kernels.judging.request import Request
    from logitproof_adapters.kernels.declaration import Declaration
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.numerics.enclosure import Enclosure
    from logitproof_reference.prologues.head import Head
    from logitproof_reference.prologues.protocol import Prologue
    from logitproof_reference.vocabulary.formats import Format
    from logitproof_reference.vocabulary.judgement import Judgement

    Array = NDArray[Any]

PAST = past_the_format.CLAUSE
CLAUSES = ("LIN-1", "LIN-2", "LIN-3", "LIN-4", "LIN-5", IN_FRONT, OF_THE_LOSS, "LIN-8", ONE_ANSWER, "LIN-10", PAST)
OF_QUANTITY = {
    "value": "LIN-1",
    "grad_hidden": "LIN-2",
    "grad_weight": "LIN-3",
    "grad_bias": "LIN-5",
    BY_FACTORS: "LIN-10",
}
BEST_EFFORT, OFFSET = "LIN-4", "LIN-8"

FAR = 4096.0
"""An answer that is this many times the largest bound off another loss is not held against the bound of that loss."""

LARGE = 16.0
"""This many times the loss, a log-sum-exp makes a loss that is its rounded difference from a logit lose digits."""

OPTIONS = ("reduction", "ignore_index", "label_smoothing")
DECLARED = {
    *OPTIONS,
    "bias",
    "scale",
    "temperature",
    "softcap",
    "z_loss",
    "divisor",
    "shift",
    "ranks",
    "factors",
    "learned",
    "divides",
    "refuses",
}
"""What may be declared of a fused kernel."""

MODIFIED, STRIDES, AGAIN = "IO-2", "IO-5", "IO-7"
EXPANDED = "expanded_cotangents"
LAYOUTS = ("columns", "strided", EXPANDED)
OF_LAYOUTS = ("ordinary",)
"""Words of `memory_layouts.PLACEMENTS`, and the cases that are asked in them too."""

UPSTREAM = 1.75
"""Of a sum or mean; its inverse is not the share of the rows that count, or a dropped one would look like a divisor."""

FROZEN = "the other operands frozen"
OF_VALUE = {TRACKED: "beside gradients", UNTRACKED: "without gradients"}
"""Other calls that a head can tell apart, and that must give the same: of a value these, of a gradient `FROZEN`."""

NAMES = {"logits": "hidden states", "projection": "weight"}
"""What a head's operands are called, by the attributes of `Inputs` that hold them."""

NO_LABEL = -100
"""The label of the last row of a shifted loss, where no label is declared that is ignored."""


def prologues_of(declaration: Declaration, case: Case) -> tuple[Prologue, ...]:
    """Return what stands in front of the loss, as declared: linear layer, scale or temperature, factors, cap."""
    layer = IdentityPrologue if case.is_identity else LinearPrologue
    chain: list[Prologue] = [layer(has_bias=declaration.bias)]
    for name, sign in (("scale", "*"), ("temperature", "/")):
        if (number := getattr(declaration, name)) != 1.0:
            chain.append(FactorPrologue(Factor(name, sign, number)))
    if declaration.factors:
        numbers = np.atleast_2d(case.factors(declaration.factors).astype(np.float64))
        chain.append(FactorsPrologue(numbers, is_of_rows=declaration.factors == "rows", divides=declaration.divides))
    if declaration.softcap is not None:
        chain.append(SoftcapPrologue(declaration.softcap))
    return tuple(chain)


class InputModifiedError(Exception):
    """A call has other bits in its operands than before."""


class AskedHead(AskedFormat):
    """A kernel, asked in one format."""

    declarable = DECLARED

    @cached_property
    def _named_before(self) -> set[str]:
        """Faults that explained a wrong answer in this format."""
        return set()

    def unasked(self) -> str:
        """Return which declared factor is no normal number of the format."""
        form, declaration = FORMATS[self.format], self.question.declaration
        for name in ("scale", "temperature"):
            if not is_normal(number := getattr(declaration, name), form):
                return f"{name} is {number:g}, no normal number of it"
        return ""

    def ask_little(self) -> Array:
        """Return the kernel's answer to a small product."""
        dtype = FORMATS[self.format].dtype
        classes = max(3, self.question.declaration.ranks)
        small = Case("small", np.ones((3, 4), dtype), np.ones((classes, 4), dtype), np.array([0, 2, 1]))
        try:
            return self._answer("value", small)
        except InputModifiedError:
            return np.empty(0)  # what it does to its operands is judged of each case

    def judged(self, request: Request) -> Iterator[AskedCase]:
        """Yield the cases with their judgements."""
        ignored = self.question.declaration.ignore_index
        if past_the_format.is_asked(self.question.declaration):
            name, form = "products past the format", FORMATS[self.format]
            hidden, weight = past_the_format.operands(
                next(iter(past_the_format.rows_of(self.question.declaration, form)))
            )
            plain = partial(self._ask_plain, Case(name, hidden, weight, np.array([0])))
            yield AskedCase(name, self._past_the_format(), is_ordinary=False, ask_plain=plain)
        for case in cases(self.format, request.profile, request.widest, request.seed, ignored):
            yield AskedCase(case.name, self._of(case), is_ordinary=True, ask_plain=partial(self._ask_plain, case))
        self._note_second_derivatives()
        ones = Case(head_labels.NAME, *(np.ones((3, 4), FORMATS[self.format].dtype),) * 2, np.array([0, 2, 1]))
        yield AskedCase(ones.name, self._of_labels(), is_ordinary=False, ask_plain=partial(self._ask_plain, ones))

    def _ask_plain(self, case: Case, quantity: str) -> Array:
        """Ask ones in place of a case's hidden states and weight."""
        ones = {name: np.ones_like(getattr(case, name)) for name in ("hidden", "weight")}
        return self._answer(quantity, replace(case, **ones))

    def _of(self, case: Case) -> Iterator[Judgement]:
        asked = self._setting(case)
        if asked.options["reduction"] == "mean" and (asked.labels == asked.options["ignore_index"]).all():
            return  # a mean of no rows: a shift leaves the only row without a label
        head = asked.head
        laid_out = LAYOUTS if case.name in OF_LAYOUTS else ()
        if past_the_format.may_leave(head, self.question.declaration, FORMATS[self.format]):
            return
        for quantity in self.quantities:
            found = list(self._judged(case, asked, head, quantity))
            yield from found
            if not all(one.expected for one in found):
                continue
            for placement in laid_out:
                yield from self._laid(replace(case, placement=placement), asked, head, quantity)
            if laid_out and keeps_graph(self.adapter):
                yield from self._called_otherwise(case, asked, head, quantity)
                if quantity != "value":
                    yield from self._again(case, head, quantity)

    def _of_labels(self) -> Iterator[Judgement]:
        """Judge or note what labels out of range give."""
        declaration, form = self.question.declaration, FORMATS[self.format]
        if declaration.factors:
            return
        asked = head_labels.Asked(
            self._answer, self._setting, self.cell("value"), declaration, form.dtype, form.unit_roundoff
        )
        yield from head_labels.judged(asked, self.notes, has_gradient="grad_hidden" in self.quantities)

    def _note_second_derivatives(self) -> None:
        """Note a second derivative that is not that of the loss, where a framework takes it."""
        declaration, form = self.question.declaration, FORMATS[self.format]
        if (
            not keeps_graph(self.adapter)
            or "grad_hidden" not in self.quantities
            or declaration.factors
            or declaration.ranks > 1
        ):
            return
        if form.bits == 16:
            return
        asked = head_twice.Asked(self._answer, self._setting, form.dtype, declaration.bias)
        if note := head_twice.note_of(asked):
            self.notes.append(note)

    def _again(self, case: Case, head: Head, quantity: str) -> Iterator[Judgement]:
        """Judge the gradient of a second backward pass through one graph; an error is right (IO-7)."""
        cell, name = self.cell(quantity), f"{case.name}, a second backward pass"
        level = ALL_CLAUSES[AGAIN].level
        try:
            observed = self._answer(TWICE + quantity, case)
        except Exception as error:  # noqa: BLE001 - whatever a kernel raises is a result
            verdict = "crashed" if isinstance(error, TargetDied) else "conforms"
            yield on_cell(cell, name, clause=AGAIN, grade=level, verdict=verdict, reason=crash_reason(error))
            return
        cotangent = self._cotangent(case)
        exact = head.exact(quantity, cotangent)
        observed = self._shaped(quantity, observed, exact.shape)
        if observed.shape != exact.shape:
            return
        model = (FORMATS[self.format], self.question.arithmetic or MUST)
        yield _held(observed, exact, head, (quantity, cotangent), model).judgement(cell, name, AGAIN, "deviates")

    def _laid(self, case: Case, asked: Setting, head: Head, quantity: str) -> Iterator[Judgement]:
        """Judge arrays of other strides, or the upstream gradient as one number in memory; errors are noted."""
        cell, form = self.cell(quantity), FORMATS[self.format]
        if case.placement == EXPANDED and (quantity == "value" or asked.cotangent.ndim == 0):
            return
        if case.placement == EXPANDED:
            case = replace(case, upstream=(1.5,))
        try:
            observed = self._answer(quantity, case)
        except InputModifiedError:
            return  # of contiguous ones it is judged
        except Exception as error:  # noqa: BLE001 - whatever a kernel raises is a result
            note = f"it refuses arrays laid out as {case.placement} ({crash_reason(error)}); not judged there"
            self.notes.append(note)
            return
        cotangent = None if quantity == "value" else self._cotangent(case)
        exact = head.exact(quantity, cotangent)
        of_ranks = self._of_ranks(quantity, observed, exact.shape)
        observed = self._shaped(quantity, observed, exact.shape) if of_ranks is None else farthest(of_ranks, exact)
        if observed.shape != exact.shape:
            return
        held = _held(observed, exact, head, (quantity, cotangent), (form, self.question.arithmetic or MUST))
        yield held.judgement(cell, f"{case.name}, {case.placement}", STRIDES, "deviates")

    def _called_otherwise(self, case: Case, asked: Setting, head: Head, quantity: str) -> Iterator[Judgement]:
        """Judge the value beside gradients and without them, a gradient by one operand alone; errors are noted."""
        model = (FORMATS[self.format], self.question.arithmetic or MUST)
        cotangent = None if quantity == "value" else asked.cotangent
        exact = head.exact(quantity, cotangent)
        for way, words in (OF_VALUE if quantity == "value" else {ALONE + quantity: FROZEN}).items():
            try:
                observed = self._answer(way, case)
            except Exception as error:  # noqa: BLE001 - whatever a kernel raises is a result
                self.notes.append(f"{quantity}, {words}: {crash_reason(error)}; not judged so")
                continue
            of_ranks = self._of_ranks(quantity, observed, exact.shape)
            observed = self._shaped(quantity, observed, exact.shape) if of_ranks is None else farthest(of_ranks, exact)
            if observed.shape != exact.shape:
                continue
            held = _held(observed, exact, head, (quantity, cotangent), model)
            yield held.judgement(self.cell(quantity), f"{case.name}, {words}", OF_QUANTITY[quantity], "deviates")

    def _past_the_format(self) -> Iterator[Judgement]:
        """Judge rows with products that the format cannot hold."""
        declaration, form = self.question.declaration, FORMATS[self.format]
        model, grade = (form, self.question.arithmetic or MUST), ALL_CLAUSES[PAST].level
        for row in past_the_format.rows_of(declaration, form):
            hidden, weight = past_the_format.operands(row)
            case = Case(row.name, hidden, weight, np.array([row.label]), is_identity=True, given_factors=row.factors)
            for quantity in ("value", "grad_weight"):
                if quantity not in self.quantities or not (quantity == "value" or np.isfinite(row.factors).all()):
                    continue
                cell = self.cell(quantity)
                try:
                    observed = self._answer(quantity, case)
                except Exception as error:  # noqa: BLE001 - whatever a kernel raises is a result
                    reason = crash_reason(error)
                    yield on_cell(cell, case.name, clause=PAST, grade=grade, verdict="crashed", reason=reason)
                    continue
                if observed.size != (1 if quantity == "value" else weight.size):
                    reason = f"the result has shape {observed.shape}, of one row"
                else:
                    kind = "value" if quantity == "value" else "grad_logits"
                    call = past_the_format.Call(
                        HEADS[self.question.op].op, kind, float(self._cotangent(case).reshape(-1)[0])
                    )
                    of_logits = observed if kind == "value" else observed[:, 0]
                    reason = past_the_format.wrong(row, call, of_logits, declaration, model)
                verdict = "deviates" if reason else "conforms"
                yield on_cell(cell, case.name, clause=PAST, grade=grade, verdict=verdict, reason=reason, elements=1)

    def _setting(self, case: Case) -> Setting:
        declaration = self.question.declaration
        options = {name: getattr(declaration, name) for name in OPTIONS}
        ignored = NO_LABEL if declaration.ignore_index is None else declaration.ignore_index
        if declaration.shift:
            options["ignore_index"] = ignored
        return Setting(
            prologues_of(declaration, case),
            case.given(has_bias=declaration.bias),
            case.scored(is_shifted=declaration.shift, ignored=ignored),
            HEADS[self.question.op].op,
            options,
            declaration.z_loss,
            declaration.divisor,
            self._cotangent(case),
            case.labels,
        )

    def _cotangent(self, case: Case) -> Array:
        if self.question.declaration.reduction != "none":
            return np.asarray(UPSTREAM)
        return np.resize(case.upstream, len(case.labels))

    def _answer(self, quantity: str, case: Case, tangent: Array | None = None) -> Array:
        dtype = FORMATS[self.format].dtype
        cotangent = None if quantity in ("value", *VALUES) else self._cotangent(case).astype(dtype)
        hidden, weight, *bias = (one.copy() for one in case.given(has_bias=self.question.declaration.bias).values())
        if cotangent is not None and cotangent.ndim:  # one number has no strides
            cotangent = laid(case.placement, "cotangent", cotangent)
        hidden, weight, *bias = (laid(case.placement, "hidden", one) for one in (hidden, weight, *bias))
        kind = self.question.declaration.factors
        arrays = {"bias": bias[0] if bias else None, "factors": case.factors(kind) if kind else None}
        arrays["tangent"] = None if tangent is None else tangent.astype(dtype)
        inputs = Inputs(hidden, 1, case.labels, cotangent, projection=weight, **arrays)
        given = {name: one for name, one in inputs.arrays().items() if one is not None}
        before = {name: one.tobytes() for name, one in given.items()}
        answer = np.array(self.adapter.evaluate(self.cell(quantity), inputs))
        if changed := [name for name, one in given.items() if one.tobytes() != before[name]]:
            raise InputModifiedError(f"the call modified its {', '.join(NAMES.get(name, name) for name in changed)}")
        return answer

    def _judged(self, case: Case, asked: Setting, head: Head, quantity: str) -> Iterator[Judgement]:
        cell, clause, format_ = self.cell(quantity), OF_QUANTITY[quantity], FORMATS[self.format]
        grade = ALL_CLAUSES[clause].level
        try:
            observed = self._answer(quantity, case)
        except InputModifiedError as error:
            level = ALL_CLAUSES[MODIFIED].level
            yield on_cell(cell, case.name, clause=MODIFIED, grade=level, verdict="deviates", reason=str(error))
            return
        except Exception as error:  # noqa: BLE001 - whatever a kernel raises is a result
            reason = crash_reason(error)
            yield on_cell(cell, case.name, clause=clause, grade=grade, verdict="crashed", reason=reason)
            return
        cotangent = None if quantity == "value" else asked.cotangent
        exact = head.exact(quantity, cotangent)
        of_ranks = self._of_ranks(quantity, observed, exact.shape)
        observed = self._shaped(quantity, observed, exact.shape) if of_ranks is None else farthest(of_ranks, exact)
        if observed.shape != exact.shape:
            reason = f"the result has shape {observed.shape}, expected {exact.shape}"
            yield on_cell(cell, case.name, clause=clause, grade=grade, verdict="deviates", reason=reason)
            return
        for id_, arithmetic, verdict in (
            (clause, self.question.arithmetic or MUST, "deviates"),
            (BEST_EFFORT, SHOULD, "concern"),
        ):
            held = _held(observed, exact, head, (quantity, cotangent), (format_, arithmetic))
            inputs = f'{{"regime": "{case.name}", "row": {held.worst_row}}}'
            yield held.judgement(cell, case.name, id_, verdict, inputs=inputs)
            if id_ == clause and (case.name == "ordinary" or not held.is_right):
                yield from self._named(case, asked, cell, held)
            if id_ == clause and of_ranks is not None:
                given, reason = one_answer(of_ranks, exact, held.bound)
                yield on_cell(cell, case.name, clause=ONE_ANSWER, grade=grade, verdict=given, reason=reason)
            if id_ == clause and quantity == "value" and is_of_rows(self.question.declaration):
                yield from _offset(case, cell, head, held, (format_, arithmetic))

    def _named(self, case: Case, asked: Setting, cell: Cell, held: Bounded) -> Iterator[Judgement]:
        """Yield by the clause of a fault that it is there; of right answers that it would change, that it is not."""
        told: set[str] = set()
        before = frozenset(self._named_before)
        for name, clause, other in self._others(asked, cell.quantity, held, told):
            if held.is_right and clause in told:
                continue
            if self._explains(other, cell.quantity, held) == held.is_right:
                continue
            told.add(clause)
            grade, verdict = ALL_CLAUSES[clause].level, "conforms" if held.is_right else "deviates"
            reason = "" if held.is_right else f"{MATCHES}{name}"
            yield on_cell(cell, case.name, clause=clause, grade=grade, verdict=verdict, reason=reason)
            if not held.is_right:
                self._named_before.add(name)
                if name in before:
                    return  # what explained another answer explains this one too: no other fault is looked for

    def _explains(self, other: Setting, quantity: str, held: Bounded) -> bool:
        """Return whether an answer is right for another loss."""
        head, cotangent = other.head, None if quantity == "value" else other.cotangent
        exact = head.exact(quantity, cotangent)
        if is_far(held, exact):
            return False
        model = (FORMATS[self.format], self.question.arithmetic or MUST)
        return _held(held.observed, exact, head, (quantity, cotangent), model).is_right

    def _others(
        self, asked: Setting, quantity: str, held: Bounded, told: set[str]
    ) -> Iterator[tuple[str, str, Setting]]:
        """Yield other losses; of wrong answers that none of these explains, what the answers themselves speak for."""
        yield from applied(asked, quantity, self._named_before)
        if not held.is_right and not told:
            yield from read_off(asked, quantity, held.observed)
        multiplied = None if held.is_right or told else of_rows(asked, quantity, held.observed)
        if multiplied is not None:
            yield multiplied

    def _of_ranks(self, quantity: str, observed: Array, shape: tuple[int, ...]) -> Array | None:
        """Return the value on each rank, ranks first; None if there is one answer."""
        ranks = self.question.declaration.ranks
        is_each = quantity == "value" and ranks > 1 and observed.size == ranks * int(np.prod(shape))
        return observed.reshape(ranks, *shape) if is_each else None

    def _shaped(self, quantity: str, observed: Array, shape: tuple[int, ...]) -> Array:
        """Return an answer as (1,) where it is one number, and with the row that a shift leaves without a loss."""
        if shape == (1,) and observed.shape == ():
            return observed.reshape(1)
        leaves_one_out = self.question.declaration.shift and quantity == "value" and observed.shape == (shape[0] - 1,)
        return np.append(observed, observed.dtype.type(0)) if leaves_one_out else observed


def is_far(held: Bounded, other: Enclosure) -> bool:
    """Return whether an answer is so far off another exact one that it is not held against its bound (`FAR`)."""
    with np.errstate(all="ignore"):
        off = np.abs(held.observed.astype(np.float64) - other.value)
    return bool(off.max(initial=0.0) > FAR * held.bound.max(initial=0.0))


def is_of_rows(declaration: Declaration) -> bool:
    """Return whether the loss is one number per row, and nothing is added to it."""
    return declaration.reduction == "none" and not declaration.z_loss


def _offset(case: Case, cell: Cell, head: Head, held: Bounded, model: tuple[Any, Arithmetic]) -> Iterator[Judgement]:
    """Judge whether the loss is a rounded log-sum-exp less a logit, of rows whose log-sum-exp is far larger than it."""
    unit = model[0].unit_roundoff
    largest = np.abs(head.logits.hi).max(axis=1)
    apart = largest > LARGE * np.abs(held.exact.value)
    if not apart.any():
        return
    granted = held.bound + 3.0 * unit * largest
    within = compare(held.observed, held.exact, granted, model[0]).conforms
    wrong = ~(held.comparison.conforms | held.comparison.undecided) & apart
    if wrong.any() and not within[wrong].all():
        return
    verdict = "deviates" if wrong.any() else "conforms"
    row = int(np.argmax(np.where(wrong, held.comparison.slack, 0.0)))
    loss = held.exact.value[row]
    reason = f"row {row}: the error is that of logits of {largest[row]:.4g}, rounded; the loss is {loss:.4g}"
    grade = ALL_CLAUSES[OFFSET].level
    yield on_cell(cell, case.name, clause=OFFSET, grade=grade, verdict=verdict, reason=reason if wrong.any() else "")


def _held(
    observed: Array, exact: Enclosure, head: Head, asked: tuple[str, Array | None], model: tuple[Format, Arithmetic]
) -> Bounded:
    quantity, cotangent = asked
    return against(observed, exact, head.bound(quantity, *model, cotangent), model[0])
