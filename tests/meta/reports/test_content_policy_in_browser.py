"""Every page we write, full of hostile texts, served under a strict content policy and under none: nothing runs."""

from __future__ import annotations

import re
import threading
import unicodedata
from dataclasses import replace
from functools import partial
from html import unescape
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag

import numpy as np
import pyarrow as pa
import pytest

import logitproof
from logitproof.errors import EXPECTED, UNEXPECTED
from logitproof.invariance.axes import AXES
from logitproof.invariance.survey import Along, Setting
from logitproof.invariance.text import page_of
from logitproof_reports.html.comparison import write_comparison_page
from logitproof_reports.runs.run_file import write_run
from logitproof_reports.sweep_records.record import write_record
from meta.reports.synthetic_runs import HOSTILE
from meta.robustness.commands_in_process import UNSEEN, command
from meta.robustness.damaged_runs import sound_run
from meta.robustness.hostile_outputs import run_saying
from meta.sweeps.test_atlas import record_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

TEXTS = (
    *(text.replace("window.harmed = true", "window.harmed=true") for text in HOSTILE),
    "javascript:window.harmed=true//<!--",
    " \x01javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    'https://example.org/" onmouseover="window.harmed=true" x=\'',
    "<svg/onload=window.harmed=true><iframe srcdoc='<script>parent.harmed=true</script>'>",
    "</title></style></textarea><base href=//example.org><meta http-equiv=refresh content=0;url=//example.org>",
    "<style>*{background:url(//example.org/x)}</style><link rel=stylesheet href=//example.org/x.css>",
    "<details open ontoggle=window.harmed=true><input autofocus onfocus=window.harmed=true>",
    "}*{background:url(https://example.org/x)} @import '//example.org/x';",
    "\x1b]8;;https://example.org\x07\x1b[2J \u202eto left",
    "__proto__",
)
"""What a page could obey: as markup, in an attribute, as an address, in a script, in a style sheet."""

NAMES = ("<img src=x onerror=window.harmed=true>", "a\u202eb\x1b[2J")
"""What a file may be called."""

STRICT = "img-src 'none'; connect-src 'none'; frame-ancestors 'none'; trusted-types 'none'"
"""Beside what a page's own policy allows. No text may become markup either, not by the page's own script."""

FOREIGN = """() => {
  const loading = "img, iframe, object, embed, base, link, audio, video, form[action]";
  const foreign = (one) => one.matches(loading)
    || [...one.attributes].some((attribute) => attribute.name.startsWith("on"))
    || (one.hasAttribute("href") && !/^(https:|#)/.test(one.getAttribute("href")));
  return [...document.querySelectorAll("*")].filter(foreign).map((one) => one.outerHTML.slice(0, 200));
}"""
"""What no page of ours has: elements that load, handlers as attributes, addresses of another kind than https."""

WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI}: ${event.sample}`));
"""

VISIT = """async (fragments) => {
  for (const fragment of fragments) {
    location.hash = fragment;
    await new Promise((done) => setTimeout(done, 20));
  }
}"""

EVERYTHING = """async () => {
  for (const one of document.querySelectorAll("main .page, main [hidden]")) one.hidden = false;
  for (const one of document.querySelectorAll("details")) one.open = true;
  for (const one of [...document.querySelectorAll(".open-row[aria-expanded=false]")]) one.click();
  for (const one of document.querySelectorAll("a, button, summary, input, td, th, svg *"))
    for (const kind of ["mouseover", "mouseenter", "focus", "pointerdown"]) one.dispatchEvent(new Event(kind));
  await new Promise((done) => setTimeout(done, 100));
}"""
"""Shows and touches all there is."""


def hostile_run() -> Any:
    """Return a run in whose free words every text stands."""
    runs = [run_saying(text) for text in TEXTS]
    said = [one.table.slice(0, 4) for one in runs]  # the others of each are those of the sound run
    environments = [environment for one in runs for environment in one.environments]
    return replace(runs[0], table=pa.concat_tables([*said, sound_run().table.slice(1)]), environments=environments)


def hostile_records() -> Any:
    """Yield records of sweeps in whose free words every text stands."""
    for text in TEXTS:
        record = record_of(text)
        told = {"framework": text, "version": text, "build": {text: text}}
        record.head.update(framework=told, environment={"cpu": text})
        yield record


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of the pages, by the commands that write them."""
    place: Path = tmp_path_factory.mktemp("pages")
    write_run(place / "old.parquet", sound_run())
    write_run(place / "new.parquet", hostile_run())
    for number, record in enumerate(hostile_records()):
        write_record(place / f"{number}.sweep", record)
    logits = np.random.default_rng(5).normal(size=(4, 8))
    for name in NAMES:
        np.savez(place / f"{name}.npz", **{name: logits})
    sides = (f"{NAMES[0]}.npz:{NAMES[0]}", f"{NAMES[1]}.npz:{NAMES[1]}")
    commands = (
        ("report", "new.parquet", "-o", "report.html"),
        ("diff", "old.parquet", "new.parquet", "-o", "diff.html"),
        ("diff", "new.parquet", "old.parquet", "-o", "diff-back.html"),
        ("upgrade", "old.parquet", "new.parquet", "-o", "upgrade"),
        ("history", ".", "-o", "history.html"),
        ("atlas", *(f"{number}.sweep" for number in range(len(TEXTS))), "-o", "atlas.html"),
        ("parity", *sides, "-o", "parity.html"),
    )
    for words in commands:
        ended = command(*words, folder=place)
        assert (ended.fault, ended.status in {EXPECTED, UNEXPECTED}) == ("", True), (words, ended.err)
    settings = tuple(Setting(text, reason=text) for text in TEXTS)
    found = [Along(replace(axis, name=text), settings) for axis, text in zip(AXES.values(), TEXTS, strict=False)]
    write_comparison_page(page_of(found, [(text, text) for text in TEXTS]), place / "invariance.html")
    verdict = logitproof.check(raising, op="softmax", format="float32", widest=8)._repr_html_()
    (place / "notebook.html").write_text(f"<!DOCTYPE html><meta charset=utf-8><title>.</title>{verdict}", "utf-8")
    return place


def raising(_logits: Any) -> Any:
    """Say every text: a kernel of somebody else's."""
    raise ValueError(" ".join(TEXTS))


PAGES = ("report", "diff", "diff-back", "upgrade/diff", "history", "atlas", "parity", "invariance", "notebook")


def own_policy(text: str) -> str:
    """Return the policy that a page has of its own; a part of a notebook has none, and its own style."""
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    return unescape(found[1]) if found else "default-src 'none'; style-src 'unsafe-inline'"


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder and keeps what it was asked for; each page under its own policy and `STRICT`, as a header."""

    def __init__(self, *given: Any, asked: list[str], **options: Any) -> None:
        self.asked = asked
        super().__init__(*given, **options)

    def do_GET(self) -> None:
        """Answer."""
        if self.path == "/favicon.ico":  # the browser's own wish, not the page's
            self.send_response(HTTPStatus.NO_CONTENT)
            self.end_headers()
            return
        self.asked.append(self.path)
        super().do_GET()

    def end_headers(self) -> None:
        """Add the policy."""
        place = Path(self.translate_path(self.path))
        if place.suffix == ".html":
            self.send_header("Content-Security-Policy", f"{own_policy(place.read_text('utf-8'))}; {STRICT}")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve the folder; yield its address and what is asked for."""
    asked: list[str] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder), asked=asked)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def fragments(page: Page) -> list[str]:
    """Return the parts of a page, and hostile texts where its script reads what it is to show."""
    parts = page.locator(".top nav a").evaluate_all("(links) => links.map((one) => one.hash)")
    asked = [f"#{name}?{text}" for name in ("judgements", "cell", "cells") for text in TEXTS[:4]]
    return [*parts, *asked, f"#explorer?format={TEXTS[0]}&label={TEXTS[0]}&logits={TEXTS[2]},1"]


@pytest.mark.parametrize("policy", ["strict", "none"])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_runs_and_nothing_is_asked_for(
    name: str, policy: str, browser: Browser, served: tuple[str, list[str]]
) -> None:
    address, asked = served
    asked.clear()
    context = browser.new_context(bypass_csp=policy == "none")
    page = context.new_page()
    events: list[str] = []
    page.on("dialog", lambda dialog: (events.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("popup", lambda popup: events.append(f"window {popup.url}"))
    page.on("download", lambda download: events.append(f"download {download.url}"))
    page.on("console", lambda message: events.append(f"console {message.text}"))
    page.on("pageerror", lambda error: events.append(f"error {error}"))
    page.on("framenavigated", lambda frame: events.append(f"visit {frame.url}"))
    page.add_init_script(WATCH)
    page.goto(f"{address}/{name}.html")
    page.evaluate(VISIT, fragments(page))
    page.evaluate(EVERYTHING)
    assert page.evaluate("[window.harmed, ...violations]") == [None]
    assert {urldefrag(event).url for event in events} == {f"visit {address}/{name}.html"}
    assert asked == [f"/{name}.html"]
    assert page.evaluate(FOREIGN) == []
    shown = page.evaluate("document.documentElement.innerText + document.title")
    assert not {char for char in shown if unicodedata.category(char) in UNSEEN} - set("\n\t")
    assert name == "notebook" or "window.harmed=true" in shown
    context.close()
