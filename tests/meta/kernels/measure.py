"""Check every kernel of the corpus as `logitproof check` does, and count the faulty ones found and the correct accused.

Run from the repository's root: ``PYTHONPATH=tests python -m meta.kernels.measure -o runs``, as ``nox -s kernels`` does.
Prints a line per kernel; writes kernels.jsonl, and fails where a faulty kernel is missed or a correct one accused.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logitproof.kernels.check import check_named, declaration_of
from logitproof.kernels.isolation.isolated import Named
from logitproof.kernels.judging.asking import Truths
from logitproof.kernels.judging.request import Request
from meta.kernels.numbered import CORRECT, FAULTY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from meta.kernels.every import Planted

PER_PROCESS = 40
"""Kernels that one process checks."""

KEPT: dict[tuple[str, str, str], Truths] = {}
KEPT_ELEMENTS = 1 << 26
"""Of exact answers that the next kernel of the same question shares: of all trials of the quick profile."""

OF_FRAMEWORK = {"torch": "meta.kernels.every_torch", "jax": "meta.kernels.of_jax"}

LINES = 5
"""Of what is said of a kernel, kept to be read."""


@dataclass(frozen=True)
class Measured:
    """What `check` says of one kernel.

    Attributes
    ----------
    kernel, op, kind : str
    is_faulty, conforms : bool
    seconds, cpu_seconds : float
        On the clock, and CPU time of this process and all it started: one idle processor would take as long.
    clauses : tuple of str
        MUST clauses that break.
    guesses : tuple of str
    said : tuple of str
        Its first lines.
    """

    kernel: str
    op: str
    kind: str
    is_faulty: bool
    conforms: bool
    seconds: float
    cpu_seconds: float
    clauses: tuple[str, ...]
    guesses: tuple[str, ...]
    said: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        """Whether the verdict is."""
        return self.is_faulty != self.conforms

    @property
    def line(self) -> str:
        """What is printed."""
        outcome = {
            (True, False): "killed",
            (True, True): "MISSED",
            (False, True): "conforms",
            (False, False): "ACCUSED",
        }[self.is_faulty, self.conforms]
        why = ", ".join([*self.clauses[:4], *self.guesses[:2]])
        return f"{outcome:8} {self.cpu_seconds:5.1f} CPU s  {self.op:22} {self.kernel:48} {why}"


def kernels_of(framework: str) -> tuple[list[Planted], list[Planted]]:
    """Return the faulty and the correct kernels of NumPy, or of a framework that is installed here."""
    if framework == "numpy":
        return FAULTY, CORRECT
    module = import_module(OF_FRAMEWORK[framework])
    return module.FAULTY, module.CORRECT


def measured(number: int, profile: str, seed: int, framework: str = "numpy") -> Measured:
    """Check one kernel of the corpus, in a process of its own."""
    faulty, correct = kernels_of(framework)
    planted = [*faulty, *correct][number]
    named, formats = named_kernel(number, planted, framework)
    request = Request(formats, profile, seed=seed)
    truths = _kept(named)
    about = (planted.name, planted.op, planted.kind, number < len(faulty))
    started, used = time.perf_counter(), processor_time()
    try:
        verdict = check_named(named, request, source=_source(planted), truths=truths)
    except Exception as error:  # noqa: BLE001 - a check that ends with an error is a wrong verdict, whatever it is
        said = f"check raised {type(error).__name__}: {error}"
        taken = _taken(started, used)
        return Measured(*about, number < len(faulty), *taken, (said,), (), (said,))
    taken = _taken(started, used)
    broken = [found.clause for found in verdict.judgements if not found.expected]
    shown = [one for one in verdict.shown if not one.finding.is_huge]
    return Measured(
        *about,
        verdict.conforms,
        *taken,
        tuple(dict.fromkeys([*broken, *(one.finding.clause for one in shown)])),
        tuple(dict.fromkeys(one.cause.name for one in shown if one.cause)),
        (verdict.headline(), *verdict.summary()[: LINES - 1]),
    )


def processor_time() -> float:
    """Return the CPU time of this process and of all that it started and that ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _taken(started: float, used: float) -> tuple[float, float]:
    """Return the seconds on the clock, and of the processor, since."""
    return round(time.perf_counter() - started, 1), round(processor_time() - used, 1)


def _kept(named: Named) -> Truths:
    """Return the exact answers that kernels of one question share; those of another are let go."""
    question = (named.op, named.labels, str(named.declaration))
    if question not in KEPT:
        KEPT.clear()
        KEPT[question] = Truths(KEPT_ELEMENTS)
    return KEPT[question]


