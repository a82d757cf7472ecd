"""Frames that come in pieces, over a pipe."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from logitproof_adapters.evaluator.frames import LENGTH, FrameError, encoded
from logitproof_adapters.targets import incoming
from logitproof_adapters.targets.incoming import Incoming

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    for descriptor in (reading, writing):
        os.close(descriptor)


def bodies(found: Incoming) -> list[bytes]:
    taken = []
    while (body := found.take()) is not None:
        taken.append(bytes(body))
    return taken


@pytest.mark.parametrize("piece", [1, 3, 7, 1000])
def test_frames_are_put_together_from_pieces(pipe: tuple[int, int], piece: int) -> None:
    reading, writing = pipe
    frames = [b"".join(encoded({"number": 1}, [b"\n\x00" * 9])), b"".join(encoded({"number": 2}))]
    sent, found, came = b"".join(frames), Incoming(reading), []
    for start in range(0, len(sent), piece):
        os.write(writing, sent[start : start + piece])
        assert found.read() == (False, True)
        came += bodies(found)
    assert came == [frame[LENGTH.size :] for frame in frames]


def test_memory_grows_with_what_comes_and_not_with_what_is_announced(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "AT_FIRST", 4)
    reading, writing = pipe
    body = bytes(range(256)) * 3
    found = Incoming(reading)
    os.write(writing, LENGTH.pack(1 << 38) + body)
    found.read()
    assert bodies(found) == []
    assert len(found._memory) <= 2 * len(body)
    again = Incoming(reading)
    os.write(writing, LENGTH.pack(len(body)) + body)
    again.read()
    assert bodies(again) == [body]


def test_garbage_is_told_where_a_frame_is_expected_behind_those_that_are_whole(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    found = Incoming(reading)
    os.write(writing, b"".join(encoded({"number": 1})) + b"Hello, world, ")
    assert found.read() == (False, False)
    assert found.take() is not None
    with pytest.raises(FrameError, match="Hello"):
        found.take()


def test_the_end_of_a_pipe_is_seen() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"\x00\x00")
    os.close(writing)
    try:
        assert Incoming(reading).read() == (True, True)
    finally:
        os.close(reading)
