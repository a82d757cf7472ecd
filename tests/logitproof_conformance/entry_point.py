"""The entry point of pytest: registers the plugin only where the matrix is collected.

Every pytest run of an environment loads this module, so it imports nothing and adds
no option unless `logitproof_conformance` is among what is to be collected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Register the plugin when a command line names the package; its options are parsed after this hook."""
    if any("logitproof_conformance" in argument for argument in args if not argument.startswith("-")):
        refuse_old_numpy()
        early_config.pluginmanager.import_plugin("logitproof_conformance.plugin")


def refuse_old_numpy() -> None:
    """Raise a usage error beside a NumPy with which the plugin cannot be imported."""
    import pytest  # noqa: PLC0415  likewise

    from logitproof_adapters.catalogue.too_old import too_old  # noqa: PLC0415  likewise

    if reason := too_old("numpy"):
        raise pytest.UsageError(reason)
