"""The verdict on a kernel: a record that prints well on a terminal and in a notebook."""

from __future__ import annotations

import io
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from logitproof.explain.explain import Explanation, worst_first
from logitproof.explain.text import text_of
from logitproof.kernels.findings.sentences import MATCHES, domains, guessed, smallest_input
from logitproof_adapters.contract import CPU
from logitproof_reference.cases.catalogue import case_set_digest
from logitproof_reference.judging.worst_element import worst_element
from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reports.html.render import fragment
from logitproof_reports.runs.environment import describe_environment
from logitproof_reports.runs.schema import Run, table_of
from logitproof_reports.words.outcomes import OUTCOMES, shown_verdict
from logitproof_reports.words.text import decimal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from logitproof.kernels.findings.shown import Shown
    from logitproof.kernels.judging.domain import Limit
    from logitproof.kernels.judging.truth import Question
    from logitproof_adapters.contract import Description
    from logitproof_reference.specification.clauses import Clause
    from logitproof_reference.vocabulary.judgement import Judgement

WIDTH = 120
MOST_GUESSES = 2
MOST_NAMED = 10
COUNTED = {
    "conforms": "judgements conform",
    "concern": "warnings (SHOULD)",
    "deviates": "deviate",
    "crashed": "crashed",
    "void": "void",
    "unsupported": "not offered",
}
"""What the headline counts, in words."""

STYLES = {"deviates": "bold red", "crashed": "bold red", "void": "bold red", "concern": "yellow"}


