"""The arithmetic of a device, measured: subnormals, division, sums in half precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

import numpy as np

from logitproof_adapters.sources.source_adapter import SourceAdapter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Operation = Callable[..., NDArray[Any]]

SMALLEST = np.float32(2.0**-126)
"""The smallest normal number of float32."""

COUNT = 4096
"""Length of the sum: enough to distinguish one with intermediate rounding to float16 from one without."""


def probed(adapter: Any) -> dict[str, str]:
    """Return ``on`` or ``off`` by what a device may do: the names of `PROBES`, as far as the framework can be asked.

    An adapter whose framework is elsewhere has a method ``probe``, which returns this.
    """
    if hasattr(adapter, "probe"):
        there: dict[str, str] = adapter.probe()
        return there
    if not isinstance(adapter, SourceAdapter):
        return {}
    found = {name: _answer(adapter, operation, probe) for name, (operation, probe) in PROBES.items()}
    return {name: "on" if does else "off" for name, does in found.items() if does is not None}


def _answer(adapter: SourceAdapter, operation: str, probe: Callable[[Operation], bool]) -> bool | None:
    try:
        with np.errstate(all="ignore"):
            return bool(probe(lambda *arrays: adapter.operate(operation, *arrays)))
    except Exception:  # noqa: BLE001 - a framework without this operation in this format is not asked for it
        return None


def _flushes_results(product: Operation) -> bool:
    return not product(np.array([SMALLEST]), np.array([0.5], np.float32))[0]


def _flushes_inputs(product: Operation) -> bool:
    return not product(np.array([SMALLEST / 2]), np.array([4.0], np.float32))[0]


def _rounds_quotients(quotient: Operation) -> bool:
    x, y = np.arange(1, 513, dtype=np.float32), np.linspace(1.1, 97.3, 512, dtype=np.float32)
    return bool((quotient(x, y) == x / y).all())


def _sums_float16_widely(total: Operation) -> bool:
    x = np.linspace(0.5, 1.0, COUNT).astype(np.float16)
    return bool(total(x) == x.astype(np.float64).sum().astype(np.float16))


PROBES: dict[str, tuple[str, Callable[[Operation], bool]]] = {
    "flushes_subnormal_results": ("product", _flushes_results),
    "flushes_subnormal_inputs": ("product", _flushes_inputs),
    "rounds_quotients": ("quotient", _rounds_quotients),
    "sums_float16_widely": ("total", _sums_float16_widely),
}
"""By name: the operation, a word of `SourceAdapter.operations`, and what tells from it. Division that is not rounded to
nearest is what fast arithmetic gives; a sum of float16 is wide where it is rounded once, at its end.
"""
