"""Every command that README and docs show is run in a small form, or listed with the reason why not."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from logitproof.commands.command_line import main
from logitproof.errors import EXPECTED, UNEXPECTED
from logitproof_reports.runs.run_file import write_run
from meta.reports.synthetic_runs import green, run_of, three_frameworks

if TYPE_CHECKING:
    from logitproof_reports.runs.schema import Run

ROOT = Path(__file__).resolve().parents[3]
PAGES = {path.name: path.read_text("utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
FEW = "-k 'softmax and value and float32 and typical'"
"""A fraction of the cells of the control: the small form of a run."""

INDEX = "needs releases from a package index: tests/meta/commands/test_upgrade.py has one of its own"
NIGHTLY = "needs an index of nightly builds: tests/meta/commands/test_channel.py has one of its own"
SESSION = "a session of nox, which continuous integration runs"
SWEEPS = "hours; tests/meta/sweeps/test_sweep.py sweeps few rows of the control, in units, shards and processes"
WORST = "takes a minute; tests/meta/sweeps/test_worst.py searches the control and measures a witness again"
ATLAS = "reads what sweeps wrote; tests/meta/sweeps/test_atlas.py runs it"
KERNELS = "tests/meta/commands/test_kernel_tutorial.py runs it and holds its output against the page"

NOT_RUN = {
    'python -m pip install "nox[uv]" && python -m nox': "installs frameworks; each of its sessions is listed here",
    "python -m pip install .": "nox -s wheel installs the wheel and runs it",
    "python -m nox -s tests": SESSION,
    "python -m nox -s machines": SESSION,
    "python -m nox -s machines -- mlx onnxruntime": SESSION,
    "logitproof run --resume -o run.parquet": "tests/meta/conformance/test_isolation.py kills a run and continues it",
    "logitproof prepare --framework torch": "tests/meta/commands/test_prepare.py",
    "logitproof run --framework torch --device cuda:0 -o cuda.parquet": "needs an accelerator; see test_devices.py",
    "logitproof run --framework scipy_adapter:ScipyAdapter": "tests/meta/project/test_readme.py runs this very adapter",
    "logitproof check fused:loss --op softmax_cross_entropy --format float32": KERNELS,
    "logitproof check fused:repaired --op softmax_cross_entropy --format float32": KERNELS,
    "logitproof check fused:guarded --op softmax_cross_entropy --format float32": KERNELS,
    "logitproof check fused:guarded --op softmax_cross_entropy --format bfloat16": KERNELS,
    "logitproof check fused:widened --op softmax_cross_entropy --format bfloat16 --accumulation float32 "
    "--height blocked --exp-ulps 1": KERNELS,
    "logitproof check mykernels:fused_loss --op softmax_cross_entropy --framework torch --format bfloat16": (
        "needs PyTorch; tests/meta/commands/test_kernel_check.py checks such kernels"
    ),
    "logitproof grade candidates/ --op softmax --function kernel -o grades.jsonl": "tests/meta/kernels/test_grade.py",
    "logitproof upgrade --from prod --to candidate": "tests/meta/commands/test_upgrade.py judges targets as sides",
    "logitproof upgrade optax==0.2.4 optax==0.2.6": INDEX,
    "logitproof upgrade --from git:main": INDEX,
    "logitproof upgrade --from prod --to uv.lock": INDEX,
    "logitproof upgrade tensorflow-cpu==2.20.0,keras==3.12.0 tensorflow-cpu==2.21.0,keras==3.15.1": INDEX,
    "logitproof upgrade saved/baseline.parquet jax==0.10.2": INDEX,
    "logitproof upgrade --from git:main --sign approver.pem": INDEX,
    "logitproof upgrade numpy==2.4.6,scipy==1.17.1 numpy,scipy --pre --index "
    "https://example.org/nightly/simple": NIGHTLY,
    "logitproof bisect scipy==1.18.0.dev0+git20260901.1a2b3c4 scipy==1.18.0.dev0+git20261001.5d6e7f8 --pre --index "
    "https://example.org/nightly/simple --cell scipy-eager-log_sum_exp-value-float32/saturated": NIGHTLY,
    "logitproof upgrade torch==2.12.0 torch==2.13.0 --torch-backend cu126 --device cuda:0": "needs an accelerator",
    "logitproof verify upgrade/certificate.json upgrade/baseline.parquet upgrade/candidate.parquet "
    "--key approver.pub.pem": "verifies what the command above it wrote; the tests of certificates do so",
    "logitproof bisect optax==0.2.4 optax==0.2.8 --by verdict --cell optax-eager-sigmoid_cross_entropy-distributions-"
    "grad_logits-float32-entry=sigmoid_focal_loss/saturated": INDEX,
    "logitproof worst torch log_softmax float32 --classes 1000 --by slack -o witness.json": WORST,
    "logitproof worst --again witness.json": WORST,
    "logitproof sweep torch --op log_softmax": SWEEPS,
    "logitproof sweep torch --workers 4": SWEEPS,
    "logitproof sweep torch --dask tcp://scheduler:8786": "needs a cluster; tests/meta/sweeps/test_dask.py has one",
    "logitproof sweep torch --shard $I/16 -o $I.sweep": SWEEPS,
    "logitproof merge *.sweep -o all.sweep": SWEEPS,
    "logitproof atlas *.sweep worst-*.json -o atlas.html --markdown atlas.md": ATLAS,
    "logitproof diff before.sweep after.sweep": ATLAS,
    "pytest --pyargs logitproof_conformance --framework torch --python /opt/venv/bin/python": (
        "nox -s wheel runs the matrix as pytest"
    ),
}
"""Commands that are not run here, each with the reason, or with the test that runs it."""

SMALLER = (
    (r"--framework (torch|onnxruntime)(?= |$)", "--framework numpy"),
    (r"--framework numpy --framework jax", "--framework numpy"),
    (r"--python \S+", f"--python {shlex.quote(sys.executable)}"),
    (r"^(logitproof explain )torch-", r"\1numpy-"),
    (r"^(logitproof run)(?!.* (-k|--cells) )", rf"\1 {FEW}"),
    (r"^(logitproof run)(?!.* --framework )", r"\1 --framework numpy"),
    (r"--cells ledger", "--cells numpy-eager-softmax-value-float32"),
    (r"--profile full", "--profile quick"),
    (r"-k 'saturated and not jvp'", "-k 'saturated and not jvp and softmax and value and float32'"),
)
"""What makes a command small: the control in the place of a framework, a few cells in the place of all."""

AS_THEY_ARE = ("logitproof findings", "logitproof dialects")
"""Commands that only read what is in the package: they run with the frameworks that they name."""


def lines_of(page: str) -> list[str]:
    """Return the commands in the shell blocks of a page, without comments, continued lines joined."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [" ".join(re.sub(r"\s+#.*$", "", line).split()) for line in lines if line.strip()]


