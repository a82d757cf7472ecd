"""Which release of a distribution is installed, as its metadata tell: nothing is imported."""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version


def release_of(distribution: str) -> str:
    """Return the release that is installed; empty for none."""
    with suppress(PackageNotFoundError):
        return version(distribution) or ""
    return ""
