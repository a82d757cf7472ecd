"""Command lines that make little sense: every command, every option, every kind of odd argument.

A folder of odd places belongs to them: pipes, sockets, loops, files that are none.
"""

from __future__ import annotations

import os
import socket
from inspect import signature
from typing import TYPE_CHECKING, Any

import typer
from hypothesis import strategies as st

from logitproof.commands.command_line import app
from meta.robustness.damaged_runs import sound_file, sound_run

if TYPE_CHECKING:
    from pathlib import Path

    from hypothesis.strategies import DrawFn, SearchStrategy

CELL = sound_run().table["cell"][0].as_py()
OURS = CELL.replace("torch", "numpy")

NAMED = ("sound.parquet", "other.parquet", "text", "empty", "folder", "pipe", "socket", "loop", "dangling", "new/new")
PATHS = (
    *NAMED,
    *("", ".", "-", "~", "$HOME", "*", "text/below", "loop/below", "\x1b]0;title\x07", "a\nb", "\udcff", "é" * 200),
    *("a" * 255, "a" * 300, "a/" * 3_000, "/dev/null", "/dev/zero", "/dev/full", "/proc/self/mem", "/sys/kernel"),
)
NUMBERS = ("", "0", "1", "-1", "3.5", "nan", "inf", "-inf", "1e400", "0x10", "9" * 400, "1_000", " 5 ", "five", "½")
WORDS = (
    *("", " ", "x" * 20_000, "\x1b[2J", "é", "-1", "nan", "1e999", "%s", "{}", "[red]x[/red]", "../..", "a\nb"),
    *("\udcff", "numpy", "nunpy", "math:sqrt", "math:", ":sqrt", "math:pi", "nowhere:x", "os.path:join", CELL, OURS),
    *(f"{OURS}/typical", f"{OURS}/nowhere", "quick", "full", "1/2", "0/2", "VAL", "VAL-1", "softmax", "float32"),
    *("softmax_cross_entropy", "indices", "sequential", "regression", "verdict", "scipy==1.17.1", "sound.parquet"),
    *('scipy; python_version < "3"', "scipy @ file:///x", "scipy==", ",", "a==1,b==2", "no-such-package==1", "never"),
)

FEW = ("-k", "no_such_regime")
"""Keeps a run that begins after all from judging anything."""


def fill(folder: Path) -> None:
    """Make the odd places."""
    (folder / "sound.parquet").write_bytes(sound_file())
    (folder / "other.parquet").write_bytes(sound_file())
    (folder / "text").write_text("a = [[[\n")
    (folder / "empty").touch()
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "dangling").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "socket"))


def _commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(app)
    return dict(group.commands)


COMMANDS = _commands()


PARAMETERS = {
    one.callback.__name__: signature(one.callback, eval_str=True).parameters
    for one in app.registered_commands
    if one.callback
}
"""The parameters of each command, by name."""


def _values(command: str, parameter: str) -> SearchStrategy[str]:
    kind = str(PARAMETERS[command][parameter].annotation)
    if "Path" in kind:
        return st.sampled_from(PATHS)
    return st.sampled_from(NUMBERS if "int" in kind or "float" in kind else WORDS)


@st.composite
def odd_command(draw: DrawFn) -> list[str]:
    """Return a command line whose every word may be odd."""
    name = draw(st.sampled_from([*COMMANDS, "", "prove", "\x1b[2J"]))
    if name not in COMMANDS:
        return [name]
    words, places = [], []
    for parameter in COMMANDS[name].params:  # of an option that is given twice the last one counts
        option = next((one for one in parameter.opts if one.startswith("-")), "")
        if not option:
            few = 1 if parameter.required and parameter.nargs == 1 else draw(st.integers(0, 2))
            places += [draw(_values(name, parameter.name)) for _ in range(few)]
        elif getattr(parameter, "is_flag", False):
            words += [option] if option != "--wandb" and draw(st.integers(0, 4)) == 0 else []
        elif parameter.required or draw(st.integers(0, 2)) == 0:
            words += [option, draw(_values(name, parameter.name))]
    words += FEW if name == "run" else ()
    return [name, *words, *draw(st.sampled_from(([], [], [], ["--nothing"], ["--help"], ["--"]))), *places]
