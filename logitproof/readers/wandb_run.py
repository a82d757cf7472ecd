"""A run in Weights & Biases, by its own library: findings, judgements, counts; page and run file as artifacts.

Whether it goes to a server is wandb's to decide: ``WANDB_MODE=offline`` keeps it in a folder, for `wandb sync`.
"""

from __future__ import annotations

import math
import os
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from logitproof.errors import UsageError
from logitproof.readers.training_steps import training_steps
from logitproof_adapters.catalogue.pip_extras import install_line
from logitproof_conformance.training.wandb_log import PROJECT_VARIABLE
from logitproof_reports.counting.run_table import prepare
from logitproof_reports.counting.tally import tally_by
from logitproof_reports.counting.verdict_sentences import framework_versions, titled
from logitproof_reports.exports.summary import sentences
from logitproof_reports.report.findings import findings_of
from logitproof_reports.runs.run_file import write_run
from logitproof_reports.words.outcomes import BY_RANK
from logitproof_reports.words.text import slack_of

if TYPE_CHECKING:
    from logitproof_reports.counting.run_table import Judged
    from logitproof_reports.runs.schema import Run

NOT_INSTALLED = f"wandb is not installed: {install_line('wandb')}"

FINDING_COLUMNS = (
    *("outcome", "severity", "framework", "version", "function", "clause", "judgements", "error / bound", "worst"),
    *("cause", "reason"),
)
WORDS = ("adapter", "mode", "op", "labels", "quantity", "format", "regime", "clause", "deviation")
COLUMNS = (*WORDS, "outcome", "ulps", "slack", "error / bound")
"""Columns of the table of judgements: `outcome` distinguishes known from new deviations; the last may be infinite."""

TAG_CHARACTERS = 64
"""Longer tags are refused."""

STEP = "training/step"
"""What the charts of trainings are drawn over."""

PROJECT = "logitproof"
"""Where runs are logged to."""


def track_trainings(project: str = PROJECT) -> None:
    """Let every worker that is started from now on log each training when it ends.

    Raises
    ------
    UsageError
        The library is not installed.
    """
    if find_spec("wandb") is None:
        raise UsageError(NOT_INSTALLED)
    os.environ[PROJECT_VARIABLE] = project


def track(run: Run, page: Path, project: str = PROJECT) -> None:
    """Log a run to Weights & Biases.

    Raises
    ------
    UsageError
        The library is not installed, or it cannot log.
    """
    try:
        import wandb  # noqa: PLC0415  an extra
    except ImportError as error:
        raise UsageError(NOT_INSTALLED) from error
    judged = prepare(run)
    try:
        with wandb.init(**_about(run, judged, project)) as tracked:
            findings, judgements = finding_rows(judged), rows(judged)
            tracked.log({"findings": wandb.Table(columns=list(FINDING_COLUMNS), data=findings)})
            wandb.Table.MAX_ROWS = max(wandb.Table.MAX_ROWS, len(judgements))
            tracked.log({"judgements": wandb.Table(columns=list(COLUMNS), data=judgements)})
            tracked.define_metric(STEP)
            tracked.define_metric("training/*", step_metric=STEP)
            for number, step in enumerate(training_steps(run)):
                tracked.log({STEP: number, **{f"training/{name}": value for name, value in step.items()}})
            tracked.summary.update({"verdict": sentences(run)[0], **metrics(judged)})
            with TemporaryDirectory() as folder:
                run_file = Path(folder, "run.parquet")
                write_run(run_file, run)
                artifact = wandb.Artifact("logitproof-report", type="report")
                for path, name in ((page, "report.html"), (run_file, "run.parquet")):
                    artifact.add_file(str(path), name=name)
                tracked.log_artifact(artifact)
    except wandb.errors.Error as error:
        raise UsageError(
            f"wandb cannot log the run ({' '.join(str(error).split())}): set WANDB_MODE=offline"
        ) from error


def _about(run: Run, judged: Judged, project: str) -> dict[str, Any]:
    """Return what names a run in the lists of Weights & Biases, and what its runs are filtered and grouped by."""
    frameworks = judged.framework.words
    versions = framework_versions(run)
    return {
        "project": project,
        "job_type": "report",
        "name": ", ".join(titled(run, name) for name in frameworks) or "nothing measured",
        "tags": [name[:TAG_CHARACTERS] for name in (*frameworks, run.profile)],
        "group": f"{run.profile} {run.case_set[:12]}",
        "config": {
            "profile": run.profile,
            "case_set": run.case_set,
            **{f"version/{name}": versions.get(name, "") for name in frameworks},
            "origins": [origin.as_json() for origin in run.origins],
            "environments": [
                {name: value for name, value in one.items() if name not in {"ledger", "dialects"}}
                for one in run.environments
            ],
        },
    }


def metrics(judged: Judged) -> dict[str, float]:
    """Return counts of judgements and the largest finite error / bound, by framework and clause family."""
    found: dict[str, float] = {}
    for (framework, family), tally in tally_by(judged, judged.framework, judged.family).items():
        name = f"{framework}/{family or 'whole'}"
        found |= {f"{name}/judged": tally.judged, f"{name}/new": tally.unexpected}
        found[f"{name}/known"] = tally.count("known")
        if math.isfinite(tally.slack):
            found[f"{name}/error_over_bound"] = tally.slack
    return found


def finding_rows(judged: Judged) -> list[list[Any]]:
    """Return the findings, the worst first, as rows of `FINDING_COLUMNS`."""
    versions = framework_versions(judged.run)
    return [
        [
            one.outcome.label,
            one.effect,
            one.framework,
            versions.get(one.framework, ""),
            one.question,
            one.clause,
            one.number,
            one.ratio,
            one.brief,
            one.cause,
            one.reason,
        ]
        for one in findings_of(judged)[0]
    ]


def rows(judged: Judged) -> list[list[Any]]:
    """Return all judgements as rows of `COLUMNS`, worst first; numbers that are not finite are None."""
    order = judged.worst_first
    table = judged.table.select(WORDS).take(order).to_pydict()
    outcomes = [BY_RANK[rank].label for rank in judged.rank[order].tolist()]
    ulps, slack = judged.ulps[order].tolist(), judged.slack[order].tolist()
    ratios = ["" if math.isnan(number) else slack_of(number) for number in slack]
    measured = (map(_finite, ulps), map(_finite, slack), ratios)
    return [list(row) for row in zip(*table.values(), outcomes, *measured, strict=True)]


def _finite(value: float) -> float | None:
    """Return a number that JSON has; None for the others."""
    return value if math.isfinite(value) else None
