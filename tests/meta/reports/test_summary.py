"""Summaries: true counts in the terminal and in Markdown, within GitHub's limit, nothing interpreted."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO

from rich.console import Console

from logitproof_reference.vocabulary.judgement import on_the_whole
from logitproof_reports.exports.badge import badge
from logitproof_reports.exports.summary import MARKDOWN_BYTES, legend, markdown, sentences, terminal_table
from logitproof_reports.runs.schema import Run, table_of
from logitproof_reports.words.text import slack_of
from meta.reports.synthetic_runs import green, hostile, judgement, run_of, three_frameworks


def printed(run: Run, width: int = 200) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(terminal_table(run))
    output = console.file
    assert isinstance(output, StringIO)
    return output.getvalue()


def test_the_verdict_is_one_sentence_a_framework() -> None:
    assert sentences(three_frameworks()) == [
        "14 new failures in jax 0.10.2 and torch 2.13.0.",
        (
            "jax 0.10.2: 308 of 320 judgements conform, 2 warnings (SHOULD), 10 new: "
            "worst EXT-5 on plus_inf_one in compiled-log_softmax-value-bfloat16."
        ),
        "tensorflow 2.21.0: 310 of 320 judgements conform, 2 warnings (SHOULD), 8 known deviations, 0 new.",
        (
            "torch 2.13.0: 314 of 320 judgements conform, 2 warnings (SHOULD), 4 new: "
            "worst EXT-1 on nan in compiled-softmax-value-bfloat16."
        ),
    ]


def test_a_green_run_and_a_void_one_are_told_apart() -> None:
    assert sentences(green()) == [
        "torch 2.13.0 conforms.",
        "torch 2.13.0: 320 of 320 judgements conform, 0 new.",
    ]
    assert sentences(Run(table_of([]), [], "quick", "c0ffee")) == ["Nothing was measured."]


def test_the_worst_is_the_gravest_and_no_clause_that_merely_may_be_kept() -> None:
    base = judgement("torch", "eager", "float32", ("softmax", "none", "value", "VAL"), "typical")
    silent = replace(base, clause="VAL-1", verdict="deviates", grade="MUST", observed="0x1p+1", exact="0x1p+0")
    nan = replace(silent, clause="EXT-7", observed="nan", slack=float("inf"))
    idle = replace(base, clause="VAL-3", grade="MAY", verdict="void", regime="accuracy_class")
    assert "3 new: worst VAL-1 on typical" in sentences(run_of("torch", idle, nan, silent))[1]


def test_a_slack_beside_one_never_reads_as_one() -> None:
    spelled = {0.5: "0.5", 0.9997: "0.9997", 0.99999: "0.99999", 1.0: "1", 1.00004: "1.00004"}
    assert {slack: slack_of(slack) for slack in spelled} == spelled
    base = judgement("torch", "eager", "float32", ("softmax", "none", "value", "VAL"), "typical")
    assert "✓ 1 (0.9997)" in printed(run_of("torch", replace(base, slack=0.99972)))


def test_an_interrupted_run_is_said_to_be_so() -> None:
    told = sentences(replace(green(), complete=False))
    assert told[0] == "torch 2.13.0 conforms so far; the run is incomplete."
    assert told[-1].startswith("The run was interrupted")
    told = sentences(replace(green(), complete=False, choice="-k softmax"))
    assert told[0] == "torch 2.13.0 conforms in the part chosen by -k softmax."
    assert told[-1] == "Only the part chosen by -k softmax was tested."


def test_a_run_of_refusals_alone_measured_nothing() -> None:
    refused = replace(
        judgement("torch", "eager", "float32", ("softmax", "none", "jvp", "JVP"), "all"),
        verdict="unsupported",
        clause="",
    )
    assert sentences(run_of("torch", refused))[0] == "Nothing was measured."


def test_the_terminal_table_counts_by_family_and_framework() -> None:
    lines = printed(three_frameworks()).splitlines()
    assert lines[0].strip() == "14 new failures in jax 0.10.2 and torch 2.13.0."
    cells = {line.split()[0]: line for line in lines[2:]}
    assert list(cells) == ["VAL", "GRD", "GLB", "EXT"]
    assert "✗ 10 new in 160 (∞)" in cells["EXT"]
    assert "≈ 8 known deviations in 160 (∞)" in cells["EXT"]
    assert "‼ 4 new in 160" in cells["EXT"]
    assert cells["GRD"].count("✓ 32 (") == 3


def test_a_line_explains_the_fields_of_the_table() -> None:
    line = legend(three_frameworks())
    assert line.startswith("Fields: number of judgements (largest error / bound); ✓ conforms")
    assert all(words in line for words in ("≈ known deviation", "✗ deviates", "‼ crashed"))
    assert "∅" not in line
    assert line in markdown(three_frameworks())


def test_the_terminal_table_interprets_no_markup() -> None:
    text = printed(hostile(), width=2000)
    assert "[red]g[/red]" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_markdown_tells_verdict_matrix_and_findings() -> None:
    text = markdown(three_frameworks())
    assert text.startswith("## Logitproof: 14 new failures in jax 0.10.2 and torch 2.13.0.\n")
    assert "| Family | jax 0.10.2 | tensorflow 2.21.0 | torch 2.13.0 |\n| --- | --- | --- | --- |\n" in text
    assert "| tensorflow |" not in text.partition("### New: 6 causes")[2].partition("### Warnings")[0]  # told elsewhere
    known, warned = "### Known deviations: 1 cause\n", "### Warnings (SHOULD): 3 causes\n"
    verdicts = ("### New: 6 causes\n", "crashed | torch", "✗ deviates |", known, warned)
    assert sorted(verdicts, key=text.index) == list(verdicts)


def test_markdown_tables_keep_their_columns_and_interpret_nothing() -> None:
    text = markdown(hostile())
    rows = [line for line in text.splitlines() if line.startswith("|")]
    widths = {line.replace("\\\\", "").replace("\\|", "").count("|") for line in rows}
    assert len(rows) > 20
    assert len(widths) == 2
    assert "<" not in text
    assert "\u202e" not in text


def test_markdown_stays_below_githubs_limit() -> None:
    base = judgement("torch", "eager", "float32", ("softmax", "none", "value", "VAL"), "typical")
    wide = [
        replace(base, verdict="deviates", clause=f"VAL-{i}", reason=f"{i} " + "é|" * 9000, op="x" * 30_000)
        for i in range(45)
    ]
    text = markdown(run_of("torch", *wide))
    assert len(text.encode()) <= MARKDOWN_BYTES
    assert re.search(r"\n\d+ more are in the report\.\s*\Z", text)


def test_a_run_that_measured_nothing_says_so_everywhere() -> None:
    run = Run(table_of([on_the_whole("numpy", "void", "nothing was measured")]), [], "quick", "digest", complete=False)
    assert sentences(run)[:2] == ["Nothing was measured.", "numpy: nothing was measured."]
    assert "worst" not in markdown(run).partition("### Findings")[0]
    assert "nothing measured" in badge(run)
    assert legend(run) == ""
