"""A sweep as a job array of a real Slurm, with tasks killed at random: the record that one process makes."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof.commands.command_line import main
from logitproof.errors import EXPECTED
from meta.sweeps.one_node_slurm import WAITING, Slurm, one_node, why_not

if TYPE_CHECKING:
    from pathlib import Path

WORDS = "sweep numpy --op softmax --op log_sum_exp --quantity value --range 0x40fff000:0x41001000"
SHARDS = 4
KILLS = 3
PATIENCE_SECONDS = 900.0


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_a_job_array_with_killed_tasks_makes_the_same_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*WORDS.split(), "-o", "here.sweep"]) == EXPECTED
    command = f"{shlex.quote(sys.executable)} -m logitproof {WORDS}"
    script = f"#!/bin/sh\nexec {command} --shard $SLURM_ARRAY_TASK_ID/{SHARDS} -o $SLURM_ARRAY_TASK_ID.sweep\n"
    (tmp_path / "job.sh").write_text(script)
    (tmp_path / "slurm").mkdir()
    with one_node(tmp_path / "slurm") as slurm:
        job = slurm("sbatch", "--parsable", f"--array=1-{SHARDS}", "--requeue", "job.sh")
        killed = run_with_kills(slurm, job)
    assert killed == KILLS
    parts = [f"{number}.sweep" for number in range(1, SHARDS + 1)]
    assert main(["merge", *parts, "-o", "all.sweep"]) == EXPECTED
    assert (tmp_path / "all.sweep").read_bytes() == (tmp_path / "here.sweep").read_bytes()


def run_with_kills(slurm: Slurm, job: str) -> int:
    """Kill tasks that run and queue again those that failed, until all are done; return how many were killed."""
    rng = np.random.default_rng(5)
    killed = 0
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        states = slurm.states(job)
        if states and set(states.values()) == {"COMPLETED"}:
            return killed
        for task in (task for task, state in states.items() if state not in WAITING | {"COMPLETED"}):
            slurm("scontrol", "requeue", f"{job}_{task}")
        running = [task for task, state in states.items() if state == "RUNNING"]
        if running and killed < KILLS:
            time.sleep(rng.uniform(0.0, 0.5))
            killed += _is_killed(slurm, f"{job}_{rng.choice(running)}")
        time.sleep(0.2)
    raise TimeoutError(f"after {PATIENCE_SECONDS:g} s: {slurm.states(job)}")


def _is_killed(slurm: Slurm, task: str) -> bool:
    """Kill the processes of a task; tell whether it ended by that."""
    try:
        slurm("scancel", "--signal=KILL", "--full", task)
    except subprocess.CalledProcessError:  # it was done
        return False
    end = time.monotonic() + 60.0
    while (state := slurm.states(task).get(task.partition("_")[2], "RUNNING")) in WAITING and time.monotonic() < end:
        time.sleep(0.1)
    return state not in {"COMPLETED", "RUNNING"}
