"""Run files from strangers: what is damaged or made to harm ends in one line, and takes little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from logitproof_reports.runs.checked_facts import checked_environments
from logitproof_reports.runs.run_file import RunFileError, read_run
from meta.robustness.bombs import BOMBS, with_values
from meta.robustness.damaged_runs import NESTED, journal_lines, sound_file, sound_run, stored, summed
from meta.robustness.fuzz import READERS, fuzz_runs, read

CASES, SEED = 60, 20
"""The budget of each gate; `fuzz` has more on demand."""

MOST_BYTES = 160_000_000
"""Of memory, for a whole process that reads a file; it needs 100 MB to import what reads."""

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())
"""Files that once broke a reader."""


def refusal(content: bytes, folder: Path, suffix: str = ".parquet") -> str:
    """Return the line with which a file is refused."""
    place = folder / f"run{suffix}"
    place.write_bytes(content)
    with pytest.raises(RunFileError) as caught:
        read_run(place)
    return str(caught.value)


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_takes_what_is_sound(reader: str, tmp_path: Path) -> None:
    ended = read(reader, ".parquet", sound_file(), tmp_path)
    assert (ended.fault, ended.status) in {("", 0), ("", 1)}
    assert not ended.err


def test_no_damage_ends_in_anything_but_one_line() -> None:
    statuses, faults = fuzz_runs(CASES, SEED)
    assert not faults
    assert sum(statuses.values()) >= CASES


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_what_once_broke_a_reader_is_refused(path: Path, tmp_path: Path) -> None:
    suffix = "".join(path.suffixes)
    for reader in ("findings", "explain"):
        ended = read(reader, suffix, path.read_bytes(), tmp_path)
        assert (ended.fault, ended.status) == ("", 2)


DAMAGES = {
    "a word that is none": ({"op": "sofmax"}, 'the op "sofmax", known are'),
    "a verdict that is none": ({"verdict": ""}, 'the verdict "", known are'),
    "a negative slack": ({"slack": -1.0}, "a negative slack"),
    "a negative count": ({"elements": -1}, "a negative elements"),
    "a row past all regimes": ({"row": 10**8}, "a row past 100,000,000"),
    "a text of megabytes": ({"reason": "a" * 1_000_000}, "a text of more than 50,000 bytes in reason"),
    "a number that is none": ({"observed": "0x"}, 'the observed "0x"'),
    "inputs that are none": ({"inputs": '{"logits": [[1]]}'}, "the inputs"),
    "a training that is none": ({"series": '{"task": 1}'}, "series that is not a training"),
    "a training of unequal parts": (
        {
            "series": json.dumps(
                {
                    "task": "",
                    "series": {"loss": [1.0], "drift": []},
                    "first_difference": 0,
                    "accuracy": 0,
                    "exact_accuracy": 0,
                }
            )
        },
        "different length",
    ),
}


@pytest.mark.parametrize(("values", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_value_that_no_run_has_is_refused_by_name(values: dict[str, object], message: str, tmp_path: Path) -> None:
    assert message in refusal(stored(with_values(**values)), tmp_path)


def test_a_judgement_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    table = sound_run().table
    twice = replace(sound_run(), table=pa.concat_tables([table, table.slice(7, 1)]))
    assert "the same judgement twice" in refusal(stored(twice), tmp_path)


ENVIRONMENTS = {
    "a text": ("torch", "environments[0] is not a mapping"),
    "pairs": ([["python", "3.11"]], "environments[0] is not a mapping"),
    "a number as text": ({"cores": "2"}, "environments[0].cores is not a whole number"),
    "a framework that is a list": ({"framework": []}, "environments[0].framework is not a mapping"),
    "a shard of too many": ({"shard": "1/999999999"}, "environments[0].shard is not a part such as 2/3"),
    "a ledger without ids": ({"ledger": [{}]}, "an entry of a ledger without id"),
}


@pytest.mark.parametrize(("environment", "message"), ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_an_environment_of_another_shape_is_refused_by_name(environment: object, message: str) -> None:
    with pytest.raises(RunFileError) as caught:
        checked_environments("run.parquet", [environment])
    assert message in str(caught.value)


@pytest.mark.parametrize("spelled", ["{}", '{"a": 1}', NESTED, "9" * 5_000, "nonsense"])
def test_environments_that_are_none_are_refused(spelled: str, tmp_path: Path) -> None:
    assert "invalid metadata" in refusal(stored(sound_run(), environments=spelled), tmp_path)


@pytest.mark.parametrize("name", ["environments", "profile", "case_set", "complete", "digest"])
def test_a_fact_that_is_missing_is_named(name: str, tmp_path: Path) -> None:
    assert f"has missing metadata ({name})" in refusal(stored(sound_run(), **{name: None}), tmp_path)


def test_a_nested_journal_is_refused(tmp_path: Path) -> None:
    lines = summed([*journal_lines(), NESTED])
    assert "is damaged at line" in refusal(lines, tmp_path, ".parquet.journal")


def test_a_version_of_later_is_refused_by_name(tmp_path: Path) -> None:
    assert "has schema version 3, this release reads 2" in refusal(stored(sound_run(), schema_version="3"), tmp_path)


PROGRAM = """
import re, sys
from pathlib import Path
from logitproof_reports.runs.run_file import RunFileError, read_run
try:
    read_run(sys.argv[1])
except RunFileError as error:
    print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1], error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not say what memory a process took")
@pytest.mark.parametrize("name", BOMBS)
def test_a_file_out_of_proportion_is_refused_within_little_memory(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(BOMBS[name]())
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / name)]
    most, message = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(maxsplit=1)
    assert int(most) * 1024 < MOST_BYTES
    assert name in message


def test_texts_that_are_stored_as_differences_are_refused_by_name(tmp_path: Path) -> None:
    content = BytesIO()
    table = sound_run().table.replace_schema_metadata(pq.read_schema(pa.BufferReader(sound_file())).metadata)
    pq.write_table(table, content, use_dictionary=False, column_encoding={"reason": "DELTA_BYTE_ARRAY"})
    assert "stores reason as differences" in refusal(content.getvalue(), tmp_path)
