"""The verdict on a run, in one sentence per framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from logitproof_reports.runs.schema import attributed, framework_of
from logitproof_reports.words.outcomes import OUTCOMES
from logitproof_reports.words.text import escape_control_chars, listed, plural

from .tally import tally_by
from .worst import most_severe_of

if TYPE_CHECKING:
    from logitproof_reports.runs.schema import Run

    from .run_table import Judged
    from .tally import Tally


NAMED = 4
"""Frameworks that a headline names; more are counted."""


def framework_versions(run: Run) -> dict[str, str]:
    """Return the version judged, by the framework's name in the run; a name is missing if no environment records it."""
    return {
        str(adapter): str(framework_of(environment).get("version", ""))
        for environment in attributed(run)
        for adapter in environment.get("adapters", ())
    }


def version_place(version: str) -> tuple[int, Version, str]:
    """Return the sort key of a version; those that are none come first, by their text."""
    try:
        return 1, Version(version), ""
    except InvalidVersion:
        return 0, Version("0"), version


def titled(run: Run, framework: str) -> str:
    """Return a framework's name with the version judged, e.g. ``torch 2.13.0``."""
    return escape_control_chars(f"{framework} {framework_versions(run).get(framework, '')}".strip())


def verdict_sentences(judged: Judged) -> dict[str, str]:
    """Return for each framework what came out, e.g. ``torch 2.13.0: 412 of 416 judgements conform, ...``."""
    return {
        framework: f"{titled(judged.run, framework)}: {_outcome_of(judged, framework, tally)}"
        for (framework,), tally in tally_by(judged, judged.framework).items()
    }


def _fixed(judged: Judged, framework: str) -> str:
    fixed = fixed_since(judged, framework)
    tried = newest_tried(judged.run, framework)
    return f" Fixed since {tried}: {escape_control_chars(listed(fixed))}." if fixed else ""


def _outcome_of(judged: Judged, framework: str, tally: Tally) -> str:
    if not tally.measured:
        return "nothing was measured."
    parts = [f"{tally.count('conforms'):,} of {tally.judged:,} judgements conform"]
    if tally.count("concern"):
        parts.append(OUTCOMES["concern"].count(tally.count("concern")))
    if tally.count("known"):
        parts.append(plural(tally.count("known"), "known deviation") + _carried(judged.run, framework))
    if tally.count("stale"):
        parts.append(OUTCOMES["stale"].count(tally.count("stale")))
    if not tally.unexpected:
        return ", ".join([*parts, "0 new."]) + _fixed(judged, framework)
    worst = _worst_of(judged, framework)
    return ", ".join([*parts, f"{tally.unexpected:,} new: {worst}."]) + _fixed(judged, framework)


def newest_tried(run: Run, framework: str) -> str:
    """Return the newest release that the framework's ledger was tried on, where the one judged is another.

    Empty where the release judged was tried, and where no entry of the ledger may explain anything of it.
    """
    environments = (one for one in attributed(run) if framework in one.get("adapters", ()))
    carried = (one for one in environments if any(entry.get("carried") for entry in one.get("ledger") or ()))
    return next((escape_control_chars(str(one.get("tried") or "")) for one in carried), "")


def still_known(run: Run, framework: str) -> str:
    """Return how the ledger knows the deviations of a release that it was not tried on; empty of one that it was."""
    tried = newest_tried(run, framework)
    if not tried:
        return ""
    older = _is_older(run, framework, tried)
    return f"recorded on {tried}, present here too" if older else f"recorded up to {tried}, still present"


def _carried(run: Run, framework: str) -> str:
    known = still_known(run, framework)
    return f" ({known})" if known else ""


def _is_older(run: Run, framework: str, tried: str) -> bool:
    try:
        return Version(framework_versions(run).get(framework, "")) < Version(tried)
    except InvalidVersion:
        return False


def fixed_since(judged: Judged, framework: str) -> list[str]:
    """Return the ledger entries that explain nothing in a release newer than those tried: fixed, it seems.

    Empty where the run did not judge all that was planned, and where no release was tried in its profile.
    """
    run, tried = judged.run, newest_tried(judged.run, framework)
    if not tried or _is_older(run, framework, tried):
        return []
    mine = [one for one in attributed(run) if framework in one.get("adapters", ()) and not one.get("shard")]
    carried = {str(entry["id"]) for one in mine for entry in one.get("ledger") or () if entry.get("carried")}
    return sorted(carried - set(run.table["deviation"].to_pylist())) if run.complete else []


def _worst_of(judged: Judged, framework: str) -> str:
    record = most_severe_of(judged, framework)
    if not record["clause"]:
        return escape_control_chars(record["reason"])
    cell = record["cell"].removeprefix(f"{framework}-")
    return escape_control_chars(f"worst {record['clause']} on {record['regime'] or 'the whole cell'} in {cell}")


def headline(judged: Judged) -> str:
    """Return the verdict on the whole run in one sentence."""
    tallies = tally_by(judged, judged.framework)
    red = [framework for (framework,), tally in tallies.items() if tally.unexpected]
    if not any(tally.measured for tally in tallies.values()):
        return "Nothing was measured."
    if red:
        count = sum(tally.unexpected for tally in tallies.values())
        return f"{plural(count, 'new failure')} in {_who(judged.run, red)}."
    if stale := sum(tally.count("stale") for tally in tallies.values()):
        who = _who(judged.run, [framework for (framework,), tally in tallies.items() if tally.count("stale")])
        return f"{OUTCOMES['stale'].count(stale).capitalize()} of {who}; no new failure."
    who = _who(judged.run, [framework for (framework,) in tallies])
    known = sum(tally.count("known") for tally in tallies.values())
    verb = "conforms" if len(tallies) == 1 else "conform"
    aside = f", except for {plural(known, 'known deviation')}" if known else ""
    return f"{who} {verb}{aside}{_of_a_part(judged.run)}."


def partial(run: Run) -> str:
    """Return why a run holds a part of the matrix alone, as a sentence; empty if it holds all."""
    if run.complete:
        return ""
    if run.choice:
        return f"Only the part chosen by {escape_control_chars(run.choice)} was tested."
    return "The run was interrupted or filtered: these are partial results. Run it again for a complete verdict."


def _of_a_part(run: Run) -> str:
    """Return of which part of the matrix a verdict is; empty if it is of all."""
    if run.complete:
        return ""
    chosen = escape_control_chars(run.choice)
    return f" in the part chosen by {chosen}" if chosen else " so far; the run is incomplete"


def _who(run: Run, frameworks: list[str]) -> str:
    """Return the frameworks by name and version, as long as they are few."""
    if len(frameworks) > NAMED:
        return f"{len(frameworks)} frameworks"
    return listed([titled(run, framework) for framework in frameworks])
