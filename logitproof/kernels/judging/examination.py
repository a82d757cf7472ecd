"""Runs every trial of a kernel: what it answered, what is wrong, which behaviour nobody declared."""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.cases.trials import (
    AXIS_OF_ONE,
    COMPILED_FOR_EACH_SHAPE,
    IGNORED,
    WHOLE,
    DrawnRows,
    Trial,
    draw,
    placed,
    planned,
)
from logitproof.kernels.findings.findings import FAMILY, HUGE_SHARE, Finding, clause_of
from logitproof.kernels.judging.asking import Reply
from logitproof.kernels.judging.refused_widths import RefusedWidths, is_refusal
from logitproof_adapters.kernels.ways_of_calling import AS_IS
from logitproof_conformance.asking.ask import digest
from logitproof_reference.cases.ignored_rows import ignore_middle_of_three, spoil_ignored
from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.judgement import on_cell
from logitproof_reference.vocabulary.ops import OPS, TAKES_COTANGENT, TAKES_TANGENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from logitproof.kernels.judging.asking import Asker, Compared
    from logitproof_reference.cases.catalogue import Rows
    from logitproof_reference.vocabulary.formats import Format
    from logitproof_reference.vocabulary.judgement import Judgement

MAIN_FORMAT = "float32"
WIDEST = 262_144
OF_WIDTH = "the kernel refuses so many classes"
FEWER_SHAPES = (
    "{framework} compiles a program for each shape: further formats are asked on fewer widths, each way of calling on "
    "one, placements in memory, which its arrays do not have, not at all (--profile full asks all); past the first "
    "shapes a function that can be compiled is"
)
BY_COMPILER = (
    "{quantity} of {classes} classes in {format_} is wrong as jax.jit compiles it ({slack:.3g} times the bound) and "
    "right as it is: it is asked as it is from there on"
)
AHEAD = 2
"""Trials that are drawn while the kernel computes."""

OF_A_DECLARATION = frozenset({IGNORED, AXIS_OF_ONE})
"""Kinds of trials that most kernels are not asked."""

HALF_WIDEST = 32_769
"""Widest row of half formats: in wider ones a sum of exponentials in float16 itself overflows."""


@dataclass(frozen=True)
class Plan:
    """The plan of the trials.

    Attributes
    ----------
    formats : tuple of str
    quantities : tuple of str
    profile : str
    widest : int
        No row has more classes.
    seed : int
        Draws the rows.
    seconds : float
        After this many no new trial is begun; inf for no limit.
    framework : str
        Of the kernel; one that compiles a program for each shape is asked fewer.
    """

    formats: tuple[str, ...]
    quantities: tuple[str, ...]
    profile: str = "quick"
    widest: int = WIDEST
    seed: int = 0
    seconds: float = math.inf
    framework: str = "numpy"

    def trials(self) -> list[tuple[str, Trial]]:
        """Return trials with their formats; where time is limited the cheapest first."""
        main = MAIN_FORMAT if MAIN_FORMAT in self.formats else self.formats[0]
        found = [
            (format_, trial)
            for format_ in self.formats
            for trial in planned(self.profile, self._widest(format_), main=format_ == main, framework=self.framework)
        ]
        return found if math.isinf(self.seconds) else sorted(found, key=lambda pair: pair[1].cost)

    def _widest(self, format_: str) -> int:
        is_half = FORMATS[format_].bits == 16
        return min(self.widest, HALF_WIDEST) if is_half and self.profile == "quick" else self.widest


@dataclass
class Examination:
    """The results of the trials of a kernel.

    Attributes
    ----------
    judgements : list of Judgement
    findings : list of Finding
    notes : list of str
        What nobody declared, and what the kernel does then.
    seconds : float
        Time in the kernel's calls.
    left_out : int
        Trials for which there was no time.
    results : dict
        The format of its results, by that of the logits, as two rows of three classes show it.
    widths : RefusedWidths or None
        What the kernel takes; None where a width that it refuses is held against it.
    """

    judgements: list[Judgement] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    left_out: int = 0
    results: dict[str, str] = field(default_factory=dict)
    widths: RefusedWidths | None = None

    def note(self, text: str) -> None:
        """Keep a note once."""
        if text not in self.notes:
            self.notes.append(text)


