"""The action and the workflow: steps run as a runner runs them, beside a Logitproof and a GitHub of our own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WORKFLOW_TEXT = (ROOT / "docs/ci/logitproof.yml").read_text(encoding="utf-8")
WORKFLOW: dict[str, Any] = yaml.safe_load(WORKFLOW_TEXT)
STEPS = {step["id"]: step for step in ACTION["runs"]["steps"] if "id" in step}
BASH = shutil.which("bash") or ""
LOGITPROOF = """#!/bin/bash
echo "$@" >> calls
mkdir -p upgrade
printf '<!-- logitproof -->\\n## Logitproof\\n' > upgrade/comment.md
exit "${EXIT:-0}"
"""
GH = """#!/bin/bash
echo "$@" >> calls
case "$*" in *--jq*) echo "$COMMENTS" ;; esac
"""

pytestmark = pytest.mark.skipif(not BASH, reason="there is no bash here")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a logitproof, a gh and a git that note how they are called in front of others."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bin").mkdir()
    for name, text in (("logitproof", LOGITPROOF), ("gh", GH), ("git", GH)):
        (tmp_path / "bin" / name).write_text(text, encoding="utf-8")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    return tmp_path


def run(step: str, **variables: str) -> int:
    """Run a step as the runner does, with these in place of the expressions of its ``env``."""
    environment = {**os.environ, **dict.fromkeys(STEPS[step].get("env", {}), ""), "OUTPUT": "upgrade", **variables}
    command = [BASH, "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[step]["run"]]
    return subprocess.run(command, env=environment, check=False).returncode


def calls() -> list[str]:
    return Path("calls").read_text(encoding="utf-8").splitlines()


def test_a_pull_request_is_compared_with_its_base_branch_and_its_status_kept() -> None:
    assert run("upgrade", BASE="main", EXIT="1") == 0
    assert calls() == ["fetch --quiet --depth=1 origin main", "upgrade --from git:FETCH_HEAD -o upgrade"]
    assert Path("output").read_text(encoding="utf-8") == "status=1\n"
    assert [run("gate", STATUS=status) for status in ("0", "1", "3")] == [0, 1, 3]


def test_sides_and_arguments_are_passed_on_and_a_side_is_needed() -> None:
    assert run("upgrade", FROM="jax==0.9.2", TO="jax", ARGUMENTS="--framework jax -k eager") == 0
    assert calls() == ["upgrade --from jax==0.9.2 --to jax -o upgrade --framework jax -k eager"]
    assert run("upgrade") != 0


@pytest.mark.parametrize(("comments", "method"), [("", "POST"), ("17\n18", "PATCH")])
def test_there_is_one_comment_which_is_kept_up_to_date(comments: str, method: str) -> None:
    run("upgrade", FROM="a", TO="b")
    assert run("comment", REPOSITORY="me/shop", NUMBER="5", COMMENTS=comments) == 0
    place = "issues/comments/17" if comments else "issues/5/comments"
    assert calls()[-1] == f"api --method {method} repos/me/shop/{place} -F body=@upgrade/comment.md"


def test_without_a_verdict_there_is_no_comment() -> None:
    assert run("comment", REPOSITORY="me/shop", NUMBER="5") == 0
    assert not Path("calls").exists()


def test_what_is_used_is_pinned_by_its_hash_and_no_expression_stands_in_a_script() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8") + WORKFLOW_TEXT
    used = re.findall(r"uses: (\S+)", text)
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}|\./\.logitproof", one) for one in used)
    assert not [step for step in STEPS.values() if "${{" in step.get("run", "")]


def test_a_dispatched_release_goes_to_its_own_package_alone_and_every_input_is_known() -> None:
    steps = WORKFLOW["jobs"]["newest"]["steps"]
    assert all("env.CHOSEN == 'true'" in step["if"] for step in steps)
    given = [
        step["with"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if step["uses"] == "./.logitproof"
    ]
    assert len(given) == len(WORKFLOW["jobs"])
    assert all(set(one) <= set(ACTION["inputs"]) for one in given)
