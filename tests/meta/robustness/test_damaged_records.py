"""Records of sweeps, witnesses and arrays from strangers: what is damaged or lies ends in one line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from logitproof.errors import EXPECTED, USAGE
from meta.robustness.damaged_records import (
    NPY_HEADERS,
    READERS,
    SAFETENSORS_HEADERS,
    SOUND,
    npy,
    npz,
    safetensors,
    sound_record,
    sound_witness,
)
from meta.robustness.damaged_runs import NESTED
from meta.robustness.fuzz import fuzz_records, read_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CASES, SEED = 25, 20
"""The budget of each gate; `fuzz` has more on demand."""


@pytest.mark.parametrize("suffix", SOUND)
def test_every_reader_takes_what_is_sound(suffix: str, tmp_path: Path) -> None:
    for words in READERS[suffix]:
        ended = read_record(suffix, SOUND[suffix](), words, tmp_path)
        assert (ended.fault, ended.status) == ("", USAGE if "--tokens" in words else EXPECTED), words


def test_no_damage_ends_in_anything_but_one_line() -> None:
    statuses, faults = fuzz_records(CASES, SEED)
    assert not faults
    assert sum(statuses.values()) >= CASES


FILES = {
    **{f"npy {place}": (".npy", npy(header)) for place, header in enumerate(NPY_HEADERS)},
    "npz": (".npz", npz("logits.npy", npy("(" * 900))),
    **{f"safetensors {n}": (".safetensors", safetensors(json.dumps(h))) for n, h in enumerate(SAFETENSORS_HEADERS)},
    "safetensors, nested": (".safetensors", safetensors(NESTED)),
}
"""Arrays whose header lies, or is no header."""


@pytest.mark.parametrize(("suffix", "content"), FILES.values(), ids=FILES)
def test_a_header_that_lies_is_refused(suffix: str, content: bytes, tmp_path: Path) -> None:
    ended = read_record(suffix, content, READERS[suffix][0], tmp_path)
    assert (ended.fault, ended.status) == ("", USAGE)


def changed(sound: Callable[[], bytes], line: int, path: tuple[Any, ...], value: Any) -> bytes:
    """Return a file of JSON lines in which a value is another one."""
    trees = [json.loads(one) for one in sound().decode().splitlines()]
    *way, last = path
    place = trees[line]
    for key in way:
        place = place[key]
    place[last] = value
    return "\n".join(map(json.dumps, trees)).encode()


FUNCTION = "eager-log_softmax-value-float32"
RECORDS = {
    "an adapter that is a list": (0, ("adapter",), [], "head.adapter is not text"),
    "an op that is none": (0, ("plan", FUNCTION, "op"), "sofmax", "op is not one of"),
    "a size of nothing": (0, ("plan", FUNCTION, "size"), 0, "size is not a whole number in"),
    "a framework without a version": (0, ("framework",), {"framework": "", "build": {}}, "version is missing"),
    "a row past all": (1, ("ulps", "row"), 2**32, "row is not a whole number in"),
    "a measure out of range": (1, ("slack_at_most",), "0x1p+99999", "slack_at_most is not a measure"),
    "a count that is true": (1, ("broken",), True, "broken is not a whole number in"),
    "a histogram of texts": (1, ("bins",), ["a"], "bins[0] is not a whole number"),
}


@pytest.mark.parametrize(("line", "path", "value", "message"), RECORDS.values(), ids=RECORDS)
def test_a_record_of_another_shape_is_refused_by_name(
    line: int, path: tuple[Any, ...], value: Any, message: str, tmp_path: Path
) -> None:
    for words in READERS[".sweep"]:
        ended = read_record(".sweep", changed(sound_record, line, path, value), words, tmp_path)
        assert (ended.fault, ended.status) == ("", USAGE), words
        assert message in ended.err


WITNESSES = {
    "a cell without an op": (("cell", "op"), None, "op is not one of"),
    "a framework that is a number": (("framework",), 5, "framework is not text"),
    "a row that is none": (("row", "logits"), [[3], []], "is not an array"),
    "a row of other shapes": (("row", "cotangent"), [[1], ["0x1p+0"]], "not of one shape"),
    "an infinite row": (("row", "logits"), [[2], ["inf", "0x0p+0"]], "not finite"),
    "a number out of range": (("shown", "ulps"), "0x1p+99999", "ulps is not a hexadecimal number"),
    "far too many copies": (("copies",), 2**40, "copies is not a whole number in"),
    "rows that are a text": (("about", "search", "rows"), "5", "rows is not a whole number in"),
}


@pytest.mark.parametrize(("path", "value", "message"), WITNESSES.values(), ids=WITNESSES)
def test_a_witness_of_another_shape_is_refused_by_name(
    path: tuple[Any, ...], value: Any, message: str, tmp_path: Path
) -> None:
    content = changed(sound_witness, 0, path, value)
    ended = read_record(".json", content, ("worst", "--again", "{}"), tmp_path)
    assert (ended.fault, ended.status) == ("", USAGE)
    assert message in ended.err
