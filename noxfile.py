"""Sessions: the main job (conformance, then report), the tests, and the checks of the tests themselves."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv"
nox.options.sessions = ["conformance", "report"]
MAIN = ("torch", "tensorflow", "jax")
"""The frameworks that `nox -s conformance` judges; each of the others has a session of its own."""

PYPROJECT = nox.project.load_toml("pyproject.toml")
FRAMEWORKS = [name.partition("-")[2] for name in PYPROJECT["dependency-groups"] if name.startswith("conformance-")]
RUNS = Path("runs").resolve()
EXAMPLES = ["--doctest-modules", "reference", "adapters", "reports", "logitproof"]
WORKERS = min(8, (os.cpu_count() or 1) + 1)
"""One more than processors: tests wait for browsers and for processes that they started."""

TESTS = [*EXAMPLES, "tests/meta", "-n", str(WORKERS), "--dist", "worksteal"]
"""What `nox -s tests` and `nox -s coverage` run. Neighbours share fixtures: each worker keeps its own."""

FUZZED = ("runs", "records", "commands", "adapters", "texts", "caches")
"""The campaigns of `meta.robustness.fuzz`."""

# Hundreds of tests start a process; without bytecode each compiles all that it imports, which takes most of its time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# uv does not read pip's variables; a folder of local wheels should serve both.
if "PIP_FIND_LINKS" in os.environ:
    os.environ.setdefault("UV_FIND_LINKS", ",".join(os.environ["PIP_FIND_LINKS"].split()))


def group(name: str) -> list[str]:
    """Return the requirements of one dependency group of pyproject.toml."""
    return nox.project.dependency_groups(PYPROJECT, name)


def own(session: nox.Session) -> str:
    """Return Logitproof as it is installed, with Dask where the arguments after -- name a cluster."""
    return ".[dask]" if any(word.startswith("--dask") for word in session.posargs) else "."


@nox.session
@nox.parametrize("framework", [nox.param(name, id=name) for name in MAIN])
def conformance(session: nox.Session, framework: str) -> None:
    """Test one framework in its own environment; arguments after -- go to `logitproof run`."""
    judge(session, framework)


def judge(session: nox.Session, framework: str) -> None:
    """Install and test the pinned release of one framework."""
    run_file = RUNS / f"{framework}.parquet"
    run_file.unlink(missing_ok=True)
    session.install(".", *group(f"conformance-{framework}"))
    command = ["logitproof", "run", "--framework", framework, "-o", str(run_file), *session.posargs]
    # Exit 1 means unexpected verdicts: the report is to show them, so its session is the one that fails.
    # An interrupted run needs a moment to save what it measured.
    session.run(*command, success_codes=[0, 1], interrupt_timeout=20.0, terminate_timeout=5.0)


def session_of(framework: str) -> None:
    """Add the session ``conformance(framework)``, which `nox -s conformance` leaves out."""

    def conformance_of(session: nox.Session) -> None:
        judge(session, framework)

    conformance_of.__doc__ = f"Test {framework} in its own environment."
    nox.session(conformance_of, name=f"conformance({framework})", default=False)


for name in sorted(set(FRAMEWORKS) - set(MAIN)):
    session_of(name)


@nox.session
def report(session: nox.Session) -> None:
    """Merge the runs of all frameworks and write runs/report.html; fails on unexpected verdicts."""
    run_files = [str(path) for name in FRAMEWORKS if (path := RUNS / f"{name}.parquet").exists()]
    if not run_files:
        session.error(f"there is no run in {RUNS}; run `nox -s conformance` first")
    session.install(".")
    merged = str(RUNS / "run.parquet")
    session.run("logitproof", "merge", *run_files, "-o", merged)
    page = RUNS / "report.html"
    try:
        session.run("logitproof", "report", merged, "-o", str(page))
    except nox.command.CommandFailed:
        session.error(f"verdicts without a ledger entry: see the lines above, and {page}")


@nox.session(default=False)
def upgrade(session: nox.Session) -> None:
    """Test an upgrade, e.g. nox -s upgrade -- jax==0.9.2 jax==0.10.2; writes runs/upgrade."""
    session.install(".")
    session.run("logitproof", "upgrade", "-o", str(RUNS / "upgrade"), *session.posargs)


@nox.session(default=False)
def releases(session: nox.Session) -> None:
    """Test every release since 2024 of some packages (hours; goes on where it stopped), or of those after --."""
    session.install("-e", own(session))
    folder = RUNS / "releases"
    session.run("python", "docs/releases.py", "-o", str(folder), *session.posargs)
    session.run("logitproof", "history", str(folder), "-o", str(RUNS / "releases.html"))
    session.run("python", "docs/releases.py", "-o", str(folder), "--table", str(RUNS / "releases.md"))


@nox.session(default=False)
def pictures(session: nox.Session) -> None:
    """Redraw the pictures of README and docs, from runs of torch, jax and optax (some minutes)."""
    groups = [group(f"conformance-{name}") for name in ("torch", "jax", "optax")]
    session.install("-e", ".", *group("test"), *(one for requirements in groups for one in requirements))
    folder = session.create_tmp()
    runs = [f"{folder}/{name}.parquet" for name in ("torch", "jax", "optax")]
    for run_file in runs:
        session.run("logitproof", "run", "--framework", Path(run_file).stem, "-o", run_file, success_codes=[0, 1])
    session.run("logitproof", "report", *runs, "-o", f"{folder}/report.html", success_codes=[0, 1])
    upgrade_of = ("optax==0.2.4", "optax==0.2.6")
    session.run("logitproof", "upgrade", "-o", f"{folder}/upgrade", *upgrade_of, success_codes=[0, 1])
    session.run("python", "docs/screenshot.py", f"{folder}/report.html", f"{folder}/upgrade/diff.html")


@nox.session(default=False)
def site(session: nox.Session) -> None:
    """Build a static site of README, docs, specification and bug reports in runs/site."""
    session.install(*group("site"))
    session.run("python", "docs/build_site.py", str(RUNS / "site"))


@nox.session
def tests(session: nox.Session) -> None:
    """Test the suite itself, on all processors; needs no framework."""
    session.install("-e", ".", *group("test"))
    session.run("pytest", *TESTS, *session.posargs)


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Run the same tests and print their branch coverage; on Python before 3.14 this takes twice as long."""
    session.install("-e", ".", *group("test"))
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *TESTS, *session.posargs)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report", "--skip-covered")


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Fuzz what comes from outside: nox -s fuzz -- runs --seed 7 --cases 5000; no word: all."""
    session.install("-e", ".", *group("test"))
    asked = [session.posargs] if session.posargs else [[what] for what in FUZZED]
    for words in asked:
        session.run("python", "-m", "meta.robustness.fuzz", *words, env={"PYTHONPATH": "tests"})
    if not session.posargs:  # each of this many moments, with the judge, the evaluators or both as victims
        kills = {"LOGITPROOF_TEST_KILLS": "10"}
        session.run("pytest", "-q", "tests/meta/targets/test_kills.py", env=kills)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting with ruff."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Check types with mypy, strictly."""
    session.install("-e", ".", *group("typing"))
    session.run("mypy")


