"""Run files: what is written is read back, what is no run is refused in one clear line."""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from logitproof_reference.vocabulary.judgement import Judgement
from logitproof_reports.runs.digest import digest_of
from logitproof_reports.runs.journal import with_sum
from logitproof_reports.runs.recordable import recordable_table
from logitproof_reports.runs.run_file import (
    SCHEMA,
    Header,
    Journal,
    Run,
    RunFileError,
    merge,
    read_journal,
    read_run,
    table_of,
    write_run,
)
from meta.reports.synthetic_runs import three_frameworks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENVIRONMENT = {"python": "3.11.2", "framework": {"adapter": "torch", "name": "PyTorch", "version": "2.13.0"}}
HEADER: Header = {"environment": ENVIRONMENT, "profile": "quick", "case_set": "c0ffee", "total": 3}
PLAIN = Judgement(
    cell="torch-eager-softmax-value-float32",
    adapter="torch",
    mode="eager",
    op="softmax",
    labels="none",
    quantity="value",
    format="float32",
    axis="last",
    layout="contiguous",
    regime="typical",
    clause="VAL-1",
    grade="MUST",
    verdict="conforms",
    elements=640,
    ulps=1.25,
    slack=0.5,
)
JUDGEMENTS = [
    PLAIN,
    replace(PLAIN, regime="masked", clause="EXT-3", verdict="deviates", slack=math.inf, reason="NaN where 0 was due"),
    replace(PLAIN, regime="wide", reason='</script> "quoted" \x00 \u202e \n line', inputs='{"logits": ["0x1p+0"]}'),
]


def run_of(*judgements: Judgement, complete: bool = True) -> Run:
    return Run(table_of(judgements), [ENVIRONMENT], "quick", "c0ffee", complete)


def same(one: pa.Table, other: pa.Table) -> bool:
    return repr(one.to_pylist()) == repr(other.to_pylist())


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    run = run_of(*JUDGEMENTS, complete=False)
    write_run(tmp_path / "new" / "run.parquet", run)
    back = read_run(tmp_path / "new" / "run.parquet")
    assert same(back.table, run.table)
    assert back.table.schema == SCHEMA
    assert back.environments == [{**ENVIRONMENT, "adapters": ["torch"]}]
    assert (back.profile, back.case_set, back.complete) == ("quick", "c0ffee", False)


def test_the_choice_of_a_part_is_read_back_and_a_merge_of_one_choice_has_it(tmp_path: Path) -> None:
    part = replace(run_of(PLAIN, complete=False), choice="-k softmax")
    write_run(tmp_path / "run.parquet", part)
    assert read_run(tmp_path / "run.parquet").choice == "-k softmax"
    other = replace(PLAIN, regime="wide")
    assert merge([part, replace(run_of(other, complete=False), choice="-k softmax")]).choice == "-k softmax"
    assert merge([part, run_of(other)]).choice == ""
    table = pq.read_table(tmp_path / "run.parquet")
    metadata = {**table.schema.metadata, b"logitproof.choice": b"[1]"}
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "run.parquet")
    with pytest.raises(RunFileError, match="choice is not a text"):
        read_run(tmp_path / "run.parquet")


def test_a_run_without_judgements_is_read_back(tmp_path: Path) -> None:
    write_run(tmp_path / "run.parquet", run_of())
    assert read_run(tmp_path / "run.parquet").table.num_rows == 0


def test_text_that_utf8_cannot_spell_is_kept_escaped() -> None:
    table = table_of([replace(PLAIN, reason="broken \udcff byte")])
    assert table["reason"][0].as_py() == "broken \\udcff byte"


def test_a_failed_write_leaves_the_old_run_whole(tmp_path: Path) -> None:
    path = tmp_path / "run.parquet"
    write_run(path, run_of(*JUDGEMENTS))
    before = path.read_bytes()
    (tmp_path / "folder").mkdir()
    with pytest.raises(RunFileError, match="cannot be written"):
        write_run(tmp_path / "folder", run_of(PLAIN))
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder", "run.parquet"]


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _zeroed_pages(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4] + bytes(600) + content[604:])


def _other_schema(path: Path) -> None:
    table = pq.read_table(path)
    metadata = {**table.schema.metadata, b"logitproof.schema_version": b"99"}
    pq.write_table(table.replace_schema_metadata(metadata), path)


def _lacks_column(path: Path) -> None:
    pq.write_table(pq.read_table(path).drop_columns(["slack"]), path)


def _other_type(path: Path) -> None:
    table = pq.read_table(path)
    words = pa.array(["many"] * table.num_rows)
    pq.write_table(table.set_column(table.column_names.index("slack"), "slack", words), path)


