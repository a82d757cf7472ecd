"""The ledgers of known deviations: which failures are expected, on which releases and machines, and why."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from dataclasses import MISSING, dataclass, field, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.version import InvalidVersion, Version

from logitproof_adapters.catalogue.machines import Machines, is_condition
from logitproof_reference.vocabulary.reasons import whole_reason
from logitproof_reference.vocabulary.severity import EFFECTS, UNDEFINED, is_more_severe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
    since : str
        The oldest release in which it was seen. Of the releases tried, it is expected from this one on.
    effect : str
        What it does to whoever meets it, a word of `EFFECTS`.
    reason : str
        What happens and why, in a sentence.
    upstream : str
        Link to the thread or the documentation that says so; where there is none, the text to file,
        ``reports/findings/NAME.md``.
    date : date
        When it was last seen and understood.
    fixed : str
        The oldest release tried in which it is gone; empty while there is none.
    profiles : tuple of str
        The profiles that show it.
    machines : tuple of Machines
        The machines that show it, each with its cells; empty where every machine does.
    untried : tuple of Machines
        Further machines, on which nobody has looked for it: there it may happen.
    """

    id: str
    clause: str
    cells: tuple[str, ...]
    regimes: tuple[str, ...]
    since: str
    effect: str
    reason: str
    upstream: str
    date: dt.date
    fixed: str = ""
    profiles: tuple[str, ...] = PROFILES
    machines: tuple[Machines, ...] = ()
    untried: tuple[Machines, ...] = ()

    def is_in(self, version: str) -> bool:
        """Whether the range from `since` until `fixed` holds a release; one that is no PEP 440 version may be any."""
        release = release_of(version)
        return release is None or (Version(self.since) <= release and not self.is_fixed_in(version))

    def is_fixed_in(self, version: str) -> bool:
        """Whether a release is known not to deviate any more."""
        release = release_of(version)
        return bool(self.fixed and release is not None and Version(self.fixed) <= release)

    @property
    def releases(self) -> str:
        """The releases that deviate, as a PEP 440 specifier."""
        return f">={self.since}" + (f",<{self.fixed}" if self.fixed else "")

    def covers(self, effect: str) -> bool:
        """Whether a deviation of this effect is no more than the entry says.

        A framework that gives no answer where the entry knows of a wrong one has broken down for another reason, unless
        what happens is undefined.
        """
        is_known = self.effect in {effect, UNDEFINED}
        return is_known or (effect != "no-answer" and not is_more_severe(effect, than=self.effect))

    def names(self, cell: str, regime: str) -> bool:
        """Return whether the entry names a regime of a cell, on whatever machine."""
        return any(fnmatchcase(cell, glob) for glob in self.cells) and any(
            fnmatchcase(regime, glob) for glob in self.regimes
        )

    @property
    def where(self) -> str:
        """The machines in words, empty where every machine shows it: ``with AVX512-BF16; with AVX512-FP16``."""
        return "; ".join(one.words for one in self.machines)


@dataclass(frozen=True)
class Ledger:
    """The known deviations of one adapter.

    Attributes
    ----------
    deviations : tuple of Deviation
        The entries.
    tried : dict of str to tuple of str
        By profile, the releases on which that profile was run to its end with these entries.
    beside : dict of str to tuple of str
        By profile, conditions (see `Machines`) on what the framework runs on, such as ``jax==0.10.*`` of Keras: beside
        another release of that, no release was tried.
    """

    deviations: tuple[Deviation, ...] = ()
    tried: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    beside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def newest_tried(self, profile: str) -> str:
        """Return the newest release tried in a profile; empty if none was."""
        return max(self.tried.get(profile, ()), key=Version, default="")


def release_of(version: str) -> Version | None:
    """Return a version without its local part; None if it is not one."""
    try:
        return Version(Version(version).public)
    except InvalidVersion:
        return None


def upstream_status_of(upstream: str) -> str:
    """Return what a framework's makers know of a deviation: ``documented``, ``reported``, or ``to report``."""
    if upstream.startswith(REPORTS):
        return "to report"
    return "reported" if _THREAD.match(upstream) else "documented"


def report_files() -> list[Path]:
    """Return the texts to file."""
    return sorted(path for folder in _REPORT_FOLDERS for path in folder.glob("*.md"))


def report_file(upstream: str) -> Path | None:
    """Return the file of the text that `Deviation.upstream` names; None if it is a link, or no such text is here."""
    name = upstream.removeprefix(f"{REPORTS}/")
    return next((path for path in report_files() if path.name == name), None)


def load(adapter: str) -> Ledger:
    """Return the ledger of the adapter of this name; an empty one where it has none.

    Raises
    ------
    LedgerError
        See `read`.
    """
    path = FOLDER / f"{adapter}.toml"
    return read(path) if path.exists() else Ledger()


