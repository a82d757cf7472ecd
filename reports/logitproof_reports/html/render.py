"""Renders templates, style sheets and scripts into one self-contained page, under the strictest content policy."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from logitproof_reports.words.links import shown_address
from logitproof_reports.words.text import escape_control_chars

if TYPE_CHECKING:
    from collections.abc import Sequence


_JOINT = re.compile(r"(?<=[_=/:,])(?=\w)|(?<=\w[.-])(?<!\b0x\d\.)(?=[^\W\d_])")
"""Where a text may be broken: behind what joins the parts of an identifier, but within no number and behind no sign."""

ROW_TABLE = ("page_elements.js", "packed_table.js", "row_table.js")
"""The scripts of a page with a table of rows, before its own."""

_SIGNED = re.compile(r"(?<![\w&#;-])[-+]inf\b")
"""What a browser would break behind its sign."""


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


def fragment(template: str, **content: object) -> str:
    """Return a template as a part of another page, as a notebook's; every string of the content is escaped."""
    return _templates().get_template(template).render(**content)


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
    made = Environment(
        loader=FunctionLoader(_unindented),
        autoescape=True,
        finalize=_visible_output,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    made.filters |= {"breakable": breakable, "command": command, "address": shown_address}
    return made


def _visible_output(value: Any) -> Any:
    """Spell what cannot be seen in a text, as every output does; what is markup already is ours."""
    return (
        escape_control_chars(value, keep="\n\t") if isinstance(value, str) and not hasattr(value, "__html__") else value
    )


def breakable(text: str) -> Markup:
    """Return a text, escaped, that may be broken after what joins the parts of an identifier.

    >>> breakable("grad_logits")
    Markup('grad_<wbr>logits')
    >>> breakable("-inf, -0x1.fep-4, 0.5")
    Markup('<span class="whole">-inf</span>, -0x1.fep-4, 0.5')
    """
    parts = Markup("<wbr>").join(_JOINT.split(_visible_output(text)))
    return Markup(_SIGNED.sub(r'<span class="whole">\g<0></span>', str(parts)))  # noqa: S704 - escaped above


def command(text: str) -> Markup:
    """Return a command, escaped, each word kept whole where it fits: a browser would break after ``--`` anywhere.

    >>> command("run -o jax.parquet")
    Markup('<code class="command"><span>run</span> <span>-o</span> <span>jax.<wbr>parquet</span></code>')
    """
    words = (Markup("<span>{}</span>").format(breakable(word)) for word in text.split(" "))
    return Markup('<code class="command">{}</code>').format(Markup(" ").join(words))


def _unindented(name: str) -> str:
    """Return a template without its own indentation, which would be a tenth of the page; what it shows keeps its."""
    return re.sub(r"(?m)^[ \t]+", "", _asset(name))


@lru_cache
def _asset(name: str) -> str:
    text = resources.files("logitproof_reports.html").joinpath("templates", name).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")
