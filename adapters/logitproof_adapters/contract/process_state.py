"""Process state that a framework or kernel may change, saved and restored so that it does not affect later calls.

A rounding mode, subnormal numbers flushed to zero, an error state of NumPy in which an overflow raises: each would
change verdicts on answers that are right.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import warnings
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract.floating_point import FloatingPointMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _floating_point() -> Callable[[], None]:
    return FloatingPointMode().restore


def _numpy_errors() -> Callable[[], None]:
    state, call = np.geterr(), np.geterrcall()

    def restore() -> None:
        np.seterr(**state)
        np.seterrcall(call)

    return restore


def _recursion_limit() -> Callable[[], None]:
    limit = sys.getrecursionlimit()
    return lambda: sys.setrecursionlimit(limit)


def _signal_handlers() -> Callable[[], None]:
    if threading.current_thread() is not threading.main_thread():
        return lambda: None  # only the main thread may set them
    handlers = {number: signal.getsignal(number) for number in signal.Signals}

    def restore() -> None:
        for number, handler in handlers.items():
            # None: a handler that is not Python's, which Python cannot set again.
            if handler is not None and signal.getsignal(number) != handler:
                signal.signal(number, handler)

    return restore


def _folder() -> Callable[[], None]:
    try:
        folder = os.getcwd()  # noqa: PTH109  a plain text for chdir
    except OSError:  # it was removed
        return lambda: None

    def restore() -> None:
        with suppress(OSError):
            os.chdir(folder)

    return restore


def _environment() -> Callable[[], None]:
    variables = dict(os.environ)

    def restore() -> None:
        if dict(os.environ) != variables:
            os.environ.clear()
            os.environ.update(variables)

    return restore


def _random_numbers() -> Callable[[], None]:
    state = random.getstate()
    numpy_state: Any = np.random.get_state()  # noqa: NPY002  the state that others draw from

    def restore() -> None:
        random.setstate(state)
        np.random.set_state(numpy_state)  # noqa: NPY002

    return restore


PARTS: tuple[Callable[[], Callable[[], None]], ...] = (
    *(_floating_point, _numpy_errors, _recursion_limit, _signal_handlers, _folder, _environment),
)
"""Each notes a part of the state and returns what restores it."""


@contextmanager
def kept_process_state(*, random_numbers: bool = True) -> Iterator[None]:
    """Restore at the end what a framework may have changed of this process, also where it raises.

    Around a single call without the `random_numbers`: with them each call would draw the same ones.

    >>> with kept_process_state():
    ...     previous = np.seterr(all="raise")
    >>> np.geterr() == previous
    True
    """
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        for part in (*PARTS, _random_numbers) if random_numbers else PARTS:
            stack.callback(part())
        yield
