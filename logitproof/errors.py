"""The exit statuses of the command line, and the exception for requests that cannot be carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

EXPECTED = 0
UNEXPECTED = 1
USAGE = 2
ENVIRONMENT = 3
INTERRUPTED = 130  # 128 + SIGINT, as shells have it

MEANING = {
    EXPECTED: "everything conforms, or deviates as the ledger of known deviations records",
    UNEXPECTED: "new failures, nothing measured, or an upgrade that is NOT SAFE; see also the command's own help",
    USAGE: "wrong usage, explained in one line on stderr; or two runs with no judgement in common",
    ENVIRONMENT: "an environment could not be built",
    INTERRUPTED: "interrupted; the run file contains the results so far",
}


class UsageError(Exception):
    """The request cannot be carried out as it stands; the message is one line with the remedy."""


def refuse_unknown(what: str, given: Iterable[str], known: Collection[str]) -> None:
    """Raise `UsageError` where a word is none of those known.

    >>> refuse_unknown("format", ["float32"], ["float16", "float32"])
    >>> refuse_unknown("format", ["float8"], ["float16", "float32"])
    Traceback (most recent call last):
    logitproof.errors.UsageError: format "float8" is not known; known: float16, float32
    """
    for word in given:
        if word not in known:
            raise UsageError(f'{what} "{word}" is not known; known: {", ".join(known)}')
