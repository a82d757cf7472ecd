"""The pipe to a target: seconds to start, microseconds a call, and bytes a second on the way there.

Run as ``python tests/meta/benchmarks/bench_pipe.py [PYTHON]``; the target is that interpreter, this one by default.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_adapters.targets.target import interpreter
from logitproof_reference.vocabulary.cells import Cell, Inputs

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 1000
LARGE = (2048, 8192)
REPEATS = 5
NOTHING = {"do": "find", "packages": []}
"""A request that does nothing with the arrays it is given."""
CELL = Cell("numpy", "eager", "log_softmax", "value", "float32")


def seconds(call: Callable[[], object], calls: int) -> float:
    """Return the least time of several calls: what disturbs only adds."""
    found = []
    for _ in range(calls):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def main(python: str) -> None:
    """Print one line."""
    start = time.perf_counter()
    with RemoteAdapter("numpy", interpreter(python)) as adapter:
        started = time.perf_counter() - start
        inputs = Inputs(np.zeros((1, 1), np.float32), 1)
        call = seconds(lambda: adapter.evaluate(CELL, inputs), CALLS)
        large = {"logits": np.zeros(LARGE, np.float32)}
        rate = large["logits"].nbytes / seconds(lambda: adapter.request(NOTHING, large), REPEATS)
    sys.stdout.write(f"pipe: starts in {started:.2f} s, {call * 1e6:.0f} us a call, {rate / 1e6:.0f} MB/s\n")


if __name__ == "__main__":
    main(*(sys.argv[1:] or [sys.executable]))
