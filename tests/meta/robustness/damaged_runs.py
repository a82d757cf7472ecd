"""Run files that are damaged or made to harm: strategies for hypothesis that build them, kind by kind."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from logitproof_reference.vocabulary.judgement import Judgement
from logitproof_reports.runs import run_file
from logitproof_reports.runs.digest import digest_of
from logitproof_reports.runs.journal import with_sum
from logitproof_reports.runs.origin import Origin
from logitproof_reports.runs.run_file import SCHEMA, SCHEMA_VERSION, Run, table_of
from logitproof_reports.runs.schema import cells_of
from meta.reports.synthetic_runs import ORDINARY, QUESTIONS, environment_of, judgement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

PARQUET, JOURNAL = ".parquet", ".parquet.journal"

TEXTS = tuple(field.name for field in fields(Judgement) if field.type == "str")
NUMBERS = tuple(field.name for field in fields(Judgement) if field.type != "str")

LEDGER = [
    {
        "id": "slow",
        "clause": "VAL-1",
        "reason": "off",
        "upstream": "https://example.org/1",
        "machines": "",
        "conditions": {"AVX2": True},
        "applies": True,
        "carried": False,
    }
]
DIALECTS = [{"op": "softmax_cross_entropy", "labels": "indices", "entry": "", "documentation": "https://example.org"}]

ORIGIN = Origin(("torch",), "2026-01-31T12:00:00Z", 58.25, "logitproof run", "0123456789" * 4)


@cache
def sound_run() -> Run:
    """Return a small run with one judgement of each kind that commands treat apart."""
    made = [judgement("torch", "eager", "float32", question, regime) for question in QUESTIONS for regime in ORDINARY]
    wrong = {"verdict": "deviates", "observed": "nan", "slack": math.inf, "ulps": math.inf, "reason": "NaN"}
    made[0] = replace(made[0], **wrong)
    made[1] = replace(made[1], **wrong, deviation="slow")
    made[2] = replace(made[2], verdict="crashed", reason="RuntimeError: no", slack=math.nan, observed="")
    environment = environment_of("torch", "2.13.0", ledger=LEDGER, dialects=DIALECTS, tried="2.13.0")
    table = table_of(made)
    seconds = dict.fromkeys(cells_of(table), 0.25)
    return Run(table, [environment], "quick", "c0ffee" * 8, origins=(ORIGIN,), seconds=seconds)


def stored(run: Run, table: pa.Table | None = None, **facts: str | bytes | None) -> bytes:
    """Return a run as a run file's bytes: with another table, and with other facts or, where None, without them."""
    metadata: dict[bytes, bytes] = run_file._metadata_of(run)  # what is damaged below is what is written
    for name, fact in facts.items():
        metadata.pop(f"logitproof.{name}".encode())
        if fact is not None:
            metadata[f"logitproof.{name}".encode()] = fact.encode() if isinstance(fact, str) else fact
    content = BytesIO()
    shown = run.table if table is None else table
    pq.write_table(shown.replace_schema_metadata(metadata), content, compression="zstd")
    return content.getvalue()


@cache
def sound_file() -> bytes:
    """Return `sound_run` as a run file."""
    return stored(sound_run())


@cache
def journal_lines() -> tuple[str, ...]:
    """Return the lines of `sound_run` as a journal, without their checksums."""
    run = sound_run()
    header = {"schema_version": SCHEMA_VERSION, "environment": run.environments[0], "profile": "quick"}
    lines: list[Any] = [{**header, "case_set": run.case_set, "total": 20, "origin": ORIGIN.as_json()}]
    for record in run.table.to_pylist():
        lines += [record, {"done": record["cell"], "seconds": 0.25, "elapsed": 1.5}]
    return tuple(json.dumps(line) for line in [*lines, {"given_up": "torch-eager"}])


def summed(lines: Sequence[str]) -> bytes:
    """Return lines as a journal, with the checksums that they would have."""
    found, before = [], 0
    for line in lines:
        text, before = with_sum(line, before)
        found.append(text)
    return "\n".join([*found, ""]).encode()


@cache
def sound_journal() -> bytes:
    """Return `sound_run` as a journal."""
    return summed(journal_lines())


