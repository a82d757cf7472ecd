"""Witness files of `logitproof worst`: read and validated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS, QUANTITIES
from logitproof_reports.runs.input_files import read_whole
from logitproof_reports.runs.schema import RunFileError
from logitproof_reports.runs.shapes import ANY, Predicate, misfit, parse, unfit
from logitproof_reports.sweep_records.record import ABOUT, COUNT, NUMBER, among, whole

if TYPE_CHECKING:
    from pathlib import Path

    from logitproof_reports.runs.shapes import Shape

KIND = "logitproof_worst"
VERSION = 1
MEASURES = ("ulps", "slack")
MOST_COPIES = 1 << 20


def _is_array(spelled: Any) -> bool:
    """Return whether these are a shape, of no dimension or one, and as many numbers, all whole or all hexadecimal."""
    if not isinstance(spelled, list) or len(spelled) != 2 or misfit(spelled, [list], ""):
        return False
    shape, numbers = spelled
    if shape not in ([], [len(numbers)]) or len(numbers) < 1 or (shape == [] and len(numbers) > 1):
        return False
    return not misfit(numbers, [int], "") or not misfit(numbers, [NUMBER], "")


ARRAY = Predicate(_is_array, "an array: a shape and its numbers")
WITNESS: Shape = {
    "framework": str,
    "cell": {
        **dict.fromkeys(("adapter", "mode", "labels", "axis", "layout", "entry", "producer"), str),
        "op": among(OPS),
        "quantity": among(QUANTITIES),
        "format": among(FORMATS),
        "options": {ANY: (str, int, float, bool, list, type(None))},
    },
    "row": {"logits": ARRAY, ANY: ARRAY},
    "copies": whole(1, MOST_COPIES),
    "measure": among(MEASURES),
    "shown": {"element": COUNT, **dict.fromkeys(("ulps", "slack", "exact", "observed", "bound"), NUMBER)},
    "about": {"framework": ABOUT, "environment": {}, "search": {"rows": COUNT}},
}
RANDOM: Shape = {"random_rows": COUNT, "random_best": (int, float)}


def witness_in(path: Path) -> dict[str, Any]:
    """Return what a file says of a witness.

    Raises
    ------
    RunFileError
        It cannot be read, or is none.
    """
    try:
        tree = parse(read_whole(path))
    except ValueError as error:
        raise RunFileError(f"{path} is no record of a sweep, no witness and no atlas: {error}") from error
    if not isinstance(tree, dict) or KIND not in tree:
        raise RunFileError(f"{path} is no record of a sweep, no witness and no atlas: it has no {KIND}")
    if (version := tree.pop(KIND)) != VERSION:
        raise RunFileError(f"{path} is a witness of version {version}; this release reads version {VERSION}")
    why = unfit(tree, WITNESS, "witness")
    if not why and "random_best" in tree["about"]["search"]:
        why = unfit(tree["about"]["search"], RANDOM, "search")
    if why:
        raise RunFileError(f"{path} cannot be read: it is damaged ({why})")
    return tree
