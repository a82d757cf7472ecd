"""`logitproof worst`: a search from its options to its witness, and measuring a witness again."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import typer

from logitproof.errors import UsageError, refuse_unknown
from logitproof.searches.scores import MEASURES
from logitproof.searches.search import batch_of, random_best, search
from logitproof.searches.witness import Witness, measured_again, read_witness, witness_of, write_witness
from logitproof_adapters.contract import foresee
from logitproof_adapters.targets.link import TargetDied
from logitproof_adapters.targets.remote_adapter import RemoteAdapter, RemoteError
from logitproof_conformance.session.environment_facts import SENT, environment_facts
from logitproof_reference.vocabulary.cells import Cell
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from logitproof_adapters.targets.target import Target

QUANTITIES = ("value", "grad_logits")
TOLD_SECONDS = 10.0
"""A search tells how far it is so often."""

SPELLED_CLASSES = 16
"""Rows of more classes are not printed."""


@dataclass(frozen=True)
class Wanted:
    """The request of a search: the options of the command."""

    framework: str
    op: str
    format: str
    quantity: str = "value"
    labels: str = ""
    mode: str = "eager"
    classes: int = 3
    measure: str = "ulps"
    seconds: float = 60.0
    seed: int = 0
    random_rows: int = 0

    def cell(self, adapter: str) -> Cell:
        """Return the cell of an adapter.

        Raises
        ------
        UsageError
            A word is not known.
        """
        known: dict[str, tuple[str, Collection[str]]] = {
            "op": (self.op, OPS),
            "format": (self.format, FORMATS),
            "quantity": (self.quantity, QUANTITIES),
            "--by": (self.measure, MEASURES),
        }
        for kind, (word, words) in known.items():
            refuse_unknown(kind, (word,), words)
        kinds = OPS[self.op].label_kinds
        if self.labels not in {"", kinds[0]}:
            raise UsageError(f'labels "{self.labels}" of {self.op} are not searched; searched: {kinds[0]}')
        return Cell(adapter, self.mode, self.op, self.quantity, self.format, self.labels or kinds[0])


def find(wanted: Wanted, target: Target, output: Path) -> Witness:
    """Search, and write the witness.

    Raises
    ------
    UsageError
        A word is not known, or the framework does not offer it.
    """
    wanted.cell("")
    try:
        witness = _found(wanted, target)
    except (RemoteError, TargetDied, ValueError) as error:
        raise UsageError(f"{wanted.framework} cannot be searched: {type(error).__name__}: {error}") from error
    write_witness(output, witness)
    return witness


def _found(wanted: Wanted, target: Target) -> Witness:
    with RemoteAdapter(wanted.framework, target, also_sent=SENT) as adapter:
        cell = wanted.cell(adapter.name)
        foresee(adapter, [cell])
        if reason := adapter.unsupported(cell):
            raise UsageError(f"{wanted.framework} does not offer this: {reason}")
        about: dict[str, Any] = {"framework": asdict(adapter.describe()), "environment": environment_facts(adapter)}
        history = {"seconds": wanted.seconds, "seed": wanted.seed, "random_rows": wanted.random_rows}
        if wanted.random_rows:
            best = random_best(
                adapter, cell, wanted.classes, wanted.random_rows, measure=wanted.measure, seed=wanted.seed
            )
            typer.echo(f"{wanted.random_rows:,} random rows: {best:.3g} {wanted.measure}", err=True)
            history["random_best"] = best
        found = search(
            adapter,
            cell,
            wanted.classes,
            measure=wanted.measure,
            seconds=wanted.seconds,
            seed=wanted.seed,
            told=_Teller(wanted.measure),
        )
        about["search"] = {**history, "rows": found.rows, "generations": found.generations}
        return witness_of(
            adapter,
            cell,
            found.row,
            framework=wanted.framework,
            measure=wanted.measure,
            batch=batch_of(wanted.classes),
            about=about,
        )


def measure_again(path: Path, framework: str, target: Target) -> tuple[Witness, dict[str, Any]]:
    """Return a witness, and what its row shows now.

    Raises
    ------
    UsageError
        It is of another framework than the one that is named.
    RunFileError
        The file is no witness.
    """
    witness = read_witness(path)
    if framework and framework != witness.framework:
        raise UsageError(f"{path} is a witness of {witness.framework}, not of {framework}")
    try:
        with RemoteAdapter(witness.framework, target) as adapter:
            foresee(adapter, [witness.cell])
            return witness, measured_again(adapter, witness)
    except (RemoteError, TargetDied, ValueError) as error:
        raise UsageError(f"{path} cannot be measured: {type(error).__name__}: {error}") from error


def witness_lines(witness: Witness, shown: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is printed of a witness and of what it shows."""
    numbers = {name: float.fromhex(shown[name]) for name in ("ulps", "slack", "exact", "observed", "bound")}
    classes = witness.row.logits.shape[1]
    yield f"{witness.cell.id}, {classes:,} classes"
    if classes <= SPELLED_CLASSES:
        yield f"logits        {' '.join(float(one).hex() for one in witness.row.logits[0])}"
    if witness.copies > 1:
        yield f"evaluated in  a batch of {witness.copies:,} such rows"
    yield f"element       {shown['element']}"
    yield f"exact         {numbers['exact']!r}"
    yield f"observed      {numbers['observed']!r}"
    yield f"error         {numbers['ulps']:.6g} ulps"
    yield f"error / bound {numbers['slack']:.6g}"


class _Teller:
    """Prints now and then how far a search is."""

    def __init__(self, measure: str) -> None:
        self._measure = measure
        self._next: float | None = None

    def __call__(self, left: float, rows: int, score: float) -> None:
        if self._next is None:
            self._next = left - TOLD_SECONDS
        if left <= self._next:
            self._next = left - TOLD_SECONDS
            sys.stderr.write(f"{left:.0f} s left: {rows:,} rows, {score:.3g} {self._measure}\n")
