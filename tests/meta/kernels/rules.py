"""What other tests see of the corpus: tolerances on random inputs, gradcheck, properties of arrays; as a table.

Run from the repository's root: ``PYTHONPATH=tests python -m meta.kernels.rules --checked quick=runs/kernels.jsonl``, as
``nox -s kernels`` does after the measurement. Each rule is given the exact answer in place of another
implementation, which is more than it has elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
import warnings
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import numpy as np
from hypothesis import strategies
from hypothesis.extra import numpy as arrays

from logitproof.kernels.judging.asking import Asker, Truths
from logitproof.kernels.judging.truth import Question
from logitproof_adapters.kernels.adapter import adapter_of
from logitproof_adapters.kernels.declaration import Declaration
from logitproof_adapters.kernels.kernel import Kernel
from logitproof_reference.cases.catalogue import Rows
from logitproof_reference.vocabulary.formats import FORMATS, rounded
from logitproof_reference.vocabulary.ops import OPS
from meta.kernels.measure import chosen
from meta.kernels.numbered import FAULTY, KERNELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from meta.kernels.every import Planted

    F64 = NDArray[np.float64]

TRIES = 5
SHAPE = (64, 1000)
TOLERANCES = {
    "allclose, KernelBench's": {"float16": (1e-2, 1e-2), "bfloat16": (1e-2, 1e-2), "float32": (1e-4, 1e-4)},
    "torch.testing.assert_close": {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5)},
}
"""rtol and atol by format: KernelBench's evaluation, and the defaults of PyTorch's assert_close."""

ARRAY_API = (0.25, 1.0)
"""rtol and atol of array-api-tests for functions of floating-point numbers."""

EXAMPLES = 100
GRADCHECK = {"eps": 1e-6, "atol": 1e-5, "rtol": 1e-3}
"""The defaults of torch.autograd.gradcheck."""


TRUTHS = Truths()
"""Exact answers, which kernels of one question share: they are given the same rows."""


def asker_of(planted: Planted) -> tuple[Asker, str]:
    """Return what asks a kernel, and the format that its author names, or float32."""
    declared = dict(planted.declared)
    labels, format_ = declared.pop("labels", ""), declared.pop("format", "float32")
    kernel = Kernel(
        planted.function, planted.op, labels, gradient=planted.gradient, declaration=Declaration(**declared)
    )
    question = Question(kernel.op, kernel.labels, "value", kernel.declaration)
    return Asker(adapter_of(kernel), question, TRUTHS), format_


def rows_of(asker: Asker, logits: F64, format_: str, random: np.random.Generator, *, ones: bool) -> Rows:
    """Return logits with random labels; ones, or random numbers, as upstream gradients."""
    count, n = logits.shape
    declaration = asker.question.declaration
    indices = random.integers(0, n, count)
    if declaration.ignore_index is not None:
        indices = np.where(np.arange(count) % 3 == 1, declaration.ignore_index, indices)
    shares = (
        random.dirichlet(np.ones(n), count) if not OPS[asker.question.op].elementwise else random.random((count, n))
    )
    cotangents = np.ones((count, n)) if ones else random.normal(size=(count, n))
    given = (rounded(array, FORMATS[format_]) for array in (logits, shares, cotangents[:, 0].copy(), cotangents))
    x, q, by_row, by_class = given
    return Rows(x, indices, q, by_row, by_class)


def is_close(asker: Asker, rows: Rows, quantities: Iterable[str], tolerance: tuple[float, float]) -> bool:
    """Return whether every quantity is the exact one within an rtol and an atol."""
    rtol, atol = tolerance
    key = tuple(array.tobytes() for array in vars(rows).values())
    for quantity in quantities:
        reply, compared = asker.compare(quantity, rows, key=key)
        if compared is None or reply.observed is None:
            return False
        exact = compared.truth.exact.value
        if not np.allclose(reply.observed.astype(np.float64), exact, rtol=rtol, atol=atol, equal_nan=True):
            return False
    return True


def quantities_of(planted: Planted) -> tuple[str, ...]:
    """Return what can be asked of a kernel of the corpus."""
    return ("value", "grad_logits") if planted.gradient else ("value",)


def by_tolerance(planted: Planted, *, rule: str) -> bool:
    """Return whether random normal inputs show a fault by a rule's tolerances, in each of its formats that is taken."""
    asker, named = asker_of(planted)
    formats = [named] if "format" in planted.declared else ["float32", "float16"]
    random = np.random.default_rng(0)
    for format_ in formats:
        for _ in range(TRIES):
            rows = rows_of(asker, random.normal(size=SHAPE), format_, random, ones=rule.startswith("allclose"))
            if not is_close(asker, rows, quantities_of(planted), TOLERANCES[rule][format_]):
                return True
    return False


