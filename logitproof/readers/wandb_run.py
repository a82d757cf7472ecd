"""A run in Weights & Biases, by its own library: metrics, the table of measurements, the page as an artifact.

Whether it goes to a server is wandb's to decide: ``WANDB_MODE=offline`` keeps it in a folder, for `wandb sync`.
"""

from __future__ import annotations

import math
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from logitproof.errors import UsageError
from logitproof.readers.training_steps import training_steps
from logitproof_conformance.training.wandb_log import PROJECT_VARIABLE
from logitproof_reports.counting.run_table import prepare
from logitproof_reports.counting.tally import tally_by
from logitproof_reports.counting.verdict import framework_versions
from logitproof_reports.exports.summary import sentences

if TYPE_CHECKING:
    from pathlib import Path

    from logitproof_reports.counting.run_table import Judged
    from logitproof_reports.runs.schema import Run

NOT_INSTALLED = "wandb is not installed: pip install 'logitproof[wandb]'"

COLUMNS = ("adapter", "mode", "op", "labels", "quantity", "format", "regime", "clause", "verdict", "ulps", "slack")


PROJECT = "logitproof"
"""Where runs are logged to."""


def track_trainings(project: str = PROJECT) -> None:
    """Let every worker that is started from now on log its trainings while they run.

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
    try:
        with wandb.init(project=project, job_type="report", config=_config(run)) as tracked:
            for step in training_steps(run):
                tracked.log(step)
            tracked.log(metrics(prepare(run)))
            tracked.log({"measurements": wandb.Table(columns=list(COLUMNS), data=rows(run))})
            tracked.summary["verdict"] = sentences(run)[0]
            artifact = wandb.Artifact("logitproof-report", type="report")
            artifact.add_file(str(page), name="report.html")
            tracked.log_artifact(artifact)
    except wandb.errors.Error as error:
        raise UsageError(
            f"wandb cannot log the run ({' '.join(str(error).split())}): set WANDB_MODE=offline"
        ) from error


def metrics(judged: Judged) -> dict[str, float]:
    """Return counts of judgements and the largest finite slack, by framework and clause family."""
    found: dict[str, float] = {}
    for (framework, family), tally in tally_by(judged, judged.framework, judged.family).items():
        name = f"{framework}/{family or 'whole'}"
        found |= {f"{name}/judged": tally.judged, f"{name}/unexpected": tally.unexpected}
        if math.isfinite(tally.slack):
            found[f"{name}/slack"] = tally.slack
    return found


def rows(run: Run) -> list[list[Any]]:
    """Return the measurements as wandb's tables take them; JSON knows no infinity: 1e308 stands for it."""
    records = run.table.select(COLUMNS).to_pylist()
    return [[_number(value) if name in {"ulps", "slack"} else value for name, value in one.items()] for one in records]


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else (None if math.isnan(value) else 1e308)


def _config(run: Run) -> dict[str, Any]:
    return {"profile": run.profile, "case_set": run.case_set, "versions": framework_versions(run)}
