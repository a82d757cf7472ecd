"""Draw report.png: ``python docs/screenshot.py report.html`` pictures the first page of a report beside this file.

Needs Playwright and a Chromium. The report of README is of torch, jax and optax: ``logitproof report`` of their runs.
"""
# ruff: noqa: INP001 - a script, no package

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 1280, 1220


def main() -> None:
    """Open the report that the command line names, and save what a reader sees first."""
    (report,) = sys.argv[1:]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(Path(report).resolve().as_uri())
        page.wait_for_selector("#table:not([hidden])", state="attached")
        page.screenshot(path=Path(__file__).with_name("report.png"))
        browser.close()


if __name__ == "__main__":
    main()
