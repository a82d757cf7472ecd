"""What frameworks compiled is kept by what decides it, and never taken from a run that may be using it."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from logitproof.matrix import compiler_caches
from logitproof.matrix.compiler_caches import MOST_FOLDERS
from logitproof.matrix.process_environment import (
    WITHOUT_CACHES,
    cache_variables,
    kernel_cache_variables,
    with_patient_threads,
    with_programs_of_kernels,
)
from logitproof_adapters.targets.target import here, interpreter
from logitproof_reference.answers.cache_folder import COMPILED
from logitproof_reports.runs import environment


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a cache with more folders than are kept: half of them used today, half a week ago."""
    monkeypatch.setenv("LOGITPROOF_CACHE_DIR", str(tmp_path))
    for name in cache_variables(here()):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / COMPILED
    for number in range(2 * MOST_FOLDERS):
        (folder / f"old{number}").mkdir(parents=True)
        used = time.time() - (number % 2) * 7 * 24 * 3600
        os.utime(folder / f"old{number}", (used, used))
    return folder


def test_only_folders_that_no_run_may_be_using_go(kept: Path) -> None:
    cache_variables(here())
    left = {path.name for path in kept.iterdir()}
    assert {f"old{number}" for number in range(0, 2 * MOST_FOLDERS, 2)} < left
    assert not {f"old{number}" for number in range(1, 2 * MOST_FOLDERS, 2)} & left


def test_an_interpreter_keeps_what_it_compiled_and_its_bytecode_apart(kept: Path) -> None:
    del kept
    own, other = cache_variables(here()), cache_variables(interpreter(sys.executable))
    assert own["TORCHINDUCTOR_CACHE_DIR"] != other["TORCHINDUCTOR_CACHE_DIR"]
    assert "LOGITPROOF_BYTECODE" in other
    assert "LOGITPROOF_BYTECODE" not in own


def test_a_number_of_threads_or_processors_keeps_its_own(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del kept
    folders = [cache_variables(here())["JAX_COMPILATION_CACHE_DIR"]]
    monkeypatch.setattr(environment, "usable_cores", lambda: 3)
    folders.append(cache_variables(here())["JAX_COMPILATION_CACHE_DIR"])
    for name in ("OMP_NUM_THREADS", "NPROC", "NUM_CPU_THREADS"):
        monkeypatch.setenv(name, "3")
        folders.append(cache_variables(here())["JAX_COMPILATION_CACHE_DIR"])
    assert len(set(folders)) == len(folders)


def test_programs_of_kernels_lie_apart_and_those_written_first_go(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_runs = cache_variables(here())["JAX_COMPILATION_CACHE_DIR"]
    folder = Path(kernel_cache_variables(here())["JAX_COMPILATION_CACHE_DIR"])
    assert folder.is_relative_to(kept)
    assert str(folder) != of_runs
    for age in range(4):
        (folder / f"program{age}").write_bytes(bytes(10))
        os.utime(folder / f"program{age}", (time.time() - age, time.time() - age))
    monkeypatch.setattr(compiler_caches, "MOST_KERNEL_BYTES", 25)
    kernel_cache_variables(here())
    assert {file.name for file in folder.iterdir()} == {"program0", "program1"}


def test_the_users_own_folder_of_programs_of_jax_is_left_to_jax(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del kept
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/somewhere")
    assert kernel_cache_variables(here()) == {}
    assert with_programs_of_kernels(here(), fresh=True).variables == WITHOUT_CACHES


def test_waiting_threads_sleep_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert with_patient_threads(here()).variables == {"OMP_WAIT_POLICY": "passive"}
    asked = replace(here(), env={"OMP_WAIT_POLICY": "active"})
    assert with_patient_threads(asked).variables == {"OMP_WAIT_POLICY": "active"}
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    assert with_patient_threads(here()).environment["OMP_WAIT_POLICY"] == "active"
