"""Grades many kernels, each in a limited process of its own: one record each, which a training loop can read."""

from __future__ import annotations

import json
import os
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.errors import UsageError
from logitproof.kernels.check import default_formats
from logitproof.kernels.findings.sentences import smallest_input
from logitproof.kernels.findings.shown import causes_of
from logitproof.kernels.isolation.cheating import wrong_alone
from logitproof.kernels.isolation.isolated import IsolatedKernel, Limits, Named
from logitproof.kernels.isolation.judge_protection import guarded, keep_memory_private, not_enforced
from logitproof.kernels.judging.asking import Asker, Truths
from logitproof.kernels.judging.examination import Examination, Plan, examine, judge_result_format, taken_formats
from logitproof.kernels.judging.truth import Question
from logitproof.kernels.loading import MOST_BYTES_OF_A_KERNEL
from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_adapters.contract import CPU
from logitproof_adapters.kernels import forbidden_calls
from logitproof_adapters.kernels.declaration import Declaration
from logitproof_adapters.kernels.kernel import NUMPY, Kernel
from logitproof_adapters.targets.link import TargetDied
from logitproof_adapters.targets.sent_sources import sources_of_file
from logitproof_adapters.targets.target import Target, here
from logitproof_reference.vocabulary.heads import HEADS
from logitproof_reports.runs.input_files import read_text, read_whole, stat_of
from logitproof_reports.runs.schema import RunFileError
from logitproof_reports.runs.whole_files import refuse_unwritable, write_text_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from logitproof.kernels.findings.findings import Finding
    from logitproof_adapters.targets.sent_sources import Sources

WIDEST = 32_769
"""Most classes of a row: exact answers of wider ones cost more than a grade is worth."""

BUDGET_SECONDS = 10.0
GRADE_MEMORY_GIB = 4.0


@dataclass(frozen=True)
class Task:
    """The task of the kernels, and their limits.

    Attributes
    ----------
    op, labels, framework : str
    function, gradient : str
        What the kernels' modules call them; the gradient may be empty.
    declaration : Declaration
    formats : tuple of str
        Empty for those that each takes.
    forbidden : tuple of str
    seed : int
        Draws the rows; a new one for each grading, so that nothing can be learned by heart.
    budget : float
        Seconds a kernel, past which no new trial is begun; the cheapest come first.
    widest : int
    limits : Limits
    target : Target
        Where they run.
    """

    op: str
    function: str
    labels: str = ""
    framework: str = "numpy"
    gradient: str = ""
    declaration: Declaration = field(default_factory=Declaration)
    formats: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    seed: int = 0
    budget: float = BUDGET_SECONDS
    widest: int = WIDEST
    limits: Limits = field(default_factory=lambda: Limits(10.0, GRADE_MEMORY_GIB))
    target: Target = field(default_factory=here)

    @property
    def place(self) -> Target:
        """The target, without what a kernel must not have there."""
        return guarded(self.target, self.limits)


@dataclass(frozen=True)
class Grade:
    """The record of one kernel.

    Attributes
    ----------
    kernel : str
        Its file, without the ending.
    verdict : str
        ``conforms``, ``deviates``, ``crashed``, ``forbidden``, ``void``; ``slow`` where its own calls took most of the
        budget, so that trials were left out, and nothing that was asked is wrong.
    share : float
        Of the trials, those it gets right.
    shares : dict
        The same by quantity and format.
    fails, guess : str
        The smallest trial that fails, and a guess of the cause.
    worst_ulps : float or None
        The largest finite error.
    seconds : float
        Time in its calls.
    trials, left_out : int
        How many were asked, and for how many there was no time.
    notes : list of str
    seed : int
    """

    kernel: str
    verdict: str
    share: float = 0.0
    shares: dict[str, float] = field(default_factory=dict)
    fails: str = ""
    guess: str = ""
    worst_ulps: float | None = None
    seconds: float = 0.0
    trials: int = 0
    left_out: int = 0
    notes: list[str] = field(default_factory=list)
    seed: int = 0

    @property
    def line(self) -> str:
        """The record as a line of JSON."""
        return json.dumps(asdict(self), allow_nan=False)


def fresh_seed() -> int:
    """Return a seed that nobody knows before."""
    return secrets.randbits(32)


