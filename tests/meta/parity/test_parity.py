"""Parity of two sides: what it finds is true, of every kind of file, block by block; what cannot be read is a line."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from logitproof.commands.command_line import main
from logitproof.parity import blocks
from logitproof.parity.distribution import Distribution
from logitproof.parity.truth import RELATIVE, RowTruth, nearer
from logitproof_reference.cases.hashed_numbers import integers, normals
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.vocabulary.formats import bfloat16

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    F64 = NDArray[np.float64]

ROWS, CLASSES = 40, 50
LOGITS = (4.0 * normals("parity tests", (ROWS, CLASSES))).astype(np.float32)
TOKENS = integers("parity tests, tokens", (ROWS,), CLASSES)


def log_softmax(x: NDArray[Any]) -> F64:
    shifted = x.astype(np.float64) - x.max(axis=1, keepdims=True)
    found: F64 = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return found


TRUE = log_softmax(LOGITS).astype(np.float32)
OFF = np.nextafter(TRUE, np.float32(-np.inf))
OFF[7, 3] -= np.float32(0.5)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put arrays there: the logits, what is right, and what is off by an ulp and, in one place, by half a nat."""
    for name, array in {"logits": LOGITS, "true": TRUE, "off": OFF, "tokens": TOKENS}.items():
        np.save(tmp_path / f"{name}.npy", array)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parity(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> Any:
    """Return what the command prints as JSON."""
    assert main(["parity", *words, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def safetensors(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    names = {"float32": "F32", "int64": "I64", "bfloat16": "BF16"}
    header, place = {}, 0
    for name, array in arrays.items():
        end = place + array.nbytes
        header[name] = {"dtype": names[array.dtype.name], "shape": array.shape, "data_offsets": [place, end]}
        place = end
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in arrays.values()))


def stored(folder: Path, kind: str, array: NDArray[Any]) -> str:
    """Store an array as a kind of file, and return the word for it."""
    path = folder / f"stored.{kind}"
    if kind == "npy":
        np.save(path, array)
    elif kind == "npz":
        np.savez_compressed(path, logprobs=array, other=array)
    elif kind == "safetensors":
        safetensors(path, {"__first": TOKENS, "logprobs": array})
        return f"{path}:logprobs"
    else:
        column = pa.array(list(array)) if array.ndim == 2 else pa.array(array)
        pq.write_table(pa.table({"logprobs": column}), path, row_group_size=7)
    return str(path)


@pytest.mark.parametrize("kind", ["npy", "npz", "safetensors", "parquet"])
@pytest.mark.parametrize("array", [TRUE, TRUE[:, 0]], ids=["all classes", "one token"])
def test_every_kind_of_file_is_read_in_blocks(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str, array: NDArray[Any]
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 6 * CLASSES)
    np.save(folder / "a.npy", array)
    found = parity(capsys, "a.npy", stored(folder, kind, array))
    assert found["same_bits"] == found["numbers"] == array.size
    assert found["same_tokens"] == found["tokens"] == ROWS
    assert found["importance_ratio"] == 1.0


@pytest.mark.usefixtures("folder")
def test_differences_and_the_worst_of_them_are_found(capsys: pytest.CaptureFixture[str]) -> None:
    found = parity(capsys, "true.npy", "off.npy", "--tokens", "tokens.npy")
    gap = np.abs(TRUE.astype(np.float64) - OFF.astype(np.float64))
    assert found["worst"]["token"] == 7
    assert found["worst"]["class"] == 3
    assert found["differences"]["largest"] == pytest.approx(gap.max(), rel=1e-6)
    sampled = gap[np.arange(ROWS), TOKENS]
    assert found["sampled"]["largest"] == pytest.approx(sampled.max(), rel=1e-12)
    assert found["sampled"]["mean"] == pytest.approx(sampled.mean(), rel=1e-12)
    assert found["importance_ratio"] == pytest.approx(np.exp(sampled.max()), rel=1e-12)
    assert found["same_bits"] == 0


def test_the_side_nearer_to_the_truth_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("true.npy", "off.npy", "--logits", "logits.npy")
    for is_whole in (True, False):
        if not is_whole:
            for name, array in {"true": TRUE, "off": OFF}.items():
                np.save(folder / f"{name}.npy", array[np.arange(ROWS), TOKENS])
            words = (*words, "--tokens", "tokens.npy")
        truth = parity(capsys, *words)["against_the_truth"]
        assert truth["a"]["nearer"] == (ROWS * CLASSES if is_whole else ROWS)
        assert truth["b"]["nearer"] == truth["as_near"] == 0
        assert truth["a"]["errors"]["largest"] < 1e-6


@pytest.mark.parametrize(
    ("temperatures", "fits"),
    [
        ((2.0, 4.0), ("temperature 2 once", "temperature 2 twice")),
        ((1.0, 2.0), ("temperature 2 not at all", "temperature 2 once")),
    ],
)
def test_a_temperature_is_read_off(
    folder: Path, capsys: pytest.CaptureFixture[str], temperatures: tuple[float, float], fits: tuple[str, str]
) -> None:
    for name, temperature in zip("ab", temperatures, strict=True):
        np.save(folder / f"{name}.npy", log_softmax(LOGITS / np.float32(temperature)).astype(np.float32))
    found = parity(capsys, "a.npy", "b.npy", "--logits", "logits.npy", "--temperature", "2")
    assert (found["fits"]["a"], found["fits"]["b"]) == fits
    assert found["temperature_ratio"] == pytest.approx(temperatures[0] / temperatures[1], rel=1e-4)


@pytest.mark.parametrize(("option", "words"), [(("--top-k", "5"), "top-k 5"), (("--top-p", "0.6"), "top-p 0.6")])
def test_a_side_renormalised_over_what_sampling_keeps_is_read_off(
    folder: Path, capsys: pytest.CaptureFixture[str], option: tuple[str, str], words: str
) -> None:
    probabilities = np.exp(log_softmax(LOGITS))
    descending = -np.sort(-probabilities, axis=1)
    before = np.cumsum(descending, axis=1) - descending
    count = np.full(ROWS, 5) if option[0] == "--top-k" else (before < 0.6).sum(axis=1)
    mass = np.array([row[:n].sum() for row, n in zip(descending, count, strict=True)])
    tokens = LOGITS.argmax(axis=1)
    np.save(folder / "tokens.npy", tokens)
    for name, array in {"full": TRUE, "kept": TRUE - np.log(mass)[:, None].astype(np.float32)}.items():
        np.save(folder / f"{name}.npy", array[np.arange(ROWS), tokens])
    found = parity(capsys, "full.npy", "kept.npy", "--logits", "logits.npy", "--tokens", "tokens.npy", *option)
    assert found["fits"] == {"a": "all classes", "b": words}
    assert found["log_mass"][words] == pytest.approx(np.median(np.log(mass)), rel=1e-6)


def test_a_confident_token_is_decided_by_the_digits_of_its_log_probability() -> None:
    logits = np.array([30.0, 0.0, -1.0], np.float32)
    truth, exact = RowTruth.of(logits), ExactRows(logits[None]).evaluate("log_softmax", "value").value[0]
    np.testing.assert_allclose([truth.log_probability(k) for k in range(3)], exact, rtol=RELATIVE)
    np.testing.assert_allclose(truth.log_probabilities(), exact, rtol=RELATIVE)
    near = float(np.float32(exact[0]))
    assert nearer(near, 0.0, 0, truth) == -1
    assert nearer(0.0, near, 0, truth) == 1
    assert nearer(near, near, 0, truth) == 0
    assert nearer(exact[0] * (1 + 2.0**-52), exact[0], 0, truth) == 1  # float64 does not decide that, the oracle does


def test_infinities_and_nan_are_told_apart_from_numbers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = TRUE.copy(), TRUE.copy()
    a[0, 0] = b[0, 0] = -np.inf
    a[1, 1] = b[1, 1] = np.nan
    a[2, 2] = -np.inf
    np.save(folder / "a.npy", a)
    np.save(folder / "b.npy", b)
    assert parity(capsys, "a.npy", "b.npy", "--within", "1", status=1)["finite_on_one_side"] == 1


@pytest.mark.usefixtures("folder")
def test_within_is_a_gate(capsys: pytest.CaptureFixture[str]) -> None:
    parity(capsys, "true.npy", "off.npy", "--within", "0.6")
    parity(capsys, "true.npy", "off.npy", "--within", "0.4", status=1)


def test_formats_may_differ(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    half = TRUE.copy()
    half[3] = -2.5
    np.save(folder / "true.npy", half)
    safetensors(folder / "half.safetensors", {"logprobs": half.astype(bfloat16())})
    found = parity(capsys, "true.npy", "half.safetensors")
    assert found["sides"]["b"]["format"] == "bfloat16"
    assert 0 < found["same_values"] < found["numbers"]


@pytest.mark.usefixtures("folder")
def test_two_frameworks_are_compared_on_drawn_rows(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("numpy", "numpy", "--rows", "5", "--classes", "30", "--format", "float16")
    found = parity(capsys, *words)
    assert found["same_bits"] == found["numbers"] == 150
    assert found["against_the_truth"]["as_near"] == 150


def test_the_text_and_the_page_have_every_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--logits", "logits.npy", "--tokens", "tokens.npy", "--temperature", "2", "--top-k", "5"]
    assert main(["parity", "true.npy", "off.npy", *words, "-o", "page.html"]) == 0
    text = capsys.readouterr().out
    fits = "A fits: temperature 2 not at all"
    for part in ("same bits: 0 of 2,000", "importance ratio: at most 1", fits, "top-k 5 keeps"):
        assert part in text
    page = (folder / "page.html").read_text("utf-8")
    assert "<rect" in page
    assert "A and the exact answer" in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["none.npy", "true.npy"], "none.npy does not exist, or is not a file"),
        (["true.npy", "tokens.npy"], "tokens.npy holds integers"),
        (["true.npy:x", "true.npy"], "true.npy has one array without a name; leave :x out"),
        (["two.npz", "true.npy"], "two.npz has 2 arrays; name one, as two.npz:NAME: x, y"),
        (["two.npz:z", "true.npy"], 'two.npz has no array "z"; it has x, y'),
        (["short.npy", "true.npy"], "short.npy ends in row"),
        (["empty.npy", "true.npy"], "empty.npy cannot be read"),
        (["objects.npy", "true.npy"], "objects.npy holds object"),
        (["columns.npy", "true.npy"], "columns.npy is stored column by column"),
        (["few.npy", "true.npy"], "few.npy has 3 tokens, true.npy has 40"),
        (["huge.safetensors", "true.npy"], "huge.safetensors cannot be read: its header is said to have"),
        (["outside.safetensors", "true.npy"], "the place of x does not fit its shape or the file"),
        (["ragged.parquet", "ragged.parquet"], "rows without a number, or of another length than the first"),
        (["words.parquet", "true.npy"], "words.parquet"),
        (["true.npy", "off.npy", "--temperature", "nan"], "temperature is nan"),
        (["true.npy", "off.npy", "--top-p", "0"], "top-p must lie in (0, 1]"),
        (["true.npy", "off.npy", "--within", "-1"], "within is -1.0"),
        (["true.npy", "numpy", "--temperature", "2"], "leave --temperature out"),
        (["true.npy", "zebra"], 'framework "zebra" is not known'),
        (["numpy@/no/such/python", "numpy"], "there is no such program"),
        (["numpy", "numpy", "--format", "int8"], 'format "int8" is not known'),
        (["true.npy", "few1.npy"], "name the tokens that were sampled (--tokens)"),
        (["true.npy", "off.npy", "--tokens", "far.npy"], "a token is out of range"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], complaint: str
) -> None:
    np.savez(folder / "two.npz", x=TRUE, y=TRUE)
    (folder / "short.npy").write_bytes((folder / "true.npy").read_bytes()[:-100])
    (folder / "empty.npy").write_bytes(b"")
    np.save(folder / "objects.npy", np.array([[None]]), allow_pickle=True)
    np.save(folder / "columns.npy", np.asfortranarray(TRUE))
    np.save(folder / "few.npy", TRUE[:3])
    np.save(folder / "few1.npy", TRUE[:, 0])
    np.save(folder / "far.npy", TOKENS + CLASSES)
    (folder / "huge.safetensors").write_bytes(struct.pack("<Q", 1 << 62) + b"{}")
    outside = json.dumps({"x": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 1 << 40]}}).encode()
    (folder / "outside.safetensors").write_bytes(struct.pack("<Q", len(outside)) + outside)
    pq.write_table(pa.table({"logprobs": [[1.0, 2.0], [1.0]]}), folder / "ragged.parquet")
    pq.write_table(pa.table({"logprobs": ["a", "b"]}), folder / "words.parquet")
    assert main(["parity", *words]) == 2
    captured = capsys.readouterr()
    assert complaint in captured.err
    assert captured.err.count("\n") == 1


def test_a_distribution_holds_its_quantiles_in_flat_memory() -> None:
    magnitudes = np.abs(normals("distribution", (5000,)))
    one, other = Distribution(), Distribution()
    one.add(magnitudes[:2000])
    other.add(np.append(magnitudes[2000:], np.inf), 2000)
    one.merge(other)
    for share in (0.5, 0.99):
        assert np.quantile(magnitudes, share) <= one.quantile(share) <= 1.0651 * np.quantile(magnitudes, share)
    assert one.largest == magnitudes.max()
    assert one.where == magnitudes.argmax()
    assert one.apart == 1
    assert sum(count for _, count in one.octaves()) == 5000
    assert np.isnan(Distribution().quantile(0.5))
