"""The cache of environments: what is damaged is made again, what cannot be used is one line, what is used stays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof.environments import build as building
from logitproof.environments import cache
from logitproof.environments import uv_command as uv_tool
from logitproof.environments.build import build, is_whole
from logitproof.environments.interpreters import Interpreter
from logitproof.environments.resolver import Locked, requirements_of
from logitproof.environments.uv_command import UnbuildableEnvironment
from logitproof.errors import EXPECTED, USAGE, UsageError
from logitproof_reference.answers.cache_folder import CACHE_VARIABLE, cache_folder
from meta.robustness.commands_in_process import command

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep environments in a folder of the test's own."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let an environment be one whose interpreter starts this one; return what uv was called for."""
    calls: list[str] = []

    def call(*arguments: str, text: str = "") -> str:
        calls.append(arguments[0] + text[:0])
        if arguments[0] == "venv":
            python = Path(arguments[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
            python.chmod(0o755)
        return ""

    monkeypatch.setattr(uv_tool, "call", call)
    return calls


def locked() -> Locked:
    return Locked(("numpy",), Interpreter("3.11"), {"numpy": np.__version__})


def _python(text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "bin" / "python").write_text(text) and None


def _replaced(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        shutil.rmtree(folder)
        make(folder)

    return damage


def _lock_is_a_folder(folder: Path) -> None:
    (folder / cache.LOCK).unlink()
    (folder / cache.LOCK).mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no interpreter": lambda folder: (folder / "bin" / "python").unlink(),
    "an interpreter that is none": _python("\0"),
    "an interpreter that fails": _python("#!/bin/sh\nexit 1\n"),
    "an interpreter without packages": _python("#!/bin/sh\nexit 0\n"),
    "an interpreter of another machine": _python("#!/nowhere/python\n"),
    "an interpreter that may not run": lambda folder: (folder / "bin" / "python").chmod(0o644),
    "no lock": lambda folder: (folder / cache.LOCK).unlink(),
    "a lock that ends early": lambda folder: (folder / cache.LOCK).write_text("# num"),
    "a lock of bytes": lambda folder: (folder / cache.LOCK).write_bytes(b"\xff\xfe\x00"),
    "a lock that is a folder": _lock_is_a_folder,
    "an empty folder": _replaced(lambda folder: folder.mkdir()),
    "a file": _replaced(lambda folder: folder.write_text("")),
    "a link to nowhere": _replaced(lambda folder: folder.symlink_to("nowhere")),
    "a link to itself": _replaced(lambda folder: folder.symlink_to(folder)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_environment_is_made_anew(damage: Callable[[Path], object], made: list[str], tmp_path: Path) -> None:
    built = build(locked())
    damage(built.folder)
    assert not is_whole(built)
    assert command("cache", folder=tmp_path).fault == ""
    again = build(locked())
    assert is_whole(again)
    assert made == ["venv", "pip"] * 2
    assert [entry.name for entry in built.folder.parent.iterdir()] == [built.folder.name]


def test_a_whole_environment_is_used_as_it_is(made: list[str]) -> None:
    assert build(locked()) == build(locked())
    assert made == ["venv", "pip"]


def test_a_package_that_is_cut_short_is_seen(tmp_path: Path) -> None:
    package = tmp_path / "lib" / "planted.py"
    package.parent.mkdir()
    package.write_text("x = 1\n")
    about = package.parent / "planted-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n")
    (about / "RECORD").write_text("planted.py,sha256=abc,6\n")
    asked = [
        sys.executable,
        "-S",
        "-c",
        f"import sys; sys.path[:] += [{str(package.parent)!r}]\n{building._COUNT_DAMAGED}",
    ]
    assert subprocess.run(asked, check=False, capture_output=True, text=True).stdout == "planted==1.0\n"
    package.write_text("x =\n")
    assert subprocess.run(asked, check=False, capture_output=True, text=True).returncode == 1


def _file(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file"


def _loop(folder: Path) -> Path:
    (folder / "loop").symlink_to(folder / "loop")
    return folder / "loop"


PLACES: dict[str, Callable[[Path], Path]] = {
    "a file": _file,
    "below a file": lambda folder: _file(folder) / "below",
    "a loop": _loop,
    "too long": lambda folder: folder / ("a" * 300),
    "a system's folder": lambda _folder: Path("/proc/logitproof"),
    "a device": lambda _folder: Path("/dev/null"),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_cache_that_cannot_be_is_one_line(
    place: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(place(tmp_path)))
    for arguments in (
        ("upgrade", "scipy==1.17.1", "scipy==1.17.1"),
        ("bisect", "scipy==1.0", "scipy==2", "--cell", "a"),
    ):
        ended = command(*arguments, folder=tmp_path)
        assert (ended.fault, ended.status) == ("", USAGE)
        assert CACHE_VARIABLE in ended.err
    for arguments in (("cache",), ("cache", "--clear"), ("cache", "--idle", "3", "--clear")):
        assert command(*arguments, folder=tmp_path).fault == ""


@pytest.mark.parametrize("make", [Path.mkdir, lambda place: place.symlink_to(place)], ids=["a folder", "a loop"])
def test_what_stands_in_the_place_of_the_lock_keeps_no_cache_from_use(
    make: Callable[[Path], None], own_cache: Path
) -> None:
    own_cache.mkdir()
    make(own_cache / "in-use.lock")
    assert command("cache", "--clear", folder=own_cache).status == EXPECTED
    cache.hold_cache()


def test_a_relative_cache_is_one_place_wherever_processes_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CACHE_VARIABLE, "here")
    assert cache_folder() == tmp_path / "here"


def test_a_cache_in_use_is_not_cleared(own_cache: Path, tmp_path: Path) -> None:
    program = "from logitproof.environments.cache import hold_cache\nhold_cache()\nprint(flush=True)\ninput()\n"
    kept = own_cache / "environments" / "kept" / cache.LOCK
    kept.parent.mkdir(parents=True)
    kept.write_text("# scipy\n")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program], **pipes, env=dict(os.environ)) as other:  # type: ignore[call-overload]
        other.stdout.readline()
        ended = command("cache", "--clear", folder=tmp_path)
        assert (ended.fault, ended.status) == ("", USAGE)
        assert "is being used by another process" in ended.err
        assert kept.exists()
        cache.hold_cache()  # two upgrades at once do not hinder each other
        cache._release()
        other.communicate(b"\n")
    assert command("cache", "--clear", folder=tmp_path).status == 0
    assert not kept.exists()


def test_a_full_disk_ends_as_an_environment_that_cannot_be_built(
    made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(building, "_put", full)
    with pytest.raises(UnbuildableEnvironment, match="No space left on device"):
        build(locked())
    assert made
    assert not list((tmp_path / "cache" / "environments").iterdir())


UNFIT = {
    "": "names no packages",
    " , ": "names no packages",
    'scipy; python_version < "3"': "leave out its marker",
    'scipy; sys_platform == "win32"': "leave out its marker",
    "scipy @ https://example.org/scipy.whl": "names an address",
    "scipy==": "names no packages",
    "-r requirements.txt": "names no packages",
    "scipy==1.0\n--index-url=https://example.org": "names no packages",
}


@pytest.mark.parametrize(("text", "message"), UNFIT.items(), ids=UNFIT)
def test_what_names_no_release_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        requirements_of(text)
