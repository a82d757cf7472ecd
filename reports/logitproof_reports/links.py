"""Filters as links: what the page's script reads back from ``location.hash``."""

from __future__ import annotations

import re
from urllib.parse import quote

from .outcomes import visible

_PLAIN = re.compile(r"[\w.=-]+")


def filter_link(**terms: str) -> str:
    r"""Return the link that shows the judgements matching every term.

    >>> filter_link(framework="torch", clause="EXT")
    '#judgements?framework:torch%20clause:EXT'
    >>> filter_link(regime='a "b"')
    '#judgements?regime:%22a%20%5C%22b%5C%22%22'
    """
    return "#judgements?" + quote(" ".join(f"{key}:{_term(visible(value))}" for key, value in terms.items()), safe=":,")


def _term(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
