"""Log-probabilities of sampled tokens, as in reinforcement learning: trl and verl, after `F.linear`.

https://github.com/huggingface/trl/blob/main/trl/trainer/utils.py
https://github.com/volcengine/verl/blob/main/verl/utils/torch_functional.py
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from logitproof_adapters.public_heads.linear import logits_of


def trl(hidden: Any, weight: Any, labels: Any, *, temperature: float = 1.0) -> Any:
    """`selective_log_softmax`: in float32 the logit less logsumexp, in half precision log_softmax."""
    utils: Any = import_module("trl.trainer.utils")
    return -utils.selective_log_softmax(logits_of(hidden, weight), labels, temperature=temperature)


def verl(hidden: Any, weight: Any, labels: Any) -> Any:
    """`logprobs_from_logits_v2`: in float32 the logit less logsumexp, in half precision log_softmax."""
    module: Any = import_module("verl.utils.torch_functional")
    return -module.logprobs_from_logits_v2(logits_of(hidden, weight)[None], labels[None])[0]


def verl_naive(hidden: Any, weight: Any, labels: Any) -> Any:
    """`logprobs_from_logits_naive`: log_softmax, then a gather."""
    module: Any = import_module("verl.utils.torch_functional")
    return -module.logprobs_from_logits_naive(logits_of(hidden, weight), labels)