def control_from_elsewhere(session: nox.Session) -> None:
    """Run the control's matrix and the command line as a user of the installed wheel would."""
    # Outside the checkout, whose pyproject.toml would put its own sources first.
    with tempfile.TemporaryDirectory() as folder, session.chdir(folder):
        matrix = ["--pyargs", "logitproof_conformance", "--framework", "numpy"]
        session.run("python", "-m", "pytest", "-q", *matrix, "-k", "float32")  # the next command takes all of it
        session.run("logitproof", "frameworks")
        session.run("logitproof", "run", "--framework", "numpy", "-o", "run.parquet")
        session.run("logitproof", "report", "run.parquet", "-o", "report.html")
        session.run("logitproof", "findings", "--text", "torch-logsumexp-gradient", silent=True)  # a file of the wheel


def refusals_of(framework: str) -> None:
    """Add the session ``refusals(framework)``."""

    def refusals(session: nox.Session) -> None:
        session.install("-e", ".", *group("test"), *group(f"conformance-{framework}"))
        session.run("python", "-m", "meta.adapters.refusals", framework, env={"PYTHONPATH": "tests"})

    refusals.__doc__ = f"Call what the adapter of {framework} says it does not offer: each call must fail."
    nox.session(refusals, name=f"refusals({framework})", default=False)


for name in sorted(FRAMEWORKS):
    refusals_of(name)


@nox.session
def wheel(session: nox.Session) -> None:
    """Build sdist and wheel, and run the control's matrix from the installed wheel."""
    folder = session.create_tmp()
    session.run("uv", "build", "--quiet", "--clear", "--out-dir", folder, external=True)
    session.install(*map(str, Path(folder).glob("*.whl")))
    control_from_elsewhere(session)


@nox.session
def minimums(session: nox.Session) -> None:
    """Run the control's matrix with the oldest dependencies that pyproject.toml allows."""
    session.install(".", "--resolution", "lowest-direct")
    control_from_elsewhere(session)


