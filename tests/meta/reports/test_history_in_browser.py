"""The page of a history in Chromium: quiet, linked, filtered, narrow, dark, and unharmed by what it shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from logitproof_reports.history.page import write_history_page
from meta.reports.synthetic_runs import hostile, run_of
from meta.reports.test_history import conforming_cells, told, versioned, with_bits_in, with_deviations_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from playwright.sync_api import Browser, Page

    from logitproof_reports.history.compute import History

    Shown = Callable[..., AbstractContextManager[Page]]

READY = "#table:not([hidden])"
BROKEN_WORDS = Path(__file__).with_name("broken_words.js").read_text(encoding="utf-8")
expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect


def ordinary() -> History:
    base = run_of("jax")
    other = with_bits_in(base, conforming_cells(base, 5))
    worse = with_deviations_in(other, conforming_cells(base, 2))
    return told(versioned(base, "0.9.0"), versioned(other, "0.10.0"), versioned(worse, "0.11.0"), run_of("torch"))


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("histories")
    histories = {"ordinary": ordinary(), "hostile": told(hostile())}
    for name, history in histories.items():
        write_history_page(history, folder / f"{name}.html")
    return {name: (folder / f"{name}.html").as_uri() for name in histories}


@pytest.fixture(scope="module")
def shown(opened: Callable[..., Any], addresses: dict[str, str]) -> Shown:
    def show(name: str, fragment: str = "", **options: Any) -> AbstractContextManager[Page]:
        return opened(addresses[name], fragment, ready=READY, **options)

    return show


def test_a_number_in_the_table_leads_to_its_cells_and_their_stories(shown: Shown) -> None:
    with shown("ordinary") as page:
        page.get_by_role("link", name="5", exact=True).click()
        expect(page.locator("#filter")).to_have_value('framework:"jax" "bits in release 2;"')
        assert page.inner_text("#count").startswith("5 of ")
        page.fill("#filter", "verdict")
        page.press("#filter", "Enter")
        assert page.inner_text("#count").startswith("2 of ")
        story = page.locator(".story").first.locator(".unseen").all_inner_texts()
        assert story == [
            "0.9.0, conforms",
            "0.10.0, conforms, bits changed",
            "0.11.0, deviates, verdict changed",
        ]
        assert page.url.endswith("#cells?verdict")


def test_hostile_names_do_nothing_and_no_window_is_too_narrow(shown: Shown) -> None:
    for name in ("ordinary", "hostile"):
        with shown(name) as page:
            assert page.evaluate("window.harmed") is None
            assert page.locator("main img, main script").count() == 0
            for width in (320, 768, 3840):
                page.set_viewport_size({"width": width, "height": 900})
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                assert name == "hostile" or page.evaluate(BROKEN_WORDS) == []


def test_without_script_the_releases_stand(opened: Callable[..., Any], addresses: dict[str, str]) -> None:
    with opened(addresses["ordinary"], ready="#history", java_script_enabled=False) as page:
        assert page.locator(".releases tbody tr").count() == 4
        assert page.locator("noscript p").first.is_visible()
        assert not page.locator("#table").is_visible()


def test_axe_finds_nothing(browser: Browser, addresses: dict[str, str]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = browser.new_page(color_scheme="dark", bypass_csp=True)
    page.goto(addresses["ordinary"])
    page.wait_for_selector(READY)
    found = axe.Axe().run(page).response["violations"]
    page.close()
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


def test_what_is_saved_has_every_cell(shown: Shown, tmp_path: Path) -> None:
    with shown("ordinary", "#cells") as page:
        page.fill("#filter", "format:float32")
        page.press("#filter", "Enter")
        count = int(page.inner_text("#count").partition(" ")[0])
        with page.expect_download() as saved:
            page.click("#exports button[value=json]")
        saved.value.save_as(tmp_path / "cells.json")
        records = json.loads((tmp_path / "cells.json").read_text("utf-8"))
        assert len(records) == count > 0
        assert {record["format"] for record in records} == {"float32"}
