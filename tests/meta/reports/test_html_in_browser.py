"""The HTML report in Chromium: quiet, offline, filtered, linked, copied, and unharmed by what it shows."""

from __future__ import annotations

import csv
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_conformance.plan.training import training_cases
from logitproof_conformance.training.judging import judge_training
from logitproof_reports.report.write import write_report
from logitproof_reports.runs.run_file import merge
from logitproof_reports.runs.schema import Run, table_of
from logitproof_reports.words.text import escape_control_chars
from meta.reports.synthetic_runs import HOSTILE, environment_of, green, hostile, hundred_thousand, three_frameworks

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from playwright.sync_api import Browser, Page

    Opened = Callable[..., AbstractContextManager[Page]]


def trained() -> Run:
    """Return a run with something on every page: with trainings, and with two documented dialects."""
    adapter = NumpyAdapter()
    (case,) = training_cases(adapter, "quick")
    dialects = [
        {
            "op": "softmax_cross_entropy",
            "labels": labels,
            "documentation": "https://example.org",
            "reduction": reduction,
        }
        for labels, reduction in (("indices", "mean"), ("distributions", "none"))
    ]
    ordinary = three_frameworks()
    environment = environment_of("numpy", "2.4.0", dialects=dialects)
    return merge(
        [ordinary, Run(table_of(judge_training(adapter, case, "quick")), [environment], "quick", ordinary.case_set)]
    )


expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

RUNS = {"ordinary": three_frameworks, "green": green, "hostile": hostile, "large": hundred_thousand, "trained": trained}
BROKEN_WORDS = Path(__file__).with_name("broken_words.js").read_text(encoding="utf-8")
READY = "#table:not([hidden])"
COUNT = "#count"
ROWS = "#rows tbody tr.row"


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("reports")
    for name, make in RUNS.items():
        write_report(make(), folder / f"{name}.html")
    return {name: (folder / f"{name}.html").as_uri() for name in RUNS}


@pytest.fixture(scope="module")
def shown(opened: Opened, addresses: dict[str, str]) -> Opened:
    """Open the page of one of `RUNS` by name, as `opened` does."""

    def show(name: str, fragment: str = "", *, ready: str = READY, **options: Any) -> AbstractContextManager[Page]:
        return opened(addresses[name], fragment, ready=ready, **options)

    return show


def filtered(page: Page, text: str) -> str:
    """Type a filter, and return the line that counts what it matches."""
    page.fill("#filter", text)
    page.press("#filter", "Enter")
    return page.inner_text(COUNT)


@pytest.mark.parametrize("name", RUNS)
def test_the_page_asks_for_nothing_and_complains_of_nothing(name: str, shown: Opened) -> None:
    with shown(name) as page:
        page.evaluate("new Promise(done => requestIdleCallback(() => done()))")
        assert re.match(r"[\d,]+ of [\d,]+ judgements", page.inner_text(COUNT))


def count_of(shown: list[dict[str, Any]], records: list[dict[str, Any]]) -> str:
    """Return the line that counts these of all records; what is not offered is no judgement."""
    judged, every = (sum(one["verdict"] != "unsupported" for one in some) for some in (shown, records))
    beside = f"; {len(shown) - judged} not offered" if len(shown) > judged else ""
    return f"{judged} of {every} judgements{beside}"


FILTERS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "": lambda _row: True,
    "framework:jax format:bfloat16 verdict:deviates": lambda row: (
        row["adapter"] == "jax" and row["format"] == "bfloat16" and row["verdict"] == "deviates"
    ),
    "verdict:known": lambda row: bool(row["deviation"]),
    "verdict:unsupported": lambda row: row["verdict"] == "unsupported",
    "clause:EXT": lambda row: row["clause"].startswith("EXT-"),
    "clause:EXT-1,VAL-2": lambda row: row["clause"] in {"EXT-1", "VAL-2"},
    "-framework:jax,torch": lambda row: row["adapter"] == "tensorflow",
    "cross_entropy grad_labels": lambda row: row["quantity"] == "grad_labels",
    "slack>1": lambda row: row["slack"] > 1,
    "slack>=inf": lambda row: row["slack"] == float("inf"),
    'regime:"masked_label"': lambda row: row["regime"] == "masked_label",
}


@pytest.mark.parametrize("text", FILTERS)
def test_the_filter_keeps_what_it_names(text: str, shown: Opened) -> None:
    records = three_frameworks().table.to_pylist()
    due = list(filter(FILTERS[text], records))
    with shown("ordinary", "#judgements") as page:
        assert filtered(page, text) == count_of(due, records)
        assert page.locator(ROWS).count() == min(len(due), 100)


