"""What an atlas holds: functions that were swept and rows that were searched, each with where it was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from logitproof_reports.sweep_records.coverage import coverages
from logitproof_reports.sweep_records.witnesses import witness_in
from logitproof_reports.sweep_records.words import Line, line_of, processor_of, three_digits
from logitproof_reports.words.text import slack_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from logitproof_reports.sweep_records.coverage import Coverage
    from logitproof_reports.sweep_records.record import Record


def number_of(words: str) -> float:
    """Return the number that a measure, a share in percent or a count is the spelling of.

    >>> number_of("8.39e+06"), number_of("37.8 %"), number_of("1,235"), number_of("∞")
    (8390000.0, 37.8, 1235.0, inf)

    Raises
    ------
    ValueError
        It is none.
    """
    return math.inf if words == "∞" else float(words.removesuffix(" %").replace(",", ""))


FORMATS = ("float32", "bfloat16", "float16")
"""In the order of the page."""


@dataclass(frozen=True, order=True)
class Environment:
    """A release of a framework on a machine.

    Attributes
    ----------
    framework : str
        Of an adapter.
    release, build, processor : str
        In words.
    """

    framework: str
    release: str
    build: str
    processor: str


@dataclass(frozen=True)
class Swept:
    """A function of a framework, in words, and where it was measured.

    Attributes
    ----------
    line : Line
    rows : str
        Which, in words.
    count : int
        How many.
    numbers : int
        Answers that were compared.
    environment : Environment
    """

    line: Line
    rows: str
    count: int
    numbers: int
    environment: Environment

    @property
    def is_broken(self) -> bool:
        """Whether an answer breaks a clause."""
        return self.line.broken != "0"

    @property
    def not_rounded(self) -> float:
        """How many answers are not correctly rounded, to three digits where the share is told."""
        number = number_of(self.line.not_rounded)
        return number / 100.0 * self.numbers if self.line.not_rounded.endswith("%") else number

    @property
    def subject(self) -> tuple[str, str, str, str, str]:
        """A measured function: format, function, framework, mode, processor."""
        line = self.line
        return line.format, line.function, line.framework, line.mode, self.environment.processor


@dataclass(frozen=True)
class Searched:
    """A witness of a search, in words.

    Attributes
    ----------
    release : str
        Of the framework.
    classes, by : str
        Of a row; and what was maximised.
    ulps, slack : str
        What the row reaches.
    rows, random : str
        How many rows were tried; the largest measure of random ones, and their number.
    """

    framework: str
    release: str
    function: str
    format: str
    classes: str
    by: str
    ulps: str
    slack: str
    rows: str
    random: str

    @property
    def subject(self) -> tuple[str, ...]:
        """What was searched."""
        return self.function, self.format, self.framework, self.classes, self.by

    @property
    def reached(self) -> float:
        """The maximised measure."""
        return number_of(self.ulps if self.by == "ulps" else self.slack)


@dataclass(frozen=True)
class Atlas:
    """Everything that an atlas shows, no function and no search twice."""

    swept: tuple[Swept, ...]
    searched: tuple[Searched, ...]

    @property
    def environments(self) -> list[Environment]:
        """Where the functions were measured."""
        return sorted({one.environment for one in self.swept})


def headings(swept: Sequence[Swept]) -> list[str]:
    """Return what a framework is called: with its mode, and with its processor where the atlas has several."""
    processors = {one.environment.processor for one in swept}
    names = {one: one.partition(" (")[0] for one in processors}
    if len(set(names.values())) < len(names):  # told apart by their extensions alone
        names = {one: one for one in processors}
    called = (heading(one.line.framework, one.line.mode) for one in swept)
    if len(processors) < 2:
        return list(called)
    return [f"{name}, {names[one.environment.processor]}" for name, one in zip(called, swept, strict=True)]


def joined(parts: Iterable[Atlas]) -> Atlas:
    """Return one atlas of several.

    Of a function that several hold on the same processor the one with the most rows counts; of a search the one of the
    last release, and of that the largest measure. What comes later replaces what is as good.
    """
    swept: dict[tuple[str, ...], Swept] = {}
    searched: dict[tuple[str, ...], Searched] = {}
    for part in parts:
        for one in part.swept:
            if one.subject not in swept or one.count >= swept[one.subject].count:
                swept[one.subject] = one
        for row in part.searched:
            before = searched.get(row.subject)
            if before is None or before.release != row.release or row.reached >= before.reached:
                searched[row.subject] = row
    order = sorted(swept.values(), key=lambda one: (FORMATS.index(one.line.format), *one.subject))
    return Atlas(tuple(order), tuple(searched.values()))


def atlas_of(records: Sequence[Record], witnesses: Sequence[Path] = ()) -> Atlas:
    """Return the atlas of records of sweeps and of files of witnesses.

    Records of other rows of a function in the same environment add up; of the others the one with the most rows counts.

    Raises
    ------
    RunFileError
        A file is no witness.
    """
    return joined([Atlas(tuple(map(_swept, coverages(records))), tuple(map(_searched, witnesses)))])


def _swept(one: Coverage) -> Swept:
    summary = one.summary
    line = line_of(one.record, summary)
    return Swept(line, one.rows, one.count, summary.counts["numbers"], environment_of(one.record))


def environment_of(record: Record) -> Environment:
    """Return where a record was measured."""
    about = record.head["framework"]
    build = ", ".join(f"{name} {value}" for name, value in sorted(about["build"].items()))
    return Environment(record.head["adapter"], _release(about), build, processor_of(record.head["environment"]))


def heading(framework: str, mode: str) -> str:
    """Return what a framework is called in a mode.

    >>> heading("jax", "eager"), heading("jax", "compiled")
    ('jax', 'jax, compiled')
    """
    return framework if mode == "eager" else f"{framework}, {mode}"


def _release(about: Mapping[str, Any]) -> str:
    return f"{about['framework']} {about['version']}"


def _searched(path: Path) -> Searched:
    tree = witness_in(path)
    cell, shown, search = tree["cell"], tree["shown"], tree["about"]["search"]
    return Searched(
        framework=heading(tree["framework"], cell["mode"]),
        release=_release(tree["about"]["framework"]),
        function=f"{cell['op']} {cell['quantity']}",
        format=cell["format"],
        classes=f"{len(tree['row']['logits'][1]):,}",
        by="error / bound" if tree["measure"] == "slack" else tree["measure"],
        ulps=three_digits(float.fromhex(shown["ulps"])),
        slack=slack_of(float.fromhex(shown["slack"])),
        rows=f"{search['rows']:,}",
        random=three_digits(search["random_best"]) + f" ({search['random_rows']:,})"
        if "random_best" in search
        else "-",
    )
