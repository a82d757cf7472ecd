"""Losses of training libraries, after `F.linear`: transformers, torchtune, Megatron on one rank.

https://github.com/huggingface/transformers/blob/main/src/transformers/loss/loss_utils.py
https://github.com/meta-pytorch/torchtune/tree/main/torchtune/modules/loss
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from logitproof_adapters.public_heads.linear import logits_of


def transformers_causal_lm(
    hidden: Any, weight: Any, labels: Any, *, ignore_index: int = -100, divisor: Any = None
) -> Any:
    """`ForCausalLMLoss`: it shifts the labels; with `num_items_in_batch` a sum over it, else a mean."""
    module: Any = import_module("transformers.loss.loss_utils")
    logits = logits_of(hidden, weight)
    return module.ForCausalLMLoss(
        logits[None], labels[None], len(weight), num_items_in_batch=divisor, ignore_index=ignore_index
    )


def transformers_label_smoother(hidden: Any, weight: Any, labels: Any, *, label_smoothing: float = 0.1) -> Any:
    """`LabelSmoother`: a mean over the rows that are not ignored (-100)."""
    module: Any = import_module("transformers.trainer_pt_utils")
    return module.LabelSmoother(epsilon=label_smoothing)({"logits": logits_of(hidden, weight)}, labels)


def torchtune_chunked(hidden: Any, weight: Any, labels: Any, *, ignore_index: int = -100) -> Any:
    """`CEWithChunkedOutputLoss`: a mean over kept rows, of logits in eight chunks, each in float32."""
    module: Any = import_module("torchtune.modules.loss")
    loss = module.CEWithChunkedOutputLoss(num_output_chunks=8, ignore_index=ignore_index)
    chunks = [logits_of(part, weight)[None] for part in hidden.chunk(8)]
    return loss(chunks, labels[None])


def megatron(hidden: Any, weight: Any, labels: Any, *, label_smoothing: float = 0.0) -> Any:
    """`vocab_parallel_cross_entropy` on one rank: a loss per row."""
    torch: Any = import_module("torch")
    _one_rank(torch)
    module: Any = import_module("megatron.core.tensor_parallel.cross_entropy")
    logits = logits_of(hidden, weight)[:, None].contiguous()
    return module.vocab_parallel_cross_entropy(logits, labels[:, None], label_smoothing)[:, 0]


def _one_rank(torch: Any) -> None:
    """Start a process group of this process alone, and Megatron's groups on it, at first use."""
    if torch.distributed.is_initialized():
        return
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    import_module("megatron.core.parallel_state").initialize_model_parallel(tensor_model_parallel_size=1)
