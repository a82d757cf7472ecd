"""TensorFlow's functions as source: what is called for an op, and how it is differentiated and run in each mode.

tf.nn.sparse_softmax_cross_entropy_with_logits takes the classes last; where they lie elsewhere, tf.transpose brings
them there. Mode ``compiled`` is tf.function(jit_compile=True) around the whole, tape included, ``graph`` the same
without XLA, ``vmap`` tf.vectorized_map of the answer for one row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_adapters.sources.source_adapter import arguments

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.cells import Cell

EXPRESSIONS = {
    ("softmax", "none"): "tf.nn.softmax(x, axis={axis})",
    ("log_softmax", "none"): "tf.nn.log_softmax(x, axis={axis})",
    ("log_sum_exp", "none"): "tf.reduce_logsumexp(x, axis={axis})",
    ("softmax_cross_entropy", "indices"): (
        "tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits={x_classes_last})"
    ),
    ("softmax_cross_entropy", "distributions"): (
        "tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=x, axis={axis})"
    ),
    ("sigmoid_cross_entropy", "distributions"): "tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=x)",
}
SPELLED = {
    ("log_sum_exp", "two_class_axes"): "tf.reduce_logsumexp(x, axis=({axis}, {last}))",
    ("log_sum_exp", "kept_axis"): "tf.reduce_logsumexp(x, axis={axis}, keepdims=True)",
    ("log_sum_exp", "every_axis"): "tf.reduce_logsumexp(x)",
}
"""Further calls by op and word of `Adapter.spellings`."""

POSITIVE_WEIGHT = "tf.nn.weighted_cross_entropy_with_logits(labels=y, logits=x, pos_weight=pw)"

VALUE = """    return {expression}"""

GRADIENT = """    with tf.GradientTape() as tape:
        tape.watch({wanted})
        value = {expression}
    return tape.gradient(value, {wanted}, output_gradients=c)"""

SECOND_GRADIENT = """    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        value = {expression}
    tape.gradient(value, x, output_gradients=c)
    return tape.gradient(value, x, output_gradients=c)"""

MIXED = """    with tf.GradientTape() as outer:
        outer.watch(y)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = {expression}
        gradient = tape.gradient(value, x, output_gradients=c)
    return outer.gradient(gradient, y, output_gradients=v, unconnected_gradients="zero")"""

FORWARD = """    with tf.autodiff.ForwardAccumulator(x, v) as forward:
        value = {expression}
    return forward.jvp(value)"""

SECOND = """    with tf.autodiff.ForwardAccumulator(x, v) as forward:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = {expression}
        gradient = tape.gradient(value, x, output_gradients=c)
    return forward.jvp(gradient)"""

ANSWERS = {
    "value": VALUE,
    "grad_logits": GRADIENT.replace("{wanted}", "x"),
    "second_grad_logits": SECOND_GRADIENT,
    "grad_labels": GRADIENT.replace("{wanted}", "y"),
    "mixed_derivative": MIXED,
    "jvp": FORWARD,
    "hvp": SECOND,
}

DECORATED = "{decorator}def f({letters}):\n{body}"
MAPPED = """def of_row({letters}):
{body}

def f({letters}):
    return tf.vectorized_map(lambda row: of_row(*row), ({letters},))"""

PROGRAMS = {
    "eager": DECORATED.replace("{decorator}", ""),
    "compiled": DECORATED.replace("{decorator}", "@tf.function(jit_compile=True, autograph=False)\n"),
    "graph": DECORATED.replace("{decorator}", "@tf.function(autograph=False)\n"),
    "vmap": MAPPED,
}


def program(cell: Cell, expression: str) -> str:
    """Return source that defines ``f``."""
    body = ANSWERS[cell.quantity].format(expression=expression)
    return PROGRAMS[cell.mode].format(letters=arguments(cell), body=body)
