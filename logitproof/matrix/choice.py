"""Which of the planned cases are judged: by an expression over their names, or by globs of cell ids."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from logitproof.errors import UsageError
from logitproof_adapters.catalogue import ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from logitproof_adapters.catalogue.ledger import Deviation
    from logitproof_conformance.plan.cases import Case

    Test = Callable[[str], bool]

LEDGER = "ledger"
"""What ``--cells`` calls the cases that the ledger of the framework names; all where it names none."""

WORDS = re.compile(r"\(|\)|[^\s()]+")


@dataclass(frozen=True)
class Choice:
    """The selected part of the plan.

    Attributes
    ----------
    expression : str
        As pytest's ``-k``: parts of the chapter, cell id and regime, joined by ``and``, ``or``, ``not`` and
        parentheses, upper and lower case alike. Empty for all.
    cells : tuple of str
        Globs of cell ids, or `LEDGER`; empty for all.

    Raises
    ------
    UsageError
        The expression cannot be read.
    """

    expression: str = ""
    cells: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        matcher(self.expression)

    def __str__(self) -> str:
        return " and ".join(
            [*([f'-k "{self.expression}"'] if self.expression else []), *map("--cells {}".format, self.cells)]
        )

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return not (self.expression or self.cells)

    def of(self, cases: Sequence[Case]) -> list[Case]:
        """Return the cases that are judged."""
        matches, takes = matcher(self.expression), self._takes(cases)
        return [case for case in cases if takes(case) and matches(f"{case.chapter} {case.id}".lower())]

    def _takes(self, cases: Sequence[Case]) -> Callable[[Case], bool]:
        """Return what tells whether a case is one of the cells'; each ledger is read once."""
        globs = [glob for glob in self.cells if glob != LEDGER]
        by_ledger = LEDGER in self.cells
        adapters = {case.cell.adapter for case in cases} if by_ledger else ()
        entries = {name: ledger.load(name).deviations for name in adapters}
        return lambda case: (
            not self.cells
            or any(fnmatchcase(case.cell.id, glob) for glob in globs)
            or (by_ledger and _in_ledger(case, entries[case.cell.adapter]))
        )


def _in_ledger(case: Case, entries: Sequence[Deviation]) -> bool:
    return not entries or any(entry.names(case.cell.id, case.regime) for entry in entries)


def matcher(expression: str) -> Test:
    """Return what tells whether a name in lower case matches an expression.

    >>> matcher("softmax and not (jvp or hvp)")("eager-softmax-value")
    True

    Raises
    ------
    UsageError
        It cannot be read.
    """
    words = WORDS.findall(expression.lower())
    if not words:
        return lambda _: True
    reader = _Reader(expression, words)
    found = reader.alternatives()
    if reader.word:
        reader.refuse()
    return found


class _Reader:
    """Reads an expression word by word: alternatives of conjunctions of parts."""

    def __init__(self, expression: str, words: list[str]) -> None:
        self._expression = expression
        self._words: Iterator[str] = iter(words)
        self.word = next(self._words, "")

    def alternatives(self) -> Test:
        return self._joined("or", lambda: self._joined("and", self._part, all), any)

    def _joined(self, word: str, read: Callable[[], Test], combine: Callable[[Iterator[bool]], bool]) -> Test:
        parts = [read()]
        while self.word == word:
            self._next()
            parts.append(read())
        return lambda name: combine(part(name) for part in parts)

    def _part(self) -> Test:
        word = self.word
        if word in {"", ")", "and", "or"}:
            self.refuse()
        self._next()
        if word == "not":
            part = self._part()
            return lambda name: not part(name)
        if word == "(":
            inner = self.alternatives()
            if self.word != ")":
                self.refuse()
            self._next()
            return inner
        return lambda name: word in name

    def _next(self) -> None:
        self.word = next(self._words, "")

    def refuse(self) -> None:
        where = f'at "{self.word}"' if self.word else "at its end"
        raise UsageError(
            f'-k "{self._expression}" cannot be read {where}: write parts of names with and, or, not and parentheses'
        )
