"""Records of sweeps, witnesses of searches and arrays that are damaged, or say what none says."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from logitproof_reference.vocabulary.cells import Cell, cell_to_json
from logitproof_reports.sweep_records.atlas_entries import Searched, atlas_of
from logitproof_reports.sweep_records.record import KIND, VERSION
from meta.robustness.damaged_runs import NESTED, SPELLINGS, odd_json, of_bytes
from meta.sweeps.test_atlas import record_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn, SearchStrategy

ODD = (
    None,
    0,
    -1,
    1e999,
    1.5,
    "",
    "\0",
    "nan",
    "\x1b[2J",
    [],
    {},
    [[]],
    {"": ""},
    True,
    "x" * 100_000,
    2**70,
    "0x1p+9",
)
LOGITS = np.arange(12, dtype=np.float32).reshape(3, 4)


def sound_record() -> bytes:
    """Return the file of a record."""
    record = record_of("numpy")
    lines = [{KIND: VERSION, **record.head}, *record.units]
    return "".join(json.dumps(one) + "\n" for one in lines).encode()


def sound_witness() -> bytes:
    """Return the file of a witness of the control."""
    numbers = dict.fromkeys(("ulps", "slack", "exact", "observed", "bound"), (0.5).hex())
    cell = cell_to_json(Cell("numpy", "eager", "softmax", "value", "float32"))
    about = {
        "framework": {"framework": "NumPy", "version": "2.4.0", "build": {}},
        "environment": {"cpu": "some processor"},
        "search": {"seconds": 1.0, "rows": 100, "seed": 0, "random_rows": 10, "random_best": 0.4},
    }
    tree = {
        "logitproof_worst": 1,
        "framework": "numpy",
        "cell": cell,
        "row": {"logits": [[2], [(1.0).hex(), (0.0).hex()]]},
        "copies": 1,
        "measure": "ulps",
        "shown": {"element": 0, **numbers},
        "about": about,
    }
    return json.dumps(tree, default=vars).encode()


def sound_atlas() -> bytes:
    """Return the file of an atlas, of a record and a search."""
    swept = asdict(atlas_of([record_of("numpy")]).swept[0])
    search = Searched("numpy", "NumPy 2.4.0", "softmax value", "float32", "10", "ulps", "2.5", "0.25", "100", "-")
    tree = {
        "logitproof_atlas": 1,
        "environments": [swept["environment"]],
        "swept": [{**swept, "environment": 0}],
        "searched": [asdict(search)],
    }
    return json.dumps(tree).encode()


@cache
def sound_arrays() -> dict[str, bytes]:
    """Return the same array in files of every kind, by the ends of their names."""
    one, several, column = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.save(one, LOGITS)
    np.savez(several, logits=LOGITS)
    pq.write_table(pa.table({"logits": pa.array(LOGITS.tolist(), pa.list_(pa.float32()))}), column)
    header = json.dumps({"logits": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]}}).encode()
    stored = len(header).to_bytes(8, "little") + header + LOGITS.tobytes()
    return {
        ".npy": one.getvalue(),
        ".npz": several.getvalue(),
        ".parquet": column.getvalue(),
        ".safetensors": stored,
    }


@st.composite
def _with_odd(draw: DrawFn, tree: Any) -> Any:
    """Return a tree with an odd value somewhere in its depth, or without a part, or with one of another place."""
    place: Any = tree
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        if isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 3)):
            place = place[key]
            continue
        kind = draw(st.sampled_from(("odd", "odd", "odd", "tree", "gone", "other")))
        if kind == "gone":
            del place[key]
        else:
            other = place[draw(st.sampled_from(keys))]
            choices = {"odd": st.sampled_from(ODD), "tree": odd_json(), "other": st.just(other)}
            place[key] = draw(choices[kind])
        return tree


@st.composite
def of_trees(draw: DrawFn, sound: Callable[[], bytes]) -> bytes:
    """Return lines of JSON with odd values in them, in another order, there twice, or none."""
    lines = sound().decode().splitlines()
    at = draw(st.integers(0, len(lines) - 1))
    kind = draw(st.sampled_from(("odd", "odd", "odd", "odd", "twice", "gone", "spelled", "json")))
    if kind == "odd":
        lines[at] = json.dumps(draw(_with_odd(json.loads(lines[at]))))
    elif kind == "twice":
        lines.insert(at, lines[at])
    elif kind == "gone":
        del lines[at]
    else:
        lines[at] = draw(st.sampled_from(SPELLINGS)) if kind == "spelled" else json.dumps(draw(odd_json()))
    return "\n".join(lines).encode()


NPY_HEADERS = (
    "{'descr': '|O', 'fortran_order': False, 'shape': (3, 4), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (10**12, 4), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 4), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-3, -4), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4000000000), }",
    "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 4), }",
    "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (), }",
    "{'descr': '<U7', 'fortran_order': False, 'shape': (3,), }",
    "__import__('os').abort()",
    "(" * 5_000,
    "-" * 9_000 + "1",
    "{" + "'a': 1, " * 900 + "}",
)
SAFETENSORS_HEADERS = (
    {"logits": {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 48]}},
    {"logits": {"dtype": "F32", "shape": [3, -4], "data_offsets": [0, 48]}},
    {"logits": {"dtype": "F32", "shape": [1e400, 4], "data_offsets": [0, 48]}},
    {"logits": {"dtype": [], "shape": [3, 4], "data_offsets": [0, 48]}},
    {"logits": {"dtype": "F32", "shape": {"a": 1}, "data_offsets": [0]}},
    {"logits": {"dtype": "F32", "shape": "34", "data_offsets": "08"}},
    {"logits": {"dtype": "F32", "shape": [1] * 100, "data_offsets": [0, 4]}},
    {"logits": []},
    {"\x1b[2J": {}, "b": {}},
)


def npy(header: str) -> bytes:
    """Return a .npy file with a header."""
    body = header.encode() + b"\n"
    return b"\x93NUMPY\x02\x00" + len(body).to_bytes(4, "little") + body + LOGITS.tobytes()


def safetensors(header: str) -> bytes:
    """Return a .safetensors file with a header."""
    return len(header).to_bytes(8, "little") + header.encode() + LOGITS.tobytes()


def npz(name: str, content: bytes) -> bytes:
    """Return a .npz file of one member."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return made.getvalue()