@dataclass(frozen=True)
class KernelVerdict:
    """The results of the matrix and the trials for one kernel.

    Attributes
    ----------
    name : str
        What the kernel is called.
    question : Question
        What it claims to compute.
    description : Description
        What ran it.
    judgements : tuple of Judgement
        All that was judged.
    profile : str
        ``quick`` or ``full``.
    audits : dict
        By the id of a cell: the largest slack by what could be declared of its arithmetic; see `audit`.
    shown : tuple of Shown
        One a broken clause of the trials: the smallest input that fails, and a guess of the cause.
    limits : tuple of Limit
        How large its logits may be.
    notes : tuple of str
        What nobody declared, and what the kernel does then.
    formats : tuple of str
        Those it was asked in.
    seconds : float
        Time in its calls in the trials.
    environment : dict
        Its environment, as `environment_facts` describes it.
    """

    name: str
    question: Question
    description: Description
    judgements: tuple[Judgement, ...]
    profile: str
    audits: dict[str, dict[str, float]]
    shown: tuple[Shown, ...] = ()
    limits: tuple[Limit, ...] = ()
    notes: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    seconds: float = 0.0
    environment: dict[str, Any] = field(default_factory=describe_environment)

    @property
    def conforms(self) -> bool:
        """Whether something was measured, and no MUST is broken."""
        is_right = all(found.expected for found in self.judgements)
        return self.elements > 0 and is_right and all(one.finding.is_huge for one in self.shown)

    @property
    def elements(self) -> int:
        """How many numbers were compared."""
        return sum(found.elements for found in self.judgements)

    @property
    def worst(self) -> Judgement | None:
        """The most severe judgement, or None if there is none."""
        return next(iter(worst_first(self.judgements)), None)

    @property
    def run(self) -> Run:
        """The verdict as a run, which can be written, reported and compared."""
        about = vars(self.description)
        environment = {**self.environment, "framework": dict(about), "ledger": []}
        return Run(table_of(self.judgements), [environment], self.profile, case_set_digest(self.profile))

    def headline(self) -> str:
        """Return it in one sentence."""
        if not self.elements:
            return f"{self.name}: void, nothing was measured"
        counts = Counter(found.verdict for found in self.judgements)
        said = [f"{counts[verdict]:,} {word}" for verdict, word in COUNTED.items() if counts[verdict]]
        verdict = "conforms" if self.conforms else "deviates"
        device = self.description.build.get("device", CPU)
        place = "" if device == CPU else f" on {device}"
        return (
            f"{self.name} as {self.question.op}{place} {verdict}: {', '.join(said)}; {self.elements:,} numbers compared"
        )

    def summary(self) -> list[str]:
        """Describe in a few lines where it is right, which is the smallest input that fails, and what may be wrong."""
        lines = [f"domain    {text}"] if (text := domains(self.limits, self.formats)) else []
        lines += [f"fails     {smallest_input(self.shown[0].finding)}"] if self.shown else self._fails_in_the_matrix()
        lines += [f"guess     {text}" for text in list(guessed(self.shown))[:MOST_GUESSES]]
        lines += [f"cause     {text}" for text in self._matched()]
        return lines + [f"note      {text}" for text in self.notes]

    def _fails_in_the_matrix(self) -> list[str]:
        wrong = [found for found in worst_first(self.judgements) if not found.expected]
        return [f"fails     {found.clause} in {found.format}, {found.regime}: {found.reason}" for found in wrong[:1]]

    def _matched(self) -> list[str]:
        """Return the faults of a head that its answers match, each by its clause: those of most answers first."""
        wrong = (found for found in self.judgements if not found.expected and found.reason.startswith(MATCHES))
        counts = Counter(f"{found.clause}: {found.reason}" for found in wrong)
        return [text for text, _ in counts.most_common(MOST_GUESSES)]

    def smallest(self) -> Table:
        """Return one line a broken clause: the smallest input that still fails, and a guess of the cause."""
        table = Table("clause", "smallest input that fails", "guess", box=None, pad_edge=False)
        for one in self.shown:
            guess = one.cause.name if one.cause else ""
            table.add_row(Text(one.finding.clause), Text(smallest_input(one.finding)), Text(guess))
        return table

    def by_clause(self) -> list[tuple[Clause, Judgement]]:
        """Return the clauses that were judged, in the order of the specification, each with its worst judgement."""
        worst = {found.clause: found for found in reversed(worst_first(self.judgements))}
        return [(clause, worst[clause.id]) for clause in CLAUSES.values() if clause.id in worst]

    def table(self) -> Table:
        """Return one line per clause: its verdict, and where its largest error / bound lies."""
        columns = ("clause", "level", "verdict", "error / bound", "ulps", "worst in", "requirement")
        table = Table(*columns, box=None, pad_edge=False)
        for clause, worst in self.by_clause():
            verdict = Text(shown_verdict(worst.verdict), style=STYLES.get(worst.verdict, ""))
            table.add_row(
                clause.id, worst.grade, verdict, *_measures(worst), f"{worst.format} {worst.regime}", clause.title
            )
        return table

    def arithmetic(self) -> Table:
        """Return what the answers say of the kernel's arithmetic: the largest slack by each declaration."""
        table = Table("quantity", "bound computed for", "error / bound", "", box=None, pad_edge=False)
        for cell, audit in self.audits.items():
            for said, slack in audit.items():
                verdict = Text("refuted", style=STYLES["deviates"]) if slack > 1 else Text("not refuted")
                table.add_row(" ".join(cell.split("-")[-2:]), said, f"{slack:.3g}", verdict)
        return table

    def details(self) -> str:
        """Return where MUST clauses break, and the worst row in full with the program that shows it."""
        if self.shown and (repro := next((one.repro for one in self.shown if one.repro), "")):
            return "\n".join([*self._broken(), "", "repro", repro])
        worst = self.worst
        if worst is None or worst.verdict in {"conforms", "unsupported"}:
            return ""
        return "\n".join([*self._broken(), "", text_of(Explanation((worst,), "measured now", worst.repro))])

    def _broken(self) -> Iterator[str]:
        """Describe each broken clause with its regimes, the worst first."""
        regimes: dict[tuple[str, str], dict[str, None]] = {}
        for found in worst_first(self.judgements):
            if not found.expected:
                regimes.setdefault((found.clause, found.format), {})[found.regime] = None
        for (clause, format_), names in sorted(regimes.items()):
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            yield f"{clause} breaks in {format_}: {', '.join(list(names)[:MOST_NAMED])}{more}"

    def parts(self) -> Iterator[RenderableType]:
        """Yield what is printed, the most important first."""
        yield Text("\n".join([self.headline(), *self.summary()]))
        yield ""
        if self.shown:
            yield from (self.smallest(), "")
        yield from (self.table(), "", self.arithmetic(), "", Text(self.details()))

    def __str__(self) -> str:
        return self._on_console(WIDTH).export_text().rstrip()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the verdict as a notebook shows it: what fails, a table of the clauses, the worst row folded in."""
        broken_first = sorted(self.by_clause(), key=lambda one: -OUTCOMES[one[1].verdict].rank)
        return fragment(
            "kernel.html.j2",
            headline=self.headline(),
            rows=[
                (clause, OUTCOMES[worst.verdict], *_measures(worst), f"{worst.format} {worst.regime}", worst.reason)
                for clause, worst in broken_first
            ],
            summary=[line.split(None, 1) for line in self.summary()],
            arithmetic=self.audits,
            details=self.details(),
        )

    def _on_console(self, width: int) -> Console:
        """Print on a console that keeps what it is told; lines of a repro are not to be broken."""
        longest = max(map(len, self.details().splitlines()), default=0)
        # Within a notebook's kernel rich would display what it is to write into the file.
        console = Console(record=True, width=max(width, longest), file=io.StringIO(), force_jupyter=False)
        for part in self.parts():
            console.print(part)
        return console


def _measures(found: Judgement) -> tuple[str, str]:
    """Return error / bound and the largest error in ulps; empty if nothing was measured by them."""
    ratio = found.slack if math.isnan(found.slack) else worst_element(vars(found)).ratio
    first, second = ("" if math.isnan(number) else decimal(number) for number in (ratio, found.ulps))
    return first, second
