"""The command `row`: frameworks side by side on one row, and one line where the row is none."""

from __future__ import annotations

import json
import math

import pytest

from logitproof.commands.command_line import main
from logitproof.errors import EXPECTED, USAGE


def test_a_row_is_shown_beside_the_exact_answer_and_the_bound(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["row", "--logits", "-inf, 0x1p+1, 2", "--label", "1", "--framework", "numpy"]
    assert main(asked) == EXPECTED
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "logits -inf, 2, 2; true class 1; float32"
    assert lines[2].split()[:2] == ["loss", "0.693147181"]
    assert [line.split()[:2] for line in lines[3:9]] == [
        ["softmax", "0"],
        ["softmax", "1"],
        ["softmax", "2"],
        ["gradient", "0"],
        ["gradient", "1"],
        ["gradient", "2"],
    ]
    assert main([*asked, "--json"]) == EXPECTED
    (found,) = json.loads(capsys.readouterr().out)
    assert found["exact"]["softmax"] == [0.0, 0.5, 0.5]
    (column,) = found["columns"]
    assert math.isclose(column["answers"]["loss"][0]["observed"], math.log(2.0), rel_tol=1e-7)
    assert all(answer["ratio"] <= 1.0 for answers in column["answers"].values() for answer in answers)


def test_a_framework_without_the_function_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("scipy")
    assert main(["row", "--logits", "1, 2", "--framework", "scipy"]) == EXPECTED
    assert "scipy, loss: not offered: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--logits", "1, two"], '"two" is not a number'),
        (["--logits", ""], '"" is not a number'),
        (["--logits", "1, 2", "--label", "2"], "there is no class 2"),
        (["--logits", "1, 2", "--format", "float8"], 'format "float8" is not known'),
        (["--logits", "1," * 300 + "1"], "too many to print"),
    ],
)
def test_what_is_no_row_is_refused_in_one_line(words: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["row", "--framework", "numpy", *words]) == USAGE
    error = capsys.readouterr().err
    assert why in error
    assert error.count("\n") == 1
