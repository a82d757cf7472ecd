"""Losses over a sharded vocabulary, on ranks that are processes of this machine (gloo), behind a linear layer.

torch: https://docs.pytorch.org/docs/stable/distributed.tensor.parallel.html; Megatron:
https://github.com/NVIDIA/Megatron-LM/blob/main/megatron/core/tensor_parallel/cross_entropy.py

Without a gradient a function returns the loss as every rank has it, (ranks, rows) or (ranks,), of one rank alone as it
is; for a gradient that of the first rank, differentiable: each rank's gradient by its own shard, side by side.
"""

from __future__ import annotations

import atexit
import os
import pickle
import subprocess
import sys
import tempfile
from importlib import import_module
from typing import Any

from logitproof_adapters.public_heads import rank_worker

_GROUPS: dict[tuple[str, int], list[subprocess.Popen[bytes]]] = {}
"""Ranks that were started, by head and number."""


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
    """`vocab_parallel_cross_entropy`: a loss a row."""
    return _sharded("megatron", ranks, (hidden, weight, labels), {"label_smoothing": label_smoothing})


def _sharded(head: str, ranks: int, given: tuple[Any, Any, Any], options: dict[str, Any]) -> Any:
    torch: Any = import_module("torch")
    hidden, weight, labels = given
    logits = torch.nn.functional.linear(hidden, weight)
    if logits.requires_grad:
        return _function(torch).apply(logits, labels, (head, ranks, options))
    answers = _asked(head, ranks, {"logits": logits, "labels": labels, "cotangent": None, "options": options})
    losses = [one["loss"] for one in answers]
    return torch.stack(losses) if ranks > 1 else losses[0]


def _function(torch: Any) -> Any:
    """Return the loss as a function that torch differentiates: its backward gives the ranks the upstream gradient."""

    class Sharded(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(context: Any, logits: Any, labels: Any, asked: tuple[str, int, dict[str, Any]]) -> Any:
            head, ranks, options = asked
            context.asked = head, ranks, {"logits": logits.detach(), "labels": labels, "options": options}
            return _asked(head, ranks, {**context.asked[2], "cotangent": None})[0]["loss"]

        @staticmethod
        def backward(context: Any, cotangent: Any) -> Any:
            head, ranks, request = context.asked
            answers = _asked(head, ranks, {**request, "cotangent": cotangent.contiguous()})
            return torch.cat([one["gradient"] for one in answers], dim=1), None, None

    return Sharded


def _asked(head: str, ranks: int, request: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what each rank answers.

    Raises
    ------
    RuntimeError
        A rank raised something.
    """
    group = _GROUPS.get((head, ranks)) or _started(head, ranks)
    for process in group:
        assert process.stdin is not None
        pickle.dump(request, process.stdin)
        process.stdin.flush()
    answers = [pickle.load(process.stdout) for process in group if process.stdout is not None]  # noqa: S301 - own processes
    raised = [f"rank {rank} of {ranks}: {one['raised']}" for rank, one in enumerate(answers) if "raised" in one]
    if raised:
        _ended(_GROUPS.pop((head, ranks)))  # what one rank waited for may reach it later
        raise RuntimeError("; ".join(raised))
    return answers


def _started(head: str, ranks: int) -> list[subprocess.Popen[bytes]]:
    """Start the ranks of a head; they end when this process does."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    store = os.path.join(folder.name, "ranks")  # noqa: PTH118 - for init_process_group, a text
    loader: Any = rank_worker.__loader__
    source = loader.get_source(rank_worker.__name__)
    group = [
        subprocess.Popen(  # noqa: S603 - this interpreter, with the text of a module of ours
            [sys.executable, "-c", source, str(rank), str(ranks), store, head],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for rank in range(ranks)
    ]
    _GROUPS[head, ranks] = group
    atexit.register(_ended, group)
    return group


def _ended(group: list[subprocess.Popen[bytes]]) -> None:
    for process in group:
        process.kill()
        process.wait()
