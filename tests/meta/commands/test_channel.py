"""Further indexes and pre-releases: added to what is set, and every build of a day found between two of them."""

from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING

import pytest

from logitproof.environments import channel
from logitproof.environments.channel import open_channel
from logitproof.environments.interpreters import preferred
from logitproof.upgrades.bisect import releases

if TYPE_CHECKING:
    from pathlib import Path

NIGHTS = tuple(f"2.1.0.dev0+git2026010{day}.{commit}" for day, commit in ((1, "ff"), (2, "0a"), (3, "7c")))


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith(("UV_", "PIP_"))]:
        monkeypatch.delenv(name)
    # Set and removed, so that what a channel sets is undone at the end.
    for name in ("UV_INDEX", "UV_INDEX_STRATEGY", "UV_PRERELEASE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(channel, "settings_for_uv", lambda _: {})
    return monkeypatch


def test_an_index_is_added_to_those_that_pip_knows(variables: pytest.MonkeyPatch) -> None:
    variables.setattr(channel, "settings_for_uv", lambda _: {"UV_INDEX": "https://index.example.org/own"})
    open_channel(["https://index.example.org/nightly"])
    assert os.environ["UV_INDEX"] == "https://index.example.org/nightly https://index.example.org/own"
    assert os.environ["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert "UV_PRERELEASE" not in os.environ


@pytest.mark.usefixtures("variables")
def test_nothing_is_set_where_nothing_is_asked_for() -> None:
    before = dict(os.environ)
    open_channel()
    assert dict(os.environ) == before


def wheel(folder: Path, version: str) -> None:
    """Write a wheel of a package without modules."""
    info = f"nights-{version}.dist-info"
    with zipfile.ZipFile(folder / f"nights-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: nights\nVersion: {version}\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


def test_every_release_between_two_is_found_and_of_builds_of_a_day_each(
    variables: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for version in ("1.9", "2.0", "2.0.1", *NIGHTS, "2.1.0rc1", "2.1"):
        wheel(tmp_path, version)
    variables.setenv("UV_FIND_LINKS", str(tmp_path))
    variables.setenv("UV_NO_INDEX", "1")
    here = preferred()[:1]
    assert releases("nights", "2.0", "2.1", here) == ["2.0", "2.0.1", "2.1"]
    open_channel(pre=True)
    assert releases("nights", NIGHTS[0], NIGHTS[2], here) == list(NIGHTS)
    assert releases("nights", "2.0.1", "2.1", here) == ["2.0.1", *NIGHTS, "2.1.0rc1", "2.1"]