def by_gradcheck(planted: Planted) -> bool:
    """Return whether the gradient differs from central differences of the kernel's own value, in float64."""
    if planted.gradient is None:
        return False
    asker, _ = asker_of(planted)
    random = np.random.default_rng(0)
    rows = rows_of(asker, random.normal(size=(3, 5)), "float64", random, ones=False)
    reply = asker.ask("grad_logits", rows)
    if reply.observed is None:
        return True
    is_reduced = asker.question.declaration.reduction != "none"
    upstream = rows.class_cotangents if OPS[planted.op].keeps_classes else rows.row_cotangents
    numeric = np.zeros(rows.logits.shape)
    for place in np.ndindex(*numeric.shape):
        sides = []
        for step in (GRADCHECK["eps"], -GRADCHECK["eps"]):
            moved = rows.logits.copy()
            moved[place] += step
            value = asker.ask("value", replace(rows, logits=moved)).observed
            if value is None:
                return True
            sides.append(float((value * (rows.row_cotangents[0] if is_reduced else upstream)).sum()))
        numeric[place] = (sides[0] - sides[1]) / (2.0 * GRADCHECK["eps"])
    return not np.allclose(reply.observed, numeric, rtol=GRADCHECK["rtol"], atol=GRADCHECK["atol"], equal_nan=True)


def by_properties(planted: Planted) -> bool:
    """Return whether one of a hundred arrays of hypothesis shows a fault, by the tolerances of array-api-tests."""
    asker, named = asker_of(planted)
    shapes = arrays.array_shapes(min_dims=2, max_dims=2, max_side=12)
    bounded = strategies.floats(-1e4, 1e4, width=16 if named == "float16" else 32, allow_subnormal=False)
    seen: list[bool] = []

    @hypothesis.settings(
        max_examples=EXAMPLES,
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(arrays.arrays(np.float32, shapes, elements=bounded))
    def is_right(logits: Any) -> None:
        if seen:
            return
        rows = rows_of(asker, logits.astype(np.float64), named, np.random.default_rng(0), ones=False)
        if not is_close(asker, rows, quantities_of(planted), ARRAY_API):
            seen.append(True)

    is_right()
    return bool(seen)


RULES: dict[str, Callable[[Planted], bool]] = {
    **{name: partial(by_tolerance, rule=name) for name in TOLERANCES},
    "gradcheck": by_gradcheck,
    "properties, array-api style": by_properties,
}


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    rule: str
    killed: int
    faulty: int
    accused: int
    correct: int
    seconds: float

    @property
    def line(self) -> str:
        """The row in Markdown."""
        share = 100.0 * self.killed / max(self.faulty, 1)
        counts = f"{self.killed} of {self.faulty} ({share:.0f} %) | {self.accused} of {self.correct}"
        return f"| {self.rule} | {counts} | {self.seconds:.2g} |"


def row_of(rule: str, numbers: Sequence[int]) -> Row:
    """Try a rule on kernels of the corpus, in this process."""
    started = time.process_time()
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        objects = {number: _objects(RULES[rule], KERNELS[number]) for number in numbers}
    seconds = (time.process_time() - started) / max(len(numbers), 1)
    faulty = [seen for number, seen in objects.items() if number < len(FAULTY)]
    correct = [seen for number, seen in objects.items() if number >= len(FAULTY)]
    return Row(rule, sum(faulty), len(faulty), sum(correct), len(correct), seconds)


def _objects(rule: Callable[[Planted], bool], planted: Planted) -> bool:
    try:
        return rule(planted)
    except (ArithmeticError, IndexError, TypeError, ValueError):
        return True


def checked_row(name: str, file: Path) -> Row:
    """Return the row of a measurement of `check`."""
    found = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    faulty = [one for one in found if one["is_faulty"]]
    correct = [one for one in found if not one["is_faulty"]]
    seconds = sum(one["cpu_seconds"] for one in found) / max(len(found), 1)
    killed, accused = (sum(not one["conforms"] for one in kernels) for kernels in (faulty, correct))
    return Row(f"`logitproof check`, {name}", killed, len(faulty), accused, len(correct), seconds)


def table(rows: Iterable[Row]) -> str:
    """Return the table in Markdown."""
    head = "| rule | faulty kernels found | false alarms | seconds per kernel |\n|---|---|---|---|"
    return "\n".join([head, *(row.line for row in rows)])


def main(given: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="kernels, modules of the corpus or kinds of fault; all by default")
    parser.add_argument("--checked", action="append", default=[], metavar="NAME=FILE", help="measurements of check")
    parser.add_argument("--every", type=int, default=1, help="of the kernels, faulty and correct, one of so many")
    asked = parser.parse_args(given)
    files: Mapping[str, str] = dict(one.split("=", 1) for one in asked.checked)
    numbers = sorted(chosen(asked.names))[:: asked.every]
    rows = [
        *(row_of(rule, numbers) for rule in RULES),
        *(checked_row(name, Path(file)) for name, file in files.items()),
    ]
    sys.stdout.write(f"{datetime.now(UTC).date()}, {machine()}, one kernel of {asked.every}\n\n{table(rows)}\n")
    return 0


def machine() -> str:
    """Return the kind of machine in a few words."""
    versions = f"NumPy {np.__version__}, Python {platform.python_version()}"
    return f"{platform.machine()} with {os.cpu_count()} processors, {versions}"


if __name__ == "__main__":
    raise SystemExit(main())
