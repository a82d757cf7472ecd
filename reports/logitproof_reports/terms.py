"""What the specification and the regimes say of themselves, for pages; names that they do not know stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_reference.regimes import REGIMES
from logitproof_reference.specification import CLAUSES

from .outcomes import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

_QUANTITIES = {
    "value": "",
    "grad_logits": "gradient of",
    "grad_labels": "gradient by labels of",
    "jvp": "forward derivative of",
    "hvp": "Hessian-vector product of",
}
_LABELS = {"none": "", "indices": "(class indices)", "distributions": "(distributions)"}


def question(record: Mapping[str, str]) -> str:
    """Return what was asked, in words: ``gradient of softmax cross-entropy (class indices)``."""
    op = record["op"].replace("_cross_entropy", " cross-entropy").replace("_", "-")
    words = (
        _QUANTITIES.get(record["quantity"], record["quantity"] + " of"),
        op,
        _LABELS.get(record["labels"], record["labels"]),
    )
    return visible(" ".join(filter(None, words)))


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
