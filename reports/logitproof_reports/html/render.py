"""Templates, style sheets and scripts made into one page: self-contained, and under a policy that allows no more."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence


def rendered(template: str, styles: Sequence[str], scripts: Sequence[str], **content: object) -> str:
    """Return a template with these style sheets and scripts within; every string of the content is escaped."""
    style, script = ("\n".join(map(_asset, names)) for names in (styles, scripts))
    return (
        _templates()
        .get_template(template)
        .render(
            **content,
            policy=_policy(style, script),
            # Our own files, quoted by nothing: HTML does not unescape within these two elements.
            style=Markup(style),  # noqa: S704
            script=Markup(script),  # noqa: S704
        )
    )


def _policy(style: str, script: str) -> str:
    """Return a content security policy that allows this style and this script and nothing else."""
    return (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@lru_cache
def _templates() -> Environment:
    return Environment(
        loader=FunctionLoader(_unindented),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )


def _unindented(name: str) -> str:
    """Return a template without its own indentation, which would be a tenth of the page; what it shows keeps its."""
    return re.sub(r"(?m)^[ \t]+", "", _asset(name))


@lru_cache
def _asset(name: str) -> str:
    text = resources.files("logitproof_reports.html").joinpath("templates", name).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")
