"""The pipe to a target: what a call and a large request take, over what as many bytes take through bare pipes.

Run as ``python -m meta.benchmarks.bench_pipe [PYTHON] [-o FILE]``; the target is that interpreter, this one by default.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_adapters.targets.target import interpreter
from logitproof_reference.vocabulary.cells import Cell, Inputs
from meta.benchmarks.results import write

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 1000
LARGE = (2048, 8192)
REPEATS = 5
NOTHING = {"do": "find", "packages": []}
"""A request that does nothing with the arrays it is given."""
ECHO = """import sys
read, write = sys.stdin.buffer, sys.stdout.buffer
while head := read.read(8):
    read.read(int.from_bytes(head, "little"))
    write.write(b".")
    write.flush()
"""
SMALL = bytes(256)
"""A message of about the length of a small request."""

AT_MOST = {"a call": 120.0, "a large request": 6.0}
"""The largest ratios, about three times what they were when they were entered."""

CELL = Cell("numpy", "eager", "log_softmax", "value", "float32")


def seconds(call: Callable[[], object], calls: int) -> float:
    """Return the least time of several calls: what disturbs only adds."""
    found = []
    for _ in range(calls):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


class Echo:
    """A process that reads messages and answers each with one byte."""

    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen([python, "-c", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, message: bytes) -> None:
        """Send a message and wait for the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(len(message).to_bytes(8, "little") + message)
        self._process.stdin.flush()
        self._process.stdout.read(1)

    def end(self) -> None:
        """End the process."""
        self._process.communicate()


def ratios(python: str) -> dict[str, float]:
    """Measure a call of one logit, and a request of many of which nothing is asked."""
    inputs, large = Inputs(np.zeros((1, 1), np.float32), 1), {"logits": np.zeros(LARGE, np.float32)}
    echo = Echo(python)
    with RemoteAdapter("numpy", interpreter(python)) as adapter:
        call = seconds(lambda: adapter.evaluate(CELL, inputs), CALLS) / seconds(lambda: echo(SMALL), CALLS)
        message = large["logits"].tobytes()
        sent = seconds(lambda: adapter.request(NOTHING, large), REPEATS) / seconds(lambda: echo(message), REPEATS)
    echo.end()
    return {"a call": call, "a large request": sent}


def main(arguments: list[str]) -> int:
    """Print the ratios, and write them as JSON; 1 where one is larger than it may be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", nargs="?", default=sys.executable)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args(arguments)
    found = ratios(given.python)
    for name, ratio in found.items():
        sys.stdout.write(f"{name} over bare pipes: {ratio:.1f}, at most {AT_MOST[name]:g}\n")
    return write(given.output, "pipe", found, at_most=AT_MOST)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
