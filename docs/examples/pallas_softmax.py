"""Softmax in JAX Pallas, a block of rows at a time, with a backward pass of its own.

Check it on a machine without an accelerator (``interpret=True``)::

    logitproof check pallas_softmax:softmax --op softmax --framework jax --format float32 --widest 257

Try a fault: leave out ``- x.max(...)``.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl

ROWS = 64
INTERPRET = jax.default_backend() == "cpu"


def forward_kernel(x_ref, out_ref):
    """Write the softmax of a block of rows; half formats are computed in float32."""
    x = x_ref[...]
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    e = jnp.exp(wide - wide.max(axis=1, keepdims=True))
    out_ref[...] = (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


def backward_kernel(x_ref, c_ref, out_ref):
    """Write p (c - sum p c) of a block of rows."""
    x = x_ref[...]
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    e = jnp.exp(wide - wide.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    c = c_ref[...].astype(wide.dtype)
    out_ref[...] = (p * (c - (p * c).sum(axis=1, keepdims=True))).astype(x.dtype)


@partial(jax.jit, static_argnums=0)
def launch(kernel, *arrays):
    """Call a kernel on blocks of rows; the last block is padded with zeros, which are rows of their own."""
    rows, classes = arrays[0].shape
    if not rows:
        return arrays[0]
    short = -rows % ROWS
    padded = [jnp.pad(array, ((0, short), (0, 0))) for array in arrays]
    block = pl.BlockSpec((ROWS, classes), lambda i: (i, 0))
    call = pl.pallas_call(
        kernel,
        grid=((rows + short) // ROWS,),
        in_specs=[block] * len(arrays),
        out_specs=block,
        out_shape=jax.ShapeDtypeStruct((rows + short, classes), arrays[0].dtype),
        interpret=INTERPRET,
    )
    return call(*padded)[:rows]


@jax.custom_vjp
def softmax(x):
    """Return the softmax of each row."""
    return launch(forward_kernel, x)


softmax.defvjp(
    lambda x: (launch(forward_kernel, x), x),
    lambda x, cotangent: (launch(backward_kernel, x, cotangent),),
)
