"""Shrinks a failing row to the smallest that still fails: fewer rows, fewer classes, simpler numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.findings.findings import Finding, clause_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from logitproof.kernels.judging.asking import Asker
    from logitproof_reference.cases.catalogue import Rows

CALLS = 60
"""Calls of the kernel that one finding is worth."""


def shrunk(asker: Asker, finding: Finding) -> Finding:
    """Return the finding on fewer rows and classes, as far as it still breaks; itself where its state matters."""
    if finding.compared is None or finding.way or asker.question.declaration.reduction != "none" or finding.row < 0:
        return finding
    left = [CALLS]
    for step in (_fewer_rows, _fewer_classes, _simpler_numbers):
        finding = _smallest(asker, finding, step, left)
    return finding


def _smallest(asker: Asker, finding: Finding, step: Callable[[Finding], Iterator[Rows]], left: list[int]) -> Finding:
    """Take the first candidate that still fails, and try again, until none does."""
    progress = True
    while progress and left[0] > 0:
        progress = False
        for rows in step(finding):
            if left[0] <= 0:
                break
            left[0] -= 1
            found = smaller(asker, finding, rows)
            if found is not None:
                finding, progress = found, True
                break
    return finding


def smaller(asker: Asker, finding: Finding, rows: Rows) -> Finding | None:
    """Return the finding on other rows; None if they do not show it."""
    _, compared = asker.compare(finding.quantity, rows, finding.placement)
    if compared is None or not compared.wrong.any():
        return None
    wrong = ~compared.comparison.conforms
    place = np.unravel_index(int(np.argmax(np.where(wrong, compared.comparison.slack, -1.0))), wrong.shape)
    exact, row = float(compared.truth.exact.value[place]), int(place[0])
    observed = float(np.asarray(compared.reply.observed, dtype=np.float64)[place])
    clause = clause_of(asker.question, finding.quantity, rows.logits[row], exact, observed)
    return replace(
        finding,
        clause=finding.clause if finding.placement else clause,
        note=finding.note if rows.logits.shape[1] == finding.rows.logits.shape[1] else "",  # it names classes
        rows=rows,
        row=row,
        element=int(place[1]) if len(place) > 1 else -1,
        slack=float(compared.comparison.slack[place]),
        ulps=float(compared.comparison.ulps[place]),
        observed=observed,
        exact=exact,
        compared=compared,
    )


def _fewer_rows(finding: Finding) -> Iterator[Rows]:
    """Yield the row alone, a few rows around it, and halves."""
    count, row = len(finding.rows), finding.row
    if count == 1:
        return
    yield finding.rows[row : row + 1]
    for few in (2, 4, 8, 33, count // 2, count - 1):
        if few < count:
            start = min(max(row - few + 1, 0), count - few)
            yield finding.rows[start : start + few]
            yield finding.rows[:few]


def _fewer_classes(finding: Finding) -> Iterator[Rows]:
    """Yield the first classes of the rows, the last ones, and one class less."""
    n = finding.rows.logits.shape[1]
    sizes = sorted(
        {size for size in (1, 2, 3, 5, 8, n // 16, n // 4, n // 2, n * 3 // 4, n - n // 8, n - 1) if 0 < size < n}
    )
    for size in sizes:
        yield cut(finding.rows, slice(0, size))
    for size in sizes[:3]:
        yield cut(finding.rows, slice(n - size, n))


def cut(rows: Rows, classes: slice) -> Rows:
    """Return rows with some of the classes; a label outside becomes the last of them."""
    start, stop = classes.start, classes.stop
    indices = np.where(rows.indices < 0, rows.indices, np.clip(rows.indices - start, 0, stop - start - 1))
    parts = {
        name: np.ascontiguousarray(getattr(rows, name)[:, classes])
        for name in ("logits", "distributions", "class_cotangents")
    }
    return replace(rows, indices=indices, **parts)


def _simpler_numbers(finding: Finding) -> Iterator[Rows]:
    """Yield logits rounded to whole numbers and to few bits, ordinary ones at 0, cotangents of 1."""
    rows = finding.rows
    x = rows.logits.astype(np.float64)
    finite = np.isfinite(x)
    few = np.where(finite, x, 0.0)
    mantissa, exponent = np.frexp(few)
    candidates = (
        np.where(finite & (np.abs(x) < 8.0), 0.0, x),
        np.where(finite, np.round(few), x),
        np.where(finite, np.ldexp(np.round(mantissa * 16.0) / 16.0, exponent), x),
    )
    with np.errstate(over="ignore"):  # the largest number of a format, rounded up, is an infinity in it
        rounded = [candidate.astype(rows.logits.dtype) for candidate in candidates]
    for logits in rounded:
        if logits.tobytes() != rows.logits.tobytes():
            yield replace(rows, logits=logits)
    ones: dict[str, Any] = {name: np.ones_like(getattr(rows, name)) for name in ("row_cotangents", "class_cotangents")}
    if finding.quantity != "value" and any((getattr(rows, name) != 1).any() for name in ones):
        yield replace(rows, **ones)
