"""An upgrade from beginning to end, with a framework of our own in two releases: no network, no framework."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from dataclasses import replace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from packaging.requirements import Requirement

from logitproof.commands.command_line import main
from logitproof.environments import build as environments
from logitproof.environments import cache as environment_cache
from logitproof.environments import interpreters, pip_settings, resolver
from logitproof.environments import uv_command as uv_tool
from logitproof.environments.interpreters import Interpreter
from logitproof.environments.package_adapters import with_companions
from logitproof.environments.pip_settings import settings_for_uv
from logitproof.environments.resolver import Choice, Locked, Wanted, requirements_of
from logitproof.environments.uv_command import UnbuildableEnvironment
from logitproof.errors import UsageError
from logitproof.matrix.resume import parts_of
from logitproof.matrix.run import Interrupted
from logitproof.upgrades import sides
from logitproof.upgrades.bisect import Bisection
from logitproof.upgrades.sides import adapters_for
from logitproof_adapters.catalogue.frameworks import PACKAGES
from logitproof_adapters.targets.call_limits import PATIENCE_SECONDS
from logitproof_adapters.targets.target import TargetError
from logitproof_reference.answers.cache_folder import ANSWERS, CACHE_VARIABLE, cache_folder
from logitproof_reports.runs.run_file import read_run, write_run
from meta.reports.synthetic_runs import QUESTIONS, judgement, run_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from logitproof_adapters.targets.target import Target
    from logitproof_reports.runs.schema import Run

try:
    metadata.distribution("logitproof")
except metadata.PackageNotFoundError:  # pragma: no cover
    pytest.skip("logitproof is not installed", allow_module_level=True)

SOFTMAX = judgement("torch", "eager", "float32", QUESTIONS[0], "typical")
BROKEN_FROM = 4
"""Release of our framework from which its softmax has other bits; 6 cannot be installed."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


def test_lists_of_requirements_part_at_packages_not_at_bounds() -> None:
    assert requirements_of("jax>=0.4,<0.5, numpy==2.0") == ("jax<0.5,>=0.4", "numpy==2.0")
    with pytest.raises(UsageError, match="names no packages"):
        requirements_of("jax=0.4")


def test_companions_come_from_the_extras_without_their_minimum_versions() -> None:
    assert with_companions(["onnxruntime==1.17"])[0] == "onnxruntime==1.17"
    assert not any(">" in text for text in with_companions(["optax==0.2.4"]))


@pytest.fixture
def pip_conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let a file of our own be all that pip is configured by."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    path = tmp_path / "pip.conf"
    path.touch()
    monkeypatch.setenv("PIP_CONFIG_FILE", str(path))
    monkeypatch.setenv("HOME", str(tmp_path))
    forget = pip_settings.configured.cache_clear
    forget()
    yield path
    forget()


