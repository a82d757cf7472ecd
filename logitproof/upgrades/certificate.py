"""The certificate of a diff: inputs, verdict and waivers; an in-toto Statement, signed or not.

Its predicate is a test result (https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md); what
that has no words for stands in its member ``logitproof``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from logitproof.errors import UsageError
from logitproof.upgrades.signatures import HASH, AlteredEnvelopeError, opened, sealed
from logitproof_reports.diff.environment import versions
from logitproof_reports.diff.ruling import LOOK, NOT_SAFE, SAFE
from logitproof_reports.runs.environment import package_version
from logitproof_reports.runs.input_files import read_whole
from logitproof_reports.runs.schema import attributed

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from logitproof_reports.diff.report import DiffReport
    from logitproof_reports.runs.schema import Run

FORMAT = 2
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
_RESULT = {SAFE: "PASSED", LOOK: "WARNED", NOT_SAFE: "FAILED"}


def certify(
    report: DiffReport,
    *,
    files: Mapping[str, Path],
    locks: Mapping[str, Sequence[str]],
    day: dt.date,
    key: Path | None = None,
) -> str:
    """Return the certificate of a diff as JSON.

    Parameters
    ----------
    files : mapping from ``baseline`` and ``candidate`` to Path
        The run files, whose hashes it holds.
    locks : mapping from the same names to sequences of str
        Requirements of each environment; empty if it is not known.
    day : date
        When it was ruled: a waiver holds until a day.
    key : Path, optional
        A private key to sign it with.
    """
    diff, ruling = report.diff, report.ruling
    content = {
        "format": FORMAT,
        "version": package_version("logitproof"),
        "date": day.isoformat(),
        "safe": report.safe,
        "headline": report.headline,
        "profile": diff.after.profile,
        "runs": {
            name: {HASH: hash_of(files[name]), "lock": list(locks.get(name, ())), **_described(run)}
            for name, run in (("baseline", diff.before), ("candidate", diff.after))
        },
        "judgements": {change.word: number for change, number in diff.by_class()},
        "failing": int(ruling.failing.sum()),
        "policy": report.policy,
        "fail_on": list(ruling.fail_on),
        "reasons": report.reasons,
        "waived": [vars(waived) for waived in ruling.waived],
    }
    of_causes = {gate_status: [cause.line for cause in report.of(gate_status)] for gate_status in ("blocks", "look")}
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {HASH: hash_of(path)}} for name, path in files.items()],
        "predicateType": PREDICATE,
        "predicate": {
            "result": _RESULT[report.word],
            "configuration": [{"name": "case set", "digest": {HASH: diff.after.case_set}}],
            "warnedTests": of_causes["look"],
            "failedTests": [*report.reasons, *of_causes["blocks"]],
            "logitproof": content,
        },
    }
    return sealed(statement, key)


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal.

    Raises
    ------
    RunFileError
        It cannot be read.
    """
    return hashlib.sha256(read_whole(path)).hexdigest()


def _described(run: Run) -> dict[str, Any]:
    environments = [
        {name: fact for name, fact in environment.items() if name != "ledger"} for environment in attributed(run)
    ]
    return {"complete": run.complete, "versions": versions(run), "environments": environments}


def verify(certificate: Path, run_files: Sequence[Path] = (), key: Path | None = None) -> list[str]:
    """Check that a certificate is as it was written, and that the run files are among those it speaks of.

    Returns
    -------
    list of str
        ``verified`` or ``intact`` with its headline, then what was checked, a line each.

    Raises
    ------
    UsageError
        It was altered, or is none, or this key did not sign it, or a run file is not one of its own.
    """
    try:
        statement, signed = opened(read_whole(certificate).decode(), key)
        subjects = {one["digest"][HASH]: one["name"] for one in statement["subject"]}
        headline = str(statement["predicate"]["logitproof"]["headline"])
    except AlteredEnvelopeError as problem:
        raise UsageError(f"{certificate} is not a certificate as `logitproof upgrade` wrote it: {problem}") from problem
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{certificate} is not a certificate of `logitproof upgrade`") from error
    checked = []
    for path in run_files:
        name = subjects.get(hash_of(path))
        if name is None:
            raise UsageError(
                f"{path} is not one of the runs listed in {certificate}: it was altered, or is another run"
            )
        checked.append(f"{path} is its {name}")
    if missing := sorted(set(subjects.values()) - {line.rpartition(" ")[2] for line in checked}):
        checked.append(f"not checked: its {' and '.join(missing)}; pass the run files")
    word = "verified" if key else "intact"
    return [f"{word}: {headline}", *(f"  {line}" for line in (_seal(key, signed=signed), *checked))]


def _seal(key: Path | None, *, signed: bool) -> str:
    if key:
        return f"signed by {key}"
    if signed:
        return "signed, by a key that was not checked: pass the public key with --key"
    return "not signed: its hash detects accidental changes, not deliberate ones"
