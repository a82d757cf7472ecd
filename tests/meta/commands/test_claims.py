"""Every claim's verdict follows from its trials, the page shows what decided it, and frameworks answer themselves."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof.readers.claims import answers_of, ask_all
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_reference.claims.catalogue import CATALOGUE, answers_from, released_answers
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reports.report.claims_markdown import markdown_of_claims

if TYPE_CHECKING:
    from logitproof_reference.claims.model import Claim, Trial

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
TRIALS = {f"{claim.id}/{n}": trial for claim in CATALOGUE for n, trial in enumerate(claim.trials)}
BY_ID = {claim.id: claim for claim in CATALOGUE}
ASKED_OF_ISSUE = {
    "softmax-of-two-scores",
    "one-scalar",
    "loss-between-0-and-1",
    "strictly-between",
    "max-of-the-batch",
    "subtracting-the-maximum",
    "binary-is-two-classes",
    "log-of-softmax",
    "weights-mean-the-same",
}


@pytest.mark.parametrize("claim", CATALOGUE, ids=list(BY_ID))
def test_verdict_follows_from_the_trials(claim: Claim) -> None:
    assert claim.verdict in {"true", "true with a condition", "false"}
    assert claim.ruling() == claim.verdict
    assert bool(claim.condition) == (claim.verdict == "true with a condition")


def test_ids_are_unique_and_the_first_nine_are_there() -> None:
    assert len(BY_ID) == len(CATALOGUE)
    assert set(BY_ID) >= ASKED_OF_ISSUE


@pytest.mark.parametrize("trial", TRIALS.values(), ids=list(TRIALS))
def test_what_is_asked_is_held_exactly_or_rounded_by_its_format(trial: Trial) -> None:
    assert trial.format in trial.on or trial.format == "float32"
    for ask in trial.asks:
        assert ask.inputs(trial.format).logits.dtype == FORMATS[trial.format].dtype
        assert ask.exact(trial.format).dtype == FORMATS[trial.format].dtype


def naive(claim: str, *numbers: float) -> None:
    assert any(np.allclose(trial.outcome(trial.answers()).numbers, numbers, rtol=1e-4) for trial in BY_ID[claim].trials)


def test_numbers_are_those_of_a_pocket_calculator() -> None:
    e = math.exp
    naive("softmax-of-two-scores", e(0.5) / (e(0.5) + e(0.8)), e(0.8) / (e(0.5) + e(0.8)))
    naive("loss-between-0-and-1", -math.log(e(0.1) / (e(2) + e(1) + e(0.1))))
    naive("max-of-the-batch", 11.2125 / (11.2125 + 30.1928), 30.1928 / (11.2125 + 30.1928))
    naive("untrained-loss", math.log(10.0))
    naive("certain-means-zero", math.log1p(e(-20.0)))
    naive("epsilon-in-the-log", -math.log(e(-30.0) + 1e-8), 30.0)
    naive("weights-mean-the-same", (0.3132617 + 3 * 1.3132617) / 4, (0.3132617 + 3 * 1.3132617) / 2)
    naive("scaling-changes-nothing", 1 / (1 + e(1)), e(1) / (1 + e(1)), 1 / (1 + e(2)), e(2) / (1 + e(2)))


@pytest.mark.parametrize(
    ("format_", "last", "first"), [("float16", 8, 9), ("bfloat16", 6, 7), ("float32", 17, 18), ("float64", 37, 38)]
)
def test_a_probability_becomes_one_where_the_page_says(format_: str, last: int, first: int) -> None:
    threshold = (FORMATS[format_].precision + 1) * math.log(2.0)
    assert last < threshold < first
    assert f"{threshold:.1f} in {format_}" in BY_ID["strictly-between"].because


def test_the_control_gives_the_stored_answers() -> None:
    (found,) = ask_all(["numpy"])
    (stored,) = (one for one in released_answers() if one.framework == "numpy")
    assert {key: getattr(told, "holds", told) for key, told in found.outcomes.items()} == {
        key: getattr(told, "holds", told) for key, told in stored.outcomes.items()
    }


def test_stored_answers_are_of_every_trial_and_read_back() -> None:
    stored = released_answers()
    assert {one.framework for one in stored} >= {"jax", "numpy", "tensorflow", "torch"}
    assert all(set(one.outcomes) == set(TRIALS) for one in stored)
    assert answers_from({one.framework: one.to_data() for one in stored}) == stored


def test_the_page_of_claims_is_current() -> None:
    page = (ROOT / "docs" / "claims.md").read_text("utf-8")
    remedy = "logitproof claims --json -o docs/claims.md > reference/logitproof_reference/claims/answers.json"
    assert page == markdown_of_claims(CATALOGUE, released_answers()), remedy


def test_a_trial_that_raises_or_is_not_offered_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("not\ntoday")

    monkeypatch.setattr(NumpyAdapter, "evaluate", refuse)
    found = answers_of(NumpyAdapter())
    assert found.outcomes["one-scalar/0"] == "RuntimeError: not today"


def test_the_command_prints_verdicts_and_writes_the_page(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "logitproof", "claims", "--framework", "numpy", "-o", "claims.md"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=ENVIRONMENT)
    assert "FALSE: The softmax of [0.5, 0.8] is [0.3553, 0.6447]." in done.stdout
    assert "    numpy  no: 0.4255574" in done.stdout
    assert (tmp_path / "claims.md").read_text("utf-8").startswith("# Claims of tutorials")


def test_the_command_prints_json(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "logitproof", "claims", "--framework", "numpy", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=ENVIRONMENT)
    (found,) = answers_from(json.loads(done.stdout))
    assert set(found.outcomes) == set(TRIALS)
