"""A kernel in its own process: the evaluator there loads it as an environment variable describes."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import suppress
from functools import partial, wraps
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logitproof_adapters.contract import CPU
from logitproof_adapters.kernels.adapter import adapter_of
from logitproof_adapters.kernels.declaration import Declaration
from logitproof_adapters.kernels.forbidden_calls import STARTS, watch_from_now_on
from logitproof_adapters.kernels.kernel import Kernel

if TYPE_CHECKING:
    from typing import Callable, Iterator

    from logitproof_adapters.sources.source_adapter import SourceAdapter

VARIABLE = "LOGITPROOF_KERNEL"
"""Holds the words, as JSON."""


def made(device: str) -> SourceAdapter:
    """Return the adapter of the kernel that the environment names, for a device."""
    words = json.loads(os.environ.pop(VARIABLE))
    sys.path[:0] = words["path"]
    if words["hidden"]:
        hide_exact_answers()
    if words["forbidden"]:
        watch_from_now_on(tuple(words["forbidden"]))
    shards = words.get("shards", 1)
    kernel = Kernel(
        over_ranks(imported_callable(words["function"]), shards),
        words["op"],
        words["labels"],
        words["framework"],
        over_ranks(imported_callable(words["gradient"]), shards) if words["gradient"] else None,
        declaration=Declaration(**words["declaration"]),
        asked=tuple(words["asked"]),
        forbidden=tuple(words["forbidden"]),
        backward=imported_callable(words["backward"]) if words["backward"] else None,
        mode=words["mode"],
    )
    adapter: SourceAdapter = adapter_of(kernel, device)
    return adapter


def over_ranks(function: Callable[..., Any], shards: int) -> Callable[..., Any]:
    """Return a function over this many ranks, which it takes by the keyword ``ranks``.

    Raises
    ------
    ValueError
        It takes none.
    """
    if shards == 1:
        return function
    if "ranks" not in signature(function).parameters:
        raise ValueError("the kernel takes no number of shards: it has no keyword ranks")
    return wraps(function)(partial(function, ranks=shards))


class LoadedKernel:
    """The class that the evaluator instantiates: the adapter of the kernel that the environment names."""

    def __new__(cls, device: str = CPU) -> Any:
        """Return that adapter."""
        return made(device)


HIDDEN = {
    "logitproof": ("",),
    "logitproof_conformance": ("",),
    "logitproof_reference": ("oracle", "bounds", "judging"),
}
"""Packages that compute exact answers, as a whole or in part: where they are installed, their files are not opened."""


def hide_exact_answers() -> None:
    """Keep what computes exact answers from being imported here, whatever becomes of the names of modules."""
    folders = tuple(_folders())
    for name in ("logitproof", "logitproof_reference.oracle", "logitproof_reference.bounds.api"):
        sys.modules[name] = None  # type: ignore[assignment]
    sys.modules["logitproof_conformance"] = None  # type: ignore[assignment]

    def refuse(event: str, arguments: Any) -> None:
        if event in STARTS and folders and _is_python(arguments) and not _is_a_compiler():
            raise PermissionError(f"{KEPT}: it starts another Python")
        if event == "open" and folders and isinstance(arguments[0], (str, bytes)):
            place = os.fsdecode(arguments[0])
            if "logitproof" in place and os.path.realpath(place).startswith(folders):
                raise PermissionError(KEPT)

    sys.addaudithook(refuse)  # nothing takes it away again


KEPT = "exact answers are kept from a graded kernel"


def _is_python(arguments: Any) -> bool:
    """Whether a process is started whose program is a Python, or a shell's command line that names one.

    A folder of headers, which compilers are told, has such a name too.
    """
    given = [one for part in arguments[:2] for one in (part if isinstance(part, (list, tuple)) else [part])]
    words = [word for one in given if isinstance(one, (str, bytes)) for word in os.fsdecode(one).split()]
    named = [word for word in words if re.fullmatch(r"python[\d.]*(\.exe)?", os.path.basename(word))]  # noqa: PTH119 - of any text
    return any(os.sep not in word or Path(word).is_file() for word in named)


def _is_a_compiler() -> bool:
    """Whether PyTorch's compiler starts it, which compiles in processes of its own."""
    frame: Any = sys._getframe(1)  # noqa: SLF001 - of the interpreter
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith("torch._inductor"):
            return True
        frame = frame.f_back
    return False


def _folders() -> Iterator[str]:
    """Yield the folders of `HIDDEN` packages that are installed here, found as an import would find them."""
    for package, parts in HIDDEN.items():
        for finder in sys.meta_path:
            spec = None
            with suppress(Exception):  # a finder of somebody else's
                spec = finder.find_spec(package, None) if type(finder).__name__ != "SentSources" else None
            if spec is not None and spec.submodule_search_locations:
                for place in spec.submodule_search_locations:
                    yield from (f"{Path(place).resolve() / part}{os.sep}" for part in parts)


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
