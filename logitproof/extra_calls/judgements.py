"""Both sides' answers to the calls of `logitproof_adapters.catalogue.extra_calls`, as records of a run."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logitproof.extra_calls.exact_answers import exact_numbers
from logitproof.output import echo
from logitproof_adapters.catalogue.extra_calls import answers, evaluate
from logitproof_adapters.catalogue.extra_calls.pairwise.tables import DerivedCall
from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_adapters.targets.link import TargetDied
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_reference.vocabulary.cells import Cell
from logitproof_reference.vocabulary.judgement import on_cell
from logitproof_reports.runs.schema import table_of
from logitproof_reports.runs.values import CALL, is_extra_call
from logitproof_reports.words.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from logitproof_adapters.catalogue.extra_calls.call import ExtraCall
    from logitproof_adapters.targets.target import Target
    from logitproof_reference.vocabulary.judgement import Judgement
    from logitproof_reports.runs.schema import Run

TELLING = {"float64": 1e-6, "float32": 1e-4, "float16": 8e-3, "bfloat16": 6e-2}
"""By how much of itself an answer may move before it means something else, by format. Chosen, not derived: 1e-4 is a
thousand roundings of float32, and the half formats have sixteen of theirs; what exceeds it is a place to look."""

LEAST_NORMAL = {"float64": 2.0**-1022, "float32": 2.0**-126, "float16": 2.0**-14, "bfloat16": 2.0**-126}
"""The least normal number of each format."""

LACKING = re.compile(
    r"(?:module '[\w.]+'|'Tensor' object|object 'Tensor') has no attribute|No module named|not implemented for"
    r"|unexpected keyword argument|could not find an implementation|currently supported"
    r"|Failed to load model with error|No working C\+\+ compiler",
    re.IGNORECASE,
)
"""What is raised by a release that has no such function, argument or format."""

CALLS_A_LINE = 100
"""After how many calls a line says how far they are: a thousand take some minutes."""

MOST_LINES = 5
"""Wrong answers that are listed of one function; the others are counted: derived calls have a cause in common."""

CLAUSE = "VAL-1"
"""The clause of a call that has one right answer."""


def with_extra_calls(run: Run, target: Target, adapters: Sequence[str]) -> Run:
    """Return a run with what a target answers to the calls that nothing covers; the run itself where it has that."""
    if pc.any(is_extra_call(run.table)).as_py():
        return run
    found = [one for name in adapters if _has_calls(name) for one in _judgements(name, target)]
    return replace(run, table=pa.concat_tables([run.table, table_of(found)])) if found else run


def wrong_answers(target: Target, adapters: Sequence[str]) -> Iterator[str]:
    """Yield a line for each adapter that has calls with one right answer, and one for each wrong answer to them."""
    for adapter in filter(_has_calls, adapters):
        held = [one for one in _judgements(adapter, target) if one.clause and one.verdict != "unsupported"]
        wrong = [one for one in held if one.verdict != "conforms"]
        yield f"{adapter}: {len(held) - len(wrong)} of {len(held)} extra calls give their one right answer"
        listed: Counter[str] = Counter()
        for one in wrong:
            call = json.loads(one.inputs)[CALL]
            listed[name := call.partition("(")[0]] += 1
            if listed[name] <= MOST_LINES:
                found = one.reason or f"{float.fromhex(one.observed):.9g}"
                exact = f"{float.fromhex(one.exact):.9g}" if one.exact else "nothing"
                yield f"  {call}: {found}, expected {exact} ({one.regime})"
        for name, count in listed.items():
            if count > MOST_LINES:
                yield f"  {plural(count - MOST_LINES, 'further call')} of {name}"


def _package(adapter: str) -> str:
    """Return the package that an adapter stands for, whose calls are its own; empty if it has none."""
    return FRAMEWORKS[adapter].packages[0] if adapter in FRAMEWORKS else ""


def _has_calls(adapter: str) -> bool:
    return bool(answers.calls_of(_package(adapter)))


def _judgements(adapter: str, target: Target) -> Iterator[Judgement]:
    try:
        remote = RemoteAdapter(adapter, target, also_sent=(evaluate.__name__,))
    except TargetDied:
        return  # it has no answer, which is told of every other cell too
    calls = answers.calls_of(_package(adapter))
    with remote:
        for place, call in enumerate(calls, 1):
            yield judgement_on(adapter, call, _answer(remote, call))
            if place % CALLS_A_LINE == 0:
                echo(f"logitproof: {adapter}: {place} of {len(calls)} extra calls made", err=True)


def _answer(remote: RemoteAdapter, call: ExtraCall) -> dict[str, Any]:
    """Return what a call gives, or that it ended its process, which costs no other call its answer."""
    try:
        found: dict[str, Any] = remote.call(evaluate.__name__, evaluate.answer.__name__, call.imports, call.source)
    except TargetDied as death:
        return {"raised": f"the process ended: {str(death)[:200]}"}
    return found


def judgement_on(adapter: str, call: ExtraCall, answer: dict[str, Any]) -> Judgement:
    """Return the record of an answer: compared with the one that is right, or, where none is, right by itself.

    Of several numbers the one is recorded that is furthest off.
    """
    cell = Cell(adapter, "eager", call.op, "value", call.format, call.labels)
    raised, observed = answer.get("raised", ""), _numbers(answer)
    exact = observed if call.exact is None and not isinstance(call, DerivedCall) else _exact_numbers(call)
    if not raised and observed.size != exact.size:
        raised = f"{plural(observed.size, 'number')} instead of {exact.size}"
    bounds = _part(call) * np.maximum(_least(call), np.where(np.isfinite(exact), np.abs(exact), 1.0))
    errors = np.full(exact.size, np.inf) if raised else _errors(observed, exact)
    with np.errstate(over="ignore"):
        parts = errors / bounds
    worst = int(np.argmax(parts)) if exact.size and not raised else 0
    found = on_cell(
        cell,
        call.name,
        clause="",
        grade="MAY",
        verdict="conforms",
        reason=raised,
        elements=max(exact.size, 1),
        row=0,
        exact=_told(exact, worst),
        observed="" if raised else _told(observed, worst),
        bound=f"{bounds[worst]:.6g}" if exact.size and np.isfinite(exact[worst]) else "",
        inputs=json.dumps({CALL: call.source}),
        repro=call.repro,
        digest=hashlib.sha256(repr(sorted(answer.items())).encode()).hexdigest()[:16],
    )
    if call.exact is None and not isinstance(call, DerivedCall):
        return found
    right = not raised and bool((errors <= bounds).all())
    return replace(
        found,
        clause=CLAUSE,
        grade="MUST",
        verdict=_verdict(raised, right=right),
        slack=float(parts[worst]) if exact.size and not raised else math.nan,
    )


def _part(call: ExtraCall) -> float:
    """Return the part of an answer by which it may be off: a second derivative is a chain of two first ones."""
    is_curve = isinstance(call, DerivedCall) and call.case.get("what") in ("curve", "bent")
    return TELLING[call.format] * (4.0 if is_curve else 1.0)


def _least(call: ExtraCall) -> float:
    """Return the size that a smaller number is judged as: 1, or of a saturated function the least normal number."""
    is_saturated = isinstance(call, DerivedCall) and call.case.get("kind") in ("saturated", "tail")
    return LEAST_NORMAL[call.format] if is_saturated else 1.0


def _verdict(raised: str, *, right: bool) -> str:
    if LACKING.search(raised):
        return "unsupported"
    return "conforms" if right else "crashed" if raised else "deviates"


def _exact_numbers(call: ExtraCall) -> NDArray[np.float64]:
    return exact_numbers(call.case) if isinstance(call, DerivedCall) else np.array([call.exact])


def _numbers(answer: dict[str, Any]) -> NDArray[np.float64]:
    told = answer.get("values", [answer["value"]] if "value" in answer else [])
    return np.array([float.fromhex(one) for one in told])


def _errors(observed: NDArray[np.float64], exact: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each number is off: nothing where both are the same infinity or both none."""
    same = (observed == exact) | (np.isnan(observed) & np.isnan(exact))
    with np.errstate(invalid="ignore"):
        off = np.abs(observed - exact)
    return np.where(same, 0.0, np.where(np.isnan(off), np.inf, off))


def _told(numbers: NDArray[np.float64], place: int) -> str:
    return float(numbers[place]).hex() if numbers.size else ""
