"""The exact answer to what a kernel is declared to compute, and the error bound of correct code.

Options go to the oracle. A transform of the logits is computed in float64, whose error is far below what the bound
grants for it; its roundings in the kernel's format are bounded as those of a producer in front of the op. What is
added or divided at the end (z-loss, a divisor) adds its own roundings.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import local
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.assumptions import MUST, growth
from logitproof_reference.bounds.producers import producer_bound
from logitproof_reference.numerics.enclosure import Enclosure
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.vocabulary.formats import FORMATS, format_of
from logitproof_reference.vocabulary.ops import OPS, TAKES_COTANGENT, TAKES_TANGENT, formulas_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_adapters.kernels.declaration import Declaration
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.cases.catalogue import Rows
    from logitproof_reference.vocabulary.formats import Format

    F64 = NDArray[np.float64]

SPOILER = 2.0e4
"""What a kernel with a mask is given at a class that does not count: large enough to spoil any answer."""

TRANSFORM_ROUNDINGS = 4.0
"""A producer's bound is for three roundings of the logit; a quotient, a tanh of a few ulps and a product take more."""


@dataclass(frozen=True)
class Question:
    """A question to a kernel: op, labels, quantity and declarations.

    Attributes
    ----------
    op, labels, quantity : str
    declaration : Declaration
    arithmetic : Arithmetic or None
        The declared precision.
    """

    op: str
    labels: str
    quantity: str
    declaration: Declaration
    arithmetic: Arithmetic | None = None


@dataclass(frozen=True)
class Truth:
    """Exact answers, class axis last, and the largest error that conforms."""

    exact: Enclosure
    allowed: F64


def arguments(question: Question, rows: Rows) -> dict[str, NDArray[Any]]:
    """Return labels, cotangent and tangent, as far as they are taken; the cotangent of a reduced loss is one number.

    Behind a mask a class that does not count is a constant: nothing flows back through it.
    """
    given: dict[str, NDArray[Any]] = {}
    if question.labels != "none":
        given["labels"] = rows.indices if question.labels == "indices" else rows.distributions
    if question.quantity in TAKES_COTANGENT:
        whole = rows.class_cotangents if OPS[question.op].keeps_classes else rows.row_cotangents
        if question.declaration.where and whole.ndim > 1:
            whole = np.where(np.isneginf(rows.logits.astype(np.float64)), whole.dtype.type(0), whole)
        is_reduced = question.declaration.reduction != "none"
        given["cotangent"] = np.asarray(rows.row_cotangents[0]) if is_reduced else whole
    if question.quantity in TAKES_TANGENT:
        given["tangent"] = np.ascontiguousarray(rows.class_cotangents[:, ::-1])
    return given


