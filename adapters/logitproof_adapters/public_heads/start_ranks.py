"""Starts the ranks of a sharded loss as local processes, and sends them requests."""

from __future__ import annotations

import atexit
import os
import pickle
import subprocess
import sys
import tempfile
from typing import Any

from logitproof_adapters.public_heads import rank_worker

_GROUPS: dict[tuple[str, int], list[subprocess.Popen[bytes]]] = {}
"""Ranks that were started, by head and number."""


def answers_of_ranks(head: str, ranks: int, request: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what each rank answers; the ranks of a head are started at its first request.

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
