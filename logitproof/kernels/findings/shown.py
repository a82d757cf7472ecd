"""The findings that are shown: one per broken clause, with the smallest failing input, a likely cause, a repro."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from logitproof.kernels.cases.trials import AXIS_OF_ONE, IGNORED
from logitproof.kernels.causes.causes import Cause, explaining, explains
from logitproof.kernels.causes.faulty_options import other_losses
from logitproof.kernels.findings.findings import Finding, symptoms_of
from logitproof.kernels.findings.shrink import shrunk
from logitproof_reference.cases.memory_layouts import PLACEMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from logitproof.kernels.causes.symptoms import Symptoms
    from logitproof.kernels.judging.asking import Asker
    from logitproof.kernels.judging.truth import Question

MOST_SHOWN = 8
MOST_GUESSED = 8
"""Findings of a clause that a guess is made from."""

LEAST_EXPLAINED = 0.3
"""Of these findings a guess explains at least so many: one alone may be explained by chance."""

WIDEST_SPELLED = 512
"""Logits of a program that is printed."""


def _unknown(_: Symptoms) -> None:
    """Predict nothing: the cause is known by other means."""


OF_WAYS = {
    "kept": Cause("one output buffer", "the result lies in a buffer that the next call writes over", _unknown),
    "same_memory": Cause("cached by address", "the result of other contents at the same address", _unknown),
    "same_corners": Cause("cached by a part", "the result of other logits that agree in part", _unknown),
    "twice": Cause("second call differs", "a second call with the same arrays gives another result", _unknown),
    "fifty_times": Cause("wrong after many calls", "a call after many others gives another result", _unknown),
    "after_fewer_rows": Cause("workspace of the first shape", "what was set up for another shape is kept", _unknown),
    "after_fewer_classes": Cause("workspace of the first shape", "what was set up for another shape is kept", _unknown),
    "after_more_rows": Cause("rest of a larger call", "numbers of an earlier, larger call are read", _unknown),
    "after_more_classes": Cause("rest of a larger call", "numbers of an earlier, larger call are read", _unknown),
    "same_logits": Cause("cached by the logits alone", "the result of other labels or cotangents", _unknown),
    "in_threads": Cause("shared by threads", "two threads write to the same memory", _unknown),
    "after_another_value": Cause(
        "state of the last forward pass", "the gradient uses what another forward pass has saved", _unknown
    ),
    "saved_strided": Cause("strides ignored", "what was saved is read wrongly where it lies with strides", _unknown),
    "saved_kept": Cause("one buffer saved", "what was saved lies in a buffer that the next pass writes over", _unknown),
    "far": Cause("offset of 32 bits", "rows past 2 GiB of their array are read or written at another place", _unknown),
}
"""A way of calling that alone goes wrong says what is wrong."""

IGNORED_COUNT = Cause("ignored rows count", "a row of the ignored index has a loss, or a gradient", _unknown)
IGNORED_TIMES_ZERO = Cause(
    "ignored rows times 0", "an ignored row is multiplied by 0, which leaves its NaN: it must be left out", _unknown
)

OF_PLACEMENTS = {
    placement: Cause("strides ignored", f"what is laid out as {placement} is read wrongly", _unknown)
    for placement in PLACEMENTS
    if placement
}


@dataclass(frozen=True)
class Shown:
    """A broken clause.

    Attributes
    ----------
    finding : Finding
        The smallest that was found.
    cause : Cause or None
        A guess.
    repro : str
        A program that calls the kernel; empty if its arrays are too large to print.
    """

    finding: Finding
    cause: Cause | None
    repro: str


def shown_findings(asker: Asker, findings: Sequence[Finding]) -> Iterator[Shown]:
    """Yield one a clause and format, those that say most first."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in sorted(findings, key=lambda one: (one.is_huge, one.size)):
        groups.setdefault((finding.clause, finding.quantity), []).append(finding)
    said: set[tuple[str, str, str]] = set()
    is_plain = any(not finding.way and not finding.placement for finding in findings)
    for group in list(groups.values())[:MOST_SHOWN]:
        if is_plain and _is_wrong_anyway(asker, group[0]):
            continue
        cause = _cause(asker, group, is_plain=is_plain)
        smallest = shrunk(asker, group[0])
        key = (smallest.clause, smallest.quantity, cause.name if cause else "")
        if key not in said:
            said.add(key)
            yield Shown(smallest, cause, _repro(asker, smallest))


def _is_wrong_anyway(asker: Asker, finding: Finding) -> bool:
    """Return whether the rows of an odd way or placement are wrong in the ordinary one too."""
    if not finding.way and not finding.placement:
        return False
    _, compared = asker.compare(finding.quantity, finding.rows)
    return compared is None or bool(compared.wrong.any())


def _cause(asker: Asker, group: Sequence[Finding], *, is_plain: bool) -> Cause | None:
    """Return the guess that explains most findings of a clause, by votes.

    Where ordinary calls are wrong too (`is_plain`), a placement that is wrong says nothing of strides.
    """
    first = group[0]
    if first.way:
        return OF_WAYS.get(first.way)
    votes: dict[str, tuple[float, Cause]] = {}
    heard = group[:MOST_GUESSED]
    for finding in heard:
        for cause, share in causes_of(asker.question, finding).items():
            count, _ = votes.get(cause.says, (0.0, cause))
            votes[cause.says] = (count + share, cause)
    if votes:
        most, cause = max(votes.values(), key=lambda pair: pair[0])
        if most >= LEAST_EXPLAINED * len(heard):
            return cause
    if all(one.kind == IGNORED and np.isnan(one.observed) and np.isfinite(one.exact) for one in group):
        return IGNORED_TIMES_ZERO
    ignored = asker.question.declaration.ignore_index
    if ignored is not None and first.row >= 0 and first.rows.indices[first.row] == ignored:
        return IGNORED_COUNT
    if is_plain or _is_wrong_anyway(asker, first):
        return None
    return OF_PLACEMENTS.get(first.placement)


def causes_of(question: Question, finding: Finding) -> dict[Cause, float]:
    """Return what explains a finding, with how well: another loss than the one declared, or a fault of numbers."""
    symptoms = symptoms_of(question, finding)
    if symptoms is None or finding.way or finding.placement:
        return {}
    asked = replace(question, quantity=finding.quantity)
    with np.errstate(all="ignore"):
        others = {
            Cause(other.name, other.says, _unknown): explains(other.answer(asked, finding.rows), symptoms)
            for other in other_losses(asked)
        }
    return {cause: share for cause, share in others.items() if share} or explaining(symptoms)


def _repro(asker: Asker, finding: Finding) -> str:
    if finding.rows.logits.size > WIDEST_SPELLED:
        return ""
    asker = asker.with_axis_of_one() if finding.kind == AXIS_OF_ONE else asker
    cell = asker.cell(finding.quantity, finding.format, finding.way)
    return asker.adapter.repro(cell, asker.inputs(finding.quantity, finding.rows))