def _nulls(path: Path) -> None:
    table = pq.read_table(path)
    nulls = pa.nulls(table.num_rows, pa.string())
    pq.write_table(table.set_column(table.column_names.index("cell"), "cell", nulls), path)


def _garbled_metadata(path: Path) -> None:
    table = pq.read_table(path)
    metadata = {**table.schema.metadata, b"logitproof.environments": b"["}
    pq.write_table(table.replace_schema_metadata(metadata), path)


def _foreign_parquet(path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = {
    "missing": (lambda path: path.unlink(), "does not exist: make it with"),
    "directory": (_folder, "is a directory: pass the path of a file in it"),
    "empty": (lambda path: path.write_bytes(b""), "is not a run file"),
    "text": (lambda path: path.write_text("cell,verdict\n"), "is not a run file"),
    "truncated": (_truncated, "is truncated or damaged: copy it again"),
    "magic alone": (lambda path: path.write_bytes(b"PAR1"), "is truncated or damaged: copy it again"),
    "zeroed pages": (_zeroed_pages, "truncated or damaged"),
    "foreign parquet": (_foreign_parquet, "is Parquet but not a run file"),
    "other schema": (_other_schema, "has schema version 99, this release reads 2"),
    "missing column": (_lacks_column, "lacks the columns slack"),
    "other type": (_other_type, "column of another type"),
    "nulls": (_nulls, "holds nulls in cell"),
    "garbled metadata": (_garbled_metadata, "has invalid metadata"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_no_run_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    damage, message = DAMAGES[name]
    path = tmp_path / "run.parquet"
    write_run(path, run_of(*JUDGEMENTS))
    damage(path)
    with pytest.raises(RunFileError, match=message) as caught:
        read_run(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def write_journal(path: Path) -> None:
    with Journal(path, HEADER) as journal:
        for judgement in JUDGEMENTS:
            journal.append(judgement)


def test_a_journal_is_readable_after_a_kill_at_any_byte(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.journal", tmp_path / "cut.parquet.journal"
    write_journal(whole)
    content = whole.read_bytes()
    header_end = content.index(b"\n") + 1
    for end in range(len(content) + 1):
        cut.write_bytes(content[:end])
        if end < header_end:
            with pytest.raises(RunFileError, match="ends within its first line"):
                read_run(tmp_path / "cut.parquet")
            continue
        run = read_run(tmp_path / "cut.parquet")
        assert run.table.num_rows == content[header_end:end].count(b"\n")
        assert not run.complete


def test_a_journal_holds_what_was_appended(tmp_path: Path) -> None:
    write_journal(tmp_path / "run.parquet.journal")
    run = read_run(tmp_path / "run.parquet")
    assert same(run.table, table_of(JUDGEMENTS))
    assert (run.environments, run.profile, run.case_set) == ([ENVIRONMENT], "quick", "c0ffee")


def test_each_judgement_reaches_the_journal_at_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run.parquet.journal", HEADER)
    journal.append(PLAIN)
    assert read_run(tmp_path / "run.parquet").table.num_rows == 1
    journal.close()


def test_a_journal_begun_after_the_run_file_is_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.parquet"
    write_run(path, run_of(PLAIN))
    with Journal(tmp_path / "run.parquet.journal", HEADER) as journal:
        journal.append(PLAIN)
        journal.append(replace(PLAIN, regime="wide"))
    assert not read_run(path).complete
    assert read_run(path).table.num_rows == 2


def test_a_finished_run_drops_its_journal(tmp_path: Path) -> None:
    path = tmp_path / "run.parquet"
    write_journal(tmp_path / "run.parquet.journal")
    write_run(path, run_of(PLAIN))
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.parquet"]
    assert read_run(path).complete


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{not json}", "damaged at line 3"),
        ("[]", "damaged at line 3"),
        ('{"a": 1}', "lacks the field 'cell'"),
        (json.dumps({**vars(PLAIN), "elements": "x"}), "value of another type"),
    ],
)
def test_a_journal_damaged_within_is_refused(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.parquet.journal"
    with Journal(path, HEADER) as journal:
        journal.append(PLAIN)
        summed, _ = with_sum(line, journal._sum)
    path.write_bytes(path.read_bytes() + summed.encode() + b"\n")
    with pytest.raises(RunFileError, match=message) as caught:
        read_journal(path)
    assert "\n" not in str(caught.value)


CHANGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "a line is lost": lambda lines: [*lines[:2], *lines[3:]],
    "a line is there twice": lambda lines: [*lines[:3], *lines[2:]],
    "lines are swapped": lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]],
    "a verdict is another": lambda lines: [one.replace(b'"conforms"', b'"concern"', 1) for one in lines],
    "a digit is another": lambda lines: [*lines[:2], lines[2].replace(b"1", b"2", 1), *lines[3:]],
    "the checksum is gone": lambda lines: [*lines[:2], lines[2][:-22] + b"}\n", *lines[3:]],
    "the profile is another": lambda lines: [lines[0].replace(b'"quick"', b'"full"'), *lines[1:]],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_journal_that_was_altered_is_refused(change: Callable[[list[bytes]], list[bytes]], tmp_path: Path) -> None:
    path = tmp_path / "run.parquet.journal"
    with Journal(path, HEADER) as journal:
        for number in range(5):
            journal.append(replace(PLAIN, regime=f"regime {number}"))
    lines = path.read_bytes().splitlines(keepends=True)
    assert change(lines) != lines
    path.write_bytes(b"".join(change(lines)))
    with pytest.raises(RunFileError, match="damaged at line"):
        read_journal(path)


def test_a_journal_of_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.parquet.journal"
    path.write_text('{"schema_version": 7}\n')
    with pytest.raises(RunFileError, match="has schema version 7"):
        read_run(path)


def test_merged_runs_hold_the_rows_and_environments_of_all() -> None:
    other = {"python": "3.11.2", "framework": {"adapter": "jax", "name": "JAX", "version": "0.10.2"}}
    jax = replace(PLAIN, cell="jax-eager-softmax-value-float32", adapter="jax")
    torch_shard = replace(PLAIN, regime="wide")
    merged = merge([run_of(PLAIN), replace(run_of(jax), environments=[other]), run_of(torch_shard)])
    assert merged.table["cell"].to_pylist() == [PLAIN.cell, jax.cell, PLAIN.cell]
    assert merged.environments == [{**ENVIRONMENT, "adapters": ["torch"]}, {**other, "adapters": ["jax"]}]
    assert merged.complete


def test_a_merge_with_an_interrupted_run_is_incomplete() -> None:
    assert not merge([run_of(PLAIN), run_of(replace(PLAIN, regime="wide"), complete=False)]).complete


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([], "nothing to merge"),
        ([run_of(PLAIN), replace(run_of(), profile="full")], 'different profile \\("full", "quick"\\)'),
        ([run_of(PLAIN), replace(run_of(), case_set="beef")], 'different case_set \\("beef", "c0ffee"\\)'),
        (
            [run_of(JUDGEMENTS[1]), run_of(PLAIN, JUDGEMENTS[1])],
            'cell torch-eager-softmax-value-float32, regime "masked", clause EXT-3',
        ),
    ],
    ids=["none", "profile", "case set", "overlap"],
)
def test_runs_that_do_not_belong_together_do_not_merge(runs: list[Run], message: str) -> None:
    with pytest.raises(RunFileError, match=message):
        merge(runs)


