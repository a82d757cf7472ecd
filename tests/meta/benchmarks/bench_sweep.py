"""What a sweep costs besides the framework's own kernel: CPU time a row, all of the sweep over the bare call.

Run as ``python -m meta.benchmarks.bench_sweep log_softmax PYTHON`` with OMP_NUM_THREADS=1; PYTHON has PyTorch. Each
piece of rows is swept and then handed to the bare kernel in the same process, so that a busy machine slows both. The
pieces together have as many rows as a unit of a sweep, and end as one does.
"""

from __future__ import annotations

import sys
import time

from logitproof.sweeps.certifier import Certifier
from logitproof.sweeps.evaluate_unit import answers_of
from logitproof.sweeps.functions import Function
from logitproof.sweeps.units import Unit
from logitproof_adapters.contract import declared_arithmetic
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_adapters.targets.target import interpreter
from meta.benchmarks.bare_kernels import COUNT, PIECES, starts

THERE = "meta.benchmarks.bare_kernels"


def main(op: str = "log_softmax", python: str = sys.executable, repeats: str = "2") -> None:
    """Print one line: nanoseconds of CPU time a row, of the judge, the evaluator and the bare kernel."""
    function = Function(op, "none", "value", "float32")
    with RemoteAdapter("torch", interpreter(python), also_sent=(THERE,)) as adapter:
        arithmetic = declared_arithmetic(adapter)
        _sweep(adapter, first := Certifier(function, arithmetic), 0x3F80_0000)  # tables, imports, the first call
        first.finish()
        adapter.call(THERE, op)
        judge = evaluator = bare = 0.0
        for _ in range(int(repeats)):
            certifier = Certifier(function, arithmetic)
            for start in starts():
                before = time.process_time(), adapter.call(THERE, "processor_seconds")
                _sweep(adapter, certifier, start)
                judge += time.process_time() - before[0]
                evaluator += adapter.call(THERE, "processor_seconds") - before[1]
                bare += adapter.call(THERE, op)
            before_end = time.process_time()
            certifier.finish()
            judge += time.process_time() - before_end
    rows = PIECES * COUNT * int(repeats)
    parts = ", ".join(
        f"{name} {seconds / rows * 1e9:.1f}"
        for name, seconds in (("judge", judge), ("evaluator", evaluator), ("bare kernel", bare))
    )
    sys.stdout.write(f"{op}: {parts} ns a row; sweep / bare kernel {(judge + evaluator) / bare:.2f}\n")


def _sweep(adapter: RemoteAdapter, certifier: Certifier, start: int) -> None:
    for first, answer in answers_of(adapter, Unit(certifier.function, start, COUNT)):
        certifier.take(first, answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
