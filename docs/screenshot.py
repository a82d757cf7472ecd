"""Draw the pictures of README and docs/upgrade.md: ``python docs/screenshot.py report.html diff.html``.

The report is one of torch, jax and optax, the diff one of optax 0.2.4 and 0.2.6: `nox -s pictures` makes both, and runs
this. Needs Playwright and a Chromium.
"""
# ruff: noqa: INP001 - a script, no package

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOLDER = Path(__file__).parent
READY = "#table:not([hidden])"


def opened(browser: Browser, page: str, height: int) -> Page:
    """Return a page as a reader sees it first."""
    made = browser.new_page(viewport={"width": 1280, "height": height}, color_scheme="light")
    made.goto(Path(page).resolve().as_uri())
    made.wait_for_selector(READY, state="attached")
    return made


def main() -> None:
    """Open the two pages that the command line names, and save what the documentation shows of them."""
    report, diff = sys.argv[1:]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        opened(browser, report, 1220).screenshot(path=FOLDER / "report.png")
        page = opened(browser, diff, 2600)  # as tall as the finding: a header that stays would cover it
        page.locator("#findings details.finding").first.screenshot(path=FOLDER / "upgrade/finding.png")
        page.locator("#picture svg").screenshot(path=FOLDER / "upgrade/field.png")
        browser.close()


if __name__ == "__main__":
    main()