def test_a_filter_on_a_column_that_is_not_there_says_which_are(shown: Opened) -> None:
    with shown("ordinary", "#judgements") as page:
        assert filtered(page, "colour:blue").startswith(
            "there is no column colour; the columns are framework, mode, op"
        )


def test_a_deep_link_opens_its_filter_and_typing_makes_one(shown: Opened) -> None:
    with shown("ordinary", "#judgements?framework:tensorflow%20verdict:known") as page:
        assert page.input_value("#filter") == "framework:tensorflow verdict:known"
        assert page.inner_text(COUNT) == "8 of 960 judgements"
        assert page.locator("#filter").bounding_box()["y"] < 900
        filtered(page, "clause:VAL framework:jax")
        assert page.url.endswith("#judgements?clause:VAL%20framework:jax")


def test_a_field_of_the_matrix_leads_to_its_judgements_worst_first(shown: Opened) -> None:
    with shown("ordinary", color_scheme="light") as page:
        page.click(".matrix td.deviates a")
        expect(page.locator(COUNT)).to_have_text("40 of 960 judgements")
        assert "deviates" in page.locator(ROWS).first.inner_text()
        page.go_back()
        assert "?" not in page.url


def test_a_row_unfolds_by_keyboard_into_inputs_and_repro(shown: Opened) -> None:
    with shown("ordinary", "#judgements?framework:jax%20verdict:deviates%20op:softmax%20mode:eager") as page:
        opener = page.locator("#rows .open-row").first
        assert opener.get_attribute("aria-expanded") == "true", "a single match is unfolded at once"
        text = page.inner_text("#rows tr.details")
        assert "0.25 (0x1.0000000000000p-2)" in text
        assert "import jax" in text
        opener.press("Enter")
        assert opener.get_attribute("aria-expanded") == "false"
        assert page.locator("#rows tr.details").count() == 0


def test_a_row_without_details_names_the_command_that_prints_them(shown: Opened) -> None:
    with shown("large", "#judgements?verdict:conforms%20slack%3C0.001") as page:
        page.locator("#rows .open-row").last.click()
        assert "logitproof explain " in page.inner_text("#rows tr.details code")


def test_columns_sort_by_size_and_say_so(shown: Opened) -> None:
    with shown("ordinary", "#judgements?verdict:conforms") as page:
        slack = page.locator("#rows th", has_text="error / bound")
        slack.locator("button").click()
        assert slack.get_attribute("aria-sort") == "descending"
        shown = [float(text) for text in page.locator(f"{ROWS} td[data-label='error / bound']").all_inner_texts()]
        assert len(shown) == 100
        assert shown == sorted(shown, reverse=True)
        slack.locator("button").press("Enter")
        assert slack.get_attribute("aria-sort") == "ascending"
        assert float(page.locator(f"{ROWS} td[data-label='error / bound']").first.inner_text()) < shown[-1]
        page.locator("#rows th", has_text="framework").locator("button").click()
        assert page.locator("#rows th[aria-sort]").count() == 1
        assert page.locator(f"{ROWS} td[data-label=framework]").first.inner_text() == "jax"


def test_more_rows_come_on_demand(shown: Opened) -> None:
    with shown("ordinary", "#judgements") as page:
        assert page.locator(ROWS).count() == 100
        page.click("#more")
        assert page.locator(ROWS).count() == 200


def test_the_slash_key_jumps_to_the_filter(shown: Opened) -> None:
    with shown("ordinary") as page:
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "filter"
        page.keyboard.type("a/b")
        assert page.input_value("#filter") == "a/b"


CLIPBOARDS = {
    "clipboard": "",
    "older way": "Object.defineProperty(navigator, 'clipboard', {value: undefined})",
}


@pytest.mark.parametrize("way", CLIPBOARDS)
def test_the_copy_button_copies_the_repro_whole(way: str, shown: Opened) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    with shown("ordinary", "#findings", script=CLIPBOARDS[way], permissions=permissions) as page:
        page.locator(".finding.deviates summary").first.click()
        block = page.locator(".finding.deviates .code").first
        block.locator(".copy").click()
        expect(page.locator("#announcement")).to_have_text("Copied")
        page.evaluate("document.body.append(Object.assign(document.createElement('textarea'), {id: 'paste'}))")
        page.focus("#paste")
        page.keyboard.press("Control+V")
        assert page.input_value("#paste") == block.locator("code").text_content()
        assert page.input_value("#paste").startswith("import jax\n")


