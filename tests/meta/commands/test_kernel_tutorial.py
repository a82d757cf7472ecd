"""The page about user-defined kernels is true: its listings run, its commands print what it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from logitproof.commands.command_line import main

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "check-your-kernel.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
LISTINGS = [block for language, block in BLOCKS if language == "python"]


def commands_with_output() -> Iterator[tuple[str, str]]:
    """Yield each command and what is shown below it; nothing for one that needs a framework, or many kernels."""
    for (language, command), (following, shown) in zip(BLOCKS, [*BLOCKS[1:], ("", "")], strict=True):
        if language == "sh" and "--framework" not in command and not command.startswith("logitproof grade "):
            yield command, "" if following else shown


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tutorial")
    (folder / "fused.py").write_text("\n\n".join(LISTINGS[:-1]))
    return folder


@pytest.mark.parametrize(("command", "shown"), list(commands_with_output()))
def test_commands_print_what_the_page_shows(
    command: str, shown: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    main(shlex.split(command)[1:])
    printed = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for line in shown.splitlines():
        assert " ".join(line.split()) in printed


def test_listings_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    exec(compile("\n\n".join(LISTINGS), "check-your-kernel.md", "exec"), {"__name__": "fused"})  # noqa: S102 - our own page
