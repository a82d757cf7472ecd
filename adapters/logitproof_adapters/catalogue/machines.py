"""The machines for which an entry of a ledger holds: facts of a run's environment that it needs or excludes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx512_bf16": "AVX512-BF16",
    "avx512_fp16": "AVX512-FP16",
    "amx_tile": "AMX",
    "aarch64": "ARM64",
    "x86_64": "x86-64",
    "onednn": "oneDNN",
    "cuda": "CUDA",
    "mps": "MPS",
    "xpu": "XPU",
    "cl": "OpenCL",
    "llvm": "LLVM",
    "openvino": "OpenVINO",
    "gpu": "a GPU",
    "tpu": "a TPU",
}
"""Facts as their makers spell them; any other fact is spelled as it is recorded."""


@dataclass(frozen=True)
class Machines:
    """Conditions on the environment of a run, and the cells that they select.

    A condition is written like a requirement of Python packaging: the name of a fact, alone (``avx512_fp16``,
    ``onednn``, ``aarch64``) or with versions of it (``clang>=15``, ``threads>1``). A run file's environment has the
    facts; see `logitproof_reports.runs.environment.facts_of`.

    Attributes
    ----------
    needs, excludes : tuple of str
        Conditions that all hold, and conditions of which none holds.
    cells : tuple of str
        Globs that narrow the cells of the entry to those that deviate on such machines; empty for all of them.
    """

    needs: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()

    def hold(self, facts: Mapping[str, str]) -> bool:
        """Whether an environment with these facts (name to version, empty without one) is such a machine."""
        return all(is_met(one, facts) for one in self.needs) and not any(is_met(one, facts) for one in self.excludes)

    @property
    def words(self) -> str:
        """The conditions in words: ``with AVX512-BF16 and oneDNN, without AVX512-FP16``."""
        parts = [("with", " and ", self.needs), ("without", " or ", self.excludes)]
        return ", ".join(f"{word} {joined.join(map(condition_words, names))}" for word, joined, names in parts if names)


def condition_words(condition: str) -> str:
    """Return a condition as a reader knows it.

    >>> condition_words("avx512_fp16"), condition_words("clang>=15")
    ('AVX512-FP16', 'clang>=15')
    """
    return WORDS.get(condition, condition)


def is_the_cpu(device: str) -> bool:
    """Whether a device is a processor as the framework uses it by itself: ``cpu``, ``cpu:1``.

    >>> is_the_cpu("cpu:1"), is_the_cpu("cpu:llvm"), is_the_cpu("cuda")
    (True, False, False)
    """
    return re.fullmatch("cpu(:[0-9]+)?", device) is not None


def is_condition(text: str) -> bool:
    """Whether a text can be read as a condition."""
    try:
        _parsed(text)
    except InvalidRequirement:
        return False
    return True


def is_met(condition: str, facts: Mapping[str, str]) -> bool:
    """Whether a condition holds in an environment with these facts."""
    wanted = _parsed(condition)
    if wanted.name not in facts:
        return False
    try:
        return wanted.specifier.contains(facts[wanted.name], prereleases=True)
    except InvalidVersion:
        return not wanted.specifier


@cache
def _parsed(condition: str) -> Requirement:
    return Requirement(condition)
