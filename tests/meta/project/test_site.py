"""The static site: every page of the docs and every bug report, links that lead somewhere, nothing from elsewhere."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[3]
BROKEN_WORDS = (Path(__file__).parents[1] / "reports" / "broken_words.js").read_text("utf-8")
# In running text an address or a path is spelled for machines, and may be broken anywhere.
BROKEN_WORDS = BROKEN_WORDS.replace("pre, ", "pre, :is(p, li, h1, h2, h3) :is(a, code), ", 1)


def builder() -> Any:
    pytest.importorskip("markdown_it")
    spec = spec_from_file_location("build_site", ROOT / "docs" / "build_site.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["build_site"] = module
    spec.loader.exec_module(module)
    return module


class Parts(HTMLParser):
    """The links of a page, what it loads, its anchors and its title."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors |= {found["id"] or ""} if "id" in found else set()
        if tag == "a":
            self.links.append(found.get("href") or "")
        elif address := found.get("src") or (found.get("href") if tag == "link" else None):
            self.loaded.append(address)
        assert tag != "script"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("site")
    builder().build(folder)
    return folder


def test_every_page_is_there_and_every_link_leads_somewhere(site: Path) -> None:
    pages = {path: Parts(path.read_text("utf-8")) for path in site.rglob("*.html")}
    for source in [*ROOT.glob("docs/*.md"), *ROOT.glob("reports/findings/*.md")]:
        assert site / source.relative_to(ROOT).with_suffix(".html") in pages
    for path, parts in pages.items():
        for address in parts.loaded:
            assert (path.parent / unquote(address)).is_file(), f"{path}: {address}"
        for link in parts.links:
            name, _, fragment = link.partition("#")
            if "://" in name or name.startswith("mailto:"):
                continue
            target = (path.parent / unquote(name)).resolve() if name else path
            assert target in pages or target.is_file(), f"{path}: {link}"
            if fragment and not name.endswith("report.html"):
                assert fragment in pages[target].anchors, f"{path}: {link}"


def test_every_page_has_a_title_of_its_own(site: Path) -> None:
    titles = [path.read_text("utf-8").partition("<title>")[2].partition("</title>")[0] for path in site.rglob("*.html")]
    assert all(titles)
    assert len(set(titles)) == len(titles)


def test_a_link_that_leads_nowhere_stops_the_build() -> None:
    module = builder()
    with pytest.raises(module.BrokenLink, match=r"docs/index\.md links to nowhere\.md"):
        module.from_markdown("docs/index.md", "# A page\n\n[lost](nowhere.md)\n", "docs")


def test_no_page_overflows_and_axe_finds_nothing(browser: Browser, site: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = browser.new_page(color_scheme="light")
    for name in (
        "index",
        "docs/index",
        "docs/dialects",
        "docs/read-a-verdict",
        "reports/findings/torch-logsumexp-gradient",
    ):
        page.goto((site / f"{name}.html").as_uri())
        found = axe.Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], name
        for width in (320, 1280, 3840):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            assert page.evaluate(BROKEN_WORDS) == [], (name, width)
            title, pages = page.locator("h1").first.bounding_box(), page.locator("nav").bounding_box()
            assert title is not None
            assert pages is not None
            assert title["y"] < 300, "a page begins with its text, on a small screen too"
            assert (pages["y"] > title["y"]) == (width == 320)
    page.close()


def test_every_page_of_the_docs_is_in_the_navigation() -> None:
    listed = {source for sources in builder().NAVIGATION.values() for source in sources}
    assert {str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md")} <= listed
