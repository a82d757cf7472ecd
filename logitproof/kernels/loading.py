"""From the words of a command line to a kernel: its import, and what is declared of its arithmetic."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from logitproof.errors import UsageError
from logitproof_reference.bounds.assumptions import Arithmetic

if TYPE_CHECKING:
    from collections.abc import Callable


def import_callable(spec: str) -> Callable[..., Any]:
    """Import ``module:name``.

    Raises
    ------
    UsageError
        The module cannot be imported, or has no such callable.
    """
    module, _, name = spec.partition(":")
    if not module or not name:
        raise UsageError(f'"{spec}" is not a callable: write module:name, e.g. mykernels:fused_loss')
    try:
        found: Any = import_module(module)
    except Exception as error:  # a kernel's module may raise anything
        raise UsageError(f'module "{module}" cannot be imported: {type(error).__name__}: {error}') from error
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise UsageError(f'module "{module}" has no callable "{name}"')
    function: Callable[..., Any] = found
    return function


def declared(*, accumulation: str, height: str, exp_ulps: float | None, gradual_underflow: bool) -> Arithmetic | None:
    """Return the arithmetic that is declared; what is left out stays as it is assumed of everyone. None: nothing is.

    Raises
    ------
    UsageError
        A name is not known, or a number lies outside its domain.
    """
    given: dict[str, Any] = {
        **({"accumulation": accumulation} if accumulation else {}),
        **({"height": height} if height else {}),
        **({"exp_ulps": exp_ulps, "log_ulps": exp_ulps} if exp_ulps is not None else {}),
        **({"flush_to_zero": False} if gradual_underflow else {}),
    }
    try:
        return Arithmetic(**given) if given else None
    except ValueError as error:
        raise UsageError(str(error)) from error
