"""From two run files to a diff, a ruling on it, and the files written about it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from logitproof.errors import EXPECTED, UNEXPECTED, USAGE
from logitproof.output import complain
from logitproof.upgrades.policy import Policy, found_policy, levels, read_policy
from logitproof_reports.diff.annotations import commands_for_job
from logitproof_reports.diff.compare import diff
from logitproof_reports.diff.environment import versions
from logitproof_reports.diff.to_json import as_json
from logitproof_reports.diff.to_markdown import diff_comment, diff_markdown
from logitproof_reports.diff.to_terminal import verdict_lines
from logitproof_reports.diff.write import write_diff_page
from logitproof_reports.runs.run_file import read_run
from logitproof_reports.runs.whole_files import append, refuse_unwritable, write_text_atomically

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logitproof_reports.diff.compare import Diff
    from logitproof_reports.diff.report import DiffReport

GITHUB_JOB = "GITHUB_ACTIONS"
"""Variable that is ``true`` in a GitHub job."""

JOB_SUMMARY = "GITHUB_STEP_SUMMARY"
"""Variable under which GitHub names the file that a job's summary is appended to."""


def compare_files(baseline: Path, candidate: Path, repeats: Sequence[Path] = ()) -> Diff:
    """Compare two run files.

    Parameters
    ----------
    baseline, candidate : Path
        Run files.
    repeats : sequence of Path
        Other runs of the baseline or of the candidate; each is compared with the one whose framework it has.

    Raises
    ------
    RunFileError
        A run cannot be read, or they judged other inputs.
    """
    # mimalloc, Arrow's own choice, keeps what one file needed while the next is read: half as much memory again.
    pa.set_memory_pool(pa.system_memory_pool())
    before, after = read_run(baseline), read_run(candidate)
    pairs = [(before if versions(run) == versions(before) else after, run) for run in map(read_run, repeats)]
    return diff(before, after, pairs)


def write_all(
    report: DiffReport, *, page: Path | None = None, as_data: Path | None = None, summary: Path | None = None
) -> None:
    """Write what is asked for: the page, the JSON, the Markdown; the latter also where a CI job wants it.

    Raises
    ------
    RunFileError
        A place cannot be written.
    """
    if page is not None:
        write_diff_page(report, page)
    for place, text in ((as_data, as_json), (summary, diff_markdown)):
        if place is not None:
            write_text_atomically(place, text(report))
    if job := os.environ.get(JOB_SUMMARY):
        append(Path(job), diff_markdown(report))


def refuse_unwritable_places(*places: Path | None) -> None:
    """Find out before anything is compared whether these files, and a CI job's summary, can be written.

    Raises
    ------
    RunFileError
        One cannot.
    """
    refuse_unwritable(places)
    if job := os.environ.get(JOB_SUMMARY):
        append(Path(job), "")


def write_comment(report: DiffReport, place: Path) -> None:
    """Write a comment for a pull request.

    Raises
    ------
    RunFileError
        The place cannot be written.
    """
    write_text_atomically(place, diff_comment(report))


def verdict_text(report: DiffReport) -> str:
    """Return what the command line prints of a diff: the verdict; in a GitHub job its annotations before."""
    annotated = commands_for_job(report) if os.environ.get(GITHUB_JOB) == "true" else []
    return "\n".join([*annotated, *verdict_lines(report)])


def exit_status(report: DiffReport) -> int:
    """Return 0 where the gate is open, 1 where it is shut, 2 where nothing can be said, which stderr says too."""
    if not report.comparable:
        complain(report.ruling.incomparable)
        return USAGE
    return EXPECTED if report.safe else UNEXPECTED


def policy_of(named: Path | None, fail_on: str | None) -> Policy:
    """Return the policy of a file, or of the project in this folder; the command line's `fail_on` goes before its own.

    Raises
    ------
    UsageError
        The policy cannot be meant.
    """
    path = named or found_policy(Path.cwd())
    policy = read_policy(path) if path else Policy()
    return replace(policy, fail_on=levels(fail_on)) if fail_on else policy
