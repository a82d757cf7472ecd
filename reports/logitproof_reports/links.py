"""Filters as links: what the page's script reads back from ``location.hash``."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .outcomes import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

EXPLORED_CLASSES = 64
"""Rows wider than this the explorer is not asked to open."""

_PLAIN = re.compile(r"[\w.=-]+")


def filter_link(**terms: str) -> str:
    r"""Return the link that shows the judgements matching every term.

    >>> filter_link(framework="torch", clause="EXT")
    '#judgements?framework:torch%20clause:EXT'
    >>> filter_link(regime='a "b"')
    '#judgements?regime:%22a%20%5C%22b%5C%22%22'
    """
    return "#judgements?" + quote(filter_terms(**terms), safe=":,")


def filter_terms(**terms: str) -> str:
    r"""Return the terms of a filter as a reader types them.

    >>> filter_terms(framework="torch", regime="a b")
    'framework:torch regime:"a b"'
    """
    return " ".join(f"{key}:{_term(visible(value))}" for key, value in terms.items())


def _term(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def cell_link(cell: str) -> str:
    """Return the link that shows one cell and its like in other formats and modes."""
    return "#cell?" + quote(visible(cell), safe="=,.")


def explorer_link(record: Mapping[str, Any]) -> str:
    """Return the link that opens a judgement's worst row in the explorer; empty where the row is not at hand.

    >>> explorer_link({"inputs": '{"logits": ["0x1p+0", "-inf"], "labels": 1}', "format": "float32"})
    '#explorer?format=float32&label=1&logits=0x1p%2B0,-inf'
    """
    try:
        inputs = json.loads(record["inputs"] or "{}")
    except ValueError:
        return ""
    logits = inputs.get("logits") if isinstance(inputs, dict) else None
    if not isinstance(logits, list) or not 0 < len(logits) <= EXPLORED_CLASSES:
        return ""
    label = _label(inputs.get("labels"), len(logits))
    spelled = quote(",".join(visible(str(logit)) for logit in logits), safe=",")
    return f"#explorer?format={quote(visible(str(record['format'])), safe='')}&label={label}&logits={spelled}"


def _label(labels: object, classes: int) -> int:
    """Return the label's class index; 0 where the labels are a distribution or no class."""
    first = labels[0] if isinstance(labels, list) and len(labels) == 1 else labels
    return first if isinstance(first, int) and 0 <= first < classes else 0
