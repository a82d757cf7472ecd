"""The ledgers of known deviations: which red verdicts are expected, why, and until when."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from logitproof_reference.vocabulary.severity import EFFECTS

FOLDER = Path(__file__).parent / "deviations"
PROFILES = ("quick", "full")
REPORTS = "reports/findings"
"""Where a deviation that no tracker holds is written up, ready to file: a folder of the repository."""
_REPORT_FOLDERS = (Path(__file__).parent / "findings", Path(__file__).parents[3] / REPORTS)
"""That folder as the wheel carries it, and as a checkout does."""


_THREAD = re.compile(r"https://github\.com/[^/]+/[^/]+/(issues|pull|discussions)/\d+")


class LedgerError(ValueError):
    """A ledger that cannot be relied on; the message names file and entry."""


@dataclass(frozen=True)
class Deviation:
    """One known deviation: an entry of a ledger.

    Attributes
    ----------
    id : str
        Its name, unique in its ledger.
    clause : str
        The clause that is broken.
    cells, regimes : tuple of str
        Globs (`fnmatch`) of cell ids and of regime names.
    versions : str
        PEP 440 specifier of the framework releases that deviate.
    effect : str
        What it does to whoever meets it, a word of `EFFECTS`.
    reason : str
        What happens and why, in a sentence.
    upstream : str
        Link to the thread or the documentation that says so; where there is none, the text to file,
        ``reports/findings/NAME.md``.
    date : date
        When it was last seen and understood.
    profiles : tuple of str
        The profiles that show it.
    """

    id: str
    clause: str
    cells: tuple[str, ...]
    regimes: tuple[str, ...]
    versions: str
    effect: str
    reason: str
    upstream: str
    date: dt.date
    profiles: tuple[str, ...] = PROFILES

    def matches(self, clause: str, cell: str, regime: str, version: str) -> bool:
        """Whether this entry explains a verdict on `clause` in the cell with id `cell`, for rows of `regime`.

        `version` is the framework's own; pre-releases and local builds (2.13.0+cpu) count as their release says.
        """
        return (
            clause == self.clause
            and any(fnmatchcase(cell, pattern) for pattern in self.cells)
            and any(fnmatchcase(regime, pattern) for pattern in self.regimes)
            and self._covers(version)
        )

    def applies_to(self, version: str, profile: str) -> bool:
        """Whether a run of `profile` on this release must show the deviation."""
        return profile in self.profiles and self._covers(version)

    def _covers(self, version: str) -> bool:
        return SpecifierSet(self.versions).contains(version, prereleases=True)


def standing_of(upstream: str) -> str:
    """Return what a framework's makers know of a deviation: ``documented``, ``reported``, or ``to report``."""
    if upstream.startswith(REPORTS):
        return "to report"
    return "reported" if _THREAD.match(upstream) else "documented"


def report_files() -> list[Path]:
    """Return the texts to file."""
    return sorted(path for folder in _REPORT_FOLDERS for path in folder.glob("*.md"))


def report_file(upstream: str) -> Path | None:
    """Return the file of the text that `Deviation.upstream` names; None where it is a link, or no such text is here."""
    name = upstream.removeprefix(f"{REPORTS}/")
    return next((path for path in report_files() if path.name == name), None)


def load(adapter: str) -> list[Deviation]:
    """Return the known deviations of the adapter of this name; none where it has no ledger.

    Raises
    ------
    LedgerError
        See `read`.
    """
    path = FOLDER / f"{adapter}.toml"
    return read(path) if path.exists() else []


def read(path: Path) -> list[Deviation]:
    """Return the entries of a ledger file: an array of tables ``[[deviation]]`` with the keys of `Deviation`.

    Raises
    ------
    LedgerError
        The file is no TOML, or an entry lacks a key, has one too many, or a value that cannot be meant.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise LedgerError(f"{path}: not a TOML file: {error}") from error
    if set(content) - {"deviation"}:
        stray = ", ".join(sorted(set(content) - {"deviation"}))
        raise LedgerError(f"{path}: found {stray}; a ledger holds [[deviation]] entries alone")
    entries = content.get("deviation", [])
    deviations = [_deviation(f"{path}: entry {n}", entry) for n, entry in enumerate(entries, start=1)]
    ids = [deviation.id for deviation in deviations]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise LedgerError(f'{path}: the id "{twice[0]}" is given twice; an id is unique in its ledger')
    return deviations


def _deviation(place: str, entry: dict[str, Any]) -> Deviation:
    where = f'{place} "{entry["id"]}"' if isinstance(entry.get("id"), str) else place
    keys = [field.name for field in fields(Deviation)]
    missing = [key for key in keys if key not in entry and key != "profiles"]
    if missing:
        raise LedgerError(f"{where}: {missing[0]} is missing; an entry has {', '.join(keys)}")
    unknown = [key for key in entry if key not in keys]
    if unknown:
        raise LedgerError(f"{where}: {unknown[0]} is not known; an entry has {', '.join(keys)}")
    for key, value in entry.items():
        wanted = _fault(key, value)
        if wanted:
            raise LedgerError(f"{where}: {key} must be {wanted}, found {value!r}")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Deviation(**values)


def _fault(key: str, value: Any) -> str | None:
    """Return what `value` should have been, or None where it is."""
    wanted, fits = _RULES[key]
    return None if fits(value) else wanted


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_text, value))


def _is_specifier(value: Any) -> bool:
    try:
        return _is_text(value) and bool(SpecifierSet(value))
    except InvalidSpecifier:
        return False


def _is_backing(value: Any) -> bool:
    return _is_text(value) and bool(re.fullmatch(rf"https://\S+|{REPORTS}/[a-z0-9-]+\.md", value))


_TEXT = ("a text", _is_text)
_GLOBS = ("a list of globs", _are_texts)

_RULES = {
    "id": _TEXT,
    "clause": _TEXT,
    "cells": _GLOBS,
    "regimes": _GLOBS,
    "versions": ('a PEP 440 specifier such as ">=2.6,<2.14"', _is_specifier),
    "effect": (f"one of {', '.join(EFFECTS)}", lambda value: _is_text(value) and value in EFFECTS),
    "reason": _TEXT,
    "upstream": (f"a link that begins with https://, or {REPORTS}/NAME.md", _is_backing),
    "date": ("a TOML date such as 2026-11-21", lambda value: type(value) is dt.date),
    "profiles": (
        f"a list of {', '.join(PROFILES)}",
        lambda value: _are_texts(value) and set(value) <= set(PROFILES),
    ),
}
