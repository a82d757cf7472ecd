"""The findings: what frameworks do wrong, similar deviations grouped, the most severe first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from logitproof.errors import UsageError
from logitproof_adapters.catalogue import ledger, registry
from logitproof_reference.training.impact import impact_of
from logitproof_reference.vocabulary.reasons import cause_of
from logitproof_reference.vocabulary.severity import MOST_SEVERE_FIRST, severity_of
from logitproof_reports.counting.worst import severity_rank
from logitproof_reports.runs.schema import attributed, framework_of
from logitproof_reports.words.text import distinct

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from logitproof_adapters.catalogue.ledger import Deviation
    from logitproof_reports.runs.schema import Run

_WRONG = ("deviates", "crashed", "void")

UNEXPECTED = "unexpected"
UPSTREAM_STATUSES = (UNEXPECTED, "to report", "reported", "documented")
"""What is known of a finding, the least known first."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Deviations of a framework with one reason.

    Attributes
    ----------
    effect : str
        A word of `EFFECTS`, the most severe of all that it does.
    framework, versions : str
        The adapter's name, and a PEP 440 specifier, of a run the version asked.
    machines : str
        The machines that show it, in words; empty where every machine does, or none is known that does not.
    upstream_status : str
        A word of `UPSTREAM_STATUSES`; ``unexpected`` only of a run.
    entries : tuple of str
        Ids of the ledger entries; none where it is unexpected.
    clauses, cells, regimes : tuple of str
        What is broken, and where: globs of cell ids and of regimes, of a run the ids and names themselves.
    reason : str
        What happens and why.
    upstream : str
        Link to a thread or the documentation, or the path of a text to file; see `Deviation.upstream`.
    judgements : int
        How many judgements of a run it explains; 0 of a ledger.
    slack : float
        Largest error / bound in a run; NaN if nothing was compared.
    worst : str
        ``CELL/REGIME`` of a run's worst judgement, for `logitproof explain`.
    impact : str
        Its impact in practice and in a training, where the run's worst row is spelled out.
    """

    effect: str
    framework: str
    versions: str
    machines: str
    upstream_status: str
    entries: tuple[str, ...]
    clauses: tuple[str, ...]
    cells: tuple[str, ...]
    regimes: tuple[str, ...]
    reason: str
    upstream: str
    judgements: int = 0
    slack: float = math.nan
    worst: str = ""
    impact: str = ""


def findings_of_ledgers(frameworks: Sequence[str] = ()) -> list[Finding]:
    """Return what the ledgers know of some frameworks, or of all.

    Raises
    ------
    UnknownFramework
        No adapter goes by one of these names.
    """
    for name in frameworks:
        registry.missing(name)  # raises where the name is unknown
    return _ranked(
        _told(name, alike) for name in frameworks or registry.known() for alike in _alike(ledger.load(name).deviations)
    )


def _alike(entries: Iterable[Deviation]) -> Iterable[list[Deviation]]:
    """Group the entries of a ledger by releases, machines, cause and upstream link."""

    def told(entry: Deviation) -> tuple[str, ...]:
        return entry.releases, entry.where, cause_of(entry.reason), entry.upstream

    return (list(alike) for _, alike in groupby(sorted(entries, key=lambda one: (told(one), one.reason)), told))


def _told(framework: str, alike: Sequence[Deviation]) -> Finding:
    one = alike[0]
    return Finding(
        effect=min((entry.effect for entry in alike), key=MOST_SEVERE_FIRST.index),
        framework=framework,
        versions=one.releases,
        machines=one.where,
        upstream_status=ledger.upstream_status_of(one.upstream),
        entries=tuple(entry.id for entry in alike),
        clauses=distinct(entry.clause for entry in alike),
        cells=distinct(cell for entry in alike for cell in entry.cells),
        regimes=distinct(regime for entry in alike for regime in entry.regimes),
        reason=one.reason,
        upstream=one.upstream,
    )


def findings_of_run(run: Run, frameworks: Sequence[str] = ()) -> list[Finding]:
    """Return what a run found, unexpected or known, of some of its frameworks or of all.

    Raises
    ------
    UsageError
        The run did not ask one of these frameworks.
    """
    environments = {name: one for one in attributed(run) for name in one.get("adapters") or ()}
    for name in frameworks:
        if name not in environments:
            raise UsageError(f'the run does not contain "{name}"; it contains {", ".join(sorted(environments))}')
    wrong = [record for record in run.table.to_pylist() if record["verdict"] in _WRONG]
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for record in wrong:
        if not frameworks or record["adapter"] in frameworks:
            known = _known(record, environments.get(record["adapter"], {}))
            groups.setdefault((record["adapter"], known, *_asked(record, known)), []).append(record)
    versions = {name: str(framework_of(one).get("version", "")) for name, one in environments.items()}
    return _ranked(
        _found(alike, versions.get(framework, ""), *known) for (framework, known, *_), alike in groups.items()
    )


def _known(record: dict[str, Any], environment: dict[str, Any]) -> tuple[str, str, str]:
    """Return cause, upstream and machines of the ledger entry that explains a judgement; empty if none does."""
    if not record["deviation"]:
        return "", "", ""
    entries = environment.get("ledger") or ()
    entry: dict[str, Any] = next((one for one in entries if one.get("id") == record["deviation"]), {})
    reason = cause_of(str(entry.get("reason") or record["deviation"]))
    tried = environment.get("tried") if entry.get("carried") else ""
    carried = f"recorded up to {tried}, still present: " if tried else ""
    return f"{carried}{reason}", str(entry.get("upstream") or ""), str(entry.get("machines") or "")


def _asked(record: dict[str, Any], known: tuple[str, str, str]) -> tuple[str, ...]:
    """Return what parts the unexpected judgements of a framework; those of one entry stay together."""
    return () if known[0] else tuple(record[name] for name in ("op", "labels", "quantity", "entry", "clause"))


def _found(alike: Sequence[dict[str, Any]], version: str, reason: str, upstream: str, machines: str) -> Finding:
    worst = min(alike, key=lambda record: (severity_rank(record), _least(record["slack"])))
    impact = impact_of(worst)
    return Finding(
        effect=severity_of(worst),
        framework=worst["adapter"],
        versions=version,
        machines=machines,
        upstream_status=ledger.upstream_status_of(upstream) if reason else UNEXPECTED,
        entries=tuple(sorted({record["deviation"] for record in alike} - {""})),
        clauses=distinct(record["clause"] for record in alike),
        cells=distinct(record["cell"] for record in alike),
        regimes=distinct(record["regime"] for record in alike),
        reason=reason or worst["reason"],
        upstream=upstream,
        judgements=len(alike),
        slack=worst["slack"],
        worst=f"{worst['cell']}/{worst['regime']}".rstrip("/"),
        impact=impact.sentence if impact else "",
    )


def _least(slack: float) -> float:
    """Return a number that is smaller where `slack` is larger, and 0 if nothing was compared."""
    return 0.0 if math.isnan(slack) else -slack


def _ranked(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(
        findings,
        key=lambda one: (
            MOST_SEVERE_FIRST.index(one.effect),
            UPSTREAM_STATUSES.index(one.upstream_status),
            one.framework,
            _least(one.slack),
            one.clauses,
        ),
    )