def weights(declaration: Declaration, logits: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return the weights that are declared: small exact numbers, uneven over classes, some of them 0.

    Batches of an odd number of rows have others than those of an even one: a kernel may keep those of a width.
    """
    classes = np.arange(logits.shape[1]) + len(logits) % 2
    numbers = {"weight": (1 + classes) % 6 / 2, "pos_weight": 1.0 + classes % 3}
    return {name: numbers[name].astype(logits.dtype) for name in numbers if getattr(declaration, name)}


def truth_of(question: Question, rows: Rows) -> Truth:
    """Return the exact answers for some rows, with their bounds."""
    declaration, format_ = question.declaration, format_of(rows.logits)
    working = FORMATS[declaration.result_format] if declaration.result_format else format_
    given = arguments(question, rows)
    logits = _without_ignored(rows, declaration.ignore_index)
    with np.errstate(all="ignore"):
        if not declaration.is_transformed:
            return _plain(question, logits, given, working)
        return _transformed(question, logits, given, working)


def _without_ignored(rows: Rows, ignored: int | None) -> NDArray[Any]:
    """Return logits with zeros in ignored rows that are not finite: a sum or mean is that of the others (OPT-3)."""
    if ignored is None:
        return rows.logits
    lost = (rows.indices == ignored) & ~np.isfinite(rows.logits.astype(np.float64)).all(axis=1)
    return np.where(lost[:, None], rows.logits.dtype.type(0), rows.logits) if lost.any() else rows.logits


def of_held_products(question: Question, rows: Rows) -> tuple[Truth, NDArray[np.bool_]] | None:
    """Return the answers for scaled logits as the format holds them, and of which rows a product is past the format.

    Past the overflow threshold of the format a product is an infinity (IEEE 754-2019, 7.4), of which the clauses EXT
    say what an op makes; code that holds it wider has the answer of `truth_of`. None where no product is past it.
    """
    declaration, format_ = question.declaration, format_of(rows.logits)
    if (
        declaration.factor == 1.0
        or declaration.softcap is not None
        or declaration.z_loss
        or declaration.reduction != "none"
    ):
        return None
    with np.errstate(all="ignore"):
        x = rows.logits.astype(np.float64)
        products = x * declaration.scale / declaration.temperature
        # One ulp below the largest number too: which of them overflow is a matter of one rounding.
        past = np.isfinite(x) & (np.abs(products) >= format_.largest * (1.0 - 2.0 * format_.unit_roundoff))
        reached = np.asarray(past.any(axis=1))
        if not reached.any():
            return None
        held = np.where(past, np.sign(products) * np.inf, products)
        working = FORMATS[declaration.result_format] if declaration.result_format else format_
        plain = _plain(question, held, arguments(question, rows), working)
        allowed = plain.allowed + np.nan_to_num(_moved(question, held, arguments(question, rows), working))
        if question.quantity == "value":
            return Truth(plain.exact, allowed), reached
        value = np.where(plain.exact.value == 0.0, 0.0, plain.exact.value * declaration.factor)
        lost = 8.0 * working.unit_roundoff
        grown = abs(declaration.factor) * (allowed + lost * np.abs(plain.exact.value)) + 2.0 * working.smallest_normal
    return Truth(Enclosure.exact(value), grown), reached


def _options(question: Question, logits: NDArray[Any], *, reduction: str) -> dict[str, Any]:
    declaration = question.declaration
    chosen = {
        "reduction": reduction,
        "ignore_index": declaration.ignore_index,
        "label_smoothing": declaration.label_smoothing,
    }
    known = OPS[question.op].options
    is_set = {name: value for name, value in chosen.items() if value not in (None, 0.0, "none") and name in known}
    return {**is_set, **{name: value.astype(np.float64) for name, value in weights(declaration, logits).items()}}


def _plain(
    question: Question, logits: NDArray[Any], given: dict[str, Any], working: Format, *, reduced: bool = True
) -> Truth:
    options = _options(question, logits, reduction=question.declaration.reduction if reduced else "none")
    finite = logits if OPS[question.op].elementwise else _without_nan_and_infinity(logits)
    request = checked_request(question.op, question.quantity, finite, **given, **options)
    exact = _exact_rows(finite).answer(request)
    allowed = bound(request, working, question.arithmetic or MUST)
    exact = exact.reshape(*allowed.shape)
    # In half precision a long sum of labels has an infinite bound, and at the label infinity times 0: no bound either.
    allowed = np.where(np.isnan(allowed) & np.isfinite(exact.value), np.inf, allowed)
    return Truth(exact if finite is logits else _limits(exact, logits), allowed)


MOST_KEPT = 1 << 19
"""Logits whose exponentials and sums are kept: a few dozen bytes for each."""


class _Last(local):
    """The rows that were asked last in a thread: value and gradient of a trial share their exponentials and sums."""

    content: tuple[Any, ...] = ()
    rows: ExactRows | None = None


_LAST = _Last()


def _exact_rows(logits: NDArray[Any]) -> ExactRows:
    """Return the exact results for rows, those of the last rows again if they are the same bits."""
    if logits.size > MOST_KEPT or logits.size == 0:
        return ExactRows(logits, keep=False)
    content = (logits.shape, logits.dtype, logits.tobytes())
    if _LAST.rows is None or content != _LAST.content:
        _LAST.content, _LAST.rows = content, ExactRows(logits)
    return _LAST.rows


INFINITE = 2.0**400
"""Stands for +inf: beside it every other logit of a row counts nothing, as beside +inf."""


def _without_nan_and_infinity(logits: NDArray[Any]) -> NDArray[Any]:
    """Return logits that the oracle takes in bulk: rows with NaN as zeros, a single +inf as a large number."""
    numbers = logits.astype(np.float64)
    spoiled, infinite = np.asarray(np.isnan(numbers).any(axis=1)), np.isposinf(numbers)
    if not spoiled.any() and not infinite.any():
        return logits
    return np.where(spoiled[:, None], 0.0, np.where(infinite, INFINITE, numbers))


def _limits(exact: Enclosure, logits: NDArray[Any]) -> Enclosure:
    """Return the answers with NaN in rows that hold one, and with the infinities that +inf leads to."""
    numbers = logits.astype(np.float64)
    value, tail, radius = (part.copy() for part in exact.parts)
    infinite = np.isposinf(numbers).any(axis=1).reshape(-1, *(1,) * (value.ndim - 1))
    past = infinite & (np.abs(value) > INFINITE / 2.0**80)
    value[past] = np.sign(value[past]) * np.inf
    value[np.isnan(numbers).any(axis=1)] = np.nan
    tail[~np.isfinite(value)] = radius[~np.isfinite(value)] = 0.0
    return Enclosure(value, tail, radius)


def transform(declaration: Declaration, logits: NDArray[Any]) -> tuple[F64, F64]:
    """Return the logits that the op is of, and the derivative of each by its own logit."""
    scaled = logits.astype(np.float64) * declaration.scale / declaration.temperature
    slope = np.full(scaled.shape, declaration.factor)
    if declaration.softcap is None:
        return scaled, slope
    capped = np.tanh(scaled / declaration.softcap)
    return capped * declaration.softcap, slope * (1.0 - capped) * (1.0 + capped)


def _transformed(question: Question, logits: NDArray[Any], given: dict[str, Any], working: Format) -> Truth:
    """Return the truth of a loss, or another op, of transformed logits; with its z-loss, sum and divisor."""
    declaration, unit = question.declaration, working.unit_roundoff
    z, slope = transform(declaration, logits)
    whole = dict(given)
    scale = 1.0
    if declaration.reduction != "none":
        scale = 1.0 / divisor(question, logits, given.get("labels"))
        if "cotangent" in given:
            whole["cotangent"] = np.full(len(logits), float(given["cotangent"]) * scale)
    plain = _plain(question, z, whole, working, reduced=False)
    moved = _moved(question, z, whole, working)
    value, allowed = plain.exact.value + plain.exact.tail, plain.allowed + moved
    if declaration.z_loss:
        value, allowed = _with_z_loss(question, z, whole, working, (value, allowed))
    if question.quantity != "value":
        # A rounded tanh t leaves 1 - t^2 off by a few units roundoff of 1, whatever is left of it.
        steep = np.abs(slope)
        lost = 3.0 * unit * steep if declaration.softcap is None else 8.0 * unit * abs(declaration.factor)
        allowed = allowed * steep + np.abs(value) * (lost + 2.0 * unit * steep) + working.smallest_normal
        return Truth(Enclosure.exact(value * slope), np.where(np.isfinite(value), allowed, np.nan))
    if declaration.reduction == "none":
        return Truth(Enclosure.exact(value), allowed)
    return _reduced(value, allowed, scale, working)


def _moved(question: Question, z: F64, given: dict[str, Any], working: Format) -> F64 | float:
    """Return what the roundings of the transform may move an answer by."""
    declaration = question.declaration
    if declaration.factor == 1.0 and declaration.softcap is None:
        return 0.0
    if not formulas_of(question.op, question.quantity).moved:
        raise ValueError(f"no bound is known for {question.quantity} of {question.op} behind a transform of its logits")
    request = checked_request(question.op, question.quantity, z, **given)
    largest = max(float(np.max(array, initial=1.0)) for array in (*weights(declaration, z).values(), np.ones(1)))
    return TRANSFORM_ROUNDINGS * largest * producer_bound(request, working)


def _with_z_loss(
    question: Question, z: F64, given: dict[str, Any], working: Format, loss: tuple[F64, F64]
) -> tuple[F64, F64]:
    """Add the squared log-sum-exp of each row, or its gradient 2 lse p, with what they may be off."""
    factor, unit = question.declaration.z_loss, working.unit_roundoff
    kept = (
        np.ones(len(z))
        if question.declaration.ignore_index is None
        else given["labels"] != question.declaration.ignore_index
    )
    of_rows = _plain(Question("log_sum_exp", "none", "value", type(question.declaration)()), z, {}, working)
    lse, off = of_rows.exact.value, of_rows.allowed
    if question.quantity == "value":
        term, error = factor * lse**2, factor * (2.0 * np.abs(lse) * off + off**2)
        value = loss[0] + term * kept
        return value, loss[1] + error + 4.0 * unit * (np.abs(loss[0]) + term)
    of_classes = _plain(Question("softmax", "none", "value", type(question.declaration)()), z, {}, working)
    upstream = np.abs(given["cotangent"])[:, None] * 2.0 * factor
    p, p_off = of_classes.exact.value, of_classes.allowed
    term = np.sign(given["cotangent"])[:, None] * upstream * lse[:, None] * p * np.asarray(kept)[:, None]
    error = upstream * (np.abs(lse)[:, None] * p_off + off[:, None] * (p + p_off))
    return loss[0] + term, loss[1] + error + 4.0 * unit * (np.abs(loss[0]) + np.abs(term))


def divisor(question: Question, logits: NDArray[Any], labels: NDArray[Any] | None) -> float:
    """Return what the sum of all rows is divided by; 1 for a sum."""
    declaration = question.declaration
    if declaration.divisor is not None:
        return declaration.divisor
    if declaration.reduction == "sum":
        return 1.0
    if labels is None or labels.dtype.kind not in "iu":
        return float(len(logits))
    kept = labels[labels != declaration.ignore_index] if declaration.ignore_index is not None else labels
    weight = weights(declaration, logits).get("weight")
    return float(len(kept) if weight is None else weight.astype(np.float64)[kept].sum())


def _reduced(value: F64, allowed: F64, scale: float, working: Format) -> Truth:
    total = value.sum() * scale
    summing = growth(max(value.size - 1, 1) + 3, working.unit_roundoff)
    error = (allowed.sum() + summing * np.abs(value).sum()) * scale
    return Truth(Enclosure.exact([total]), np.atleast_1d(error))