def examine(
    asker: Asker, plan: Plan, found: Examination | None = None, progress: Callable[[str], None] | None = None
) -> Examination:
    """Run every trial of a plan."""
    found = found or Examination()
    if plan.framework in COMPILED_FOR_EACH_SHAPE and plan.profile == "quick":
        found.note(FEWER_SHAPES.format(framework=plan.framework))
    end = time.monotonic() + plan.seconds
    for format_, trial, drawn in _drawn(asker, plan, end):
        if time.monotonic() > end:
            found.left_out += 1
            continue
        if progress is not None:
            progress(f"{asker.adapter.name} {format_} {trial.name}")
        rows = drawn()
        asked = asker.with_axis_of_one() if trial.kind == AXIS_OF_ONE else asker
        for quantity in plan.quantities:
            if _is_for(asker, trial, quantity, format_):
                _ask(asked, rows, quantity, seed=plan.seed, found=found)
        asker.expect_no_more(_key(rows, plan.seed))
    return found


def _drawn(asker: Asker, plan: Plan, end: float) -> Iterator[tuple[str, Trial, Callable[[], DrawnRows]]]:
    """Yield trials with their formats and what draws their rows.

    Beside a kernel in a process of its own the next `AHEAD` trials are drawn, and their exact answers computed, while
    it computes: by one thread and in their order, so that they are the same as if nothing were drawn ahead. Nothing is
    past `end`, when no trial is asked any more.
    """
    needed = _needed(asker, plan.quantities)

    def draws(format_: str, trial: Trial) -> DrawnRows:
        drawn = drawn_for(asker, trial, format_, plan.seed, needed)
        for quantity in () if trial.quantities or trial.kind in OF_A_DECLARATION else plan.quantities:
            asker.expect(quantity, drawn.rows, _key(drawn, plan.seed))
        return drawn

    queue: deque[tuple[str, Trial, Callable[[], DrawnRows]]] = deque()
    for format_, trial in plan.trials():
        of_trial = partial(draws, format_, trial)
        beside = asker.beside if time.monotonic() <= end else None
        queue.append((format_, trial, beside.submit(of_trial).result if beside else of_trial))
        if len(queue) > AHEAD:
            yield queue.popleft()
    yield from queue


def _key(drawn: DrawnRows, seed: int) -> tuple[str, str, int]:
    """Return what names the rows of a trial."""
    return drawn.trial.name, drawn.format.name, seed


def _is_for(asker: Asker, trial: Trial, quantity: str, format_: str) -> bool:
    if trial.kind == IGNORED and asker.question.declaration.ignore_index is None:
        return False
    if trial.kind == AXIS_OF_ONE and asker.question.declaration.class_axis != "middle":
        return False
    if trial.quantities and quantity not in trial.quantities:
        return False
    cell = asker.cell(quantity, format_, trial.way)
    return not trial.quantities or asker.adapter.unsupported(cell) is None


def _needed(asker: Asker, quantities: Sequence[str]) -> frozenset[str]:
    """Return which operands of as many numbers as the logits some quantities take."""
    keeps_classes = OPS[asker.question.op].keeps_classes
    of_labels = {"distributions"} if asker.question.labels == "distributions" else set()
    takes = any(one in TAKES_TANGENT or (one in TAKES_COTANGENT and keeps_classes) for one in quantities)
    return frozenset(of_labels | ({"class_cotangents"} if takes else set()))


def drawn_for(asker: Asker, trial: Trial, format_: str, seed: int, needed: frozenset[str] = WHOLE) -> DrawnRows:
    """Return a trial's rows: with ignored ones where some are declared, without infinities where rows are summed."""
    declaration = asker.question.declaration
    elementwise = OPS[asker.question.op].elementwise
    drawn = draw(trial, FORMATS[format_], seed, elementwise=elementwise, needed=needed)
    rows = placed(drawn.rows, trial)
    if declaration.reduction != "none":
        calm = np.abs(np.nan_to_num(rows.logits.astype(np.float64), nan=np.inf)).max(axis=1) < 1e4
        kept = np.flatnonzero(calm)
        rows, drawn = rows[kept], replace(drawn, notes=tuple(drawn.notes[i] for i in kept))
    rows = replace(rows, indices=ignore_middle_of_three(rows.indices, declaration.ignore_index))
    if trial.kind == IGNORED and declaration.ignore_index is not None:
        rows = spoil_ignored(rows, declaration.ignore_index)
    return replace(drawn, rows=rows)


