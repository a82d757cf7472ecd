"""Which releases of a package are too old to be judged: those before the `oldest` of its row."""

from __future__ import annotations

from importlib import metadata

from packaging.version import InvalidVersion, Version

from logitproof_adapters.catalogue.frameworks import PACKAGES, distributions_of


def too_old(package: str) -> str | None:
    """Return in a line which release of a package is installed, where that is too old to be judged, else None.

    A package whose release nothing tells, such as one on a path, is taken for new enough.
    """
    found = _installed(package)
    least = _least(*found) if found else ""
    if not found or not least:
        return None
    name, release = found
    return (
        f"{name} {release} is installed, and {least} is the oldest release that is judged; "
        f'install a newer one with: python -m pip install "{name}>={least}"'
    )


def too_old_to_install(name: str, release: str) -> str | None:
    """Return in a line why a release of a distribution need not be installed: it is too old to be judged; else None."""
    least = _least(name, release)
    return f"{name} {release} is too old: {least} is the oldest release that is judged" if least else None


def _least(name: str, release: str) -> str:
    """Return the oldest release that is judged, where this one of a distribution is older, else an empty text."""
    least = next((row.oldest for package, row in PACKAGES.items() if name in (package, *row.distributions)), "")
    try:
        return least if least and Version(release) < Version(least) else ""
    except InvalidVersion:
        return ""


def _installed(package: str) -> tuple[str, str] | None:
    """Return distribution and release of an installed package."""
    for name in distributions_of(package):
        try:
            return name, metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None
