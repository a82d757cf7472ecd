"""The heat map: clause families by framework and format."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from logitproof_reference.vocabulary.cells import MODES
from logitproof_reports.counting.tally import tally_by
from logitproof_reports.runs.coded_text import words_of
from logitproof_reports.words.links import filter_terms
from logitproof_reports.words.outcomes import FAMILIES, OUTCOMES
from logitproof_reports.words.text import decimal, escape_control_chars, plural, slack_of

from .model import Matrix, MatrixCell, MatrixColumn, MatrixGroup, MatrixRow

if TYPE_CHECKING:
    from logitproof_reports.counting.run_table import Judged
    from logitproof_reports.counting.tally import Tally
    from logitproof_reports.runs.coded_text import Words

    Tallies = dict[tuple[str, ...], Tally]

HEAT_STEPS = (0.01, 0.1, 0.5)
"""Slacks at which the tint of a conforming field gets stronger."""

_NOTHING = MatrixCell(None, 0, "", "")


def matrix_of(judged: Judged) -> Matrix:
    """Compute the heat map; columns and rows in which nothing was judged are left out."""
    tallies = {key: tally for key, tally in tally_by(judged, *_coordinates(judged)).items() if key[2]}
    by_mode = tally_by(judged, *_coordinates(judged), words_of(judged.table["mode"]))
    columns = [(name, format_) for name in judged.framework.words for format_ in judged.format.words]
    asked = [column for column in columns if any(key[:2] == column for key in tallies)]
    families = [family for family in judged.family.words if any(key[2] == family for key in tallies)]
    groups = [
        MatrixGroup(escape_control_chars(name), [_column(owner, format_) for owner, format_ in asked if owner == name])
        for name in dict.fromkeys(name for name, _ in asked)
    ]
    return Matrix(groups, [row for family in families for row in _rows(family, asked, tallies, by_mode)])


def _column(framework: str, format_: str) -> MatrixColumn:
    return MatrixColumn(escape_control_chars(format_), filter_terms(framework=framework, format=format_))


def _coordinates(judged: Judged) -> tuple[Words, Words, Words]:
    return judged.framework, judged.format, judged.family


def _rows(family: str, columns: list[tuple[str, str]], tallies: Tallies, by_mode: Tallies) -> list[MatrixRow]:
    """Return the family's row over all modes, then one for each mode where there are several."""
    title = FAMILIES.get(family, family)
    terms = filter_terms(clause=family)
    whole = MatrixRow(family, title, "", terms, [_cell(tallies.get((*key, family))) for key in columns])
    modes = sorted({key[3] for key in by_mode if key[2] == family}, key=_mode_place)
    if len(modes) < 2:
        return [whole]
    single = [
        MatrixRow(
            family,
            title,
            escape_control_chars(mode) or "no mode",
            filter_terms(clause=family, mode=mode),
            [_cell(by_mode.get((*key, family, mode))) for key in columns],
        )
        for mode in modes
    ]
    return [whole, *single]


def _mode_place(mode: str) -> tuple[int, str]:
    return (MODES.index(mode) if mode in MODES else len(MODES), mode)


def _cell(tally: Tally | None) -> MatrixCell:
    if tally is None:
        return _NOTHING
    noted = tally.unexpected or tally.count("known") or tally.count("concern")
    text = f"{noted:,}/{tally.judged:,}" if noted else _short(tally.slack)
    parts = [plural(tally.judged, "judgement")]
    parts += [
        OUTCOMES[name].count(tally.count(name))
        for name in ("void", "crashed", "deviates", "known", "concern")
        if tally.count(name)
    ]
    return MatrixCell(
        outcome=tally.worst,
        heat=_heat(tally.slack),
        text=text,
        description=f"{', '.join(parts)}; largest error / bound {slack_of(tally.slack)}",
    )


def _short(slack: float) -> str:
    """Spell a slack in two digits: ``0.90``; tiny ones are alike; empty if nothing was compared.

    What lies below 1 is not rounded up to it: 1 is where an algorithm is at fault.
    """
    if math.isnan(slack):
        return ""
    if 0.0 < slack < 0.001:
        return "<0.001"
    if 0.99 <= slack < 1.0:
        return "0.99"
    return f"{slack:#.2g}" if math.isfinite(slack) and slack else decimal(slack)


def _heat(slack: float) -> int:
    return 0 if math.isnan(slack) else sum(slack >= step for step in HEAT_STEPS)
