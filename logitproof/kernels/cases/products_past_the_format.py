"""Factors whose products with logits the format cannot hold: clause LIN-11.

A product z = t x past the overflow threshold of a format is there an infinity (IEEE 754-2019, 7.4), and of that the
clauses EXT say what a loss makes. Code that holds its products wider, or multiplies differences of logits, has the
exact answer of the real products. Both are right, row by row; nothing else is. A factor that is infinite itself makes
an infinity of each logit other than 0, and NaN of 0 (7.2).

The rows are asked one by one, by hidden states that are a unit vector, so that a NaN stays in its row. Their products
lie far apart: of the real ones each probability is 0 or 1, and each loss 0 or past the format, where any are past it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.producers import CHAIN, moved_by
from logitproof_reference.judging.compare import compare
from logitproof_reference.numerics.enclosure import Enclosure
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.vocabulary.formats import rounded
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof_adapters.kernels.declaration import Declaration
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.prologues.head import Head
    from logitproof_reference.vocabulary.formats import F64, Format

    Array = NDArray[Any]

CLAUSE = "LIN-11"
CLASSES, WIDTH = 40, 16
"""Two chunks of 16 classes lie before the last ones."""

FAR = 4.0
"""So many times the largest number is a product past the format; the other one is half of it."""

LEAST = 16.0
"""A scalar factor of less takes logits past the format that lie near its largest number themselves."""

ROUNDINGS = 3.0
"""Of a product with a factor, or with a rounded reciprocal: as in `bounds.producers`."""


class Products(NamedTuple):
    """A row of wanted products, and what it is: past the format in units of the largest number, else as they are."""

    name: str
    past: dict[int, float]
    label: int


WANTED = (
    Products("one product past the lowest number", {2: -FAR}, 5),
    Products("the label's product past the lowest number", {2: -FAR}, 2),
    Products("the products of 32 classes past the lowest number", dict.fromkeys(range(32), -FAR), 35),
    Products("the label's product past the largest number", {7: FAR}, 7),
    Products("one product past the largest number", {7: FAR}, 3),
    Products("two products past the largest number", {7: FAR, 33: FAR / 2}, 7),
    Products("every product past the lowest number", {**dict.fromkeys(range(CLASSES), -FAR), 9: -FAR / 2}, 9),
)


class Call(NamedTuple):
    """What a row is asked: an op, a quantity of it, and the upstream gradient of one."""

    op: str
    quantity: str
    cotangent: float = 1.0


@dataclass(frozen=True)
class Row:
    """What is asked, of one row.

    Attributes
    ----------
    name : str
    logits, factors : arrays (CLASSES,) of a format
        Before and of the products; the factors of a scalar are that number.
    label : int
    held : float64 array
        The products as the format holds them.
    real : float64 array or None
        Numbers with the softmax of the real products; None where a factor is infinite.
    """

    name: str
    logits: Array
    factors: Array
    label: int
    held: F64
    real: F64 | None


HELD = 2.0**-20
"""Of the logits of a row: what the oracle takes for the small part of a number."""

LARGE, SUMMED = 2.0**7, 2.0**8
"""A scalar factor of more than `LARGE` makes gradients that, added up over so many rows, are of another size."""


def scalar_of(declaration: Declaration) -> float:
    """Return the scalar factor of a declaration."""
    return float(declaration.factor)


def is_asked(declaration: Declaration) -> bool:
    """Return whether such rows are asked: where factors are declared, and nothing but a plain loss of one row."""
    others = (
        declaration.softcap,
        declaration.z_loss,
        declaration.label_smoothing,
        declaration.shift,
        declaration.divisor,
    )
    return (
        (bool(declaration.factors) or abs(scalar_of(declaration)) >= LEAST)
        and not any(others)
        and declaration.ranks == 1
    )


def rows_of(declaration: Declaration, form: Format) -> Iterator[Row]:
    """Yield the rows of a format; with a tensor of factors also infinite and subnormal ones."""
    for wanted in WANTED:
        factors = _factors(declaration, form)
        whole = _applied(np.ones(CLASSES), declaration, factors)
        target = np.resize((0.5, -1.25, 2.0, 0.0, -0.25, 1.0, -2.0), CLASSES)
        past = np.isin(np.arange(CLASSES), list(wanted.past))
        moderate = target / whole
        for at, times in wanted.past.items():  # logits of no more than the largest number
            target[at] = form.largest / max(np.abs(whole[at]), FAR) * times
        logits = np.where(past, target * np.sign(whole), moderate)
        yield _row((wanted.name, wanted.label), rounded(logits, form), factors, declaration, form)
    if not declaration.factors:
        return
    yield from _odd_factors(declaration, form)


def _odd_factors(declaration: Declaration, form: Format) -> Iterator[Row]:
    ordinary = np.resize((0.5, -1.25, 2.0, -0.25, 1.0), CLASSES)
    is_of_rows = declaration.factors == "rows"
    if not declaration.divides:
        at_zero = np.where(np.arange(CLASSES) == 4, 0.0, ordinary)
        infinite = np.full(CLASSES, np.inf) if is_of_rows else np.where(np.arange(CLASSES) == 4, np.inf, 1.0)
        yield _row(("zero times infinity", 1), rounded(at_zero, form), rounded(infinite, form), declaration, form)
        below = -np.abs(ordinary)
        name = "negative logits times infinity"
        yield _row((name, 1), rounded(below, form), rounded(infinite, form), declaration, form)
    tiny = np.full(CLASSES, 3.0 * form.smallest_subnormal)
    if declaration.divides:
        tiny = 1.0 / np.full(CLASSES, 4.0 * form.smallest_normal)
    yield _row(("products below the format", 1), rounded(ordinary, form), rounded(tiny, form), declaration, form)
    huge = ordinary * (form.largest / 4.0)
    yield _row(("subnormal factors of large logits", 1), rounded(huge, form), rounded(tiny, form), declaration, form)


def _factors(declaration: Declaration, form: Format) -> Array:
    """Return factors whose products with numbers of the format may leave it: large, by class of both signs."""
    if not declaration.factors:
        return np.ones(CLASSES, form.dtype)
    size = 2.0 ** (int(np.log2(form.largest)) // 2)
    size = 1.0 / size if declaration.divides else size
    signs = 1.0 if declaration.factors == "rows" else np.resize((1.0, -1.0, 1.0), CLASSES)
    return rounded(size * signs * np.ones(CLASSES), form)


def _applied(x: F64, declaration: Declaration, factors: Array) -> F64:
    """Return the products in float64."""
    with np.errstate(all="ignore"):
        scaled = x * declaration.scale / declaration.temperature
        tensor = factors.astype(np.float64)
        return scaled / tensor if declaration.divides and declaration.factors else scaled * tensor


def _row(wanted: tuple[str, int], logits: Array, factors: Array, declaration: Declaration, form: Format) -> Row:
    name, label = wanted
    x = logits.astype(np.float64)
    products = _applied(x, declaration, factors)
    with np.errstate(all="ignore"):
        held = np.where(np.abs(products) > form.largest, np.sign(products) * np.inf, products)
    # Halved, the products of float64 do not overflow before they are compared.
    share = _applied(x * 2.0**-8, declaration, factors)
    if not np.isfinite(share).all():
        return Row(name, logits, factors, label, held, None)
    top = share.max()
    past = top - share > form.largest * 2.0**-8
    with np.errstate(over="ignore"):
        apart = np.where(past, -np.inf, (share - top) * 2.0**8)
    real = products if np.isfinite(products).all() and np.abs(products).max() < form.largest / 2.0 else apart
    return Row(name, logits, factors, label, held, real)


def operands(row: Row) -> tuple[Array, Array]:
    """Return hidden states (1, WIDTH) and a weight (CLASSES, WIDTH) whose product is the logits."""
    hidden = np.zeros((1, WIDTH), row.logits.dtype)
    hidden[0, 0] = 1
    weight = np.zeros((CLASSES, WIDTH), row.logits.dtype)
    weight[:, 0] = row.logits
    return hidden, weight


def wrong(row: Row, asked: Call, observed: Array, declaration: Declaration, model: tuple[Format, Arithmetic]) -> str:
    """Return what is wrong with an answer to a row; empty if nothing is.

    A loss is one number, another value or a gradient by the logits one a class.
    """
    seen = observed.reshape(1, -1) if observed.size > 1 else observed.reshape(1)
    answers = [one for one in (row.real, row.held) if one is not None]
    right = np.zeros(seen.shape, bool)
    for z in answers:
        exact, allowed = _answer(row, asked, z, declaration, model)
        right |= compare(seen, exact, allowed, model[0]).conforms
    if np.isposinf(row.held).any():
        right |= np.isnan(seen.astype(np.float64))
    if right.all():
        return ""
    at = tuple(int(one) for one in np.argwhere(~right)[0])
    known = [_answer(row, asked, z, declaration, model)[0].value[at] for z in answers]
    where = f"class {at[1]}: " if len(at) > 1 else ""
    of = ("of the real products", "of those that the format holds")[-len(known) :]
    said = ", ".join(f"{number:.9g} {words}" for number, words in zip(known, of, strict=True))
    return f"{where}{float(seen[at]):.9g}, exactly {said}"


def _answer(
    row: Row, asked: Call, z: F64, declaration: Declaration, model: tuple[Format, Arithmetic]
) -> tuple[Enclosure, F64]:
    """Return the answer of products, infinite ones too, with its bound."""
    (op, quantity, cotangent), (form, arithmetic) = asked, model
    labels = np.array([row.label]) if OPS[op].label_kinds != ("none",) else None
    given = {} if quantity == "value" else {"cotangent": np.array([cotangent])}
    logits = z[None]
    request = checked_request(op, quantity, logits, labels, **given)
    with np.errstate(all="ignore"):
        exact = ExactRows(logits, keep=False).answer(request)
        allowed = bound(request, form, arithmetic)
        moved = moved_by(request, _off(row, z, form, arithmetic)[None], CHAIN * form.unit_roundoff)
        allowed = allowed + np.nan_to_num(moved)
        if quantity == "value":
            return exact, allowed
        slope = _applied(np.ones(CLASSES), declaration, row.factors)[None]
        relative = ROUNDINGS * form.unit_roundoff * (1.0 + form.unit_roundoff)
        own = allowed * (1.0 + relative) + relative * np.abs(exact.value)
        grown = np.abs(slope) * own + 2.0 * form.smallest_normal
        value = np.where(exact.value == 0.0, 0.0, exact.value * slope)
    return Enclosure.exact(value), np.where(np.isnan(grown), np.inf, grown)


def _off(row: Row, z: F64, form: Format, arithmetic: Arithmetic) -> F64:
    """Return how far each finite product may be off: by its roundings, or all of it where a flush takes a factor."""
    finite = np.where(np.isfinite(z), np.abs(z), 0.0)
    tensor = np.abs(row.factors.astype(np.float64))
    flushed = finite if arithmetic.flush_to_zero and (tensor < form.smallest_normal).any() else 0.0
    off: F64 = ROUNDINGS * form.unit_roundoff * finite + flushed + form.smallest_normal
    return off


def may_leave(head: Head, declaration: Declaration, form: Format) -> bool:
    """Return whether products of ordinary logits, or gradients behind them, may leave the format: another clause's.

    Nor are products asked that two numbers of float64 do not hold to a small part of a nat.
    """
    scalar, reach = abs(scalar_of(declaration)), float(np.abs(head.first.hi).max(initial=1.0))
    if np.abs(head.logits.lo).max(initial=0.0) > HELD:
        return True
    return scalar * reach >= form.largest / 2.0 or (scalar > LARGE and scalar * reach * SUMMED >= form.largest)
