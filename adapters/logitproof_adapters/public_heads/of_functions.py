"""Published building blocks of losses: softplus, logaddexp, cumulative and grouped sums.

``logitproof check --op softplus``, ``log_sigmoid``, ``logaddexp``, ``cumulative_log_sum_exp``, ``grouped_log_sum_exp``
or ``grouped_softmax`` judges them, with two derivatives where a framework takes them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def torch_softplus(logits: Any) -> Any:
    """`F.softplus`."""
    return _functional().softplus(logits)


def torch_log_sigmoid(logits: Any) -> Any:
    """`F.logsigmoid`."""
    return _functional().logsigmoid(logits)


def torch_logaddexp(logits: Any, other: Any) -> Any:
    """`torch.logaddexp`."""
    return import_module("torch").logaddexp(logits, other)


def torch_logcumsumexp(logits: Any) -> Any:
    """`torch.logcumsumexp`."""
    return import_module("torch").logcumsumexp(logits, dim=-1)


def jax_softplus(logits: Any) -> Any:
    """`jax.nn.softplus`."""
    return import_module("jax.nn").softplus(logits)


def jax_log_sigmoid(logits: Any) -> Any:
    """`jax.nn.log_sigmoid`."""
    return import_module("jax.nn").log_sigmoid(logits)


def jax_logaddexp(logits: Any, other: Any) -> Any:
    """`jax.numpy.logaddexp`."""
    return import_module("jax.numpy").logaddexp(logits, other)


def jax_cumlogsumexp(logits: Any) -> Any:
    """`jax.lax.cumlogsumexp`."""
    return import_module("jax.lax").cumlogsumexp(logits, axis=1)


def numpy_logaddexp(logits: Any, other: Any) -> Any:
    """`numpy.logaddexp`."""
    return import_module("numpy").logaddexp(logits, other)


def numpy_logaddexp_accumulate(logits: Any) -> Any:
    """`numpy.logaddexp.accumulate`."""
    return import_module("numpy").logaddexp.accumulate(logits, axis=1)


def scipy_log_expit(logits: Any) -> Any:
    """`scipy.special.log_expit`."""
    return import_module("scipy.special").log_expit(logits)


def pyg_softmax(logits: Any, labels: Any) -> Any:
    """`torch_geometric.utils.softmax`."""
    return import_module("torch_geometric.utils").softmax(logits, labels, dim=0)


def jraph_softmax(logits: Any, labels: Any) -> Any:
    """`jraph.segment_softmax`."""
    return import_module("jraph").segment_softmax(logits, labels, num_segments=int(labels.max()) + 1)


def _functional() -> Any:
    return import_module("torch.nn.functional")