def test_without_script_the_summaries_stand(shown: Opened) -> None:
    with shown("ordinary", ready="#verdict", java_script_enabled=False) as page:
        for text in (
            "14 new failures",
            "the label, or a part of it",
            "the gradient multiplies 0 by infinity",
        ):
            assert page.get_by_text(text).first.is_visible()
        assert [notice.is_visible() for notice in page.locator("noscript p").all()] == [True] * 4
        assert page.locator(".matrix tr:not(.mode) td a").count() == 48
        assert page.locator(".finding").count() == 10
        assert not page.locator("#table").is_visible()
        assert not page.locator(".copy").first.is_visible()


def test_hostile_text_does_nothing(shown: Opened) -> None:
    with shown("hostile") as page:
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        page.evaluate("for (const one of document.querySelectorAll('#rows .open-row')) one.click()")
        assert page.evaluate("window.harmed") is None
        assert page.locator("main img, main script").count() == 0
        assert page.locator("#rows tr.details").count() == 35


def test_links_to_hostile_names_find_them(shown: Opened) -> None:
    with shown("hostile") as page:
        links = page.locator(".card h2 a")
        assert links.count() == len(HOSTILE) + 1
        for place in range(links.count()):
            page.evaluate("location.hash = '#verdict'")
            link = links.nth(place)
            name = link.inner_text()
            link.click()
            searched = unquote(str(link.get_attribute("href")).partition("?")[2])
            expect(page.locator("#filter")).to_have_value(searched)
            shown = set(page.locator(f"{ROWS} td[data-label=framework]").all_inner_texts())
            assert {" ".join(text.split()) for text in shown} == {" ".join(name.split())}
            assert name == escape_control_chars(name)


def test_the_policy_stops_foreign_script_and_network(browser: Browser, addresses: dict[str, str]) -> None:
    page = browser.new_page()
    page.goto(addresses["green"])
    page.wait_for_selector(READY, state="attached")
    page.evaluate(
        """() => {
            const script = document.createElement('script');
            script.textContent = 'window.harmed = true';
            document.body.append(script);
        }"""
    )
    assert page.evaluate("window.harmed") is None
    assert page.evaluate("fetch('data:text/plain,x').then(() => 'loaded', () => 'refused')") == "refused"
    page.close()


@pytest.mark.parametrize("name", ["trained", "hostile"])
def test_no_page_overflows_the_window_at_any_width(name: str, shown: Opened) -> None:
    with shown(name, "#judgements?-verdict:conforms", color_scheme="light") as page:
        page.evaluate(EVERYTHING)
        for width in (320, 390, 768, 1400, 3840):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width


OPEN = """() => {
  for (const one of document.querySelectorAll("main details")) one.open = true;
  for (const one of [...document.querySelectorAll(".open-row[aria-expanded=false]")].slice(0, 8)) one.click();
}"""
PAGES = (
    *("verdict", "findings", "accuracy", "extremes", "dialects", "training", "claims", "judgements", "cell"),
    *("explorer", "specification", "certificate", "environment", "reading"),
)


@pytest.mark.parametrize("width", [320, 800, 1280, 1920, 3840])
def test_no_word_is_broken_and_nothing_overflows_with_rows_open(width: int, shown: Opened) -> None:
    with shown("trained", color_scheme="light", viewport={"width": width, "height": 900}) as page:
        listed = page.locator(".top nav a").evaluate_all("(links) => links.map((one) => one.hash.slice(1))")
        assert tuple(listed) == PAGES
        for name in PAGES:
            page.evaluate(f"location.hash = '#{name}'")
            page.wait_for_function(f"!document.getElementById('{name}').closest('.page').hidden")
            page.evaluate(OPEN)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            assert page.evaluate(BROKEN_WORDS) == [], name


def test_frameworks_stand_side_by_side_on_the_same_rows(shown: Opened) -> None:
    with shown("ordinary", "#judgements?framework:jax%20verdict:deviates%20op:softmax%20mode:eager") as page:
        lines = page.locator("#rows tr.details .alike tbody tr")
        assert lines.locator("th").all_inner_texts() == [
            *("jax compiled", "jax eager (this one)", "tensorflow compiled", "tensorflow eager"),
            *("torch compiled", "torch eager"),
        ]
        assert "deviates" in lines.nth(1).inner_text()
        assert "conforms" in lines.nth(2).inner_text()
        assert "0.25 (0x1.0000000000000p-2), exact 1" in lines.nth(1).inner_text()