def test_a_hundred_thousand_rows_are_written_read_and_merged(tmp_path: Path) -> None:
    many = 100_000
    columns = {name: [value] * many for name, value in vars(PLAIN).items()}
    columns["regime"] = [f"regime_{i}" for i in range(many)]
    columns["slack"] = [i / many for i in range(many)]
    run = replace(run_of(), table=pa.table(columns, schema=SCHEMA))
    other = replace(run, table=run.table.set_column(0, "cell", pa.array(["jax"] * many)))
    write_run(tmp_path / "run.parquet", run)
    assert same(read_run(tmp_path / "run.parquet").table, run.table)
    assert merge([run, other]).table.num_rows == 2 * many


def test_no_bit_of_a_run_file_can_be_changed_unseen(tmp_path: Path) -> None:
    path = tmp_path / "run.parquet"
    write_run(path, three_frameworks())
    content, whole = path.read_bytes(), digest_of(read_run(path))
    for place in range(0, len(content), len(content) // 40):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        with contextlib.suppress(RunFileError):
            assert digest_of(read_run(path)) == whole


def test_a_digest_is_the_same_however_a_table_is_cut() -> None:
    run = three_frameworks()
    parts = [run.table.slice(0, 7), run.table.slice(7, 0), run.table.slice(7)]
    assert digest_of(replace(run, table=pa.concat_tables(parts))) == digest_of(run)
    assert digest_of(replace(run, table=run.table.slice(1))) != digest_of(run)
    assert digest_of(replace(run, complete=False)) != digest_of(run)


def test_a_judgement_that_no_run_file_may_hold_costs_no_other() -> None:
    found = recordable_table([PLAIN, replace(PLAIN, regime="other", slack=-1.0), replace(PLAIN, regime="third")])
    first, second, third = found.to_pylist()
    assert [one["verdict"] for one in (first, second, third)] == [PLAIN.verdict, "void", PLAIN.verdict]
    assert (second["cell"], second["regime"]) == (PLAIN.cell, "other")
    assert "failed to record this: it holds a negative slack" in second["reason"]
    assert same(recordable_table(JUDGEMENTS), table_of(JUDGEMENTS))
