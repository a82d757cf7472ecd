"""Exact answers and bounds, each computed once: repeated requests are answered from memory or disk."""

from __future__ import annotations

from collections import Counter, OrderedDict
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds import api as bounds
from logitproof_reference.numerics.enclosure import Enclosure
from logitproof_reference.oracle import multiprecision
from logitproof_reference.oracle.softmax_rows import ExactRows

from .cache_folder import answers_folder
from .content import content_of, key_of, machine
from .store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.oracle.request import Request
    from logitproof_reference.vocabulary.formats import F64, Format

IN_MEMORY = 64 << 20
"""Bytes of answers held in memory."""

SHARED_LOGITS = 1 << 18
"""Logits whose intermediate results are held for the next quantity: some 200 bytes each."""


class Answers:
    """Answers requests as oracle and bounds do; arrays are shared, hence read-only.

    Parameters
    ----------
    store : Store or None
        Where answers outlive the process.
    in_memory : int
        Bytes to hold in memory; those used longest ago go first.

    Attributes
    ----------
    in_memory : int
        As above.
    counts : Counter
        How many came from ``memory``, from ``disk``, and were ``computed``.
    """

    def __init__(self, store: Store | None = None, in_memory: int = IN_MEMORY) -> None:
        self.store = store
        self.counts: Counter[str] = Counter()
        self._arrays: OrderedDict[str, F64] = OrderedDict()
        self._rows: OrderedDict[bytes, ExactRows] = OrderedDict()
        self.in_memory = in_memory
        self._held = 0
        self._lock = Lock()
        self._last: tuple[Request, bytes] | None = None

    def exact(self, request: Request) -> Enclosure:
        """Return the exact answer to a request."""
        return self._enclosure(request, "exact", lambda: self._rows_of(request).answer(request))

    def refined(self, request: Request) -> Enclosure:
        """Return the exact answer by its definition in multiple precision."""
        return self._enclosure(request, "refined", lambda: multiprecision.evaluate(request))

    def bound(self, request: Request, format_: Format, arithmetic: Arithmetic) -> F64:
        """Return the bound of a request, as `bounds.api.bound` does."""
        key = key_of(self._content(request), "bound", format_.name, arithmetic, machine())
        return self._kept(key, lambda: bounds.bound(request, format_, arithmetic))

    def _enclosure(self, request: Request, kind: str, compute: Callable[[], Enclosure]) -> Enclosure:
        key = key_of(self._content(request), kind)
        value, tail, radius = self._kept(key, lambda: np.stack(compute().parts))
        return Enclosure(*(np.asarray(part) for part in (value, tail, radius)))

    def _content(self, request: Request) -> bytes:
        """Return the digest of a request, of the last one without looking again: three answers are asked of each."""
        last = self._last
        if last is None or last[0] is not request:
            last = self._last = (request, content_of(request))
        return last[1]

    def _rows_of(self, request: Request) -> ExactRows:
        """Return the rows of a request with what its quantities share, where they are few enough to be held."""
        logits = request.logits.astype(np.float64)
        if request.row.elementwise or logits.size > SHARED_LOGITS:
            return ExactRows(request.logits, keep=False)
        content = repr(logits.shape).encode() + logits.tobytes()
        rows = self._rows.pop(content, None) or ExactRows(logits)
        self._rows[content] = rows
        while sum(one.shape[0] * one.shape[1] for one in self._rows.values()) > SHARED_LOGITS:
            self._rows.popitem(last=False)
        return rows

    def _kept(self, key: str, compute: Callable[[], F64]) -> F64:
        with self._lock:
            if (held := self._arrays.get(key)) is not None:
                self._arrays.move_to_end(key)
                self.counts["memory"] += 1
                return held
        found = None if self.store is None else self.store.read(key)
        source = "computed" if found is None else "disk"
        if found is None:
            found = compute()
            if self.store is not None:
                self.store.write(key, found)
        found.setflags(write=False)
        with self._lock:
            self.counts[source] += 1
            self._hold(key, found)
        return found

    def _hold(self, key: str, array: F64) -> None:
        replaced = self._arrays.pop(key, None)  # where two threads computed the same
        self._arrays[key] = array
        self._held += array.nbytes - (0 if replaced is None else replaced.nbytes)
        while self._held > self.in_memory:
            _, oldest = self._arrays.popitem(last=False)
            self._held -= oldest.nbytes


@cache
def shared_answers() -> Answers:
    """Return the answers of this process, kept where `place` says."""
    folder = answers_folder()
    return Answers(None if folder is None else Store(folder))
