"""Eighteen faulty kernels of JAX, one plausible fault each, written before any was tried.

Two were written below ``jax.jit``, which mends them: XLA makes a choice of a product with a one-hot row, and one
rounding of a product and the difference behind it. They stand here without it.
"""

from __future__ import annotations

from functools import partial
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


def _wide(x: Array) -> Array:
    return x.astype(jnp.float32) if x.dtype.itemsize == 2 else x


def _shift(w: Array, axis: int = 1) -> Array:
    """Return the maximum, held constant, and 0 for a row of -inf alone; the axis is kept."""
    m = lax.stop_gradient(w.max(axis, keepdims=True))
    return jnp.where(jnp.isneginf(m), 0, m)


def _at(t: Array, y: Array) -> Array:
    return jnp.take_along_axis(t, y[:, None], 1)[:, 0]


# The cotangent reaches the shares and not the label's one.


@jax.custom_vjp
def _plain_loss(x: Array, y: Array) -> Array:
    t = _wide(x) - _shift(_wide(x))
    return (jnp.log(jnp.exp(t).sum(1)) - _at(t, y)).astype(x.dtype)


def _plain_forward(x: Array, y: Array) -> Any:
    return _plain_loss(x, y), (jax.nn.softmax(_wide(x), axis=1).astype(x.dtype), y)


def _plain_backward(saved: Any, c: Array) -> Any:
    p, y = saved
    one_hot = jax.nn.one_hot(y, p.shape[1], dtype=jnp.float32)
    return (_wide(p) * _wide(c)[:, None] - one_hot).astype(p.dtype), None


_plain_loss.defvjp(_plain_forward, _plain_backward)


@jax.jit
def label_term_without_cotangent(x: Array, y: Array) -> Array:
    return _plain_loss(x, y)


# The value is shifted, its derivative is not.


@jax.custom_jvp
def _shifted(x: Array) -> Array:
    w = _wide(x)
    m = _shift(w)
    return (m[:, 0] + jnp.log(jnp.exp(w - m).sum(1))).astype(x.dtype)


@_shifted.defjvp
def _(given: Any, tangents: Any) -> Any:
    (x,), (v,) = given, tangents
    e = jnp.exp(_wide(x))
    return _shifted(x), ((e / e.sum(1, keepdims=True)) * _wide(v)).sum(1).astype(x.dtype)


@jax.jit
def tangent_by_an_unshifted_softmax(x: Array) -> Array:
    return _shifted(x)


# The last chunk is filled with the lowest number, not with -inf.


def padding_at_the_lowest_number(x: Array) -> Array:
    w, n = _wide(x), x.shape[1]
    lowest = jnp.finfo(w.dtype).min
    chunks = jnp.pad(w, ((0, 0), (0, -n % BLOCK)), constant_values=lowest).reshape(len(w), -1, BLOCK)

    def step(carry: Any, chunk: Array) -> tuple[Any, None]:
        top, total = carry
        new = jnp.maximum(top, lax.stop_gradient(chunk.max(1)))
        safe = jnp.where(jnp.isneginf(new), 0, new)
        return (new, total * jnp.exp(top - safe) + jnp.exp(chunk - safe[:, None]).sum(1)), None

    first = jnp.full(len(w), -jnp.inf, w.dtype), jnp.zeros(len(w), w.dtype)
    (top, total), _ = lax.scan(step, first, chunks.swapaxes(0, 1))
    return (jnp.where(jnp.isneginf(top), 0, top) + jnp.log(total)).astype(x.dtype)


# The maximum is reduced from 0.


@jax.jit
def reduction_begins_at_zero(x: Array) -> Array:
    w = _wide(x)
    m = lax.stop_gradient(lax.reduce(w, jnp.zeros((), w.dtype), lax.max, (1,)))
    return (m + jnp.log(jnp.exp(w - m[:, None]).sum(1))).astype(x.dtype)


# The branch that is not taken overflows, and its derivative times 0 is NaN.


@jax.jit
def branch_not_taken_overflows(x: Array, y: Array) -> Array:
    w, q = _wide(x), _wide(y)
    softplus = jnp.where(w > 0, w + jnp.log1p(jnp.exp(-w)), jnp.log1p(jnp.exp(w)))
    return (softplus - w * q).astype(x.dtype)


# Ignored labels are clipped to 0, and then what is 0 is ignored.


