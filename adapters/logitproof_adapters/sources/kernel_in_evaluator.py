"""A kernel in a process of its own: what the evaluator loads there, from words in a variable of the environment."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from logitproof_adapters.contract import CPU
from logitproof_adapters.sources.kernel import Kernel, adapter_of
from logitproof_adapters.sources.kernel_claim import Claim

if TYPE_CHECKING:
    from typing import Callable

    from logitproof_adapters.sources.source_adapter import SourceAdapter

VARIABLE = "LOGITPROOF_KERNEL"
"""Holds the words, as JSON."""


def made(device: str) -> SourceAdapter:
    """Return the adapter of the kernel that the environment names, for a device."""
    words = json.loads(os.environ.pop(VARIABLE))
    sys.path[:0] = words["path"]
    if words["hidden"]:
        hide_exact_answers()
    kernel = Kernel(
        imported_callable(words["function"]),
        words["op"],
        words["labels"],
        words["framework"],
        imported_callable(words["gradient"]) if words["gradient"] else None,
        claim=Claim(**words["claim"]),
        asked=tuple(words["asked"]),
        forbidden=tuple(words["forbidden"]),
        backward=imported_callable(words["backward"]) if words["backward"] else None,
        mode=words["mode"],
    )
    adapter: SourceAdapter = adapter_of(kernel, device)
    return adapter


class LoadedKernel:
    """What the evaluator makes: the adapter of the kernel that the environment names."""

    def __new__(cls, device: str = CPU) -> Any:
        """Return that adapter."""
        return made(device)


def hide_exact_answers() -> None:
    """Keep what computes exact answers from being imported here by its name."""
    for name in (
        "logitproof",
        "logitproof_reference.oracle",
        "logitproof_reference.bounds.api",
        "logitproof_conformance",
    ):
        sys.modules[name] = None  # type: ignore[assignment]


def imported_callable(spec: str) -> Callable[..., Any]:
    """Return what ``module:name`` names.

    Raises
    ------
    LookupError
        The module has no such callable.
    """
    module, _, name = spec.partition(":")
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise LookupError(f'module "{module}" has no callable "{name}"')  # noqa: TRY004 - the name is wrong, not its type
    function: Callable[..., Any] = found
    return function
