"""Nine correct kernels of JAX, of different algorithms, and four taken for correct, written before any was tried."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl

from meta.kernels.corpus import Planted

Array = Any
LOSS = "softmax_cross_entropy"
BLOCK = 128
LOG2_E = 1.4426950408889634
LN_2 = 0.6931471805599453


def _wide(x: Array) -> Array:
    return x.astype(jnp.float32) if x.dtype.itemsize == 2 else x


def _or_zero(m: Array) -> Array:
    return jnp.where(jnp.isneginf(m), 0, m)


def _shift(w: Array, axis: int = 1) -> Array:
    """Return the maximum, held constant, and 0 for a row of -inf alone; the axis is kept."""
    return _or_zero(lax.stop_gradient(w.max(axis, keepdims=True)))


def _at(t: Array, y: Array) -> Array:
    return jnp.take_along_axis(t, y[:, None], 1)[:, 0]


def _share(x: Array) -> Array:
    e = jnp.exp(_wide(x) - _wide(x).max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


# Pallas, eight rows at a time, a backward pass in Pallas.


def _softmax_rows(x_ref: Any, out_ref: Any) -> None:
    out_ref[...] = _share(x_ref[...]).astype(x_ref.dtype)


def _backward_rows(x_ref: Any, c_ref: Any, out_ref: Any) -> None:
    p, c = _share(x_ref[...]), _wide(c_ref[...])
    out_ref[...] = (p * (c - (p * c).sum(1, keepdims=True))).astype(x_ref.dtype)


def _launch(kernel: Any, *arrays: Array) -> Array:
    rows, classes = arrays[0].shape
    padded = [jnp.pad(array, ((0, -rows % 8), (0, 0))) for array in arrays]
    block = pl.BlockSpec((8, classes), lambda i: (i, 0))
    call = pl.pallas_call(
        kernel,
        grid=(len(padded[0]) // 8,),
        in_specs=[block] * len(arrays),
        out_specs=block,
        out_shape=jax.ShapeDtypeStruct(padded[0].shape, arrays[0].dtype),
        interpret=True,
    )
    return call(*padded)[:rows]


@jax.custom_vjp
def _pallas(x: Array) -> Array:
    return _launch(_softmax_rows, x)


_pallas.defvjp(lambda x: (_pallas(x), x), lambda x, c: (_launch(_backward_rows, x, c),))


@jax.jit
def pallas_rows(x: Array) -> Array:
    return _pallas(x)


# One pass over chunks, a maximum and a sum carried; each chunk is divided at the end.


@jax.jit
def online_softmax_by_scan(x: Array) -> Array:
    w, n = _wide(x), x.shape[1]
    chunks = jnp.pad(w, ((0, 0), (0, -n % BLOCK)), constant_values=-jnp.inf).reshape(len(w), -1, BLOCK)

    def step(carry: Any, chunk: Array) -> tuple[Any, None]:
        top, total = carry
        new = jnp.maximum(top, lax.stop_gradient(chunk.max(1)))
        return (new, total * jnp.exp(top - _or_zero(new)) + jnp.exp(chunk - _or_zero(new)[:, None]).sum(1)), None

    first = jnp.full(len(w), -jnp.inf, w.dtype), jnp.zeros(len(w), w.dtype)
    (top, total), _ = lax.scan(step, first, chunks.swapaxes(0, 1))
    return (jnp.exp(w - top[:, None]) / total[:, None]).astype(x.dtype)


# Nothing is saved but the logits and the log of the sum; the shares are computed anew.


@jax.custom_vjp
def _recomputed(x: Array, y: Array) -> Array:
    t = _wide(x) - _shift(_wide(x))
    return (jnp.log(jnp.exp(t).sum(1)) - _at(t, y)).astype(x.dtype)


def _recomputed_forward(x: Array, y: Array) -> Any:
    return _recomputed(x, y), (x, y)


def _recomputed_backward(saved: Any, c: Array) -> Any:
    x, y = saved
    g = _share(x).at[jnp.arange(len(x)), y].add(-1)
    return (g * _wide(c)[:, None]).astype(x.dtype), None


_recomputed.defvjp(_recomputed_forward, _recomputed_backward)


def backward_by_recomputing(x: Array, y: Array) -> Array:
    return _recomputed(x, y)


# Pairs of maximum and sum, combined by a parallel scan; its derivative by a rule.


@jax.custom_jvp
def _by_pairs(x: Array) -> Array:
    def combine(left: Any, right: Any) -> Any:
        (m, s), (n, u) = left, right
        top = jnp.maximum(m, n)
        return top, s * jnp.exp(m - _or_zero(top)) + u * jnp.exp(n - _or_zero(top))

    w = _wide(x)
    ones = jnp.where(jnp.isneginf(w), 0, 1).astype(w.dtype)
    top, total = lax.associative_scan(combine, (w, ones), axis=1)
    return (_or_zero(top[:, -1]) + jnp.log(total[:, -1])).astype(x.dtype)


@_by_pairs.defjvp
def _(given: Any, tangents: Any) -> Any:
    (x,), (v,) = given, tangents
    return _by_pairs(x), (_share(x) * _wide(v)).sum(1).astype(x.dtype)


@jax.jit
def pairs_by_associative_scan(x: Array) -> Array:
    return _by_pairs(x)


# Neighbours are added in logarithms, by halves.


@jax.jit
def tree_of_logaddexp(x: Array) -> Array:
    w = _wide(x)
    while w.shape[1] > 1:
        w = jnp.pad(w, ((0, 0), (0, w.shape[1] % 2)), constant_values=-jnp.inf)
        w = jnp.logaddexp(w[:, ::2], w[:, 1::2])
    return w[:, 0].astype(x.dtype)


# Blocks by fori_loop, after the maximum of all.


@jax.jit
def blocks_by_fori_loop(x: Array, y: Array) -> Array:
    w, n = _wide(x), x.shape[1]
    t = w - _shift(w)
    padded = jnp.pad(t, ((0, 0), (0, -n % BLOCK)), constant_values=-jnp.inf)

    def add(i: Array, total: Array) -> Array:
        return total + jnp.exp(lax.dynamic_slice_in_dim(padded, i * BLOCK, BLOCK, 1)).sum(1)

    total = lax.fori_loop(0, padded.shape[1] // BLOCK, add, jnp.zeros(len(w), w.dtype))
    return (jnp.log(total) - _at(t, y)).astype(x.dtype)


# As many blocks as there are, by while_loop, which has no reverse derivative; a rule of its own.


@jax.custom_vjp
def _by_while(x: Array) -> Array:
    w, n = _wide(x), x.shape[1]
    m = _shift(w)
    padded = jnp.pad(w - m, ((0, 0), (0, -n % BLOCK)), constant_values=-jnp.inf)

    def step(carry: Any) -> Any:
        i, total = carry
        return i + BLOCK, total + jnp.exp(lax.dynamic_slice_in_dim(padded, i, BLOCK, 1)).sum(1)

    _, total = lax.while_loop(lambda carry: carry[0] < n, step, (0, jnp.zeros(len(w), w.dtype)))
    return (m[:, 0] + jnp.log(total)).astype(x.dtype)


_by_while.defvjp(
    lambda x: (_by_while(x), x),
    lambda x, c: ((_share(x) * _wide(c)[:, None]).astype(x.dtype),),
)


@jax.jit
def blocks_by_while_loop(x: Array) -> Array:
    return _by_while(x)


# A function of one row, mapped.


@jax.jit
def mapped_row_function(x: Array, y: Array) -> Array:
    def of_row(row: Array, label: Array) -> Array:
        m = lax.stop_gradient(row.max())
        return jnp.log(jnp.exp(row - m).sum()) + (m - row[label])

    return jax.vmap(of_row)(_wide(x), y).astype(x.dtype)


# The forward pass is computed again when the gradient is.


@jax.jit
def checkpointed(x: Array, y: Array) -> Array:
    @jax.checkpoint
    def of(w: Array) -> Array:
        return -_at(jax.nn.log_softmax(w, axis=1), y)

    return of(_wide(x)).astype(x.dtype)


# float64 within, whatever comes.


@jax.jit
def float64_within(x: Array, y: Array) -> Array:
    w, q = x.astype(jnp.float64), y.astype(jnp.float64)
    return (jnp.maximum(w, 0) - w * q + jnp.log1p(jnp.exp(-jnp.abs(w)))).astype(x.dtype)


# Base 2, after the maximum is subtracted.


@jax.jit
def base_two_after_the_shift(x: Array) -> Array:
    w = _wide(x)
    m = _shift(w)
    total = jnp.exp2((w - m) * jnp.asarray(LOG2_E, w.dtype)).sum(1)
    return (m[:, 0] + jnp.log2(total) * jnp.asarray(LN_2, w.dtype)).astype(x.dtype)


# The label's logit by a product with one-hot rows; what they do not choose is 0 before.


@jax.jit
def one_hot_by_einsum(x: Array, y: Array) -> Array:
    w = _wide(x)
    t = w - _shift(w)
    one_hot = jax.nn.one_hot(y, x.shape[1], dtype=w.dtype)
    picked = jnp.einsum("nc,nc->n", one_hot, jnp.where(one_hot > 0, t, 0))
    return (jnp.log(jnp.exp(t).sum(1)) - picked).astype(x.dtype)


# Groups by segment reductions, each shifted by its own maximum.


@jax.jit
def groups_by_segments(x: Array, groups: Array) -> Array:
    w = _wide(x)
    m = lax.stop_gradient(jax.ops.segment_max(w, groups, num_segments=len(w)))
    e = jnp.exp(w - m[groups])
    return (e / jax.ops.segment_sum(e, groups, num_segments=len(w))[groups]).astype(x.dtype)


CORRECT = [
    Planted("softmax", "Pallas", pallas_rows),
    Planted("softmax", "online, by scan", online_softmax_by_scan),
    Planted(LOSS, "recomputed", backward_by_recomputing),
    Planted("log_sum_exp", "associative scan", pairs_by_associative_scan),
    Planted(LOSS, "fori_loop", blocks_by_fori_loop),
    Planted(LOSS, "vmap", mapped_row_function),
    Planted(LOSS, "checkpoint", checkpointed),
    Planted("log_sum_exp", "base 2", base_two_after_the_shift),
    Planted(LOSS, "einsum", one_hot_by_einsum),
]

TAKEN_FOR_CORRECT = [
    Planted("log_sum_exp", "tree of logaddexp", tree_of_logaddexp),
    Planted("log_sum_exp", "while_loop", blocks_by_while_loop),
    Planted("sigmoid_cross_entropy", "float64 within", float64_within),
    Planted("grouped_softmax", "segments", groups_by_segments),
]
"""Accused, and so in no count: they would be faulty ones that are certainly found.

As JAX 0.10.2 has them on a CPU: the derivative of jnp.logaddexp is NaN where both are -inf; a compiled while_loop makes
no step over one block that is larger than the row (reports/findings/jax-while-loop-of-one-step.md); the derivative of
jnp.abs is 1 at 0, so that that of max(x, 0) + log1p(exp(-|x|)) is 0 there and not 1/2. Segments as many as rows are too
few where a group has a greater number.
"""
