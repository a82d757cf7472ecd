"""Faults of kernels that were reported in public in 2026, as NumPy functions: each is named in the first five lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof import check
from meta.kernels.corpus import grad_loss, log_softmax, log_sum_exp, loss, soft_loss, softmax, wide

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

pytestmark = pytest.mark.filterwarnings("ignore")  # of what faulty kernels divide and overflow
LOSS = "softmax_cross_entropy"


def candle(x: Array) -> Array:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / np.add.accumulate(e, axis=1, dtype=x.dtype)[:, -1:]


def clamped_in_vectors(x: Array) -> Array:
    e = np.exp(np.maximum(wide(x) - wide(x).max(axis=1, keepdims=True), -87))
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


def nan_lost_in_vectors(x: Array) -> Array:
    body = x.shape[1] // 16 * 16
    w = wide(x).copy()
    w[:, :body] = np.where(np.isnan(w[:, :body]), -np.inf, w[:, :body])
    return softmax(w).astype(x.dtype)


def nemo_gradient(x: Array, q: Array, c: Array) -> Array:
    return (wide(c)[:, None] * (softmax(wide(x)) - wide(q))).astype(x.dtype)


def trl_softcap(x: Array, y: Array) -> Array:
    w = wide(x)
    return loss(w.dtype.type(30 * 0.0625) * np.tanh(w / w.dtype.type(30)), y).astype(x.dtype)


def no_target_for_bad_labels(x: Array, y: Array) -> Array:
    picked = np.where(np.arange(x.shape[1]) == y[:, None], wide(x), 0).sum(axis=1)
    shift = wide(x).max(axis=1)
    return (wide(log_sum_exp(wide(x) - shift[:, None])) + np.where(picked == 0, shift, shift - picked)).astype(x.dtype)


def openvino(x: Array) -> Array:
    p = softmax(x)
    spoiled = np.isnan(wide(x)).any(axis=1, keepdims=True)
    return np.where(spoiled, np.where(np.isnan(wide(x)), np.nan, 0), wide(p)).astype(x.dtype)


def target_logit_not_shifted(x: Array, y: Array) -> Array:
    w = wide(x)
    m = w.max(axis=1)
    total = np.log(np.exp(w - m[:, None]).sum(axis=1)) + m
    return (total - w[np.arange(len(w)), y]).astype(x.dtype)


def zero_times_infinity(x: Array, q: Array) -> Array:
    return (-(wide(q) * log_softmax(wide(x))).sum(axis=1)).astype(x.dtype)


def items_not_counted(x: Array, y: Array) -> Array:
    logs = log_softmax(wide(x))
    smoothed = 0.9 * logs[np.arange(len(x)), y] + 0.1 * logs.mean(axis=1)
    return np.asarray(-smoothed.sum()).astype(x.dtype)


@dataclass(frozen=True)
class PublicFault:
    """A fault as it was reported.

    Attributes
    ----------
    thread : str
        Where it was reported or mended.
    op : str
    function : callable
    cause : str
        What a reader is to find in the first five lines.
    declared : dict
        Further arguments of `check`.
    """

    thread: str
    op: str
    function: Callable[..., Any]
    cause: str
    declared: dict[str, Any] = field(default_factory=dict)


FAULTS = (
    PublicFault(
        "https://github.com/huggingface/candle/issues/3727",
        "softmax",
        candle,
        "sum in float16",
        {"format": "float16", "widest": 4097},
    ),
    PublicFault(
        "https://github.com/pytorch/executorch/pull/20090", "softmax", candle, "sum in bfloat16", {"format": "bfloat16"}
    ),
    PublicFault(
        "https://github.com/gabrieldemarmiesse/torch-mojo-backend/pull/319",
        "softmax",
        clamped_in_vectors,
        "exponent clamped",
    ),
    PublicFault(
        "https://github.com/gabrieldemarmiesse/torch-mojo-backend/pull/319",
        "softmax",
        nan_lost_in_vectors,
        "NaN dropped in vectors of 16",
    ),
    PublicFault(
        "https://github.com/NVIDIA-NeMo/Automodel/pull/2428",
        LOSS,
        soft_loss,
        "labels taken to sum to one",
        {"labels": "distributions", "gradient": nemo_gradient},
    ),
    PublicFault(
        "https://github.com/huggingface/trl/pull/5691",
        LOSS,
        trl_softcap,
        "softcap before the scale",
        {"softcap": 30.0, "scale": 0.0625},
    ),
    PublicFault("https://github.com/unslothai/unsloth/pull/11277", LOSS, loss, "scale dropped", {"scale": 0.0625}),
    PublicFault(
        "https://github.com/pytorch/torchtitan/pull/4297",
        LOSS,
        no_target_for_bad_labels,
        "no target is subtracted",
        {"refuses": "error"},
    ),
    PublicFault(
        "https://github.com/openvinotoolkit/openvino/issues/33456", "softmax", openvino, "NaN kept to its class"
    ),
    PublicFault(
        "https://github.com/pytorch/pytorch/pull/195829",
        LOSS,
        target_logit_not_shifted,
        "label's logit subtracted last",
    ),
    PublicFault(
        "https://github.com/google-deepmind/optax/pull/1786",
        LOSS,
        zero_times_infinity,
        "0 times infinity",
        {"labels": "distributions"},
    ),
    PublicFault(
        "https://github.com/huggingface/transformers/issues/46731",
        LOSS,
        items_not_counted,
        "divisor ignored",
        {"label_smoothing": 0.1, "reduction": "sum", "divisor": 4.0},
    ),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.function.__name__}-{fault.cause}")
def test_a_public_fault_is_named_in_the_first_five_lines(fault: PublicFault) -> None:
    asked = {"format": "float32", "widest": 129, **fault.declared}
    verdict = check(fault.function, op=fault.op, **asked)
    assert not verdict.conforms
    first = [verdict.headline(), *verdict.summary()][:5]
    assert any(fault.cause in line for line in first), "\n".join(first)


def test_the_gradient_that_is_right_is_not_accused() -> None:
    right = {"labels": "distributions", "gradient": grad_loss, "format": "float32", "widest": 129}
    assert check(soft_loss, op=LOSS, **right).conforms


def test_a_scale_whose_sign_is_dropped_is_named() -> None:
    def magnitude_alone(x: Array, y: Array) -> Array:
        return loss(wide(x) * wide(x).dtype.type(0.5), y).astype(x.dtype)

    verdict = check(magnitude_alone, op=LOSS, scale=-0.5, format="float32", widest=33)
    assert "sign of the scale dropped" in "\n".join([verdict.headline(), *verdict.summary()])
