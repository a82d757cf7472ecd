"""Every quantity of a batch of rows, from one shared core of exponentials and sums."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.numerics.enclosure import Enclosure
from logitproof_reference.vocabulary.formats import format_of

from . import infinite_logits as limits
from . import multiprecision, sigmoid
from .closed_forms import closed_form, terms_of
from .multiprecision_fallback import factors_within, fall_back, rows_within
from .reduction import enclosure_of, join_rows
from .request import checked_request
from .softmax_core import Core

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from .request import Request

BLOCK = 1 << 16
"""Logits worked on at a time: the intermediate arrays of a block stay in the cache."""


class ExactRows:
    """The exact results for rows of logits; what the quantities share is computed once.

    Parameters
    ----------
    logits : array of one of the four formats, shape (rows, classes)
        classes >= 1. -inf rules a class out; `infinite_logits` says what NaN and other infinities give.
    keep : bool
        Whether to keep what is shared for the next quantity; without it memory stays flat as the batch grows.
    threads : int
        How many threads share the rows; the bits do not depend on it.

    Raises
    ------
    ValueError
        The logits do not have two axes, or no class.
    TypeError
        The logits are of none of the four formats.

    Examples
    --------
    >>> rows = ExactRows(np.array([[0.0, 700.0]]))
    >>> rows.evaluate("softmax_cross_entropy", "value", np.array([1])).value
    array([9.85967654e-305])
    """

    def __init__(self, logits: NDArray[Any], *, keep: bool = True, threads: int = 1) -> None:
        self.format = format_of(logits)
        if logits.ndim != 2 or logits.shape[1] == 0:
            raise ValueError(f"logits have shape {logits.shape}; rows need (rows, classes) with one class or more")
        self.shape: tuple[int, int] = logits.shape
        self._logits = logits
        self._keep = keep
        self._threads = threads
        self._blocks: dict[int, _Block] = {}

    def evaluate(
        self,
        op: str,
        quantity: str,
        labels: ArrayLike | None = None,
        cotangent: ArrayLike | None = None,
        tangent: ArrayLike | None = None,
        **options: Any,
    ) -> Enclosure:
        """Return one quantity of one op.

        Parameters
        ----------
        op : str
            ``softmax``, ``log_softmax``, ``log_sum_exp`` or ``softmax_cross_entropy``.
        quantity : str
            ``value``, ``grad_logits``, ``grad_labels`` (with distributions only), ``jvp`` or ``hvp``.
        labels : integer array (rows,), floating array (rows, classes), or None
            Class indices or distributions, for softmax_cross_entropy only.
        cotangent : array of the shape of the op's value, or None
            Upstream gradient, for grad_logits, grad_labels and hvp; None means 1 everywhere.
        tangent : array (rows, classes) or None
            The direction of a jvp or hvp, in the logits.
        **options
            Attributes of `LossOptions`, for softmax_cross_entropy only.

        Raises
        ------
        ValueError
            The quantity does not exist, a shape does not fit, a label is out of range, an option is not known.
        """
        return self.answer(
            checked_request(op, quantity, self._logits, labels, cotangent=cotangent, tangent=tangent, **options)
        )

    def answer(self, request: Request) -> Enclosure:
        """Answer a request for these very rows of logits."""
        if request.row.elementwise:
            return sigmoid.evaluate(request)
        if self._threads == 1:
            return join_rows(request, [self._answer(request, part) for part in self._parts()])
        with ThreadPoolExecutor(self._threads) as pool:
            return join_rows(request, list(pool.map(partial(self._answer, request), self._parts())))

    def _parts(self) -> list[slice]:
        """Return the rows of each block."""
        rows, classes = self.shape
        step = max(1, min(BLOCK // classes, -(-rows // self._threads)))
        return [slice(start, start + step) for start in range(0, rows, step)]

    def _answer(self, request: Request, part: slice) -> Enclosure:
        """Answer a request for one block."""
        block = self._blocks.get(part.start) or _Block(self._logits[part])
        if self._keep:
            self._blocks[part.start] = block
        return block.evaluate(request.of(part))


class _Block:
    """A block of rows: the ordinary ones in double-double, the others one by one in multiple precision."""

    def __init__(self, logits: NDArray[Any]) -> None:
        self.logits = logits.astype(np.float64)
        self._ordinary = rows_within(self.logits)

    @cached_property
    def core(self) -> Core:
        """Core of all rows; those not ordinary stand there as rows of zeros."""
        rows = self.logits if self._ordinary.all() else np.where(self._ordinary[:, None], self.logits, 0.0)
        return Core(np.ascontiguousarray(rows.T))

    def evaluate(self, request: Request) -> Enclosure:
        """Answer a request for all rows of the block."""
        in_range = factors_within(request)
        ordinary = self._ordinary & in_range
        if ordinary.any():
            answer = self._in_double_double(request if in_range.all() else request.zeroed(in_range))
        else:
            answer = Enclosure.exact(np.zeros(self.logits.shape if request.has_class_axis else len(self.logits)))
        fall_back(answer, ~ordinary, lambda row: multiprecision.evaluate_row(request.of(row)))
        return answer

    def _in_double_double(self, request: Request) -> Enclosure:
        terms = terms_of(request)
        answer = enclosure_of(closed_form(request)(self.core, terms))
        if self.core.absent.any():
            _put_infinities(answer, limits.infinities(request, terms, self.core.absent))
        return answer


def _put_infinities(answer: Enclosure, infinite: NDArray[np.float64] | None) -> None:
    if infinite is None:
        return
    where = ~np.isfinite(infinite)
    answer.value[where] = infinite[where]
    answer.tail[where] = answer.radius[where] = 0.0
