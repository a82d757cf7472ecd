"""Which frameworks are supported, and by which adapter; nothing is imported until `load`."""

from __future__ import annotations

import re
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec

from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_adapters.catalogue.pip_extras import install_line
from logitproof_adapters.catalogue.too_old import too_old as package_too_old
from logitproof_adapters.contract import Adapter

GROUP = "logitproof.adapters"

BUILT_IN = {name: row.adapter_spec for name, row in FRAMEWORKS.items()}
"""The adapters of this package as ``module:Class``."""


class UnknownFramework(ValueError):  # noqa: N818 - a term of the front door, not a fault
    """No adapter goes by this name."""


class MissingFramework(ImportError):  # noqa: N818 - likewise
    """The adapter is known, what it asks is not installed, or too old."""


def known() -> dict[str, str]:
    """Return ``module:Class`` of every registered adapter by name, sorted; imports none of them."""
    registered = {point.name: point.value for point in entry_points(group=GROUP)}
    return dict(sorted((BUILT_IN | registered).items()))


def missing(name: str) -> str | None:
    """Return why the framework `name` cannot be asked here, or None if it can; does not import it.

    Raises
    ------
    UnknownFramework
        No adapter goes by this name.
    """
    spec = spec_of(name)
    if BUILT_IN.get(name) != spec:
        package = spec.partition(":")[0].partition(".")[0]
        return None if find_spec(package) else f'the package "{package}" of the adapter {spec} is not installed'
    if _are_there(FRAMEWORKS[name].packages):
        return too_old(name)
    return f'framework "{name}" is not installed; install it with: {install_line(name)}'


def too_old(name: str) -> str | None:
    """Return in a line which release of what a built-in adapter asks is installed and too old to be judged, or None."""
    packages = packages_of(name)
    return next(filter(None, map(package_too_old, packages)), None) if _are_there(packages) else None


def _are_there(packages: tuple[str, ...]) -> bool:
    return all(map(find_spec, packages))


def installed(name: str) -> bool:
    """Whether the framework `name` can be asked here; see `missing`."""
    return missing(name) is None


def left_out() -> list[str]:
    """Return a line on each framework that is installed in a release too old to be judged."""
    reasons = {name: too_old(name) for name in known()}
    return [f"{name} is left out: {reason}" for name, reason in reasons.items() if reason]


def load(name: str) -> Adapter:
    """Return the adapter called `name`, or the one a ``module:Class`` names; imports its framework.

    Raises
    ------
    UnknownFramework
        No adapter goes by this name, or the class is none.
    MissingFramework
        The framework, or the adapter's module, is not installed.
    """
    spec = spec_of(name)
    reason = None if ":" in name else missing(name)
    if reason:
        raise MissingFramework(reason)
    try:
        return _checked(spec, _class_of(spec)())
    except ImportError as error:
        raise MissingFramework(f"adapter {spec} cannot be imported: {error}") from error


def _class_of(spec: str) -> type:
    module, _, attribute = spec.partition(":")
    found = getattr(import_module(module), attribute, None)
    if not isinstance(found, type):
        raise UnknownFramework(f'adapter {spec} is not known: module "{module}" has no class "{attribute}"')
    return found


def packages_of(name: str) -> tuple[str, ...]:
    """Return what the adapter of this package called `name` imports; nothing for an adapter of somebody else."""
    is_built_in = name in BUILT_IN and known()[name] == BUILT_IN[name]
    return FRAMEWORKS[name].packages if is_built_in else ()


def spec_of(name: str) -> str:
    """Return the ``module:Class`` of an adapter, by its name or by that itself.

    Raises
    ------
    UnknownFramework
        No adapter goes by this name.
    """
    if ":" in name:
        return name
    table = known()
    if name in table:
        return table[name]
    close = get_close_matches(name, table, n=1)
    hint = f'; did you mean "{close[0]}"?' if close else ""
    raise UnknownFramework(f'framework "{name}" is not known; known: {", ".join(table)}{hint}')


def _checked(spec: str, adapter: object) -> Adapter:
    if not isinstance(adapter, Adapter):
        wanted = "name, modes, describe, unsupported, evaluate, repro"
        raise UnknownFramework(f"adapter {spec} does not fulfil the contract; an Adapter has {wanted}")
    if not re.fullmatch("[a-z][a-z0-9_]*", adapter.name):
        raise UnknownFramework(f'adapter {spec} is named "{adapter.name}"; a name matches [a-z][a-z0-9_]*')
    return adapter
