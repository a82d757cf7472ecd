"""Filters as links, which the page's script reads from ``location.hash``."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from logitproof_reference.vocabulary.ops import is_elementwise
from logitproof_reports.words.text import escape_control_chars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EXPLORED_CLASSES = 64
"""Rows wider than this the explorer is not asked to open."""

_PLAIN = re.compile(r"[\w.=-]+")


_THREAD = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)/(?:issues|pull|discussions)/(\d+).*")


def shown_address(address: str) -> str:
    """Return an address as a link shows it: a thread as ``owner/name#1``, any other by its host.

    >>> shown_address("https://github.com/pytorch/pytorch/issues/1"), shown_address("https://jax.dev/a/b.html")
    ('pytorch/pytorch#1', 'jax.dev')
    """
    thread = _THREAD.fullmatch(address)
    return f"{thread[1]}#{thread[2]}" if thread else address.removeprefix("https://").partition("/")[0]


def filter_link(**terms: str | Sequence[str]) -> str:
    r"""Return the link that shows the judgements matching every term.

    >>> filter_link(framework="torch", clause="EXT")
    '#judgements?framework:torch%20clause:EXT'
    >>> filter_link(regime='a "b"')
    '#judgements?regime:%22a%20%5C%22b%5C%22%22'
    """
    return "#judgements?" + quote(filter_terms(**terms), safe=":,")


def filter_terms(**terms: str | Sequence[str]) -> str:
    r"""Return the terms of a filter as a reader types them; of several words of a column any may match.

    >>> filter_terms(framework="torch", regime="a b", op=["softmax", "log_softmax"])
    'framework:torch regime:"a b" op:softmax,log_softmax'
    """
    words = {key: [value] if isinstance(value, str) else value for key, value in terms.items()}
    return " ".join(
        f"{key}:{','.join(_term(escape_control_chars(one)) for one in word)}" for key, word in words.items()
    )


def _term(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def cell_link(cell: str) -> str:
    """Return the link that shows one cell and its like in other formats and modes."""
    return "#cell?" + quote(escape_control_chars(cell), safe="=,.")


def explorer_link(record: Mapping[str, Any]) -> str:
    """Return the link that opens a judgement's worst row in the explorer; empty if it cannot show the row.

    >>> inputs = '{"logits": ["0x1p+0", "-inf"], "labels": [1]}'
    >>> explorer_link({"inputs": inputs, "op": "softmax_cross_entropy", "format": "float32"})
    '#explorer?format=float32&label=1&logits=0x1p%2B0,-inf'
    """
    logits, label = explored_row(record)
    if not logits:
        return ""
    format_ = quote(escape_control_chars(str(record["format"])), safe="")
    return f"#explorer?format={format_}&label={label}&logits={quote(','.join(logits), safe=',')}"


def explored_row(record: Mapping[str, Any]) -> tuple[list[str], int]:
    """Return the logits and the label that the explorer is to show of a judgement's worst row.

    No logits where the row is not at hand or too wide, and for an elementwise op, which the explorer does not compute.
    """
    try:
        inputs = json.loads(record["inputs"] or "{}")
    except ValueError:
        return [], 0
    logits = inputs.get("logits") if isinstance(inputs, dict) and not is_elementwise(record["op"]) else None
    if not isinstance(logits, list) or not 0 < len(logits) <= EXPLORED_CLASSES:
        return [], 0
    return [escape_control_chars(str(logit)) for logit in logits], _label(inputs.get("labels"), len(logits))


def _label(labels: object, classes: int) -> int:
    """Return the label's class index, of a distribution the likeliest; 0 if there is none or it is no class."""
    if not isinstance(labels, list):
        return 0
    if len(labels) == classes and all(isinstance(share, str) for share in labels):
        shares = list(map(_share, labels))
        return shares.index(max(shares))
    first = labels[0] if len(labels) == 1 else 0
    return first if isinstance(first, int) and 0 <= first < classes else 0


def _share(spelled: str) -> float:
    """Return a distribution's share of a class; what is not a number, or NaN, is none."""
    try:
        share = float.fromhex(spelled)
    except (OverflowError, ValueError):
        return 0.0
    return 0.0 if math.isnan(share) else share