@nox.session
def certificate(session: nox.Session) -> None:
    """Check the oracle with ball arithmetic on 1,000,000 rows and write its certificate (some minutes)."""
    session.install("-e", ".", *group("test"))
    written = "reference/logitproof_reference/oracle/certificate.json"
    session.run("python", "-m", "meta.oracle.certificate", "-o", written, *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session(default=False)
def boxes(session: nox.Session) -> None:
    """Prove the bounds over whole boxes of rows, of four classes and of float32 too (some minutes)."""
    session.install("-e", ".", *group("test"))
    session.run("pytest", "-q", "tests/meta/bounds/test_branch_and_bound.py", env={"LOGITPROOF_TEST_BOXES": "1"})


@nox.session(default=False)
def heads(session: nox.Session) -> None:
    """Check the exact loss heads (linear layer, soft cap, loss) with ball arithmetic on 100,000 rows (some minutes)."""
    session.install("-e", ".", *group("test"))
    session.run("python", "-m", "meta.prologues.head_certificate", *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session(default=False)
def planted(session: nox.Session) -> None:
    """Check every loss head with a planted fault; the tests take one in three (some minutes)."""
    session.install("-e", ".", *group("test"))
    names = (
        "documented_faults",
        "faults_of_a_review",
        "faults_of_chunks",
        "faults_of_shards",
        "faults_of_twelve_heads",
    )
    faults = [f"tests/meta/kernels/test_{name}.py" for name in names]
    session.run("pytest", "-q", "-n", "logical", *faults, env={"LOGITPROOF_TEST_FAULTS": "1"})


@nox.session
def mutants(session: nox.Session) -> None:
    """Run all mutants and write runs/kill_matrix.md and .csv; fails if a mutant is not killed by its clause."""
    session.install("-e", own(session))
    session.run(
        "python", "-m", "meta.mutants.kill_matrix", "-o", str(RUNS), *session.posargs, env={"PYTHONPATH": "tests"}
    )


@nox.session(default=False)
def kernels(session: nox.Session) -> None:
    """Check all kernels of the corpus, or those named after --, and print what other rules see of them (an hour)."""
    session.install("-e", ".", *group("test"))
    where = {"PYTHONPATH": "tests"}
    measure = ["python", "-m", "meta.kernels.measure", "-o", str(RUNS), *session.posargs]
    session.run(*measure, env=where, success_codes=[0, 1])
    checked = f"quick={RUNS / 'kernels.jsonl'}"
    session.run("python", "-m", "meta.kernels.rules", *session.posargs, "--checked", checked, env=where)


@nox.session(default=False)
def replay(session: nox.Session) -> None:
    """Replay documented bugs in old releases, or those named after -- (ids, projects); writes runs/replay.md, .json."""
    session.install("-e", own(session))
    session.run("python", "-m", "replay.replay", "-o", str(RUNS), *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session(default=False)
def machines(session: nox.Session) -> None:
    """Run what the ledgers name on an emulated Haswell (AVX2, no AVX-512), of the frameworks after --."""
    if not shutil.which("qemu-x86_64") or platform.machine() != "x86_64":
        session.skip("needs an x86-64 machine with qemu-x86_64, the emulator of user programs (Debian: qemu-user)")
    frameworks = session.posargs or ["numpy", "sklearn", "tensorflow"]
    judged = [requirement for name in frameworks if name in FRAMEWORKS for requirement in group(f"conformance-{name}")]
    session.install("-e", ".", *judged)
    environment = Path(session.create_tmp()) / "haswell"
    session.run("python", "tests/machines/emulated_python.py", "haswell", str(environment))
    folder = RUNS / "machines"
    folder.mkdir(parents=True, exist_ok=True)
    for name in frameworks:
        # The framework is emulated, the judge is not: the exact answers do not depend on the machine.
        where = ["--framework", name, "--python", str(environment / "bin" / "python")]
        record = ["-o", str(folder / f"haswell-{name}.parquet")]
        session.run("logitproof", "run", *where, *record, "--cells", "ledger")


@nox.session
def bench(session: nox.Session) -> None:
    """Write ratios to runs/bench.json: oracle, pipe, reports, our share of a run by framework (or those after --)."""
    frameworks = session.posargs or MAIN
    judged = [requirement for name in frameworks if name in FRAMEWORKS for requirement in group(f"conformance-{name}")]
    session.install("-e", ".", *group("test"), *judged)
    written = RUNS / "bench.json"
    written.unlink(missing_ok=True)
    here = {"PYTHONPATH": "tests"}
    for name, *given in (["oracle"], ["pipe"], ["reports"], ["share", *frameworks]):
        command = ["python", "-m", f"meta.benchmarks.bench_{name}", *given, "-o", str(written)]
        session.run(*command, env=here, success_codes=[0, 1])  # the last line fails, once all have been measured
    if "torch" in frameworks:
        session.run("python", "-m", "meta.benchmarks.bench_sweep", env={**here, "OMP_NUM_THREADS": "1"})
    session.run("python", "-m", "meta.benchmarks.results", "--check", str(written), env=here)


@nox.session(default=False)
def profile(session: nox.Session) -> None:
    """Print where the time of a run goes, in judge and evaluators, e.g. nox -s profile -- torch --profile full."""
    framework, *options = session.posargs or ["torch"]
    judged = group(f"conformance-{framework}") if framework in FRAMEWORKS else []  # the control needs none
    session.install("-e", ".", *group("profile"), *judged)
    RUNS.mkdir(exist_ok=True)
    stacks = str(RUNS / f"stacks-{framework}.txt")
    recorded = ["py-spy", "record", "--subprocesses", "--format", "raw", "--output", stacks]
    run = ["python", "-m", "logitproof", "run", "--framework", framework, *options]
    session.run(*recorded, "--", *run, "-o", f"{session.create_tmp()}/run.parquet", success_codes=[0, 1])
    session.run("python", "-m", "meta.benchmarks.where_time_goes", stacks, env={"PYTHONPATH": "tests"})
