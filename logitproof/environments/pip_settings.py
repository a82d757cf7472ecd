"""Where packages come from: pip's settings, passed on to uv, and shown without credentials."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

OF_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
}
"""The variable by which uv takes a setting of pip's."""

SOURCES = {
    "UV_DEFAULT_INDEX": "index",
    "UV_INDEX_URL": "index",
    "UV_INDEX": "further index",
    "UV_EXTRA_INDEX_URL": "further index",
    "UV_FIND_LINKS": "links",
    "UV_NO_INDEX": "no index",
}
"""The variables that name package sources, and their descriptions in messages."""

_OLDER = {"UV_DEFAULT_INDEX": "UV_INDEX_URL", "UV_INDEX": "UV_EXTRA_INDEX_URL"}
"""Other names by which uv takes the same setting."""

_ANY_INDEX = ("UV_INDEX_STRATEGY", "unsafe-best-match")
"""pip takes the best version of all indexes, uv by itself those of the first index that has the package."""

_LINE = re.compile(r"^(global|install)\.([a-z-]+)=(.*)$", flags=re.MULTILINE)
_VARIABLE = "PIP_"


def settings_for_uv(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that hand pip's settings to uv; a setting that uv has itself stays as it is.

    Parameters
    ----------
    variables : mapping of str to str
        The environment, whose ``PIP_`` variables take precedence over pip's configuration files.
    """
    own = {
        name.removeprefix(_VARIABLE).lower().replace("_", "-"): value
        for name, value in variables.items()
        if name.startswith(_VARIABLE)
    }
    found = {
        ours: _separated_for_uv(ours, settings[name])
        for settings in (configured(), own)
        for name, ours in OF_UV.items()
        if settings.get(name) and ours not in variables and _OLDER.get(ours, ours) not in variables
    }
    name, value = _ANY_INDEX
    return found | ({name: value} if "UV_INDEX" in found and name not in variables else {})


@cache
def configured() -> dict[str, str]:
    """Return what pip's configuration files set, as pip itself reads them; nothing without a pip."""
    own, other = find_spec("pip"), shutil.which("pip")
    pip = [sys.executable, "-m", "pip"] if own else [other] if other else None
    if pip is None:
        return {}
    asked = [*pip, "config", "list"]
    ended = subprocess.run(asked, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603  the user's pip
    # [install] goes before [global], and is listed after it.
    return {name: str(ast.literal_eval(value)) for _, name, value in sorted(_LINE.findall(ended.stdout))}


def _separated_for_uv(variable: str, value: str) -> str:
    """Return a setting as uv separates it: folders by commas, the rest by spaces."""
    return ("," if variable == "UV_FIND_LINKS" else " ").join(value.split())


def sources_in_words(variables: Mapping[str, str]) -> str:
    """Return where uv takes packages from, in a line; empty if nothing is set but its defaults.

    Of an address only the host is told: user names, passwords and paths can be secrets.
    """
    settings = {**variables, **settings_for_uv(variables)}
    places = [
        f"{word} {' '.join(map(_without_secrets, re.split(r'[ ,]+', settings[name])))}"
        for name, word in SOURCES.items()
        if settings.get(name)
    ]
    return f"packages come from: {', '.join(places)}" if places else ""


def _without_secrets(place: str) -> str:
    """Return a place as it may be shown.

    >>> _without_secrets("mine=https://user:secret@example.org/token/simple"), _without_secrets("/srv/wheels")
    ('https://example.org', '/srv/wheels')
    """
    scheme, found, rest = place.partition("://")
    if not found or scheme == "file":
        return place
    return f"{scheme.rpartition('=')[2]}://{urlsplit(f'//{rest}').hostname}"
