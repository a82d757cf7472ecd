"""What docs/ shows is true: its programs run, its pictures are the oracle's, its links lead somewhere."""

from __future__ import annotations

import doctest
import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGES = [DOCS.parent / "README.md", *sorted(DOCS.glob("*.md"))]
TEMPLATES = DOCS.parent / "reports" / "logitproof_reports" / "html" / "templates"


def pictures() -> dict[str, Any]:
    spec = spec_from_file_location("pictures", DOCS / "pictures.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["pictures"] = module
    spec.loader.exec_module(module)
    drawn: dict[str, Any] = module.PICTURES
    return drawn


PICTURES = pictures()


def test_the_programs_of_the_page_print_what_they_say() -> None:
    failed, attempted = doctest.testfile(str(DOCS / "logits-to-loss.md"), module_relative=False)
    assert attempted > 20
    assert failed == 0


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_the_oracle_draws(name: str) -> None:
    stored = (DOCS / name).read_text("utf-8")
    assert stored == PICTURES[name](), "run: python docs/pictures.py"
    assert ET.fromstring(stored).find("{http://www.w3.org/2000/svg}title") is not None  # noqa: S314 - our own file


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#([^)]+))?\)", page.read_text("utf-8"))
    local = [(link, anchor) for link, anchor in links if "://" not in link]
    missing = [link for link, _ in local if not link.startswith("../runs/") and not (page.parent / link).exists()]
    assert missing == []
    anchors = {anchor for link, anchor in local if link.startswith("../runs/report.html") and anchor}
    offered = set(re.findall(r'id="([^"]+)"', "".join(path.read_text("utf-8") for path in TEMPLATES.rglob("*.j2"))))
    assert anchors <= offered


def test_the_index_leads_to_every_page() -> None:
    index = (DOCS / "index.md").read_text("utf-8")
    assert {page.name for page in DOCS.glob("*.md")} - {"index.md"} <= set(re.findall(r"\]\(([\w-]+\.md)\)", index))


def test_every_picture_is_shown() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+\.svg)\)", (DOCS / "logits-to-loss.md").read_text("utf-8"))
    assert sorted(shown) == sorted(PICTURES)
