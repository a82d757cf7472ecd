"""A verdict on a function made of softmax and its logarithm: entropy, divergence, focal loss (clauses KIN)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.against_bounds import Held
from logitproof.kernels.by_format import AskedFormat
from logitproof_reference.bounds.derived_losses import bound
from logitproof_reference.cases.catalogue import REGIMES
from logitproof_reference.cases.hashed_numbers import integers, normals
from logitproof_reference.cases.regime import rounded
from logitproof_reference.oracle.derived_losses import Operands, exact
from logitproof_reference.vocabulary.cells import Inputs
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.heads import HEADS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from logitproof.kernels.check import Request
    from logitproof_reference.vocabulary.judgement import Judgement

    Array = NDArray[Any]

CLAUSES = ("KIN-1", "KIN-2", "KIN-3")
VALUE, GRADIENTS, BEST_EFFORT = CLAUSES
DECLARED = {"gamma"}

OF_REGIMES = ("typical", "saturated", "confident", "nearly_uniform", "near_tie", "exact_tie", "common_offset_1e4")
MOST_ROWS = 64
DRAWN = {"one class": (5, 1), "two classes": (37, 2), "odd": (24, 1003), "wide": (4, 32_769)}
"""Rows and classes of normal logits times 4."""


def cases(format_: str, widest: int, seed: int) -> Iterator[tuple[str, Array, Array, NDArray[np.int64]]]:
    """Yield name, logits, the target's logits and labels; the target's are other rows of the regime, or other draws."""
    form = FORMATS[format_]
    for name in OF_REGIMES:
        rows = REGIMES[name].build(form)
        logits = rows.logits[:MOST_ROWS]
        yield name, logits, np.ascontiguousarray(logits[::-1]), rows.indices[:MOST_ROWS]
    for name, shape in DRAWN.items():
        if shape[1] <= widest:
            logits, target = (
                rounded(4.0 * normals(f"kin {name} {seed} {side}", shape), form) for side in ("logits", "target")
            )
            yield name, logits, target, integers(f"kin {name} {seed} labels", (shape[0],), shape[1])


class AskedDerivedLoss(AskedFormat):
    """A function, asked in one format."""

    declarable = DECLARED

    def operands(self, logits: Array, target: Array, labels: NDArray[np.int64]) -> Operands:
        """Return what the function takes of a case."""
        takes = HEADS[self.question.op].operands
        return Operands(
            logits,
            target if "target" in takes else None,
            labels if "labels" in takes else None,
            self.question.claim.gamma,
        )

    def ask_little(self) -> Array:
        """Return the function's answer to a few logits."""
        ones = np.ones((2, 3), FORMATS[self.format].dtype)
        return self._answer("value", self.operands(ones, ones.copy(), np.array([0, 2])))

    def judged(self, request: Request) -> Iterator[tuple[str, Iterable[Judgement]]]:
        """Yield the cases by name, with their judgements."""
        for name, *arrays in cases(self.format, request.widest, request.seed):
            given = self.operands(*arrays)
            yield name, (one for quantity in self.quantities for one in self._of(name, given, quantity))

    def _of(self, name: str, given: Operands, quantity: str) -> Iterator[Judgement]:
        op, format_ = self.question.op, FORMATS[self.format]
        cotangent = None if quantity == "value" else self._cotangent(given)
        yield from Held(
            self.cell(quantity),
            name,
            VALUE if quantity == "value" else GRADIENTS,
            BEST_EFFORT,
            exact(op, quantity, given, cotangent),
            lambda arithmetic: bound(op, quantity, given, (format_, arithmetic), cotangent),
            self.question.arithmetic,
        ).judged(lambda: self._answer(quantity, given))

    @staticmethod
    def _cotangent(given: Operands) -> NDArray[np.float64]:
        return np.resize((1.0, -0.5, 2.0, 0.25), len(given.logits))

    def _answer(self, quantity: str, given: Operands) -> Array:
        dtype = FORMATS[self.format].dtype
        cotangent = None if quantity == "value" else self._cotangent(given).astype(dtype)
        target = None if given.target is None else given.target.copy()
        inputs = Inputs(given.logits.copy(), 1, given.labels, cotangent, projection=target)
        return np.array(self.adapter.evaluate(self.cell(quantity), inputs))