def _ask(asker: Asker, drawn: DrawnRows, quantity: str, *, seed: int, found: Examination) -> None:
    if not len(drawn.rows):
        return
    trial = drawn.trial
    before = asker.seconds
    key = _key(drawn, seed)
    widths, named = found.widths, (quantity, drawn.format.name, trial.classes)
    if widths is not None and (failure := widths.is_known(*named)):
        _note_refused(asker, drawn, quantity, failure, widths=widths, found=found)
        return
    reply, compared = asker.compare(quantity, drawn.rows, trial.placement, trial.way, key=key)
    if compared is not None and compared.wrong.any() and not (trial.way or asker.usual_way):
        reply, compared = _by_itself(asker, drawn, quantity, compared, key=key, found=found)
    found.seconds += asker.seconds - before
    if widths is not None and reply.observed is not None:
        widths.take(*named)
    elif widths is not None and not reply.died and widths.is_refused(*named, reply.failure, is_way=bool(trial.way)):
        _note_refused(asker, drawn, quantity, reply.failure, widths=widths, found=found)
        return
    problem = _problem(asker, drawn, quantity, reply, compared=compared, found=found)
    further = None if problem is None or compared is None else _further(asker, drawn, compared, problem)
    found.judgements.append(_judgement(asker, drawn, quantity, reply, compared=compared, problem=problem))
    if compared is not None and trial.kind == IGNORED:
        _judge_cost_of_ignored_rows(asker, drawn, quantity, reply, found=found)
    if problem is not None:
        found.findings.append(problem)
    if further is not None:
        found.findings.append(further)
        also = _judgement(asker, drawn, quantity, reply, compared=compared, problem=further)
        found.judgements.append(replace(also, elements=0))  # they are counted already


def _by_itself(
    asker: Asker, drawn: DrawnRows, quantity: str, compared: Compared, *, key: Any, found: Examination
) -> tuple[Reply, Compared]:
    """Return a wrong answer and how it compares; where it was compiled and is right as it is, that of the kernel.

    It is asked until it has been wrong as it is too, for each quantity and format: then it is the kernel's own fault.
    """
    is_known = any((one.quantity, one.format) == (quantity, drawn.format.name) for one in found.findings)
    if is_known or asker.adapter.unsupported(asker.cell(quantity, drawn.format.name, AS_IS)) is not None:
        return compared.reply, compared
    reply, as_it_is = asker.compare(quantity, drawn.rows, drawn.trial.placement, AS_IS, key=key)
    if as_it_is is None or as_it_is.wrong.any():
        return compared.reply, compared
    slack = float(compared.comparison.slack.max())
    words = {"quantity": quantity, "classes": drawn.trial.classes, "format_": drawn.format.name, "slack": slack}
    found.note(BY_COMPILER.format(**words))
    asker.usual_way = AS_IS
    return reply, as_it_is


def _judge_cost_of_ignored_rows(
    asker: Asker, drawn: DrawnRows, quantity: str, reply: Reply, *, found: Examination
) -> None:
    """Judge whether an ignored row that is not finite costs 0 and sends back 0 (OPT-6).

    One number for all rows has none of its own to judge: a NaN in it breaks OPT-3, which is judged as any answer is.
    """
    observed = reply.observed
    if observed is None or len(observed) != len(drawn.rows):
        return
    numbers = observed.astype(np.float64)
    costs = bool((numbers[asker.ignored_and_not_finite(drawn.rows)] != 0).any())
    said = "an ignored row whose logits hold NaN or an infinity gives NaN, not 0"
    plain = _judgement(asker, drawn, quantity, reply, compared=None, problem=None)
    found.judgements.append(
        replace(
            plain,
            clause="OPT-6",
            grade=CLAUSES["OPT-6"].level,
            verdict="concern" if costs else "conforms",
            reason=said if costs else "",
        )
    )
    if costs:
        found.note(f"{said} (OPT-6, a warning)")


