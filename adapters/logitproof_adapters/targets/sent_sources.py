"""The modules that are sent to a target: those that an adapter and the evaluator import, found in their sources."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from logitproof_adapters.catalogue.frameworks import FRAMEWORKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Sources = dict[str, dict[str, str | bool]]
    """``text`` and ``is_package`` by module."""

OWN = ("logitproof_adapters", "logitproof_reference", "logitproof_reports")
"""Packages of the suite that modules may come from; the judge's own are not among them."""

EVALUATOR = "logitproof_adapters.evaluator.loop"

_PARSING = Lock()
"""CPython 3.11 counts the depth of all parsers of a process as one: two at a time end in a SystemError (gh-106905)."""


@dataclass(frozen=True)
class Module:
    """A module with its text; `imports` are names of what it imports, which may be modules or things in them."""

    name: str
    text: str
    is_package: bool
    imports: tuple[str, ...] = field(default=(), repr=False)


def sources_for_adapter(module: str, also: Iterable[str] = ()) -> Sources:
    """Return all that must be sent for the adapter in `module`: with it go the trainers of the frameworks it uses."""
    modules = [module, *also]
    adapters = sources_for(modules).keys()
    used = [row for row in FRAMEWORKS.values() if row.trainer and row.adapter_spec.partition(":")[0] in adapters]
    return sources_for([*modules, *sorted({row.trainer_spec.partition(":")[0] for row in used})])


def sources_for(modules: Iterable[str]) -> Sources:
    """Return all that must be sent so that `modules` and the evaluator can be imported.

    Of the suite's packages what is imported with a module is sent, and a package that is only passed through is
    empty there: its names are the judge's. Of an adapter of somebody else its whole package may be needed: imports
    within functions count too, and its packages are sent as they are.

    Parameters
    ----------
    modules : iterable of str
        Modules of the suite, or of packages that are installed or can be imported here; one that is nowhere here is
        left for the target to have.

    Returns
    -------
    dict
        ``text`` and ``is_package`` by module.
    """
    roots = [EVALUATOR, *modules]
    allowed = {*OWN, *(name.partition(".")[0] for name in roots)}
    found: dict[str, Module] = {}
    wanted = roots
    while wanted:
        name = wanted.pop()
        module = _module(name) if name.partition(".")[0] in allowed and name not in found else None
        if module is not None:
            found[name] = module
            wanted += [part for imported in module.imports for part in (imported, imported.rpartition(".")[0]) if part]
            wanted += [] if is_own(name) else list(_parents(name))
    sent: Sources = {name: {"text": module.text, "is_package": module.is_package} for name, module in found.items()}
    passed_through = {parent for name in found for parent in _parents(name)} - set(sent)
    return {**sent, **{name: {"text": "", "is_package": True} for name in passed_through}}


def sources_of_file(file: Path) -> Sources:
    """Return the module in a file, and those in its folder that it imports, by their names there.

    Raises
    ------
    SyntaxError, ValueError
        One of them is no Python.
    """
    found: Sources = {}
    wanted = [file.stem]
    while wanted:
        name = wanted.pop()
        place = file.with_name(f"{name}.py")
        module = _read(name, place, is_package=False) if name not in found and place.is_file() else None
        if module is not None:
            found[name] = {"text": module.text, "is_package": False}
            wanted += [imported.partition(".")[0] for imported in module.imports if imported]
    return found


def is_own(name: str) -> bool:
    """Whether a module is the suite's."""
    return name.partition(".")[0] in OWN


def _parents(name: str) -> Iterator[str]:
    while name := name.rpartition(".")[0]:
        yield name


def _module(name: str) -> Module | None:
    """Return a module by its name, without importing anything; None if there is none."""
    top, *inner = name.split(".")
    spec = find_spec(top)
    if spec is None or (spec.origin is None and not spec.submodule_search_locations):
        return None
    if not inner and not spec.submodule_search_locations:
        return _read(name, Path(spec.origin or ""), is_package=False)
    for place in spec.submodule_search_locations or ():
        path = Path(place, *inner)
        if path.is_dir() and inner[:1] != ["__pycache__"]:
            return _read(name, path / "__init__.py", is_package=True)
        if path.with_suffix(".py").is_file():
            return _read(name, path.with_suffix(".py"), is_package=False)
    return None


def _read(name: str, path: Path, *, is_package: bool) -> Module | None:
    if not path.exists():
        return Module(name, "", is_package) if is_package else None
    if path.suffix != ".py":
        return None
    return _parsed(name, path.read_text(encoding="utf-8"), is_package=is_package)


@lru_cache(maxsize=512)
def _parsed(name: str, text: str, *, is_package: bool) -> Module:
    """Return a module by its text; each evaluator of a run is sent the same ones."""
    package = name if is_package else name.rpartition(".")[0]
    with _PARSING:
        tree = ast.parse(text)
    return Module(name, text, is_package, tuple(_imports(tree, package, everywhere=not is_own(name))))


def _imports(tree: ast.AST, package: str, *, everywhere: bool) -> Iterator[str]:
    """Yield the names that are imported with a module, or also later if `everywhere`; none for type checkers alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from (name for other in node.orelse for name in _imports(other, package, everywhere=everywhere))
        elif everywhere or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from _imports(node, package, everywhere=everywhere)
