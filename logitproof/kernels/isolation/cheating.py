"""A kernel asked once more by a plain program, in whose process nothing of the suite is: it must be right there too.

A kernel can be right where it sees the judge's modules, frames or variables, and wrong in its users' programs. What it
recognises by its parent process, or by the rows, is not found so.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.cases.trials import Trial
from logitproof.kernels.judging.examination import drawn_for, width_near
from logitproof_adapters.evaluator import bootstrap
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from logitproof.kernels.judging.asking import Asker
    from logitproof_adapters.targets.target import Target

ROWS, CLASSES = 5, 33

START_SECONDS = 120.0
"""A framework may take so long to be imported, beside what a call may take."""


def wrong_alone(asker: Asker, format_: str, target: Target, path: Sequence[str], seconds: float) -> str:
    """Return what a plain program gets wrong, in a line; empty where it is right, or where none can be written.

    Parameters
    ----------
    asker : Asker
        Of the kernel; it writes the program.
    format_ : str
    target : Target
        An interpreter of this machine.
    path : sequence of str
        Folders in which the kernel's modules lie.
    seconds : float
        That a call may take.
    """
    trial = Trial("alone", ROWS, width_near(asker, format_, CLASSES), "plain")
    rows = drawn_for(asker, trial, format_, 0).rows
    program = asker.adapter.repro(asker.cell("value", format_), asker.inputs("value", rows))
    if program.startswith("#"):
        return ""
    printed = _printed(program, target, path, seconds)
    answer = _number_of(printed)
    if answer is None:
        return f"{WHERE}: {printed.strip().splitlines()[-1] if printed.strip() else 'it prints nothing'}"
    reply = asker.read("value", rows, answer)
    if reply.observed is None:
        return f"{WHERE}: {reply.failure}"
    compared = asker.held("value", rows, reply)
    if not compared.wrong.any():
        return ""
    place = np.unravel_index(int(np.argmax(~compared.comparison.conforms)), compared.comparison.conforms.shape)
    observed, exact = np.asarray(reply.observed)[place], compared.truth.exact.value[place]
    return f"{WHERE}, {format_} value: observed {observed:.7g}, exact {exact:.7g}"


WHERE = "in a program without Logitproof"

CONSTANTS = ("MOST_CPU_SECONDS", "CAPBSET_DROP", "NO_NEW_PRIVILEGES", "SYS_PTRACE", "CAPABILITY_VERSION")
"""What `bootstrap.give_up_rights` reads."""


def _printed(program: str, target: Target, path: Sequence[str], seconds: float) -> str:
    """Return the output of a program that may read no other process; its errors where it prints nothing."""
    head = [
        "import sys",
        f"sys.path[:0] = {list(path)!r}",
        "from typing import Any",
        *(f"{name} = {getattr(bootstrap, name)!r}" for name in CONSTANTS),
        inspect.getsource(bootstrap.give_up_rights),
        "give_up_rights()",
        *([inspect.getsource(bootstrap.limit_memory), f"limit_memory({target.memory})"] if target.memory else []),
        f"del {', '.join(CONSTANTS)}, give_up_rights",
    ]
    own = {name: value for name, value in os.environ.items() if "LOGITPROOF" not in name}
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter that the user names
            [*target.command, "-c", "\n".join([*head, program])],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=START_SECONDS + seconds,
            env={**own, **target.env},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {START_SECONDS + seconds:g} s"
    return done.stdout if done.stdout.strip() and not done.returncode else done.stderr


def _number_of(printed: str) -> NDArray[Any] | None:
    """Return the array that the last line of a program holds, behind the name of its format."""
    lines = printed.strip().splitlines()
    found = re.fullmatch(r"(?:\w+\.)?(\w+) (.*)", lines[-1]) if lines else None
    if found is None or found[1] not in FORMATS:
        return None
    numbers = re.sub(r"\bnan\b", "NaN", re.sub(r"\binf\b", "Infinity", found[2]))
    try:
        return np.array(json.loads(numbers), np.float64).astype(FORMATS[found[1]].dtype)
    except ValueError:
        return None
