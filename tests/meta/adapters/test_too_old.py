"""A release that is too old to be judged is refused with one line, and left out where nobody asked for it."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof.errors import USAGE
from logitproof_adapters.catalogue import registry, too_old
from logitproof_adapters.catalogue.frameworks import PACKAGES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Install = Callable[[str, str], None]

TOO_OLD = (
    f"jax 0.4.13 is installed, and {PACKAGES['jax'].oldest} is the oldest release that is judged; "
    f'install a newer one with: python -m pip install "jax>={PACKAGES["jax"].oldest}"'
)
NUMPY_TOO_OLD = (
    "numpy 1.26.4 is installed, and 2.0 is the oldest release that is judged; "
    'install a newer one with: python -m pip install "numpy>=2.0"'
)
FEW = ("-k", "eager-softmax-value-float32 and typical")


def pretend(folder: Path, distribution: str, release: str) -> None:
    """Lay out in a folder what a release leaves in site-packages: its metadata, and a package without contents."""
    metadata = folder / f"{distribution.replace('-', '_')}-{release}.dist-info"
    metadata.mkdir()
    metadata.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {release}\n")
    if distribution != "numpy":
        (folder / distribution.replace("-", "_")).mkdir()
        (folder / distribution.replace("-", "_") / "__init__.py").touch()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that pretends in this process that a release is installed, and none of what really is."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *(place for place in sys.path if "site-packages" not in place)])
    return lambda distribution, release: pretend(tmp_path, distribution, release)


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python where the packages of a folder come first."""
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=surroundings)


@pytest.mark.parametrize(
    ("distribution", "package", "release"),
    [
        ("jax", "jax", "0.4.13"),
        ("tensorflow-cpu", "tensorflow", "2.15.1"),
        ("scikit-learn", "sklearn", "1.0"),
        ("onnxruntime-training", "onnxruntime", "1.16.3+cpu"),
        ("numpy", "numpy", "1.26.4"),
    ],
)
def test_an_older_release_is_refused_with_what_was_found_and_what_to_install(
    distribution: str, package: str, release: str, install: Install
) -> None:
    install(distribution, release)
    least = PACKAGES[package].oldest
    assert too_old.too_old(package) == (
        f"{distribution} {release} is installed, and {least} is the oldest release that is judged; "
        f'install a newer one with: python -m pip install "{distribution}>={least}"'
    )


@pytest.mark.parametrize("release", [PACKAGES["mlx"].oldest, "999", f"{PACKAGES['mlx'].oldest}+local", "of a night"])
def test_the_oldest_release_newer_ones_and_one_without_a_number_are_judged(release: str, install: Install) -> None:
    install("mlx", release)
    assert too_old.too_old("mlx") is None


def test_a_package_that_is_not_installed_or_that_no_adapter_asks_is_not_too_old(install: Install) -> None:
    install("none-of-ours", "0.1")
    assert too_old.too_old("none-of-ours") is None
    assert too_old.too_old("no_such_package") is None


def test_an_adapter_is_as_old_as_the_oldest_of_what_it_asks(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("jax", "0.4.13")
    assert registry.left_out() == [f"jax is left out: {TOO_OLD}"]
    install("optax", "999")
    importlib.invalidate_caches()
    assert registry.missing("optax") == TOO_OLD
    assert not registry.installed("optax")
    assert f"optax is left out: {TOO_OLD}" in registry.left_out()
    with pytest.raises(registry.MissingFramework) as caught:
        registry.load("jax")
    assert str(caught.value) == TOO_OLD
    # An adapter of another package knows for itself which releases it asks.
    monkeypatch.setattr(registry, "known", lambda: {"jax": "mine:Adapter"})
    assert registry.too_old("jax") is None


@pytest.mark.parametrize("program", ["command line", "pytest"])
def test_a_run_of_a_framework_that_is_too_old_is_wrong_usage_and_one_line(program: str, tmp_path: Path) -> None:
    pretend(tmp_path, "jax", "0.4.13")
    matrix = ("-m", "pytest", "-q", "--pyargs", "logitproof_conformance")
    command = ("-m", "logitproof", "run") if program == "command line" else matrix
    done = python(tmp_path, *command, "--framework", "jax")
    prefix = "logitproof: " if program == "command line" else "ERROR: "
    assert done.stderr.strip().splitlines() == [prefix + TOO_OLD]
    assert done.returncode == (USAGE if program == "command line" else pytest.ExitCode.USAGE_ERROR)


def test_a_run_of_all_frameworks_leaves_out_what_is_too_old_and_says_so(tmp_path: Path) -> None:
    pretend(tmp_path, "jax", "0.4.13")
    done = python(tmp_path, "-m", "logitproof", "run", *FEW)
    assert f"logitproof: jax is left out: {TOO_OLD}" in done.stderr.splitlines()
    assert "jax: starts" not in done.stdout + done.stderr
    listed = json.loads(python(tmp_path, "-m", "logitproof", "frameworks", "--json").stdout)
    assert {"jax": TOO_OLD}.items() <= {one["name"]: one["problem"] for one in listed}.items()


@pytest.mark.parametrize("where", [(), ("--python", sys.executable)])
def test_frameworks_are_listed_by_their_metadata_and_none_is_imported(where: tuple[str, ...], tmp_path: Path) -> None:
    pretend(tmp_path, "torch", "2.12.0")
    (tmp_path / "torch" / "__init__.py").write_text("raise SystemExit('imported')\n")
    done = python(tmp_path, "-m", "logitproof", "frameworks", *where, "--json")
    listed = {one["name"]: one for one in json.loads(done.stdout)}
    if not where:  # another interpreter does not see this one's modules
        assert listed["torch"] == {"name": "torch", "version": "2.12.0", "problem": ""}
    assert listed["numpy"] == {"name": "numpy", "version": np.__version__, "problem": ""}
    assert [name for name, one in listed.items() if bool(one["version"]) == bool(one["problem"])] == []


@pytest.mark.parametrize("command", [("run", "--framework", "numpy"), ("cache",)])
def test_beside_an_old_numpy_every_command_is_one_line(command: tuple[str, ...], tmp_path: Path) -> None:
    pretend(tmp_path, "numpy", "1.26.4")
    done = python(tmp_path, "-m", "logitproof", *command)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert done.stderr.splitlines() == [f"logitproof: {NUMPY_TOO_OLD}"]
    assert python(tmp_path, "-m", "logitproof", *command[:1], "--help").returncode == 0


def test_beside_an_old_numpy_the_matrix_is_wrong_usage(tmp_path: Path) -> None:
    pretend(tmp_path, "numpy", "1.26.4")
    done = python(tmp_path, "-m", "pytest", "-q", "--pyargs", "logitproof_conformance", "--framework", "numpy")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stderr.strip().splitlines() == [f"ERROR: {NUMPY_TOO_OLD}"]