def _odd_texts() -> SearchStrategy[str]:
    long = st.builds(lambda char, size: char * size, st.sampled_from("a\x1b<é"), st.sampled_from((300_000, 3_000_000)))
    known = ("nan", "-inf", "0x1p+1", "[]", "{}", "null", '{"logits": 1}', "1e999", "../../x", "=1+1", "\x1b]0;x\x07")
    return st.one_of(st.text(max_size=20), st.sampled_from(known), long)


def odd_json() -> SearchStrategy[Any]:
    """Return trees of JSON values of any shape."""
    leaves = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**12), 10**30),
        st.floats(),
        st.text(st.characters(exclude_categories=("Cs",)), max_size=8),
    )
    names = st.one_of(
        st.text(max_size=4), st.sampled_from(("framework", "version", "ledger", "id", "adapters", "shard"))
    )
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3))


NESTED = "[" * 10_000 + "]" * 10_000
SPELLINGS = (
    NESTED,
    NESTED.replace("[", '{"a":').replace("]", "1}"),
    "",
    "nonsense",
    "9" * 5_000,
    "NaN",
    '"x"',
    "{",
    "[{}]",
)


@st.composite
def of_bytes(draw: DrawFn, sound: Callable[[], bytes]) -> bytes:
    """Return bytes that were cut, flipped, repeated or overwritten somewhere."""
    content = bytearray(sound())
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, max(0, len(content) - 1)))
        stop = min(len(content), start + draw(st.sampled_from((1, 1, 4, 64, 1_000))))
        kind = draw(st.sampled_from(("flip", "cut", "zero", "repeat", "noise", "truncate")))
        old = bytes(content[start:stop])
        content[start:stop] = {
            "flip": bytes(byte ^ draw(st.sampled_from((1, 16, 128, 255))) for byte in old[:4]) + old[4:],
            "cut": b"",
            "zero": bytes(len(old)),
            "repeat": old * 2,
            "noise": draw(st.binary(max_size=16)),
            "truncate": old,
        }[kind]
        if kind == "truncate":
            del content[start:]
    return bytes(content)


@st.composite
def of_facts(draw: DrawFn) -> bytes:
    """Return a run file whose facts are missing or are others, with the digest of what it says where it has one."""
    names = ("schema_version", "environments", "profile", "case_set", "complete", "digest", "origins", "cell_seconds")
    name = draw(st.sampled_from(names))
    odd = st.one_of(odd_json().map(json.dumps), st.sampled_from(SPELLINGS), st.binary(max_size=20), st.none())
    return stored(sound_run(), **{name: draw(odd)})


@st.composite
def of_environment(draw: DrawFn) -> bytes:
    """Return a run file whose digest is right and whose environment is not."""
    environment = json.loads(json.dumps(sound_run().environments[0]))
    paths = [(name,) for name in environment]
    paths += [("framework", name) for name in ("framework", "version", "build")]
    paths += [("ledger", 0, name) for name in LEDGER[0]] + [("dialects", 0, name) for name in DIALECTS[0]]
    extra = [
        ("dialects", 0, "mean_over"),
        ("dialects", 0, "takes"),
        ("dialects", 0, "words"),
        ("shard",),
        ("adapters",),
    ]
    *way, last = draw(st.sampled_from(paths + extra + [("target",), ("judge",)]))
    place = environment
    for step in way:
        place = place[step]
    place[last] = draw(st.one_of(odd_json(), st.sampled_from(("1/999999999", "0/0", "2/1", "a/b", "1/1/1"))))
    return stored(replace(sound_run(), environments=[environment]))


@st.composite
def of_origin(draw: DrawFn) -> bytes:
    """Return a run file whose origin or times are none."""
    odd = draw(odd_json())
    name = draw(st.sampled_from((*ORIGIN.as_json(), "cell_seconds")))
    if name == "cell_seconds":
        cells = len(cells_of(sound_run().table))
        return stored(sound_run(), cell_seconds=json.dumps([odd] * cells))
    return stored(sound_run(), origins=json.dumps([{**ORIGIN.as_json(), name: odd}]))


