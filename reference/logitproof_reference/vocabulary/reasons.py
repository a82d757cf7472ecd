"""The reason of a ledger entry in full: the name of another entry is replaced by that entry's reason."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMED = re.compile(r"As ([a-z0-9]+(?:-[a-z0-9]+)+)(?=[.,:;])")
"""How a reason begins that is the one of another entry, or of several whose ids begin so."""


_LIKEWISE = " Likewise"


def cause_of(reason: str) -> str:
    """Return the cause that a whole reason begins with; entries that share it are one finding.

    >>> cause_of("A label is rounded. Likewise: the gradient too.")
    'A label is rounded.'
    """
    return reason.partition(_LIKEWISE)[0]


def whole_reason(reason: str, reasons: Mapping[str, str]) -> str:
    """Return a reason that a reader understands who has no ledger at hand.

    Parameters
    ----------
    reason : str
        Of one entry.
    reasons : mapping of str to str
        Of all entries of its ledger, by id.

    Examples
    --------
    >>> whole_reason("As a-cast: the gradient too.", {"a-cast-float16": "A label is rounded."})
    'A label is rounded. Likewise: the gradient too.'
    >>> whole_reason("As an-entry-of-no-ledger.", {})
    'As an-entry-of-no-ledger.'
    """
    named = _NAMED.match(reason)
    if not named:
        return reason
    others = {id_: other for id_, other in reasons.items() if other != reason}
    alike = (other for id_, other in others.items() if id_.startswith(f"{named[1]}-") and not _NAMED.match(other))
    other = others.get(named[1]) or next(alike, "")
    return f"{whole_reason(other, others)}{_LIKEWISE}{reason[named.end() :]}" if other else reason