def _note_refused(
    asker: Asker, drawn: DrawnRows, quantity: str, failure: str, *, widths: RefusedWidths, found: Examination
) -> None:
    """Keep a trial that is not asked for its width as one not offered."""
    widths.cases += 1
    reply = Reply(None, failure=failure)
    plain = _judgement(asker, drawn, quantity, reply, compared=None, problem=None)
    found.judgements.append(replace(plain, verdict="unsupported", reason=f"{OF_WIDTH}; {failure}"))


NO_SUCH_TENSOR = "tensors with negative strides are not"
NO_SUCH_DUAL = "more than one element of the written-to tensor refers to a single memory location"
"""What PyTorch says before a kernel is called: it has no tensors of some placements, and of some no tangents."""

READS_ELSEWHERE = ("IndexError", "KeyError", "OverflowError")
"""What a kernel raises that took another number for a label: no refusal of a placement."""


def _problem(
    asker: Asker, drawn: DrawnRows, quantity: str, reply: Reply, *, compared: Compared | None, found: Examination
) -> Finding | None:
    trial, format_ = drawn.trial, drawn.format.name
    plain = Finding(
        trial.name,
        trial.kind,
        "",
        format_,
        quantity,
        f"{FAMILY[quantity]}-1",
        trial.placement,
        trial.way,
        drawn.rows,
        failure=reply.failure,
        compared=compared,
        labels=asker.question.labels,
    )
    if reply.failure and trial.placement and not reply.died and not reply.failure.startswith(READS_ELSEWHERE):
        is_of_torch = quantity in TAKES_TANGENT and NO_SUCH_DUAL in reply.failure
        if NO_SUCH_TENSOR not in reply.failure and not is_of_torch:
            found.note(f"it refuses logits laid out as {trial.placement} ({reply.failure}); not judged there")
        return None
    if reply.failure:
        return replace(plain, clause="IO-1" if "the result " in reply.failure else plain.clause)
    if reply.modified:
        return replace(plain, clause="IO-2", failure=f"the call modified its {', '.join(reply.modified)}")
    if compared is None:
        return None
    if compared.wrong.any():
        return _worst(asker, plain, drawn, compared)
    usual = found.results.get(format_, reply.dtype)
    allowed = {usual} if quantity == "value" else {usual, format_}
    return None if reply.dtype in allowed else replace(plain, clause="IO-1", failure=_other_format(reply, usual))


def _worst(asker: Asker, plain: Finding, drawn: DrawnRows, compared: Compared) -> Finding:
    """Return the finding with its worst element in an ordinary row if there is one wrong, else in any."""
    comparison, rows = compared.comparison, drawn.rows
    wrong = ~comparison.conforms
    huge = _huge_rows(rows, plain.format)
    if len(wrong) == len(huge) and (compared.wrong & ~huge).any():
        wrong = wrong & ~huge.reshape(-1, *(1,) * (wrong.ndim - 1))
    slack = np.where(wrong, comparison.slack, -1.0)
    place = np.unravel_index(int(np.argmax(slack)), slack.shape)
    row = int(place[0]) if len(slack) == len(rows) else -1
    exact = float(compared.truth.exact.value[place])
    observed = float(np.asarray(compared.reply.observed, dtype=np.float64)[place])
    ignored = rows.indices == asker.question.declaration.ignore_index
    logits = rows.logits[~ignored] if row < 0 else rows.logits[row]
    clause = clause_of(asker.question, plain.quantity, logits, exact, observed)
    clause = "OPT-3" if row >= 0 and ignored[row] else clause
    only_huge = len(huge) == len(compared.wrong) and not (compared.wrong & ~huge).any()
    return replace(
        plain,
        clause="IO-5" if plain.placement and clause.endswith("-1") else clause,
        note=_note_of(drawn, row),
        row=row,
        element=int(place[1]) if len(place) > 1 else -1,
        slack=float(comparison.slack[place]),
        ulps=float(comparison.ulps[place]),
        observed=observed,
        exact=exact,
        is_huge=only_huge and plain.format != "float16",
    )