COMMANDS = list(dict.fromkeys(line for page in PAGES.values() for line in lines_of(page)))
RUN_HERE = [line for line in COMMANDS if line not in NOT_RUN and not line.startswith("openssl ")]


def test_nothing_is_listed_that_no_page_shows() -> None:
    assert set(NOT_RUN) - set(COMMANDS) == set()


def test_the_tests_that_are_named_exist() -> None:
    named = {name for reason in NOT_RUN.values() for name in re.findall(r"\btest_\w+\.py", reason)}
    assert named <= {path.name for path in (ROOT / "tests").rglob("test_*.py")}


def small(line: str) -> str:
    """Return the small form of a command."""
    for pattern, smaller in () if line.startswith(AS_THEY_ARE) else SMALLER:
        line = re.sub(pattern, smaller, line)
    return line


def target() -> str:
    return f"command = [{json.dumps(sys.executable)}]\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the commands read: runs of made-up frameworks, and two targets."""
    folder = tmp_path_factory.mktemp("documented")
    runs: dict[str, Run] = {
        "run": three_frameworks(),
        "both": three_frameworks(),
        "torch": run_of("torch"),
        "jax": run_of("jax"),
        "trainer": run_of("torch"),
        "server": run_of("jax"),
        "nightly": run_of("torch"),
        **dict.fromkeys(("before", "prod", "cpu", "cuda"), green()),
        "runs/older": replace(run_of("torch"), origins=()),
    }
    (folder / "runs").mkdir()
    for name, run in runs.items():
        write_run(folder / f"{name}.parquet", run)
    text = "".join(f"[target.{name}]\n{target()}" for name in ("prod", "candidate", "server"))
    (folder / "logitproof.toml").write_text(text)
    return folder


@pytest.mark.parametrize("line", RUN_HERE)
def test_a_documented_command_runs(
    line: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(project, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    if line.startswith("logitproof cache"):  # which must not empty that of whoever runs the tests
        monkeypatch.setenv("LOGITPROOF_CACHE_DIR", str(tmp_path / "cache"))
    program, *words = shlex.split(small(line))
    assert program == "logitproof", line
    status = main(words)
    assert status in {EXPECTED, UNEXPECTED}, capsys.readouterr().err


def test_the_keys_of_the_page_are_made_by_openssl(tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    (line,) = [line for line in COMMANDS if line.startswith("openssl ")]
    subprocess.run(line, shell=True, check=True, cwd=tmp_path, capture_output=True)  # noqa: S602  our own page
    assert (tmp_path / "approver.pub.pem").read_text().startswith("-----BEGIN PUBLIC KEY-----")
