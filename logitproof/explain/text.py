"""An explanation as text: numbers in hex and decimal, the exact answer to thirty digits, the clause in full."""

from __future__ import annotations

import json
import math
import textwrap
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.catalogue import ledger
from logitproof_reference.cases.catalogue import REGIMES
from logitproof_reference.judging.worst_element import exact_parts, worst_element
from logitproof_reference.numerics.enclosure import Enclosure
from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reports.words.outcomes import shown_verdict
from logitproof_reports.words.terms import TWO_ANSWERS
from logitproof_reports.words.text import slack_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from logitproof.explain.explain import Explanation
    from logitproof_reference.vocabulary.judgement import Judgement

WIDTH = 100
EXACT_DIGITS = 30


def text_of(explanation: Explanation) -> str:
    """Return what is known of a row as lines of text, without control characters."""
    worst, *others = explanation.judgements
    lines = [_heading(worst), *_clause(worst), *_inputs(worst), *_numbers(worst, explanation.source), *_verdict(worst)]
    lines += [f"also      {other.clause} ({other.grade}): {shown_verdict(other.verdict)}" for other in others]
    return "\n".join([*lines, *_repro(explanation)])


def _heading(found: Judgement) -> str:
    row = f", row {found.row}" if found.row >= 0 else ""
    element = f", class {found.element}" if found.element >= 0 else ""
    return f"{found.cell}, regime {found.regime}{row}{element}\n"


def _clause(found: Judgement) -> Iterator[str]:
    if found.regime in REGIMES:
        yield from _wrapped("regime", REGIMES[found.regime].reason)
    if found.clause in CLAUSES:
        clause = CLAUSES[found.clause]
        yield from _wrapped("clause", f"{clause.id} ({clause.level}) {clause.title}")
        yield from _wrapped("", clause.text)


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=f"{label:<10}", subsequent_indent=" " * 10)


def _inputs(found: Judgement) -> Iterator[str]:
    inputs: dict[str, Any] = json.loads(found.inputs or "{}")
    if "regime" in inputs:
        yield f"inputs    a wide row: row {inputs['row']} of regime {inputs['regime']}"
        return
    for name, values in inputs.items():
        for i, value in enumerate(values if isinstance(values, list) else [values]):
            spelled = f"{value}" if isinstance(value, int) else f"{value:<24} {float.fromhex(value):.9g}"
            yield f"{name if i == 0 else '':<10}{spelled}"


def _numbers(found: Judgement, source: str) -> Iterator[str]:
    if not found.observed:
        return
    if found.clause in TWO_ANSWERS:
        yield f"first     {found.exact} {float.fromhex(found.exact):.9g}"
        yield f"second    {found.observed} {float.fromhex(found.observed):.9g} ({source})"
        return
    format_ = FORMATS[found.format]
    parts = exact_parts(found.exact)
    exact = Enclosure(*np.array([[*parts, 0.0, 0.0][:3]]).T)
    observed = np.array([float.fromhex(found.observed)])
    rounded = float(exact.round(format_)[0])
    yield f"exact     {exact_digits(parts)}"
    yield f"rounded   {rounded.hex():<24} {rounded:.9g}, the nearest {format_.name}"
    yield f"observed  {found.observed:<24} {observed[0]:.9g} ({source})"
    if found.bound:
        yield from _measures(found)


def _measures(found: Judgement) -> Iterator[str]:
    this = worst_element(vars(found))
    if math.isfinite(this.ulps):
        yield f"error     {this.ulps:.4g} ulps of {found.format}, {this.error:.4g} {this.unit}"
    if this.accepted:
        yield "bound     not applied: this clause accepts the observed answer"
    elif not math.isnan(this.ratio) and math.isfinite(float(found.bound)):
        ratio = f"error / bound {slack_of(this.ratio)} (more than 1 cannot be explained by rounding)"
        yield f"bound     {found.bound} {this.unit}; {ratio}"


def exact_digits(parts: list[float]) -> str:
    """Spell a sum of floats in decimal, to thirty significant digits.

    >>> exact_digits([0.1, 2.0**-80])
    '0.100000000000000005551115950306'
    >>> exact_digits([float("inf")])
    'inf'
    """
    if not all(map(math.isfinite, parts)):
        return str(parts[0])
    wide = Context(prec=1500)
    total = Decimal(0)
    for part in parts:
        total = wide.add(total, Decimal(part))
    return str(Context(prec=EXACT_DIGITS).plus(total)).replace("E", "e")


def _verdict(found: Judgement) -> Iterator[str]:
    yield f"verdict   {shown_verdict(found.verdict)}"
    if found.reason:
        yield from _wrapped("reason", found.reason)
    for entry in ledger.load(found.adapter).deviations if found.deviation else ():
        if entry.id == found.deviation:
            where = f" ({entry.where})" if entry.where else ""
            yield from _wrapped("known as", f"{entry.id}{where}: {entry.reason} {entry.upstream}")


def _repro(explanation: Explanation) -> Iterator[str]:
    if explanation.repro:
        yield f"\nrepro\n{textwrap.indent(explanation.repro.rstrip(), '    ')}"
