"""An upgrade from beginning to end, with a framework of our own in two releases: no network, no framework."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import time
import zipfile
from dataclasses import replace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from logitproof.commands.command_line import main
from logitproof.environments import build as environments
from logitproof.environments import cache as environment_cache
from logitproof.environments import locks, pip_settings
from logitproof.environments import uv_command as uv_tool
from logitproof.environments.locks import Locked, preferred_pythons, requirements_of
from logitproof.environments.own_wheel import pack_own_wheel
from logitproof.environments.package_adapters import with_companions
from logitproof.environments.pip_settings import settings_for_uv
from logitproof.environments.uv_command import UnbuildableEnvironment
from logitproof.errors import UsageError
from logitproof.upgrades import sides as upgrade
from logitproof.upgrades.bisect import Bisection
from logitproof.upgrades.trial import selecting
from logitproof_adapters.catalogue.frameworks import PACKAGES, Package
from logitproof_reference.answers.place import ANSWERS, CACHE_VARIABLE, cache_folder
from logitproof_reports.runs.run_file import write_run
from meta.reports.synthetic_runs import QUESTIONS, judgement, run_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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


def test_the_own_wheel_is_whole_and_named_by_its_contents(tmp_path: Path) -> None:
    wheel = pack_own_wheel(tmp_path)
    assert pack_own_wheel(tmp_path) == wheel
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (record,) = [name for name in names if name.endswith("RECORD")]
        for line in archive.read(record).decode().splitlines()[:-1]:
            name, digest, size = line.rsplit(",", 2)
            content = archive.read(name)
            assert int(size) == len(content)
            assert digest == "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    for needed in (
        "logitproof/__main__.py",
        "logitproof_reference/specification/SPEC.md",
        "logitproof_reports/html/templates/diff/diff.js",
    ):
        assert needed in names


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
    told = pip_settings.told(os.environ)
    assert told == "packages come from: index https://example.com, further index https://a.example file:///wheels"


@pytest.mark.usefixtures("pip_conf")
def test_uvs_own_places_are_told_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pip_settings, "configured", dict)
    assert not pip_settings.told(os.environ)
    monkeypatch.setenv("UV_INDEX", "mine=https://me:secret@example.org:8080/secret/simple https://b.example")
    monkeypatch.setenv("UV_FIND_LINKS", "/wheels,/more")
    assert pip_settings.told(os.environ) == (
        "packages come from: further index https://example.org https://b.example, links /wheels /more"
    )


def test_nothing_points_from_one_environment_into_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert "PYTHONPATH" not in uv_tool.surroundings()


def kept_for(days: float, title: str, size: int) -> Path:
    """Keep an environment that was last used so many days ago."""
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


def test_an_environment_that_cannot_be_made_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def call(command: str, *arguments: str, **_words: str) -> str:
        if command == "venv":
            Path(arguments[-1]).mkdir()
            return ""
        raise UnbuildableEnvironment("the disk is full")

    monkeypatch.setattr(uv_tool, "call", call)
    with pytest.raises(UnbuildableEnvironment, match="full"):
        environments.build(Locked(("torch==1",), "3.11", {"torch": "1"}, tmp_path / "x/own.whl"))
    assert not list(environment_cache.environments_folder().iterdir())


def test_a_package_that_runs_on_a_backend_is_refused_with_what_to_write(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(upgrade, "_run", lambda *_: SimpleNamespace(stdout='{"numpy": null}'))
    made = environments.BuiltEnvironment(Locked(("keras==3.15.1",), "3.11", {}, tmp_path / "own.whl"), tmp_path)
    with pytest.raises(UsageError, match=r"keras_jax needs jax, .*: write e\.g\. keras==3\.15\.1,jax$"):
        upgrade.adapters_for("keras==3.15.1", made)
    with pytest.raises(UsageError, match="use --framework"):
        upgrade.adapters_for("packaging==25.0", made)


def test_a_release_that_is_too_old_is_refused_unless_another_adapter_asks_a_newer_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed = {"jax": "jax 0.4.13 is installed, and so on", "keras_jax": "likewise", "keras_torch": None}
    monkeypatch.setattr(upgrade, "_run", lambda *_: SimpleNamespace(stdout=json.dumps(installed)))
    made = environments.BuiltEnvironment(Locked(("jax==0.4.13",), "3.11", {}, tmp_path / "own.whl"), tmp_path)
    with pytest.raises(UsageError, match=r"^jax==0\.4\.13 cannot be judged: jax 0\.4\.13 is installed, and so on$"):
        upgrade.adapters_for("jax==0.4.13", made)
    assert upgrade.adapters_for("keras==3.15.1", made) == ["keras_torch"]


def test_a_release_that_is_too_old_is_refused_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(locks, "_compile", lambda *_: pytest.fail("it looks for packages"))
    assert main(["upgrade", "tensorflow-cpu==2.15.1", "tensorflow-cpu==2.21.0"]) == 2
    least = PACKAGES["tensorflow"].oldest
    expected = f"logitproof: tensorflow-cpu 2.15.1 is too old: {least} is the oldest release that is judged"
    assert capsys.readouterr().err.splitlines()[-1] == expected


def test_cells_are_selected_in_pytests_own_language() -> None:
    assert selecting(["a-axis=first", "b"]) == "(a-axis and first) or (b)"


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let releases 1 to 9 of torch be there, without an environment behind any; return what was judged."""
    judged: list[str] = []

    def compile_(asked: Sequence[str], _python: str) -> dict[str, str]:
        (text,) = [one for one in asked if one.startswith("torch")][:1]
        bounds = Requirement(text).specifier
        fitting = [n for n in range(1, 10) if bounds.contains(str(n))]
        if not fitting:
            raise UnbuildableEnvironment(f"there is no version of {text}")
        return {"torch": str(fitting[-1]), "numpy": "1.26.4" if fitting[-1] < 3 else "2.0.0"}

    def build(locked: Locked) -> environments.BuiltEnvironment:
        if locked.packages["torch"] == "6":
            raise UnbuildableEnvironment("torch 6 has no wheels\nfor this machine")
        return environments.BuiltEnvironment(locked, tmp_path / locked.key)

    def judge(
        environment: environments.BuiltEnvironment, _adapters: object, output: Path, _options: object = ()
    ) -> None:
        version = environment.locked.packages["torch"]
        judged.append(version)
        digest = "feed" * 4 if int(version) >= BROKEN_FROM else "c0de" * 4
        verdict = "deviates" if int(version) >= BROKEN_FROM else "conforms"
        output.parent.mkdir(parents=True, exist_ok=True)
        write_run(output, run_of("torch", replace(SOFTMAX, digest=digest, verdict=verdict)))

    monkeypatch.setattr(locks, "_compile", compile_)
    monkeypatch.setitem(PACKAGES, "torch", Package("1"))
    for module in ("logitproof.upgrades.sides", "logitproof.upgrades.bisect"):
        monkeypatch.setattr(f"{module}.build", build)
        monkeypatch.setattr(f"{module}.adapters_for", lambda _asked, _environment: ["torch"])
    for module in ("logitproof.upgrades.trial", "logitproof.upgrades.bisect"):
        monkeypatch.setattr(f"{module}.judge", judge)
    monkeypatch.setattr("logitproof.upgrades.trial.adapters_for", lambda _asked, _environment: ["torch"])
    return judged


