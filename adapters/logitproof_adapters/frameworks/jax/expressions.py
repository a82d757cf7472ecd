"""JAX's functions as source: what is called for an op, and how it is differentiated and run in each mode.

Mode ``compiled`` is jax.jit of the whole, differentiation included, mode ``vmap`` jax.vmap of the answer for one row.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from logitproof_adapters.sources.source_adapter import arguments

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.cells import Cell

LABEL_ENTRY = "jnp.take_along_axis(jax.nn.log_softmax(x, {axis}), jnp.expand_dims(y, {axis}), {axis})"

EXPRESSIONS = {
    ("softmax", "none", ""): "jax.nn.softmax(x, axis={axis})",
    ("softmax", "none", "where"): "jax.nn.softmax(x, axis={axis}, where=kept)",
    ("log_softmax", "none", ""): "jax.nn.log_softmax(x, axis={axis})",
    ("log_softmax", "none", "where"): "jax.nn.log_softmax(x, axis={axis}, where=kept)",
    ("log_sum_exp", "none", ""): "jax.nn.logsumexp(x, axis={axis})",
    ("log_sum_exp", "none", "where"): "jax.nn.logsumexp(x, axis={axis}, where=kept)",
    ("log_sum_exp", "none", "weights"): "jax.nn.logsumexp(x, axis={axis}, b=jnp.ones_like(x))",
    ("log_sum_exp", "none", "return_sign"): (
        "(lambda value, sign: value + jnp.where(sign >= 0, 0.0, jnp.nan))"
        "(*jax.nn.logsumexp(x, axis={axis}, return_sign=True))"
    ),
    ("softmax_cross_entropy", "indices", ""): f"-jnp.squeeze({LABEL_ENTRY}, {{axis}})",
    ("softmax_cross_entropy", "distributions", ""): "-jnp.sum(y * jax.nn.log_softmax(x, {axis}), {axis})",
    ("sigmoid_cross_entropy", "distributions", ""): "-(y * jax.nn.log_sigmoid(x) + (1 - y) * jax.nn.log_sigmoid(-x))",
}
"""Calls by op, labels and entry. Entry ``where`` tells which logits count; ``weights`` has factors b of 1."""

SPELLED = {
    ("softmax", "two_class_axes"): "jax.nn.softmax(x, axis=({axis}, {last}))",
    ("log_softmax", "two_class_axes"): "jax.nn.log_softmax(x, axis=({axis}, {last}))",
    ("log_sum_exp", "two_class_axes"): "jax.nn.logsumexp(x, axis=({axis}, {last}))",
    ("log_sum_exp", "kept_axis"): "jax.nn.logsumexp(x, axis={axis}, keepdims=True)",
    ("log_sum_exp", "every_axis"): "jax.nn.logsumexp(x)",
}
"""Further calls by op and word of `Adapter.spellings`."""

ENTRIES = MappingProxyType(
    {
        (op, labels): tuple(word for *family, word in EXPRESSIONS if family == [op, labels] and word)
        for op, labels, word in EXPRESSIONS
        if word
    }
)

MASKED = "(lambda x, kept: {answer})(jnp.where(x != -jnp.inf, x, 1e4), x != -jnp.inf)"
"""Entry ``where``: the logits at -inf are ruled out by that argument, and what stands in their place is large."""

PULLED_BACK = "jax.vjp(lambda x: {expression}, x)[1]"

ANSWERS = {
    "value": "{expression}",
    "grad_logits": f"{PULLED_BACK}(c)[0]",
    "second_grad_logits": f"(lambda pull: (pull(c), pull(c)))({PULLED_BACK})[1][0]",
    "grad_labels": "jax.vjp(lambda y: {expression}, y)[1](c)[0]",
    "mixed_derivative": f"jax.vjp(lambda y: {PULLED_BACK}(c)[0], y)[1](v)[0]",
    "jvp": "jax.jvp(lambda x: {expression}, (x,), (v,))[1]",
    "hvp": f"jax.jvp(lambda x: {PULLED_BACK}(c)[0], (x,), (v,))[1]",
}

TRANSFORMS = {"eager": "f = {answer}", "compiled": "f = jax.jit({answer})", "vmap": "f = jax.vmap({answer})"}
"""The handling of the answer in each mode."""


def program(cell: Cell, expression: str) -> str:
    """Return source that defines ``f``."""
    answer = ANSWERS[cell.quantity].format(expression=expression)
    masked = MASKED.format(answer=answer) if cell.entry == "where" else answer
    return TRANSFORMS[cell.mode].format(answer=f"lambda {arguments(cell)}: {masked}")
