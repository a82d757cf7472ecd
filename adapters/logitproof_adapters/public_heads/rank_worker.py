"""One rank of a loss over a sharded vocabulary: a separate process, of which this file is the whole program.

Arguments: rank, number of ranks, file of the rendezvous, name of the head. It reads pickled requests from its input and
writes an answer to each: ``loss``, as this rank has it, and ``gradient``, by the logits of its shard; or ``raised``.
"""

from __future__ import annotations

import os
import pickle
import sys
from datetime import timedelta
from importlib import import_module
from typing import Any

PATIENCE = timedelta(minutes=4)
"""A rank that waits longer for the others raises."""


class LossParallel:
    """`torch.distributed.tensor.parallel.loss_parallel` around `F.cross_entropy`."""

    def __init__(self, ranks: int) -> None:
        self._torch: Any = import_module("torch")
        self._mesh = import_module("torch.distributed.device_mesh").init_device_mesh("cpu", (ranks,))
        self._tensor: Any = import_module("torch.distributed.tensor")
        self._parallel: Any = import_module("torch.distributed.tensor.parallel")

    def __call__(self, logits: Any, labels: Any, cotangent: Any, options: dict[str, Any]) -> tuple[Any, Any]:
        """Return the loss and the gradient by this rank's shard."""
        shards = [self._tensor.Shard(1)]
        leaf = self._tensor.distribute_tensor(logits, self._mesh, shards).requires_grad_()
        with self._parallel.loss_parallel():
            loss = self._torch.nn.functional.cross_entropy(leaf, labels, **options)
            value = loss.full_tensor() if hasattr(loss, "full_tensor") else loss
            if cotangent is not None:
                upstream = self._tensor.DTensor.from_local(cotangent, self._mesh, [self._tensor.Replicate()])
                loss.backward(upstream if hasattr(loss, "full_tensor") else cotangent)
        return value.detach(), None if leaf.grad is None else leaf.grad.to_local()


class Megatron:
    """`megatron.core.tensor_parallel.vocab_parallel_cross_entropy`; the vocabulary is padded to a multiple of ranks."""

    def __init__(self, ranks: int) -> None:
        self._torch: Any = import_module("torch")
        self._ranks = ranks
        import_module("megatron.core.parallel_state").initialize_model_parallel(tensor_model_parallel_size=ranks)
        self._loss = import_module("megatron.core.tensor_parallel.cross_entropy").vocab_parallel_cross_entropy

    def __call__(self, logits: Any, labels: Any, cotangent: Any, options: dict[str, Any]) -> tuple[Any, Any]:
        """Return the loss of each row and the gradient by this rank's shard, without the classes of the padding."""
        torch, classes = self._torch, logits.shape[1]
        padding = -classes % self._ranks
        lowest = torch.finfo(logits.dtype).min / 4
        padded = torch.nn.functional.pad(logits, (0, padding), value=lowest)
        width, rank = padded.shape[1] // self._ranks, torch.distributed.get_rank()
        leaf = padded[:, rank * width : (rank + 1) * width].clone().requires_grad_()
        loss = self._loss(leaf[:, None] * 1.0, labels[:, None], options.get("label_smoothing", 0.0))[:, 0]
        if cotangent is not None:
            loss.backward(cotangent)
        kept = max(min(width, classes - rank * width), 0)
        return loss.detach(), None if leaf.grad is None else leaf.grad[:, :kept]


class Liger:
    """`liger_kernel.transformers.vocab_parallel_cross_entropy`; the vocabulary is padded to a multiple of ranks."""

    def __init__(self, ranks: int) -> None:
        self._torch: Any = import_module("torch")
        self._ranks = ranks
        module = import_module("liger_kernel.transformers.vocab_parallel_cross_entropy")
        self._loss = module.LigerVocabParallelCrossEntropy

    def __call__(self, logits: Any, labels: Any, cotangent: Any, options: dict[str, Any]) -> tuple[Any, Any]:
        """Return the loss of each row and the gradient by this rank's shard, without the classes of the padding."""
        torch, classes = self._torch, logits.shape[1]
        padding = -classes % self._ranks
        lowest = torch.finfo(logits.dtype).min / 4
        padded = torch.nn.functional.pad(logits, (0, padding), value=lowest)
        width, rank = padded.shape[1] // self._ranks, torch.distributed.get_rank()
        leaf = padded[:, rank * width : (rank + 1) * width].clone().requires_grad_()
        loss = self._loss(**options)(leaf[:, None] * 1.0, labels[:, None], torch.distributed.group.WORLD)[:, 0]
        if cotangent is not None:
            loss.backward(cotangent)
        kept = max(min(width, classes - rank * width), 0)
        return loss.detach(), None if leaf.grad is None else leaf.grad[:, :kept]


HEADS = {"loss_parallel": LossParallel, "megatron": Megatron, "liger": Liger}


def main(rank: int, ranks: int, store: str, head: str) -> None:
    """Answer requests until the input ends; what libraries print goes to the error stream."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    torch: Any = import_module("torch")
    torch.set_num_threads(1)
    group = {"init_method": f"file://{store}", "rank": rank, "world_size": ranks, "timeout": PATIENCE}
    torch.distributed.init_process_group("gloo", **group)
    loss: Any = HEADS[head](ranks)
    while True:
        try:
            request = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by the process that started this one
        except EOFError:
            return
        try:
            value, gradient = loss(**request)
            answer = {"loss": value, "gradient": gradient}
        except Exception as error:  # noqa: BLE001 - whatever a rank raises is its answer
            answer = {"raised": f"{type(error).__name__}: {error}"}
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:5])
