"""Detects calls that a kernel must not make: its framework's own op, under any name or method.

Python's profiler tells of every function that is called in this thread, those of extension modules too, and in every
thread that is started since the kernel's module was imported. PyTorch's dispatcher tells beside of every operator of
this thread, however it was reached. What a process does that the kernel starts is not seen, but that it starts one is.
"""

from __future__ import annotations

import math
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType


OF_THREADS: list[str] = []
"""Forbidden functions that were called in threads of the kernel's own."""

PROCESSES: list[str] = []
"""Events of processes that were started since the kernel's module was imported."""

STARTS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.spawn"})


class ForbiddenCall(RuntimeError):  # noqa: N818 - what a verdict calls it
    """The kernel called what it must not, or kept it from being noticed."""


class Watch:
    """A context in which forbidden calls are noticed; it raises ForbiddenCall at its end.

    Parameters
    ----------
    names : tuple of str
        ``package.function``: a call counts whose function has this last name, underscores before it aside, and comes
        from this package.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = {name: (name.split(".")[0], name.split(".")[-1].strip("_")) for name in names}
        self._seen: list[str] = []
        self._stack = ExitStack()

    def __enter__(self) -> None:
        """Begin to watch; nothing to watch for costs nothing."""
        if not self._names:
            return
        if any(package == "torch" for package, _ in self._names.values()) and watches_dispatcher():
            self._stack.enter_context(_dispatched(self._of_torch))
        sys.setprofile(self._called)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching, and raise what was noticed."""
        if not self._names:
            return
        was_left_alone = sys.getprofile() == self._called
        sys.setprofile(None)
        self._stack.close()
        if seen := [*self._seen, *OF_THREADS]:
            raise ForbiddenCall(f"the kernel calls {seen[0]}, which is forbidden")
        if not was_left_alone:
            raise ForbiddenCall("the kernel takes away the profiler that watches its calls")

    def _called(self, frame: Any, event: str, argument: Any) -> None:
        if event == "c_call":
            owner = getattr(argument, "__module__", None) or getattr(type(argument.__self__), "__module__", "")
            self._notice(str(owner), argument.__name__)
        elif event == "call":
            self._notice(str(frame.f_globals.get("__name__", "")), frame.f_code.co_name)

    def _notice(self, module: str, function: str) -> None:
        for name, (package, last) in self._names.items():
            if function.strip("_") == last and module.split(".", maxsplit=1)[0] == package:
                self._seen.append(name)

    def of_threads(self) -> None:
        """Notice what is called in threads that are started from now on."""
        self._seen = OF_THREADS
        threading.setprofile(self._called)

    def _of_torch(self, operator: str) -> None:
        for name, (package, last) in self._names.items():
            if package == "torch" and operator.strip("_") == last:
                self._seen.append(name)


def watch_from_now_on(names: tuple[str, ...]) -> None:
    """Watch the threads that the kernel's module starts when it is imported, and note the processes that it starts."""
    Watch(names).of_threads()
    sys.addaudithook(lambda event, _: PROCESSES.append(event) if event in STARTS else None)


def seen() -> dict[str, bool]:
    """Return whether a forbidden call is still noticed here, tried out, and whether processes were started."""
    watched = False
    try:
        with Watch(("math.hypot",)):
            math.hypot(3.0, 4.0)
    except ForbiddenCall:
        watched = True
    return {"watched": watched, "started": bool(PROCESSES)}


def watches_dispatcher() -> bool:
    """Whether PyTorch, if it is there, can tell of every operator: releases before 1.13 cannot."""
    try:
        from torch.utils import _python_dispatch  # noqa: PLC0415 - as below
    except ImportError:
        return False
    return hasattr(getattr(_python_dispatch, "TorchDispatchMode", None), "__enter__")


def _dispatched(notice: Any) -> Any:
    """Return a context in which PyTorch's dispatcher tells of each operator by name."""
    from torch.utils._python_dispatch import TorchDispatchMode  # noqa: PLC0415 - only where torch is forbidden something

    class Told(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            del types
            notice(func.overloadpacket.__name__)
            return func(*args, **(kwargs or {}))

    return Told()
