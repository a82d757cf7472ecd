"""When a run was made, how long it took, by which command, from which commit and on which machine, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from logitproof_reports.runs.origin import MODIFIED
from logitproof_reports.words.text import escape_control_chars, plural

if TYPE_CHECKING:
    from collections.abc import Iterable

    from logitproof_reports.runs.origin import Origin
    from logitproof_reports.runs.schema import Run

COMMIT_DIGITS = 12

Facts = list[tuple[str, str]]


def making_of(run: Run) -> Facts:
    """Return date, duration, command, commit, machine and software of a run; what it does not record is missing.

    Of several origins or machines that differ it returns how many there are; a part without an origin is mentioned.
    """
    facts = [("date", _dates(run)), ("duration", _durations(run))]
    known = [dict(facts_of_origin(origin)) for origin in run.origins]
    facts += [(name, _the_one(one.get(name, "not recorded") for one in known)) for name in ("command", "commit")]
    facts = [(name, value) for name, value in facts if value not in {"", "not recorded"}]
    for name, told in (("machine", _machine), ("Python", _python), ("Logitproof", _own_version)):
        facts.append((name, _the_one(map(told, run.environments))))
    return [(name, escape_control_chars(value)) for name, value in facts if value]


def facts_of_origin(origin: Origin) -> Facts:
    """Return what one origin tells, ready to be shown."""
    facts = [
        ("date", f"{_minute_of(origin.started)} UTC"),
        ("duration", duration(origin.seconds)),
        ("command", origin.command),
        ("commit", commit(origin)),
    ]
    return [(name, escape_control_chars(value)) for name, value in facts if value]


def sentence_of(run: Run) -> str:
    """Return the same as a sentence, e.g. ``Made 2026-01-31 12:00 UTC in 58 s, ...``; empty if nothing is known."""
    facts = dict(making_of(run))
    when = f"Made {facts['date']} in {facts['duration']}" if "date" in facts else ""
    rest = [f"{name} {facts[name]}" for name in ("command", "commit", "machine") if name in facts]
    return "; ".join(filter(None, [when, *rest])) + "." if when else ""


def duration(seconds: float) -> str:
    """Return a duration in words.

    >>> duration(58.4), duration(200), duration(3900)
    ('58 s', '3 min 20 s', '1 h 5 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def commit(origin: Origin) -> str:
    """Return the short form of an origin's commit, and whether files differed from it."""
    changed = " with modified files" if origin.commit.endswith(MODIFIED) else ""
    return origin.commit[:COMMIT_DIGITS] + changed


def _minute_of(time: str) -> str:
    """Return ``2026-01-31 12:00`` for ``2026-01-31T12:00:00Z``."""
    return time[:16].replace("T", " ")


def _dates(run: Run) -> str:
    times = sorted(_minute_of(origin.started) for origin in run.origins)
    if not times:
        return ""
    first, last = times[0], times[-1]
    span = first if first == last else f"{first} to {last.removeprefix(first[:11])}"
    made = {adapter for origin in run.origins for adapter in origin.adapters}
    others = len(set(run.table["adapter"].unique().to_pylist()) - made)
    return f"{span} UTC" + (f"; not recorded for {plural(others, 'other framework')}" if others else "")


def _durations(run: Run) -> str:
    whole = sum(origin.seconds for origin in run.origins)
    if len(run.origins) < 2:
        return duration(whole) if run.origins else ""
    return f"{duration(whole)}, the sum of {len(run.origins)} runs"


def _the_one(values: Iterable[str]) -> str:
    words = list(dict.fromkeys(filter(None, values)))
    return words[0] if len(words) == 1 else "differs between the runs, see Environment" if words else ""


def _machine(environment: dict[str, Any]) -> str:
    cores = environment.get("cores")
    words = (environment.get("cpu"), f"{cores} cores" if cores else "", environment.get("os"))
    return ", ".join(str(word) for word in words if word)


def _python(environment: dict[str, Any]) -> str:
    return str(environment.get("python") or "")


def _own_version(environment: dict[str, Any]) -> str:
    packages = environment.get("packages")
    return str(packages.get("logitproof") or "") if isinstance(packages, dict) else ""
