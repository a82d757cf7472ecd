"""Arrays in files, read one block of rows at a time: .npy, .npz, .safetensors and .parquet."""

from __future__ import annotations

import json
import tokenize
import zipfile
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from logitproof.errors import UsageError
from logitproof_reference.vocabulary.formats import bfloat16

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

MOST_HEADER = 100 << 20
"""Bytes of a header of a .safetensors file, as its own library has it."""

UNREADABLE = (
    *(OSError, EOFError, ValueError, TypeError, LookupError, OverflowError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, pa.ArrowException, SyntaxError, tokenize.TokenError),
)
"""What libraries raise of a file; of RuntimeError: too many levels, a password, something they do not know."""

MOST_NPY_HEADER = 1_000
"""Bytes of a header of a .npy file, which is parsed as Python; that of an array of numbers takes some hundred."""

SAFETENSORS: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": bfloat16(),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
}

USUAL = ("logprobs", "log_probs", "logits", "tokens")
"""Names of an array that is taken where a file has several and none is named."""


class Source(Protocol):
    """Rows that are read once, from the first to the last."""

    @property
    def label(self) -> str:
        """Its name in messages."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """(tokens,) or (tokens, classes)."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of one of the four formats, or an integer type."""
        ...

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield this many rows at a time, the last block with what is left."""
        ...


@dataclass(frozen=True)
class StoredArray:
    """An array in a file.

    Attributes
    ----------
    label : str
    shape : tuple of int
    dtype : dtype
    open : callable
        Enters an open stream into a stack, at the first of its bytes.
    """

    label: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    open: Callable[[ExitStack], BinaryIO]

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield blocks of rows, read from the stream.

        Raises
        ------
        UsageError
            The file ends before the array does.
        """
        with unreadable_in_one_line(self.label), ExitStack() as stack:
            stream = self.open(stack)
            for start in range(0, self.shape[0], rows):
                count = min(rows, self.shape[0] - start)
                block = np.empty((count, *self.shape[1:]), self.dtype)
                _fill(stream, block.reshape(-1).view(np.uint8).data, f"{self.label} ends in row {start} or after")
                yield block


def _fill(stream: BinaryIO, place: memoryview, complaint: str) -> None:
    """Read as many bytes as a place has."""
    done = 0
    while done < len(place):
        got = stream.readinto(place[done:])  # type: ignore[attr-defined]
        if not got:
            raise UsageError(f"{complaint}: it is shorter than its header says")
        done += got


def stored_array(text: str) -> Source:
    """Return the array that ``FILE`` or ``FILE:NAME`` stands for.

    Raises
    ------
    UsageError
        There is no such file or array in it, or it holds no numbers of the four formats, nor integers.
    """
    path, name = _parted(text)
    readers: dict[str, Callable[[Path, str], Source]] = {
        ".npy": _npy,
        ".npz": _npz,
        ".safetensors": _safetensors,
        ".parquet": _parquet,
    }
    if path.suffix not in readers:
        raise UsageError(f"{text} is not a file of log-probabilities; known: {', '.join(readers)}")
    if not path.is_file():
        raise UsageError(f"{path} does not exist, or is not a file")
    with unreadable_in_one_line(path):
        found = readers[path.suffix](path, name)
    if found.dtype not in {*SAFETENSORS.values(), np.dtype(np.int16), np.dtype(np.uint8)}:
        raise UsageError(f"{found.label} holds {found.dtype}; needed: float16, bfloat16, float32, float64 or integers")
    if len(found.shape) not in {1, 2} or 0 in found.shape:
        raise UsageError(
            f"{found.label} has shape {found.shape}; needed: (tokens,) or (tokens, classes), none of them 0"
        )
    return found


@contextmanager
def unreadable_in_one_line(path: object) -> Iterator[None]:
    """Raise `UsageError` for whatever a library raises of a file that is damaged, lies, or changes meanwhile."""
    try:
        yield
    except UNREADABLE as error:
        raise UsageError(f"{path} cannot be read: {error or type(error).__name__}") from error


def is_file_name(text: str) -> bool:
    """Return whether a word stands for a file, not for a framework."""
    return _parted(text)[0].suffix in {".npy", ".npz", ".safetensors", ".parquet"}


def _parted(text: str) -> tuple[Path, str]:
    """Return file and name of an array in it, empty if none is named."""
    whole = Path(text)
    if whole.suffix or ":" not in text:
        head, _, tail = text.rpartition(":")
        return (Path(head), tail) if head and Path(head).suffix and not whole.exists() else (whole, "")
    head, _, tail = text.rpartition(":")
    return Path(head), tail


