"""Titles and texts of clauses and regimes for pages; unknown names stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_reference.cases.catalogue import REGIMES
from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reference.vocabulary.cells import LABELS
from logitproof_reference.vocabulary.ops import OPS, QUANTITIES
from logitproof_reports.words.text import escape_control_chars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_QUANTITIES = {
    "value": "",
    "grad_logits": "gradient of",
    "grad_labels": "gradient with respect to labels of",
    "jvp": "forward derivative of",
    "hvp": "Hessian-vector product of",
}
_LABELS = {"none": "", "indices": "(class indices)", "distributions": "(distributions)"}


TWO_ANSWERS = frozenset({"ROW-1", "ROW-2", "LAW-5", "MOD-2"})
"""Clauses that compare the bits of two answers of one framework; a record holds the first as its ``exact``."""


ENVIRONMENT_FACTS = {
    "tried": "newest release that the ledger was tested on",
    "arithmetic · flushes_subnormal_results": "subnormal results become 0",
    "arithmetic · flushes_subnormal_inputs": "subnormal inputs count as 0",
    "arithmetic · rounds_quotients": "division rounds correctly",
    "arithmetic · sums_float16_widely": "sums of float16 are rounded once, at their end",
}
"""Facts of an environment whose names a reader would not understand, by path, and what a page calls them."""


def question(record: Mapping[str, str]) -> str:
    """Return what was asked, in words: ``gradient of softmax cross-entropy (class indices)``.

    Where the record has an ``entry``, it tells which of the framework's functions was asked: ``via functional``.
    """
    if not record["op"]:
        return "the whole run"
    op = record["op"].replace("_cross_entropy", " cross-entropy").replace("_", "-")
    entry = record.get("entry", "")
    words = (
        _QUANTITIES.get(record["quantity"], record["quantity"] + " of"),
        op,
        _LABELS.get(record["labels"], record["labels"]),
        f"via {entry}" if entry else "",
    )
    return escape_control_chars(" ".join(filter(None, words)))


def question_place(key: Sequence[str]) -> tuple[int | str, ...]:
    """Return the sort key of an op, its labels and a quantity: in the vocabulary's order, unknown words last."""
    orders = (tuple(OPS), LABELS, tuple(QUANTITIES))
    return tuple(part for word, order in zip(key, orders, strict=True) for part in (_place(word, order), word))


def _place(word: str, order: tuple[str, ...]) -> int:
    return order.index(word) if word in order else len(order)


def clause_title(clause: str) -> str:
    """Return the title of a clause; empty where this release does not know it."""
    return CLAUSES[clause].title if clause in CLAUSES else ""


def regime_reason(regime: str) -> str:
    """Return why a regime exists; empty where this release does not know it."""
    return REGIMES[regime].reason if regime in REGIMES else ""


def regime_clause(regime: str) -> str:
    """Return the clause that a regime's rows serve; empty for ordinary and unknown ones."""
    return REGIMES[regime].clause if regime in REGIMES else ""


def is_extreme(regime: str) -> bool:
    """Return whether a regime's rows serve an EXT clause."""
    return regime_clause(regime).startswith("EXT")
