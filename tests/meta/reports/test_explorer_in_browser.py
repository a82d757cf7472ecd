"""The explorer in Chromium: every digit is the oracle's, in every format, however the row was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof_reference import grad_logits, softmax, softmax_cross_entropy
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reports.report.write import write_report
from meta.reports.synthetic_runs import green, three_frameworks

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray
    from playwright.sync_api import Page

    Explore = Callable[..., AbstractContextManager[Page]]

ROUNDED = ("float32", "bfloat16", "float16")
"""The formats that the explorer shows beside the exact answer."""

ROWS = 70
"""Rows asked in each of three formats."""

NAMED = [
    [2.0, 1.0, 0.1],
    [0.0, -1000.0, 3.0],
    [5.0, -40.0, -700.0],
    [-np.inf, 1.0, 2.0],
    [np.inf, 1.0, 2.0],
    [np.inf, 1.0, np.inf],
    [-np.inf, -np.inf],
    [3e38, -3e38, 0.0],
    [np.nan, 1.0],
    [1e-45, -1e-45],
    [-87.0, 0.0, -104.0],
    [7.0],
]


def rows(seed: int) -> list[tuple[list[float], int]]:
    """Return rows of 1 to 6 classes and a label: the named ones, and made-up ones from subnormal to near overflow."""
    random = np.random.default_rng(seed)
    made = [(named, i % len(named)) for i, named in enumerate(NAMED)]
    while len(made) < ROWS:
        classes = int(random.integers(2, 7))
        spread = 10.0 ** random.uniform(-6.0, 3.0)
        offset = random.choice([0.0, 0.0, 1e4, -60.0])
        made.append(((offset + spread * random.standard_normal(classes)).tolist(), int(random.integers(classes))))
    return made


@pytest.fixture(scope="module")
def explored(opened: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Explore:
    page = tmp_path_factory.mktemp("explorer") / "report.html"
    write_report(green(), page)

    def explore(fragment: str = "#explorer") -> AbstractContextManager[Page]:
        return opened(page.as_uri(), fragment, ready="#given table")

    return explore


ASK = """([rows, format, shown]) => rows.map(([logits, label]) => {
    const row = exactRow(logits.map((text) => held(parsed(text), format)), label);
    return [...row.softmax, row.loss, ...row.gradient].map((x) => shown.map((name) => digits(held(x, name), 17)));
})"""


def due(logits: NDArray[Any], label: int, shown: str) -> NDArray[np.float64]:
    """Return softmax, loss and gradient of one row from the oracle, rounded to a format."""
    labels = np.array([label])
    answers = (
        softmax(logits),
        softmax_cross_entropy(logits, labels),
        grad_logits("softmax_cross_entropy", logits, labels),
    )
    return np.concatenate([np.ravel(answer.round(shown)).astype(np.float64) for answer in answers])


@pytest.mark.parametrize(("seed", "held"), list(enumerate(ROUNDED)))
def test_every_digit_is_the_oracles_in_every_format(seed: int, held: str, explored: Explore) -> None:
    shown = ["float64", *ROUNDED]
    with np.errstate(over="ignore"):
        asked = [(np.array([logits]).astype(FORMATS[held].dtype), label) for logits, label in rows(seed)]
    spelled = [[[float(x).hex() for x in logits[0]], label] for logits, label in asked]
    with explored() as page:
        answers = page.evaluate(ASK, [spelled, held, shown])
    for (logits, label), answer in zip(asked, answers, strict=True):
        found = np.array([[float(text) for text in number] for number in answer])
        for place, format_ in enumerate(shown):
            np.testing.assert_array_equal(found[:, place], due(logits, label, format_), f"{logits} {label} {format_}")


def shown_numbers(page: Page) -> NDArray[np.float64]:
    """Return what the page shows: a line for the loss, each probability and each entry of the gradient."""
    lines = page.locator("#explored tbody tr").all()
    return np.array([[float(text) for text in line.locator("td").all_inner_texts()] for line in lines])


def test_what_is_typed_in_decimal_or_hexadecimal_is_shown_as_each_format_holds_it(explored: Explore) -> None:
    with explored() as page:
        page.fill("#logits", "0x1.8p+1, -inf, 1e-3")
        page.select_option("#label", "2")
        page.select_option("#held", "float16")
        logits = np.array([[3.0, -np.inf, 1e-3]], np.float16)
        numbers = shown_numbers(page)
        softmaxes, loss, gradient = np.split(due(logits, 2, "float64"), [3, 4])
        np.testing.assert_allclose(numbers[:, 0], [*loss, *softmaxes, *gradient], rtol=2.3e-16)
        for place, format_ in enumerate(ROUNDED, start=1):
            softmaxes, loss, gradient = np.split(due(logits, 2, format_), [3, 4])
            with np.errstate(under="ignore"):
                typed_back = numbers[:, place].astype(FORMATS[format_].dtype).astype(np.float64)
            np.testing.assert_array_equal(typed_back, [*loss, *softmaxes, *gradient])
        assert page.url.endswith("#explorer?format=float16&label=2&logits=0x1.8p%2B1%2C+-inf%2C+1e-3")


def test_a_slider_moves_its_logit_by_keyboard_and_stays_in_place(explored: Explore) -> None:
    with explored("#explorer?format=float32&label=0&logits=1,2") as page:
        before = shown_numbers(page)[0, 0]
        slider = page.get_by_label("logit of class 0")
        slider.focus()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.type") == "range"
        assert page.input_value("#logits") == "1.3, 2"
        assert shown_numbers(page)[0, 0] < before


def test_what_is_no_number_is_said_and_what_was_shown_stays(explored: Explore) -> None:
    with explored("#explorer?format=float32&label=0&logits=1,2") as page:
        before = page.inner_text("#explored")
        page.fill("#logits", "1, two")
        assert page.inner_text("#explore-fault") == '"two" is not a number: write 1.5, -inf, nan or 0x1.8p+0'
        assert page.inner_text("#explored") == before


def test_every_finding_opens_its_row_in_the_explorer(
    opened: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    address = tmp_path_factory.mktemp("findings") / "report.html"
    write_report(three_frameworks(), address)
    with opened(address.as_uri(), "#explorer", ready="#given table") as page:
        page.wait_for_selector("#recorded p")  # of the row that the page begins with, once its judgements are there
        links = page.locator(".finding a", has_text="Open this row in the explorer").evaluate_all(
            "(found) => found.map((one) => one.hash)"
        )
        assert len(links) == page.locator(".finding").count()
        for link in links:
            page.evaluate("(hash) => { location.hash = hash; }", link)
            assert page.locator("#given tbody tr").count() == 4
            assert not page.locator("#explore-fault").is_visible()


ALGORITHMS = """([rows, format]) => rows.map(([logits, label]) => {
    const given = logits.map((text) => held(parsed(text), format));
    const numbers = (row) => [...row.softmax, row.loss, ...row.gradient].map((x) => digits(x, 17));
    return [naiveRow, shiftedRow].map((way) => numbers(way(given, label, format)));
})"""


def in_steps(logits: NDArray[Any], label: int, *, shifts: bool) -> NDArray[np.float64]:
    """Return softmax, loss and gradient as the page is to compute them: each step in float64, rounded to the format."""
    kind = logits.dtype
    powers = logits if not shifts else (logits.astype(np.float64) - np.max(logits).astype(np.float64)).astype(kind)
    apart, powers = powers, np.exp(powers.astype(np.float64)).astype(kind)
    total = powers[0]
    for power in powers[1:]:
        total = (total.astype(np.float64) + power.astype(np.float64)).astype(kind)
    softmaxes = (powers.astype(np.float64) / total.astype(np.float64)).astype(kind)
    naive = -np.log(softmaxes[label].astype(np.float64)).astype(kind)
    log = np.log(total.astype(np.float64)).astype(kind)
    loss = (log.astype(np.float64) - apart[label].astype(np.float64)).astype(kind) if shifts else naive
    gradient = softmaxes.copy()
    gradient[label] = (softmaxes[label].astype(np.float64) - 1.0).astype(kind)
    return np.array([*softmaxes, loss, *gradient]).astype(np.float64)


@pytest.mark.parametrize("format_", ROUNDED)
def test_both_algorithms_are_computed_step_by_step_in_the_format(format_: str, explored: Explore) -> None:
    with np.errstate(all="ignore"):
        asked = [(np.array(logits).astype(FORMATS[format_].dtype), label) for logits, label in rows(5)]
        spelled = [[[float(x).hex() for x in logits], label] for logits, label in asked]
        with explored() as page:
            answers = page.evaluate(ALGORITHMS, [spelled, format_])
        for (logits, label), answer in zip(asked, answers, strict=True):
            for shifts, numbers in enumerate(answer):
                found = np.array([float(text) for text in numbers])
                expected = in_steps(logits, label, shifts=bool(shifts))
                np.testing.assert_array_equal(found, expected, f"{logits} {label} {shifts}")


def test_the_naive_formula_fails_where_exp_overflows_and_the_page_says_so(explored: Explore) -> None:
    with explored("#explorer?format=float16&label=1&logits=100,99,-inf") as page:
        lines = page.locator("#algorithms tbody tr")
        assert [cell.inner_text() for cell in lines.first.locator("td").all()] == [
            *("1.3135", "NaN", "not finite"),
            *("1.3135", "0.22"),
        ]
        command = page.inner_text("#ask-row code")
        assert command == 'logitproof row --logits "100, 99, -inf" --label 1 --format float16'


TRAITS = """(rows) => rows.map((one) => rows.map((other) => {
    const [a, b] = [one, other].map((logits) => traitsOf(logits.map((text) => held(parsed(text), "float32"))));
    return apart(a, b);
}))"""


def test_rows_are_alike_by_what_is_not_finite_then_by_size_spread_and_number(explored: Explore) -> None:
    given = ["nan 1 2", "nan 3 2", "1 2 3", "1000 999 998", "1000 0 -1000", "nan nan nan", "1 2"]
    with explored() as page:
        found = np.array(page.evaluate(TRAITS, [row.split() for row in given]))
    np.testing.assert_array_equal(found, found.T)
    assert not np.diag(found).any()
    order = {given[i]: [given[j] for j in np.argsort(line, kind="stable")] for i, line in enumerate(found)}
    assert order["nan 1 2"][1] == "nan 3 2"
    assert set(order["nan 1 2"][:3]) == {"nan 1 2", "nan 3 2", "nan nan nan"}
    assert order["1 2"][1] == "1 2 3"
    assert order["1000 0 -1000"][1] == "1000 999 998"


def test_what_frameworks_gave_for_the_row_is_shown_where_the_page_has_it(
    opened: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    address = tmp_path_factory.mktemp("recorded") / "report.html"
    write_report(three_frameworks(), address)
    with opened(address.as_uri(), "#findings", ready="#given table") as page:
        link = page.locator(".finding a", has_text="Open this row in the explorer").first.get_attribute("href")
        page.evaluate("(hash) => { location.hash = hash; }", link)
        assert page.locator("#recorded tbody tr").count() > 0
        page.fill("#logits", "7, 7, 7.5")
        assert "no recorded result for this row" in page.inner_text("#recorded")
        nearest = page.locator("#recorded a").first.get_attribute("href")
        page.evaluate("(hash) => { location.hash = hash; }", nearest)
        assert "have this row as their worst one" in page.inner_text("#recorded")
