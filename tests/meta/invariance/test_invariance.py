"""Invariance finds what it is to find along every axis, and nothing in code that has no such fault."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof.commands.command_line import main
from logitproof.errors import UsageError
from logitproof.invariance.axes import AXES, CLAUSES, LEVELS, ONE_THREAD
from logitproof.invariance.progress import Progress
from logitproof.invariance.survey import INTERRUPTED, Subject, drawn, survey, was_interrupted
from logitproof.invariance.text import first_flip, headline, page_of, rows_of, save_witness, witness_lines
from logitproof_adapters.control.softmax import log_softmax
from logitproof_reference.specification.clauses import CLAUSES as ALL_CLAUSES
from logitproof_reference.vocabulary.cells import MODES, Cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from logitproof.invariance.axes import Calls
    from logitproof_reference.vocabulary.cells import Inputs

    Array = NDArray[Any]
    Fault = Callable[["Fake", Cell, Array], Array | int]

CELL = Cell("fake", "eager", "log_softmax", "value", "float32")


class Fake:
    """Log-softmax by the control, with a fault: which rows of a call are off by an ulp."""

    name = "fake"
    modes = MODES

    def __init__(self, fault: Fault, env: dict[str, str]) -> None:
        self.fault, self.env, self.calls = fault, env, 0

    def unsupported(self, cell: Cell) -> str | None:
        """Refuse graphs."""
        return "there are no graphs" if cell.mode == "graph" else None

    def evaluate(self, cell: Cell, inputs: Inputs) -> Array:
        """Return the control's answer, one ulp up in the rows that the fault names."""
        self.calls += 1
        x = inputs.logits
        wide = np.ascontiguousarray(x.astype(np.float64))
        answer: Array = np.stack([log_softmax(row[None][:, np.isfinite(row)])[0] for row in wide]).astype(np.float32)
        if answer.shape != x.shape:
            answer = np.pad(answer, ((0, 0), (0, x.shape[1] - answer.shape[1])), constant_values=-np.inf)
        return np.where(np.broadcast_to(self.fault(self, cell, x), len(x))[:, None], np.nextafter(answer, 1), answer)


def subject(fault: Fault) -> Subject:
    @contextmanager
    def start(setting: Calls | None) -> Iterator[Any]:
        shards = {} if setting is None or setting.shards == 1 else {"shards": str(setting.shards)}
        yield Fake(fault, shards if setting is None else {**shards, **dict(setting.env)})

    return Subject(CELL, start)


def sound(fake: Fake, cell: Cell, x: Array) -> int:
    del fake, cell, x
    return 0


MUTANTS: dict[str, Fault] = {
    "batch size": lambda _, __, x: int(len(x) == 1),
    "position": lambda _, __, x: np.arange(len(x)) == len(x) - 1,
    "order": lambda _, __, x: np.r_[False, x[1:, 0] > x[:-1, 0]],
    "row padding": lambda _, __, x: int(len(x) > 33),
    "class padding": lambda _, __, x: int(x.shape[1] % 64 == 0),
    "chunks": lambda _, __, x: int(len(x) in {8, 9}),
    "layout": lambda _, __, x: int(not x.flags.c_contiguous),
    "mode": lambda _, cell, __: int(cell.mode == "vmap"),
    "repetition": lambda fake, _, __: int(fake.calls == 4),
    "threads": lambda fake, _, __: int(fake.env.get("OMP_NUM_THREADS") == "1"),
    "instruction set": lambda fake, _, __: int("avx2" in fake.env.values()),
    "shards": lambda fake, _, __: int(fake.env.get("shards") == "3"),
}
"""A fault along each axis."""


def test_every_clause_has_an_axis_and_a_mutant() -> None:
    assert set(MUTANTS) == set(AXES)
    assert list(CLAUSES) == [one for one in ALL_CLAUSES if one.startswith("INV-")]
    assert ONE_THREAD["OMP_NUM_THREADS"] == "1"
    assert "avx2" in LEVELS.values()


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return drawn(CELL, 33, 65, 0)


def test_sound_code_is_invariant_along_every_axis(inputs: Inputs) -> None:
    found = survey(subject(sound), inputs)
    assert first_flip(found) is None
    assert headline(found) == "Invariant: the same bits along 12 of 12 axes, the others not asked"
    assert [row[4] for row in rows_of(found) if row[3] == "graph"] == ["not asked: there are no graphs"]
    assert witness_lines(found) == []


@pytest.mark.parametrize("axis", MUTANTS)
def test_a_mutant_flips_its_axis_with_two_inputs_that_show_it(axis: str, inputs: Inputs) -> None:
    fault = MUTANTS[axis]
    (along,) = survey(subject(fault), inputs, [AXES[axis]])
    assert along.verdict == "flips"
    witness = along.witness
    assert witness is not None
    assert np.float32(witness.other) != np.float32(witness.base)
    first, second = witness.first.logits[witness.places[0]], witness.second.logits[witness.places[1]]
    np.testing.assert_array_equal(first, second[: len(first)])


