"""The specification is one page, read as data, and nothing in the project cites what it does not hold."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from types import ModuleType

import pytest

from logitproof_reference.specification.clauses import CLAUSES, FAMILIES, SpecificationError, clause, read_clauses
from logitproof_reference.specification.verdicts import LEVELS

ROOT = Path(__file__).parents[3]
PAGE = (files("logitproof_reference.specification") / "SPEC.md").read_text(encoding="utf-8")

PUBLISHED = {
    "VAL": "MUST SHOULD MAY",
    "GRD": "MUST SHOULD",
    "GLB": "MUST SHOULD",
    "JVP": "MUST SHOULD",
    "HVP": "MUST SHOULD MUST",
    "ACC": "SHOULD SHOULD SHOULD",
    "EXT": "MUST MUST MUST MUST MUST SHOULD MUST MUST SHOULD MUST SHOULD",
    "ROW": "MUST SHOULD",
    "LAW": "SHOULD SHOULD MUST MUST SHOULD MUST SHOULD MUST MUST",
    "OPT": "MUST MUST MUST MUST MUST SHOULD",
    "IO": "MUST MUST MUST MUST MUST MUST MUST",
    "ERR": "MUST MUST MUST MUST SHOULD",
    "MOD": "MUST MAY MUST SHOULD",
    "LIN": "MUST MUST MUST SHOULD MUST MUST MUST MUST MUST MUST MUST",
    "INV": "SHOULD SHOULD SHOULD SHOULD SHOULD SHOULD SHOULD SHOULD SHOULD SHOULD SHOULD SHOULD",
    "KIN": "MUST MUST SHOULD MUST",
    "PRB": "MUST MUST MUST MUST SHOULD",
    "FUN": "MUST MUST MUST MUST SHOULD",
    "MSK": "MUST SHOULD MUST",
    "TRN": "SHOULD SHOULD SHOULD MAY",
}
"""The grades of each family's clauses in their order: run files and ledgers key on these ids, so none may move."""

WELL_FORMED = "### VAL-1 MUST: A title\n\nA text.\n\n**Reason.** Because.\n\n**Source.** A paper.\n"


def test_ids_and_grades_stay_as_published() -> None:
    found = {
        family: " ".join(each.level for each in group)
        for family, group in groupby(CLAUSES.values(), lambda c: c.family)
    }
    assert found == PUBLISHED


def test_clauses_are_numbered_from_one_within_families_in_order() -> None:
    expected = [f"{family}-{n + 1}" for family, grades in PUBLISHED.items() for n in range(len(grades.split()))]
    assert list(CLAUSES) == expected
    assert tuple(PUBLISHED) == FAMILIES


def test_every_third_level_heading_is_a_clause_of_the_section_it_stands_in() -> None:
    headings = re.findall(r"^(##|###) (\w+)", PAGE, flags=re.MULTILINE)
    assert sum(level == "###" for level, _ in headings) == len(CLAUSES)
    section = ""
    for level, word in headings:
        section = word if level == "##" else section
        assert level == "##" or word == section
    assert [word for level, word in headings if level == "##"] == ["Words", "Bounds", *FAMILIES]


@pytest.mark.parametrize("id_", CLAUSES)
def test_clause_says_what_why_and_whence(id_: str) -> None:
    found = clause(id_)
    assert found.id == id_
    assert found.level in LEVELS
    assert not found.title.endswith(".")
    for part in (found.text, found.reason):
        assert re.fullmatch(r"[^a-z#].*[.]", part, flags=re.DOTALL), part
    assert re.search(r"doi:10\.|https://|IEEE 754|2nd ed\.|arXiv:", found.source), found.source


@pytest.mark.parametrize("id_", CLAUSES)
def test_clause_stands_on_the_page_word_for_word(id_: str) -> None:
    page, found = " ".join(PAGE.split()), clause(id_)
    for part in (f"### {id_} {found.level}: {found.title}", found.text, found.reason, found.source):
        assert part in page


def test_no_source_file_cites_a_clause_that_is_not_there() -> None:
    cited = {
        (str(path.relative_to(ROOT)), id_)
        for folder in ("reference", "adapters", "tests", "reports", "logitproof")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".md", ".toml", ".html"} and path != Path(__file__)
        for id_ in re.findall(rf"\b(?:{'|'.join(FAMILIES)})-\d+\b", path.read_text(encoding="utf-8"))
    }
    assert {(path, id_) for path, id_ in cited if id_ not in CLAUSES} == set()


def test_the_bounds_name_functions_that_exist() -> None:
    rows = re.findall(r"^\| B\d+ \|.*\| `([\w.]+)` \|$", PAGE, flags=re.MULTILINE)
    assert len(rows) == 10
    for path in rows:
        *package, name = path.split(".")
        holder = import_module(".".join(["logitproof_reference", *package]))
        found = getattr(holder, name, None) or import_module(f"{holder.__name__}.{name}")
        assert callable(found) or isinstance(found, ModuleType), path


def test_unknown_clause_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r'clause "EXT-99" is not known; SPEC\.md holds: VAL-1, '):
        clause("EXT-99")


def test_page_of_one_clause_is_read() -> None:
    (found,) = read_clauses(f"# Title\n\n## VAL\n\n{WELL_FORMED}\n## GRD\n\nProse.\n").values()
    assert (found.id, found.family, found.level) == ("VAL-1", "VAL", "MUST")
    assert (found.title, found.text, found.reason, found.source) == ("A title", "A text.", "Because.", "A paper.")


@pytest.mark.parametrize(
    "change",
    [
        ("MUST", "OUGHT"),
        ("VAL-1", "XYZ-1"),
        ("VAL-1", "VAL-01"),
        ("**Reason.**", "Reason:"),
        ("**Source.** A paper.", ""),
        ("A text.\n\n", ""),
        (": A title", ""),
    ],
    ids=lambda change: change[0].strip(),
)
def test_malformed_clause_is_refused(change: tuple[str, str]) -> None:
    with pytest.raises(SpecificationError, match='is not "### ID LEVEL: title"'):
        read_clauses(WELL_FORMED.replace(*change))


def test_same_number_twice_is_refused() -> None:
    with pytest.raises(SpecificationError, match="clause VAL-1 is there twice"):
        read_clauses(WELL_FORMED * 2)
