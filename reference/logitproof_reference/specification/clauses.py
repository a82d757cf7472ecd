"""The specification as data: the clauses of SPEC.md, parsed from it, so that text and data cannot differ."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files

from logitproof_reference.specification.verdicts import LEVELS

FAMILIES = (
    *(
        "VAL",
        "GRD",
        "GLB",
        "JVP",
        "HVP",
        "ACC",
        "EXT",
        "ROW",
        "LAW",
        "OPT",
        "IO",
        "ERR",
        "MOD",
        "LIN",
        "INV",
        "KIN",
        "PRB",
        "FUN",
        "MSK",
        "TRN",
    ),
)
"""The families of clauses, in the order of SPEC.md."""

_HEADING = re.compile(rf"({'|'.join(FAMILIES)})-([1-9]\d*) ({'|'.join(LEVELS)}): (\S.*)")


class SpecificationError(ValueError):
    """SPEC.md does not hold clauses in the form that this module reads."""


@dataclass(frozen=True)
class Clause:
    """One numbered requirement.

    Attributes
    ----------
    id : str
        Family and number, e.g. ``EXT-3``; never reused.
    level : str
        ``MUST``, ``SHOULD`` or ``MAY`` (RFC 2119).
    title, text : str
        The requirement in a sentence, and in full (Markdown).
    reason, source : str
        Why it is asked, and where that is written.
    """

    id: str
    level: str
    title: str
    text: str
    reason: str
    source: str

    @property
    def family(self) -> str:
        """The letters of the id."""
        return self.id.partition("-")[0]


def read_clauses(page: str) -> dict[str, Clause]:
    """Read the clauses of a page written like SPEC.md, by id, in its order.

    A clause is a third-level heading ``### ID LEVEL: title``, a text, and two
    last paragraphs that open with **Reason.** and **Source.**

    Raises
    ------
    SpecificationError
        A clause is not of this form, or its id is there twice.
    """
    clauses: dict[str, Clause] = {}
    for section in re.split(r"^### ", page, flags=re.MULTILINE)[1:]:
        clause = _read_clause(re.split(r"^## ", section, flags=re.MULTILINE)[0])
        if clause.id in clauses:
            raise SpecificationError(f"clause {clause.id} is there twice: give the second a number of its own")
        clauses[clause.id] = clause
    return clauses


def _read_clause(section: str) -> Clause:
    heading, _, body = section.strip().partition("\n")
    title = _HEADING.fullmatch(heading.strip())
    paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", body.strip())]
    match paragraphs:
        case [*texts, reason, source] if (
            title and texts and reason.startswith("**Reason.** ") and source.startswith("**Source.** ")
        ):
            family, number, level, sentence = title.groups()
        case _:
            raise SpecificationError(
                f'clause "{heading}" is not "### ID LEVEL: title", a text, "**Reason.** ...", "**Source.** ..."; '
                f"families: {', '.join(FAMILIES)}; levels: {', '.join(LEVELS)}"
            )
    reason, source = (part.partition(" ")[2] for part in (reason, source))
    return Clause(f"{family}-{number}", level, sentence, "\n\n".join(texts), reason, source)


def _page() -> str:
    return (files("logitproof_reference.specification") / "SPEC.md").read_text(encoding="utf-8")


CLAUSES: dict[str, Clause] = read_clauses(_page())
"""Every clause by id, in the order of SPEC.md."""


def clause(id_: str) -> Clause:
    """Return the clause called `id_`.

    Raises
    ------
    ValueError
        No clause has this id.
    """
    try:
        return CLAUSES[id_]
    except KeyError:
        raise ValueError(f'clause "{id_}" is not known; SPEC.md holds: {", ".join(CLAUSES)}') from None
