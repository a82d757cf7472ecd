"""Judged through a pipe: the same judgements as in this process, an older Python, and one line for what cannot be."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import typer

from logitproof.commands.command_line import app
from logitproof.errors import EXPECTED, USAGE
from logitproof_adapters.targets import target as targets
from logitproof_adapters.targets.remote_adapter import RemoteAdapter, RemoteError
from logitproof_adapters.targets.target import Target, TargetError
from logitproof_reference.vocabulary.cells import Cell, Inputs
from logitproof_reports.runs.run_file import read_run

if TYPE_CHECKING:
    from logitproof_reports.runs.schema import Run

HERE = Target("here", (sys.executable,))
SSH = ("ssh", "sshd", "ssh-keygen")
MANY = 100
SLICE = "(eager-softmax-value or indices-grad_logits or trajectory or hvp) and not float64"
"""Of the quick profile: values, derivatives, errors, options, repeated and padded calls, a training."""


def installed_python(version: str) -> str:
    """Return the interpreter of a release, of pyenv or on the path; skips the test where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser().glob(f"versions/{version}.*/bin/python")
    for found in filter(None, [*map(str, pyenv), shutil.which(f"python{version}")]):
        if subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return found
    pytest.skip(f"no Python {version} is installed")


def logitproof(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    line = [sys.executable, "-m", "logitproof", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False, cwd=folder, env=environment)


def run(folder: Path, framework: str, name: str, *options: str, cases: str = SLICE) -> Run:
    done = logitproof(folder, "run", "--framework", framework, "-o", name, *options, "-k", cases)
    assert done.returncode == EXPECTED, done.stdout + done.stderr
    return read_run(folder / name)


@pytest.mark.parametrize("framework", ["numpy", "scipy"])
def test_judgements_through_the_pipe_are_those_in_process(framework: str, tmp_path: Path) -> None:
    here = run(tmp_path, framework, "here.parquet")
    there = run(tmp_path, framework, "there.parquet", "--python", sys.executable)
    assert here.table.num_rows > MANY
    rows = [sorted(map(repr, one.table.to_pylist())) for one in (here, there)]
    assert rows[0] == rows[1]
    facts = there.environments[0]
    assert facts["target"] == "interpreter"
    assert facts["judge"]["judge's numpy"] == np.__version__
    told_once = dict.fromkeys(("target", "judge", "compilation_cache"))
    assert {**facts, **told_once} == {**here.environments[0], **told_once}


@pytest.fixture(scope="module")
def python_3_8(tmp_path_factory: pytest.TempPathFactory) -> Target:
    """Return a Python 3.8 with NumPy alone."""
    python, folder = installed_python("3.8"), tmp_path_factory.mktemp("python") / "venv"
    uv = [sys.executable, "-m", "uv"]
    made = subprocess.run([*uv, "venv", "-q", "-p", python, folder], check=False, capture_output=True, text=True)
    command = [*uv, "pip", "install", "-q", "-p", folder, "numpy==1.17.5"]
    filled = subprocess.run(command, check=False, capture_output=True, text=True)
    if made.returncode or filled.returncode:
        pytest.skip(f"no NumPy for Python 3.8 can be had here: {(made.stderr + filled.stderr).strip()[-200:]}")
    return Target("old", (str(folder / "bin" / "python"),))


def test_the_control_conforms_on_python_3_8_and_numpy_1_17(python_3_8: Target, tmp_path: Path) -> None:
    found = run(tmp_path, "numpy", "old.parquet", "--python", python_3_8.command[0])
    (environment,) = found.environments
    assert environment["python"].startswith("3.8.")
    assert environment["packages"]["numpy"] == "1.17.5"
    assert environment["packages"]["ml_dtypes"] == "not installed"
    verdicts = set(zip(found.table["verdict"].to_pylist(), found.table["format"].to_pylist(), strict=True))
    assert ("conforms", "float16") in verdicts
    assert ("unsupported", "bfloat16") in verdicts


def test_bfloat16_travels_as_bits_where_ml_dtypes_is_not_installed(python_3_8: Target) -> None:
    import ml_dtypes  # noqa: PLC0415 - of the judge

    x = np.array([[1.5, -np.inf, 3e38]], dtype=ml_dtypes.bfloat16)
    cell = Cell("planted", "eager", "softmax", "value", "bfloat16")
    with RemoteAdapter("meta.targets.planted_faults:Echoes", python_3_8) as adapter:
        answer = adapter.evaluate(cell, Inputs(x, 1))
        assert (answer.dtype, answer.tobytes()) == (x.dtype, x.tobytes())
        assert "[[1.5, -inf, " in adapter.repro(cell, Inputs(x, 1))


def test_what_is_raised_there_is_raised_here_by_its_name() -> None:
    cell = Cell("numpy", "eager", "softmax_cross_entropy", "value", "float32", "indices")
    wrong = Inputs(np.zeros((1, 2), np.float32), 1, labels=np.array([7]))
    with RemoteAdapter("numpy", HERE) as adapter, pytest.raises(RemoteError, match="class index 7") as error:
        adapter.evaluate(cell, wrong)
    assert type(error.value).__name__ == "IndexError"


def test_a_program_runs_alone_where_the_framework_is() -> None:
    with RemoteAdapter("numpy", Target("here", (sys.executable,), {"WORD": "there"})) as adapter:
        done = adapter.run_alone("import os\nprint(os.environ['WORD'], os.environ['TOO'])", {"TOO": "2"}, 60)
    assert done.stdout == "there 2\n"


def test_a_command_may_go_through_a_shell(tmp_path: Path) -> None:
    """As with ssh, which hands its arguments, joined by blanks, to a shell on the other side."""
    shell = tmp_path / "shell"
    shell.write_text('#!/bin/sh\nexec sh -c "$*"\n')
    shell.chmod(0o755)
    with RemoteAdapter("numpy", Target("shell", (str(shell), sys.executable))) as adapter:
        assert adapter.describe().version == np.__version__


@pytest.fixture
def own_environment(tmp_path: Path) -> Path:
    """Return a virtual environment of this Python with NumPy alone, nothing of it compiled to bytecode."""
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    source, packages = Path(np.__file__).parents[1], next(folder.glob("lib/python*/site-packages"))
    for part in source.glob("numpy*"):
        shutil.copytree(part, packages / part.name, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    return folder


def hashes(folder: Path) -> dict[Path, bytes]:
    """Return what each file of a folder holds, hashed."""
    return {path: sha256(path.read_bytes()).digest() for path in folder.rglob("*") if path.is_file()}


def test_a_run_leaves_the_packages_of_its_target_byte_for_byte_as_they_were(
    own_environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    before = hashes(own_environment)
    found = run(tmp_path, "numpy", "run.parquet", "--python", str(own_environment / "bin" / "python"))
    assert found.table.num_rows > MANY
    assert hashes(own_environment) == before


def test_bytecode_is_kept_in_the_cache_where_packages_have_none(
    own_environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGITPROOF_CACHE_DIR", str(tmp_path / "cache"))
    cases, python = "eager-softmax-value-float32", str(own_environment / "bin" / "python")
    run(tmp_path, "numpy", "run.parquet", "--python", python, cases=cases)
    kept = [path for path in (tmp_path / "cache").rglob("*.pyc") if "numpy" in path.parts]
    assert kept
    assert not [*own_environment.rglob("numpy/**/*.pyc")]
    for path in kept:
        path.write_bytes(b"")
    run(tmp_path, "numpy", "fresh.parquet", "--python", python, "--no-cache", cases=cases)
    assert {path.stat().st_size for path in kept} == {0}


def test_labels_in_bfloat16_are_refused_where_ml_dtypes_is_not_installed(own_environment: Path, tmp_path: Path) -> None:
    cases = "eager-softmax_cross_entropy-distributions-value-float32"
    found = run(tmp_path, "numpy", "run.parquet", "--python", str(own_environment / "bin" / "python"), cases=cases)
    assert "distributions_in_bfloat16" in found.table["regime"].to_pylist()


@pytest.fixture
def ssh(tmp_path: Path) -> list[str]:
    """Return a command that runs another one by ssh on this machine, with a key and a server made for it."""
    programs = {name: shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") for name in SSH}
    if missing := [name for name, path in programs.items() if path is None]:
        pytest.skip(f"no {missing[0]} is installed")
    for name in ("server", "client"):
        keygen = [str(programs["ssh-keygen"]), "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(keygen, check=True)
    config = tmp_path / "sshd_config"
    config.write_text(
        f"HostKey {tmp_path}/server\nAuthorizedKeysFile {tmp_path}/client.pub\nStrictModes no\n"
        f"PasswordAuthentication no\nUsePAM no\nPidFile none\n"
    )
    options = {"StrictHostKeyChecking": "no", "UserKnownHostsFile": os.devnull, "LogLevel": "ERROR", "BatchMode": "yes"}
    # A server of one connection, spoken to by its standard streams: no port is opened.
    options["ProxyCommand"] = f"{programs['sshd']} -i -f {config}"
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    command = [str(programs["ssh"]), "-F", "none", "-i", str(tmp_path / "client"), *words, "localhost"]
    tried = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"ssh to this machine does not work: {tried.stderr.strip()[-200:]}")
    return command


def test_a_framework_is_judged_by_ssh(ssh: list[str]) -> None:
    cell = Cell("numpy", "eager", "softmax", "value", "float32")
    x = np.array([[0.5, -np.inf, 3.0]], np.float32)
    target = Target("ssh", (*ssh, sys.executable), {"WORD": "there"})
    with RemoteAdapter("numpy", target) as adapter, RemoteAdapter("numpy", HERE) as here:
        assert adapter.evaluate(cell, Inputs(x, 1)).tobytes() == here.evaluate(cell, Inputs(x, 1)).tobytes()
        assert adapter.run_alone("import os\nprint(os.environ['WORD'])", {}, 60).stdout == "there\n"


WRONG: dict[str, tuple[list[str], str]] = {
    "no such program": (["--python", "/no/such/python"], "there is no such program"),
    "no interpreter": (["--python", shutil.which("true") or ""], "starts no Python 3.8 or newer"),
    "both": (["--python", sys.executable, "--target", "prod"], "exclude each other"),
    "no such program around": (["--target", "around", "--python", "/no/such/python"], "there is no such program"),
    "releases": (["--target", "fresh"], "its command has {packages}, which upgrade and bisect fill in"),
    "no such target": (["--target", "prood"], 'did you mean "prod"'),
    "no such framework": (["--python", sys.executable, "--framework", "numpi"], 'did you mean "numpy"'),
    "not installed there": (["--python", sys.executable, "--framework", "paddle"], "is not installed in target"),
    "no command": (["--target", "empty"], "command is missing"),
    "no such key": (["--target", "typo"], '"comand" is not known'),
    "wrong value": (["--target", "text"], "expected a list"),
    "no memory": (["--memory-gib", "0"], "expected a positive number of GiB"),
    "device": (["--target", "gpu"], 'device is 0; expected a text, e.g. "cuda:0"'),
    "no such command": (["--target", "lost"], "/no/such/program cannot be run"),
}
TARGETS = """
[target.prod]
command = ["python"]
[target.empty]
[target.typo]
comand = ["python"]
command = ["python"]
[target.text]
command = "python"
[target.gpu]
command = ["python"]
device = 0
[target.lost]
command = ["/no/such/program"]
[target.around]
command = ["env", "{python}"]
[target.fresh]
command = ["uv", "run", "--with", "{packages}", "{python}"]
"""


@pytest.mark.parametrize("python", [None, "python3"])
def test_a_command_goes_around_an_interpreter_of_this_machine(python: str | None, tmp_path: Path) -> None:
    (tmp_path / "logitproof.toml").write_text('[target.around]\ncommand = ["env", "A={b}", "{python}"]\n')
    found = shutil.which(python) if python else sys.executable
    assert targets.chosen(python, "around", tmp_path).command == ("env", "A={b}", found)


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_is_one_line(name: str, tmp_path: Path) -> None:
    arguments, expected = WRONG[name]
    (tmp_path / "logitproof.toml").write_text(TARGETS)
    done = logitproof(tmp_path, "run", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (USAGE, "", 1)
    assert expected in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logitproof.toml"]


ROOT = Path(__file__).resolve().parents[3]
PARSERS = {
    "pytest --pyargs logitproof_conformance": ROOT / "tests/logitproof_conformance/plugin.py",
    "nox -s replay": ROOT / "tests/replay/replay.py",
}
"""Commands beside Logitproof's own, by the files that add their options."""


def documented_options() -> dict[str, set[str]]:
    """Return which of the three options each command takes, as the table of docs/targets.md has it."""
    page = (ROOT / "docs/targets.md").read_text("utf-8")
    table = page.partition("## Which options each command takes")[2].partition("\n## ")[0]
    found = {}
    for line in re.findall(r"^\| `.*$", table, flags=re.MULTILINE):
        commands, *cells = line.strip("|").split(" | ")
        options = {option for cell in cells for option in re.findall(r"--(?:python|target|device)\b", cell)}
        found.update(dict.fromkeys(re.findall(r"`([^`]+)`", commands), options))
    return found


def test_the_table_of_commands_is_what_their_parsers_take() -> None:
    group: Any = typer.main.get_command(app)
    taken = {
        name: {
            option
            for parameter in command.params
            for option in {"--python", "--target", "--device"}.intersection(parameter.opts)
        }
        for name, command in group.commands.items()
    }
    taken |= {
        name: set(re.findall(r'"(--(?:python|target|device))"', path.read_text())) for name, path in PARSERS.items()
    }
    documented = documented_options()
    assert {name: options for name, options in taken.items() if options} == {
        name: options for name, options in documented.items() if options
    }
    assert {name for name, options in documented.items() if not options} == {"parity"}


@pytest.mark.parametrize("version", ["3.6", "3.7"])
def test_a_python_that_is_too_old_is_told_so(version: str) -> None:
    with pytest.raises(TargetError, match=r"is too old; 3\.8 or newer is needed"):
        RemoteAdapter("numpy", targets.interpreter(installed_python(version)))


def test_a_target_says_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        f'[tool.logitproof.target.own]\ncommand = ["{sys.executable}"]\nenv = {{ OMP_NUM_THREADS = "1" }}\n'
    )
    done = logitproof(tmp_path, "frameworks", "--target", "own")
    assert done.returncode == EXPECTED, done.stderr
    assert f"numpy             {np.__version__}" in done.stdout
    assert "paddle: not installed in target own" in done.stdout


def test_a_cell_is_explained_where_its_framework_is(tmp_path: Path) -> None:
    cell = "numpy-eager-softmax-value-float32/saturated"
    done = [logitproof(tmp_path, "explain", cell, "--row", 1, *there) for there in ([], ["--python", sys.executable])]
    assert [one.returncode for one in done] == [EXPECTED, EXPECTED], done[1].stderr
    here, there = (one.stdout for one in done)
    assert f"target {sys.executable}" in there
    told = [[line for line in text.splitlines() if "measured now" not in line] for text in (here, there)]
    assert told[0] == told[1]


def test_a_framework_that_a_target_lacks_cannot_be_explained(tmp_path: Path) -> None:
    cell = "paddle-eager-softmax-value-float32"
    done = logitproof(tmp_path, "explain", cell, "--python", sys.executable)
    assert (done.returncode, done.stderr.count("\n")) == (USAGE, 1)
    assert "is not installed in target" in done.stderr


def test_a_kernel_travels_to_a_command_that_may_lead_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "mykernels.py").write_text(
        "import numpy as np\ndef softmax(x):\n"
        "    e = np.exp(x - x.max(axis=1, keepdims=True))\n    return e / e.sum(axis=1, keepdims=True)\n"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(f'#!/bin/sh\nrm -f {tmp_path}/mykernels.py\nexec {sys.executable} "$@"\n')
    elsewhere.chmod(0o755)
    (tmp_path / "logitproof.toml").write_text(f'[target.far]\ncommand = ["{elsewhere}"]\n')
    asked = ["mykernels:softmax", "--op", "softmax", "--format", "float32", "--widest", "33", "--target", "far"]
    done = logitproof(tmp_path, "check", *asked)
    assert done.returncode == EXPECTED, done.stdout + done.stderr
    assert not (tmp_path / "mykernels.py").exists()


@pytest.mark.parametrize("options", [["--target", "own"], ["--python", sys.executable]])
def test_the_matrix_takes_a_target(options: list[str], tmp_path: Path) -> None:
    (tmp_path / "logitproof.toml").write_text(f'[target.own]\ncommand = ["{sys.executable}"]\nframeworks = ["numpy"]\n')
    suite = ["--pyargs", "logitproof_conformance", "-p", "logitproof_conformance.plugin", "-c", os.devnull]
    asked: list[Any] = ["--rootdir", tmp_path, "-q", "-k", "eager-softmax-value-float32 and typical", *options]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    line = [
        sys.executable,
        "-m",
        "pytest",
        *suite,
        *asked,
        *(["--framework", "numpy"] if "--python" in options else []),
    ]
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == EXPECTED, done.stdout + done.stderr
