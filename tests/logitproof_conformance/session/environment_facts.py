"""The environment of a framework as facts: of the target if there is one, and of the judge."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from logitproof_adapters.sources.probe import probed
from logitproof_reports.runs import environment
from logitproof_reports.runs.environment import describe_environment

if TYPE_CHECKING:
    from logitproof_adapters.contract import Adapter
    from logitproof_adapters.targets.target import Target

SENT = (environment.__name__,)
"""What travels to a target beside its adapter, to describe it by the same code."""

COMPILATION_CACHE = "JAX_COMPILATION_CACHE_DIR"
"""The variable by whose presence a run file says that frameworks may have taken what an earlier run compiled."""

OURS = ("logitproof", "numpy")
"""Packages of the judge that decide what is planned, exact and allowed."""


@runtime_checkable
class InTarget(Protocol):
    """The methods of an adapter whose framework is in a target."""

    target: Target

    def call(self, module: str, function: str) -> Any:
        """Return what a function that takes nothing returns there."""
        ...


def environment_facts(adapter: Adapter) -> dict[str, Any]:
    """Return what `describe_environment` returns where the framework is, ``framework``, and ``arithmetic`` (`probed`).

    Of a target there is more: ``target``, its name, and ``judge``, the Python and the packages that judged.
    """
    about = {"framework": asdict(adapter.describe()), "arithmetic": probed(adapter)}
    here = describe_environment()
    if not isinstance(adapter, InTarget):
        return {**here, **about}
    there = adapter.call(environment.__name__, describe_environment.__name__)
    if adapter.target.is_here:
        kept = {"compilation_cache": "kept between runs"} if COMPILATION_CACHE in adapter.target.env else {}
        return {**there, **kept, **about}
    judge = {"python": here["python"], **{name: here["packages"][name] for name in OURS}}
    told = {f"judge's {name}": version for name, version in judge.items()}
    # The adapters that ran are those of the judge's release.
    packages = {**there["packages"], "logitproof": here["packages"]["logitproof"]}
    return {**there, "packages": packages, **about, "target": adapter.target.label, "judge": told}