@pytest.mark.usefixtures("pip_conf")
def test_pips_variables_serve_uv_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pip_settings, "configured", dict)
    monkeypatch.setenv("PIP_INDEX_URL", "https://example.org/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "/a /b")
    made = settings_for_uv(os.environ)
    assert (made["UV_DEFAULT_INDEX"], made["UV_FIND_LINKS"]) == ("https://example.org/simple", "/a,/b")
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        monkeypatch.setenv(name, "https://example.com/simple")
        assert "UV_DEFAULT_INDEX" not in settings_for_uv(os.environ)
        monkeypatch.delenv(name)


@pytest.mark.skipif(shutil.which("pip") is None and find_spec("pip") is None, reason="there is no pip here")
def test_pips_configuration_serves_uv_as_pip_reads_it(pip_conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip_conf.write_text(
        "[global]\nindex-url = https://me:secret@example.org/secret/simple\nextra-index-url =\n  https://a.example/simple\n"
        "  file:///wheels\nfind-links =\n[install]\nindex-url = https://me:secret@example.net/secret/simple\n"
    )
    made = settings_for_uv(os.environ)
    assert made["UV_DEFAULT_INDEX"] == "https://me:secret@example.net/secret/simple"
    assert made["UV_INDEX"] == "https://a.example/simple file:///wheels"
    assert made["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:secret@example.com/simple?token=secret")
    told = pip_settings.sources_in_words(os.environ)
    assert told == "packages come from: index https://example.com, further index https://a.example file:///wheels"


@pytest.mark.usefixtures("pip_conf")
def test_uvs_own_places_are_told_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pip_settings, "configured", dict)
    assert not pip_settings.sources_in_words(os.environ)
    monkeypatch.setenv("UV_INDEX", "mine=https://me:secret@example.org:8080/secret/simple https://b.example")
    monkeypatch.setenv("UV_FIND_LINKS", "/wheels,/more")
    assert pip_settings.sources_in_words(os.environ) == (
        "packages come from: further index https://example.org https://b.example, links /wheels /more"
    )


def test_nothing_points_from_one_environment_into_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert "PYTHONPATH" not in uv_tool.uv_environment()


def kept_for(days: float, title: str, size: int) -> Path:
    """Keep an environment that was last used this many days ago."""
    folder = environment_cache.environments_folder() / title.replace(" ", "-")
    folder.mkdir(parents=True)
    (folder / "wheel").write_bytes(b"x" * size)
    lock = folder / environment_cache.LOCK
    lock.write_text(f"# {title}\n")
    os.utime(lock, times=(time.time() - days * 86_400,) * 2)
    return folder


def test_environments_that_are_kept_are_listed_with_their_size_and_go_by_age(
    capsys: pytest.CaptureFixture[str],
) -> None:
    old, new = kept_for(40.2, "jax 0.4.35", 2_000_000), kept_for(1.1, "jax 0.10.2", 3_000_000)
    (new / "shared").hardlink_to(new / "wheel")
    assert main(["cache"]) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.split() == ["3.0", "MB", "1", "day", "jax", "0.10.2", str(new)]
    assert second.split() == ["2.0", "MB", "40", "days", "jax", "0.4.35", str(old)]
    assert "2 environments, 5.0 MB" in last
    assert main(["cache", "--idle", "30", "--clear"]) == 0
    assert (old.exists(), new.exists()) == (False, True)
    half = environment_cache.environments_folder() / ".half"
    half.mkdir()
    answers = cache_folder() / ANSWERS
    answers.mkdir()
    assert main(["cache", "--clear"]) == 0
    assert not new.exists()
    assert not half.exists()
    assert not answers.exists()
    assert main(["cache", "--idle", "-1"]) == 2


def test_an_environment_that_cannot_be_made_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def call(command: str, *arguments: str, **_words: str) -> str:
        if command == "venv":
            Path(arguments[-1]).mkdir()
            return ""
        raise UnbuildableEnvironment("the disk is full")

    monkeypatch.setattr(uv_tool, "call", call)
    with pytest.raises(UnbuildableEnvironment, match="full"):
        environments.build(Locked(("torch==1",), Interpreter("3.11"), {"torch": "1"}))
    assert not list(environment_cache.environments_folder().iterdir())


def test_a_package_that_runs_on_a_backend_is_refused_with_what_to_write() -> None:
    with pytest.raises(UsageError, match=r"keras_jax needs jax, .*: write e\.g\. keras==3\.15\.1,jax$"):
        adapters_for(["keras==3.15.1"], ["numpy"])
    with pytest.raises(UsageError, match="use --framework"):
        adapters_for(["packaging==25.0"], ["numpy"])


class Judged:
    """What a framework of our own in releases 1 to 9 was asked; calls of `at` happen before a release is judged."""

    def __init__(self) -> None:
        self.versions: list[str] = []
        self.commands: list[tuple[str, ...]] = []
        self.targets: list[str] = []
        self.at: dict[str, Callable[[Path], object]] = {}


def run_of_release(version: str) -> Run:
    broken = int(version) >= BROKEN_FROM
    made = replace(SOFTMAX, digest="feed" * 4, verdict="deviates") if broken else replace(SOFTMAX, digest="c0de" * 4)
    return run_of("torch", made)


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Judged:
    """Let releases 1 to 9 of torch be there, without an environment behind any; return what is judged."""
    judged = Judged()

    def compile_(asked: Sequence[str], _constraints: object, choice: Choice) -> Any:
        (text,) = [one for one in asked if one.startswith("torch")][:1]
        bounds = Requirement(text).specifier
        least = 3 if choice.interpreter.version == "3.8" else 1
        fitting = [n for n in range(least, 10) if bounds.contains(str(n))]
        if not fitting:
            raise UnbuildableEnvironment(f"there is no version of {text}")
        return {"torch": str(fitting[-1]), "numpy": "1.26.4" if fitting[-1] < 3 else "2.0.0"}, [1, 0]

    def build(locked: Locked) -> environments.BuiltEnvironment:
        if locked.packages["torch"] == "6":
            raise UnbuildableEnvironment("torch 6 has no wheels\nfor this machine")
        folder = tmp_path / "environments" / locked.packages["torch"]
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        (folder / "bin/python").touch(mode=0o755)
        return environments.BuiltEnvironment(locked, folder)

    def run_matrix(_adapters: object, *, output: Path, target: Target, **_options: object) -> Run:
        judged.commands.append(target.command)
        judged.targets.append(target.label)
        version = Path(next(word for word in target.command if word.endswith("/bin/python"))).parent.parent.name
        judged.versions.append(version)
        judged.at.get(version, lambda _output: None)(output)
        write_run(output, found := run_of_release(version))
        shutil.rmtree(parts_of(output), ignore_errors=True)
        return found

    monkeypatch.setattr(resolver, "_compile", compile_)
    monkeypatch.setattr(sides, "installed_in", lambda _target: ["numpy", "torch"])
    monkeypatch.setattr(sides, "run_matrix", run_matrix)
    monkeypatch.setattr("logitproof.upgrades.trial.with_extra_calls", lambda run, *_: run)
    monkeypatch.setattr("logitproof.upgrades.building.build", build)
    return judged


def test_an_upgrade_writes_everything_and_exits_by_the_gate(
    releases: Judged, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["upgrade", "torch==3", "torch==4", "-o", "out"]) == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "baseline.again.parquet",
        "baseline.cdx.json",
        "baseline.lock.txt",
        "baseline.parquet",
        "candidate.again.parquet",
        "candidate.cdx.json",
        "candidate.lock.txt",
        "candidate.parquet",
        "certificate.json",
        "comment.md",
        "diff.html",
        "diff.json",
        "request.json",
        "summary.md",
    ]
    assert releases.versions == ["3", "4", "3", "4"]
    assert "newly failing" in capsys.readouterr().out
    bill = json.loads((tmp_path / "out/candidate.cdx.json").read_text())
    assert [one["purl"] for one in bill["components"]] == ["pkg:pypi/torch@4", "pkg:pypi/numpy@2.0.0"]
    assert main(["verify", "out/certificate.json", "out/baseline.parquet", "out/candidate.parquet"]) == 0
    assert main(["upgrade", "out/baseline.parquet", "torch==3", "-o", "again"]) == 0


