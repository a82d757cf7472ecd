"""A backward of its own, asked with saved arrays of any strides and of any pass; rows more than 2 GiB apart; modes."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

from logitproof.errors import UsageError
from logitproof.kernels.cases.trials import Trial, planned
from logitproof.kernels.check import check
from logitproof.kernels.findings.shown import OF_WAYS
from logitproof.kernels.judging.asking import Asker
from logitproof.kernels.judging.examination import Examination, Plan, examine
from logitproof.kernels.judging.truth import Question
from logitproof_adapters.kernels.adapter import adapter_of
from logitproof_adapters.kernels.declaration import Declaration
from logitproof_adapters.kernels.kernel import Kernel
from logitproof_adapters.kernels.questions import SAVED

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

LOSS = "softmax_cross_entropy"


def shares(x: Array) -> Array:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    out: Array = e / e.sum(axis=1, keepdims=True)
    return out


def forward(x: Array, y: Array) -> tuple[Array, Array, Array]:
    top = x.max(axis=1)
    total = np.exp(x - top[:, None]).sum(axis=1)
    return np.log(total) + (top - x[np.arange(len(x)), y]), shares(x), y


_HELD: dict[Any, Array] = {}


def forward_into_one_buffer(x: Array, y: Array) -> tuple[Array, Array, Array]:
    value, p, y = forward(x, y)
    held = _HELD.setdefault((p.shape, p.dtype), np.empty_like(p))
    held[...] = p
    return value, held, y


def backward(p: Array, y: Array, c: Array) -> Array:
    g = p.copy()
    g[np.arange(len(p)), y] -= 1
    return (g * c[:, None]).astype(p.dtype)


def backward_of_dense_arrays(p: Array, y: Array, c: Array) -> Array:
    return backward(np.array(as_strided(p, p.shape, (p.shape[1] * p.itemsize, p.itemsize))), y, c)


def offset_of_32_bits(x: Array) -> Array:
    start, length = x.__array_interface__["data"][0], x.shape[1] * x.itemsize
    places = (start + (i * x.strides[0] & 0xFFFFFFFF) for i in range(len(x)))
    rows = [np.frombuffer((ctypes.c_char * length).from_address(place), x.dtype) for place in places]
    return shares(np.stack(rows))


def asked(kernel: Kernel, trial: Trial) -> Examination:
    """Return what one trial finds."""

    class OneTrial(Plan):
        def trials(self) -> list[tuple[str, Trial]]:
            return [("float32", trial)]

    asker = Asker(adapter_of(kernel), Question(kernel.op, kernel.labels, "value", Declaration()))
    return examine(asker, OneTrial(("float32",), kernel.quantities))


TRIALS = {trial.name: trial for trial in planned("full", 1000, main=True)}
SAVED_TRIALS = [trial for trial in TRIALS.values() if trial.way in SAVED and trial.way]


@pytest.mark.parametrize("trial", SAVED_TRIALS, ids=lambda trial: trial.way)
def test_what_was_saved_may_lie_anywhere_and_last(trial: Trial) -> None:
    found = asked(Kernel(forward, LOSS, backward=backward), trial)
    assert [one.verdict for one in found.judgements] == ["conforms"]


@pytest.mark.parametrize(
    ("function", "its_backward", "way"),
    [(forward, backward_of_dense_arrays, "saved_strided"), (forward_into_one_buffer, backward, "saved_kept")],
)
def test_a_fault_in_what_was_saved_is_found(function: Callable[..., Any], its_backward: Any, way: str) -> None:
    outcomes = {
        trial.way: asked(Kernel(function, LOSS, backward=its_backward), trial).findings for trial in SAVED_TRIALS
    }
    assert [name for name, findings in outcomes.items() if findings] == [way]
    assert way in OF_WAYS


def test_a_kernel_without_a_backward_is_not_asked_what_it_saves() -> None:
    assert not any(asked(Kernel(shares, "softmax"), trial).judgements for trial in SAVED_TRIALS)


def test_a_backward_is_judged_as_a_gradient() -> None:
    def wrong(p: Array, y: Array, c: Array) -> Array:
        return backward(p, y, np.ones_like(c))

    assert check(forward, op=LOSS, backward=backward, format="float32", widest=33).conforms
    verdict = check(forward, op=LOSS, backward=wrong, format="float32", widest=33)
    assert {one.quantity for one in verdict.judgements if not one.expected} == {"grad_logits"}
    assert any("upstream gradient is taken for 1" in line for line in verdict.summary())


def test_rows_two_gib_apart_show_an_offset_of_32_bits() -> None:
    trial = next(one for one in TRIALS.values() if one.way == "far")
    assert [one.verdict for one in asked(Kernel(shares, "softmax"), trial).judgements] == ["conforms"]
    assert [one.verdict for one in asked(Kernel(offset_of_32_bits, "softmax"), trial).judgements] == ["deviates"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"mode": "vmap"}, "tensors of a framework"),
        ({"backward": backward, "gradient": backward}, "in the place of a gradient"),
    ],
)
def test_what_does_not_go_together_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        check(forward, op=LOSS, format="float32", **given)


def test_a_function_of_one_row_is_mapped_by_its_framework() -> None:
    jax = pytest.importorskip("jax", reason="needs a framework with vmap")

    def loss_of_a_row(x: Any, y: Any) -> Any:
        assert x.ndim == 1
        return -jax.nn.log_softmax(x)[y]

    verdict = check(loss_of_a_row, op=LOSS, framework="jax", mode="vmap", format="float32", widest=9)
    assert verdict.conforms
    with pytest.raises(UsageError, match='mode "graph" is none of jax; it has eager, compiled, vmap'):
        check(loss_of_a_row, op=LOSS, framework="jax", mode="graph", format="float32")
