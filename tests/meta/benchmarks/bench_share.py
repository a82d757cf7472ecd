"""Our share of a run: what judge and evaluators take, over what the framework's import and the same calls take alone.

Run as ``python -m meta.benchmarks.bench_share torch [--profile full] [-o FILE]``. Both are measured in fresh processes:
cold, with nothing kept of an earlier run, and warm, with the exact answers and what the framework compiled kept from
the first. Each ratio is given by CPU time, which other processes do not take, and by the clock.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

from logitproof.matrix.process_environment import cache_variables, with_patient_threads
from logitproof_adapters.targets.target import here
from logitproof_reference.answers.cache_folder import CACHE_VARIABLE
from meta.benchmarks.results import write

MODULE = "meta.benchmarks.bench_share"
STATES = ("cold", "warm")

AT_MOST = {("quick", "cold"): 2.0, ("quick", "warm"): 1.3, ("full", "warm"): 1.3}
"""The largest ratio by the clock, on two processors that do nothing else."""

COMPILES_ITSELF = {"TORCHINDUCTOR_COMPILE_THREADS": "1"}
"""So that a process compiles what it calls: what one that goes on does for it is not known before it ends."""

PR_SET_CHILD_SUBREAPER = 36
"""By which Linux makes this process the parent of those whose own has ended (linux/prctl.h): it waits for them."""


@dataclass(frozen=True)
class Taken:
    """Seconds by the clock, and seconds of all processors."""

    clock: float
    processor: float

    def over(self, other: Taken) -> dict[str, float]:
        """Return how many times longer this took."""
        return {name: spent / asdict(other)[name] for name, spent in asdict(self).items()}


class Watch:
    """Adds up what is spent between `start` and `stop`, in this process and those that it waited for."""

    def __init__(self) -> None:
        self.clock = self.processor = 0.0

    @staticmethod
    def _now() -> tuple[float, float]:
        used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return time.perf_counter(), sum(one.ru_utime + one.ru_stime for one in used)

    def __enter__(self) -> None:
        self._begun = self._now()

    def __exit__(self, *_: object) -> None:
        clock, processor = self._now()
        self.clock += clock - self._begun[0]
        self.processor += processor - self._begun[1]

    @property
    def taken(self) -> Taken:
        """What was spent so far."""
        return Taken(self.clock, self.processor)


def print_bare(framework: str, profile: str) -> None:
    """Print what importing the framework and all calls that its run makes take, as JSON, without what lies between.

    Calls of trainings are left out: they make the ratio larger, never smaller.
    """
    from logitproof_adapters.catalogue import registry  # noqa: PLC0415  not part of what is timed
    from logitproof_conformance.plan.cases import plan_cases  # noqa: PLC0415
    from logitproof_conformance.session.without_pytest import judge_cell  # noqa: PLC0415

    watch = Watch()
    with watch:
        adapter = registry.load(framework)
    imported, evaluate = watch.taken, adapter.evaluate
    calls = 0

    def timed(*question: object) -> object:
        nonlocal calls
        calls += 1
        with watch:
            return evaluate(*question)  # type: ignore[arg-type]

    adapter.evaluate = timed  # type: ignore[method-assign,assignment]
    for _, cases in groupby(plan_cases(adapter, profile), key=lambda case: case.cell.id):
        judge_cell(adapter, list(cases), profile)
    sys.stdout.write(json.dumps({"import": asdict(imported), "calls": calls, "bare": asdict(watch.taken)}))


def bare(framework: str, profile: str, folder: str) -> tuple[Taken, int]:
    """Measure import and calls in a fresh process; return the number of calls as well."""
    os.environ[CACHE_VARIABLE] = folder
    kept = {**with_patient_threads(here()).env, **cache_variables(here()), **COMPILES_ITSELF}
    command = [sys.executable, "-m", MODULE, framework, "--profile", profile, "--bare"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **kept})
    found = json.loads(done.stdout.splitlines()[-1])
    return Taken(**found["bare"]), found["calls"]


def whole(framework: str, profile: str, folder: str) -> Taken:
    """Measure the whole run, from the start of its process to the end of the last of them."""
    environment = {**os.environ, CACHE_VARIABLE: folder}
    command = [sys.executable, "-m", "logitproof", "run", "--framework", framework, "--profile", profile]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    watch = Watch()
    with watch:
        done = subprocess.run(
            [*command, "-o", f"{folder}/run.parquet"], capture_output=True, text=True, check=False, env=environment
        )
        with suppress(ChildProcessError):  # compilers that an evaluator left behind
            while os.waitpid(-1, 0):
                pass
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    return watch.taken


def shares(framework: str, profile: str) -> dict[str, dict[str, float]]:
    """Return the ratios of a framework's run, cold and warm."""
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        for state in STATES:
            judged = whole(framework, profile, ours)
            alone, calls = bare(framework, profile, theirs)
            found[state] = judged.over(alone)
            sys.stdout.write(f"{framework}: {calls} calls\n")
    return found


def main(arguments: list[str]) -> int:
    """Print the ratios of each framework, and write them as JSON; 1 where one by the clock is larger than it may be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frameworks", nargs="*", default=["numpy"])
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args(arguments)
    if given.bare:
        print_bare(given.frameworks[0], given.profile)
        return 0
    ratios: dict[str, float] = {}
    at_most: dict[str, float] = {}
    for framework in given.frameworks:
        for state, found in shares(framework, given.profile).items():
            title = f"{framework}, {given.profile}, {state}"
            ratios |= {f"{title}, {by}": ratio for by, ratio in found.items()}
            at_most[f"{title}, clock"] = AT_MOST.get((given.profile, state), math.inf)
            shown = "   ".join(f"{by} {ratio:.2f}" for by, ratio in found.items())
            sys.stdout.write(f"{title}: run over import and calls: {shown}\n")
    return write(given.output, "share", ratios, at_most=at_most)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