def read(path: Path) -> Ledger:
    """Return the ledger in a file: ``[tried]`` (releases and ``beside``, by profile), and its ``[[deviation]]``.

    A reason that names another entry is made whole, see `whole_reason`.

    Raises
    ------
    LedgerError
        The file is no TOML, or an entry lacks a key, has one too many, or a value of the wrong kind.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise LedgerError(f"{path}: not a TOML file: {error}") from error
    stray = sorted(set(content) - {"deviation", "tried"})
    if stray:
        raise LedgerError(f"{path}: found {', '.join(stray)}; a ledger holds [tried] and [[deviation]] entries alone")
    tried = content.get("tried", {})
    if not _are_tried(tried):
        raise LedgerError(f"{path}: tried must be {_TRIED}, found {tried!r}")
    entries = content.get("deviation", [])
    deviations = tuple(_deviation(f"{path}: entry {n}", entry) for n, entry in enumerate(entries, start=1))
    ids = [deviation.id for deviation in deviations]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise LedgerError(f'{path}: the id "{twice[0]}" is given twice; an id is unique in its ledger')
    reasons = {deviation.id: deviation.reason for deviation in deviations}
    whole = tuple(replace(one, reason=whole_reason(one.reason, reasons)) for one in deviations)
    return Ledger(whole, _by_profile(tried), _by_profile(tried.get("beside", {})))


def _by_profile(lists: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {profile: tuple(lists[profile]) for profile in PROFILES if profile in lists}


def _deviation(place: str, entry: dict[str, Any]) -> Deviation:
    where = f'{place} "{entry["id"]}"' if isinstance(entry.get("id"), str) else place
    keys = [field.name for field in fields(Deviation)]
    missing = [key for key in keys if key not in entry and key not in _OPTIONAL]
    if missing:
        raise LedgerError(f"{where}: {missing[0]} is missing; an entry has {', '.join(keys)}")
    unknown = [key for key in entry if key not in keys]
    if unknown:
        raise LedgerError(f"{where}: {unknown[0]} is not known; an entry has {', '.join(keys)}")
    for key, value in entry.items():
        wanted, fits = _RULES[key]
        if not fits(value):
            raise LedgerError(f"{where}: {key} must be {wanted}, found {value!r}")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    for key in ("machines", "untried"):
        values[key] = tuple(_machines(one) for one in values.get(key, ()))
    return Deviation(**values)


def _machines(table: dict[str, list[str]]) -> Machines:
    return Machines(**{key: tuple(value) for key, value in table.items()})


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_text, value))


def _is_release(value: Any) -> bool:
    return _is_text(value) and release_of(value) is not None


def _are_tried(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and _are_lists_by_profile({key: ones for key, ones in value.items() if key != "beside"}, _is_release)
        and _are_lists_by_profile(value.get("beside", {}), is_condition)
    )


def _are_lists_by_profile(value: Any, fits: Callable[[str], bool]) -> bool:
    return isinstance(value, dict) and all(
        profile in PROFILES and isinstance(ones, list) and all(isinstance(one, str) and fits(one) for one in ones)
        for profile, ones in value.items()
    )


def _are_machines(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_machine, value))


def _is_machine(value: Any) -> bool:
    if not (isinstance(value, dict) and value.keys() <= {"needs", "excludes", "cells"} and value.keys() - {"cells"}):
        return False
    conditions = [*value.get("needs", []), *value.get("excludes", [])]
    return all(map(_are_texts, value.values())) and all(map(is_condition, conditions))


def _is_backing(value: Any) -> bool:
    return _is_text(value) and bool(re.fullmatch(rf"https://\S+|{REPORTS}/[a-z0-9-]+\.md", value))


_OPTIONAL = {field.name for field in fields(Deviation) if field.default is not MISSING}
_TEXT = ("a text", _is_text)
_GLOBS = ("a list of globs", _are_texts)
_RELEASE = ('a release such as "2.13.0"', _is_release)
_TRIED = "a table of lists by profile (quick, full): of releases, and under beside of conditions"

_MACHINES = (
    'a list of tables with needs or excludes (lists of conditions such as "avx512_bf16" or "clang>=15") and cells',
    _are_machines,
)

_RULES = {
    "id": _TEXT,
    "clause": _TEXT,
    "cells": _GLOBS,
    "regimes": _GLOBS,
    "since": _RELEASE,
    "fixed": _RELEASE,
    "effect": (f"one of {', '.join(EFFECTS)}", lambda value: _is_text(value) and value in EFFECTS),
    "reason": _TEXT,
    "upstream": (f"a link that begins with https://, or {REPORTS}/NAME.md", _is_backing),
    "date": ("a TOML date such as 2026-11-21", lambda value: type(value) is dt.date),
    "profiles": (
        f"a list of {', '.join(PROFILES)}",
        lambda value: _are_texts(value) and set(value) <= set(PROFILES),
    ),
    "machines": _MACHINES,
    "untried": _MACHINES,
}
