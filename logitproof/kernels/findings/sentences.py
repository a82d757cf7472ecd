"""The findings about a kernel in sentences: where it is right, the smallest input that fails, the likely cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from logitproof.kernels.findings.findings import Finding
    from logitproof.kernels.findings.shown import Shown
    from logitproof.kernels.judging.domain import Limit

MATCHES = "the answer is that of a loss where "
"""How the reason of a judgement begins that names the fault of a head."""

MOST_SPELLED = 4
"""Logits of a row that a sentence spells one by one."""


def domains(limits: Sequence[Limit], formats: Sequence[str]) -> str:
    """Return up to which magnitude of logits a kernel is right, format by format; empty if nothing is known."""
    said: dict[str, list[str]] = {}
    for format_ in formats:
        mine = [limit for limit in limits if limit.format == format_]
        if mine:
            said.setdefault(_domain(mine), []).append(format_)
    return "; ".join(f"{', '.join(names)}: {text}" for text, names in said.items())


def _domain(limits: Sequence[Limit]) -> str:
    ends = [limit for limit in limits if not limit.is_whole]
    if not ends:
        return f"no limit on |logits| found, on rows of {limits[0].classes} classes"
    first = min(ends, key=lambda limit: limit.wrong)
    if first.right == 0.0:
        return "wrong for logits of every magnitude"
    what = first.pattern.format(limit=f"{first.wrong:.4g}")
    kind = "overflow" if not np.isfinite(first.observed) and np.isfinite(first.exact) else "error past the bound"
    return f"right for |logits| up to {first.right:.4g}, wrong beyond ({what}: {kind})"


def smallest_input(finding: Finding) -> str:
    """Describe which input fails and what comes of it, in a line."""
    count, n = finding.rows.logits.shape
    shape = f"{n:,} class{'es' if n != 1 else ''}" + (f", {count:,} rows" if count != 1 else "")
    how = [f"laid out as {finding.placement}"] if finding.placement else []
    how += [f"called {finding.way.replace('_', ' ')}"] if finding.way else []
    what = f"{finding.format} {finding.quantity}, {shape}{''.join(', ' + one for one in how)}"
    row = logits_of(finding)
    if finding.failure:
        return f"{what}: {finding.failure}"
    place = f" at class {finding.element}" if finding.element >= 0 else ""
    observed, exact = told_apart(finding.observed, finding.exact)
    return f"{what}, {row}: observed {observed}{place}, exact {exact}"


def told_apart(observed: float, exact: float) -> tuple[str, str]:
    """Return two numbers with 7 digits, or as many more as tell them apart."""
    pairs = ((f"{observed:.{digits}g}", f"{exact:.{digits}g}") for digits in (7, 9, 12, 17))
    return next((pair for pair in pairs if pair[0] != pair[1]), (f"{observed:.17g}", f"{exact:.17g}"))


def logits_of(finding: Finding) -> str:
    """Describe what the row that fails is: its logits where they are few, else how it was made."""
    if finding.row < 0 or finding.row >= len(finding.rows):
        return finding.note or "all rows"
    x = finding.rows.logits[finding.row].astype(np.float64)
    values, counts = np.unique(x, return_counts=True)
    common = values[np.argmax(counts)]
    others = np.flatnonzero(~((x == common) | (np.isnan(x) & np.isnan(common))))
    label = f", label {finding.rows.indices[finding.row]}" if finding.labels == "indices" else ""
    if len(x) <= MOST_SPELLED:
        return f"logits [{', '.join(f'{one:.7g}' for one in x)}]{label}"
    if len(others) <= MOST_SPELLED:
        listed = ", ".join(f"x[{place}] = {x[place]:.7g}" for place in others)
        return f"all logits {common:.7g}{' but ' + listed if listed else ''}{label}"
    return f"{finding.note or _span(x)}{label}"


def _span(x: NDArray[np.float64]) -> str:
    """Describe logits of which nothing else is known: how far they reach, and where the largest is."""
    counted = x[~np.isnan(x)]
    if not counted.size:
        return "all logits NaN"
    spoiled = f", {len(x) - counted.size} of them NaN" if counted.size < len(x) else ""
    return f"logits from {counted.min():.4g} to {counted.max():.4g} at class {int(np.nanargmax(x))}{spoiled}"


def guessed(shown: Sequence[Shown]) -> Iterator[str]:
    """Yield a line on each guess, once."""
    said = dict.fromkeys(f"{one.cause.name}: {one.cause.says}" for one in shown if one.cause is not None)
    yield from said
