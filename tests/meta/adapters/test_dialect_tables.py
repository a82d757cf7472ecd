"""The dialects are told as the adapters state them, in the same words everywhere."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from logitproof.commands.command_line import main
from logitproof.errors import EXPECTED, USAGE
from logitproof.readers.dialects import markdown_of_dialects, stated_dialects, tables_of_dialects
from logitproof_adapters.catalogue import registry
from logitproof_adapters.contract import Dialect, entries
from logitproof_adapters.frameworks.dialects import DIALECTS
from logitproof_conformance.plan.cases import plan_cells
from logitproof_reference.oracle.loss_options import LossOptions
from logitproof_reports.words.dialect_words import NO_OPTION, UNSTATED, words_of

PAGE = Path(__file__).resolve().parents[3] / "docs" / "dialects.md"
MARKER = "<!-- What follows is printed by: logitproof dialects --markdown -->"
OPTIONS = ("reduction", "weight", "pos_weight", "ignore_index", "label_smoothing")
INSTALLED = [name for name in DIALECTS if registry.installed(name)]


def told(topic: str, **stated: object) -> str:
    dialect = asdict(Dialect(**stated))  # type: ignore[arg-type]  # one dict for fields of several types
    return words_of(topic, {"op": "softmax_cross_entropy", "labels": "indices", **dialect})


def test_the_page_holds_what_the_adapters_state() -> None:
    wanted = markdown_of_dialects(tables_of_dialects(stated_dialects()))
    assert PAGE.read_text("utf-8").partition(MARKER)[2].strip() == wanted.strip(), wanted


def test_every_framework_with_a_loss_states_its_dialect() -> None:
    assert set(DIALECTS) == set(registry.BUILT_IN) - {"numpy", "scipy"}


@pytest.mark.parametrize("name", DIALECTS)
def test_every_statement_is_whole(name: str) -> None:
    for (op, labels, _), dialect in DIALECTS[name].items():
        assert dialect.documentation.startswith("https://")
        assert dialect.function
        assert set(dialect.takes) <= set(OPTIONS)
        needed = {"reduction"} | ({"class_axis"} if op == "softmax_cross_entropy" else set())
        needed |= {"label_formats", "out_of_range", "ignored_index"} if labels == "indices" else set()
        assert all(getattr(dialect, topic) for topic in needed)
        LossOptions(**dialect.choices)


@pytest.mark.parametrize("name", INSTALLED)
def test_an_adapter_asks_no_function_and_no_option_that_its_dialect_lacks(name: str) -> None:
    adapter = registry.load(name)
    functions = {(*loss, entry) for loss, words in entries(adapter).items() for entry in words if loss[1] != "none"}
    assert functions <= set(DIALECTS[name])
    for cell in plan_cells(adapter, "full"):
        if cell.labels == "none" or adapter.unsupported(cell) is not None:
            continue
        asked = {option for option in OPTIONS if getattr(cell.options, option) not in {False, None, "none"}}
        assert asked <= set(DIALECTS[name][cell.op, cell.labels, cell.entry].takes), cell.id


@pytest.mark.parametrize(
    ("takes", "over", "words"),
    [
        ((), None, NO_OPTION),
        (("reduction",), None, "all rows"),
        (("reduction", "ignore_index"), None, "rows kept"),
        (("reduction", "weight"), None, "weights of the rows kept"),
        (("reduction", "weight"), "rows", "all rows"),
    ],
)
def test_a_mean_is_told_by_the_options_that_can_change_it(takes: tuple[str, ...], over: str | None, words: str) -> None:
    assert told("mean_over", takes=takes, mean_over=over) == words


def test_words_of_its_own_tell_what_a_value_does_not() -> None:
    assert told("empty_mean", words={"empty_mean": "an error"}) == "an error"
    assert told("class_axis") == UNSTATED


def test_a_release_means_what_it_documents() -> None:
    newest = Dialect(mean_over="rows", since="3.0", earlier=Dialect(since="2.0", earlier=Dialect(empty_mean="zero")))
    meanings = {version: newest.at(version).choices for version in ("3.0.0rc1", "3.10", "2.6.2", "1.9", "0.0.0", "")}
    rows = {"mean_over": "rows"}
    assert meanings == {
        "3.0.0rc1": rows,
        "3.10": rows,
        "2.6.2": {},
        "1.9": {"empty_mean": "zero"},
        "0.0.0": rows,  # a build of a day
        "": rows,
    }
    assert all(newest.at(version).earlier is None for version in meanings)


def test_what_an_earlier_release_meant_is_told_where_it_is_something_else() -> None:
    before = Dialect(takes=("reduction", "weight"), reduction="mean")
    newest = replace(before, mean_over="rows", since="3.0", earlier=before)
    stated = {"op": "softmax_cross_entropy", "labels": "indices", **asdict(newest)}
    assert words_of("mean_over", stated) == "all rows; before 3.0: weights of the rows kept"
    assert words_of("reduction", stated) == "mean"


def test_paddle_and_scikit_learn_are_judged_by_the_release() -> None:
    paddle = DIALECTS["paddle"]["softmax_cross_entropy", "indices", ""]
    assert [paddle.at(version).mean_over for version in ("2.6.2", "3.0.0", "3.3.1")] == [None, "rows", "rows"]
    sklearn = DIALECTS["sklearn"]["softmax_cross_entropy", "indices", ""]
    assert sklearn.at("1.4.2").choices == sklearn.at("1.8.0").choices  # nothing documents the division


def test_a_run_file_that_tells_nothing_of_options_hides_none() -> None:
    stated = {"op": "softmax_cross_entropy", "labels": "indices", "reduction": "mean"}
    assert words_of("mean_over", stated) == "weights of the rows kept"
    assert words_of("takes", stated | {"takes": 3}) == UNSTATED


def test_the_command_line_tells_who_says_what(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dialects", "--framework", "torch", "--framework", "optax"]) == EXPECTED
    lines = capsys.readouterr().out.splitlines()
    (ignored,) = (line for line in lines if line.startswith("Ignored by default"))
    assert re.search(r"-100 +torch$", ignored.rstrip())
    assert main(["dialects", "--brief", "--markdown"]) == EXPECTED
    assert capsys.readouterr().out.count("\n| ") == len(DIALECTS) + 2
    assert main(["dialects", "--framework", "torch", "--json"]) == EXPECTED
    assert {one["adapter"] for one in json.loads(capsys.readouterr().out)} == {"torch"}


def test_an_unknown_framework_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dialects", "--framework", "troch"]) == USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert 'did you mean "torch"?' in line