def test_nothing_is_judged_where_a_side_cannot_be_resolved_and_every_reason_is_told(
    releases: Judged, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["upgrade", "torch==3", "torch==99", "-o", "out"]) == 3
    assert main(["upgrade", "torch==98", "torch==6", "-o", "out"]) == 3
    told = capsys.readouterr().err
    assert "torch==99: there is no version of torch==99" in told
    assert "torch==98: there is no version of torch==98" in told
    assert not releases.versions


AFTER_ALL = ["3", "4", "3", "4"]
"""Both sides, and a second look at what changed."""

AT_MOMENTS = {
    "while resolving": AFTER_ALL,
    "while building": AFTER_ALL,
    "in the baseline": ["3", *AFTER_ALL],
    "in the candidate": ["3", "4", "4", "3", "4"],
    "in the second look": [*AFTER_ALL[:3], "3", "4"],
}
"""What is judged in all, by when the interruption came: nothing that was finished is judged again."""


@pytest.mark.parametrize("moment", AT_MOMENTS)
def test_an_upgrade_that_was_interrupted_goes_on_and_comes_to_the_same(
    moment: str,
    releases: Judged,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def leave_half(output: Path) -> None:
        if moment == "in the second look" and ".again" not in output.name:
            return
        releases.at.clear()
        parts_of(output).mkdir()
        write_run(output, replace(run_of_release("3"), complete=False))
        raise Interrupted(None)

    def stop(*_arguments: object) -> NoReturn:
        raise KeyboardInterrupt

    assert main(["upgrade", "torch==3", "torch==4", "-o", "whole"]) == 1
    whole = capsys.readouterr().out
    releases.versions.clear()
    releases.at = {"4" if moment == "in the candidate" else "3": leave_half} if moment.startswith("in") else {}
    with monkeypatch.context() as patch:
        if moment == "while resolving":
            patch.setattr(resolver, "_compile", stop)
        elif moment == "while building":
            patch.setattr("logitproof.upgrades.building.build", stop)
        assert main(["upgrade", "torch==3", "torch==4", "-o", "out"]) == 130
    assert "--resume continues" in capsys.readouterr().err
    assert main(["upgrade", "torch==3", "torch==5", "-o", "out", "--resume"]) == 2
    assert main(["upgrade", "torch==3", "torch==4", "-o", "out", "--resume"]) == 1
    assert capsys.readouterr().out == whole
    assert releases.versions == AT_MOMENTS[moment]
    for name in ("baseline", "candidate", "baseline.again", "candidate.again"):
        sides_of = [read_run(tmp_path / folder / f"{name}.parquet").table for folder in ("whole", "out")]
        assert sides_of[0].equals(sides_of[1])


@pytest.mark.usefixtures("releases")
def test_a_release_that_is_older_than_what_is_tested_is_judged_with_a_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    least = PACKAGES["torch"].oldest
    assert main(["upgrade", "torch==1", "torch==3", "-o", "out"]) == 0
    warned = [line for line in capsys.readouterr().err.splitlines() if "too old" in line]
    assert len(warned) == 1
    assert f"torch 1 is too old: {least} is the oldest release that is judged by default" in warned[0]


def test_an_upgrade_that_was_interrupted_before_it_began_begins_anew(releases: Judged) -> None:
    assert main(["upgrade", "torch==3", "torch==4", "-o", "out", "--resume"]) == 1
    assert releases.versions == ["3", "4", "3", "4"]
    Path("out/request.json").write_text("{")
    assert main(["upgrade", "torch==3", "torch==4", "-o", "out", "--resume"]) == 2


def test_what_timed_out_is_judged_once_more_alone(
    releases: Judged, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    late = replace(SOFTMAX, verdict="crashed", reason="TargetDied: no answer in 300 s; last words: none", digest="")
    settings: list[tuple[tuple[str, ...], float]] = []

    def run_matrix(_adapters: object, *, output: Path, patience: float, cells: tuple[str, ...], **_: object) -> Run:
        settings.append((cells, patience))
        made = late if patience == PATIENCE_SECONDS else replace(SOFTMAX, digest="c0de" * 4)
        write_run(output, found := run_of("torch", made))
        return found

    monkeypatch.setattr(sides, "run_matrix", run_matrix)
    assert main(["upgrade", "torch==3", "torch==3", "-o", "out"]) == 0
    assert "1 cell timed out: judged again" in capsys.readouterr().err
    assert settings == [((), PATIENCE_SECONDS), ((SOFTMAX.cell,), 4 * PATIENCE_SECONDS)] * 2
    assert not Path("out/alone.parquet").exists()
    assert not releases.versions


def test_targets_and_interpreters_are_sides_and_nothing_is_built_for_them(
    releases: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "_compile", lambda *_: pytest.fail("it looks for packages"))
    for version in ("3", "4"):
        python = tmp_path / version / "bin/python"
        python.parent.mkdir(parents=True)
        python.touch(mode=0o755)
    Path("logitproof.toml").write_text(f'[target.prod]\ncommand = ["{tmp_path}/3/bin/python"]\n')
    assert main(["upgrade", "--from", "prod", "--to", f"{tmp_path}/4/bin/python"]) == 1
    assert releases.versions == ["3", "4"] * 2


def test_a_device_and_a_limit_of_memory_hold_for_both_sides(releases: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, float | None]] = []

    def run_matrix(_adapters: object, *, output: Path, target: Target, **_: object) -> Run:
        asked.append((target.device, target.memory_gib))
        write_run(output, found := run_of("torch", SOFTMAX))
        return found

    monkeypatch.setattr(sides, "run_matrix", run_matrix)
    where = ["--device", "CUDA:1", "--memory-gib", "4"]
    assert main(["upgrade", "torch==3", "torch==4", *where]) == 0
    assert asked == [("cuda:1", 4.0)] * 2
    assert main(["bisect", "torch==3", "torch==4", "--cell", SOFTMAX.cell, *where]) == 0
    assert asked == [("cuda:1", 4.0)] * 4
    assert sorted(path.name for path in Path("bisect").glob("*/*.parquet")) == ["3.cuda-1.parquet", "4.cuda-1.parquet"]
    assert not releases.versions


@pytest.mark.usefixtures("releases")
def test_both_environments_get_the_python_that_is_asked_for(tmp_path: Path) -> None:
    assert main(["upgrade", "torch==3", "torch==3", "-o", "out", "--python-version", "3.8"]) == 0
    heads = {(tmp_path / f"out/{name}.lock.txt").read_text().partition("\n")[0] for name in ("baseline", "candidate")}
    assert heads == {"# Python 3.8"}
    assert main(["upgrade", "torch==2", "torch==3", "-o", "out", "--python-version", "3.8"]) == 3


def test_a_python_that_nothing_is_tested_in_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upgrade", "torch==3", "torch==4", "--python-version", "2.7"]) == 2
    assert '"2.7" is not a Python version that is tested: 3.8 to 3.14' in capsys.readouterr().err


EMULATED = """
[target.haswell]
command = ["qemu-x86_64", "-cpu", "Haswell", "{python}", "-X", "{other}"]
[target.gpu01]
command = ["ssh", "gpu01", "/3/bin/python", "{packages}", "--on={python_version}"]
[target.prod]
command = ["python3"]
"""


def test_releases_run_around_the_command_of_a_target(releases: Judged, tmp_path: Path) -> None:
    Path("logitproof.toml").write_text(EMULATED)
    environments_ = tmp_path / "environments"
    assert main(["bisect", "torch==3", "torch==5", "--cell", SOFTMAX.cell, "--target", "haswell"]) == 0
    assert (releases.versions, set(releases.targets)) == (["3", "5", "4"], {"haswell"})
    around = ("qemu-x86_64", "-cpu", "Haswell", f"{environments_}/4/bin/python", "-X", "{other}")
    assert releases.commands[-1] == around
    files = {path.name for path in Path("bisect").glob("*/*.parquet")}
    assert files == {"3.haswell.parquet", "4.haswell.parquet", "5.haswell.parquet"}
    assert main(["upgrade", "torch==3", "torch==4", "--target", "haswell"]) == 1
    assert set(releases.targets) == {"haswell"}
    assert releases.commands[-1] == around


def test_a_target_may_make_the_environments_itself(releases: Judged, tmp_path: Path) -> None:
    Path("logitproof.toml").write_text(EMULATED)
    assert main(["upgrade", "torch==3", "torch==4", "--target", "gpu01", "--python-version", "3.11"]) == 0
    packages = [command[3] for command in releases.commands]
    assert packages[:2] == ["torch==3,numpy==2.0.0", "torch==4,numpy==2.0.0"]
    assert {command[4] for command in releases.commands} == {"--on=3.11"}
    assert not (tmp_path / "environments").exists()


def test_a_release_that_does_not_run_on_a_target_is_left_out_between_the_ends(
    releases: Judged, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("logitproof.toml").write_text(EMULATED)

    def ends(_output: Path) -> NoReturn:
        raise TargetError("target haswell: torch cannot be imported: ended by SIGILL")

    command = ["bisect", "torch==1", "torch==7", "--cell", SOFTMAX.cell, "--target", "haswell"]
    releases.at["4"] = ends
    assert main(command) == 0
    told = capsys.readouterr()
    assert "changed in 5; 3 is still like torch==1 (skipped: 4)" in told.out
    assert "4 is skipped: target haswell: torch cannot be imported: ended by SIGILL" in told.err
    releases.at["1"] = ends
    shutil.rmtree("bisect")
    assert main(command) == 2


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--target", "prod"], 'that of "prod" has an interpreter of its own'),
        (["--target", "haswel"], 'did you mean "haswell"'),
        (["--python-version", "3.7"], '"3.7" is not a Python version that is tested'),
    ],
)
@pytest.mark.usefixtures("releases")
def test_where_releases_cannot_run_is_one_line(
    options: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("logitproof.toml").write_text(EMULATED)
    for words in (["bisect", "--cell", SOFTMAX.cell], ["upgrade"]):
        assert main([*words, "torch==3", "torch==4", *options]) == 2
        told = capsys.readouterr().err
        assert expected in told
        assert told.count("\n") == 1
    assert not Path("bisect").exists()
    assert not Path("upgrade").exists()


@pytest.mark.usefixtures("releases")
def test_where_releases_run_goes_with_releases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("logitproof.toml").write_text(EMULATED)
    write_run(tmp_path / "old.parquet", run_of_release("3"))
    assert main(["upgrade", "old.parquet", "old.parquet", "--target", "haswell"]) == 2
    assert "no side names any" in capsys.readouterr().err


def test_a_bisection_in_another_python_is_another_one(releases: Judged) -> None:
    command = ["bisect", "torch==3", "torch==4", "--cell", SOFTMAX.cell]
    for python in ([], ["--python-version", "3.12"]):
        assert main([*command, *python]) == 0
    assert releases.versions == ["3", "4"] * 2
    files = sorted(path.name for path in Path("bisect").glob("*/*.parquet"))
    assert files == ["3.parquet", "3.python-3.12.parquet", "4.parquet", "4.python-3.12.parquet"]


def test_a_bisection_of_another_cell_or_beside_other_packages_is_another_one(releases: Judged) -> None:
    command = ["bisect", "torch==3", "--cell", SOFTMAX.cell]
    assert main([*command, "torch==4"]) == 0
    assert main([*command, "torch==4,numpy==2.4.6"]) == 0
    assert releases.versions == ["3", "4"] * 2
    files = sorted(path.name for path in Path("bisect", SOFTMAX.cell).glob("*.parquet"))
    assert files == ["3.numpy--2.4.6.parquet", "3.parquet", "4.numpy--2.4.6.parquet", "4.parquet"]
    # Its run files lack the cell, which would be told of the release.
    assert main(["bisect", "torch==3", "torch==4", "--cell", f"{SOFTMAX.cell}-axis=first"]) == 2
    assert releases.versions == ["3", "4"] * 2 + ["3"]


def test_two_sides_are_needed_and_the_lock_of_this_folder_is_the_second_of_a_commit() -> None:
    assert main(["upgrade", "torch==3"]) == 2
    assert main(["upgrade", "--from", "git:main"]) == 2  # there is no lock file here


def test_a_bisection_names_the_first_release_and_goes_on_where_it_was(releases: Judged, tmp_path: Path) -> None:
    folder = tmp_path / "bisect"
    folder.mkdir()
    said: list[str] = []
    found = Bisection("torch==1", "torch==9", SOFTMAX.cell, "typical", folder, said.append).run()
    assert (found.before, found.after) == ("3", "4")
    asked = len(releases.versions)
    assert asked <= 2 + 4
    assert Bisection("torch==1", "torch==9", SOFTMAX.cell, "", folder, said.append).run().after == "4"
    assert len(releases.versions) == asked
    assert (folder / "log.jsonl").read_text().count("\n") == 2 * asked


@pytest.mark.usefixtures("releases")
def test_a_release_that_cannot_be_installed_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bisect", "torch==4", "torch==8", "--cell", SOFTMAX.cell]
    assert main(command) == 0
    assert "is the same in" in capsys.readouterr().out
    assert main(["bisect", "torch==1", "jax==2", "--cell", SOFTMAX.cell]) == 2
    assert main(["bisect", "torch==1", "torch==9", "--cell", "no-such-cell"]) == 2


def test_what_an_old_release_needs_without_saying_so_is_asked_for_until_nothing_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    needs = ((("jax", "<0.4.31"), "jaxlib<={version}"), (("jaxlib", "<0.4.27"), "scipy<1.13"))

    def compiled(requirements: Sequence[str], *_: object) -> tuple[dict[str, str], list[int]]:
        asked.append(list(requirements))
        return {"jax": "0.4.25", "jaxlib": "0.4.25" if "jaxlib<=0.4.25" in requirements else "0.10.2"}, []

    asked: list[list[str]] = []
    monkeypatch.setattr(resolver, "_compile", compiled)
    monkeypatch.setattr(resolver, "UNDECLARED", needs)
    resolver.lock(Wanted(("jax==0.4.25",)), [Interpreter("3.11")])
    assert asked[-1][-2:] == ["jaxlib<=0.4.25", "scipy<1.13"]


def test_an_interpreter_that_is_here_goes_before_one_that_would_be_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    own = interpreters.own_version()
    here = {own: sys.executable, "3.8": "/somewhere/python3.8"}
    monkeypatch.setattr(interpreters, "installed", lambda: here)
    found = interpreters.preferred()
    assert [one.version for one in found[:2]] == [own, "3.8"]
    assert sorted(one.version for one in found) == sorted(interpreters.PYTHONS)
    assert [one.path for one in found[2:]] == [""] * (len(found) - 2)


def test_interpreters_of_pyenv_and_conda_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uv_tool, "call", lambda *_arguments, **_words: "[]")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for folder in ("pyenv/versions/3.9.18", "conda"):
        (tmp_path / folder / "bin").mkdir(parents=True)
        (tmp_path / folder / "bin/python").touch()
    (tmp_path / "conda/conda-meta").mkdir()
    (tmp_path / "conda/conda-meta/python-3.8.19-h1.json").touch()
    (tmp_path / ".conda").mkdir()
    (tmp_path / ".conda/environments.txt").write_text(f"{tmp_path}/conda\n{tmp_path}/gone\n")
    interpreters.installed.cache_clear()
    found = interpreters.installed()
    interpreters.installed.cache_clear()
    assert found[interpreters.own_version()] == sys.executable
    assert (found["3.9"], found["3.8"]) == (
        str(tmp_path / "pyenv/versions/3.9.18/bin/python"),
        str(tmp_path / "conda/bin/python"),
    )


