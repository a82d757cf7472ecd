"""Numbers, counts and lists in words, and text made safe to show."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_HEX_FLOAT = re.compile(r"[+-]?(inf|nan|0x[01]\.?[0-9a-f]*p[+-]?\d{1,4})( |$)")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def escape_control_chars(text: str, *, keep: str = "") -> str:
    r"""Spell what cannot be seen, so that it cannot mislead: controls, bidirectional marks, surrogates.

    >>> escape_control_chars("a\x00b\u202ec")
    'a\\x00b\\u202ec'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char in keep or unicodedata.category(char) not in _UNSEEN else ascii(char)[1:-1] for char in text
    )


def decimal(number: float, digits: int = 3) -> str:
    """Spell a measure for people: three significant digits, ∞ and a dash for NaN."""
    if math.isnan(number):
        return "\N{EN DASH}"
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    return f"{number:.{digits}g}"


def slack_of(number: float) -> str:
    """Spell a slack for people: as `decimal` does, with as many digits as tell it from 1, where a fault begins.

    >>> slack_of(0.25), slack_of(0.99972), slack_of(1.0), slack_of(1.00004)
    ('0.25', '0.9997', '1', '1.00004')
    """
    spelled = (decimal(number, digits) for digits in range(3, 17))
    return next((text for text in spelled if text != "1" or number == 1.0), repr(number))


def measure(number: float) -> str:
    """Spell an error in ulps for people: three digits, a thousand and more in full, from a million on as a power.

    >>> measure(0.4996), measure(1320.4), measure(4.27e37)
    ('0.5', '1,320', '4.27e+37')
    """
    return f"{number:,.0f}" if 1e3 <= abs(number) < 1e6 else decimal(number)


def from_hex(spelled: str) -> str:
    """Spell a hexadecimal float in decimal, as a number of the field: ``NaN``, ``+inf``, ``0.25``; else unchanged.

    An exact answer in two parts (value and tail) is spelled by its value.

    >>> from_hex("0x1.8p+1"), from_hex("-inf"), from_hex("nan"), from_hex("0x1p-1 + 0x1p-60")
    ('3', '-inf', 'NaN', '0.5')
    """
    if not _HEX_FLOAT.match(spelled):
        return spelled
    number = float.fromhex(spelled.split(" ", maxsplit=1)[0])
    if math.isnan(number):
        return "NaN"
    return f"{number:+}" if math.isinf(number) else f"{number:.6g}"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: ``1 cell``, ``3 cells``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def distinct(words: Iterable[str]) -> tuple[str, ...]:
    """Return the words that are not empty, each once, in their order."""
    return tuple(dict.fromkeys(filter(None, words)))


def listed(words: list[str]) -> str:
    """Return words as a list in prose: ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
