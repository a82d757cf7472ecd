"""What a kernel's answers show about its arithmetic: the largest slack under each declaration that it could make."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_conformance.asking.truth import truth_of
from logitproof_conformance.judging.rules import ComparedBatch
from logitproof_reference.bounds.assumptions import HEIGHTS, MUST
from logitproof_reference.cases.catalogue import REGIMES
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from logitproof_adapters.contract import Adapter
    from logitproof_conformance.judging.judging import CellEvaluation
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.cases.catalogue import Batch


class Declaring:
    """An adapter with another declaration."""

    def __init__(self, adapter: Adapter, arithmetic: Arithmetic) -> None:
        self._adapter = adapter
        self.arithmetic = arithmetic

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)


def declarations(declared: Arithmetic | None, format_: str) -> dict[str, Arithmetic]:
    """Return the declarations that are tried, by what they say; the one that was made first, then from loose to tight.

    Its exp, log and underflow are those of the declaration, for sums are what differs most.
    """
    given = replace(declared or MUST, log_domain=False)
    wider = ["", "float32"] if FORMATS[format_].unit_roundoff > FORMATS["float32"].unit_roundoff else [""]
    tried = [replace(given, accumulation=sums, height=height) for sums in wider for height in HEIGHTS]
    made = {f"declared: {arithmetic_words(declared, format_)}": declared} if declared else {}
    return {**made, **{arithmetic_words(one, format_): one for one in tried}}


def arithmetic_words(arithmetic: Arithmetic, format_: str) -> str:
    """Describe what is declared.

    >>> arithmetic_words(MUST, "bfloat16")
    'sequential sums in bfloat16, exp within 4 ulps'
    """
    where = ", in the log domain" if arithmetic.log_domain else ""
    sums = f"{arithmetic.height} sums in {arithmetic.accumulation or format_}{where}"
    return f"{sums}, exp within {arithmetic.exp_ulps:g} ulps"


def audit(evaluation: CellEvaluation, declared: Arithmetic | None) -> dict[str, float]:
    """Return the largest slack of a cell's finite answers on ordinary rows, by what could be declared.

    A slack over 1 refutes the declaration; one below does not prove it. Where sums in the format have no bound at all,
    because it would pass 1, the bound is that of sums in a wider one, as for every verdict.
    """
    tried = declarations(declared, evaluation.cell.format)
    return {said: max(_slacks(evaluation, arithmetic), default=0.0) for said, arithmetic in tried.items()}


def _slacks(evaluation: CellEvaluation, arithmetic: Arithmetic) -> Iterator[float]:
    asking: Any = Declaring(evaluation.adapter, arithmetic)
    for batch in evaluation.batches:
        observed = evaluation.answer(batch).observed
        if observed is None:
            continue
        seen = ComparedBatch(evaluation.cell, batch, observed, truth_of(asking, evaluation.cell, batch))
        for rows in _ordinary(batch):
            finite = seen.finite[rows] & np.isfinite(seen.due[rows])
            within = np.where(seen.must.conforms[rows], np.minimum(seen.must.slack[rows], 1.0), seen.must.slack[rows])
            yield float(np.max(within, where=finite, initial=0.0))


def _ordinary(batch: Batch) -> Iterator[slice]:
    return (rows for name, rows in batch.slices.items() if not REGIMES[name].clause.startswith("EXT"))