@jax.jit
def label_zero_is_ignored(x: Array, y: Array) -> Array:
    label = jnp.clip(y, 0)
    t = _wide(x) - _shift(_wide(x))
    losses = jnp.log(jnp.exp(t).sum(1)) - _at(t, label)
    return jnp.where(label > 0, losses, 0).astype(x.dtype)


# Whatever comes is computed in float32.


@jax.jit
def float64_through_float32(x: Array, y: Array) -> Array:
    w = x.astype(jnp.float32)
    t = w - _shift(w)
    return (jnp.log(jnp.exp(t).sum(1)) - _at(t, y)).astype(x.dtype)


# The sum of the blocks is carried in the format of the logits.


@jax.jit
def carry_in_the_logits_format(x: Array) -> Array:
    w, n = _wide(x), x.shape[1]
    e = jnp.exp(w - _shift(w))
    blocks = jnp.pad(e, ((0, 0), (0, -n % BLOCK))).reshape(len(w), -1, BLOCK).swapaxes(0, 1)

    def step(total: Array, block: Array) -> tuple[Array, None]:
        return (_wide(total) + block.sum(1)).astype(x.dtype), None

    total, _ = lax.scan(step, jnp.zeros(len(w), x.dtype), blocks)
    return (e / _wide(total)[:, None]).astype(x.dtype)


# A rule for batches of rows takes one maximum of all.


@jax.custom_batching.custom_vmap
def _row_shift(row: Array) -> Array:
    m = row.max()
    return jnp.where(jnp.isneginf(m), 0, m)


@_row_shift.def_vmap
def _(size: int, _: Any, rows: Array) -> Any:
    m = rows.max()
    return jnp.broadcast_to(jnp.where(jnp.isneginf(m), 0, m), (size,)), True


@jax.jit
def batch_rule_of_one_maximum(x: Array) -> Array:
    def of_row(row: Array) -> Array:
        m = lax.stop_gradient(_row_shift(lax.stop_gradient(row)))
        return m + jnp.log(jnp.exp(row - m).sum())

    return jax.vmap(of_row)(_wide(x)).astype(x.dtype)


# One of two uses of the maximum is held constant.


@jax.jit
def one_maximum_of_two_held_constant(x: Array) -> Array:
    w = _wide(x)
    total = jnp.exp(w - _shift(w)).sum(1)
    return (jnp.log(total) + w.max(1)).astype(x.dtype)


# All that equals the maximum is taken out of the sum, and counts once.


@jax.jit
def ties_of_the_maximum_count_once(x: Array) -> Array:
    w = _wide(x)
    m = _shift(w)
    rest = jnp.where(w == m, 0, jnp.exp(w - m)).sum(1)
    top = jnp.take_along_axis(w, w.argmax(1)[:, None], 1)[:, 0]
    return (top + jnp.log1p(rest)).astype(x.dtype)


# Labels in one-hot form are kept by their shape.


_ONE_HOT: dict[tuple[int, int], Array] = {}


def labels_of_the_first_batch_of_a_shape(x: Array, y: Array) -> Array:
    if isinstance(y, jax.core.Tracer):
        one_hot = jax.nn.one_hot(y, x.shape[1], dtype=bool)
    else:
        if x.shape not in _ONE_HOT:
            _ONE_HOT[x.shape] = jax.nn.one_hot(y, x.shape[1], dtype=bool)
        one_hot = _ONE_HOT[x.shape]
    t = _wide(x) - _shift(_wide(x))
    return (jnp.log(jnp.exp(t).sum(1)) - jnp.where(one_hot, t, 0).sum(1)).astype(x.dtype)


# Pallas: the tail of a block is 0 when the maximum is taken, and masked when the sum is.


def _padded_row(x_ref: Any, out_ref: Any, *, classes: int) -> None:
    w = _wide(x_ref[...])
    column = lax.broadcasted_iota(jnp.int32, w.shape, 1)
    m = w.max(1)
    e = jnp.where(column < classes, jnp.exp(w - m[:, None]), 0)
    out_ref[...] = (m + jnp.log(e.sum(1))).astype(x_ref.dtype)


