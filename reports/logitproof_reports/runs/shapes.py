"""Untrusted JSON: parsed with limited depth, and validated against an expected shape."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Shape: TypeAlias = "type | tuple[type, ...] | list[Any] | Mapping[str, Any] | Predicate"
    """A type or several; a list of one shape; a mapping from names to shapes, `ANY` standing for every other name; or
    a predicate. Values of names that a mapping does not list may be anything."""


@dataclass(frozen=True)
class Predicate:
    """A condition on a value beyond its type, and its description: ``a part such as 2/3``."""

    holds: Callable[[Any], bool]
    words: str


ANY = "*"
"""Key for the names that a mapping does not list."""

MOST_LEVELS = 12
"""Deepest nesting of lists and mappings; a run file has five levels."""

_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    type(None): "null",
}


def parse(text: str | bytes) -> Any:
    """Return what JSON says.

    Raises
    ------
    ValueError
        It is no JSON, or deeper than `MOST_LEVELS`; the message is a few words.
    """
    try:
        tree = json.loads(text)
    except RecursionError:
        raise ValueError(f"more than {MOST_LEVELS} levels deep") from None
    except ValueError:
        raise ValueError("no JSON") from None
    level = [tree]
    for _ in range(MOST_LEVELS):
        level = [inner for outer in level for inner in _inner(outer)]
        if not level:
            return tree
    raise ValueError(f"more than {MOST_LEVELS} levels deep")


def _inner(tree: Any) -> list[Any]:
    if isinstance(tree, dict):
        return list(tree.values())
    return tree if isinstance(tree, list) else []


def misfit(tree: Any, shape: Shape, name: str) -> str:
    """Return what of a tree is not as its shape says, in words; empty where all is.

    >>> misfit({"cores": "two"}, {"cores": int}, "environment")
    'environment.cores is not a whole number'
    """
    return next(_misfits(tree, shape, name), "")


def unfit(tree: Any, shape: Shape, name: str) -> str:
    """Return what `misfit` does of a tree in which every name of the shape has to be there, at any depth.

    >>> unfit({"cores": 2}, {"cores": int, "cpu": str}, "environment")
    'environment.cpu is missing'
    """
    return misfit(tree, shape, name) or next(_missing(tree, shape, name), "")


def _missing(tree: Any, shape: Shape, name: str) -> Iterator[str]:
    """Yield what is not there, of a tree that fits otherwise."""
    if isinstance(shape, type | tuple | Predicate):
        return
    if not isinstance(shape, list):
        yield from (f"{name}.{key} is missing" for key in shape if key != ANY and key not in tree)
    for place, inner, known in _parts(tree, shape):
        yield from _missing(inner, known, f"{name}{place}")


def _misfits(tree: Any, shape: Shape, name: str) -> Iterator[str]:
    if isinstance(shape, type | tuple):
        types = shape if isinstance(shape, tuple) else (shape,)
        if not isinstance(tree, types) or (isinstance(tree, bool) and bool not in types):
            yield f"{name} is not {' or '.join(_WORDS[one] for one in types)}"
    elif isinstance(shape, Predicate):
        if not shape.holds(tree):
            yield f"{name} is not {shape.words}"
    elif not isinstance(tree, list if isinstance(shape, list) else dict):
        yield f"{name} is not {'a list' if isinstance(shape, list) else 'a mapping'}"
    else:
        for place, inner, known in _parts(tree, shape):
            yield from _misfits(inner, known, f"{name}{place}")


def _parts(tree: Any, shape: list[Any] | Mapping[str, Any]) -> Iterator[tuple[str, Any, Shape]]:
    """Yield where a part of a list or mapping stands, the part, and its shape; parts that may be anything are left."""
    if isinstance(shape, list):
        yield from ((f"[{place}]", inner, shape[0]) for place, inner in enumerate(tree))
        return
    for key, inner in tree.items():
        if (known := shape.get(key, shape.get(ANY))) is not None:
            yield f".{key[:40]}", inner, known
