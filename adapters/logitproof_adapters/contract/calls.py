"""A call of foreign code in this process: whatever it raises is its result, and the process state is restored."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract.process_state import kept_process_state

if TYPE_CHECKING:
    from typing import Callable, Iterator

    from numpy.typing import NDArray


MOST_CHARACTERS = 20_000
MOST_CHARACTERS_OF_A_NAME = 100


class CallFailed(Exception):  # noqa: N818 - it is a result
    """A call raised; the message is the kind of what it raised and the first line of its words."""


def answer_of(
    call: Callable[[], Any], passed: tuple[type[BaseException], ...] = (), *, is_here: bool = True
) -> NDArray[Any]:
    """Return what a call returns, as an array of its own.

    Parameters
    ----------
    call : callable
        Takes nothing.
    passed : tuple of exceptions
        What is no result of the call, and raised as it is; so is the user's Ctrl-C, not the call's own.
    is_here : bool
        Whether it is computed in this process, which it must not change.

    Raises
    ------
    CallFailed
        It raised something, be it a test's skip, the exit of the process, or an interrupt.
    """
    with _noted_interrupts() if is_here else nullcontext([signal.SIGINT]) as came:
        try:
            with kept_process_state(random_numbers=False) if is_here else nullcontext():
                found = call()
                return np.array(found) if is_here else np.asarray(found)  # here it may lie in one of the call's inputs
        except passed:
            raise
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and came:
                raise
            told = described_error(error)
            first_line = next(iter(told["message"].strip().splitlines()), "")
            raise CallFailed(f"{told['kind']}: {first_line[:300]}") from None


def described_error(error: BaseException) -> dict[str, str]:
    """Return the name and the words of an error, cut to `MOST_CHARACTERS`; both are the framework's too."""
    try:
        message = str(error)
    except BaseException as mute:  # noqa: BLE001 - they are code like any other
        message = f"its message cannot be read: {_name_of(mute)}"
    return {"kind": _name_of(error), "message": message[:MOST_CHARACTERS]}


def _name_of(error: BaseException) -> str:
    """Return the name of an error's class, whatever its metaclass says of it."""
    name: str = vars(type)["__name__"].__get__(type(error))
    return name[:MOST_CHARACTERS_OF_A_NAME]


@contextmanager
def _noted_interrupts() -> Iterator[list[int]]:
    """Yield a list that holds something once the user has pressed Ctrl-C."""
    came: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield came
        return

    def note(number: int, frame: Any) -> None:
        came.append(number)
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, before)
