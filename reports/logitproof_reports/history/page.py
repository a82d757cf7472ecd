"""The page of a history: one self-contained file that opens from disk, without network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from logitproof_reports.html.columns import packed
from logitproof_reports.html.render import ROW_TABLE, rendered
from logitproof_reports.runs.coded_text import words_of
from logitproof_reports.runs.whole_files import write_text_atomically
from logitproof_reports.words.outcomes import BY_RANK
from logitproof_reports.words.text import escape_control_chars, listed, plural

from .query import MOVES
from .text import COLUMNS, DASH, NUMBERS, notes, release_words

if TYPE_CHECKING:
    import os

    from logitproof_reports.html.columns import Payload

    from .compute import History, Release

HEIGHT = 90
"""Height of the bars' field, in pixels."""

STEP = 56
"""Width that a release has in a drawing, in pixels."""

MANY = 6
"""From this many releases on, drawings stand one below the other."""

STACKS = {
    "Cells that break a MUST: ✗ unexpected (bottom), ≈ known (top)": {"unexpected": "deviates", "known": "known"},
    "Cells whose verdict changed": {"verdicts": "concern"},
    "Cells whose bits changed": {"bits": "conforms"},
}
"""The drawings: which counts of a release they stack, from the foot, and in which colour."""

_WORDS = ("cell", "mode", "op", "labels", "quantity", "format")


@dataclass(frozen=True)
class Block:
    """One count of one release in a drawing; `x` to `height` in pixels."""

    tone: str
    x: int
    y: float
    height: float


@dataclass(frozen=True)
class Column:
    """One release in a drawing: its blocks, what they sum to, where that is written, and its public version."""

    blocks: list[Block]
    total: str
    version: str
    x: int
    y: float


@dataclass(frozen=True)
class Drawing:
    """Counts of a framework's releases as stacked columns; the table of releases holds the same numbers."""

    title: str
    width: int
    columns: list[Column]


@dataclass(frozen=True)
class Line:
    """One release in the table: a word for each of its columns, links from them, and its files."""

    words: dict[str, str]
    links: dict[str, str]
    files: str
    case_set: str


@dataclass(frozen=True)
class FrameworkHistory:
    """One framework's part of the page."""

    name: str
    anchor: str
    sentence: str
    many: bool
    drawings: list[Drawing]
    lines: list[Line]


@dataclass(frozen=True)
class HistoryPage:
    """All that the page may know."""

    title: str
    headline: str
    notes: list[str]
    columns: dict[str, str]
    numbers: frozenset[str]
    frameworks: list[FrameworkHistory]
    cells: int
    payload: Payload


def write_history_page(history: History, path: str | os.PathLike[str]) -> None:
    """Write the page, whole or not at all.

    Raises
    ------
    RunFileError
        The place cannot be written.
    """
    assets = ("style.css", "history/history.css"), (*ROW_TABLE, "history/history.js")
    text = rendered("history/history.html.j2", *assets, page=history_page(history))
    write_text_atomically(path, text)


def history_page(history: History) -> HistoryPage:
    """Compute the page."""
    frameworks = history.by_framework()
    names = [escape_control_chars(name) for name in frameworks]
    return HistoryPage(
        title=f"Logitproof history: {', '.join(names)}",
        headline=f"{listed(names)} over {plural(len(history.releases), 'release')}",
        notes=[*notes(history), *(f"Skipped: {escape_control_chars(reason)}" for reason in history.skipped)],
        columns={name: title for name, title in COLUMNS.items() if name != "framework"},
        numbers=NUMBERS,
        frameworks=[_framework(name, f"framework-{i}", frameworks[name]) for i, name in enumerate(frameworks)],
        cells=history.stories.num_rows,
        payload=_payload(history),
    )


def _framework(name: str, anchor: str, releases: list[Release]) -> FrameworkHistory:
    return FrameworkHistory(
        name=escape_control_chars(name),
        anchor=anchor,
        sentence=escape_control_chars(releases[-1].sentence),
        many=len(releases) >= MANY,
        drawings=[_drawing(title, releases, stack) for title, stack in STACKS.items()],
        lines=[_line(release, place) for place, release in enumerate(releases)],
    )


def _drawing(title: str, releases: list[Release], stack: dict[str, str]) -> Drawing:
    most = max(1, *(sum(getattr(release, name) for name in stack) for release in releases))
    columns = [_column(release, place * STEP, HEIGHT / most, stack) for place, release in enumerate(releases)]
    return Drawing(title, STEP * len(releases), columns)


def _column(release: Release, x: int, scale: float, stack: dict[str, str]) -> Column:
    foot, blocks = float(HEIGHT), []
    for name, tone in stack.items():
        height = round(getattr(release, name) * scale, 1)
        foot -= height
        blocks.append(Block(tone, x, round(foot, 1), height))
    compared = release.since or not stack.keys() <= {"verdicts", "bits"}
    total = f"{sum(getattr(release, name) for name in stack):,}" if compared else DASH
    return Column(blocks, total, escape_control_chars(release.version.partition("+")[0]), x, round(foot - 4, 1))


def _line(release: Release, place: int) -> Line:
    return Line(
        words=release_words(release),
        links={
            name: _link(release.framework, f"{word} in release {place + 1};")
            for name, word in (("verdicts", "verdict"), ("bits", "bits"))
            if release.since and getattr(release, name)
        },
        files=escape_control_chars(", ".join(release.files)),
        case_set=escape_control_chars(f"{release.profile}, case set {release.case_set[:12]}"),
    )


def _link(framework: str, phrase: str) -> str:
    name = escape_control_chars(framework).replace("\\", "\\\\").replace('"', '\\"')
    return "#cells?" + quote(f'framework:"{name}" "{phrase}"', safe=":")


def _payload(history: History) -> Payload:
    stories = history.stories
    columns = {"framework": words_of(stories["adapter"]).mapped(escape_control_chars)}
    columns |= {name: words_of(stories[name]).mapped(escape_control_chars) for name in _WORDS}
    columns |= {"ranks": words_of(stories["ranks"]), "moves": words_of(stories["moves"])}
    columns["moved"] = words_of(stories["moves"]).mapped(_moved)
    return packed(
        stories.num_rows,
        columns,
        outcomes=[[outcome.name, outcome.glyph, outcome.label] for outcome in BY_RANK],
        versions={
            escape_control_chars(name): [escape_control_chars(release.version) for release in releases]
            for name, releases in history.by_framework().items()
        },
    )


def _moved(moves: str) -> str:
    """Spell a cell's moves for the filter: ``verdict in release 2; bits in release 2;``."""
    told = [f"{what} in release {place};" for place, move in enumerate(moves, start=1) for what in MOVES[move]]
    return " ".join(told) or "never"
