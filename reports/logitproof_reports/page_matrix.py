"""The heat map: clause families by framework and format."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .links import filter_link
from .outcomes import FAMILIES, OUTCOMES, decimal, visible
from .page_model import Matrix, MatrixCell, MatrixGroup, MatrixRow
from .tally import tally_by
from .verdict import plural

if TYPE_CHECKING:
    from .judged import Judged
    from .tally import Tally

HEAT_STEPS = (0.01, 0.1, 0.5)
"""Slacks at which the tint of a conforming field gets stronger."""

_NOTHING = MatrixCell(None, 0, "", "not asked", "")


def matrix_of(judged: Judged) -> Matrix:
    """Compute the heat map; columns and rows in which nothing was judged are left out."""
    tallies = {key: tally for key, tally in _tallies(judged).items() if key[2]}
    columns = [(name, format_) for name in judged.framework.words for format_ in judged.format.words]
    asked = [column for column in columns if any(key[:2] == column for key in tallies)]
    families = [family for family in judged.family.words if any(key[2] == family for key in tallies)]
    groups = [
        MatrixGroup(visible(name), [visible(format_) for owner, format_ in asked if owner == name])
        for name in dict.fromkeys(name for name, _ in asked)
    ]
    return Matrix(groups, [_row(family, asked, tallies) for family in families])


def _tallies(judged: Judged) -> dict[tuple[str, ...], Tally]:
    return tally_by(judged, judged.framework, judged.format, judged.family)


def _row(family: str, columns: list[tuple[str, str]], tallies: dict[tuple[str, ...], Tally]) -> MatrixRow:
    cells = [
        _cell(name, format_, family, tallies[name, format_, family]) if (name, format_, family) in tallies else _NOTHING
        for name, format_ in columns
    ]
    return MatrixRow(family, FAMILIES.get(family, family), cells)


def _cell(framework: str, format_: str, family: str, tally: Tally) -> MatrixCell:
    wrong = sum(tally.count(name) for name in ("known", "deviates", "crashed", "void"))
    noted = wrong or tally.count("concern")
    text = f"{noted:,}/{tally.judged:,}" if noted else _short(tally.slack)
    parts = [plural(tally.judged, "judgement")]
    parts += [
        f"{tally.count(name):,} {OUTCOMES[name].label}"
        for name in ("void", "crashed", "deviates", "known", "concern")
        if tally.count(name)
    ]
    return MatrixCell(
        outcome=tally.worst,
        heat=_heat(tally.slack),
        text=text,
        description=visible(
            f"{framework} {format_}, {family}: {', '.join(parts)}; largest slack {decimal(tally.slack)}"
        ),
        link=filter_link(framework=framework, format=format_, clause=family),
    )


def _short(slack: float) -> str:
    """Spell a slack in two digits: ``0.90``; tiny ones are alike; empty where nothing was compared."""
    if math.isnan(slack):
        return ""
    if 0.0 < slack < 0.001:
        return "<0.001"
    return f"{slack:#.2g}" if math.isfinite(slack) and slack else decimal(slack)


def _heat(slack: float) -> int:
    return 0 if math.isnan(slack) else sum(slack >= step for step in HEAT_STEPS)