def test_what_is_saved_is_whole_and_can_be_compared(shown: Opened, tmp_path: Path) -> None:
    total = three_frameworks().table.num_rows
    with shown("ordinary", "#judgements") as page:
        filtered(page, "")
        with page.expect_download() as saved:
            page.click("#exports button[value=csv]")
        saved.value.save_as(tmp_path / "all.csv")
        with (tmp_path / "all.csv").open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        assert len(lines) == total
        with page.expect_download() as saved:
            page.click("#exports button[value=json]")
        saved.value.save_as(tmp_path / "all.json")
        records = json.loads((tmp_path / "all.json").read_text("utf-8"))
        assert records == lines
        assert sum(record["verdict"] == "deviates" for record in records) == 10
        for record in records[:3]:
            record["verdict"] = "conforms"
        records[-1]["slack"] = "0"
        (tmp_path / "before.json").write_text(json.dumps(records[:-2] + records[-1:]))
        page.click("#compare summary")
        page.set_input_files("#other-run", tmp_path / "before.json")
        expect(page.locator("#compared dl")).to_be_visible()
        counted = dict(zip(*(page.locator(f"#compared {tag}").all_inner_texts() for tag in ("dt", "dd")), strict=True))
        assert counted["worse verdict"] == "3"
        assert counted["in this run alone"] == "1"
        page.locator("#compared a").first.click()
        expect(page.locator(COUNT)).to_have_text("1 of 960 judgements")
        (tmp_path / "none.json").write_text("[{}]")
        page.set_input_files("#other-run", tmp_path / "none.json")
        expect(page.locator("#compared .warning")).to_contain_text("This file holds no judgements")


def test_dark_and_light_follow_the_system_and_the_button(shown: Opened) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with shown("ordinary", color_scheme="dark") as page:
        dark = page.evaluate(ground)
        page.click("#theme")
        assert page.inner_text("#theme span:last-child") == "light"
        light = page.evaluate(ground)
        page.click("#theme")
        assert page.evaluate(ground) == dark != light


def test_every_control_has_a_name_and_every_region_a_label(shown: Opened) -> None:
    with shown("ordinary") as page:
        nameless = page.evaluate(
            """[...document.querySelectorAll('a, button, summary, input, [role=region]')].filter((one) =>
                !(one.ariaLabel || one.textContent.trim() || (one.labels && one.labels.length))).length"""
        )
        assert nameless == 0
        headings = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))")
        assert headings[0] == 1
        assert all(later - earlier <= 1 for earlier, later in pairwise(headings))
        assert page.locator("h1").count() == 1


def test_on_paper_the_summaries_stand_alone(shown: Opened) -> None:
    with shown("ordinary") as page:
        page.emulate_media(media="print")
        assert page.locator(".matrix").is_visible()
        assert page.locator("details.finding").first.is_visible()
        for hidden in ("#table", "header.top", "#accuracy", "#finding-filter"):
            assert not page.locator(hidden).is_visible()
        page.set_viewport_size({"width": 1050, "height": 740})  # A4 across, within its margins
        assert page.evaluate("document.documentElement.scrollWidth") <= 1050


TOO_OLD = "delete window.DecompressionStream"


def test_a_browser_that_cannot_unpack_says_so_and_shows_the_rest(shown: Opened) -> None:
    with shown("large", script=TOO_OLD, ready="#table-fault:not([hidden])") as page:
        assert "DecompressionStream" in page.inner_text("#table-fault")
        assert page.locator(".matrix").is_visible()


def test_a_hundred_thousand_judgements_show_and_are_filtered(shown: Opened) -> None:
    records = hundred_thousand().table.to_pylist()
    # The page holds three digits of a slack.
    expected = sum(row["adapter"] == "torch" and float(f"{row['slack']:.3g}") > 0.5 for row in records)
    with shown("large", "#judgements?") as page:
        assert page.inner_text(COUNT) == "100,000 of 100,000 judgements"
        assert filtered(page, "framework:torch slack>0.5") == f"{expected:,} of 100,000 judgements"


EVERYTHING = "for (const one of document.querySelectorAll('.page, details')) one.hidden = !(one.open = true)"
"""Shows all pages one below the other, everything unfolded."""


@pytest.mark.parametrize(("scheme", "rules"), [("light", []), ("dark", ["color-contrast"])])
def test_axe_finds_nothing_on_any_page(
    scheme: str, rules: list[str], browser: Browser, addresses: dict[str, str]
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = browser.new_page(color_scheme=scheme, bypass_csp=True)
    page.goto(addresses["trained"] + "#judgements?verdict:crashed,concern")
    page.wait_for_selector(READY, state="attached")
    page.evaluate("for (const one of [...document.querySelectorAll('.open-row')].slice(0, 3)) one.click()")
    page.evaluate(EVERYTHING)
    found = axe.Axe().run(page, options={"runOnly": rules} if rules else None).response["violations"]
    page.close()
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