def grade(folder: Path, task: Task, *, jobs: int = 0, done: Sequence[str] = ()) -> Iterator[Grade]:
    """Yield the grade of each kernel of a folder, one file each, as it is known.

    Parameters
    ----------
    folder : Path
        Holds ``NAME.py`` with the functions that the task names.
    task : Task
    jobs : int
        How many at a time; 0 for as many as there are processors, and for one on an accelerator or where the command
        of a target leads.
    done : sequence of str
        Kernels that are not graded again.

    Raises
    ------
    UsageError
        The folder holds none, or the task does not go together.
    MissingFramework, TargetError
        Nothing can be graded in this target.
    """
    files = [file for file in sorted(folder.glob("*.py")) if not file.name.startswith("_")]
    if not files:
        raise UsageError(f"{folder} holds no kernel: a kernel is a file NAME.py with a function {task.function}")
    keep_memory_private()
    truths = SharedTruths()
    whole, place = _question(task), task.place
    notes = not_enforced(place, task.framework, task.forbidden)
    is_shared = place.is_interpreter and place.device == CPU
    with ThreadPoolExecutor(jobs or (os.cpu_count() if is_shared else None) or 1) as pool:
        asked = [pool.submit(grade_one, file, task, whole, truths) for file in files if file.stem not in done]
        for future in as_completed(asked):
            found = future.result()
            yield replace(found, notes=[*found.notes, *notes])


