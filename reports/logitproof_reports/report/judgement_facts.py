"""The facts of one judgement for a reader: a few words on what is wrong, then each number with its unit."""

from __future__ import annotations

import json
import math
from typing import Any

from logitproof_reference.judging.worst_element import worst_element
from logitproof_reference.training.impact import impact_of
from logitproof_reports.words.outcomes import shown_verdict
from logitproof_reports.words.terms import TWO_ANSWERS
from logitproof_reports.words.text import decimal, escape_control_chars, from_hex, measure, slack_of

from .model import Fact


def brief_of(record: dict[str, Any]) -> str:
    """Return what is wrong in a few words: the two numbers where they look different, else how far they are apart."""
    observed, exact = (escape_control_chars(from_hex(record[name])) for name in ("observed", "exact"))
    if not observed or record["verdict"] == "stale":
        return f"{shown_verdict(record['verdict'])}: {escape_control_chars(record['reason'])}"
    if record["clause"] in TWO_ANSWERS:
        return f"gives one row two answers, {_difference(record)} apart"
    if observed != exact:
        return f"returns {observed} where {exact} is expected"
    found = worst_element(record)
    return f"{measure(found.ulps)} ulps off, {decimal(found.ratio)} times the bound"


def facts_of_judgement(record: dict[str, Any]) -> list[Fact]:
    """Return what is known of a judgement's worst element, each number in decimal and as it was recorded."""
    place = f"row {record['row']}" + (f", class {record['element']}" if record["element"] >= 0 else "")
    numbers = _two_answers(record) if record["clause"] in TWO_ANSWERS else _measured(record)
    facts = [
        Fact("cell", escape_control_chars(record["cell"])),
        Fact("regime", escape_control_chars(record["regime"]) + (f", {place}" if record["row"] >= 0 else "")),
        *(numbers if record["observed"] else []),
        Fact("accuracy class", escape_control_chars(record["accuracy_class"])),
        Fact("ledger entry", escape_control_chars(record["deviation"])),
    ]
    return [fact for fact in facts if fact.value]


def _measured(record: dict[str, Any]) -> list[Fact]:
    return [
        Fact("exact", _both(record["exact"])),
        Fact("observed", _both(record["observed"])),
        Fact("error", _error_of(record)),
        Fact("bound", _bound_of(record)),
        Fact("largest error", _largest_of(record)),
    ]


def _two_answers(record: dict[str, Any]) -> list[Fact]:
    return [
        Fact("first answer", _both(record["exact"])),
        Fact("second answer", _both(record["observed"])),
        Fact("difference", _difference(record)),
    ]


def _difference(record: dict[str, Any]) -> str:
    found = worst_element(record)
    return f"{measure(found.ulps)} ulps" if math.isfinite(found.ulps) else "not a number of ulps"


def _error_of(record: dict[str, Any]) -> str:
    """Return how far off the number shown is; where one of the two is not finite, that is all there is to say."""
    found = worst_element(record)
    if math.isfinite(found.ulps):
        return f"{measure(found.ulps)} ulps, {decimal(found.error)} {found.unit}"
    exact, observed = (escape_control_chars(from_hex(record[name])) for name in ("exact", "observed"))
    return "" if math.isnan(found.ulps) else f"∞: {observed} instead of {exact or 'another value'}"


def _bound_of(record: dict[str, Any]) -> str:
    found = worst_element(record)
    if found.accepted:
        return "not applied: this clause accepts the observed answer"
    if math.isnan(found.ratio) or record["bound"] in {"", "nan"}:
        return ""
    times = f"; error / bound {slack_of(found.ratio)}" if math.isfinite(found.ratio) else ""
    return f"{escape_control_chars(record['bound'])} {found.unit}{times}"


def _largest_of(record: dict[str, Any]) -> str:
    """Return the largest error of the regime's rows, in ulps and absolute, where another element has it."""
    found = worst_element(record)
    sizes = [
        f"{spelled(record[name])} {unit}"
        for name, mine, spelled, unit in (
            ("ulps", found.ulps, measure, "ulps"),
            ("nats", found.error, decimal, found.unit),
        )
        if math.isfinite(record[name]) and record[name] > mine and spelled(record[name]) != spelled(mine)
    ]
    return f"{', '.join(sizes)}; at another element of this regime" if sizes else ""


def impact_facts(record: dict[str, Any]) -> list[Fact]:
    """Return the finding's impact in practice and in a training; nothing if its row is not spelled out."""
    found = impact_of(record)
    return [] if found is None else [Fact("impact", found.sentence)]


def _both(spelled: str) -> str:
    number = from_hex(spelled)
    return escape_control_chars(spelled) if number == spelled else f"{number} ({escape_control_chars(spelled)})"


def inputs_of(spelled: str) -> list[Fact]:
    """Return a judgement's inputs by name, as text."""
    try:
        inputs = json.loads(spelled or "{}")
    except ValueError:
        return [Fact("inputs", escape_control_chars(spelled))]
    if not isinstance(inputs, dict):
        return [Fact("inputs", escape_control_chars(spelled))]
    return [
        Fact(escape_control_chars(str(name)), escape_control_chars(_fact_text(value))) for name, value in inputs.items()
    ]


def _fact_text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
