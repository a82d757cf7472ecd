"""An adapter that misbehaves costs its cell: every other verdict is what it was, and the run file can be read."""

from __future__ import annotations

import pytest

from meta.robustness.bad_adapters import fault_of, sound_judgements

CASES = {
    "a reason that is no text": ("unsupported", "return 5"),
    "an error without words": ("dialect", "raise Mute"),
    "a program that is none": ("repro", "return None"),
    "objects": ("evaluate", "return right.astype(object)"),
    "bytes in another order": ("evaluate", "return right.astype('>f4')"),
    "a format of this machine": ("evaluate", "return right.astype(np.longdouble)"),
    "one number for all": ("evaluate", "return np.lib.stride_tricks.as_strided(right, right.shape, (0, 0))"),
    "far too many numbers": ("evaluate", "return np.broadcast_to(np.float32(1), (10**6, 10**6))"),
    "no modules": ("evaluate", "sys.modules.clear()"),
    "a function of NumPy's bound anew": ("evaluate", "np.asarray = lambda *_, **__: 'asarray'"),
    "a version that is a number": ("describe", "return Description('a', 1.5)"),
    "an end while it is planned": ("unsupported", "os._exit(0)"),
}
"""Where the adapter misbehaves, and how: what once cost more than its cell."""


@pytest.fixture(scope="module")
def sound() -> dict[str, list[str]]:
    return sound_judgements()


@pytest.mark.parametrize(("place", "line"), CASES.values(), ids=CASES)
def test_an_adapter_that_misbehaves_costs_its_cell(place: str, line: str, sound: dict[str, list[str]]) -> None:
    assert not fault_of(place, line, sound)