def _launch(x: Array) -> Array:
    rows, classes = x.shape
    padded = jnp.pad(x, ((0, -rows % 8), (0, -classes % BLOCK)))
    found = pl.pallas_call(
        partial(_padded_row, classes=classes),
        grid=(len(padded) // 8,),
        in_specs=[pl.BlockSpec((8, padded.shape[1]), lambda i: (i, 0))],
        out_specs=pl.BlockSpec((8,), lambda i: (i,)),
        out_shape=jax.ShapeDtypeStruct((len(padded),), x.dtype),
        interpret=True,
    )(padded)
    return found[:rows]


@jax.custom_vjp
def _pallas(x: Array) -> Array:
    return _launch(x)


_pallas.defvjp(
    lambda x: (_launch(x), x),
    lambda x, c: ((jax.nn.softmax(_wide(x), axis=1) * _wide(c)[:, None]).astype(x.dtype),),
)


@jax.jit
def tail_of_a_block_is_zero_for_the_maximum(x: Array) -> Array:
    return _pallas(x)


# All groups are shifted by the maximum of all.


@jax.jit
def shift_of_all_groups(x: Array, groups: Array) -> Array:
    w = _wide(x)
    e = jnp.exp(w - _shift(w, 0))
    total = jax.ops.segment_sum(e, groups, num_segments=len(w))
    return (e / total[groups]).astype(x.dtype)


# A one-hot row times log-probabilities: 0 times -inf.


def one_hot_times_minus_inf(x: Array, y: Array) -> Array:
    logarithm = jax.nn.log_softmax(_wide(x), axis=1)
    one_hot = jax.nn.one_hot(y, x.shape[1], dtype=logarithm.dtype)
    return -(one_hot * logarithm).sum(1).astype(x.dtype)


# Pairs of maximum and sum: two that are at -inf combine to NaN.


@jax.jit
def pairs_at_minus_inf(x: Array) -> Array:
    def combine(left: Any, right: Any) -> Any:
        (m, s), (n, u) = left, right
        top = lax.stop_gradient(jnp.maximum(m, n))
        return top, s * jnp.exp(m - top) + u * jnp.exp(n - top)

    w = _wide(x)
    tops = lax.stop_gradient(w)
    top, total = lax.associative_scan(combine, (tops, jnp.exp(w - tops)), axis=1)
    return (top[:, -1] + jnp.log(total[:, -1])).astype(x.dtype)


# Base 2: each logit is rounded once more, before the maximum is subtracted.


def base_two_before_the_shift(x: Array) -> Array:
    scaled = _wide(x) * jnp.asarray(LOG2_E, _wide(x).dtype)
    e = jnp.exp2(scaled - _shift(scaled))
    return (e / e.sum(1, keepdims=True)).astype(x.dtype)


# Smoothing shared among the other classes, where it was declared to be shared among all.


@jax.jit
def smoothing_among_the_others(x: Array, y: Array) -> Array:
    n, smoothing = x.shape[1], 0.1
    logarithm = jax.nn.log_softmax(_wide(x), axis=1)
    others = smoothing / max(n - 1, 1)
    picked = _at(logarithm, y)
    return -((1 - smoothing) * picked + others * (logarithm.sum(1) - picked)).astype(x.dtype)


FAULTY = [
    Planted(LOSS, "cotangent", label_term_without_cotangent),
    Planted("log_sum_exp", "derivative", tangent_by_an_unshifted_softmax),
    Planted("log_sum_exp", "padding", padding_at_the_lowest_number),
    Planted("log_sum_exp", "initial value", reduction_begins_at_zero),
    Planted("sigmoid_cross_entropy", "where", branch_not_taken_overflows),
    Planted(LOSS, "labels", label_zero_is_ignored, declared={"ignore_index": -100}),
    Planted(LOSS, "format", float64_through_float32),
    Planted("softmax", "accumulator", carry_in_the_logits_format),
    Planted("log_sum_exp", "batching rule", batch_rule_of_one_maximum),
    Planted("log_sum_exp", "constant maximum", one_maximum_of_two_held_constant),
    Planted("log_sum_exp", "ties", ties_of_the_maximum_count_once),
    Planted(LOSS, "kept", labels_of_the_first_batch_of_a_shape),
    Planted("log_sum_exp", "tail", tail_of_a_block_is_zero_for_the_maximum),
    Planted("grouped_softmax", "groups", shift_of_all_groups),
    Planted(LOSS, "one-hot", one_hot_times_minus_inf),
    Planted("log_sum_exp", "-inf", pairs_at_minus_inf),
    Planted("softmax", "base", base_two_before_the_shift),
    Planted(LOSS, "smoothing", smoothing_among_the_others, declared={"label_smoothing": 0.1}),
]
