"""What both sides answer to the calls of `logitproof_adapters.catalogue.uncovered`, as records of a run."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from logitproof_adapters.catalogue import uncovered
from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_adapters.targets.link import TargetDied
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_reference.vocabulary.cells import Cell
from logitproof_reference.vocabulary.judgement import on_cell
from logitproof_reports.diff.examples import is_uncovered
from logitproof_reports.runs.schema import table_of
from logitproof_reports.runs.values import CALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from logitproof_adapters.targets.target import Target
    from logitproof_reference.vocabulary.judgement import Judgement
    from logitproof_reports.runs.schema import Run

TELLING = 1e-6
"""By how much of itself an answer may move before it means something else; these calls are well conditioned."""


def with_uncovered(run: Run, target: Target, adapters: Sequence[str]) -> Run:
    """Return a run with what a target answers to the calls that nothing covers; the run itself where it has that."""
    if pc.any(is_uncovered(run.table)).as_py():
        return run
    found = [one for name in adapters if _has_calls(name) for one in _judgements(name, target)]
    return replace(run, table=pa.concat_tables([run.table, table_of(found)])) if found else run


def _has_calls(adapter: str) -> bool:
    packages = FRAMEWORKS[adapter].packages if adapter in FRAMEWORKS else ()
    return any(call.package in packages for call in uncovered.CALLS)


def _judgements(adapter: str, target: Target) -> Iterator[Judgement]:
    try:
        with RemoteAdapter(adapter, target, also_sent=(uncovered.__name__,)) as remote:
            answers: Iterable[dict[str, Any]] = remote.call(uncovered.__name__, uncovered.answers.__name__)
    except TargetDied:
        return  # it has no answer, which is told of every other cell too
    for answer in answers:
        yield judgement_on(adapter, uncovered.CALLS[answer["call"]], answer)


def judgement_on(adapter: str, call: uncovered.UncoveredCall, answer: dict[str, Any]) -> Judgement:
    """Return the record of an answer: by itself it is right, and the other side is held against it."""
    cell = Cell(adapter, "eager", "softmax_cross_entropy", "value", "float64", call.labels)
    value = answer.get("value", "")
    number = float.fromhex(value) if value else math.nan
    return on_cell(
        cell,
        call.name,
        clause="",
        grade="MAY",
        verdict="conforms",
        reason=answer.get("raised", ""),
        elements=1,
        row=0,
        exact=value,
        observed=value,
        bound=f"{TELLING * max(1.0, abs(number)):.6g}" if math.isfinite(number) else "",
        inputs=json.dumps({CALL: call.source}),
        repro=call.repro,
        digest=hashlib.sha256(repr(sorted(answer.items())).encode()).hexdigest()[:16],
    )
