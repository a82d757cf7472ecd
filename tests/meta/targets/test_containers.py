"""The documented command of a container, with a stand-in for docker: another root, no variables, no files of this one.

No engine runs it: the stand-in takes `docker run -i --rm IMAGE COMMAND` and starts the command in namespaces of its own
(mounts, processes), with the image as its root.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_adapters.targets.target import named
from logitproof_reference.vocabulary.cells import Cell, Inputs
from logitproof_reports.runs.run_file import read_run
from meta.targets.test_targets import logitproof

if TYPE_CHECKING:
    from logitproof_adapters.targets.target import Target

UNSHARED = ("unshare", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child")
SYSTEM = ("/usr", "/lib", "/lib64", "/bin")
DOCKER = """#!/bin/sh
test "$1 $2 $3" = "run -i --rm" || exit 125
image=$4
shift 4
exec {unshare} sh -c '
    root=$1
    shift
    {mounts}
    PATH=$PATH:/usr/sbin
    exec chroot "$root" /usr/bin/env -i PATH=/python/bin:/usr/bin {variables} "$@"
' sh "$image" "$@"
"""
VARIABLES = "LD_LIBRARY_PATH=/python/lib PYTHONPATH=/packages"
"""Of the image: where its Python has its library, and NumPy."""

CELL = Cell("numpy", "eager", "softmax", "value", "float32")
ROW = np.array([[0.5, -np.inf, 3.0]], np.float32)


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """Return the target of the page, where `docker` is the stand-in and the image holds this Python and NumPy alone."""
    tried = shutil.which("unshare") and subprocess.run([*UNSHARED, "true"], check=False, capture_output=True)
    if not tried or tried.returncode:
        pytest.skip("processes cannot be given namespaces of their own here")
    image, packages = tmp_path / "serving:1.4", Path(np.__file__).parents[1]
    inside = {Path(sys.base_prefix): "python", **{Path(place): place.strip("/") for place in SYSTEM}}
    inside |= {one: f"packages/{one.name}" for one in packages.glob("numpy*") if one.is_dir()}
    for name in [*inside.values(), "dev", "proc", "tmp"]:
        (image / name).mkdir(parents=True)
    (image / "dev/null").touch()
    mounts = [f'mount --bind {place} "$root/{name}"' for place, name in inside.items() if place.exists()]
    mounts += ['mount --bind /dev/null "$root/dev/null"', 'mount -t proc proc "$root/proc"']
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    words = {"unshare": " ".join(UNSHARED), "mounts": "\n    ".join(mounts), "variables": VARIABLES}
    docker.write_text(DOCKER.format(**words))
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    Path("logitproof.toml").write_text(
        '[target.prod]\ncommand = ["docker", "run", "-i", "--rm", "serving:1.4", "python"]\nenv = { WORD = "there" }\n'
    )
    return named("prod")


def test_a_framework_is_judged_in_a_container(container: Target) -> None:
    program = "import os\nprint(os.environ['WORD'], os.environ.get('HOME'), sorted(os.listdir('/')))"
    with RemoteAdapter("numpy", container) as there, RemoteAdapter("numpy", named("prod")) as again:
        answers = [adapter.evaluate(CELL, Inputs(ROW, 1)).tobytes() for adapter in (there, again)]
        told = there.run_alone(program, {}, 60)
    assert answers[0] == answers[1]
    assert told.stdout.split()[:2] == ["there", "None"], told.stderr
    assert "packages" in told.stdout
    assert "root" not in told.stdout


def test_a_run_in_a_container_has_the_judgements_of_one_without(container: Target, tmp_path: Path) -> None:
    del container
    cases = ["-k", "eager-softmax-value-float32 and typical", "--framework", "numpy"]
    for name, where in (("here", []), ("there", ["--target", "prod"])):
        done = logitproof(tmp_path, "run", *cases, *where, "-o", f"{name}.parquet")
        assert done.returncode == 0, done.stdout + done.stderr
    done = logitproof(tmp_path, "diff", "here.parquet", "there.parquet")
    assert "4 cells identical in bits" in done.stdout, done.stdout
    (environment,) = read_run(tmp_path / "there.parquet").environments
    assert (environment["target"], environment["python"]) == ("prod", platform.python_version())


def test_nothing_of_a_container_is_left_where_its_process_dies(container: Target, tmp_path: Path) -> None:
    with RemoteAdapter("numpy", container) as there:
        there.evaluate(CELL, Inputs(ROW, 1))
        assert there.link is not None
        there.link._process.kill()  # what a client of an engine may come to
    deadline = time.monotonic() + 30
    while (left := _running_in(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left


def _running_in(folder: Path) -> list[str]:
    """Return the processes whose root lies in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found += [process.name] if (process / "root").readlink().is_relative_to(folder) else []
        except OSError:
            continue
    return found
