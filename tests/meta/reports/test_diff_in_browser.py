"""The page of a diff in Chromium: quiet, offline, folded, filtered, linked, and unharmed by what it shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from logitproof_reports.diff.classes import RANK
from logitproof_reports.diff.compare import diff
from logitproof_reports.diff.report import report_of
from logitproof_reports.diff.ruling import rule
from logitproof_reports.diff.write import write_diff_page
from meta.reports.synthetic_runs import hundred_thousand, three_frameworks
from meta.reports.test_diff import distinctly_hostile, spoiled

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from playwright.sync_api import Browser, Page

    Opened = Callable[..., AbstractContextManager[Page]]

BROKEN_WORDS = Path(__file__).with_name("broken_words.js").read_text(encoding="utf-8")
OPEN = """() => {
  for (const one of document.querySelectorAll("main details")) one.open = true;
  for (const one of [...document.querySelectorAll(".open-row[aria-expanded=false]")].slice(0, 4)) one.click();
}"""
RUNS = {"ordinary": three_frameworks, "hostile": distinctly_hostile, "large": hundred_thousand}
READY = "#table:not([hidden])"
COUNT = "#count"
expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("diffs")
    for name, make in RUNS.items():
        run = make()
        found = diff(run, spoiled(run))
        write_diff_page(report_of(found, rule(found)), folder / f"{name}.html")
    return {name: (folder / f"{name}.html").as_uri() for name in RUNS}


@pytest.fixture(scope="module")
def shown(opened: Opened, addresses: dict[str, str]) -> Opened:
    """Open the page of one of `RUNS` by name, as `opened` does."""

    def show(name: str, fragment: str = "", **options: Any) -> AbstractContextManager[Page]:
        return opened(addresses[name], fragment, ready=READY, **options)

    return show


@pytest.mark.parametrize("name", RUNS)
def test_the_page_asks_for_nothing_and_complains_of_nothing(name: str, shown: Opened) -> None:
    with shown(name) as page:
        assert "hidden" in page.inner_text(COUNT)
        assert page.evaluate("window.harmed") is None


def test_what_is_identical_is_folded_away_until_it_is_asked_for(shown: Opened) -> None:
    number = three_frameworks().table.num_rows
    with shown("ordinary") as page:
        folded = page.inner_text(COUNT)
        page.uncheck("#fold")
        assert page.inner_text(COUNT) == f"{number} of {number} judgements" != folded
        page.check("#fold")
        page.fill("#filter", "class:identical")
        page.press("#filter", "Enter")
        assert not page.inner_text(COUNT).startswith("0 ")


def test_the_filter_keeps_what_it_names(shown: Opened) -> None:
    run = three_frameworks()
    found = diff(run, spoiled(run))
    with shown("ordinary") as page:
        page.fill("#filter", "class:newly_failing framework:jax format:float32")
        page.press("#filter", "Enter")
        columns = [found.words(name) for name in ("adapter", "format")]
        due = found.rank == RANK["newly failing"]
        for column, word in zip(columns, ("jax", "float32"), strict=True):
            due = due & column.is_word(word)
        assert page.inner_text(COUNT).startswith(f"{due.sum()} of ")


def test_a_link_opens_the_filter_it_names_and_a_row_shows_both_sides(shown: Opened) -> None:
    with shown("ordinary", "#judgements?class:newly_failing%20framework:jax") as page:
        assert page.input_value("#filter") == "class:newly_failing framework:jax"
        page.click("#rows .open-row >> nth=0")
        details = page.inner_text("#rows tr.details")
        assert all(word in details for word in ("before", "after", "observed, hex", "0x1."))
        run = three_frameworks()
        assert page.inner_text("#rows tr.details .id").partition("/")[0] in set(run.table["cell"].to_pylist())


def test_the_findings_stand_worst_first_and_lead_to_their_rows(shown: Opened) -> None:
    with shown("ordinary") as page:
        page.click(".finding[open] .where a")
        expect(page.locator("#filter")).to_have_value(re.compile("^class:newly_failing "))
        assert page.locator("svg.field circle").count() > 0


@pytest.mark.parametrize(("width", "height"), [(320, 640), (1280, 500)])
def test_what_blocks_stands_on_the_first_screen(width: int, height: int, shown: Opened) -> None:
    with shown("ordinary") as page:
        page.set_viewport_size({"width": width, "height": height})
        blocking = page.locator(".gate + .lines > li").first
        assert page.locator(".gate").first.inner_text().startswith("Blocks the upgrade")
        assert "newly failing" in blocking.inner_text()
        place = blocking.locator("b").bounding_box()
        assert place is not None
        assert place["y"] + place["height"] <= height


def test_no_word_is_broken_and_nothing_overflows_with_rows_open(shown: Opened) -> None:
    with shown("ordinary") as page:
        page.evaluate(OPEN)
        for width in (320, 768, 1280, 3840):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(BROKEN_WORDS) == [], width


def test_axe_finds_nothing(browser: Browser, addresses: dict[str, str]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = browser.new_page(color_scheme="light", bypass_csp=True)
    page.goto(addresses["ordinary"])
    page.wait_for_selector(READY)
    page.evaluate(OPEN)
    found = axe.Axe().run(page).response["violations"]
    page.close()
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
