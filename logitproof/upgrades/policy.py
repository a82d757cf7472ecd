"""A project's policy on upgrades: what fails its gate, which cells matter, what is waived by whom.

It stands in ``pyproject.toml`` under ``[tool.logitproof]``, or in ``logitproof.toml`` at top level::

    fail_on = "regression"          # or warning, class, change, never, or classes: ["newly_failing", "regressed"]
    [matters]                       # what is in use; all of it by default
    format = ["float32", "bfloat16"]
    mode = ["compiled"]
    [[waivers]]
    cells = "jax-compiled-softmax-*"
    clause = "ROW-2"
    owner = "numerics team"
    reason = "rows are never served alone"
    expires = 2027-01-31
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.errors import UsageError
from logitproof_adapters.targets.settings import SettingsError, files_in, settings_of
from logitproof_reports.diff.classes import BY_WORD
from logitproof_reports.diff.ruling import LEVELS, Ruling, Waived, nothing_compared, of_classes

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from logitproof_reports.diff.compare import Diff

COORDINATES = (
    "adapter",
    "op",
    "format",
    "mode",
    "options",
    "quantity",
    "labels",
    "entry",
    "producer",
    "clause",
    "regime",
)
"""Words of a judgement by which a policy says what matters."""

_KEYS = ("fail_on", "matters", "waivers")

TARGETS = "target"
"""What the same file may hold besides a policy: targets, see `logitproof_adapters.targets.target`."""


@dataclass(frozen=True)
class Waiver:
    """A change that somebody answers for.

    Attributes
    ----------
    cells, regimes, clause, change : str
        Globs (`fnmatch`) of what is excused: cell ids, regimes, clauses, classes of change.
    owner, reason : str
        Who answers for it, and why.
    expires : date
        The last day on which it holds.
    """

    cells: str
    owner: str
    reason: str
    expires: dt.date
    regimes: str = "*"
    clause: str = "*"
    change: str = "*"

    @property
    def selector(self) -> str:
        """The waived change, in one line."""
        return f"{self.cells}/{self.regimes} {self.clause} {self.change}"


@dataclass(frozen=True)
class Policy:
    """The classes that fail the gate, the cells that matter (column to globs), and the waivers."""

    fail_on: tuple[str, ...] = LEVELS["regression"]
    matters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    waivers: tuple[Waiver, ...] = ()

    def rule(self, diff: Diff, today: dt.date) -> Ruling:
        """Rule on a diff: an expired waiver fails it, and so does one that excuses nothing that would fail."""
        named, in_use = of_classes(diff, self.fail_on), self._in_use(diff)
        guilty = named & in_use
        excuses = np.full(len(guilty), -1)
        waived: list[Waived] = []
        complaints: list[str] = []
        incomparable = nothing_compared(diff)
        if self.matters and not in_use.any():
            incomparable = "nothing was compared: the policy's [matters] selects no judgement"
        for waiver in self.waivers:
            excused = guilty & _selected(diff, waiver)
            signed = f"the waiver of {waiver.owner} for {waiver.selector}"
            if waiver.expires < today:
                complaints.append(f"{signed} expired on {waiver.expires}: renew it or fix the change it waives")
            elif not excused.any():
                complaints.append(f"{signed} matches no failing change: remove it")
            else:
                excuses[excused & (excuses < 0)] = len(waived)
                number = int(excused.sum())
                waived.append(Waived(waiver.selector, waiver.owner, waiver.reason, str(waiver.expires), number))
        failing = guilty & (excuses < 0)
        return Ruling(failing, self.fail_on, excuses, ~in_use, waived, complaints, self._scope, incomparable)

    @property
    def _scope(self) -> str:
        """The cells that matter, in words."""
        told = ", ".join(f"{column} {' or '.join(globs)}" for column, globs in self.matters)
        return f"only {told} matters" if told else ""

    def _in_use(self, diff: Diff) -> NDArray[np.bool_]:
        chosen = np.ones(diff.table.num_rows, dtype=bool)
        for column, globs in self.matters:
            chosen &= _matching(diff, column, globs)
        return chosen


def _selected(diff: Diff, waiver: Waiver) -> NDArray[np.bool_]:
    chosen = _matching(diff, "cell", (waiver.cells,)) & _matching(diff, "regime", (waiver.regimes,))
    words = [word for word in BY_WORD if fnmatchcase(word, waiver.change)]
    return chosen & _matching(diff, "clause", (waiver.clause,)) & of_classes(diff, words)


def _matching(diff: Diff, column: str, globs: tuple[str, ...]) -> NDArray[np.bool_]:
    words = diff.words(column)
    good = np.array([any(fnmatchcase(word, glob) for glob in globs) for word in words.words], dtype=bool)
    return good[words.codes]


def found_policy(folder: Path) -> Path | None:
    """Return the file with the policy of a project: ``logitproof.toml``, else a ``pyproject.toml`` with a table."""
    return next((path for path in files_in(folder) if _policy_in(path)), None)


def read_policy(path: Path) -> Policy:
    """Read a policy.

    Raises
    ------
    UsageError
        The file cannot be read, or says what cannot be meant.
    """
    content = _policy_in(path)
    if not content:
        raise UsageError(f"{path} contains no policy; the keys of a policy are {', '.join(_KEYS)}")
    _known(path, content, _KEYS)
    matters, waivers = content.get("matters", {}), content.get("waivers", [])
    if not isinstance(waivers, list):
        raise UsageError(f"{path}: waivers is {waivers!r:.60}; write [[waivers]]")
    _known(path, matters, COORDINATES)
    return Policy(
        _classes(path, content.get("fail_on", "regression")),
        tuple((column, _globs(path, column, globs)) for column, globs in matters.items()),
        tuple(_waiver(path, number, entry) for number, entry in enumerate(waivers, start=1)),
    )


def levels(word: str) -> tuple[str, ...]:
    """Return the classes that a level of ``--fail-on`` names.

    Raises
    ------
    UsageError
        There is no such level.
    """
    if word not in LEVELS:
        raise UsageError(f'"{word}" is not a value of --fail-on; use one of {", ".join(LEVELS)}')
    return LEVELS[word]


def _policy_in(path: Path) -> dict[str, Any]:
    try:
        content = settings_of(path)
    except SettingsError as error:
        raise UsageError(str(error)) from error
    return {key: value for key, value in content.items() if key != TARGETS}


def _known(path: Path, table: Any, keys: tuple[str, ...]) -> None:
    unknown = [key for key in table if key not in keys] if isinstance(table, dict) else ["no table"]
    if unknown:
        raise UsageError(f"{path}: {unknown[0]} is not a known key; the keys are {', '.join(keys)}")


def _classes(path: Path, fail_on: Any) -> tuple[str, ...]:
    if isinstance(fail_on, str) and fail_on in LEVELS:
        return LEVELS[fail_on]
    words = [fail_on] if isinstance(fail_on, str) else fail_on
    unknown = (
        [word for word in words if not isinstance(word, str) or word not in BY_WORD]
        if isinstance(words, list)
        else [words]
    )
    if unknown:
        raise UsageError(
            f'{path}: fail_on is "{unknown[0]}"; use one of {", ".join(LEVELS)}, or a list of {", ".join(BY_WORD)}'
        )
    return tuple(words)


def _globs(path: Path, column: str, globs: Any) -> tuple[str, ...]:
    listed = [globs] if isinstance(globs, str) else globs
    if not isinstance(listed, list) or not all(isinstance(glob, str) for glob in listed):
        raise UsageError(f"{path}: {column} is {globs!r}; it is a text or a list of texts")
    return tuple(listed)


def _waiver(path: Path, number: int, entry: Any) -> Waiver:
    keys = tuple(field.name for field in fields(Waiver))
    _known(path, entry, keys)
    missing = [key for key in keys[:4] if not entry.get(key)]
    if missing:
        raise UsageError(f"{path}: waiver {number} lacks {missing[0]}; a waiver has {', '.join(keys[:4])}")
    wrong = [key for key, value in entry.items() if not isinstance(value, dt.date if key == "expires" else str)]
    if wrong or isinstance(entry["expires"], dt.datetime):
        raise UsageError(
            f"{path}: waiver {number}: {(wrong or ['expires'])[0]} has the wrong type; write expires = 2027-01-31"
        )
    return Waiver(**entry)
