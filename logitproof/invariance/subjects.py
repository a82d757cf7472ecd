"""The subject of an invariance test: a framework or a kernel, in a process that can be restarted."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logitproof.errors import UsageError, refuse_unknown
from logitproof.invariance.survey import Subject
from logitproof.kernels.isolation.isolated import IsolatedKernel, Limits, Named
from logitproof_adapters.catalogue.registry import missing
from logitproof_adapters.kernels.declaration import Declaration
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_adapters.targets.target import here
from logitproof_reference.vocabulary.cells import MODES, Cell
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from logitproof.invariance.axes import Calls
    from logitproof_adapters.targets.target import Target

SECONDS = 300.0
"""Time limit of one call: a wide batch in a process that has just started."""

MEMORY_GIB = 32.0


@dataclass(frozen=True)
class InvarianceOptions:
    """The words of the command line.

    Attributes
    ----------
    word : str
        A framework, or ``module:function`` of a kernel.
    op, labels, quantity, format, mode : str
    framework : str
        Of a kernel's tensors.
    gradient : str
        ``module:function`` of a kernel of NumPy arrays.
    path : tuple of str
        Folders of a kernel's modules.
    """

    word: str
    op: str = "log_softmax"
    labels: str = ""
    quantity: str = "value"
    format: str = "float32"
    mode: str = "eager"
    framework: str = ""
    gradient: str = ""
    path: tuple[str, ...] = ()


def subject_of(asked: InvarianceOptions, target: Target | None = None) -> Subject:
    """Return the subject.

    Raises
    ------
    UsageError
        A name is not known, things do not go together, or the framework is not installed here.
    """
    for what, word, known in (
        ("op", asked.op, OPS),
        ("format", asked.format, FORMATS),
        ("mode", asked.mode, MODES),
        ("quantity", asked.quantity, OPS[asked.op].formulas if asked.op in OPS else (asked.quantity,)),
    ):
        refuse_unknown(what, (word,), known)
    kinds = OPS[asked.op].label_kinds
    labels = asked.labels or kinds[0]
    if labels not in kinds:
        raise UsageError(f'labels "{labels}" do not go with {asked.op}; it takes {" or ".join(kinds)}')
    is_kernel = bool(asked.framework)
    where = target or here()
    if not is_kernel and where.is_here and (reason := missing(asked.word)):
        raise UsageError(reason)

    def start(setting: Calls | None) -> AbstractContextManager[Any]:
        place = _changed(where, setting)
        shards = 1 if setting is None else setting.shards
        if not is_kernel:
            if shards > 1:
                raise UsageError("a framework's own function takes no number of shards")
            return RemoteAdapter(asked.word, place)
        asked_of = (asked.op, labels, asked.framework, Declaration(), (asked.quantity,))
        named = Named(asked.word, asked.gradient, *asked_of, path=asked.path, shards=shards)
        return IsolatedKernel(named, None, Limits(SECONDS, MEMORY_GIB if where.is_here else None), place)

    name = asked.word.rpartition(":")[2] if is_kernel else asked.word
    return Subject(Cell(name, asked.mode, asked.op, asked.quantity, asked.format, labels), start)


def kernel_path(*, is_here: bool) -> tuple[str, ...]:
    """Return the folders in which a kernel's modules are looked for: here those of this process too."""
    return (str(Path.cwd()), *((place for place in sys.path if place) if is_here else ()))


def _changed(target: Target, setting: Calls | None) -> Target:
    """Return the target with what a setting says of it; one processor alone where `taskset` is there to see to it."""
    if setting is None:
        return target
    is_pinned = setting.alone and target.is_interpreter and shutil.which("taskset")
    command = ("taskset", "-c", "0", *target.command) if is_pinned else target.command
    return replace(target, command=command, env={**target.env, **dict(setting.env)})
