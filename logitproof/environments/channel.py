"""Additional sources of releases: further package indexes, such as one of nightly builds, and pre-releases."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from logitproof.environments.pip_settings import settings_for_uv

if TYPE_CHECKING:
    from collections.abc import Sequence

PRERELEASE = "UV_PRERELEASE"
"""uv's variable that says whether pre-releases count."""


def open_channel(indexes: Sequence[str] = (), *, pre: bool = False) -> None:
    """Let uv, as long as this process lasts, look into further indexes too, and take pre-releases.

    What uv's variables and pip's settings name stays as it is; the best version of all indexes is taken.

    Parameters
    ----------
    indexes : sequence of str
        Addresses of indexes, before those that are set.
    pre : bool
        Whether alphas, release candidates and builds of a day count as releases.
    """
    if indexes:
        settings = {**os.environ, **settings_for_uv(os.environ)}
        before = settings.get("UV_INDEX") or settings.get("UV_EXTRA_INDEX_URL") or ""
        os.environ["UV_INDEX"] = " ".join([*indexes, *before.split()])
        os.environ.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    if pre:
        os.environ[PRERELEASE] = "allow"
