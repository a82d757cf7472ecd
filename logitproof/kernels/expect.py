"""Bounds and ulps for other people's tests: in the place of an atol and an rtol that somebody chose.

>>> import numpy as np
>>> logits = np.array([[0.5, -1.0, 2.0]], np.float32)
>>> expected = expect("softmax", logits)
>>> observed = np.exp(logits) / np.exp(logits).sum()
>>> expected.assert_within_bound(observed)
>>> bool(expected.ulps(observed).max() < 3)
True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.errors import UsageError
from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.assumptions import MUST, growth
from logitproof_reference.judging.compare import Comparison, compare
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.vocabulary.formats import FORMATS, format_of, named_format

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.numerics.enclosure import Enclosure
    from logitproof_reference.vocabulary.formats import Format

    F64 = NDArray[np.float64]

ROUNDINGS = {"softmax": 3.0, "log_softmax": 3.0, "log_sum_exp": 2.0, "softmax_cross_entropy": 3.0}
"""Roundings of single numbers beside the sum: a difference, a quotient or a logarithm, and the result."""


@dataclass(frozen=True)
class Expected:
    """Exact answers, and how far correct code may be off.

    Attributes
    ----------
    exact : Enclosure
        Of the shape of the answer.
    bound : float64 array
        The largest absolute error of correct code, elementwise; NaN where the answer is not finite.
    format : Format
        The format that the code works in.
    """

    exact: Enclosure
    bound: F64
    format: Format

    def compare(self, observed: ArrayLike) -> Comparison:
        """Compare an answer, element by element.

        Raises
        ------
        UsageError
            Its shape is another one.
        """
        array = np.asarray(observed)
        if array.shape != self.exact.shape:
            raise UsageError(f"observed has shape {array.shape}, expected {self.exact.shape}")
        return compare(array, self.exact, self.bound, self.format)

    def ulps(self, observed: ArrayLike) -> F64:
        """Return the error of each element in units of the last place of its exact value."""
        return self.compare(observed).ulps

    def slack(self, observed: ArrayLike) -> F64:
        """Return error / bound of each element: more than 1 is a fault of the algorithm."""
        return self.compare(observed).slack

    def correctly_rounded(self, observed: ArrayLike) -> NDArray[np.bool_]:
        """Tell which elements are the exact value rounded once to the format."""
        nearest = self.exact.round(self.format).astype(np.float64)
        seen = np.asarray(observed).astype(np.float64)
        return np.asarray((seen == nearest) | (np.isnan(seen) & np.isnan(nearest)))

    def assert_within_bound(self, observed: ArrayLike) -> None:
        """Raise AssertionError where an element lies past its bound, with the worst one."""
        found = self.compare(observed)
        wrong = ~(found.conforms | found.undecided)
        if not wrong.any():
            return
        place = np.unravel_index(int(np.argmax(np.where(wrong, found.slack, -1.0))), wrong.shape)
        seen = float(np.asarray(observed, dtype=np.float64)[place])
        raise AssertionError(
            f"{int(wrong.sum())} of {wrong.size} elements lie past the bound; worst at {tuple(map(int, place))}: "
            f"observed {seen:.9g} ({seen.hex()}), exact {self.exact.value[place]:.9g}, {found.ulps[place]:.3g} ulps, "
            f"{found.slack[place]:.3g} times the bound {self.bound[place]:.3g}"
        )


def expect(
    op: str,
    logits: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    quantity: str = "value",
    cotangent: ArrayLike | None = None,
    tangent: ArrayLike | None = None,
    format: str = "",  # noqa: A002  the word of the vocabulary
    arithmetic: Arithmetic | None = None,
    **options: Any,
) -> Expected:
    """Return what an op must give, with the bound that the theorem grants for these very rows.

    Parameters
    ----------
    op, quantity : str
        E.g. ``softmax_cross_entropy`` and ``grad_logits``.
    logits : array (rows, classes) of one of the four formats
    labels, cotangent, tangent, **options
        As in `logitproof.grad_logits`.
    format : str
        The format that the code works in; that of the logits by default.
    arithmetic : Arithmetic, optional
        What the code is declared to do; the least that is asked of everyone by default.

    Raises
    ------
    UsageError
        A name is not known, or a shape does not fit.
    """
    array = np.asarray(logits)
    try:
        request = checked_request(op, quantity, array, labels, cotangent=cotangent, tangent=tangent, **options)
        working = named_format(format) if format else format_of(array)
    except (TypeError, ValueError) as error:
        raise UsageError(str(error)) from error
    allowed = bound(request, working, arithmetic or MUST)
    exact = ExactRows(array, keep=False).answer(request)
    return Expected(exact.reshape(*allowed.shape), allowed, working)


def assert_within_bound(
    observed: ArrayLike, op: str, logits: ArrayLike, labels: ArrayLike | None = None, **asked: Any
) -> None:
    """Raise AssertionError where an answer lies past the bound; arguments as in `expect`."""
    expect(op, logits, labels, **asked).assert_within_bound(observed)


@dataclass(frozen=True)
class Tolerance:
    """What may take the place of an rtol and an atol.

    Attributes
    ----------
    op, format : str
    classes : int
    rtol : float
        Relative to the answer; of a logarithm, to the largest logit in magnitude beside it.
    atol : float
        For what underflows.
    """

    op: str
    format: str
    classes: int
    rtol: float
    atol: float


def tolerances(
    ops: Iterable[str] = (), classes: Iterable[int] = (10, 1000, 32_000, 128_256), reach: float = 10.0
) -> list[Tolerance]:
    """Return a table of tolerances by op, format and number of classes, for logits that span at most `reach`.

    rtol = (1 + exp's error)(1 + g_h)(e^{u reach}) - 1 for the sum, in float32 where a half format would lose it, and
    the roundings of single numbers in the format. Of log-softmax and the losses it is an absolute error, in nats, plus
    that part of the answer.

    Raises
    ------
    UsageError
        An op is not known, or has no sum.
    """
    chosen = list(ops) or list(ROUNDINGS)
    for op in chosen:
        if op not in ROUNDINGS:
            raise UsageError(f'op "{op}" has no table of tolerances; those that have: {", ".join(ROUNDINGS)}')
    return [_tolerance(op, FORMATS[name], n, reach) for op in chosen for name in FORMATS for n in classes]


def _tolerance(op: str, format_: Format, n: int, reach: float) -> Tolerance:
    summing = format_ if n * format_.unit_roundoff < 0.125 else FORMATS["float32"]
    unit, wide = format_.unit_roundoff, summing.unit_roundoff
    total = np.expm1(np.log1p(8.0 * unit) + np.log1p(growth(n - 1, wide)) + unit * reach)
    rtol = float((1.0 + total) * (1.0 + growth(ROUNDINGS[op] + 8.0, unit)) - 1.0)
    keeps_scale = op == "softmax"
    atol = format_.smallest_normal * n if keeps_scale else rtol + 2.0 * unit * reach
    return Tolerance(op, format_.name, n, rtol, float(atol))
