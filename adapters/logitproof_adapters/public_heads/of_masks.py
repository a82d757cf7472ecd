"""Functions with a mask, and attention's softmax, read off by using the identity as its values.

``logitproof check --where`` judges them: `where` is true for the classes that count. Each calls the public function in
its own words. Attention is given logits as queries, the identity as keys and values, and a scale of 1: every product is
exact. What PyTorch's masked functions leave undefined is filled here. The operator Attention of ONNX (opset 23) is run
on NumPy arrays by ONNX Runtime, and by ONNX' own evaluator: https://onnx.ai/onnx/operators/onnx__Attention.html.
"""

from __future__ import annotations

from functools import lru_cache
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


def onnxruntime_attention(logits: Any, where: Any) -> Any:
    """ONNX Runtime's Attention with a boolean mask."""
    session = _session(str(logits.dtype))
    return session.run(None, _attention_operands(logits, where))[0][0, 0]


def onnx_reference_attention(logits: Any, where: Any) -> Any:
    """Attention of `onnx.reference.ReferenceEvaluator` with a boolean mask."""
    evaluator = import_module("onnx.reference").ReferenceEvaluator(_attention_model(str(logits.dtype)))
    return evaluator.run(None, _attention_operands(logits, where))[0][0, 0]


@lru_cache
def _session(name: str) -> Any:
    model = _attention_model(name).SerializeToString()
    return import_module("onnxruntime").InferenceSession(model, providers=["CPUExecutionProvider"])


@lru_cache
def _attention_model(name: str) -> Any:
    """Return a model of one Attention, of this format."""
    onnx: Any = import_module("onnx")
    kind = onnx.helper.np_dtype_to_tensor_dtype(import_module("numpy").dtype(name))
    operands = [onnx.helper.make_tensor_value_info(one, kind, None) for one in ("query", "key", "value")]
    mask = onnx.helper.make_tensor_value_info("mask", onnx.TensorProto.BOOL, None)
    result = onnx.helper.make_tensor_value_info("result", kind, None)
    node = onnx.helper.make_node("Attention", ["query", "key", "value", "mask"], ["result"], scale=1.0)
    graph = onnx.helper.make_graph([node], "attention", [*operands, mask], [result])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 23)], ir_version=10)


def _attention_operands(logits: Any, where: Any) -> dict[str, Any]:
    identity = import_module("numpy").eye(logits.shape[-1], dtype=logits.dtype)[None, None]
    return {"query": logits[None, None], "key": identity, "value": identity, "mask": where}
