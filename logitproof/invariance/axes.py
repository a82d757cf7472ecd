"""The axes of invariance: each evaluates the same rows again with other inputs, or in another process.

A row's answer is to have the same bits under every setting of an axis. What a setting asks is a list of calls; what it
gives back is the answers of the rows of the batch, in their order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.cases.memory_layouts import columns, every_second_class, first_classes
from logitproof_reference.vocabulary.cells import MODES, Inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    Array = NDArray[Any]

BATCHES = (1, 2, 3, 7, 16)
"""Rows of a call; 1 is a row alone."""
PADDED_ROWS = (1, 31)
PADDED_CLASSES = (1, 63)
CHUNKS = (2, 4)
REPEATS = 5
SHARDS = (2, 3, 4)

LEVELS = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
}
"""Variables that keep a framework's process below AVX-512."""

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
"""Variables that keep it to one thread; its processor affinity is set to one too, where the system has `taskset`."""


@dataclass(frozen=True)
class Calls:
    """The calls of a setting.

    Attributes
    ----------
    words : str
        The setting, as the table names it.
    of_rows : list of (inputs, rows)
        Calls: what is handed over, and which rows of the batch stand first in its answer, in this order.
    mode : str
        Of the cell; empty for that of the base.
    env : mapping or None
        Variables of a process of its own.
    alone : bool
        Whether that process may use one processor only.
    shards : int
        Over how many ranks the vocabulary is sharded, of a kernel that takes them by the keyword ``ranks``.
    """

    words: str
    of_rows: list[tuple[Inputs, Array]]
    mode: str = ""
    env: tuple[tuple[str, str], ...] = ()
    alone: bool = False
    shards: int = 1

    @property
    def needs_a_process(self) -> bool:
        """Whether it is asked in a process of its own."""
        return bool(self.env) or self.shards > 1


@dataclass(frozen=True)
class Axis:
    """An axis of invariance.

    Attributes
    ----------
    clause, name : str
    settings : callable
        Makes them of a batch.
    share : float
        How long it takes beside the others: seconds of PyTorch's log-softmax of the default size on two processors
        that had other work too. The quickest are evaluated first.
    """

    clause: str
    name: str
    settings: Callable[[Inputs], Iterator[Calls]]
    share: float


def every_row(inputs: Inputs) -> Array:
    """Return the indices of the rows of a batch."""
    return np.arange(len(inputs.logits))


def taken(inputs: Inputs, rows: Array) -> Inputs:
    """Return inputs with these rows, copied."""
    arrays: dict[str, Any] = {
        name: np.ascontiguousarray(array[rows]) for name, array in inputs.arrays().items() if array.ndim
    }
    return replace(inputs, **arrays)


def _batches(inputs: Inputs) -> Iterator[Calls]:
    rows = every_row(inputs)
    for size in (size for size in BATCHES if size < len(rows)):
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        yield Calls(f"{size} a call", [(taken(inputs, part), part) for part in parts])


def _positions(inputs: Inputs) -> Iterator[Calls]:
    rows = every_row(inputs)
    for by in (1, len(rows) // 2):
        rolled = np.roll(rows, by)
        yield Calls(f"{by} further down", [(taken(inputs, rolled), rolled)])


def _orders(inputs: Inputs) -> Iterator[Calls]:
    rows = every_row(inputs)
    shuffled = np.random.default_rng(0).permutation(rows)
    for words, order in {"reversed": rows[::-1], "shuffled": shuffled}.items():
        yield Calls(words, [(taken(inputs, order), order)])


def _row_padding(inputs: Inputs) -> Iterator[Calls]:
    rows = every_row(inputs)
    for count in PADDED_ROWS:
        longer = np.concatenate([rows, np.zeros(count, np.intp)])
        yield Calls(f"{count} rows behind", [(taken(inputs, longer), rows)])


def _class_padding(inputs: Inputs) -> Iterator[Calls]:
    rows = every_row(inputs)
    for count in PADDED_CLASSES:
        wider: dict[str, Any] = {
            name: np.pad(array, ((0, 0), (0, count)), constant_values=-np.inf if name == "logits" else 0)
            for name, array in inputs.arrays().items()
            if array.shape == inputs.logits.shape
        }
        yield Calls(f"{count} classes of -inf behind", [(replace(inputs, **wider), rows)])


def _chunks(inputs: Inputs) -> Iterator[Calls]:
    for count in CHUNKS:
        parts = np.array_split(every_row(inputs), count)
        yield Calls(f"{count} chunks", [(taken(inputs, part), part) for part in parts])


def _layouts(inputs: Inputs) -> Iterator[Calls]:
    rows = every_row(inputs)
    made: dict[str, Callable[[Array], Array]] = {
        "every second column": partial(every_second_class, gap=0),
        "column by column": columns,
        "rows of a wider array": first_classes,
    }
    for words, lay in made.items():
        arrays: dict[str, Any] = {name: lay(array) for name, array in inputs.arrays().items() if array.ndim == 2}
        yield Calls(words, [(replace(inputs, **arrays), rows)])


def _modes(inputs: Inputs) -> Iterator[Calls]:
    for mode in MODES[1:]:
        yield Calls(mode, [(inputs, every_row(inputs))], mode=mode)


def _repeats(inputs: Inputs) -> Iterator[Calls]:
    for time in range(2, REPEATS + 1):
        yield Calls(f"call {time}", [(inputs, every_row(inputs))])


def _threads(inputs: Inputs) -> Iterator[Calls]:
    yield Calls("one thread", [(inputs, every_row(inputs))], env=tuple(ONE_THREAD.items()), alone=True)


def _levels(inputs: Inputs) -> Iterator[Calls]:
    yield Calls("no AVX-512", [(inputs, every_row(inputs))], env=tuple(LEVELS.items()))


def _shards(inputs: Inputs) -> Iterator[Calls]:
    for count in SHARDS:
        yield Calls(f"{count} shards", [(inputs, every_row(inputs))], shards=count)


AXES = {
    axis.name: axis
    for axis in (
        Axis("INV-1", "batch size", _batches, 1.2),
        Axis("INV-2", "position", _positions, 0.6),
        Axis("INV-3", "order", _orders, 0.6),
        Axis("INV-4", "row padding", _row_padding, 0.6),
        Axis("INV-5", "class padding", _class_padding, 0.8),
        Axis("INV-6", "chunks", _chunks, 0.6),
        Axis("INV-7", "layout", _layouts, 1.0),
        Axis("INV-8", "mode", _modes, 36.0),
        Axis("INV-9", "repetition", _repeats, 1.0),
        Axis("INV-10", "threads", _threads, 3.0),
        Axis("INV-11", "instruction set", _levels, 3.0),
        Axis("INV-12", "shards", _shards, 0.1),
    )
}
"""Every axis by its name, in the order of the table: the first that flips is named."""

CLAUSES = tuple(axis.clause for axis in AXES.values())


def kept_classes(answer: Array, classes: int) -> Array:
    """Return an answer without the classes that were padded."""
    return answer[:, :classes] if answer.ndim == 2 else answer


def quickest_first(axes: Iterable[Axis]) -> list[Axis]:
    """Return axes in the order in which they are evaluated: a program is compiled last."""
    return sorted(axes, key=lambda axis: axis.share)
