"""What README and docs show is true: programs run, commands and sessions exist, tables hold what the code holds."""

from __future__ import annotations

import ast
import doctest
import functools
import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from logitproof.commands.command_line import main
from logitproof.errors import EXPECTED, MEANING, UNEXPECTED
from logitproof.readers.gate import FAIL_ON
from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_adapters.catalogue.tried_machines import tried_machines
from logitproof_reference.vocabulary.cells import MODES
from logitproof_reports.counting.run_table import prepare
from logitproof_reports.counting.verdict_sentences import verdict_sentences
from logitproof_reports.runs.run_file import read_run
from logitproof_reports.runs.schema import judgements
from logitproof_reports.words.outcomes import OUTCOMES
from meta.mutants.catalogue import MUTANTS
from meta.reports.synthetic_runs import three_frameworks

if TYPE_CHECKING:
    from logitproof_adapters.sources.source_adapter import SourceAdapter

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text("utf-8")
MOST_WORDS = 1200
"""Of the README; what is longer belongs to docs/."""

PAGES = {path.name: path.read_text("utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}


def blocks_of(page: str) -> list[tuple[str, str]]:
    """Return the fenced blocks of a page, each with its language."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)


def commands_of(page: str) -> list[list[str]]:
    """Return the command lines of `logitproof` in the shell blocks of a page."""
    lines = [line for language, block in blocks_of(page) if language == "sh" for line in whole_lines(block)]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("logitproof ")]


def whole_lines(block: str) -> list[str]:
    """Return the lines of a shell block, continued ones joined."""
    return block.replace("\\\n", " ").splitlines()


COMMANDS = [
    pytest.param(command, id=f"{name}: {' '.join(command)}")
    for name, page in PAGES.items()
    for command in commands_of(page)
]


def rows_of(page: str, heading: str) -> list[list[str]]:
    """Return the rows of the table whose first column has this heading, cell by cell."""
    (table,) = re.findall(rf"^\| {re.escape(heading)} \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", page, flags=re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]


def adapter_block() -> str:
    (block,) = [
        block
        for language, block in blocks_of(PAGES["write-an-adapter.md"])
        if language == "python" and "class " in block
    ]
    return block


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}


def test_the_readme_counts_the_mutants() -> None:
    (shown,) = re.findall(r"Each of (\d+) adapters with one planted fault", README)
    assert int(shown) == len(MUTANTS)


def test_the_readme_is_short() -> None:
    assert len(README.split()) <= MOST_WORDS


@pytest.mark.parametrize("name", PAGES)
def test_the_sessions_a_page_names_exist(name: str) -> None:
    tree = ast.parse((ROOT / "noxfile.py").read_text("utf-8"))
    sessions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list}
    assert set(re.findall(r"nox -s (\w+)", PAGES[name])) <= sessions
    assert {"conformance", "report", "tests"} <= sessions


def test_the_readme_shows_how_to_test_and_what_to_run() -> None:
    assert "python -m nox -s tests" in README  # the command of continuous integration, word for word
    assert {command[1] for command in commands_of(README)} >= {"run", "report", "explain"}


@functools.cache
def help_of(*command: str) -> str:
    shown = [sys.executable, "-m", *command, "--help"]
    return subprocess.run(shown, capture_output=True, text=True, check=True, cwd=ROOT).stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_the_options_a_page_shows_exist(command: list[str]) -> None:
    options = [word for word in command[: [*command, "--"].index("--")] if word.startswith("-")]
    shown = help_of(*command[:2])
    assert all(re.search(rf"^ .*{option}\b", shown, flags=re.MULTILINE) for option in options)


def test_the_exit_statuses_are_all_there() -> None:
    rows = rows_of(PAGES["read-a-verdict.md"], "exit status")
    assert [int(status) for status, _ in rows] == list(MEANING)


def test_the_gates_are_all_there() -> None:
    rows = rows_of(PAGES["read-a-verdict.md"], "`--fail-on`")
    assert {gate.split("`")[1]: meaning for gate, meaning in rows} == FAIL_ON
    assert all(f"`{gate}`" in README for gate in FAIL_ON)


def test_the_verdicts_are_all_there() -> None:
    rows = rows_of(PAGES["read-a-verdict.md"], "in run files")
    assert {label for _, label, _ in rows} == {outcome.label for outcome in OUTCOMES.values()}
    assert all(f"`{name}`" in stored for name, (stored, *_) in zip(("conforms", "concern"), rows, strict=False))


def test_every_adapter_is_in_the_table_of_frameworks_with_its_modes() -> None:
    rows = rows_of(PAGES["frameworks.md"], "adapter")
    named = [(re.findall(r"`(\w+)`", cell), modes) for cell, _, modes in rows]
    assert sorted(name for names, _ in named for name in names) == sorted(FRAMEWORKS)
    for names, modes in named:
        offered = {mode for name in names for mode in class_of(FRAMEWORKS[name].adapter_spec).modes}
        assert offered == set(re.findall("|".join(MODES), modes))


def class_of(spec: str) -> type[SourceAdapter]:
    module, _, name = spec.partition(":")
    found: type[SourceAdapter] = getattr(import_module(module), name)
    return found


def test_every_machine_tried_is_in_the_table_of_machines() -> None:
    rows = rows_of(PAGES["machines.md"], "machine")
    assert {machine.name for machine in tried_machines()} <= {name for name, *_ in rows}


def test_the_sentences_of_the_readme_are_those_of_a_run() -> None:
    pattern = re.compile(
        r"\w+ \S+: [\d,]+ of [\d,]+ judgements conform(, [\d,]+ warnings? \(SHOULD\))?"
        r"(, [\d,]+ known deviations?)?, [\d,]+ new(: worst .*)?\."
    )
    shown = re.findall(r"^\w+ \S+: .* judgements conform.*$", README, flags=re.MULTILINE)
    assert len(shown) > 1
    assert all(pattern.fullmatch(sentence) for sentence in shown)
    assert all(map(pattern.fullmatch, verdict_sentences(prepare(three_frameworks())).values()))


def test_the_row_of_the_readme_has_the_lines_that_explain_prints(capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = [block for _, block in blocks_of(README) if "regime max_finite" in block]
    labels = re.findall(r"^([a-z]+) +\S", row.partition("regime")[2], flags=re.MULTILINE)
    assert main(["explain", "numpy-eager-log_sum_exp-grad_logits-float32/typical"]) == EXPECTED
    printed = capsys.readouterr().out
    assert all(re.search(rf"^{label} ", printed, flags=re.MULTILINE) for label in labels)
    assert {"logits", "cotangent", "exact", "observed", "error", "bound"} == set(labels)
    assert row.splitlines()[-1].partition("(")[2] in printed


def test_the_examples_of_the_oracle_print_what_they_say() -> None:
    failed, attempted = doctest.testfile(str(ROOT / "docs" / "design.md"), module_relative=False)
    assert attempted > 0
    assert failed == 0


def test_the_adapter_is_short_and_complete(tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    assert len(adapter_block().splitlines()) < 60
    (tmp_path / "scipy_adapter.py").write_text(adapter_block())
    few = ["-k", "typical or unsupported"]
    command = [sys.executable, "-m", "logitproof", "run", "--framework", "scipy_adapter:ScipyAdapter", *few]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment(tmp_path))
    assert done.returncode <= UNEXPECTED, done.stderr
    found = list(judgements(read_run(tmp_path / "run.parquet")))
    assert {judgement.verdict for judgement in found} >= {"conforms", "unsupported"}
    assert not [judgement.reason for judgement in found if judgement.verdict in {"crashed", "void", "deviates"}]