def test_the_pythons_that_a_release_has_wheels_for_are_tried_and_at_last_what_moves_no_numbers_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[tuple[str, bool]] = []

    def compiled(_asked: object, _constraints: object, choice: Choice) -> tuple[dict[str, str], list[int]]:
        everything = choice.only_binary == (":all:",)
        tried.append((choice.interpreter.version, everything))
        if choice.interpreter.version != "3.8":
            raise UnbuildableEnvironment("no wheels: found the following Python ABI tags: `cp37m`, `cp38`")
        if everything:
            raise UnbuildableEnvironment("termcolor==1.1.0 has no usable wheels")
        return {"torch": "3"}, []

    monkeypatch.setattr(resolver, "_compile", compiled)
    pythons = [Interpreter(version) for version in ("3.11", "3.10", "3.8")]
    locked = resolver.lock(Wanted(("torch==1",)), pythons)
    assert tried == [("3.11", True), ("3.8", True), ("3.11", False), ("3.8", False)]
    assert {"torch", "numpy"} <= set(locked.only_binary)
    assert "jax" not in locked.only_binary  # in Python alone, and without a wheel until 0.4.14


def test_the_reason_is_that_of_the_last_way_that_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def compiled(_asked: object, _constraints: object, choice: Choice) -> NoReturn:
        everything = choice.only_binary == (":all:",)
        raise UnbuildableEnvironment("jax has no usable wheels" if everything else "only jaxlib>=0.4.13 is available")

    monkeypatch.setattr(resolver, "_compile", compiled)
    with pytest.raises(UnbuildableEnvironment, match="only jaxlib"):
        resolver.lock(Wanted(("jax==0.4.9",)), [Interpreter("3.11")])


