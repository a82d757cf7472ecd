"""Products of logits and scalars that the format cannot hold: both roads conform, a clamp does not (LIN-11)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import logitproof
from logitproof.errors import UsageError
from logitproof.kernels.cases import products_past_the_format as past
from logitproof_adapters.kernels.declaration import Declaration
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from logitproof.kernels.findings.verdict import KernelVerdict

CLAUSE = past.CLAUSE


def softmax(x: Any, *, scale: float, work: Any = None, clamps: bool = False) -> Any:
    z = x.astype(work or x.dtype) * (work or x.dtype.type)(scale)
    if clamps:
        largest = np.finfo(z.dtype).max
        z = np.clip(z, -largest, largest)
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return (e / e.sum(axis=-1, keepdims=True)).astype(x.dtype)


def by_differences(x: Any, *, scale: float) -> Any:
    """Multiply what is left of the largest logit."""
    factor = x.dtype.type(scale)
    top = x.max(axis=-1, keepdims=True) if scale > 0 else x.min(axis=-1, keepdims=True)
    e = np.exp(factor * (x - top))
    return e / e.sum(axis=-1, keepdims=True)


def judged(function: Any, scale: float, format_: str = "float32") -> KernelVerdict:
    own = partial(function, scale=scale)
    own.__name__ = "scaled"  # type: ignore[attr-defined]
    with np.errstate(all="ignore"):
        return logitproof.check(own, op="softmax", format=format_, widest=64, scale=scale)


@pytest.mark.parametrize("scale", [1e30, -1e38, 3e4])
@pytest.mark.parametrize("function", [softmax, partial(softmax, work=np.float64), by_differences])
def test_what_overflows_and_what_does_not_are_both_right(function: Any, scale: float) -> None:
    verdict = judged(function, scale)
    assert verdict.conforms, verdict.details()


def test_a_clamp_is_not() -> None:
    verdict = judged(partial(softmax, clamps=True), 1e30)
    assert CLAUSE in {one.finding.clause for one in verdict.shown}


def test_a_scalar_that_a_format_does_not_hold_is_not_asked_in_it() -> None:
    with np.errstate(all="ignore"):
        verdict = logitproof.check(partial(softmax, scale=1e30), op="softmax", widest=64, scale=1e30)
    assert any("scale 1e+30 is no normal number of float16; not asked in it" in note for note in verdict.notes)
    with pytest.raises(UsageError, match=r"float16 cannot be asked: scale is 1e\+30, no normal number of it"):
        logitproof.check(len, op="linear_cross_entropy", format="float16", scale=1e30)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "declaration", [Declaration(scale=-64.0), Declaration(factors="rows"), Declaration(factors="classes", divides=True)]
)
def test_the_rows_are_what_their_names_say(name: str, declaration: Declaration) -> None:
    form = FORMATS[name]
    rows = {row.name: row for row in past.rows_of(declaration, form)}
    assert len(rows) == len(past.WANTED) + (0 if not declaration.factors else 2 if declaration.divides else 4)
    for row in rows.values():
        assert np.isfinite(row.logits.astype(np.float64)).all()
    for name_, count in (
        ("one product past the lowest number", 1),
        ("the products of 32 classes past the lowest number", 32),
    ):
        assert np.isneginf(rows[name_].held).sum() == count
        assert np.isneginf(rows[name_].real).sum() == count  # type: ignore[arg-type]
    both = rows["two products past the largest number"]
    assert np.isposinf(both.held).sum() == 2
    assert both.real is not None
    assert np.flatnonzero(both.real == both.real.max()).tolist() == [7]
    every = rows["every product past the lowest number"]
    assert np.isneginf(every.held).all()
    if declaration.factors and not declaration.divides:
        assert np.isnan(rows["zero times infinity"].held).any()
        assert rows["zero times infinity"].real is None