@st.composite
def of_values(draw: DrawFn) -> bytes:
    """Return a run file whose digest is right, and which holds a value that no run has."""
    records = sound_run().table.to_pylist()
    record = records[draw(st.integers(0, len(records) - 1))]
    name = draw(st.sampled_from(TEXTS + NUMBERS))
    if name in TEXTS:
        record[name] = draw(_odd_texts())
    elif isinstance(record[name], float):
        record[name] = draw(st.sampled_from((-1.0, -math.inf, -1e-300)))
    else:
        record[name] = draw(st.sampled_from((-2, -(2**63), 10**9, 2**63 - 1)))
    table = table_of(Judgement(**one) for one in records)
    return stored(replace(sound_run(), table=table))


@st.composite
def of_columns(draw: DrawFn) -> bytes:
    """Return a run file in which a column is missing, there twice, of another type or full of nulls."""
    table = sound_run().table
    name = draw(st.sampled_from(SCHEMA.names))
    place, size = SCHEMA.names.index(name), len(table)
    others: Mapping[str, pa.Array] = {
        "nulls": pa.nulls(size, SCHEMA.field(name).type),
        "null type": pa.nulls(size),
        "lists": pa.array([[1]] * size),
        "structs": pa.array([{"a": 1}] * size),
        "bytes": pa.array([b"\xff\xfe"] * size),
        "digits": pa.array(["1"] * size),
        "booleans": pa.array([True] * size),
        "dates": pa.array([0] * size, pa.timestamp("s")),
        "decimals": pa.array([1] * size, pa.decimal128(20)),
        "fractions": pa.array([0.5] * size),
        "NaN": pa.array([math.nan] * size),
        "dictionary": pa.array(["a"] * size).dictionary_encode(),
        "not UTF-8": pa.Array.from_buffers(
            pa.string(), size, [None, pa.array(range(size + 1), pa.int32()).buffers()[1], pa.py_buffer(b"\xff" * size)]
        ),
    }
    kind = draw(st.sampled_from(("missing", "twice", "renamed", "repeated rows", *others)))
    if kind == "missing":
        table = table.drop([name])
    elif kind == "twice":
        table = table.append_column(name, table[name])
    elif kind == "renamed":
        table = table.rename_columns([one.upper() if one == name else one for one in table.column_names])
    elif kind == "repeated rows":
        table = pa.concat_tables([table, table.slice(0, 2)])
        return stored(replace(sound_run(), table=table))
    else:
        table = table.set_column(place, name, others[kind])
    return stored(sound_run(), table, digest=_digest_where_it_can_be(table))


def _digest_where_it_can_be(table: pa.Table) -> str | None:
    try:
        return digest_of(replace(sound_run(), table=table))
    except Exception:  # noqa: BLE001  no column of a run
        return None


@st.composite
def of_journal(draw: DrawFn) -> bytes:
    """Return a journal with lines that are missing, there twice, of another order or of other values; sums fit."""
    lines = list(journal_lines())
    at = draw(st.integers(0, len(lines) - 1))
    kind = draw(st.sampled_from(("missing", "twice", "swapped", "json", "spelled", "value", "value")))
    if kind == "missing":
        del lines[at]
    elif kind == "twice":
        lines.insert(at, lines[at])
    elif kind == "swapped":
        lines[0], lines[at] = lines[at], lines[0]
    elif kind == "json":
        lines[at] = json.dumps(draw(odd_json()))
    elif kind == "spelled":
        lines[at] = draw(st.sampled_from(SPELLINGS))
    else:
        line = json.loads(lines[at])
        line[draw(st.sampled_from(sorted(line)))] = draw(odd_json())
        lines[at] = json.dumps(line)
    return summed(lines)


KINDS: dict[str, tuple[str, SearchStrategy[bytes]]] = {
    "bytes": (PARQUET, of_bytes(sound_file)),
    "facts": (PARQUET, of_facts()),
    "environment": (PARQUET, of_environment()),
    "origin": (PARQUET, of_origin()),
    "values": (PARQUET, of_values()),
    "columns": (PARQUET, of_columns()),
    "journal bytes": (JOURNAL, of_bytes(sound_journal)),
    "journal": (JOURNAL, of_journal()),
}
"""What each kind of damage makes: the end of the file's name, and its bytes."""
