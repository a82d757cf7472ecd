"""The machines that the ledgers were tried on, and which facts of another machine none of them has."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from logitproof_adapters.catalogue.machines import condition_words

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE = Path(__file__).parent / "tried_machines.toml"

DECISIVE = (
    *("linux", "darwin", "windows"),
    *("x86_64", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx_ne_convert"),
    *("avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_fp16"),
    *("aarch64", "arm64", "asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve"),
    *("cuda", "gpu", "tpu", "mps", "xpu", "cl", "llvm", "openvino"),
)
"""Facts by which frameworks choose their kernels; see `logitproof_reports.runs.environment.facts_of`."""


@dataclass(frozen=True)
class TriedMachine:
    """A machine that the ledgers were tried on.

    Attributes
    ----------
    name, how : str
        What it is, and whether it was a real one or emulated, and which frameworks were tried.
    facts : frozenset of str
        Those of `DECISIVE` that it has.
    """

    name: str
    how: str
    facts: frozenset[str]


@cache
def tried_machines() -> tuple[TriedMachine, ...]:
    """Return the machines that are recorded."""
    rows = tomllib.loads(FILE.read_text("utf-8"))["machine"]
    return tuple(TriedMachine(row["name"], row["how"], frozenset(row["facts"])) for row in rows)


def unshared(facts: Iterable[str]) -> str:
    """Return in words what a machine has or lacks that the nearest recorded one does not; empty if there is none.

    Parameters
    ----------
    facts : iterable of str
        The machine's facts; only those of `DECISIVE` count.
    """
    mine = frozenset(facts) & frozenset(DECISIVE)
    nearest = min((machine.facts for machine in tried_machines()), key=lambda theirs: len(theirs ^ mine))
    parts = [("with", mine - nearest), ("without", nearest - mine)]
    ordered = ((word, [condition_words(name) for name in DECISIVE if name in names]) for word, names in parts)
    return ", ".join(f"{word} {', '.join(names)}" for word, names in ordered if names)
