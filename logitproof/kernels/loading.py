"""From the arguments of a command line to a kernel: its source text, and the declared arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from logitproof.errors import UsageError
from logitproof_reference.bounds.assumptions import Arithmetic
from logitproof_reports.runs.input_files import read_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_BYTES_OF_A_KERNEL = 10_000_000
"""Largest size of the module that contains a kernel."""


def source_of(spec: str, path: Sequence[str]) -> str:
    """Return the text of the module that ``module:name`` names, without importing it; empty if it is not found.

    Raises
    ------
    UsageError
        It is not of this form.
    """
    module, _, name = spec.partition(":")
    if not module or not name:
        raise UsageError(f'"{spec}" is not a callable: write module:name, e.g. mykernels:fused_loss')
    inside = Path(*module.split("."))
    for folder in path:
        for place in (Path(folder, inside).with_suffix(".py"), Path(folder, inside, "__init__.py")):
            if place.is_file():
                return read_whole(place, MOST_BYTES_OF_A_KERNEL).decode(errors="replace")
    return ""


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