def test_an_upgrade_writes_everything_and_exits_by_the_gate(
    releases: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["upgrade", "torch==3", "torch==4", "-o", "out"]) == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "baseline.again.parquet",
        "baseline.lock.txt",
        "baseline.parquet",
        "candidate.again.parquet",
        "candidate.lock.txt",
        "candidate.parquet",
        "certificate.json",
        "diff.html",
        "diff.json",
        "summary.md",
    ]
    assert releases == ["3", "4", "3", "4"]
    assert "newly failing" in capsys.readouterr().out
    assert json.loads((tmp_path / "out/certificate.json").read_text())["runs"]["baseline"]["lock"][1:] == [
        "torch==3",
        "numpy==2.0.0",
    ]
    assert main(["verify", "out/certificate.json", "out/baseline.parquet", "out/candidate.parquet"]) == 0
    assert main(["upgrade", "out/baseline.parquet", "torch==3", "-o", "again"]) == 0


@pytest.mark.usefixtures("releases")
def test_an_environment_that_cannot_be_built_says_why_and_keeps_the_other_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["upgrade", "torch==3", "torch==99", "-o", "out"]) == 3
    assert "there is no version of torch==99" in capsys.readouterr().err
    assert (tmp_path / "out/baseline.parquet").exists()


def test_a_bisection_names_the_first_release_and_goes_on_where_it_was(releases: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "bisect"
    folder.mkdir()
    said: list[str] = []
    found = Bisection("torch==1", "torch==9", SOFTMAX.cell, "typical", folder, said.append).run()
    assert (found.before, found.after) == ("3", "4")
    asked = len(releases)
    assert asked <= 2 + 4
    assert Bisection("torch==1", "torch==9", SOFTMAX.cell, "", folder, said.append).run().after == "4"
    assert len(releases) == asked
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

    def compiled(requirements: Sequence[str], python: str) -> dict[str, str]:
        del python
        asked.append(list(requirements))
        return {"jax": "0.4.25", "jaxlib": "0.4.25" if "jaxlib<=0.4.25" in requirements else "0.10.2"}

    asked: list[list[str]] = []
    monkeypatch.setattr(locks, "_compile", compiled)
    monkeypatch.setattr(locks, "UNDECLARED", needs)
    locks._resolve(["jax==0.4.25"], "3.11", Path("x.whl").resolve())
    assert asked[-1][-2:] == ["jaxlib<=0.4.25", "scipy<1.13"]


def test_pythons_are_tried_from_the_own_one_down_then_up() -> None:
    assert sorted(preferred_pythons()) == sorted(locks.PYTHONS)


def test_the_reason_of_a_resolver_is_a_few_lines() -> None:
    assert upgrade.UnbuildableEnvironment is UnbuildableEnvironment
    long = "warning: x\nerror: No solution\n  cause: a\n  cause: b\n" + "hint: c\n" * 40
    assert uv_tool.reason_of(long).count("\n") == uv_tool.LINES - 1