def test_a_python_that_cannot_be_fetched_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def call(*_arguments: str, **_words: str) -> str:
        raise UnbuildableEnvironment("no route to host")

    monkeypatch.setattr(uv_tool, "call", call)
    locked = Locked(("torch==1",), Interpreter("3.9"), {"torch": "1"})
    with pytest.raises(UnbuildableEnvironment, match=r"uv python install 3\.9\nno route"):
        environments.build(locked)


@pytest.mark.parametrize(("problem", "backends"), [("Failed to fetch it", ["cpu", ""]), ("No solution", ["cpu"])])
def test_the_cpu_build_of_torch_is_asked_for_first_and_the_index_where_its_own_is_out_of_reach(
    problem: str, backends: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def compiled(_asked: object, _constraints: object, choice: Choice) -> tuple[dict[str, str], list[int]]:
        asked.append(choice.torch_backend)
        if choice.torch_backend:
            raise UnbuildableEnvironment(problem)
        return {"torch": "2.13.0"}, [5, 0]

    monkeypatch.setattr(resolver, "_compile", compiled)
    if len(backends) > 1:
        locked = resolver.lock(Wanted(("torch==2.13.0",)), [Interpreter("3.11")])
        assert (locked.torch_backend, locked.size, locked.unsized) == ("", 5, 1)
    else:
        with pytest.raises(UnbuildableEnvironment, match=problem):
            resolver.lock(Wanted(("torch==2.13.0",)), [Interpreter("3.11")])
    assert asked == backends


def test_the_reason_of_a_resolver_is_a_few_lines() -> None:
    long = "warning: x\nerror: No solution\n  cause: a\n  cause: b\n" + "hint: c\n" * 40
    assert uv_tool.reason_of(long).count("\n") == uv_tool.LINES - 1
