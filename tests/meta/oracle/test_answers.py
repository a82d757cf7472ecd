"""Exact answers and bounds by content: computed once, the same bits from memory and disk, damage never believed."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import pytest

from logitproof_reference.answers import answers as answers_module
from logitproof_reference.answers import content
from logitproof_reference.answers.answers import Answers, shared_answers
from logitproof_reference.answers.cache_folder import ANSWERS_VARIABLE, CACHE_VARIABLE, OFF, answers_folder
from logitproof_reference.answers.content import content_of
from logitproof_reference.answers.store import Store
from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.assumptions import MUST, SHOULD
from logitproof_reference.oracle import multiprecision
from logitproof_reference.oracle.request import Request, checked_request
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

LOGITS = np.array([[0.5, -1.0, 3.0], [1e4, 1e4 + 2, -np.inf]])
INDICES = np.array([2, 0])
ONES = np.ones((2, 3))
LOSS = "softmax_cross_entropy"
FLOAT32 = FORMATS["float32"]

REQUESTS: dict[str, Request] = {
    "softmax": checked_request("softmax", "value", LOGITS),
    "one number a row": checked_request("log_sum_exp", "value", LOGITS),
    "a gradient": checked_request(LOSS, "grad_logits", LOGITS, INDICES),
    "an option": checked_request(LOSS, "value", LOGITS[:1], INDICES[:1], label_smoothing=0.1),
    "one number": checked_request(LOSS, "value", LOGITS, INDICES, reduction="mean"),
    "elementwise": checked_request("sigmoid_cross_entropy", "value", LOGITS, np.abs(np.sign(LOGITS))),
    "no rows": checked_request("softmax", "value", LOGITS[:0]),
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "answers")


def files(store: Store) -> list[Path]:
    return sorted(path for path in store.folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", REQUESTS)
def test_answers_have_the_same_bits_wherever_they_come_from(name: str, store: Store) -> None:
    request = REQUESTS[name]
    exact, allowed = ExactRows(request.logits).answer(request), bound(request, FLOAT32, MUST)
    first = Answers(store)
    for answers in (first, first, Answers(store)):
        for found, expected in zip(answers.exact(request).parts, exact.parts, strict=True):
            np.testing.assert_array_equal(found, expected, strict=True)
        np.testing.assert_array_equal(answers.bound(request, FLOAT32, MUST), allowed, strict=True)
    assert first.counts == {"computed": 2, "memory": 2}
    assert answers.counts == {"disk": 2}


def test_refined_answers_are_those_of_the_definition() -> None:
    request = REQUESTS["softmax"]
    found, expected = Answers().refined(request), multiprecision.evaluate(request)
    for part, other in zip(found.parts, expected.parts, strict=True):
        np.testing.assert_array_equal(part, other)


def test_formats_that_hold_the_same_numbers_share_the_exact_answer_and_no_bound() -> None:
    answers = Answers()
    for format_ in (ml_dtypes.bfloat16, np.float32, np.float64):
        request = checked_request("softmax", "value", LOGITS[:1].astype(format_))
        answers.exact(request)
        answers.bound(request, FORMATS[np.dtype(format_).name], MUST)
        answers.bound(request, FORMATS[np.dtype(format_).name], SHOULD)
    assert answers.counts == {"computed": 1 + 6, "memory": 2}


DIFFERENT: dict[str, Callable[[], Request]] = {
    "op": lambda: checked_request("log_softmax", "value", LOGITS),
    "quantity": lambda: checked_request("softmax", "grad_logits", LOGITS, cotangent=ONES),
    "another cotangent": lambda: checked_request("softmax", "grad_logits", LOGITS, cotangent=2 * ONES),
    "a tangent": lambda: checked_request("softmax", "jvp", LOGITS, tangent=ONES),
    "logits": lambda: checked_request("softmax", "value", LOGITS + 1),
    "zeros": lambda: checked_request("softmax", "value", np.zeros((2, 3))),
    "the sign of zero": lambda: checked_request("softmax", "value", -np.zeros((2, 3))),
    "a shape": lambda: checked_request("softmax", "value", np.zeros((3, 2))),
    "labels": lambda: checked_request(LOSS, "value", LOGITS, INDICES),
    "other labels": lambda: checked_request(LOSS, "value", LOGITS, INDICES[::-1]),
    "distributions": lambda: checked_request(LOSS, "value", LOGITS, ONES),
    "a mean": lambda: checked_request(LOSS, "value", LOGITS, INDICES, reduction="mean"),
    "a sum": lambda: checked_request(LOSS, "value", LOGITS, INDICES, reduction="sum"),
    "a number": lambda: checked_request(LOSS, "value", LOGITS, INDICES, ignore_index=0),
    "weights": lambda: checked_request(LOSS, "value", LOGITS, INDICES, weight=np.array([1.0, 2.0, 3.0])),
    "other weights": lambda: checked_request(LOSS, "value", LOGITS, INDICES, weight=np.array([1.0, 2.0, 4.0])),
    "a choice": lambda: checked_request(LOSS, "value", LOGITS, INDICES, clip_probabilities=1e-7),
}


def test_whatever_changes_an_answer_changes_its_digest() -> None:
    digests = [content_of(request()) for request in DIFFERENT.values()]
    assert len(set(digests)) == len(DIFFERENT)


def test_another_version_of_the_code_has_its_own_answers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    Answers(store).exact(REQUESTS["softmax"])
    monkeypatch.setattr(content, "version", lambda: "another")
    later = Answers(store)
    later.exact(REQUESTS["softmax"])
    assert later.counts == {"computed": 1}


def test_another_machine_has_its_own_bounds_and_the_same_exact_answers(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    Answers(store).bound(REQUESTS["softmax"], FLOAT32, MUST)
    Answers(store).exact(REQUESTS["softmax"])
    monkeypatch.setattr(answers_module, "machine", lambda: "another")
    elsewhere = Answers(store)
    elsewhere.bound(REQUESTS["softmax"], FLOAT32, MUST)
    elsewhere.exact(REQUESTS["softmax"])
    assert elsewhere.counts == {"computed": 1, "disk": 1}


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "a bit is flipped": lambda found: found[:150] + bytes([found[150] ^ 1]) + found[151:],
    "the header is spoiled": lambda found: b"\0" + found[1:],
    "the end is missing": lambda found: found[:-40],
    "nothing is left": lambda _: b"",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_answer_is_computed_again(damage: str, store: Store) -> None:
    expected = Answers(store).exact(REQUESTS["softmax"])
    (path,) = files(store)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    again, later = Answers(store), Answers(store)
    np.testing.assert_array_equal(again.exact(REQUESTS["softmax"]).value, expected.value)
    later.exact(REQUESTS["softmax"])
    assert (again.counts, later.counts) == ({"computed": 1}, {"disk": 1})


def test_an_answer_in_the_place_of_another_is_not_believed(store: Store) -> None:
    store.write("aa0", np.ones(3))
    (path,) = files(store)
    path.rename(path.with_name("aa1.npy"))
    assert store.read("aa1") is None


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    size = 1000 * 8
    store = Store(tmp_path, largest=5 * size)
    for number in range(4):
        store.write(f"a{number}", np.full(1000, float(number)))
        os.utime(store.folder / f"a{number}" / f"a{number}.npy", (number, number))
    assert store.read("a0") is not None  # used again, so that a1 is the oldest
    store.write("a4", np.zeros(1000))
    assert store.size() <= 5 * size
    assert [store.read(f"a{number}") is not None for number in range(5)] == [True, False, False, True, True]


def test_many_writers_at_once_leave_whole_answers_and_no_litter(tmp_path: Path) -> None:
    def write_and_read(worker: int) -> bool:
        mine = Store(tmp_path, largest=300_000)
        for number in range(40):
            mine.write(f"{number % 10:02d}", np.full(1000, float(number % 10)))
            found = mine.read(f"{(number + worker) % 10:02d}")
            if found is not None and not (found == (number + worker) % 10).all():
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_read, range(8)))
    assert {path.suffix for path in files(Store(tmp_path))} == {".npy"}


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    answers = Answers(Store(tmp_path / "file" / "answers"))
    assert answers.exact(REQUESTS["softmax"]).shape == (2, 3)
    assert answers.counts == {"computed": 1}


def test_shared_arrays_cannot_be_written_to(store: Store) -> None:
    for answers in (Answers(store), Answers(store)):
        with pytest.raises(ValueError, match="read-only"):
            answers.exact(REQUESTS["softmax"]).value[0, 0] = 1.0
        with pytest.raises(ValueError, match="read-only"):
            answers.bound(REQUESTS["softmax"], FLOAT32, MUST)[0, 0] = 1.0


def test_memory_is_bounded() -> None:
    answers = Answers(in_memory=10_000)
    for number in range(50):
        answers.exact(checked_request("softmax", "value", np.full((10, 10), float(number))))
    assert sum(array.nbytes for array in answers._arrays.values()) <= 10_000
    answers.exact(checked_request("softmax", "value", np.full((10, 10), 49.0)))
    answers.exact(checked_request("softmax", "value", np.zeros((10, 10))))
    assert answers.counts == {"computed": 51, "memory": 1}


def test_more_rows_than_are_held_together_have_the_same_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers_module, "SHARED_LOGITS", 8)
    answers = Answers()
    for rows in (LOGITS, LOGITS + 1, np.concatenate([LOGITS, LOGITS])):
        request = checked_request("softmax", "value", rows)
        np.testing.assert_array_equal(answers.exact(request).tail, ExactRows(rows).answer(request).tail)


def test_the_place_is_the_users_cache_or_as_named_or_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[tuple[dict[str, Any], Path | None]] = [
        ({CACHE_VARIABLE: "here"}, Path("here/answers").absolute()),
        ({ANSWERS_VARIABLE: "there", CACHE_VARIABLE: "here"}, Path("there")),
        ({ANSWERS_VARIABLE: OFF, CACHE_VARIABLE: "here"}, None),
        ({"XDG_CACHE_HOME": "cache"}, Path("cache/logitproof/answers").absolute()),
        ({}, Path.home() / ".cache/logitproof/answers"),
    ]
    for variables, folder in named:
        for name in (ANSWERS_VARIABLE, CACHE_VARIABLE, "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert answers_folder() == folder
        assert getattr(shared_answers.__wrapped__().store, "folder", None) == folder


def test_a_request_with_other_arrays_is_not_taken_for_the_last_one() -> None:
    answers, request = Answers(), REQUESTS["softmax"]
    answers.exact(request)
    moved = replace(request, logits=LOGITS[::-1])
    np.testing.assert_array_equal(answers.exact(moved).value, answers.exact(request).value[::-1])
