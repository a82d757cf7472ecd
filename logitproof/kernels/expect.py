"""Bounds and ulps for the tests of other projects, in place of a chosen atol and rtol.

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
from logitproof_reference.bounds.assumptions import MUST, wide
from logitproof_reference.bounds.error_model import Rounding
from logitproof_reference.bounds.uniform import FORMS, WorstClass, uniform_bound, worst_sum
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
        """Return which elements are the exact value rounded once to the format."""
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
    """A tolerance in place of rtol and atol: |observed - exact| <= atol + rtol |exact|.

    Attributes
    ----------
    op, format : str
    classes : int
    rtol, atol : float
        Of softmax what underflows is absolute, the rest relative. Of the others the error is absolute, in nats; of
        log-sum-exp one rounding of the answer is relative.
    reach : float
        How far the logits of a row may lie apart, the largest from the smallest.
    sums : str
        The format that sums must run in: float32 where a half format would lose them.
    """

    op: str
    format: str
    classes: int
    rtol: float
    atol: float
    reach: float = 10.0
    sums: str = ""


def tolerances(
    ops: Iterable[str] = (),
    classes: Iterable[int] = (10, 1000, 32_000, 128_256),
    reach: float = 10.0,
    *,
    arithmetic: Arithmetic | None = None,
) -> list[Tolerance]:
    """Return a table of tolerances by op, format and number of classes, for logits that span at most `reach`.

    They are those of `logitproof_reference.bounds.uniform`: no bound of a row within the reach is greater, so that
    correct code keeps them, under the assumptions of `arithmetic`. Softmax cross-entropy is that with class indices.

    Parameters
    ----------
    ops : iterable of str
        All that have a sum over classes by default.
    classes : iterable of int
    reach : float
    arithmetic : Arithmetic, optional
        What the code is declared to do; the least that is asked of everyone by default, with sums in float32 where
        those in the format may be off by an eighth.

    Raises
    ------
    UsageError
        An op is not known or has no sum, or the reach is negative.
    """
    chosen = list(ops) or list(FORMS)
    for op in chosen:
        if op not in FORMS:
            raise UsageError(f'op "{op}" has no table of tolerances; those that have: {", ".join(FORMS)}')
    if not reach >= 0.0:
        raise UsageError(f"reach is {reach}; it must not be negative")
    assumed, counts = arithmetic or MUST, list(classes)
    return [_tolerance(op, one, n, reach, assumed) for op in chosen for one in FORMATS.values() for n in counts]


LOST = 0.125
"""Relative error of a sum from which a half format is expected to add in float32."""


def _tolerance(op: str, format_: Format, n: int, reach: float, arithmetic: Arithmetic) -> Tolerance:
    rounding = Rounding(format_, arithmetic)
    if format_.bits == 16 and worst_sum(WorstClass.below(n, reach), n, rounding).error > LOST:
        rounding = Rounding(format_, wide(arithmetic))
    allowed = uniform_bound(op, n, reach, rounding)
    sums = rounding.arithmetic.accumulation_format(format_).name
    return Tolerance(op, format_.name, n, allowed.relative, allowed.absolute, reach, sums)
