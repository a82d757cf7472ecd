"""What an adapter is: the one interface between Logitproof and a framework."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.cells import Cell, Inputs


@dataclass(frozen=True)
class Description:
    """What stands behind an adapter.

    Attributes
    ----------
    framework : str
        The name its users know, e.g. ``PyTorch``.
    version : str
        PEP 440, as the framework reports it; ledger entries select by it.
    build : dict of str to str
        What else decides bits: threads, SIMD level, device, build flags.
    """

    framework: str
    version: str
    build: dict[str, str] = field(default_factory=dict)


@runtime_checkable
class Adapter(Protocol):
    """Asks one framework. No tolerance, no retry, no repair of results.

    The framework is imported by the adapter's constructor and nowhere else.
    """

    name: str
    modes: tuple[str, ...]

    def describe(self) -> Description:
        """Return framework, version and build."""
        ...

    def unsupported(self, cell: Cell) -> str | None:
        """Return why the framework offers no such cell, or None where it does."""
        ...

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the framework's answer as it came, as a NumPy array in the format the framework chose."""
        ...

    def repro(self, cell: Cell, inputs: Inputs) -> str:
        """Return a standalone program in the framework's own API that prints this cell's answer for `inputs`."""
        ...


def ignored_labels(adapter: Adapter) -> tuple[int, ...]:
    """Return the class indices that the framework documents as ignored by default: such a row costs exactly 0.

    An adapter says so by an attribute of this name; one without it ignores none.
    """
    return tuple(getattr(adapter, "ignored_labels", ()))


def broadcast_labels(adapter: Adapter) -> tuple[str, ...]:
    """Return the kinds of labels (``indices``, ``distributions``) that the framework documents as broadcast.

    An adapter says so by an attribute of this name; one without it broadcasts none.
    """
    return tuple(getattr(adapter, "broadcast_labels", ()))
