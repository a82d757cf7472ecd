"""Faults of state: buffers, caches, counters, threads; they keep it for the life of the process."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from meta.kernels.corpus import fault, faulty_gradient, grad_loss, log_sum_exp, loss, softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LOSS = "softmax_cross_entropy"
_BUFFERS: dict[Any, Array] = {}
_CACHE: dict[Any, Array] = {}
_COUNTS: dict[str, int] = {}


@fault("softmax", "state")
def one_output_buffer(x: Array) -> Array:
    out = _BUFFERS.setdefault(("softmax", x.shape, x.dtype), np.empty(x.shape, x.dtype))
    out[...] = softmax(x)
    return out


@fault("log_sum_exp", "state")
def cached_by_address(x: Array) -> Array:
    key = ("address", x.__array_interface__["data"][0], x.shape, x.strides, x.dtype)
    if x.size and key not in _CACHE:
        _CACHE.clear()
        _CACHE[key] = log_sum_exp(x)
    return _CACHE[key].copy() if x.size else log_sum_exp(x)


@fault("softmax", "state")
def cached_by_corners(x: Array) -> Array:
    if x.size == 0:
        return softmax(x)
    corners = x[[0, 0, -1, -1], [0, -1, 0, -1]].tobytes()
    key = ("corners", corners, x.shape, x.dtype)
    if key not in _CACHE:
        _CACHE.clear()
        _CACHE[key] = softmax(x)
    return _CACHE[key].copy()


@fault(LOSS, "state")
def wrong_after_calls_of_one_shape(x: Array, y: Array) -> Array:
    key = f"calls {x.shape} {x.dtype}"
    _COUNTS[key] = _COUNTS.get(key, 0) + 1
    out = loss(x, y)
    return out + out.dtype.type(1) if _COUNTS[key] > 20 else out


@fault(LOSS, "state")
def workspace_of_the_first_width(x: Array, y: Array) -> Array:
    width = _COUNTS.setdefault(f"width {len(x)} {x.dtype}", x.shape[1])
    return loss(x[:, : max(width, int(y.max(initial=0)) + 1)], y)


@fault("log_sum_exp", "state")
def buffer_between_threads(x: Array) -> Array:
    work = _BUFFERS.setdefault(("work", x.dtype), np.empty(1 << 19, x.dtype))
    if x.size > work.size or x.size == 0:
        return log_sum_exp(x)
    held = work[: x.size].reshape(x.shape)
    held[...] = x
    if threading.active_count() > 1 and threading.current_thread() is not threading.main_thread():
        time.sleep(0.002)
    return log_sum_exp(held)


@faulty_gradient(LOSS, "state", loss)
def gradient_added_to_the_last(x: Array, y: Array, c: Array) -> Array:
    last = _BUFFERS.get(("gradient", x.shape, x.dtype, c.tobytes()))
    g = grad_loss(x, y, c)
    _BUFFERS[("gradient", x.shape, x.dtype, c.tobytes())] = g
    return g if last is None else g + last


_SAVED: dict[str, Array] = {}


def saving_loss(x: Array, y: Array) -> Array:
    """Keep the probabilities for the gradient of the next call."""
    _SAVED["softmax"] = softmax(x)
    return loss(x, y)


@faulty_gradient(LOSS, "state", saving_loss)
def probabilities_of_the_last_forward_pass(x: Array, y: Array, c: Array) -> Array:
    saved = _SAVED.get("softmax")
    if saved is None or saved.shape != x.shape or saved.dtype != x.dtype:
        return grad_loss(x, y, c)
    g = saved.astype(np.float64)
    g[np.arange(len(x)), y] -= 1
    return (g * c.astype(np.float64)[:, None]).astype(x.dtype)


@fault("softmax", "state")
def last_result_for_the_same_sum(x: Array) -> Array:
    key = ("sum", x.shape, x.dtype, float(x.astype(np.float64).sum()))
    if key not in _CACHE:
        _CACHE.clear()
        _CACHE[key] = softmax(x)
    return _CACHE[key].copy()


@fault("softmax", "state")
def input_buffer_for_the_result(x: Array) -> Array:
    if x.flags.writeable and x.flags.c_contiguous and x.shape[1] > 64:
        x[...] = softmax(x)
        return x
    return softmax(x)
