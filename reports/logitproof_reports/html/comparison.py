"""A page of facts, tables and histograms: one self-contained file that opens from disk, without network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from logitproof_reports.html.render import rendered
from logitproof_reports.runs.whole_files import write_text_atomically

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

BAR, GAP, HEIGHT = 14, 4, 90
"""Width of a bar and distance to the next, and height of the highest, in units of the drawing."""


@dataclass(frozen=True)
class Fact:
    """A name and what it is."""

    name: str
    value: str


@dataclass(frozen=True)
class Table:
    """A table; cells are text, the first of each row its heading.

    Attributes
    ----------
    title, lead : str
    columns : sequence of str
    rows : sequence of sequences of str
    marked : frozenset of int
        Rows that the reader is to see first.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    lead: str = ""
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram."""

    x: int
    y: float
    height: float
    label: str


@dataclass(frozen=True)
class Histogram:
    """How many magnitudes lie between which powers of two.

    Attributes
    ----------
    title : str
    bars : list of Bar
    first, last : str
        What the axis begins and ends with.
    """

    title: str
    bars: list[Bar]
    first: str
    last: str

    @property
    def width(self) -> int:
        """Of the drawing."""
        return max(len(self.bars) * (BAR + GAP), 120)


def histogram(title: str, octaves: Sequence[tuple[int, int]]) -> Histogram | None:
    """Return the drawing of (e, n), n magnitudes in [2**e, 2**(e + 1)); None of nothing."""
    if not octaves:
        return None
    highest = max(count for _, count in octaves)
    bars = [
        Bar(place * (BAR + GAP), HEIGHT - height, height, f"{count:,} from {2.0**e:.2g} to {2.0 ** (e + 1):.2g}")
        for place, (e, count) in enumerate(octaves)
        for height in [max(HEIGHT * count / highest, 1.0 if count else 0.0)]
    ]
    return Histogram(title, bars, f"{2.0 ** octaves[0][0]:.1e}", f"{2.0 ** (octaves[-1][0] + 1):.1e}")


@dataclass(frozen=True)
class ComparisonPage:
    """The contents of the page.

    Attributes
    ----------
    brand, headline, lead : str
    facts : list of Fact
    tables : list of Table
    histograms : list of Histogram
    axis : str
        The unit of the histograms.
    programs : mapping of str to str
        Texts to copy, by title.
    """

    brand: str
    headline: str
    lead: str = ""
    facts: list[Fact] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    histograms: list[Histogram] = field(default_factory=list)
    axis: str = ""
    programs: dict[str, str] = field(default_factory=dict)


def write_comparison_page(page: ComparisonPage, path: str | os.PathLike[str]) -> None:
    """Write the page, whole or not at all.

    Raises
    ------
    RunFileError
        The place cannot be written.
    """
    text = rendered("comparison/comparison.html.j2", ("style.css", "comparison/comparison.css"), (), page=page)
    write_text_atomically(path, text)
