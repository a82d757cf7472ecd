"""One Chromium for all tests that look at pages, and a way to open a page that holds it to being quiet."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
"""A worker a processor runs the tests: a second thread of NumPy's products takes time from another worker, and, as it
waits by spinning, several times as much of it as the products themselves."""

from logitproof_reference.answers.answers import shared_answers  # noqa: E402  it imports NumPy
from logitproof_reference.answers.cache_folder import ANSWERS_VARIABLE, OFF  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

os.environ[ANSWERS_VARIABLE] = OFF
"""Tests that alter oracle or bounds leave no answers behind, and none finds what another run left."""

shared_answers().in_memory = 384 << 20
"""Bytes a worker: hundreds of mutants are asked the same rows, whose answers were computed five times each in less."""

collect_ignore = ["kernels/every_torch.py", "kernels/torch_parts.py"]
collect_ignore_glob = ["kernels/of_jax*.py", "kernels/of_torch*.py"]
"""Kernels of frameworks that the tests do without: `meta.kernels.measure` takes them where they are installed."""

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
VIEWPORT = {"width": 1280, "height": 720}
PATIENCE = 120_000
"""Milliseconds after which a page hangs; on a machine with nothing else to do it takes a hundredth."""


@dataclass
class Tab:
    """An open page, and what it asked for or complained of since it was last looked at."""

    page: Page
    noise: list[str] = field(default_factory=list)


FOLLOW = """fragment => new Promise((done) => {
    if (location.hash === fragment) return done();
    addEventListener("hashchange", () => setTimeout(done), { once: true });
    location.hash = fragment;
})"""
"""Go to a fragment, and wait until the page has heard of it: an event that comes late would undo what a test does."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium once; tests that need it are skipped where it is missing."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    sync_api.expect.set_options(timeout=PATIENCE)
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def opened(browser: Browser) -> Callable[..., Any]:
    """Open a page by its address and, at the end, hold that it asked for nothing and complained of nothing.

    Without options an address that was opened before is only sent to the fragment; with some it gets a context of its
    own, in which `script` runs before the page's own.
    """
    tabs: dict[str, Tab] = {}

    @contextmanager
    def open_page(address: str, fragment: str = "", *, ready: str, script: str = "", **options: Any) -> Any:
        shared = not options and not script
        tab = tabs.get(address) if shared else None
        if tab is None:
            tab = _loaded(browser, address, fragment, script, options)
            if shared:
                tabs[address] = tab
        else:
            tab.page.evaluate(FOLLOW, fragment)
        tab.page.wait_for_selector(ready, state="attached")
        yield tab.page
        assert tab.noise == []
        if shared:
            tab.page.emulate_media(media="screen")
            tab.page.set_viewport_size(VIEWPORT)
            tab.page.evaluate(FOLLOW, "#left")
        else:
            tab.page.context.close()

    return open_page


def _loaded(browser: Browser, address: str, fragment: str, script: str, options: dict[str, Any]) -> Tab:
    tab = Tab(browser.new_context(**{"viewport": VIEWPORT, **options}).new_page())
    tab.page.set_default_timeout(PATIENCE)
    tab.page.on("request", lambda request: tab.noise.append(request.url))
    tab.page.on("console", lambda message: tab.noise.append(message.text))
    tab.page.on("pageerror", lambda error: tab.noise.append(str(error)))
    if script:
        tab.page.add_init_script(script)
    tab.page.goto(address + fragment)
    assert tab.noise.pop(0) == address
    return tab
