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

SESSION = "a session of nox, which continuous integration runs"
SWEEPS = "hours; tests/meta/sweeps/test_sweep.py sweeps few rows of the control, in units, shards and processes"
WORST = "takes a minute; tests/meta/sweeps/test_worst.py searches the control and measures a witness again"
ATLAS = "reads what sweeps wrote; tests/meta/sweeps/test_atlas.py runs it"

NOT_RUN = {
    'python -m pip install "nox[uv]" && python -m nox': "installs frameworks; each of its sessions is listed here",
    "python -m pip install .": "nox -s wheel installs the wheel and runs it",
    "python -m nox -s": SESSION,
    "pytest --pyargs logitproof_conformance": "nox -s wheel runs the matrix as pytest",
    "logitproof run --resume": "tests/meta/conformance/test_isolation.py kills a run and continues it",
    "logitproof run --framework torch --profile full --dask": "tests/meta/conformance/test_cluster_run.py has one",
    "logitproof run --framework torch --device cuda:0": "needs an accelerator: tests/meta/targets/test_devices.py",
    "logitproof run --framework scipy_adapter:ScipyAdapter": "tests/meta/project/test_readme.py runs this very adapter",
    "logitproof prepare": "takes long: tests/meta/commands/test_prepare.py",
    "logitproof check fused:": "tests/meta/commands/test_kernel_tutorial.py compares its output with the page",
    "logitproof check mykernels:": "needs PyTorch: tests/meta/commands/test_kernel_check.py checks such kernels",
    "logitproof check heads:": "needs PyTorch: tests/meta/kernels/test_fused.py checks such heads",
    "logitproof check logitproof_adapters.public_heads.": "needs PyTorch: tests/meta/kernels/test_public_heads.py",
    "logitproof grade": "many kernels: tests/meta/kernels/test_grade.py",
    "logitproof invariance": "minutes: tests/meta/invariance/test_invariance.py",
    "logitproof parity": "needs the answers of two engines: tests/meta/parity/test_parity.py",
    "logitproof sweep": SWEEPS,
    "logitproof merge *.sweep": SWEEPS,
    "logitproof worst": WORST,
    "PYTHONPATH=tests python -m meta.cases.enter_witness": "changes the case set: tests/meta/cases/test_worst_known.py",
    "logitproof atlas": ATLAS,
    "logitproof diff before.sweep after.sweep": ATLAS,
    "logitproof diff atlas-before.json atlas.json": ATLAS,
    "logitproof upgrade": "needs releases from an index: tests/meta/commands/test_upgrade.py has one of its own",
    "logitproof bisect": "needs releases from an index: tests/meta/commands/test_upgrade.py has one of its own",
    "logitproof verify": "needs the certificate of the command above it: tests/meta/commands",
}
"""How commands begin that are not run here, each with the reason, or with the test that runs it."""

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
"""What makes a command small: the control in place of a framework, a few cells in place of all."""

AS_THEY_ARE = ("logitproof findings", "logitproof dialects")
"""Commands that only read what is in the package: they run with the frameworks that they name."""


def lines_of(page: str) -> list[str]:
    """Return the commands in the shell blocks of a page, without comments, continued lines joined."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [" ".join(re.sub(r"\s+#.*$", "", line).split()) for line in lines if line.strip()]


COMMANDS = list(dict.fromkeys(line for page in PAGES.values() for line in lines_of(page)))
RUN_HERE = [line for line in COMMANDS if not line.startswith((*NOT_RUN, "openssl "))]


def test_nothing_is_listed_that_no_page_shows() -> None:
    assert [beginning for beginning in NOT_RUN if not any(line.startswith(beginning) for line in COMMANDS)] == []


def test_the_tests_that_are_named_exist() -> None:
    named = {name for reason in NOT_RUN.values() for name in re.findall(r"tests/meta/[\w/.]+", reason)}
    assert [name for name in named if not (ROOT / name.rstrip(".")).exists()] == []


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
    around = '[target.haswell]\ncommand = ["env", "{python}"]\n'
    (folder / "logitproof.toml").write_text(text + around)
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