OF_IGNORED = "ordinary rows, NaN and infinities in the ignored ones"


def _note_of(drawn: DrawnRows, row: int) -> str:
    """Describe a row of a trial, or all of them where the answer is one number."""
    if row < 0:
        return OF_IGNORED if drawn.trial.kind == IGNORED else ""
    return drawn.notes[row] if row < len(drawn.notes) else ""


def _further(asker: Asker, drawn: DrawnRows, compared: Compared, first: Finding) -> Finding | None:
    """Return the worst of finite rows beside that of a row with NaN or infinities, or the reverse; None if right.

    A NaN that stands for -inf is far from the exact answer, and would hide what is wrong with ordinary numbers.
    """
    if first.row < 0 or first.failure or len(compared.wrong) != len(drawn.rows):
        return None
    finite = np.asarray(np.isfinite(drawn.rows.logits.astype(np.float64)).all(axis=1))
    others = np.asarray(finite != finite[first.row])
    if not (compared.wrong & others).any():
        return None
    conforms = compared.comparison.conforms
    kept = others.reshape(-1, *(1,) * (conforms.ndim - 1))
    rest = replace(
        compared,
        comparison=replace(compared.comparison, conforms=conforms | ~kept),
        wrong=np.asarray(compared.wrong & others),
    )
    second = replace(_worst(asker, first, drawn, rest), compared=compared)
    return second if second.clause != first.clause else None


def _huge_rows(rows: Rows, format_: str) -> np.ndarray:
    x = rows.logits.astype(np.float64)
    limit = min(FORMATS[format_].largest, 2.0**600) / HUGE_SHARE
    return np.asarray(np.abs(np.where(np.isfinite(x), x, 0.0)).max(axis=1, initial=0.0) >= limit)


def _judgement(
    asker: Asker, drawn: DrawnRows, quantity: str, reply: Reply, *, compared: Compared | None, problem: Finding | None
) -> Judgement:
    """Return the record of a trial for a run file."""
    trial = drawn.trial
    cell = asker.cell(quantity, drawn.format.name, trial.way)
    clause = problem.clause if problem else f"{FAMILY[quantity]}-1"
    verdict = "conforms" if problem is None else "concern" if problem.is_huge else "deviates"
    if reply.observed is None:
        verdict = "unsupported" if problem is None else "crashed"
    numbers: dict[str, Any] = {} if compared is None else _numbers(compared)
    worst: dict[str, Any] = {}
    if problem is not None and problem.compared is not None and problem.row >= 0:
        worst = {
            "row": problem.row,
            "element": problem.element,
            "exact": problem.exact.hex(),
            "observed": problem.observed.hex(),
        }
    return on_cell(
        cell,
        trial.name,
        layout="strided" if trial.placement else "contiguous",
        clause=clause,
        grade=CLAUSES[clause].level,
        verdict=verdict,
        reason=reason_of(problem) if problem else reply.failure,
        **numbers,
        **worst,
    )


def _numbers(compared: Compared) -> dict[str, Any]:
    comparison = compared.comparison
    measured = np.isfinite(comparison.error) | ~comparison.conforms
    slack = np.where(comparison.conforms, np.minimum(comparison.slack, 1.0), comparison.slack)
    observed = compared.reply.observed
    assert observed is not None
    return {
        "elements": int(comparison.slack.size),
        "slack": float(slack.max(initial=0.0, where=measured)),
        "ulps": float(comparison.ulps.max(initial=0.0, where=measured)),
        "nats": float(comparison.error.max(initial=0.0, where=measured)),
        "digest": digest(observed),
    }


def reason_of(finding: Finding) -> str:
    """Describe in a line what is wrong."""
    where = f"{finding.note}: " if finding.note else ""
    if finding.failure:
        return f"{where}{finding.failure}"
    return f"{where}observed {finding.observed:.9g}, exact {finding.exact:.9g}"


def _other_format(reply: Reply, wanted: str) -> str:
    return f"the result has format {reply.dtype}, expected {wanted}"


