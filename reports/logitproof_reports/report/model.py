"""The contents of a page: text and numbers ready to be shown; nothing is computed later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from logitproof_reports.words.text import plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_reports.html.columns import Payload
    from logitproof_reports.words.outcomes import Outcome

    from .claims import Claims
    from .extremes import Situation
    from .training import Trainings
    from .trend import Trend


@dataclass(frozen=True)
class Count:
    """How many judgements came out one way; `start` and `share` place its piece of the bar, in percent.

    `trend` is None if no history was given, or none of the framework.
    """

    outcome: Outcome
    words: str
    start: float
    share: float
    trend: Trend | None = None


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


@dataclass(frozen=True)
class MatrixRow:
    """One clause family, in all modes (`mode` is empty) or in one; `terms` are its share in the links of its cells."""

    family: str
    title: str
    mode: str
    terms: str
    cells: list[MatrixCell]


@dataclass(frozen=True)
class MatrixColumn:
    """One format of a framework; `terms` are its share in the links of its cells."""

    name: str
    terms: str


@dataclass(frozen=True)
class MatrixGroup:
    """The columns of one framework."""

    name: str
    columns: list[MatrixColumn]


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
class Entry:
    """An entry of the ledger, and how many judgements it explains."""

    id: str
    number: int
    link: str


@dataclass(frozen=True)
class Finding:
    """Judgements of one cause, told by the worst of them.

    `id` is what a link to it names; `cause` the ledger's reason, empty if no entry explains it; `text` the report to
    file; `command` shows the worst case where there is no `repro`.
    """

    id: str
    outcome: Outcome
    framework: str
    version: str
    question: str
    clause: str
    clause_title: str
    clauses: str
    modes: list[str]
    formats: list[str]
    where: str
    number: int
    count: str
    ratio: str
    brief: str
    effect: str
    effect_meaning: str
    cause: str
    reason: str
    machines: str
    upstream: str
    addresses: list[str]
    text: str
    entries: list[Entry]
    facts: list[Fact]
    inputs: list[Fact]
    repro: str
    command: str
    link: str
    cell_link: str
    explorer_link: str


@dataclass(frozen=True)
class FindingGroup:
    """Findings that a reader needs apart from the others, worst first, and how many more there are."""

    title: str
    lead: str
    findings: list[Finding]
    left_out: int

    @property
    def causes(self) -> str:
        """How many causes there are, in words."""
        return plural(len(self.findings) + self.left_out, "cause")


@dataclass(frozen=True)
class AccuracyCell:
    """The largest error / bound and error of one framework; `best` where the ratio is the smallest of the row."""

    outcome: Outcome | None
    ulps: str
    slack: str
    classes: str
    best: bool


@dataclass(frozen=True)
class AccuracyRow:
    """One question; `terms` are its share in the links of its cells, as those of table and column are."""

    question: str
    terms: str
    cells: list[AccuracyCell]


@dataclass(frozen=True)
class AccuracyTable:
    """One format."""

    format: str
    terms: str
    rows: list[AccuracyRow]


@dataclass(frozen=True)
class GradeCell:
    """The accuracy grade of one cell, and what it says; without an outcome where nothing was graded."""

    outcome: Outcome | None
    grade: str
    words: str


@dataclass(frozen=True)
class GradeColumn:
    """One framework in one mode; `terms` are its share in the links of its cells."""

    name: str
    terms: str


@dataclass(frozen=True)
class GradeRow:
    """One function; `terms` are its share in the links of its cells."""

    question: str
    terms: str
    cells: list[GradeCell]


@dataclass(frozen=True)
class GradeTable:
    """The accuracy grades in one format."""

    format: str
    terms: str
    columns: list[GradeColumn]
    rows: list[GradeRow]


@dataclass(frozen=True)
class Histogram:
    """Judgements by their largest error, as a path that outlines the bars; `words` say the same."""

    title: str
    number: str
    path: str
    words: str


@dataclass(frozen=True)
class Dots:
    """The places of a scatter plot at which an outcome is the worst, as a path of points."""

    outcome: str
    path: str


@dataclass(frozen=True)
class Scatter:
    """Errors of one framework against the magnitude of the loss."""

    title: str
    dots: list[Dots]
    words: str


@dataclass(frozen=True)
class Accuracy:
    """The accuracy page; `frameworks` are names, each with its share in the links of its cells."""

    frameworks: list[tuple[str, str]]
    tables: list[AccuracyTable]
    grades: list[GradeTable]
    grade_meanings: dict[str, str]
    histograms: list[Histogram]
    scatters: list[Scatter]


@dataclass(frozen=True)
class Dialect:
    """One function of one framework: a column."""

    id: str
    framework: str
    function: str


@dataclass(frozen=True)
class DialectRow:
    """One option, and what it means to each; `linked` where the values are addresses."""

    title: str
    meaning: str
    values: list[str]
    linked: bool


@dataclass(frozen=True)
class Dialects:
    """What each framework documents of its losses; a port is shown from the first column to `counterpart` at first."""

    columns: list[Dialect]
    rows: list[DialectRow]
    counterpart: int


@dataclass(frozen=True)
class Refusal:
    """Why a framework was not asked."""

    framework: str
    reason: str
    cells: int


@dataclass(frozen=True)
class EnvironmentFacts:
    """The environment of one run."""

    title: str
    facts: list[Fact]


@dataclass(frozen=True)
class Clause:
    """A clause of the specification and what came of it."""

    id: str
    level: str
    title: str
    text: str
    outcome: Outcome | None
    number: int
    link: str


@dataclass(frozen=True)
class Page:
    """The whole page."""

    title: str
    outcome: Outcome
    headline: str
    advice: str
    warnings: list[str]
    facts: list[Fact]
    frameworks: list[FrameworkVerdict]
    legend: list[Outcome]
    matrix: Matrix
    findings: list[FindingGroup]
    finding_words: dict[str, list[str]]
    effects: Mapping[str, str]
    situations: list[Situation]
    extreme_frameworks: list[tuple[str, str]]
    refusals: list[Refusal]
    clauses: list[Clause]
    environments: list[EnvironmentFacts]
    certificate: list[Fact]
    accuracy: Accuracy
    dialects: Dialects
    training: Trainings
    claims: Claims
    judgements: int
    not_offered: int
    payload: Payload
