"""Both sides' answers to the calls of `logitproof_adapters.catalogue.extra_calls`, as records of a run."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from logitproof_adapters.catalogue.extra_calls import answers
from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_adapters.targets.link import TargetDied
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_reference.vocabulary.cells import Cell
from logitproof_reference.vocabulary.judgement import on_cell
from logitproof_reports.runs.schema import table_of
from logitproof_reports.runs.values import CALL, is_extra_call

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from logitproof_adapters.catalogue.extra_calls.call import ExtraCall
    from logitproof_adapters.targets.target import Target
    from logitproof_reference.vocabulary.judgement import Judgement
    from logitproof_reports.runs.schema import Run

TELLING = {"float64": 1e-6, "float32": 1e-4}
"""By how much of itself an answer may move before it means something else, by format; these calls are well conditioned,
and a part of 1e-4 is a thousand roundings of float32."""

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
        held = [one for one in _judgements(adapter, target) if one.clause]
        wrong = [one for one in held if one.verdict != "conforms"]
        yield f"{adapter}: {len(held) - len(wrong)} of {len(held)} calls beside the matrix give their one right answer"
        for one in wrong:
            found = one.reason or f"{float.fromhex(one.observed):.9g}"
            yield f"  {json.loads(one.inputs)[CALL]}: {found}, expected {float.fromhex(one.exact):.9g} ({one.regime})"


def _package(adapter: str) -> str:
    """Return the package that an adapter stands for, whose calls are its own; empty if it has none."""
    return FRAMEWORKS[adapter].packages[0] if adapter in FRAMEWORKS else ""


def _has_calls(adapter: str) -> bool:
    return any(call.package == _package(adapter) for call in answers.CALLS)


def _judgements(adapter: str, target: Target) -> Iterator[Judgement]:
    try:
        with RemoteAdapter(adapter, target, also_sent=(answers.__name__,)) as remote:
            found: Iterable[dict[str, Any]] = remote.call(answers.__name__, answers.answers.__name__)
    except TargetDied:
        return  # it has no answer, which is told of every other cell too
    for answer in found:
        if (call := answers.CALLS[answer["call"]]).package == _package(adapter):
            yield judgement_on(adapter, call, answer)


def judgement_on(adapter: str, call: ExtraCall, answer: dict[str, Any]) -> Judgement:
    """Return the record of an answer: compared with the one that is right, or, where none is, right by itself."""
    cell = Cell(adapter, "eager", call.op, "value", call.format, call.labels)
    observed, raised = answer.get("value", ""), answer.get("raised", "")
    exact = observed if call.exact is None else call.exact.hex()
    number = float.fromhex(exact) if exact else math.nan
    bound = TELLING[call.format] * max(1.0, abs(number))
    found = on_cell(
        cell,
        call.name,
        clause="",
        grade="MAY",
        verdict="conforms",
        reason=raised,
        elements=1,
        row=0,
        exact=exact,
        observed=observed,
        bound=f"{bound:.6g}" if math.isfinite(number) else "",
        inputs=json.dumps({CALL: call.source}),
        repro=call.repro,
        digest=hashlib.sha256(repr(sorted(answer.items())).encode()).hexdigest()[:16],
    )
    if call.exact is None:
        return found
    error = abs(float.fromhex(observed) - call.exact) if observed else math.inf
    right = error <= bound
    return replace(
        found,
        clause=CLAUSE,
        grade="MUST",
        verdict="conforms" if right else "crashed" if raised else "deviates",
        slack=error / bound if observed else math.nan,
    )