OTHER_WIDTHS = (32, 64, 128, 256, 1024, 4096, 2, 1)
"""Alternatives for trials of a single width, if the kernel refuses that width."""


def plain_reply(asker: Asker, quantity: str, format_: str, classes: int) -> Reply:
    """Evaluate with two ordinary rows."""
    return asker.ask(quantity, _two_rows(asker, format_, classes))


def _two_rows(asker: Asker, format_: str, classes: int) -> Rows:
    return drawn_for(asker, Trial("probe", 2, classes, "plain"), format_, 0).rows


def width_near(asker: Asker, format_: str, classes: int) -> int:
    """Return a width, or the first of `OTHER_WIDTHS` that is taken where the kernel refuses it."""
    return _plain_near(asker, format_, classes)[0]


def _plain_near(asker: Asker, format_: str, classes: int) -> tuple[int, Reply]:
    """Return that width with what two ordinary rows of it give."""
    first = plain_reply(asker, "value", format_, classes)
    if not is_refusal(first.failure):
        return classes, first
    others = ((n, plain_reply(asker, "value", format_, n)) for n in OTHER_WIDTHS)
    return next(((n, reply) for n, reply in others if reply.observed is not None), (classes, first))


def widths_of(asker: Asker) -> RefusedWidths:
    """Return what keeps the widths that a kernel refuses."""
    return RefusedWidths(lambda quantity, format_, classes: plain_reply(asker, quantity, format_, classes).failure)


def taken_formats(asker: Asker, formats: Sequence[str], found: Examination) -> Iterator[str]:
    """Yield the formats that the kernel takes; say of each other one why it is not asked."""
    declaration = asker.question.declaration
    for format_ in formats:
        form = FORMATS[format_]
        if odd := [one for one in ("scale", "temperature") if not is_normal(getattr(declaration, one), form)]:
            found.note(f"{odd[0]} {getattr(declaration, odd[0]):g} is no normal number of {format_}; not asked in it")
            continue
        reply = _plain_near(asker, format_, 3)[1]
        wanted = asker.question.declaration.result_format or format_
        if reply.failure and not reply.died:
            found.note(f"it does not take {format_} ({reply.failure}); not asked in it")
        elif reply.dtype and _is_narrower(reply.dtype, wanted):
            found.note(f"{format_} logits give {reply.dtype}: it is not asked in {format_}")
        else:
            yield format_


def is_normal(number: float, form: Format) -> bool:
    """Return whether a format has a normal number next to a factor: else code makes 0 or an infinity of it."""
    return form.smallest_normal <= abs(number) <= form.largest


def keep_deviation(asker: Asker, finding: Finding, found: Examination) -> None:
    """Keep a finding that no trial of a plan has, and record it as a judgement, for run files."""
    clause = CLAUSES[finding.clause]
    found.findings.append(finding)
    found.judgements.append(
        on_cell(
            asker.cell(finding.quantity, finding.format),
            finding.trial,
            clause=clause.id,
            grade=clause.level,
            verdict="deviates",
            reason=finding.failure,
        )
    )


def _is_narrower(dtype: str, wanted: str) -> bool:
    return dtype in FORMATS and FORMATS[dtype].unit_roundoff > FORMATS[wanted].unit_roundoff


def judge_result_format(asker: Asker, format_: str, found: Examination) -> None:
    """Judge the format of the result: that of the logits, or the one that is declared."""
    classes, reply = _plain_near(asker, format_, 3)
    rows = _two_rows(asker, format_, classes)
    declared = asker.question.declaration.result_format
    wanted = declared or format_
    if reply.observed is None:
        return
    found.results[format_] = reply.dtype
    if reply.dtype == wanted:
        return
    if not declared and FORMATS[format_].bits == 16 and reply.dtype == "float32":
        found.note(f"{format_} logits give a float32 result: declare --result-format float32 if that is meant")
        return
    finding = Finding(
        "result",
        "result",
        "",
        format_,
        "value",
        "IO-1",
        "",
        "",
        rows,
        failure=_other_format(reply, wanted),
    )
    keep_deviation(asker, finding, found)
