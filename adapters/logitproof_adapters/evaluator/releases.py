"""Which release of a distribution is installed, by its metadata; a module of its own, for it travels to targets."""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version


def release_of(distribution: str) -> str:
    """Return the release that is installed; empty for none."""
    with suppress(PackageNotFoundError):
        return version(distribution) or ""
    return ""
