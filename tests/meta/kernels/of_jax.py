"""Kernels of JAX, faulty ones and correct ones, written before any was tried."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from meta.kernels import of_jax_correct_second, of_jax_faulty_second
from meta.kernels.corpus import Planted

LOSS = "softmax_cross_entropy"
BLOCK = 256
SATURATED = 15
Array = Any


def _wide(x: Array) -> Array:
    return x.astype(jnp.float32) if x.dtype.itemsize == 2 else x


@jax.jit
def last_block_of_a_slice_that_is_moved_back(x: Array) -> Array:
    w, n = _wide(x), x.shape[1]
    size = min(BLOCK, n)
    starts = jnp.arange(0, n, size)
    m = lax.stop_gradient(w.max(1))
    safe = jnp.where(jnp.isinf(m), 0, m)

    def step(total: Array, start: Array) -> tuple[Array, None]:
        block = lax.dynamic_slice_in_dim(w, start, size, 1)
        return total + jnp.exp(block - safe[:, None]).sum(1), None

    total, _ = lax.scan(step, jnp.zeros(len(w), w.dtype), starts)
    return (safe + jnp.log(total)).astype(x.dtype)


@jax.jit
def maximum_begins_at_minus_1e20(x: Array, y: Array) -> Array:
    w = _wide(x)
    m = lax.stop_gradient(jnp.max(w, 1, initial=-1e20))
    picked = jnp.take_along_axis(w, y[:, None], 1)[:, 0]
    return (jnp.log(jnp.exp(w - m[:, None]).sum(1)) + (m - picked)).astype(x.dtype)


@jax.jit
def no_shift_beside_a_dead_row(x: Array) -> Array:
    w = _wide(x)
    m = lax.stop_gradient(w.max(1))
    safe = jnp.where(jnp.isneginf(m).any(), 0, m)
    return (safe + jnp.log(jnp.exp(w - safe[:, None]).sum(1))).astype(x.dtype)


@jax.custom_vjp
def _loss(x: Array, y: Array) -> Array:
    w = _wide(x)
    t = w - w.max(1, keepdims=True)
    return (jnp.log(jnp.exp(t).sum(1)) - jnp.take_along_axis(t, y[:, None], 1)[:, 0]).astype(x.dtype)


def _forward(x: Array, y: Array) -> tuple[Array, Any]:
    return _loss(x, y), (x, y)


def _backward(saved: Any, c: Array) -> Any:
    x, y = saved
    g = jax.nn.softmax(_wide(x), axis=1)
    is_label = jnp.arange(x.shape[1])[None, :] == y[:, None]
    label = jnp.where(g > 0.999, 0, g - 1)
    return (jnp.where(is_label, label, g) * _wide(c)[:, None]).astype(x.dtype), None


_loss.defvjp(_forward, _backward)


@jax.jit
def confident_labels_send_nothing_back(x: Array, y: Array) -> Array:
    return _loss(x, y)


@partial(jax.custom_vjp)
def _of_blocks(x: Array) -> Array:
    w, n = _wide(x), x.shape[1]
    rest = -n % BLOCK
    blocks = jnp.pad(w, ((0, 0), (0, rest)), constant_values=-jnp.inf).reshape(len(w), -1, BLOCK)

    def step(carry: Any, block: Array) -> tuple[Any, None]:
        top, total = carry
        new = jnp.maximum(top, block.max(1))
        safe = jnp.where(jnp.isinf(new), 0, new)
        return (new, total * jnp.exp(top - safe) + jnp.exp(block - safe[:, None]).sum(1)), None

    first = jnp.full(len(w), -jnp.inf, w.dtype), jnp.zeros(len(w), w.dtype)
    (top, total), _ = lax.scan(step, first, blocks.swapaxes(0, 1))
    return (jnp.where(jnp.isinf(top), 0, top) + jnp.log(total)).astype(x.dtype)


def _blocks_forward(x: Array) -> tuple[Array, Array]:
    return _of_blocks(x), x


def _blocks_backward(x: Array, c: Array) -> Any:
    w = _wide(x)
    e = jnp.exp(w - w.max(1, keepdims=True))
    return ((e / e.sum(1, keepdims=True) * _wide(c)[:, None]).astype(x.dtype),)


_of_blocks.defvjp(_blocks_forward, _blocks_backward)


@jax.jit
def scan_over_padded_blocks(x: Array) -> Array:
    found: Array = _of_blocks(x)
    return found


@jax.jit
def row_after_row_by_map(x: Array, y: Array) -> Array:
    def of_row(row: Any) -> Array:
        w, label = _wide(row[0]), row[1]
        t = w - lax.stop_gradient(w.max())
        return jnp.log(jnp.exp(t).sum()) - t[label]

    return lax.map(of_row, (x, y), batch_size=64).astype(x.dtype)


def tail_behind_the_last_whole_block(x: Array) -> Array:
    w, n = _wide(x), x.shape[1]
    m = lax.stop_gradient(w.max(1))
    safe = jnp.where(jnp.isinf(m), 0, m)
    total = jnp.exp(w[:, :BLOCK] - safe[:, None]).sum(1)
    for start in range(BLOCK, n - BLOCK + 1, BLOCK):
        total = total + jnp.exp(w[:, start : start + BLOCK] - safe[:, None]).sum(1)
    return (safe + jnp.log(total)).astype(x.dtype)


@jax.custom_jvp
def _softplus(z: Array) -> Array:
    return jnp.logaddexp(z, 0)


@_softplus.defjvp
def _(given: Any, tangents: Any) -> Any:
    z, v = given[0], tangents[0]
    return _softplus(z), jnp.where(z > SATURATED, 1, jnp.where(z < -SATURATED, 0, jax.nn.sigmoid(z))) * v


def derivative_saturated_at_15(x: Array, y: Array) -> Array:
    w, q = _wide(x), _wide(y)
    return (_softplus(w) - w * q).astype(x.dtype)


_RANGES: dict[int, Array] = {}


def label_found_by_a_kept_range(x: Array, y: Array) -> Array:
    w, n = _wide(x), x.shape[1]
    if n not in _RANGES:
        _RANGES[n] = jnp.arange(n)
    t = w - lax.stop_gradient(w.max(1, keepdims=True))
    picked = jnp.where(_RANGES[n][None] == y[:, None], t, 0).sum(1)
    return (jnp.log(jnp.exp(t).sum(1)) - picked).astype(x.dtype)


FAULTY = [
    Planted("log_sum_exp", "blocks", last_block_of_a_slice_that_is_moved_back),
    Planted(LOSS, "shift", maximum_begins_at_minus_1e20),
    Planted("log_sum_exp", "rows", no_shift_beside_a_dead_row),
    Planted(LOSS, "threshold", confident_labels_send_nothing_back),
    Planted("log_sum_exp", "tail", tail_behind_the_last_whole_block),
    Planted("sigmoid_cross_entropy", "derivative", derivative_saturated_at_15),
    *of_jax_faulty_second.FAULTY,
]
CORRECT = [
    Planted("log_sum_exp", "scan", scan_over_padded_blocks),
    Planted(LOSS, "map over rows", row_after_row_by_map),
    Planted(LOSS, "kept range", label_found_by_a_kept_range),
    *of_jax_correct_second.CORRECT,
]