def test_the_first_axis_that_flips_is_named_and_its_inputs_are_kept(inputs: Inputs, tmp_path: Path) -> None:
    found = survey(subject(MUTANTS["row padding"]), inputs)
    flip = first_flip(found)
    assert flip is not None
    assert flip.axis.name == "row padding"
    assert "0x1." in witness_lines(found)[0]
    assert save_witness(found, tmp_path / "witness.npz")
    with np.load(tmp_path / "witness.npz") as kept:
        assert kept["first_logits"].shape == (33, 65)
        assert kept["second_logits"].shape == (34, 65)
    page = page_of(found, [("subject", "fake")])
    assert "row padding is the first axis" in page.headline
    assert len(page.tables[0].marked) == 1


def test_what_fails_along_an_axis_is_not_asked_there(inputs: Inputs) -> None:
    def fails(fake: Fake, cell: Cell, x: Array) -> int:
        if len(x) < 33:
            raise RuntimeError("too few rows")
        return sound(fake, cell, x)

    (along,) = survey(subject(fails), inputs, [AXES["batch size"]])
    assert along.verdict == "not asked"
    assert along.settings[0].reason == "RuntimeError: too few rows"
    with pytest.raises(UsageError, match="the batch itself fails: RuntimeError: too few rows"):
        survey(subject(fails), drawn(CELL, 5, 65, 0))


def test_an_interruption_keeps_what_was_measured(inputs: Inputs, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(fake: Fake, cell: Cell, x: Array) -> int:
        del cell
        if fake.env:
            raise KeyboardInterrupt
        return int(len(x) == 1)

    axes = [AXES[name] for name in ("batch size", "position", "mode", "threads")]
    found = survey(subject(interrupted), inputs, axes, Progress(axes))
    assert [one.verdict for one in found] == ["flips", "same bits", "not asked", "not asked"]
    assert [setting.reason for one in found[2:] for setting in one.settings] == [INTERRUPTED, INTERRUPTED]
    assert was_interrupted(found)
    assert headline(found).startswith("Not invariant: batch size")
    assert headline(found[1:]) == "Interrupted: the same bits along 1 of 3 axes so far"
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("the batch itself: evaluated in 0 s; now along 4 axes")
    assert lines[1].startswith("position: same bits; 1 of 4 axes, about ")
    assert lines[2].startswith("batch size: flips; 2 of 4 axes, about ")
    assert len(lines) == 3


KERNEL = """
import numpy as np

def alone_is_another(x):
    z = x - x.max(axis=1, keepdims=True)
    out = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return np.nextafter(out, np.float32(1)) if len(x) == 1 else out
"""


def test_the_command_asks_a_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    (tmp_path / "invariance_kernel.py").write_text(KERNEL)
    monkeypatch.chdir(tmp_path)
    words = ["invariance_kernel:alone_is_another", "--framework", "numpy", "--rows", "4", "--classes", "9"]
    axes = ["--axis", "batch size", "--axis", "order"]
    assert main(["invariance", *words, *axes, "--save", "w.npz", "-o", "page.html"]) == 1
    out = capsys.readouterr().out
    assert "Not invariant: batch size is the first axis along which bits change" in out
    assert "4 of 4" in out
    assert (tmp_path / "w.npz").exists()
    assert 'class="marked"' in (tmp_path / "page.html").read_text("utf-8")
    assert main(["invariance", *words, "--axis", "order", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["first_axis_that_flips"] is None


SHARDED = """
import numpy as np

def over_halves(x, ranks=1):
    top = x.max(axis=1)
    parts = [np.exp(one - top[:, None]).sum(axis=1, dtype=np.float32) for one in np.array_split(x, ranks, axis=1)]
    found = top + np.log(np.sum(parts, axis=0, dtype=np.float32))
    return np.stack([found] * ranks) if ranks > 1 else found

def of_one_rank(x):
    return over_halves(x)
"""


def test_shards_are_asked_of_kernels_that_take_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "sharded_kernel.py").write_text(SHARDED)
    monkeypatch.chdir(tmp_path)
    words = ["--op", "log_sum_exp", "--rows", "64", "--classes", "999", "--axis", "shards", "--json"]
    assert main(["invariance", "sharded_kernel:over_halves", "--framework", "numpy", *words]) == 1
    assert json.loads(capsys.readouterr().out)["first_axis_that_flips"] == "shards"
    assert main(["invariance", "sharded_kernel:of_one_rank", "--framework", "numpy", *words]) == 0
    assert "takes no number of shards" in capsys.readouterr().out
    assert main(["invariance", "numpy", *words]) == 0
    assert "takes no number of shards" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["zebra"], 'framework "zebra" is not known'),
        (["numpy", "--axis", "weather"], 'axis "weather" is not known; known: batch size'),
        (["numpy", "--op", "relu"], 'op "relu" is not known'),
        (["numpy", "--quantity", "hessian"], 'quantity "hessian" is not known'),
        (["numpy", "--labels", "indices"], 'labels "indices" do not go with log_softmax'),
        (["no_such_module:f", "--framework", "numpy"], "the kernel cannot be loaded"),
        (["numpy", "--mode", "graph", "--rows", "2", "--classes", "2"], "numpy does not offer"),
    ],
)
def test_what_cannot_be_asked_is_one_line(words: list[str], complaint: str, capsys: Any) -> None:
    assert main(["invariance", *words]) == 2
    captured = capsys.readouterr()
    assert complaint in captured.err
    assert captured.err.count("\n") == 1