@st.composite
def of_arrays(draw: DrawFn, suffix: str) -> bytes:
    """Return an array's file that is damaged, or whose header lies."""
    if draw(st.booleans()):
        return draw(of_bytes(lambda: sound_arrays()[suffix]))
    if suffix == ".npy":
        return npy(draw(st.sampled_from(NPY_HEADERS)))
    if suffix == ".npz":
        name = draw(st.sampled_from(("logits.npy", "../logits.npy", "a", "\x1b.npy", "b/")))
        return npz(name, npy(draw(st.sampled_from(NPY_HEADERS))))
    if suffix == ".safetensors":
        trees = st.sampled_from(SAFETENSORS_HEADERS) | odd_json()
        return safetensors(draw(trees.map(json.dumps) | st.sampled_from((NESTED, *SPELLINGS))))
    kinds = (
        pa.array([[1.0], [2.0, 3.0]]),
        pa.array([[1.0, None]]),
        pa.array([None, [1.0]]),
        pa.array([[[1.0]]]),
        pa.array(["a"]),
        pa.array([{"a": 1}]),
        pa.array([[b"a"]]),
        pa.array([1.0]).dictionary_encode(),
        pa.array([[]], pa.list_(pa.float32())),
        pa.array([], pa.list_(pa.float32())),
        pa.array([1], pa.timestamp("s")),
        pa.array([True]),
        pa.array([float("nan"), float("inf")]),
    )
    made = io.BytesIO()
    column = draw(st.sampled_from(kinds))
    names = draw(st.sampled_from((["logits"], ["logits", "logits"], ["\x1b[2J"], ["a", "b"])))
    pq.write_table(pa.Table.from_arrays([column] * len(names), names), made)
    return made.getvalue()


KINDS: dict[str, tuple[str, SearchStrategy[bytes]]] = {
    "record": (".sweep", of_trees(sound_record)),
    "record bytes": (".sweep", of_bytes(sound_record)),
    "witness": (".json", of_trees(sound_witness)),
    "witness bytes": (".json", of_bytes(sound_witness)),
    "atlas": (".atlas", of_trees(sound_atlas)),
    "atlas bytes": (".atlas", of_bytes(sound_atlas)),
    **{suffix: (suffix, of_arrays(suffix)) for suffix in (".npy", ".npz", ".safetensors", ".parquet")},
}
"""What each kind of damage makes: the end of the file's name, and its bytes."""

SOUND = {
    ".sweep": sound_record,
    ".json": sound_witness,
    ".atlas": sound_atlas,
    **{s: lambda s=s: sound_arrays()[s] for s in sound_arrays()},
}
"""A file that is sound, by the end of its name."""

READERS: dict[str, tuple[tuple[str, ...], ...]] = {
    ".sweep": (
        ("atlas", "{}", "-o", "page.html", "--markdown", "page.md"),
        ("diff", "{sound}", "{}"),
        ("diff", "{}", "{sound}"),
        ("merge", "{}", "-o", "merged.sweep"),
    ),
    ".json": (
        ("atlas", "{}", "{sound}", "-o", "page.html", "--markdown", "page.md"),
        ("worst", "--again", "{}"),
    ),
    ".atlas": (
        ("atlas", "{}", "{sound}", "-o", "page.html", "--markdown", "page.md", "--data", "page.json"),
        ("diff", "{sound}", "{}"),
        ("diff", "{}", "{sound}"),
    ),
    **dict.fromkeys(
        sound_arrays(),
        (
            ("parity", "{}", "{sound}", "-o", "page.html"),
            ("parity", "{sound}", "{}", "--json"),
            ("parity", "{sound}", "{sound}", "--logits", "{}"),
            ("parity", "{sound}", "{sound}", "--tokens", "{}"),
        ),
    ),
}
"""What reads such a file, by the end of its name."""
