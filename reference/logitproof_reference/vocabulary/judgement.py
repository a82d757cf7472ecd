"""The record of one judgement: one row of a run file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cells import Cell

CELL_WORDS = ("adapter", "mode", "op", "labels", "quantity", "format", "axis", "layout", "entry", "producer")
"""The words of a cell that its judgements repeat."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """One clause, judged on the rows of one regime in one cell.

    Attributes
    ----------
    cell, adapter, mode, op, labels, quantity, format, axis, layout, options, entry, producer : str
        The cell's id and its words; the options joined by hyphens, empty if there are none.
    regime : str
        Name of the regime whose rows were judged; empty for a verdict on the whole cell.
    clause, grade : str
        Number of the clause and MUST, SHOULD or MAY.
    verdict : str
        One of `specification.verdicts.VERDICTS`.
    reason : str
        One sentence: what is wrong, or why the framework was not called; empty if it conforms.
    elements : int
        How many numbers were compared.
    ulps, slack : float
        Largest error in ulps of the format, largest error / bound. NaN if nothing finite was compared;
        inf if a finite number was expected and none returned, or vice versa.
    nats : float
        Largest absolute error (nats for a loss, plain units otherwise).
    row, element : int
        The worst element: row of the regime, class within it; -1 if there is none.
    exact, observed, bound : str
        The worst element: exact answer and observed value as hexadecimal floats, bound in decimal.
    inputs : str
        The worst row as JSON: ``{"logits": [hex, ...], "labels": ..., "cotangent": ...}``; wide rows name
        the regime and the row instead: ``{"regime": name, "row": i}``.
    repro : str
        A standalone repro in the framework's own API; empty if the verdict is ``conforms``.
    accuracy_class : str
        The accuracy classes inferred from the outputs, e.g. ``relative at saturation``; empty if none applies.
    deviation : str
        Id of the ledger entry that explains a ``deviates``; empty if there is none.
    digest : str
        Hash of the observed bits of these rows, to detect changed bits.
    series : str
        The measurements of a training, step by step, as JSON; see `training.record`. Otherwise empty.
    """

    cell: str
    adapter: str
    mode: str
    op: str
    labels: str
    quantity: str
    format: str
    axis: str
    layout: str
    regime: str
    clause: str
    grade: str
    verdict: str
    options: str = ""
    entry: str = ""
    producer: str = ""
    reason: str = ""
    elements: int = 0
    ulps: float = float("nan")
    slack: float = float("nan")
    nats: float = float("nan")
    row: int = -1
    element: int = -1
    exact: str = ""
    observed: str = ""
    bound: str = ""
    inputs: str = ""
    repro: str = ""
    accuracy_class: str = ""
    deviation: str = ""
    digest: str = ""
    series: str = ""

    @property
    def expected(self) -> bool:
        """Whether the gate stays open: nothing wrong, or only what the ledger records."""
        return self.verdict in {"conforms", "concern", "unsupported"} or bool(self.deviation)


def on_cell(cell: Cell, regime: str, **found: Any) -> Judgement:
    """Return a judgement on a regime of a cell, with the fields `found`, which override the cell's words."""
    return Judgement(**{**_words_of(cell), "regime": regime, **found})


@lru_cache(maxsize=64)
def _words_of(cell: Cell) -> dict[str, str]:
    """Return what all judgements on a cell repeat."""
    words = {name: getattr(cell, name) for name in CELL_WORDS}
    return {"cell": cell.id, "options": "-".join(cell.options.words), **words}


def on_the_whole(adapter: str, verdict: str, reason: str) -> Judgement:
    """Return a judgement on a framework as a whole, without a cell."""
    return Judgement(
        cell=adapter,
        adapter=adapter,
        mode="",
        op="",
        labels="",
        quantity="",
        format="",
        axis="",
        layout="",
        regime="",
        clause="",
        grade="MUST",
        verdict=verdict,
        reason=reason,
    )
