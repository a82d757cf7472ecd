"""Functions with a mask, and attention's softmax, read off by using the identity as its values.

``logitproof check --where`` judges them: `where` is true for the classes that count. Each calls the public function in
its own words. Attention is given logits as queries, the identity as keys and values, and a scale of 1: every product is
exact. What PyTorch's masked functions leave undefined is filled here.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def jax_softmax(logits: Any, where: Any) -> Any:
    """`jax.nn.softmax` with ``where``."""
    return import_module("jax").nn.softmax(logits, where=where)


def jax_log_softmax(logits: Any, where: Any) -> Any:
    """`jax.nn.log_softmax` with ``where``."""
    return import_module("jax").nn.log_softmax(logits, where=where)


def jax_logsumexp(logits: Any, where: Any) -> Any:
    """`jax.nn.logsumexp` with ``where``."""
    return import_module("jax").nn.logsumexp(logits, axis=-1, where=where)


def jax_attention(logits: Any, where: Any) -> Any:
    """`jax.nn.dot_product_attention` with a boolean mask."""
    jax: Any = import_module("jax")
    identity = jax.numpy.eye(logits.shape[-1], dtype=logits.dtype)[:, None, :]
    with jax.default_matmul_precision("highest"):
        return jax.nn.dot_product_attention(logits[:, None, :], identity, identity, mask=where[None], scale=1.0)[:, 0]


def optax_loss(logits: Any, labels: Any, where: Any) -> Any:
    """`optax.softmax_cross_entropy` with ``where``."""
    return import_module("optax").softmax_cross_entropy(logits, labels, where=where)


def optax_loss_of_indices(logits: Any, labels: Any, where: Any) -> Any:
    """`optax.softmax_cross_entropy_with_integer_labels` with ``where``."""
    return import_module("optax").softmax_cross_entropy_with_integer_labels(logits, labels, where=where)


def keras_softmax(logits: Any, where: Any) -> Any:
    """`keras.layers.Softmax` with a mask."""
    keras: Any = import_module("keras")
    return keras.layers.Softmax(dtype=keras.backend.standardize_dtype(logits.dtype))(logits, mask=where)


def torch_softmax(logits: Any, where: Any) -> Any:
    """`torch.masked.softmax`; what is undefined is 0."""
    torch: Any = import_module("torch")
    return torch.where(where, torch.masked.softmax(logits, -1, mask=where), 0.0)


def torch_log_softmax(logits: Any, where: Any) -> Any:
    """`torch.masked.log_softmax`; what is undefined is -inf."""
    torch: Any = import_module("torch")
    return torch.where(where, torch.masked.log_softmax(logits, -1, mask=where), -torch.inf)


def torch_logsumexp(logits: Any, where: Any) -> Any:
    """`torch.masked.logsumexp`."""
    return import_module("torch").masked.logsumexp(logits, -1, mask=where)


def torch_attention(logits: Any, where: Any) -> Any:
    """`F.scaled_dot_product_attention` with a boolean mask, on what the backend chooses."""
    return _attention(logits, where)


def torch_attention_math(logits: Any, where: Any) -> Any:
    """`F.scaled_dot_product_attention` by its plain implementation."""
    attention: Any = import_module("torch.nn.attention")
    with attention.sdpa_kernel(attention.SDPBackend.MATH):
        return _attention(logits, where)


def _attention(logits: Any, where: Any) -> Any:
    torch: Any = import_module("torch")
    identity = torch.eye(logits.shape[-1], dtype=logits.dtype)[None, None]
    attend = torch.nn.functional.scaled_dot_product_attention
    return attend(logits[None, None], identity, identity, attn_mask=where[None, None], scale=1.0)[0, 0]


def mlx_attention(logits: Any, where: Any) -> Any:
    """`mlx.core.fast.scaled_dot_product_attention` with a boolean mask."""
    mx: Any = import_module("mlx.core")
    identity = mx.eye(logits.shape[-1], dtype=logits.dtype)[None, None]
    attend = mx.fast.scaled_dot_product_attention
    return attend(logits[None, None], identity, identity, mask=where[None, None], scale=1.0)[0, 0]
