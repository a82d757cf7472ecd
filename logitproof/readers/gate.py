"""The gate of a run: which verdicts make the exit status 1, and what to look at first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof.errors import EXPECTED, UNEXPECTED
from logitproof_adapters.catalogue.tried_machines import unshared
from logitproof_reports.counting.run_table import prepare
from logitproof_reports.counting.tally import tally_by
from logitproof_reports.counting.verdict_sentences import newest_tried
from logitproof_reports.counting.worst import most_severe_of
from logitproof_reports.runs.environment import facts_of
from logitproof_reports.runs.schema import attributed
from logitproof_reports.words.outcomes import OUTCOMES
from logitproof_reports.words.text import escape_control_chars, plural

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from logitproof_reports.counting.run_table import Judged
    from logitproof_reports.counting.tally import Tally
    from logitproof_reports.runs.schema import Run

FAIL_ON = {
    "known": "like `new`, and every deviation with a ledger entry",
    "carried": "like `new`, and deviations whose entry was not tested on this release",
    "new": "deviations without a ledger entry, crashes, and stale ledger entries",
    "recorded": "like `new`; on machines that the ledgers were not tested on, only crashes and cells without a "
    "measurement fail",
    "never": "only a run that measured nothing",
}
"""The gates, from the narrowest: what each fails on."""


def exit_code(run: Run, gate: str = "new") -> int:
    """Return 0 where a run passes the gate of this name (one of `FAIL_ON`), and 1 where it does not."""
    judged = prepare(run)
    tallies = tally_by(judged, judged.framework)
    measured = any(tally.judged for tally in tallies.values())
    shut = any(_is_shut(gate, run, framework, tally) for (framework,), tally in tallies.items())
    return EXPECTED if measured and not shut else UNEXPECTED


def _is_shut(gate: str, run: Run, framework: str, tally: Tally) -> bool:
    new = tally.unexpected + tally.count("stale")
    broken_down = tally.count("crashed") + tally.count("void")
    failing = {
        "known": new + tally.count("known"),
        "carried": new + (tally.count("known") if newest_tried(run, framework) else 0),
        "new": new,
        "recorded": broken_down if unshared_facts(run, framework) else new,
        "never": 0,
    }
    return failing[gate] > 0


def unshared_facts(run: Run, framework: str) -> str:
    """Return what the machine of a framework's run has or lacks that no recorded machine shares; see `unshared`."""
    environments = (one for one in attributed(run) if framework in one.get("adapters", ()))
    return next((unshared(facts_of(one)) for one in environments), "")


def first_steps(run: Run, run_file: Path | None = None, place: str = "") -> Iterator[str]:
    """Yield what to know and to do where verdicts are left that no ledger entry explains; nothing if none is.

    Parameters
    ----------
    run : Run
        What was judged.
    run_file : Path, optional
        Where it lies, if it lies in one file, for the command that shows the worst of them.
    place : str
        Options that choose where that command evaluates, e.g. ``--python /opt/venv/bin/python``.
    """
    judged = prepare(run)
    for (framework,), tally in tally_by(judged, judged.framework).items():
        if not tally.measured and tally.unexpected:
            name = escape_control_chars(framework)
            yield f"{name}: check what was selected; `logitproof frameworks` lists what is offered"
        elif tally.unexpected or tally.count("stale"):
            options = f" --run {run_file}" if run_file else ""
            yield from _steps(judged, framework, tally, f"{options} {place}".rstrip())


def _steps(judged: Judged, framework: str, tally: Tally, options: str) -> Iterator[str]:
    counts = [plural(tally.unexpected, "verdict") + " without a ledger entry"] if tally.unexpected else []
    counts += [OUTCOMES["stale"].count(tally.count("stale"))] if tally.count("stale") else []
    facts = unshared_facts(judged.run, framework)
    machine = f"the ledger was tested on no machine {facts}" if facts else "the ledger was tested on such machines"
    yield escape_control_chars(f"{framework}: {', '.join(counts)}; {machine}")
    worst = most_severe_of(judged, framework) if tally.unexpected else {"clause": ""}
    if worst["clause"]:
        cell = f"{worst['cell']}/{worst['regime']}".rstrip("/")
        yield escape_control_chars(f"  show the worst: logitproof explain {cell}{options}")
