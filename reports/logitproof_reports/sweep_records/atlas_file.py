"""An atlas as data: a file of JSON, one entry a line, from which its pages are written and into which records go."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from logitproof_reference.vocabulary.ops import OPS, QUANTITIES
from logitproof_reports.runs.input_files import opened, read_whole
from logitproof_reports.runs.schema import RunFileError
from logitproof_reports.runs.shapes import Predicate, parse, unfit
from logitproof_reports.runs.whole_files import write_text_atomically
from logitproof_reports.sweep_records.atlas_entries import FORMATS, Atlas, Environment, Searched, Swept, number_of
from logitproof_reports.sweep_records.record import ROWS, among, whole
from logitproof_reports.sweep_records.words import Line

if TYPE_CHECKING:
    from pathlib import Path

    from logitproof_reports.runs.shapes import Shape

KIND = "logitproof_atlas"
VERSION = 1


def _is_number(word: Any) -> bool:
    try:
        return isinstance(word, str) and number_of(word) >= 0.0
    except ValueError:
        return False


def _texts(of: type) -> dict[str, Shape]:
    return {one.name: str for one in fields(of)}


MEASURE = Predicate(_is_number, "a measure in decimal")
FUNCTION = among([f"{op} {quantity}" for op in OPS for quantity in QUANTITIES])
LINE: Shape = {
    **_texts(Line),
    "function": FUNCTION,
    "format": among(FORMATS),
    **dict.fromkeys(("ulps", "slack", "not_rounded", "broken", "lost"), MEASURE),
}
SWEPT: Shape = {
    "line": LINE,
    "rows": str,
    "count": whole(1, ROWS + 1),
    "numbers": whole(0, 2 * ROWS + 1),
    "environment": whole(0, 1 << 20),
}
SEARCHED: Shape = {**_texts(Searched), **dict.fromkeys(("ulps", "slack"), MEASURE)}
ATLAS: Shape = {"environments": [_texts(Environment)], "swept": [SWEPT], "searched": [SEARCHED]}


def write_atlas(path: Path, atlas: Atlas) -> None:
    """Write an atlas whole or not at all.

    Raises
    ------
    RunFileError
        The place cannot be written.
    """
    places = {one: place for place, one in enumerate(atlas.environments)}
    lists = {
        "environments": [asdict(one) for one in places],
        "swept": [{**asdict(one), "environment": places[one.environment]} for one in atlas.swept],
        "searched": [asdict(one) for one in atlas.searched],
    }
    parts = [f'"{KIND}": {VERSION}', *(f'"{name}": [{_lines(found)}]' for name, found in lists.items())]
    write_text_atomically(path, "{" + ",\n".join(parts) + "}\n")


def _lines(entries: list[dict[str, Any]]) -> str:
    return ",".join(f"\n{json.dumps(one, sort_keys=True)}" for one in entries)


def is_atlas(path: Path) -> bool:
    """Return whether a file begins as an atlas does."""
    try:
        with opened(path) as file:
            return f'"{KIND}"'.encode() in file.readline(1 << 10)
    except RunFileError:  # no regular file, or none at all: whoever reads it as something else tells
        return False


def read_atlas(path: Path) -> Atlas:
    """Read an atlas.

    Raises
    ------
    RunFileError
        It cannot be read, or is none.
    """
    try:
        tree = parse(read_whole(path))
        version = tree.pop(KIND)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise RunFileError(f"{path} cannot be read: it is not an atlas") from error
    if version != VERSION:
        raise RunFileError(f"{path} is an atlas of version {version}; this release reads version {VERSION}")
    if why := unfit(tree, ATLAS, "atlas"):
        raise RunFileError(f"{path} cannot be read: it is damaged ({why})")
    environments = [_made(Environment, one) for one in tree["environments"]]
    if any(one["environment"] >= len(environments) for one in tree["swept"]):
        raise RunFileError(f"{path} cannot be read: it is damaged (an environment is missing)")
    swept = (
        {**one, "line": _made(Line, one["line"]), "environment": environments[one["environment"]]}
        for one in tree["swept"]
    )
    return Atlas(
        tuple(_made(Swept, one) for one in swept),
        tuple(_made(Searched, one) for one in tree["searched"]),
    )


def _made(of: type, tree: dict[str, Any]) -> Any:
    """Return an entry; what a later release adds to it is left out."""
    return of(**{one.name: tree[one.name] for one in fields(of)})
