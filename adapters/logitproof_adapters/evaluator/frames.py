"""Frames on the pipe: the length in 8 bytes, a line of JSON, raw bytes. Nothing in a frame is executed or unpickled."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

LENGTH = struct.Struct(">Q")

LARGEST = 1 << 38
"""No frame is longer; eight bytes of text, read as a length, are."""


class FrameError(ValueError):
    """The received bytes are not a frame."""


def length_of(head: bytes) -> int:
    """Return the length that a frame begins with.

    Raises
    ------
    FrameError
        No frame is as long.
    """
    (length,) = LENGTH.unpack(head)
    if not 0 < length <= LARGEST:
        raise FrameError(f"garbage on the pipe: {head!r}")
    return int(length)


def encoded(header: dict[str, Any], parts: Sequence[bytes | memoryview] = ()) -> list[bytes | memoryview]:
    """Return a frame in pieces: large parts are written from where they are."""
    line = json.dumps(header).encode("ascii") + b"\n"
    return [LENGTH.pack(len(line) + sum(map(len, parts))) + line, *parts]


def decoded(body: bytes | bytearray) -> tuple[dict[str, Any], memoryview]:
    """Return the JSON and the raw bytes of a frame's body.

    Raises
    ------
    FrameError
        It does not begin with a line of JSON.
    """
    end = body.find(b"\n") + 1
    try:
        header = json.loads(bytes(body[:end]))
    except (ValueError, RecursionError) as error:
        raise FrameError(f"garbage on the pipe: {bytes(body[:80])!r}") from error
    if not isinstance(header, dict):
        raise FrameError(f"garbage on the pipe: {bytes(body[:80])!r}")
    return header, memoryview(body)[end:]
