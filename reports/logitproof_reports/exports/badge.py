"""A badge for a README: the verdict on a run as a small SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape  # escapes, reads nothing

from logitproof_reports.counting.run_table import prepare
from logitproof_reports.counting.tally import total
from logitproof_reports.counting.verdict_sentences import titled
from logitproof_reports.words.outcomes import OUTCOMES
from logitproof_reports.words.text import escape_control_chars, plural

if TYPE_CHECKING:
    from logitproof_reports.runs.schema import Run

_COLOURS = {"conforms": "#0b67a3", "concern": "#7a5b00", "known": "#7b4173"}
_WRONG = "#a83c00"
_CHARACTER = 6.6
"""Width of a character of 11 px, on average, in pixels; the text is stretched to what is reckoned."""


def badge(run: Run) -> str:
    """Return the badge: frameworks and versions to the left, the verdict in glyph and words to the right."""
    judged = prepare(run)
    tally = total(judged)
    left = ", ".join(titled(run, name) for name in judged.framework.words) or "logitproof"
    left = left if len(left) <= 60 else f"{len(judged.framework.words)} frameworks"
    outcome = tally.worst if tally.measured else OUTCOMES["void"]
    words = outcome.count(tally.count("known")) if outcome.name == "known" else outcome.label
    words = plural(tally.unexpected, "new failure") if tally.unexpected else words
    words = words if tally.measured else "nothing measured"
    words = words if run.complete else f"{words}, {'a part' if run.choice else 'not finished'}"
    return _drawn(left, f"{outcome.glyph} {words}", _COLOURS.get(outcome.name, _WRONG))


def _drawn(left: str, right: str, colour: str) -> str:
    first, second = (round(len(text) * _CHARACTER) + 12 for text in (left, right))
    width = first + second
    shown_left, shown_right = (escape(escape_control_chars(text)) for text in (left, right))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img">'
        f"<title>{shown_left}: {shown_right}</title>"
        f'<rect width="{first}" height="20" fill="#3c3f45"/>'
        f'<rect x="{first}" width="{second}" height="20" fill="{colour}"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="6" y="14" textLength="{first - 12}">{shown_left}</text>'
        f'<text x="{first + 6}" y="14" textLength="{second - 12}">{shown_right}</text></g></svg>\n'
    )
