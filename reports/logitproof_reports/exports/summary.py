"""Summaries of a run: a table for the terminal, and Markdown for a CI job's page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from logitproof_reference.bounds.half_precision import ACCURACY_GRADES
from logitproof_reports.counting.accuracy_grades import counted, grades_of
from logitproof_reports.counting.provenance import sentence_of
from logitproof_reports.counting.run_table import prepare
from logitproof_reports.counting.tally import tally_by
from logitproof_reports.counting.verdict_sentences import headline, partial, titled, verdict_sentences
from logitproof_reports.report.findings import KNOWN, grouped_findings
from logitproof_reports.words.markdown import MARKDOWN_BYTES, escaped, head, row, within
from logitproof_reports.words.outcomes import BY_RANK, OUTCOMES
from logitproof_reports.words.text import escape_control_chars, slack_of

if TYPE_CHECKING:
    from logitproof_reports.counting.run_table import Judged
    from logitproof_reports.counting.tally import Tally
    from logitproof_reports.report.model import Finding
    from logitproof_reports.runs.schema import Run

_COLOURS = {
    "conforms": "blue",
    "concern": "yellow",
    "known": "magenta",
    "stale": "cyan",
    "deviates": "bold red",
    "crashed": "bold red",
    "void": "bold red",
    "unsupported": "dim",
}
GRADES_LEGEND = (
    "Grades: number of functions of each accuracy grade, by their worst number on ordinary rows. "
    + "; ".join(f"{letter}: {meaning}" for letter, meaning in ACCURACY_GRADES.items())
)
_REASON_CHARACTERS = 300
_MOST_FINDINGS = 40
"""Findings of a group in Markdown: the page of a job is read at a glance, and its size is limited."""
_COLUMNS = ["Verdict", "Framework", "Function", "Clause", "Judgements", "Worst"]


def sentences(run: Run) -> list[str]:
    """Return the verdict on the whole run, then one sentence per framework, then how the run was made."""
    judged = prepare(run)
    others = [partial(run), sentence_of(run)]
    return [headline(judged), *verdict_sentences(judged).values(), *filter(None, others)]


def terminal_table(run: Run) -> Table:
    """Return a table for rich: clause families by framework, with counts, worst verdict and largest slack."""
    judged = prepare(run)
    frameworks, families, tallies = _grid(judged)
    table = Table(title=Text(headline(judged)), title_justify="left", box=None, pad_edge=False)
    table.add_column("Family")
    for framework in frameworks:
        table.add_column(Text(titled(run, framework)))
    for family in families:
        cells = [_terminal_cell(tallies.get((framework, family))) for framework in frameworks]
        table.add_row(Text(escape_control_chars(family)), *cells)
    return table


def _grid(judged: Judged) -> tuple[list[str], list[str], dict[tuple[str, ...], Tally]]:
    """Return frameworks, families and the tally of each pair in which anything was judged."""
    tallies = {key: tally for key, tally in tally_by(judged, judged.framework, judged.family).items() if key[1]}
    families = [family for family in judged.family.words if any(key[1] == family for key in tallies)]
    return judged.framework.words, families, tallies


def _terminal_cell(tally: Tally | None) -> Text:
    return Text(_cell(tally), style=_COLOURS[tally.worst.name] if tally else "dim")


def _cell(tally: Tally | None) -> str:
    if tally is None:
        return ""
    stale, known = (OUTCOMES[name].count(tally.count(name)) if tally.count(name) else "" for name in ("stale", "known"))
    wrong = ", ".join(filter(None, [f"{tally.unexpected:,} new" if tally.unexpected else "", stale, known]))
    of_all = f"{wrong} in {tally.judged:,}" if wrong else f"{tally.judged:,}"
    largest = "" if math.isnan(tally.slack) else f" ({slack_of(tally.slack)})"
    return f"{tally.worst.glyph} {of_all}{largest}"


def legend(run: Run) -> str:
    """Return what the fields of the table show, and the outcomes of the glyphs that occur; empty for an empty table."""
    worst = {tally.worst for tally in _grid(prepare(run))[2].values()}
    glyphs = ", ".join(f"{outcome.glyph} {outcome.label}" for outcome in BY_RANK if outcome in worst)
    return f"Fields: number of judgements (largest error / bound); {glyphs}" if worst else ""


def markdown(run: Run) -> str:
    """Return the summary as GitHub's Markdown, below `MARKDOWN_BYTES`; the least grave findings are cut first."""
    judged = prepare(run)
    first, *others = sentences(run)
    parts = [f"## Logitproof: {escaped(first)}", "", *(f"- {escaped(sentence)}" for sentence in others), ""]
    parts += [*_markdown_matrix(judged), *_markdown_grades(judged)]
    room = MARKDOWN_BYTES - sum(len(part.encode()) + 1 for part in parts) - 200
    return "\n".join([*parts, *within(room, _markdown_findings(judged))]) + "\n"


def _markdown_matrix(judged: Judged) -> list[str]:
    frameworks, families, tallies = _grid(judged)
    if not families:
        return []
    columns = ["Family", *(titled(judged.run, framework) for framework in frameworks)]
    rows = [[family, *(_cell(tallies.get((framework, family))) for framework in frameworks)] for family in families]
    return [*head(columns), *map(row, rows), "", escaped(legend(judged.run)), ""]


def grade_table(run: Run) -> Table | None:
    """Return a table for rich: how many functions have each accuracy grade, by format and framework; None for none."""
    judged = prepare(run)
    rows = _counted_grades(judged)
    if not rows:
        return None
    table = Table(box=None, pad_edge=False)
    for title in ("Grades", *(titled(run, framework) for framework in judged.framework.words)):
        table.add_column(Text(title))
    for row_ in rows:
        table.add_row(*map(Text, row_))
    return table


def _counted_grades(judged: Judged) -> list[list[str]]:
    """Return a row for each format with grades: its name, then the counts of each framework."""
    grades = grades_of(judged)
    formats = [name for name in judged.format.words if any(one.format == name for one in grades)]
    return [
        [escape_control_chars(format_), *(counted(grades, framework, format_) for framework in judged.framework.words)]
        for format_ in formats
    ]


def _markdown_grades(judged: Judged) -> list[str]:
    rows = _counted_grades(judged)
    if not rows:
        return []
    columns = ["Format", *(titled(judged.run, framework) for framework in judged.framework.words)]
    return ["### Accuracy grades", "", escaped(GRADES_LEGEND), "", *head(columns), *map(row, rows), ""]


def _markdown_findings(judged: Judged) -> list[str]:
    lines = []
    for group in grouped_findings(judged):
        lines += [f"### {group.title}: {group.causes}", "", escaped(group.lead), ""]
        # The ledger has them, and the report a card for each.
        if group.title != KNOWN:
            shown, number = group.findings[:_MOST_FINDINGS], len(group.findings) + group.left_out
            lines += [*head(_COLUMNS), *(row(_finding(finding)) for finding in shown), ""]
            lines += [f"{number - len(shown)} more are in the report.", ""] if number > len(shown) else []
    return lines


def _finding(finding: Finding) -> list[str]:
    verdict = f"{finding.outcome.glyph} {finding.outcome.label}"
    worst = finding.reason[:_REASON_CHARACTERS]
    return [verdict, finding.framework, finding.question, finding.clause, f"{finding.number:,}", worst]
