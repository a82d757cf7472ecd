"""Softmax and its relatives in a format, every step rounded: the correct code that the bounds must allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.cases import hashed_numbers as bit_generator
from logitproof_reference.vocabulary.formats import Format, ulp

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Emulation:
    """Arithmetic of a format on float64 arrays that hold its numbers.

    One float64 operation rounded to a format of at most 24 bits is the correctly rounded one; exp and
    log are moved by `exp_ulps` of the result before they are rounded, the largest logit's
    the other way, which is the worst for a quotient.
    """

    format: Format
    exp_ulps: float = 0.0
    log_ulps: float = 0.0
    order: str = "sequential"
    wide: bool = False

    def fl(self, exact: F64) -> F64:
        """Round to nearest, ties to even, with gradual underflow and overflow to infinity."""
        if self.format.precision == 53:
            return exact
        with np.errstate(invalid="ignore", over="ignore"):
            spacing = ulp(exact, self.format)
            nearest = np.where(np.isfinite(exact), np.rint(exact / spacing) * spacing, exact)
        return np.where(np.abs(nearest) > self.format.largest, np.copysign(np.inf, nearest), nearest)

    def exp(self, x: F64) -> F64:
        """Return exp off by up to `exp_ulps` + 1/2 ulps."""
        exact = np.exp(x)
        sign = np.where(x == 0.0, -1.0, 1.0) * np.sign(self.exp_ulps)
        return self.fl(exact + sign * abs(self.exp_ulps) * ulp(exact, self.format))

    def log(self, x: F64) -> F64:
        """Return log off by up to `log_ulps` + 1/2 ulps."""
        exact = np.log(x)
        return self.fl(exact + self.log_ulps * np.where(exact == 0.0, 0.0, ulp(exact, self.format)))

    def sum(self, terms: F64) -> F64:
        """Sum the last axis, kept with length 1, in this emulation's order."""
        if self.wide:
            return self.fl(terms.sum(axis=-1, keepdims=True))
        return SUMS[self.order](self, terms)

    def softmax(self, x: F64) -> F64:
        """Exp(x - max) / sum."""
        e = self.exp(self.shifted(x))
        return self.fl(e / self.sum(e))

    def softmax_by_reciprocal(self, x: F64) -> F64:
        """Exp(x - max) times 1 / sum."""
        e = self.exp(self.shifted(x))
        return self.fl(e * self.fl(1.0 / self.sum(e)))

    def softmax_by_exp(self, x: F64) -> F64:
        """Exp of the rounded log-softmax: no division."""
        return self.exp(self.log_softmax(x))

    def softmax_streaming(self, x: F64) -> F64:
        """One pass with a running maximum, rescaling the partial sum."""
        top = x[:, :1]
        total = np.ones_like(top)
        for j in range(1, x.shape[1]):
            higher = np.maximum(top, x[:, j : j + 1])
            rescaled = self.fl(total * self.exp(self.fl(top - higher)))
            total = self.fl(rescaled + self.exp(self.fl(x[:, j : j + 1] - higher)))
            top = higher
        return self.fl(self.exp(self.fl(x - top)) / total)

    def shifted(self, x: F64) -> F64:
        """X - max, rounded."""
        return self.fl(x - x.max(axis=-1, keepdims=True))

    def log_softmax(self, x: F64) -> F64:
        """(x - max) - log sum exp(x - max)."""
        d = self.shifted(x)
        return self.fl(d - self.log(self.sum(self.exp(d))))

    def log_sum_exp(self, x: F64) -> F64:
        """Max + log sum exp(x - max)."""
        return self.fl(x.max(axis=-1, keepdims=True) + self.log(self.sum(self.exp(self.shifted(x)))))

    def dot(self, a: F64, b: F64) -> F64:
        """Inner product over the last axis, each product rounded; 0 times -inf counts as 0."""
        with np.errstate(invalid="ignore"):
            return self.sum(self.fl(np.where(a == 0.0, 0.0, a * b)))


def _sequential(arithmetic: Emulation, terms: F64) -> F64:
    total = terms[..., :1]
    for j in range(1, terms.shape[-1]):
        total = arithmetic.fl(total + terms[..., j : j + 1])
    return total


def _pairwise(arithmetic: Emulation, terms: F64) -> F64:
    while terms.shape[-1] > 1:
        odd = terms[..., -1:] if terms.shape[-1] % 2 else terms[..., :0]
        even = terms[..., : terms.shape[-1] // 2 * 2]
        terms = np.concatenate([arithmetic.fl(even[..., ::2] + even[..., 1::2]), odd], axis=-1)
    return terms


def _blocked(arithmetic: Emulation, terms: F64) -> F64:
    lanes = terms[..., :8]
    for start in range(8, terms.shape[-1], 8):
        block = terms[..., start : start + 8]
        lanes = np.concatenate(
            [arithmetic.fl(lanes[..., : block.shape[-1]] + block), lanes[..., block.shape[-1] :]], axis=-1
        )
    return _pairwise(arithmetic, lanes)


SUMS: dict[str, Callable[[Emulation, F64], F64]] = {
    "sequential": _sequential,
    "pairwise": _pairwise,
    "blocked": _blocked,
}


def _offset(rows: int) -> F64:
    return 300.0 + bit_generator.normals("offset", (rows, 10))


def _saturated(rows: int) -> F64:
    x = bit_generator.normals("saturated", (rows, 10))
    x[:, 3] += 1.0 + 19.0 * bit_generator.uniforms("gap", (rows,))
    return x


FAMILIES: dict[str, Callable[[int], F64]] = {
    "normal of 2": lambda rows: bit_generator.normals("two", (rows, 2)),
    "normal of 10": lambda rows: bit_generator.normals("ten", (rows, 10)),
    "normal of 60": lambda rows: 3.0 * bit_generator.normals("sixty", (max(rows // 5, 1), 60)),
    "uniform to 40 of 4": lambda rows: 80.0 * bit_generator.uniforms("forty", (rows, 4)) - 40.0,
    "common offset": _offset,
    "saturated": _saturated,
    "subnormal results": lambda rows: -110.0 * bit_generator.uniforms("subnormal", (rows, 5)),
    "ties": lambda rows: np.repeat(bit_generator.normals("ties", (max(rows // 10, 1), 1)), 7, axis=1),
    "wide": lambda rows: bit_generator.normals("wide", (max(rows // 50, 1), 700)),
}
"""Rows by name, before they are rounded to a format."""


def rows_of(family: str, format_: Format, rows: int) -> F64:
    """Return a family's rows as numbers of a format, in float64."""
    return Emulation(format_).fl(FAMILIES[family](rows))


def cotangents(shape: tuple[int, ...]) -> F64:
    """Return a non-constant upstream gradient: multiples of 1/8 up to 2, exact in every format."""
    return (bit_generator.integers("cotangent", shape, 33) - 16).astype(np.float64) / 8.0


def distributions(logits: F64, format_: Format) -> F64:
    """Return labels that sum to one but for their rounding, some of them 0."""
    raw = bit_generator.uniforms("labels", logits.shape) ** 3
    raw = np.where(raw < 0.05, 0.0, raw)
    raw[:, 0] += 0.01
    return Emulation(format_).fl(raw / raw.sum(axis=-1, keepdims=True))
