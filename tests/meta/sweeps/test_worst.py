"""The search for the worst row finds what is planted, beats random rows, and keeps a witness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import logitproof.searches.search as searching
from logitproof.commands.command_line import main
from logitproof.errors import EXPECTED, UNEXPECTED, USAGE
from logitproof.searches.changes import CHANGES, changed
from logitproof.searches.rows import completed
from logitproof.searches.scores import scored
from logitproof.searches.search import batch_of, random_best, search
from logitproof.searches.starts import STARTS, mixed
from logitproof.searches.witness import read_witness
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_reference.vocabulary.cells import Cell
from logitproof_reference.vocabulary.formats import FORMATS, widened

if TYPE_CHECKING:
    from pathlib import Path

LOG_SOFTMAX = Cell("numpy", "eager", "log_softmax", "value", "float32")
CELLS = [
    LOG_SOFTMAX,
    Cell("numpy", "eager", "softmax", "grad_logits", "bfloat16"),
    Cell("numpy", "eager", "softmax_cross_entropy", "grad_logits", "float16", "indices"),
    Cell("numpy", "eager", "sigmoid_cross_entropy", "value", "float64", "distributions"),
    Cell("numpy", "eager", "log_sum_exp", "grad_logits", "float32"),
]

PLANTED = """
import numpy as np
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter

class Wrong(NumpyAdapter):  # the further a row's logits lie from 0, without a limit that random rows reach
    name = "wrong"
    def evaluate(self, cell, inputs):
        answer = super().evaluate(cell, inputs)
        size = np.abs(inputs.logits).max(axis=1, keepdims=True)
        return answer * np.where(size > 40, 1 + 2.0 ** -14, 1).astype(answer.dtype)

class Raises(NumpyAdapter):
    name = "raises"
    def evaluate(self, cell, inputs):
        raise FloatingPointError("not today")
"""


@pytest.mark.parametrize("kind", STARTS)
@pytest.mark.parametrize("classes", [1, 3, 300])
def test_every_start_gives_finite_rows(kind: str, classes: int) -> None:
    logits = STARTS[kind](np.random.default_rng(1), 50, classes)
    assert logits.shape == (50, classes)
    assert np.isfinite(logits).all()


@pytest.mark.parametrize(("block", "lanes"), [(1 << 14, 1), (1 << 14, 8), (1 << 14, 64), (1024, 8), (128, 1)])
def test_absorbed_terms_make_a_sum_as_wrong_as_its_order_allows(block: int, lanes: int) -> None:
    """Of blocks summed in some lanes, block / lanes roundings follow one another, of a unit roundoff each at most."""
    terms = np.exp(STARTS["absorbed"](np.random.default_rng(4), 200, 1 << 14)).astype(np.float32)
    sums = np.add.accumulate(terms.reshape(200, -1, block // lanes, lanes), axis=2)[:, :, -1]
    exact = terms.sum(axis=1, dtype=np.float64)
    errors = np.abs(sums.sum(axis=(1, 2), dtype=np.float64) / exact - 1.0) / (block / lanes * 2.0**-24)
    assert 0.9 < errors.max() <= 1.0


def test_a_search_among_wide_rows_begins_with_rows_of_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def count(_adapter: object, _cell: object, rows: Any, _measure: str) -> Any:
        tried.append(len(rows))
        return np.arange(len(rows), dtype=np.float64)

    monkeypatch.setattr(searching, "_scores", count)
    found = searching.search(NumpyAdapter(), LOG_SOFTMAX, 50_000, seconds=0.0)
    assert tried == [4] * len(STARTS)
    assert (found.rows, found.score) == (4 * len(STARTS), 3.0)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.id)
def test_changed_rows_are_other_rows_of_finite_numbers(cell: Cell) -> None:
    rng = np.random.default_rng(2)
    rows = completed(cell, mixed(rng, 400, 5), rng)
    after = changed(rng, rows)
    assert after.logits.dtype == FORMATS[cell.format].dtype
    assert np.isfinite(widened(after.logits)).all()
    moved = (widened(after.logits) != widened(rows.logits)).any(axis=1)
    assert moved.mean() > 0.5
    assert scored(NumpyAdapter(), cell, after).of_rows("slack").max() <= 1.0


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_every_change_changes_something(change: Any) -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(100, 6)).astype(np.float32)
    with np.errstate(all="ignore"):
        after = change(rng, logits)
    assert (after != logits).any()
    assert after is not logits


def test_a_search_beats_random_rows_and_is_the_same_for_the_same_seed() -> None:
    adapter = NumpyAdapter()
    random = random_best(adapter, LOG_SOFTMAX, 3, 20_000, measure="slack", seed=1)
    steps = iter(range(1000))

    def stop(_left: float, _rows: int, _score: float) -> None:
        if next(steps) % 4 == 3:
            raise KeyboardInterrupt

    first, second = (search(adapter, LOG_SOFTMAX, 3, measure="slack", seconds=1000.0, told=stop) for _ in range(2))
    assert first.score > random
    assert first.score == second.score
    assert first.row.logits.tobytes() == second.row.logits.tobytes()
    assert first.rows == 4 * batch_of(3)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "planted_worst.py").write_text(PLANTED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_planted_fault_is_found_kept_and_shown_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["worst", "planted_worst:Wrong", "softmax", "float32", "--by", "slack", "--seconds", "1.5"]
    assert main([*words, "-o", "found.json"]) == UNEXPECTED
    found = capsys.readouterr().out
    witness = read_witness(folder / "found.json")
    assert float.fromhex(witness.shown["slack"]) > 1.0
    assert np.abs(witness.row.logits).max() > 40
    assert main(["worst", "--again", "found.json"]) == UNEXPECTED
    assert capsys.readouterr().out == found.replace("found.json\n", "")


def test_the_control_has_no_row_past_its_bound(folder: Path) -> None:
    assert main(["worst", "numpy", "softmax", "bfloat16", "--seconds", "0.5", "--by", "slack"]) == EXPECTED
    assert (folder / "worst.json").exists()


WRONG: dict[str, tuple[list[str], str]] = {
    "nothing": ([], "FRAMEWORK OP FORMAT"),
    "unknown op": (["numpy", "sofmax", "float32"], 'op "sofmax" is not known'),
    "unknown format": (["numpy", "softmax", "float8"], 'format "float8" is not known'),
    "unknown measure": (["numpy", "softmax", "float32", "--by", "error"], '--by "error" is not known'),
    "unknown labels": (["numpy", "softmax", "float32", "--labels", "indices"], 'labels "indices" of softmax'),
    "mode that is not offered": (["numpy", "softmax", "float32", "--mode", "vmap"], "numpy does not offer this"),
    "a framework that raises": (["planted_worst:Raises", "softmax", "float32"], "FloatingPointError: not today"),
    "no witness": (["--again", "planted_worst.py"], "no record of a sweep, no witness and no atlas: no JSON"),
    "no file": (["--again", "nowhere.json"], "nowhere.json"),
}


@pytest.mark.parametrize(("words", "hint"), WRONG.values(), ids=WRONG)
def test_wrong_usage_is_one_line(words: list[str], hint: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["worst", *words]) == USAGE
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert hint in lines[0]
    assert not (folder / "worst.json").exists()
