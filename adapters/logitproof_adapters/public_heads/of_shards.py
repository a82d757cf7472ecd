"""Losses over a sharded vocabulary, on ranks that are local processes (gloo), after a linear layer.

torch: https://docs.pytorch.org/docs/stable/distributed.tensor.parallel.html; Megatron:
https://github.com/NVIDIA/Megatron-LM/blob/main/megatron/core/tensor_parallel/cross_entropy.py

Without a gradient a function returns the loss as every rank has it, (ranks, rows) or (ranks,), of one rank alone as it
is; for a gradient that of the first rank, differentiable: each rank's gradient of its own shard, side by side.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from logitproof_adapters.public_heads.start_ranks import answers_of_ranks


def torch_loss_parallel(
    hidden: Any,
    weight: Any,
    labels: Any,
    *,
    ranks: int = 1,
    reduction: str = "none",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Any:
    """`F.cross_entropy` within `loss_parallel`."""
    options = {"reduction": reduction, "ignore_index": ignore_index}
    if label_smoothing:
        options["label_smoothing"] = label_smoothing
    return _sharded("loss_parallel", ranks, (hidden, weight, labels), options)


def megatron(hidden: Any, weight: Any, labels: Any, *, ranks: int = 1, label_smoothing: float = 0.0) -> Any:
    """`vocab_parallel_cross_entropy`: a loss per row."""
    return _sharded("megatron", ranks, (hidden, weight, labels), {"label_smoothing": label_smoothing})


def liger(
    hidden: Any, weight: Any, labels: Any, *, ranks: int = 1, ignore_index: int = -100, label_smoothing: float = 0.0
) -> Any:
    """`LigerVocabParallelCrossEntropy`: a loss per row; its Triton kernels run in the interpreter."""
    options = {"ignore_index": ignore_index, "label_smoothing": label_smoothing}
    return _sharded("liger", ranks, (hidden, weight, labels), options)


def torch_loss_parallel_of_logits(logits: Any, labels: Any, *, ranks: int = 1) -> Any:
    """`F.cross_entropy` within `loss_parallel`, of logits."""
    return _of_logits("loss_parallel", ranks, logits, labels, {"reduction": "none", "ignore_index": -100})


def megatron_of_logits(logits: Any, labels: Any, *, ranks: int = 1) -> Any:
    """`vocab_parallel_cross_entropy`, of logits."""
    return _of_logits("megatron", ranks, logits, labels, {})


def liger_of_logits(logits: Any, labels: Any, *, ranks: int = 1) -> Any:
    """`LigerVocabParallelCrossEntropy`, of logits."""
    return _of_logits("liger", ranks, logits, labels, {})


def _sharded(head: str, ranks: int, given: tuple[Any, Any, Any], options: dict[str, Any]) -> Any:
    torch: Any = import_module("torch")
    hidden, weight, labels = given
    return _of_logits(head, ranks, torch.nn.functional.linear(hidden, weight), labels, options)


def _of_logits(head: str, ranks: int, logits: Any, labels: Any, options: dict[str, Any]) -> Any:
    torch: Any = import_module("torch")
    if logits.requires_grad:
        return _function(torch).apply(logits, labels, (head, ranks, options))
    answers = answers_of_ranks(head, ranks, {"logits": logits, "labels": labels, "cotangent": None, "options": options})
    losses = [one["loss"] for one in answers]
    return torch.stack(losses) if ranks > 1 else losses[0]


def _function(torch: Any) -> Any:
    """Return the loss as a function that torch differentiates: its backward gives the ranks the upstream gradient."""

    class Sharded(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(context: Any, logits: Any, labels: Any, asked: tuple[str, int, dict[str, Any]]) -> Any:
            head, ranks, options = asked
            context.asked = head, ranks, {"logits": logits.detach(), "labels": labels, "options": options}
            return answers_of_ranks(head, ranks, {**context.asked[2], "cotangent": None})[0]["loss"]

        @staticmethod
        def backward(context: Any, cotangent: Any) -> Any:
            head, ranks, request = context.asked
            answers = answers_of_ranks(head, ranks, {**request, "cotangent": cotangent.contiguous()})
            return torch.cat([one["gradient"] for one in answers], dim=1), None, None

    return Sharded
