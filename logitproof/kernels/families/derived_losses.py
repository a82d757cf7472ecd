"""A verdict on a function made of softmax and its logarithm: entropy, divergence, focal loss (clauses KIN)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.families.by_format import AskedFormat
from logitproof.kernels.judging.against_bounds import Held
from logitproof.kernels.judging.refused_rows import AskedCase
from logitproof_reference.bounds.derived_losses import BOUNDS, bound
from logitproof_reference.cases.catalogue import REGIMES
from logitproof_reference.cases.hashed_numbers import integers, normals
from logitproof_reference.numerics.enclosure import Enclosure
from logitproof_reference.oracle.derived_losses import FORMULAS, Operands, exact
from logitproof_reference.prologues.distribution_bounds import DISTRIBUTIONS as BOUNDS_OF_DISTRIBUTIONS
from logitproof_reference.prologues.distributions import DISTRIBUTIONS
from logitproof_reference.vocabulary.cells import Inputs
from logitproof_reference.vocabulary.formats import FORMATS, rounded
from logitproof_reference.vocabulary.heads import HEADS, OF_ELEMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof.kernels.judging.request import Request
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.vocabulary.formats import F64
    from logitproof_reference.vocabulary.judgement import Judgement

    Array = NDArray[Any]

CLAUSES = ("KIN-1", "KIN-2", "KIN-3", "KIN-4")
VALUE, GRADIENTS, BEST_EFFORT, RULED_OUT = CLAUSES
DECLARED = {"gamma", "temperature"}

ALL_FORMULAS, ALL_BOUNDS = {**FORMULAS, **DISTRIBUTIONS}, {**BOUNDS, **BOUNDS_OF_DISTRIBUTIONS}

OF_SHARES = "relaxed_categorical"

ABSENT = slice(3, 6)
"""The classes at -inf, of ten."""

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
            target if {"target", "sample"} & set(takes) else None,
            labels if "labels" in takes else None,
            self.question.declaration.gamma,
            self.question.declaration.temperature,
        )

    def ask_little(self) -> Array:
        """Return the function's answer to a few logits."""
        ones = np.ones((2, 3), FORMATS[self.format].dtype)
        return self._answer("value", self.operands(ones, ones.copy(), np.array([0, 2])))

    def judged(self, request: Request) -> Iterator[AskedCase]:
        """Yield the cases with their judgements."""
        for name, *arrays in cases(self.format, request.widest, request.seed):
            given = self.operands(*arrays)
            judgements = (one for quantity in self.quantities for one in self._of(name, given, quantity))
            # A sample is any numbers here, and the logarithms of shares by its definition.
            is_ordinary = self.question.op != OF_SHARES
            yield AskedCase(name, judgements, is_ordinary, partial(self._ask_plain, given))
        if self.question.op in FORMULAS:
            plain = self.operands(*(np.ones((24, 10), FORMATS[self.format].dtype),) * 2, np.arange(24) % 10)
            yield AskedCase(
                "classes at -inf",
                self._ruled_out(request.seed),
                is_ordinary=False,
                ask_plain=partial(self._ask_plain, plain),
            )

    def _ask_plain(self, given: Operands, quantity: str) -> Array:
        """Ask ones in place of a case's numbers."""
        ones = np.ones_like(given.logits)
        return self._answer(quantity, replace(given, logits=ones, target=None if given.target is None else ones))

    def _ruled_out(self, seed: int) -> Iterator[Judgement]:
        """Judge rows of which some classes are at -inf, in the target too: the answer is that of the others."""
        form = FORMATS[self.format]
        sides = [rounded(4.0 * normals(f"kin ruled out {seed} {side}", (24, 10)), form) for side in ("own", "target")]
        kept = np.delete(np.arange(10), ABSENT)
        own, target = (np.ascontiguousarray(one[:, kept]) for one in sides)
        rest = self.operands(own, target, np.arange(24) % len(kept))
        for one in sides:
            one[:, ABSENT] = -np.inf
        labels = None if rest.labels is None else kept[rest.labels]
        for quantity in self.quantities:
            whole = partial(_spread, classes=kept) if quantity != "value" else np.asarray
            cotangent = None if quantity == "value" else self._cotangent(rest)
            truth = Enclosure(*(whole(part) for part in self._exact(quantity, rest, cotangent).parts))
            allowed = partial(self._bound, quantity, rest, cotangent)
            yield from Held(
                self.cell(quantity),
                "classes at -inf",
                RULED_OUT,
                "",
                truth,
                lambda arithmetic, allowed=allowed, whole=whole: whole(allowed(arithmetic)),  # type: ignore[misc]
                self.question.arithmetic,
            ).judged(partial(self._asked, quantity, sides[: 1 + (rest.target is not None)], labels, cotangent))

    def _of(self, name: str, given: Operands, quantity: str) -> Iterator[Judgement]:
        cotangent = None if quantity == "value" else self._cotangent(given)
        yield from Held(
            self.cell(quantity),
            name,
            VALUE if quantity == "value" else GRADIENTS,
            BEST_EFFORT,
            self._exact(quantity, given, cotangent),
            partial(self._bound, quantity, given, cotangent),
            self.question.arithmetic,
        ).judged(lambda: self._answer(quantity, given))

    def _exact(self, quantity: str, given: Operands, cotangent: F64 | None) -> Enclosure:
        return exact(self.question.op, quantity, given, cotangent, formulas=ALL_FORMULAS)

    def _bound(self, quantity: str, given: Operands, cotangent: F64 | None, arithmetic: Arithmetic) -> F64:
        model = FORMATS[self.format], arithmetic
        return bound(self.question.op, quantity, given, model, cotangent, bounds=ALL_BOUNDS)

    def _cotangent(self, given: Operands) -> F64:
        shape = given.logits.shape if self.question.op in OF_ELEMENTS else given.logits.shape[:1]
        return np.resize((1.0, -0.5, 2.0, 0.25), shape)

    def _answer(self, quantity: str, given: Operands) -> Array:
        arrays = [one for one in (given.logits, given.target) if one is not None]
        return self._asked(quantity, arrays, given.labels, None if quantity == "value" else self._cotangent(given))

    def _asked(
        self, quantity: str, arrays: list[Array], labels: NDArray[np.int64] | None, cotangent: F64 | None
    ) -> Array:
        logits, *target = (one.copy() for one in arrays)
        upstream = None if cotangent is None else cotangent.astype(logits.dtype)
        inputs = Inputs(logits, 1, labels, upstream, projection=target[0] if target else None)
        return np.array(self.adapter.evaluate(self.cell(quantity), inputs))


def _spread(part: F64, classes: NDArray[np.int64]) -> F64:
    """Return numbers of some of ten classes in all of them, 0 elsewhere."""
    whole = np.zeros((len(part), 10))
    whole[:, classes] = part
    return whole
