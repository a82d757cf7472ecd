"""Heads in JAX: tokamax's linear_softmax_cross_entropy_loss, and the losses of optax and MaxText after a product.

https://github.com/openxla/tokamax; https://optax.readthedocs.io/en/latest/api/losses.html;
https://github.com/AI-Hypercomputer/maxtext
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def reference(
    hidden: Any,
    weight: Any,
    labels: Any,
    *,
    scale: float = 1.0,
    temperature: float = 1.0,
    factors: Any = None,
    divides: bool = False,
) -> Any:
    """`jax.nn.log_softmax` of a product in the highest precision, times or over what is declared: nothing fused."""
    jax: Any = import_module("jax")
    logits = jax.numpy.matmul(hidden, weight.T, precision="highest")
    logits = logits if scale == 1.0 else logits * scale
    logits = logits if temperature == 1.0 else logits / temperature
    if factors is not None:
        logits = logits / factors if divides else logits * factors
    return -jax.numpy.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)[:, 0]


def tokamax_xla(hidden: Any, weight: Any, labels: Any, *, reduction: str = "sum") -> Any:
    """`linear_softmax_cross_entropy_loss` with all logits at once."""
    return _tokamax(hidden, weight, labels, reduction, "xla")


def tokamax_chunked(hidden: Any, weight: Any, labels: Any, *, reduction: str = "sum") -> Any:
    """`linear_softmax_cross_entropy_loss` in chunks of the vocabulary."""
    return _tokamax(hidden, weight, labels, reduction, "chunked_xla")


def _tokamax(hidden: Any, weight: Any, labels: Any, reduction: str, implementation: str) -> Any:
    package: Any = import_module("tokamax")
    return package.linear_softmax_cross_entropy_loss(
        hidden, labels, weight.T, reduction=reduction, implementation=implementation
    )


def optax(hidden: Any, weight: Any, labels: Any) -> Any:
    """`softmax_cross_entropy_with_integer_labels` of a product in the highest precision."""
    losses: Any = import_module("optax")
    matmul: Any = import_module("jax.numpy").matmul
    return losses.softmax_cross_entropy_with_integer_labels(matmul(hidden, weight.T, precision="highest"), labels)


def maxtext(hidden: Any, weight: Any, labels: Any, *, z_loss: float = 0.0) -> Any:
    """`maxtext.utils.max_utils.cross_entropy_with_logits` of one-hot labels, its z-loss in it."""
    jax: Any = import_module("jax")
    logits = hidden @ weight.T
    one_hot = jax.nn.one_hot(labels, len(weight), dtype=logits.dtype)
    loss = import_module("maxtext.utils.max_utils").cross_entropy_with_logits
    return loss(logits[None], one_hot[None], z_loss)[0][0]
