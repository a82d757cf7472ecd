"""The evaluation of one call, where its framework is. The module travels to targets."""

from __future__ import annotations

from typing import Any

_NAMESPACES: dict[str, dict[str, Any]] = {}
"""What programs define, by program: a table of calls shares one."""


def answer(imports: str, source: str) -> dict[str, Any]:
    """Return the number or the numbers that a call gives, as hexadecimal text, or what it raised."""
    try:
        found = eval(source, _defined(imports))  # noqa: S307  a text of this package
        if isinstance(found, list):
            return {"values": [float(one).hex() for one in found]}
        return {"value": float(found).hex()}
    except Exception as error:  # noqa: BLE001  whatever a framework raises is its answer
        first_line = next(iter(str(error).strip().splitlines()), "")
        return {"raised": f"{type(error).__name__}: {first_line[:200]}"}


def _defined(imports: str) -> dict[str, Any]:
    if imports not in _NAMESPACES:
        namespace: dict[str, Any] = {"__name__": __name__}  # some look up the module of a function
        exec(imports, namespace)  # noqa: S102  likewise
        _NAMESPACES[imports] = namespace
    return _NAMESPACES[imports]
