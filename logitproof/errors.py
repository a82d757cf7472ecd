"""What the command line's exit status says, and the one exception that means "not as you asked it"."""

from __future__ import annotations

EXPECTED = 0
UNEXPECTED = 1
USAGE = 2
ENVIRONMENT = 3
INTERRUPTED = 130  # 128 + SIGINT, as shells have it

MEANING = {
    EXPECTED: "everything conforms, or deviates as the ledger says",
    UNEXPECTED: "unexpected verdicts: something deviates, crashed or was not measured; or an upgrade that is not safe",
    USAGE: "wrong usage: one line says what; nothing was run or written",
    ENVIRONMENT: "an environment could not be built",
    INTERRUPTED: "interrupted; what was measured so far is in the run file",
}


class Refusal(Exception):  # noqa: N818  it is an answer to the user, not an error of the program
    """The request cannot be carried out as it stands; the message is one line with the remedy."""
