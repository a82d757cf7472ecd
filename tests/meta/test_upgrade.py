"""An upgrade from beginning to end, with a framework of our own in two releases: no network, no framework."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from dataclasses import replace
from importlib import metadata
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from logitproof import environments, upgrade, uv_tool
from logitproof.bisect import Bisection
from logitproof.command_line import main
from logitproof.companions import with_companions
from logitproof.environments import Locked, preferred_pythons, requirements_of
from logitproof.exit_codes import Refusal
from logitproof.own_wheel import pack_own_wheel
from logitproof.trial import selecting
from logitproof.uv_tool import UnbuildableEnvironment
from logitproof_reports.run_file import write_run
from meta.synthetic_runs import QUESTIONS, judgement, run_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

try:
    metadata.distribution("logitproof")
except metadata.PackageNotFoundError:  # pragma: no cover
    pytest.skip("logitproof is not installed", allow_module_level=True)

SOFTMAX = judgement("torch", "eager", "float32", QUESTIONS[0], "typical")
BROKEN_FROM = 4
"""Release of our framework from which its softmax has other bits; 6 cannot be installed."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environments.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


def test_lists_of_requirements_part_at_packages_not_at_bounds() -> None:
    assert requirements_of("jax>=0.4,<0.5, numpy==2.0") == ("jax<0.5,>=0.4", "numpy==2.0")
    with pytest.raises(Refusal, match="names no packages"):
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
    for needed in ("logitproof/__main__.py", "logitproof_reference/SPEC.md", "logitproof_reports/templates/diff.js"):
        assert needed in names


def test_companions_come_from_the_extras_without_their_minimum_versions() -> None:
    assert with_companions(["onnxruntime==1.17"])[0] == "onnxruntime==1.17"
    assert not any(">" in text for text in with_companions(["optax==0.2.4"]))


def test_pips_settings_serve_uv_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in uv_tool.PIP_VARIABLES.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "https://example.org/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "/a /b")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    made = uv_tool.surroundings()
    assert (made["UV_DEFAULT_INDEX"], made["UV_FIND_LINKS"]) == ("https://example.org/simple", "/a,/b")
    assert "PYTHONPATH" not in made


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

    monkeypatch.setattr(environments, "_compile", compile_)
    for module in ("logitproof.upgrade", "logitproof.bisect"):
        monkeypatch.setattr(f"{module}.build", build)
        monkeypatch.setattr(f"{module}.adapters_for", lambda _asked, _environment: ["torch"])
    for module in ("logitproof.trial", "logitproof.bisect"):
        monkeypatch.setattr(f"{module}.judge", judge)
    monkeypatch.setattr("logitproof.trial.adapters_for", lambda _asked, _environment: ["torch"])
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


@pytest.mark.usefixtures("releases")
def test_a_pyarrow_that_old_numpy_needs_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    compile_ = environments._compile

    def remember(requirements: Sequence[str], python: str) -> dict[str, str]:
        asked.append(list(requirements))
        return compile_(requirements, python)

    monkeypatch.setattr(environments, "_compile", remember)
    environments.lock(["torch==2"])
    assert "pyarrow<24" in asked[-1]
    environments.lock(["torch==3"])
    assert "pyarrow<24" not in asked[-1]


def test_pythons_are_tried_from_the_own_one_down_then_up() -> None:
    assert sorted(preferred_pythons()) == sorted(environments.PYTHONS)


def test_the_reason_of_a_resolver_is_a_few_lines() -> None:
    assert upgrade.UnbuildableEnvironment is UnbuildableEnvironment
    long = "warning: x\nerror: No solution\n  cause: a\n  cause: b\n" + "hint: c\n" * 40
    assert uv_tool.reason_of(long).count("\n") == uv_tool.LINES - 1
