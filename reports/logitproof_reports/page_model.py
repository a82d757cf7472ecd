"""All that a page may know. What stands here is text and numbers, ready to be shown; nothing is computed later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .outcomes import Outcome


@dataclass(frozen=True)
class Count:
    """How many judgements came out one way; `start` and `share` place its piece of the bar, in percent."""

    outcome: Outcome
    number: int
    start: float
    share: float


@dataclass(frozen=True)
class FrameworkVerdict:
    """One framework's card."""

    name: str
    version: str
    outcome: Outcome
    sentence: str
    counts: list[Count]
    link: str


@dataclass(frozen=True)
class MatrixCell:
    """A field of the heat map; `heat` is the step of its tint, and `text` what the number shows."""

    outcome: Outcome | None
    heat: int
    text: str
    description: str
    link: str


@dataclass(frozen=True)
class MatrixRow:
    """One clause family."""

    family: str
    title: str
    cells: list[MatrixCell]


@dataclass(frozen=True)
class MatrixGroup:
    """The columns of one framework."""

    name: str
    columns: list[str]


@dataclass(frozen=True)
class Matrix:
    """The heat map: clause family by framework and format."""

    groups: list[MatrixGroup]
    rows: list[MatrixRow]


@dataclass(frozen=True)
class Fact:
    """A name and a value."""

    name: str
    value: str


@dataclass(frozen=True)
class Finding:
    """Judgements that share framework, question, clause and outcome, told by the worst of them."""

    outcome: Outcome
    framework: str
    question: str
    clause: str
    clause_title: str
    where: str
    count: str
    slack: str
    reason: str
    facts: list[Fact]
    inputs: list[Fact]
    repro: str
    link: str


@dataclass(frozen=True)
class ExtremeCell:
    """What one framework gave: the observed number, and the exact one where they do not agree."""

    outcome: Outcome | None
    observed: str
    exact: str
    where: str
    link: str


@dataclass(frozen=True)
class ExtremeRow:
    """One question in one situation, and every framework's answer."""

    question: str
    cells: list[ExtremeCell]


@dataclass(frozen=True)
class Situation:
    """One regime of extreme logits; `outcome` is the worst among its rows."""

    name: str
    reason: str
    clause: str
    outcome: Outcome
    rows: list[ExtremeRow]


@dataclass(frozen=True)
class KnownDeviation:
    """An entry of the ledger and how often it explained a verdict."""

    id: str
    frameworks: str
    clause: str
    reason: str
    upstream: str
    links: list[str]
    number: int
    link: str


@dataclass(frozen=True)
class Refusal:
    """Why a framework was not asked."""

    framework: str
    reason: str
    cells: int


@dataclass(frozen=True)
class Surroundings:
    """The environment of one run."""

    title: str
    facts: list[Fact]


@dataclass(frozen=True)
class Clause:
    """A clause of the specification and what came of it."""

    id: str
    grade: str
    title: str
    text: str
    outcome: Outcome
    number: int
    link: str


@dataclass(frozen=True)
class Payload:
    """The table of all judgements, encoded; see `payload.py`."""

    encoding: str
    text: str


@dataclass(frozen=True)
class Page:
    """The whole page."""

    title: str
    outcome: Outcome
    headline: str
    warnings: list[str]
    facts: list[Fact]
    frameworks: list[FrameworkVerdict]
    legend: list[Outcome]
    matrix: Matrix
    findings: list[Finding]
    findings_left_out: int
    situations: list[Situation]
    extreme_frameworks: list[str]
    deviations: list[KnownDeviation]
    refusals: list[Refusal]
    clauses: list[Clause]
    environments: list[Surroundings]
    judgements: int
    payload: Payload
