"""The repro of a call that ended its process: it makes the call in a subprocess, and prints how that ended."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters import contract
from logitproof_conformance.plan.layout import arrange
from logitproof_conformance.programs.repro import program_of_inputs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from logitproof_adapters.contract import Adapter
    from logitproof_adapters.targets.link import TargetDied
    from logitproof_reference.cases.catalogue import Rows
    from logitproof_reference.vocabulary.cells import Cell, Inputs

SECONDS = 60
"""CPU time limit of a program that imports a framework and calls it once."""

SHELL_SIGNALED = 128
"""A shell, and a container, exits with this and the number of the signal that ended its program."""

MOST_CHARACTERS = 100_000
"""Longest program, which may contain a whole batch."""

BY_ROW = ("logits", "labels", "cotangent", "tangent")
"""The arrays with a row for each example."""

IN_A_PROCESS = """\
import signal, subprocess, sys

program = r'''
{program}
'''
status = subprocess.run([sys.executable, "-c", program]).returncode
print("ended by", signal.Signals(-status).name) if status < 0 else print("exit status", status)
"""


def program_that_ends(adapter: Adapter, error: TargetDied, fewer: Sequence[Rows]) -> str:
    """Return the program of a call that ended the process, of as few rows as end it; empty if none was asked.

    Tried are the rows with a label that is no class, then each of `fewer`, then all. What hangs or takes all memory is
    not run again: its program is the call, with what came of it as a comment.
    """
    if error.asked is None:
        return ""
    cell, inputs = error.asked
    if error.by_itself:
        for part in (*_stray_labels(cell, inputs), *(arrange(cell, rows) for rows in fewer), inputs):
            program = program_of_inputs(adapter, cell, part, MOST_CHARACTERS)
            if program and _ends(adapter, program):
                return IN_A_PROCESS.format(program=program)
    remark = f"{error}; in a process of its own it did not" if error.by_itself else str(error)
    program = program_of_inputs(adapter, cell, inputs, MOST_CHARACTERS)
    return f"# In the run: {' '.join(remark.split())}\n{program}" if program else ""


def _stray_labels(cell: Cell, inputs: Inputs) -> Iterator[Inputs]:
    """Yield the rows with a label that is no class, where there are any and rows are the first axis."""
    if cell.labels != "indices" or inputs.labels is None or (cell.axis, cell.layout) != ("last", "contiguous"):
        return
    stray = (inputs.labels < 0) | (inputs.labels >= inputs.logits.shape[-1])
    if stray.any():
        yield _rows(inputs, np.flatnonzero(stray))


def _rows(inputs: Inputs, chosen: np.ndarray[Any, np.dtype[np.intp]]) -> Inputs:
    """Return some rows of the inputs; what has none, such as weights of classes, stays whole."""
    count = len(inputs.logits)
    by_row = {name: array for name, array in inputs.arrays().items() if name in BY_ROW and array.shape[:1] == (count,)}
    parts: dict[str, Any] = {name: array[chosen] for name, array in by_row.items()}
    return replace(inputs, **parts)


def _ends(adapter: Adapter, program: str) -> bool:
    """Return whether a program ends its process: by a signal, or with neither a result nor an exception."""
    try:
        done = contract.run_alone(adapter, program, {}, SECONDS)
    except subprocess.TimeoutExpired:
        return False
    silent = not done.stdout.strip() and "Traceback" not in done.stderr
    return done.returncode < 0 or done.returncode > SHELL_SIGNALED or silent
