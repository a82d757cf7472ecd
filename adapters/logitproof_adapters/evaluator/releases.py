"""The installed release of a distribution, from its metadata; a module of its own, because it is sent to targets."""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version


def release_of(distribution: str) -> str:
    """Return the release that is installed; empty for none."""
    with suppress(PackageNotFoundError):
        return version(distribution) or ""
    return ""
