"""The dialects side by side: the meaning of each option in each framework, as tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from logitproof_adapters.catalogue import registry
from logitproof_adapters.contract import DISTRIBUTIONS, INDICES, SIGMOID
from logitproof_adapters.frameworks.dialects import DIALECTS
from logitproof_reports.words.dialect_words import NO_OPTION, TOPICS, words_of
from logitproof_reports.words.markdown import escaped, head, row

if TYPE_CHECKING:
    from collections.abc import Sequence

_TITLES = {
    INDICES: "Softmax cross-entropy with class indices",
    DISTRIBUTIONS: "Softmax cross-entropy with distributions",
    SIGMOID: "Sigmoid cross-entropy",
}


BRIEFLY = ("reduction", "mean_over", "empty_mean", "ignored_index", "out_of_range")
"""Topics on which most ports trip."""


@dataclass(frozen=True)
class DialectRow:
    """Functions of one framework with identical option semantics.

    Attributes
    ----------
    framework : str
        The adapter's name.
    entries : list of str
        Which of its functions, as in `Cell.entry`.
    functions : list of (str, str)
        Name and documentation of each.
    words : list of str
        What they say, topic by topic.
    """

    framework: str
    entries: list[str]
    functions: list[tuple[str, str]]
    words: list[str]


@dataclass(frozen=True)
class DialectTable:
    """The dialects of one kind of loss.

    Attributes
    ----------
    title : str
        The loss, and the kind of its labels.
    topics : list of str
        What is told; a topic on which nobody says anything is left out.
    rows : list of DialectRow
        A row each.
    """

    title: str
    topics: list[str]
    rows: list[DialectRow]


def stated_dialects(frameworks: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return the dialects of some frameworks, or of all, as a run file carries them, with the ``adapter``.

    Raises
    ------
    UnknownFramework
        No adapter goes by one of these names.
    """
    for name in frameworks:
        registry.missing(name)  # raises where the name is unknown
    return [
        {"adapter": adapter, "op": op, "labels": labels, "entry": entry, **asdict(dialect)}
        for adapter, losses in DIALECTS.items()
        if not frameworks or adapter in frameworks
        for (op, labels, entry), dialect in losses.items()
    ]


def tables_of_dialects(stated: Sequence[dict[str, Any]]) -> list[DialectTable]:
    """Return a table a kind of loss."""
    by_loss = {loss: [one for one in stated if (one["op"], one["labels"]) == loss] for loss in _TITLES}
    return [_table(_TITLES[loss], some, tuple(TOPICS)) for loss, some in by_loss.items() if some]


def table_in_brief(stated: Sequence[dict[str, Any]]) -> DialectTable:
    """Return the table of class indices, of each framework's first function and of the topics `BRIEFLY` alone."""
    first = [one for one in stated if (one["op"], one["labels"]) == INDICES and not one["entry"]]
    return _table(_TITLES[INDICES], first, BRIEFLY)


def _table(title: str, stated: Sequence[dict[str, Any]], asked: Sequence[str]) -> DialectTable:
    told = [topic for topic in asked if topic not in {"function", "documentation"}]
    topics = [topic for topic in told if any(words_of(topic, one) != NO_OPTION for one in stated)]
    rows: dict[tuple[str, ...], DialectRow] = {}
    for one in stated:
        words = [words_of(topic, one) for topic in topics]
        line = rows.setdefault((one["adapter"], *words), DialectRow(one["adapter"], [], [], words))
        line.entries.append(one["entry"])
        line.functions.append((one["function"], one["documentation"]))
    return DialectTable(title, [TOPICS[topic][0] for topic in topics], list(rows.values()))


def for_terminal(dialects: DialectTable) -> Table:
    """Return a table for rich: topic by topic, who says what."""
    table = Table(title=Text(f"\n{dialects.title}", style="bold"), title_justify="left", box=None, pad_edge=False)
    table.add_column(max_width=24)
    table.add_column(max_width=44)
    table.add_column()
    for place, topic in enumerate(dialects.topics):
        answers: dict[str, list[DialectRow]] = {}
        for line in dialects.rows:
            answers.setdefault(line.words[place], []).append(line)
        title = topic
        for answer, rows in answers.items():
            table.add_row(Text(title, style="bold"), Text(answer), Text(_named(rows, dialects.rows)))
            title = ""
        table.add_section()
    return table


def _named(rows: Sequence[DialectRow], among: Sequence[DialectRow]) -> str:
    """Name frameworks, with the functions that are meant where another one of the framework says otherwise."""
    entries: dict[str, list[str]] = {}
    for line in rows:
        entries.setdefault(line.framework, []).extend(line.entries)
    totals = Counter(framework for one in among for framework in [one.framework] * len(one.entries))
    return ", ".join(
        framework if len(some) == totals[framework] else f"{framework} ({', '.join(one or 'plain' for one in some)})"
        for framework, some in entries.items()
    )


def markdown_of_dialects(tables: Sequence[DialectTable]) -> str:
    """Return the tables as GitHub's Markdown, each function with a link to its documentation."""
    lines = []
    for table in tables:
        lines += [f"### {table.title}", "", *head(["Framework", "Function", *table.topics])]
        for line in table.rows:
            links = ", ".join(f"[{escaped(name)}]({link})" for name, link in line.functions)
            # row() would escape the links.
            lines.append(f"| {escaped(line.framework)} | {links} {row(line.words)}")
        lines.append("")
    return "\n".join(lines)