def named_kernel(number: int, planted: Planted, framework: str) -> tuple[Named, tuple[str, ...]]:
    """Return a kernel by name with what is declared of it, and the formats that its author names."""
    declared = dict(planted.declared)
    labels, format_ = declared.pop("labels", ""), declared.pop("format", "")
    asked = declared.pop("quantities", ())
    of_numpy = "meta.kernels.numbered"
    own = f"{planted.function.__module__}:{planted.name}"
    spec = f"{of_numpy}:function_{number}" if framework == "numpy" else own
    gradient = f"{of_numpy}:gradient_{number}" if planted.gradient else ""
    named = Named(spec, gradient, planted.op, labels, framework, declaration_of(declared), asked)
    return named, (format_,) if format_ else ()


def _source(planted: Planted) -> str:
    module = sys.modules.get(getattr(planted.function, "__module__", ""))
    return inspect.getsource(module) if module and module.__name__.startswith("meta.") else ""


def chosen(names: Sequence[str], framework: str = "numpy") -> list[int]:
    """Return the numbers of the kernels whose name, module or kind is named; of one question one after another."""
    faulty, correct = kernels_of(framework)
    kernels = [*faulty, *correct]

    def is_named(planted: Planted) -> bool:
        module = getattr(planted.gradient or planted.function, "__module__", "").rpartition(".")[2]
        return not names or bool({planted.name, str(planted.function.__name__), module, planted.kind} & set(names))

    found = [number for number, planted in enumerate(kernels) if is_named(planted)]
    return sorted(found, key=lambda number: (kernels[number].op, str(kernels[number].declared), number))


def measure_all(
    numbers: Iterable[int], profile: str, seed: int, jobs: int, framework: str = "numpy"
) -> Iterator[Measured]:
    """Yield what is found of each kernel, in their order."""
    with get_context("spawn").Pool(jobs, maxtasksperchild=PER_PROCESS) as pool:
        yield from pool.imap(partial(measured, profile=profile, seed=seed, framework=framework), numbers)


def read(line: dict[str, Any]) -> Measured:
    """Return what a line of the file says."""
    return Measured(**{name: tuple(given) if isinstance(given, list) else given for name, given in line.items()})


def summary(found: Sequence[Measured]) -> str:
    """Return the counts in a line."""
    faulty = [one for one in found if one.is_faulty]
    correct = [one for one in found if not one.is_faulty]
    seconds = sorted(one.cpu_seconds for one in found)
    killed, accused = sum(not one.conforms for one in faulty), sum(not one.conforms for one in correct)
    share = f" ({killed / len(faulty):.1%})" if faulty else ""
    return (
        f"{killed} of {len(faulty)} faulty kernels killed{share}, {accused} of {len(correct)} correct ones accused; "
        f"{seconds[len(seconds) // 2]:.1f} CPU s a kernel in the median, {seconds[-1]:.1f} at most"
    )


def main() -> int:
    """Run the corpus, or what is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="kernels, modules of the corpus or kinds of fault; all by default")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs"), help="folder of kernels.jsonl")
    parser.add_argument("--profile", default="quick", choices=("quick", "full"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--framework", default="numpy", choices=("numpy", "torch", "jax"), help="installed here")
    parser.add_argument("--every", type=int, default=1, help="of the kernels, one of so many")
    parser.add_argument("--resume", action="store_true", help="leave out the kernels that the file has already")
    asked = parser.parse_args()
    os.environ.setdefault("TRITON_INTERPRET", "1")
    asked.output.mkdir(parents=True, exist_ok=True)
    file = asked.output / ("kernels.jsonl" if asked.framework == "numpy" else f"kernels_{asked.framework}.jsonl")
    kept = file.read_text("utf-8").splitlines() if asked.resume and file.exists() else []
    found = [read(json.loads(line)) for line in kept]
    done = {(one.kernel, one.op, one.kind) for one in found}
    faulty, correct = kernels_of(asked.framework)
    about = [(one.name, one.op, one.kind) for one in (*faulty, *correct)]
    left = [number for number in chosen(asked.names, asked.framework)[:: asked.every] if about[number] not in done]
    with file.open("a" if kept else "w", encoding="utf-8") as lines:
        for one in measure_all(left, asked.profile, asked.seed, asked.jobs, asked.framework):
            found.append(one)
            sys.stdout.write(one.line + "\n")
            sys.stdout.flush()
            lines.write(json.dumps(asdict(one)) + "\n")
            lines.flush()
    sys.stdout.write(summary(found) + "\n")
    return 0 if all(one.is_right for one in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
