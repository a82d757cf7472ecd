"""The facts of a run file beside its table, validated for readers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .origin import DURATION, ORIGIN, origin_of
from .schema import RunFileError
from .shapes import ANY, Predicate, misfit, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .origin import Origin
    from .shapes import Shape

MOST_SHARDS = 10_000
MOST_CHARACTERS = 4_000_000
"""Longest JSON text of all environments; one has some 40,000 characters."""

PROFILES = ("quick", "full")


def _is_shard(word: Any) -> bool:
    found = re.fullmatch(r"([1-9]\d{0,4})/([1-9]\d{0,4})", word) if isinstance(word, str) else None
    return found is not None and int(found[1]) <= int(found[2]) <= MOST_SHARDS


TEXTS: Shape = {ANY: str}

ENVIRONMENT: Shape = {
    **dict.fromkeys(("python", "implementation", "os", "kernel", "machine", "cpu", "tried", "target"), str),
    "cores": int,
    "cpu_features": [str],
    "adapters": [str],
    "threads": TEXTS,
    "packages": TEXTS,
    "judge": TEXTS,
    "shard": Predicate(_is_shard, "a part such as 2/3"),
    "framework": {"framework": str, "version": str, "build": TEXTS},
    "ledger": [
        {
            **dict.fromkeys(("id", "clause", "reason", "upstream", "machines"), str),
            "conditions": {ANY: bool},
            "applies": bool,
            "carried": bool,
        }
    ],
    "dialects": [{"takes": [str], "words": TEXTS, ANY: (str, int, float, bool, type(None))}],
}
"""An environment; what a later release adds may be anything."""


def environments_in(path: object, text: str) -> list[dict[str, Any]]:
    """Return the environments that a run file spells.

    Raises
    ------
    RunFileError
        It spells none.
    """
    if len(text) > MOST_CHARACTERS:
        raise RunFileError(f"{path} describes its environments in {len(text):,} characters: it is not a run file")
    return checked_environments(path, parsed(path, "environments", text))


def checked_environments(path: object, tree: Any) -> list[dict[str, Any]]:
    """Return a tree where it is a list of environments, and raise `RunFileError` where not."""
    if why := misfit(tree, [ENVIRONMENT], "environments"):
        raise RunFileError(f"{path} has invalid metadata ({why}): make the run again")
    if any("id" not in entry for one in tree for entry in one.get("ledger", ())):
        raise RunFileError(f"{path} has invalid metadata (an entry of a ledger without id): make the run again")
    environments: list[dict[str, Any]] = tree
    return environments


def origins_in(path: object, text: str) -> tuple[Origin, ...]:
    """Return the origins that a run file spells, and raise `RunFileError` where it spells none."""
    if len(text) > MOST_CHARACTERS:
        raise RunFileError(f"{path} describes its origin in {len(text):,} characters: it is not a run file")
    return checked_origins(path, parsed(path, "origins", text))


def checked_origins(path: object, tree: Any) -> tuple[Origin, ...]:
    """Return a tree where it is a list of origins, and raise `RunFileError` where not."""
    if why := misfit(tree, [ORIGIN], "origins"):
        raise RunFileError(f"{path} has invalid metadata ({why}): make the run again")
    if any(ORIGIN.keys() - one.keys() for one in tree):
        raise RunFileError(f"{path} has invalid metadata (an origin without one of its facts): make the run again")
    return tuple(map(origin_of, tree))


def choice_in(path: object, text: str) -> str:
    """Return the options that chose a part, and raise `RunFileError` where a run file spells no text."""
    choice = parsed(path, "choice", text)
    if not isinstance(choice, str):
        raise RunFileError(f"{path} has invalid metadata (choice is not a text): make the run again")
    return choice


def seconds_in(path: object, text: str, cells: Sequence[str]) -> dict[str, float]:
    """Return how long each cell took, as a run file spells it, and raise `RunFileError` where it spells none.

    Parameters
    ----------
    path : object
        For messages.
    text : str
        A JSON list: a number for each cell, null where it was not measured; or an empty list.
    cells : sequence of str
        The cells, in the order of the list.
    """
    found = parsed(path, "cell_seconds", text)
    if not isinstance(found, list) or len(found) not in {0, len(cells)}:
        raise RunFileError(f"{path} has invalid metadata (cell_seconds: no number for each cell): make the run again")
    measured = {cell: one for cell, one in zip(cells, found, strict=False) if one is not None}
    if why := misfit(measured, {ANY: DURATION}, "cell_seconds"):
        raise RunFileError(f"{path} has invalid metadata ({why}): make the run again")
    return measured


def parsed(path: object, name: str, text: str) -> Any:
    """Return what a fact says as JSON, and raise `RunFileError` where it is none."""
    try:
        return parse(text)
    except ValueError as error:
        raise RunFileError(f"{path} has invalid metadata ({name} is {error}): make the run again") from error


def checked_words(path: object, facts: Mapping[str, Any]) -> tuple[str, str]:
    """Return profile and case set, and raise `RunFileError` where they are no such words."""
    profile, case_set = facts["profile"], facts["case_set"]
    if profile not in PROFILES:
        raise RunFileError(f'{path} has the profile "{str(profile)[:60]}", known are {", ".join(PROFILES)}')
    if not isinstance(case_set, str) or not 0 < len(case_set) <= 200:
        raise RunFileError(f"{path} has invalid metadata (the case set is not a digest): make the run again")
    return profile, case_set