def _chosen(path: Path, name: str, known: list[str]) -> str:
    """Return the array's name: the one given, the only one, or the first usual one."""
    if name:
        if name not in known:
            raise UsageError(f'{path} has no array "{name}"; it has {", ".join(known) or "none"}')
        return name
    usual = [one for one in USUAL if one in known]
    if len(known) != 1 and not usual:
        raise UsageError(f"{path} has {len(known)} arrays; name one, as {path}:NAME: {', '.join(known)}")
    return known[0] if len(known) == 1 else usual[0]


def _npy(path: Path, name: str) -> StoredArray:
    if name:
        raise UsageError(f"{path} has one array without a name; leave :{name} out")

    def opened(stack: ExitStack) -> BinaryIO:
        return stack.enter_context(path.open("rb"))

    return _of_npy(str(path), opened)


def _npz(path: Path, name: str) -> StoredArray:
    with zipfile.ZipFile(path) as archive:
        known = [one.removesuffix(".npy") for one in archive.namelist()]
    chosen = _chosen(path, name, known)

    def opened(stack: ExitStack) -> BinaryIO:
        archive = stack.enter_context(zipfile.ZipFile(path))
        return stack.enter_context(archive.open(f"{chosen}.npy"))  # type: ignore[return-value]

    return _of_npy(f"{path}:{chosen}", opened)


def _of_npy(label: str, opened: Callable[[ExitStack], BinaryIO]) -> StoredArray:
    def at_data(stack: ExitStack) -> BinaryIO:
        stream = opened(stack)
        _header(stream)
        return stream

    with ExitStack() as stack:
        shape, is_fortran, dtype = _header(opened(stack))
    if is_fortran and len(shape) > 1:
        raise UsageError(f"{label} is stored column by column; save numpy.ascontiguousarray of it")
    return StoredArray(label, shape, bfloat16() if dtype == np.dtype("V2") else dtype, at_data)


def _header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, order and dtype of a .npy stream, and leave it at its data."""
    version = np.lib.format.read_magic(stream)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in read:
        raise ValueError(f"version {version} of the format is not known")
    shape, is_fortran, dtype = read[version](stream, max_header_size=MOST_NPY_HEADER)
    return shape, is_fortran, dtype


def _safetensors(path: Path, name: str) -> StoredArray:
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 2 <= length <= min(MOST_HEADER, size - 8):
            raise ValueError(f"its header is said to have {length} bytes")
        header = json.loads(stream.read(length))
    if not isinstance(header, dict):
        raise TypeError("its header is not a table")
    chosen = _chosen(path, name, [one for one in header if one != "__metadata__"])
    row = header[chosen]
    if row["dtype"] not in SAFETENSORS:
        raise UsageError(f"{path}:{chosen} holds {row['dtype']}; known: {', '.join(SAFETENSORS)}")
    shape, dtype = tuple(int(one) for one in row["shape"]), SAFETENSORS[row["dtype"]]
    first, last = (int(one) for one in row["data_offsets"])
    wanted = int(np.prod(shape, dtype=np.float64)) * dtype.itemsize
    if min(shape, default=0) < 0 or first < 0 or last - first != wanted or 8 + length + last > size:
        raise ValueError(f"the place of {chosen} does not fit its shape or the file")

    def opened(stack: ExitStack) -> BinaryIO:
        stream = stack.enter_context(path.open("rb"))
        stream.seek(8 + length + first)
        return stream

    return StoredArray(f"{path}:{chosen}", shape, dtype, opened)


@dataclass(frozen=True)
class ParquetColumn:
    """A column of a Parquet file: of numbers, or of lists of numbers of one length."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def label(self) -> str:
        """File and column."""
        return f"{self.path}:{self.name}"

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield blocks of rows.

        Raises
        ------
        UsageError
            A list is of another length than the first, or a number is missing.
        """
        left = self.shape[0]
        with unreadable_in_one_line(self.label), pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(rows, columns=[self.name]):
                left -= len(batch)
                column = batch.column(0)
                values = column.flatten() if len(self.shape) == 2 else column
                expected = len(batch) * (self.shape[1] if len(self.shape) == 2 else 1)
                if column.null_count or values.null_count or len(values) != expected:
                    raise UsageError(f"{self.label} has rows without a number, or of another length than the first")
                yield values.to_numpy(zero_copy_only=False).reshape(len(batch), *self.shape[1:])
            if left:
                raise UsageError(f"{self.label} changed while it was read")


def _parquet(path: Path, name: str) -> ParquetColumn:
    with pq.ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
        chosen = _chosen(path, name, schema.names)
        if schema.names.count(chosen) > 1:
            raise UsageError(f'{path} has more than one column "{chosen}"')
        type_ = schema.field(chosen).type
        if not (pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_)):
            return ParquetColumn(path, chosen, (rows,), np.dtype(type_.to_pandas_dtype()))
        first = next(file.iter_batches(1, columns=[chosen]), None)
        width = 0 if first is None else len(first.column(0).flatten())
        return ParquetColumn(path, chosen, (rows, width), np.dtype(type_.value_type.to_pandas_dtype()))
