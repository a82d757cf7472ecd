"""Commands run within this process, so that thousands of them take a minute; and what any of them may do."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import traceback
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from logitproof.commands.command_line import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 600.0
"""Seconds after which a command hangs: a hundred times what the slowest takes on a machine with nothing else to do."""


_SLOW = re.compile(r": importing, \d+ s$")
"""Progress, which shows where a machine is busy."""

UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Categories of what moves a cursor, turns text round, ends lines, or is no character."""


class Hang(BaseException):
    """A command that does not end; no handler of exceptions catches it."""


@dataclass(frozen=True)
class Ended:
    """What a command left: its exit status, both streams, and how it broke; empty if it did not."""

    arguments: tuple[str, ...]
    status: int
    out: str
    err: str
    broke: str

    @property
    def fault(self) -> str:
        """What is wrong with it; empty for a command that ended as commands may."""
        if self.broke:
            return self.broke
        if self.status == 3 and "could not be built" in self.err:
            return ""
        if self.status not in {0, 1, 2}:
            return f"exit status {self.status}"
        lines = [line for line in self.err.split("\n")[:-1] if not _SLOW.search(line)]
        if self.status == 2 and (len(lines) != 1 or not lines[0].startswith("logitproof: ")):
            return f"exit status 2 with {len(lines)} lines on stderr"
        unseen = {unicodedata.category(char) for char in {*self.out, *self.err} - {"\n"}} & UNSEEN
        return f"characters of category {', '.join(sorted(unseen))} in its output" if unseen else ""


def command(*arguments: object, folder: Path) -> Ended:
    """Run a command in a folder."""
    given = tuple(map(str, arguments))
    out, err, broke, status = io.StringIO(), io.StringIO(), "", -1
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), _in_time():
        try:
            status = main(list(given))
        except Hang:
            broke = "hangs"
        except SystemExit as left:
            broke = f"SystemExit {left.code}"
        except BaseException as error:  # noqa: BLE001  any that leaves main would be a traceback
            broke = f"{type(error).__name__}: {str(error)[:100]} at {_place(error)}"
    return Ended(given, status, out.getvalue(), err.getvalue(), broke)


def _place(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    ours = [one for one in traceback.extract_tb(error.__traceback__) if "logitproof" in one.filename]
    shown = ours[-1] if ours else frame
    return f"{os.path.basename(shown.filename)}:{shown.lineno}"  # noqa: PTH119


@contextlib.contextmanager
def _in_time() -> Iterator[None]:
    def end(_number: int, _frame: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
