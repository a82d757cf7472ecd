"""Our share of a run: wall time of a run over the framework's own import and calls on the same inputs.

Run as ``python tests/meta/benchmarks/bench_share.py torch``; both are measured in fresh processes, in turn.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time

REPEATS = 3
BARE = "import bench_share, sys; bench_share.print_bare_seconds(sys.argv[1])"


def print_bare_seconds(framework: str) -> None:
    """Print the seconds that importing the framework and its calls for every eager cell take, as JSON."""
    from logitproof_adapters.catalogue import registry  # noqa: PLC0415  not part of what is timed
    from logitproof_conformance.plan.cases import batches_of, plan_cells  # noqa: PLC0415
    from logitproof_conformance.plan.layout import arrange  # noqa: PLC0415

    start = time.perf_counter()
    adapter = registry.load(framework)
    imported = time.perf_counter() - start
    called = 0.0
    for cell in plan_cells(adapter, "quick"):
        if cell.mode != "eager" or adapter.unsupported(cell):
            continue
        for batch in batches_of(cell, "quick"):
            inputs = arrange(cell, batch.rows)
            start = time.perf_counter()
            adapter.evaluate(cell, inputs)
            called += time.perf_counter() - start
    sys.stdout.write(json.dumps({"import": imported, "calls": called}))


def bare_seconds(framework: str) -> dict[str, float]:
    """Measure import and bare calls in a fresh process."""
    done = subprocess.run([sys.executable, "-c", BARE, framework], capture_output=True, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def whole_seconds(framework: str) -> float:
    """Measure the eager matrix, from process start to exit."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "logitproof", "run", "--framework", framework, "-k", "eager"]
        start = time.perf_counter()
        subprocess.run([*command, "-o", f"{folder}/run.parquet"], capture_output=True, check=False)
        return time.perf_counter() - start


def main(frameworks: list[str]) -> None:
    """Print one line a framework: whole, import, calls, ratio (medians of the repeats)."""
    for framework in frameworks:
        whole, imported, called = [], [], []
        for _ in range(REPEATS):
            bare = bare_seconds(framework)
            imported.append(bare["import"])
            called.append(bare["calls"])
            whole.append(whole_seconds(framework))
        ratios = sorted(w / (i + c) for w, i, c in zip(whole, imported, called, strict=True))
        middle = REPEATS // 2
        sys.stdout.write(
            f"{framework}: whole {sorted(whole)[middle]:.2f} s, import {sorted(imported)[middle]:.2f} s, "
            f"bare calls {sorted(called)[middle]:.2f} s, ratio {ratios[middle]:.2f} "
            f"(from {ratios[0]:.2f} to {ratios[-1]:.2f})\n"
        )


if __name__ == "__main__":
    main(sys.argv[1:] or ["numpy"])
