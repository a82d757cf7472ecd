"""The certificate of a diff: what was compared, how it came out, what was waived, and a hash of all that."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from logitproof.errors import UsageError
from logitproof_reports.diff.environment import versions
from logitproof_reports.runs.environment import package_version
from logitproof_reports.runs.schema import attributed

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from logitproof_reports.diff.report import DiffReport
    from logitproof_reports.runs.schema import Run

FORMAT = 1
_HASH = "sha256"


def certify(report: DiffReport, *, files: Mapping[str, Path], locks: Mapping[str, Sequence[str]], day: dt.date) -> str:
    """Return the certificate of a diff as JSON.

    Parameters
    ----------
    files : mapping from ``baseline`` and ``candidate`` to Path
        The run files, whose hashes it holds.
    locks : mapping from the same names to sequences of str
        Requirements of each environment; empty where it is not known.
    day : date
        When it was ruled: a waiver holds until a day.
    """
    diff, ruling = report.diff, report.ruling
    content = {
        "format": FORMAT,
        "logitproof": package_version("logitproof"),
        "date": day.isoformat(),
        "safe": ruling.safe,
        "headline": report.headline,
        "case_set": diff.after.case_set,
        "profile": diff.after.profile,
        "runs": {
            name: {_HASH: hash_of(files[name]), "lock": list(locks.get(name, ())), **_described(run)}
            for name, run in (("baseline", diff.before), ("candidate", diff.after))
        },
        "judgements": {change.word: number for change, number in diff.by_class()},
        "failing": int(ruling.failing.sum()),
        "fail_on": list(ruling.fail_on),
        "reasons": report.reasons,
        "waived": [vars(waived) for waived in ruling.waived],
    }
    return json.dumps({**content, _HASH: _digest(content)}, indent=2) + "\n"


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal.

    Raises
    ------
    UsageError
        It cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): check the path") from error


def _described(run: Run) -> dict[str, Any]:
    environments = [
        {name: fact for name, fact in environment.items() if name != "ledger"} for environment in attributed(run)
    ]
    return {"complete": run.complete, "versions": versions(run), "environments": environments}


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def verify(certificate: Path, run_files: Sequence[Path] = ()) -> str:
    """Check that a certificate is as it was written, and that the run files are among those it speaks of.

    Returns
    -------
    str
        Its headline.

    Raises
    ------
    UsageError
        It was altered, or is none, or a run file is not one of its own.
    """
    try:
        content = json.loads(certificate.read_bytes())
        stated, runs, told = content.pop(_HASH), content["runs"], str(content["headline"])
    except OSError as error:
        raise UsageError(f"{certificate} cannot be read ({error.strerror}): check the path") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{certificate} is no certificate of `logitproof upgrade`: pass its certificate.json"
        ) from error
    if stated != _digest(content):
        raise UsageError(
            f"{certificate} was altered after it was written: its hash does not match; run the upgrade again"
        )
    for path in run_files:
        if hash_of(path) not in {run[_HASH] for run in runs.values()}:
            raise UsageError(
                f"{path} is not one of the runs listed in {certificate}: it was altered, or is another run"
            )
    return told
