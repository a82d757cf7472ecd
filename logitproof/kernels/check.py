"""A verdict on a kernel: the cells of the matrix, and the trials on which kernels break."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from logitproof.errors import UsageError, refuse_unknown
from logitproof.kernels.cases.trials import COMPILED_FOR_EACH_SHAPE, Trial
from logitproof.kernels.families.by_format import AskedFormat, verdict_by_format
from logitproof.kernels.families.derived_losses import AskedDerivedLoss
from logitproof.kernels.families.functions import AskedFunction
from logitproof.kernels.families.heads import AskedHead
from logitproof.kernels.families.log_domain import in_the_log_domain, log_domain_note, may_add_in_the_log_domain
from logitproof.kernels.families.probabilities import AskedProbabilityLoss
from logitproof.kernels.findings.labels_out_of_range import (
    judge_bad_labels,
    judge_empty_batch,
    judge_products_past_the_format,
)
from logitproof.kernels.findings.shown import shown_findings
from logitproof.kernels.findings.verdict import KernelVerdict
from logitproof.kernels.isolation.isolated import IsolatedKernel, Limits, Named
from logitproof.kernels.judging.asking import Asker, Truths
from logitproof.kernels.judging.declarations import lenient
from logitproof.kernels.judging.declared_arithmetic import Declaring, audit
from logitproof.kernels.judging.domain import limits
from logitproof.kernels.judging.examination import (
    OF_WIDTH,
    WIDEST,
    Examination,
    Plan,
    drawn_for,
    examine,
    judge_result_format,
    taken_formats,
    width_near,
    widths_of,
)
from logitproof.kernels.judging.masks import judge_lowest, judge_masks
from logitproof.kernels.judging.request import Request
from logitproof.kernels.judging.truth import Question
from logitproof.kernels.judging.unoffered_quantities import offered
from logitproof.matrix.process_environment import with_programs_of_kernels
from logitproof_adapters.catalogue.registry import UnknownFramework, missing
from logitproof_adapters.contract import CPU
from logitproof_adapters.kernels.adapter import adapter_of
from logitproof_adapters.kernels.declaration import Declaration
from logitproof_adapters.kernels.kernel import EAGER, Kernel
from logitproof_adapters.targets.target import here
from logitproof_conformance.judging.judging import CellEvaluation
from logitproof_conformance.plan.cases import plan_cells
from logitproof_conformance.session.environment_facts import environment_facts
from logitproof_conformance.session.without_pytest import judge_regimes
from logitproof_reference.bounds.assumptions import MUST
from logitproof_reference.judging.accuracy_classes import CLASSES
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.heads import HEADS
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from logitproof_adapters.contract import Adapter
    from logitproof_adapters.targets.target import Target
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.vocabulary.cells import Cell
    from logitproof_reference.vocabulary.judgement import Judgement

NAMES_A_FORMAT = re.compile(r"b?float(16|32|64)|ml_dtypes|\bhalf\b")
"""A NumPy function that names no format is taken to be written for those that NumPy has: without bfloat16."""


_, LOSES_DIGITS = CLASSES["saturation"]
SMALL_LOSSES = (
    "small losses lose their leading digits, as log(1 + exp(-|x|)) does and log1p(exp(-|x|)) does not (VAL-3, a MAY)"
)

BY_FORMAT: dict[str, type[AskedFormat]] = {
    "LIN": AskedHead,
    "KIN": AskedDerivedLoss,
    "PRB": AskedProbabilityLoss,
    "FUN": AskedFunction,
}
"""How ops outside the matrix are judged, by the family of their clauses."""


def check(
    function: Callable[..., Any],
    *,
    op: str,
    labels: str = "",
    format: str | Sequence[str] | None = None,  # noqa: A002  the word of the vocabulary
    framework: str = "numpy",
    gradient: Callable[..., Any] | None = None,
    backward: Callable[..., Any] | None = None,
    mode: str = EAGER,
    arithmetic: Arithmetic | None = None,
    profile: str = "quick",
    without: Iterable[str] = (),
    quantities: Sequence[str] = (),
    seed: int = 0,
    widest: int = WIDEST,
    progress: Callable[[str], None] | None = None,
    device: str = CPU,
    **declared: Any,
) -> KernelVerdict:
    """Judge a user-defined function against the exact answer, in this process.

    Parameters
    ----------
    function, op, labels, framework, gradient, backward, mode, arithmetic
        As in `logitproof_adapters.kernels.kernel.Kernel`: what the function computes, of which tensors, how it is
        differentiated, and the precision that its author declares.
    format : str or sequence of str, optional
        Formats of the logits to ask with; every one that the function takes by default.
    profile : str
        ``quick`` or ``full``.
    without : iterable of str
        Clauses, or families of them such as ``ERR``, that are not judged.
    quantities : sequence of str
        What a framework differentiates it for: ``value``, ``grad_logits``, ``grad_labels``, ``jvp``, ``hvp``.
    seed : int
        Draws the rows of the trials.
    widest : int
        No row of a trial has more classes.
    progress : callable, optional
        Told what is asked next.
    device : str
        Where the framework's tensors lie, e.g. ``cuda:0``; it becomes the framework's default in this process.
    **declared
        Attributes of `logitproof_adapters.kernels.declaration.Declaration`: ``reduction``, ``ignore_index``, ...

    Returns
    -------
    KernelVerdict
        Prints well, also in a notebook; `conforms` says it in one word.

    Raises
    ------
    UsageError
        A name is not known, or things do not go together.

    Examples
    --------
    >>> import numpy as np, logitproof
    >>> def naive(x):
    ...     return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)
    >>> with np.errstate(all="ignore"):
    ...     logitproof.check(naive, op="softmax", format="float32", widest=64).conforms
    False
    """
    formats = (format,) if isinstance(format, str) else tuple(format or ())
    request = Request(formats, profile, tuple(without), seed, widest, progress)
    declaration = declaration_of(declared)
    try:
        kernel = Kernel(
            function,
            op,
            labels,
            framework,
            gradient,
            arithmetic,
            declaration,
            tuple(quantities),
            backward=backward,
            mode=mode,
        )
        refuse_missing(framework)
        adapter = adapter_of(kernel, device.lower())
    except ValueError as error:
        raise UsageError(str(error)) from error
    question = Question(kernel.op, kernel.labels, "value", declaration, arithmetic)
    return verdict_on(adapter, question, kernel.quantities, request, source=_source(function), framework=framework)


def check_named(
    named: Named,
    request: Request,
    *,
    arithmetic: Arithmetic | None = None,
    limits_: Limits | None = None,
    target: Target | None = None,
    source: str = "",
    truths: Truths | None = None,
    fresh: bool = False,
) -> KernelVerdict:
    """Judge a kernel by name, in a process of its own: it may die or eat memory at the cost of what it was asked.

    What JAX compiles for it on this machine is kept for the next check, and not taken from an earlier one if `fresh`.

    Raises
    ------
    UsageError
        A name is not known, things do not go together, or the kernel cannot be imported.
    """
    whole = _whole(named)
    refuse_missing(named.framework, here=target is None or target.is_here)
    question = Question(whole.op, whole.labels, "value", named.declaration, arithmetic)
    place = target or here()
    if named.framework in COMPILED_FOR_EACH_SHAPE and place.is_interpreter:
        place = with_programs_of_kernels(place, fresh=fresh)
    with IsolatedKernel(replace(named, labels=whole.labels), arithmetic, limits_, place) as adapter:
        return verdict_on(
            adapter,
            question,
            whole.quantities,
            request,
            source=source,
            framework=named.framework,
            truths=truths,
        )


def _whole(named: Named) -> Kernel:
    """Return the kernel with functions that are never called, so that what is declared of it is checked here."""
    stand_in: Any = len
    try:
        return Kernel(
            stand_in,
            named.op,
            named.labels,
            named.framework,
            stand_in if named.gradient else None,
            None,
            named.declaration,
            named.asked,
            backward=stand_in if named.backward else None,
            mode=named.mode,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


def declaration_of(declared: dict[str, Any]) -> Declaration:
    """Return what is declared.

    Raises
    ------
    UsageError
        A name is not known, or a value lies outside its domain.
    """
    known = list(vars(Declaration()))
    refuse_unknown("declaration", declared, known)
    try:
        return Declaration(**declared)
    except ValueError as error:
        raise UsageError(str(error)) from error


def refuse_missing(framework: str, *, here: bool = True) -> None:
    """Raise `UsageError` where a framework is not known, or not installed here."""
    try:
        reason = missing(framework) if here else None
    except UnknownFramework as error:
        raise UsageError(str(error)) from error
    if reason:
        raise UsageError(reason)


def verdict_on(
    adapter: Adapter,
    question: Question,
    quantities: tuple[str, ...],
    request: Request,
    *,
    source: str,
    framework: str,
    truths: Truths | None = None,
) -> KernelVerdict:
    """Judge what an adapter answers; a log-sum-exp that is no shifted sum also as one in the log domain."""
    if question.op in HEADS:
        formats = request.formats or default_formats(framework, source)
        family = BY_FORMAT[HEADS[question.op].family]
        verdict = verdict_by_format(family, adapter, question, quantities, request=request, formats=formats)
        return replace(verdict, environment=environment_facts(adapter))
    verdict = _verdict_on(
        adapter, question, quantities, request, source=source, framework=framework, truths=truths or Truths(0)
    )
    if verdict.conforms or not may_add_in_the_log_domain(adapter, question, verdict):
        return verdict
    arithmetic = in_the_log_domain(question)
    granting: Any = Declaring(adapter, arithmetic)
    second = _verdict_on(
        granting, replace(question, arithmetic=arithmetic), quantities, request, source=source, framework=framework
    )
    return replace(second, notes=(*second.notes, log_domain_note(verdict))) if second.conforms else verdict


def _verdict_on(
    adapter: Adapter,
    question: Question,
    quantities: tuple[str, ...],
    request: Request,
    *,
    source: str,
    framework: str,
    truths: Truths | None = None,
) -> KernelVerdict:
    asker = Asker(adapter, question, truths, is_beside=isinstance(adapter, IsolatedKernel))
    found, environment = Examination(), environment_facts(adapter)
    formats = list(taken_formats(asker, request.formats or default_formats(framework, source), found))
    if not formats:
        return KernelVerdict(
            adapter.name,
            question,
            adapter.describe(),
            (),
            request.profile,
            {},
            notes=tuple(found.notes),
            environment=environment,
        )
    found.widths = widths_of(asker)
    quantities = tuple(offered(asker, formats[0], quantities, found))
    is_steady = all(_is_deterministic(asker, format_) for format_ in formats)
    if not is_steady:
        found.note("two equal calls differ in their last bits (LAW-5), so row independence is not judged")
    judged, audits = _matrix(adapter, question, formats, request, quantities)
    if OPS[question.op].elementwise and any(LOSES_DIGITS in one.accuracy_class for one in judged):
        found.note(SMALL_LOSSES)
    for format_ in formats:
        judge_result_format(asker, format_, found)
        judge_products_past_the_format(asker, format_, found)
        judge_lowest(asker, format_, quantities, found)
    judge_bad_labels(asker, formats[0], found)
    judge_empty_batch(asker, formats[0], found)
    judge_masks(asker, formats[0], quantities, found, is_steady=is_steady)
    plan = Plan(tuple(formats), quantities, request.profile, request.widest, request.seed, framework=framework)
    examine(asker, plan, found, request.progress)
    log_domain = (question.arithmetic or MUST).log_domain
    lenience: dict[str, Any] = {"is_steady": is_steady, "is_refused": found.widths.is_said, "log_domain": log_domain}
    of_matrix = list(lenient(judged, question.declaration, **lenience))
    found.widths.cases += sum(one.reason.startswith(OF_WIDTH) for one in of_matrix)
    if said := found.widths.note():
        found.notes.insert(0, said)
    kept = [*of_matrix, *found.judgements]
    is_asked = tuple(judgement for judgement in kept if request.asks(judgement.clause))
    findings = [finding for finding in found.findings if request.asks(finding.clause)]
    return KernelVerdict(
        adapter.name,
        question,
        adapter.describe(),
        is_asked,
        request.profile,
        audits,
        shown=tuple(shown_findings(asker, findings)),
        limits=tuple(limit for format_ in formats for limit in limits(asker, format_)),
        notes=tuple(found.notes),
        formats=tuple(formats),
        seconds=found.seconds,
        environment=environment,
    )


def default_formats(framework: str, source: str) -> tuple[str, ...]:
    """Return the formats that a kernel is asked in where none are named."""
    if framework == "numpy" and not NAMES_A_FORMAT.search(source):
        return tuple(name for name in FORMATS if name != "bfloat16")
    return tuple(FORMATS)


def _source(function: Callable[..., Any]) -> str:
    """Return the text of the module that holds a function, or of the function, or nothing."""
    for holder in (sys.modules.get(getattr(function, "__module__", "")), function):
        try:
            return inspect.getsource(holder)  # type: ignore[arg-type]
        except (OSError, TypeError):
            continue
    return ""


def _is_deterministic(asker: Asker, format_: str) -> bool:
    rows = drawn_for(asker, Trial("repeated", 30, width_near(asker, format_, 200), "plain"), format_, 0).rows
    replies = [asker.ask("value", rows) for _ in range(3)]
    return len({reply.observed.tobytes() for reply in replies if reply.observed is not None}) <= 1


def _matrix(
    adapter: Adapter, question: Question, formats: Sequence[str], request: Request, quantities: Sequence[str]
) -> tuple[list[Judgement], dict[str, dict[str, float]]]:
    """Return the judgements of the matrix, where its cells ask for what the kernel claims to compute."""
    found: list[Judgement] = []
    audits: dict[str, dict[str, float]] = {}
    if not question.declaration.fits_the_matrix:
        return found, audits
    for cell in asked_cells(adapter, formats, request.profile):
        if cell.quantity not in quantities:
            continue
        if request.progress is not None:
            request.progress(cell.id)
        evaluation = CellEvaluation(adapter, cell, request.profile)
        found += [judgement for _, judgement in judge_regimes(evaluation, request.profile, request.widest)]
        if cell.layout == "contiguous":
            audits[cell.id] = audit(evaluation, question.arithmetic)
    return found, audits


def asked_cells(adapter: Adapter, formats: Sequence[str], profile: str) -> list[Cell]:
    """Return the cells that the kernel is asked; further formats are asked as float32 is in the full profile."""
    return [
        cell
        for cell in plan_cells(adapter, profile)
        if cell.format in formats and not cell.producer and not cell.entry and adapter.unsupported(cell) is None
    ]
