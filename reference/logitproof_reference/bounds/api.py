"""How far a correct implementation may be off: one absolute bound for every element of an answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.bounds import forward as bounds_forward
from logitproof_reference.bounds.error_model import Approximation, Rounding
from logitproof_reference.bounds.row_statistics import INFLATION, RowStatistics
from logitproof_reference.bounds.table import BOUNDS, Question, Rows
from logitproof_reference.vocabulary.cells import REDUCES_CLASSES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.vocabulary.formats import F64, Format

VOID = 0.5
"""Relative error eS of the sum from which the bound says nothing: eS / (1 - eS) >= 1."""

HUGE = 2.0**1000
"""Logits beyond which differences may overflow float64, in which bounds are computed."""

SCALE = 256.0
"""What huge logits are divided by, where log-probabilities overflow but an answer made of them does not.

That answer, and its bound, is proportional to them: next to such differences log S is nothing.
"""

BLOCK_ELEMENTS = 1 << 18
"""Logits bounded at a time, so that memory stays flat as batches grow."""


def bound(
    op: str,
    quantity: str,
    *,
    logits: NDArray[Any],
    labels: NDArray[Any] | None = None,
    cotangent: NDArray[Any] | None = None,
    tangent: NDArray[Any] | None = None,
    weight: NDArray[Any] | None = None,
    pos_weight: NDArray[Any] | None = None,
    unnormalized_gradient: str = "exact",
    clip_probabilities: float | None = None,
    format: Format,  # noqa: A002 - the word of the vocabulary, keyword only
    arithmetic: Arithmetic,
) -> F64:
    """Return the largest |observed - exact| of a correct implementation, elementwise.

    The bounds B1 to B5 of `forward`, `loss` and `gradient`, and those of
    `second_order` and `sigmoid`, the worst over the ordinary forms of each algorithm.
    Rows whose bound is void in a half-precision accumulation (`void`) are bounded for the
    wide-accumulation class instead: sums in float32 and gradual underflow.

    Parameters
    ----------
    op, quantity : str
        The vocabulary of `cells`.
    logits : array, shape (rows, n)
        Exact numbers of the format, class axis last. A class at -inf counts as absent.
    labels : integer array (rows,) or floating array (rows, n), optional
        Class indices, or distributions.
    cotangent : array of the shape of the op's value, optional
        Upstream gradient of grad_logits, grad_labels and hvp; ones when left out.
    tangent : array, shape (rows, n), optional
        Direction of jvp and hvp; it moves the logits, not the labels.
    weight, pos_weight : arrays that broadcast to (rows, n), optional
        Weights of sigmoid_cross_entropy.
    unnormalized_gradient : str
        ``exact``, or ``tensorflow``: derivatives of distributions as if they summed to one.
    clip_probabilities : float or None
        What softmax_cross_entropy clips p to before its logarithm; of value, grad_logits and grad_labels.
    format : Format
        The format the implementation works in.
    arithmetic : Arithmetic
        What it is assumed to do: `MUST`, `SHOULD`, or a declaration.

    Returns
    -------
    float64, shape of the answer: (rows,) or (rows, n)
        Absolute bound; NaN where the answer is not finite.

    Raises
    ------
    ValueError
        No bound is known for the op and quantity, logits have not two axes, or labels or the
        tangent are missing.
    """
    if (op, quantity) not in BOUNDS:
        known = ", ".join(" ".join(pair) for pair in BOUNDS)
        raise ValueError(f"no bound is known for {op} {quantity}; known: {known}")
    if logits.ndim != 2:
        raise ValueError(f"logits have shape {logits.shape}, expected two axes, classes last")
    given = Rows(
        logits=logits,
        labels=labels,
        cotangent=cotangent,
        tangent=tangent,
        weight=weight,
        pos_weight=pos_weight,
        unit_totals=unnormalized_gradient == "tensorflow",
        clip=clip_probabilities,
    )
    step = max(BLOCK_ELEMENTS // max(logits.shape[1], 1), 1)
    blocks = [given.part(slice(start, start + step)) for start in range(0, max(len(logits), 1), step)]
    whole = np.concatenate([_block_bound(op, quantity, block, format, arithmetic) for block in blocks])
    return whole[:, 0] if op in REDUCES_CLASSES and quantity in {"value", "jvp"} else whole


def _block_bound(op: str, quantity: str, rows: Rows, format_: Format, arithmetic: Arithmetic) -> F64:
    """Return the bound of some rows, void ones replaced by that of the wide-accumulation class."""
    error = _assumed(op, quantity, rows, format_, arithmetic).error
    if op == "sigmoid_cross_entropy":
        return error
    is_void = void(rows.logits, format_, arithmetic)[:, None]
    if is_void.any():
        error = np.where(is_void, _assumed(op, quantity, rows, format_, wide(arithmetic)).error, error)
    magnitudes = np.abs(rows.logits.astype(np.float64))
    if magnitudes.max(initial=0.0, where=np.isfinite(magnitudes)) > HUGE:
        scaled = _assumed(op, quantity, replace(rows, logits=rows.logits / SCALE), format_, arithmetic)
        with np.errstate(over="ignore"):
            overflows = ~np.isfinite(SCALE * scaled.value)
        error = np.where(np.isfinite(error) | overflows, error, SCALE * scaled.error)
    return error


def _assumed(op: str, quantity: str, rows: Rows, format_: Format, arithmetic: Arithmetic) -> Approximation:
    """Return answers and bounds under one arithmetic, NaN where not finite; reduced answers keep an axis."""
    statistics = RowStatistics.of(rows.logits)
    with np.errstate(invalid="ignore", over="ignore"):
        result = BOUNDS[op, quantity](Question(op, rows, statistics, Rounding(format_, arithmetic)))
        error = result.error * INFLATION
    unlimited = ~np.isfinite(result.value)
    if op != "sigmoid_cross_entropy":
        undefined = statistics.undefined
        unlimited |= undefined if result.value.shape == undefined.shape else undefined.any(axis=-1, keepdims=True)
    return Approximation(result.value, np.where(unlimited, np.nan, error))


def wide(arithmetic: Arithmetic) -> Arithmetic:
    """Return the wide-accumulation class of an arithmetic: sums in float32, without flushing to zero.

    It takes the place of a void bound: n u >= 1 in half precision, or n times the smallest normal.
    """
    return replace(arithmetic, accumulation="float32", flush_to_zero=False)


def void(logits: NDArray[Any], format: Format, arithmetic: Arithmetic) -> NDArray[np.bool_]:  # noqa: A002 - as in `bound`
    """Return for each row whether the bound under `arithmetic` is void: the sum may be off by half of itself.

    From there on 1/S may be off by all of itself, so that the relative bound of every
    probability is at least 1. Shape (rows,); False where the row has no finite softmax.
    """
    total = bounds_forward.shifted_sum(RowStatistics.of(logits), Rounding(format, arithmetic))
    return total.error[:, 0] >= VOID
