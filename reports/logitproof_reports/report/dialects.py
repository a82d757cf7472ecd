"""The dialects page: what each framework documents about its losses, option by option."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from logitproof_reports.runs.schema import attributed, framework_of
from logitproof_reports.words.dialect_words import NO_OPTION, TOPICS, UNSTATED, words_of
from logitproof_reports.words.terms import question
from logitproof_reports.words.text import escape_control_chars

from .model import Dialect, DialectRow, Dialects

if TYPE_CHECKING:
    from logitproof_reports.runs.schema import Run


def dialects_of(run: Run) -> Dialects:
    """Return the dialects that the environments carry, a column each; what no documentation backs is left out."""
    stated = [(environment, one) for environment in attributed(run) for one in environment.get("dialects") or ()]
    stated = [(environment, one) for environment, one in stated if isinstance(one, dict) and one.get("documentation")]
    columns = [Dialect(f"dialect-{i}", *_named(*pair)) for i, pair in enumerate(stated)]
    rows = [_row(topic, [one for _, one in stated]) for topic in TOPICS]
    told = [row for row in rows if set(row.values) - {UNSTATED, NO_OPTION}]
    return Dialects(columns, told, _counterpart(stated))


def _counterpart(stated: list[tuple[dict[str, Any], dict[str, Any]]]) -> int:
    """Return the position of the first column of another framework that answers the first column's question."""
    if not stated:
        return 0
    (environment, first), *_ = stated
    asked = (first.get("op"), first.get("labels"))
    others = [
        place
        for place, (other, one) in enumerate(stated)
        if (one.get("op"), one.get("labels")) == asked and framework_of(other) != framework_of(environment)
    ]
    return others[0] if others else len(stated) - 1


def _named(environment: dict[str, Any], stated: dict[str, Any]) -> tuple[str, str]:
    part = framework_of(environment)
    name = part.get("framework") or ", ".join(environment.get("adapters") or ())
    asked = question({"op": str(stated.get("op")), "labels": str(stated.get("labels")), "quantity": "value"})
    entry = str(stated.get("entry") or "")
    return escape_control_chars(f"{name} {part.get('version', '')}".strip()), escape_control_chars(
        f"{asked} {entry}".strip()
    )


def _row(topic: str, stated: list[dict[str, Any]]) -> DialectRow:
    title, meaning = TOPICS[topic]
    values = [words_of(topic, one) for one in stated]
    return DialectRow(title, meaning, values, all(value.startswith("https://") for value in values))
