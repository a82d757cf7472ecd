"""Where answers are kept on disk, and whether they are."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = "LOGITPROOF_CACHE_DIR"
ANSWERS_VARIABLE = "LOGITPROOF_ANSWERS"
ANSWERS = "answers"
COMPILED = "compiled"
OFF = "off"
"""Value of `ANSWERS_VARIABLE` with which nothing is read from disk, nor written; otherwise it names a folder."""


def cache_folder() -> Path:
    """Return where Logitproof keeps what it can make again: `CACHE_VARIABLE`, or the user's cache folder.

    An absolute path: processes that are started elsewhere must find the same place.
    """
    named = os.environ.get(CACHE_VARIABLE) or f"{os.environ.get('XDG_CACHE_HOME') or '~/.cache'}/logitproof"
    return Path(os.path.abspath(os.path.expanduser(named)))  # noqa: PTH100, PTH111  Path's raise without a home


def answers_folder() -> Path | None:
    """Return where in it exact answers and bounds are; None if they are not kept."""
    named = os.environ.get(ANSWERS_VARIABLE, "")
    if named == OFF:
        return None
    return Path(named) if named else cache_folder() / ANSWERS