def _question(task: Task) -> Kernel:
    if task.op in HEADS:
        raise UsageError(f"{task.op} is not graded: its products have no smallest input; check each kernel")
    stand_in: Any = len
    try:
        return Kernel(
            stand_in, task.op, task.labels, task.framework, stand_in if task.gradient else None, None, task.declaration
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


class SharedTruths(Truths):
    """Exact answers for several threads."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()

    def of(self, *arguments: Any, **named: Any) -> Any:
        """Return the exact answers; one thread computes them."""
        with self._lock:
            return super().of(*arguments, **named)


def grade_one(file: Path, task: Task, kernel: Kernel, truths: Truths) -> Grade:
    """Return the grade of one kernel."""
    place = task.place
    named = Named(
        f"{file.stem}:{task.function}",
        f"{file.stem}:{task.gradient}" if task.gradient else "",
        task.op,
        kernel.labels,
        task.framework,
        task.declaration,
        forbidden=task.forbidden,
        path=(str(file.parent.resolve()),) if place.is_interpreter else (),
        hidden=True,
    )
    plain = Grade(file.stem, "crashed", seed=task.seed)
    try:
        source = read_whole(file, MOST_BYTES_OF_A_KERNEL).decode(errors="replace")
        beside = {} if place.is_interpreter else _sent(file)
        with IsolatedKernel(named, None, task.limits, place, beside) as adapter:
            asker = Asker(adapter, Question(kernel.op, kernel.labels, "value", task.declaration), truths)
            return _graded(asker, task, kernel.quantities, plain, source=source, path=named.path)
    except (UsageError, RunFileError) as error:
        return replace(plain, fails=str(error))


def _sent(file: Path) -> Sources:
    """Return what travels of a kernel: its module, and those beside it that it imports."""
    if file.stem in sys.stdlib_module_names or file.stem in {NUMPY, *FRAMEWORKS}:
        raise UsageError(f"a kernel cannot travel by the name of another module: rename {file.name}")
    try:
        return sources_of_file(file)
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"the kernel cannot be loaded: {type(error).__name__}: {error}") from error


def _graded(
    asker: Asker, task: Task, quantities: tuple[str, ...], plain: Grade, *, source: str, path: tuple[str, ...]
) -> Grade:
    found = Examination()
    formats = tuple(taken_formats(asker, task.formats or default_formats(task.framework, source), found))
    if not formats:
        kind = "forbidden" if any("ForbiddenCall" in note for note in found.notes) else "void"
        return replace(plain, verdict=kind, fails="; ".join(found.notes), notes=found.notes)
    for format_ in formats:
        judge_result_format(asker, format_, found)
    plan = Plan(formats, quantities, "quick", task.widest, task.seed, task.budget, task.framework)
    examine(asker, plan, found)
    graded = _of_the_budget(record_of(asker, found, plain), task.budget)
    if graded.verdict == "conforms" and task.place.is_interpreter:
        graded = _of_a_plain_program(asker, formats[0], task, graded, path)
    return _of_the_watch(asker.adapter, graded) if task.forbidden else graded


def _of_a_plain_program(asker: Asker, format_: str, task: Task, graded: Grade, path: tuple[str, ...]) -> Grade:
    """Return the record; a kernel that is right where it sees the judge's modules must be so without them."""
    wrong = wrong_alone(asker, format_, task.place, path, task.limits.seconds)
    trials = graded.trials + 1
    if not wrong:
        return replace(graded, trials=trials)
    share = round(graded.share * graded.trials / trials, 4)
    return replace(graded, verdict="deviates", trials=trials, share=share, fails=wrong)


SLOW_SHARE = 0.5
"""Share of the budget spent in a kernel's own calls above which skipped trials are attributed to the kernel."""


def _of_the_budget(graded: Grade, budget: float) -> Grade:
    """Return the record; a kernel that leaves no time for what it would be asked has not shown that it is right."""
    if graded.verdict != "conforms" or not graded.left_out or graded.seconds <= SLOW_SHARE * budget:
        return graded
    whole = graded.trials + graded.left_out
    fails = f"{graded.left_out} of {whole} trials left out: its calls took {graded.seconds:.3g} s of {budget:g} s"
    return replace(graded, verdict="slow", share=round(graded.share * graded.trials / whole, 4), fails=fails)


def _of_the_watch(adapter: Any, graded: Grade) -> Grade:
    """Return the record with what became of the watch over forbidden calls."""
    try:
        seen = adapter.call(forbidden_calls.__name__, forbidden_calls.seen.__name__)
    except (TargetDied, UsageError) as error:
        return replace(graded, notes=[*graded.notes, f"its process {error}"])
    if not seen["watched"]:
        return replace(graded, verdict="forbidden", fails="the kernel keeps its calls from being noticed")
    notes = [*graded.notes, "it starts processes, whose calls are not seen"] if seen["started"] else graded.notes
    return replace(graded, notes=notes)


def record_of(asker: Asker, found: Examination, plain: Grade) -> Grade:
    """Return what an examination says of a kernel."""
    trials: dict[tuple[str, str, str], bool] = {}
    for one in found.judgements:
        key = (one.quantity, one.format, one.regime)
        trials[key] = trials.get(key, True) and one.verdict in {"conforms", "concern"}
    right = list(trials.values())
    kinds: dict[str, list[bool]] = {}
    for (quantity, format_, _), is_right in trials.items():
        kinds.setdefault(f"{quantity} {format_}", []).append(is_right)
    wrong = sorted((one for one in found.findings if not one.is_huge), key=lambda one: one.size)
    ulps = [one.ulps for one in found.judgements if np.isfinite(one.ulps)]
    return replace(
        plain,
        verdict=_verdict(found, wrong),
        share=round(sum(right) / max(len(right), 1), 4),
        shares={kind: round(sum(some) / len(some), 4) for kind, some in kinds.items()},
        fails=smallest_input(wrong[0]) if wrong else "",
        guess=_guess(asker, wrong),
        worst_ulps=max(ulps, default=None),
        seconds=round(found.seconds, 4),
        trials=len(right),
        left_out=found.left_out,
        notes=found.notes,
    )


def _verdict(found: Examination, wrong: Sequence[Finding]) -> str:
    if any("ForbiddenCall" in one.failure for one in wrong):
        return "forbidden"
    if not any(one.elements for one in found.judgements):
        return "crashed" if wrong else "void"
    return "deviates" if wrong else "conforms"


def _guess(asker: Asker, wrong: Sequence[Finding]) -> str:
    for finding in wrong[:4]:
        found = causes_of(asker.question, finding)
        if found:
            cause = max(found, key=lambda one: found[one])
            return f"{cause.name}: {cause.says}"
    return ""


def size_of(output: Path) -> int:
    """Return how many bytes a file of records has; 0 if there is none."""
    found = stat_of(output)
    return 0 if found is None else found.st_size


def graded_before(output: Path) -> list[str]:
    """Return the kernels that a file of records holds; a last line that was cut off goes, lest the next one join it.

    Raises
    ------
    RunFileError
        It cannot be read, or not be written.
    """
    refuse_unwritable([output])
    if stat_of(output) is None:
        return []
    found = []
    whole, newline, rest = read_text(output).rpartition("\n")
    if rest:
        write_text_atomically(output, whole + newline)
    for line in whole.splitlines():
        with suppress(ValueError, KeyError, TypeError, RecursionError):
            found.append(str(json.loads(line)["kernel"]))
    return found
