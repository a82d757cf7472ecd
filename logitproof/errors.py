"""The exit statuses of the command line, and the one exception for requests that cannot be carried out."""

from __future__ import annotations

EXPECTED = 0
UNEXPECTED = 1
USAGE = 2
ENVIRONMENT = 3
INTERRUPTED = 130  # 128 + SIGINT, as shells have it

MEANING = {
    EXPECTED: "everything conforms, or deviates as the ledger of known deviations records",
    UNEXPECTED: "new failures, nothing measured, or an upgrade that is NOT SAFE; see also the command's own help",
    USAGE: "wrong usage, explained in one line on stderr; or two runs that share nothing to compare",
    ENVIRONMENT: "an environment could not be built",
    INTERRUPTED: "interrupted; the run file contains the results so far",
}


class UsageError(Exception):
    """The request cannot be carried out as it stands; the message is one line with the remedy."""
