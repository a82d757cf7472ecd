"""A verdict on a kernel of one's own: the matrix, asked of one function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from logitproof.errors import UsageError
from logitproof.kernels.audit import audit
from logitproof.kernels.verdict import KernelVerdict
from logitproof_adapters.sources.kernel import Kernel, adapter_of
from logitproof_conformance.judging.judging import CellEvaluation
from logitproof_conformance.plan.cases import plan_cells
from logitproof_conformance.session.sweep import sweep
from logitproof_reference.cases.catalogue import PROFILES
from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from logitproof_adapters.contract import Adapter
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.vocabulary.cells import Cell
    from logitproof_reference.vocabulary.judgement import Judgement


def check(
    function: Callable[..., Any],
    *,
    op: str,
    labels: str = "",
    format: str | Sequence[str] = "float32",  # noqa: A002  the word of the vocabulary
    framework: str = "numpy",
    gradient: Callable[..., Any] | None = None,
    arithmetic: Arithmetic | None = None,
    profile: str = "quick",
    without: Iterable[str] = (),
    progress: Callable[[str], None] | None = None,
) -> KernelVerdict:
    """Judge a function of one's own against the exact answer.

    Parameters
    ----------
    function, op, labels, framework, gradient, arithmetic
        As in `logitproof_adapters.sources.kernel.Kernel`: what the function computes, of which tensors, how it is
        differentiated, and the precision that its author declares.
    format : str or sequence of str
        Formats of the logits to ask with.
    profile : str
        ``quick`` or ``full``.
    without : iterable of str
        Clauses, or families of them such as ``ERR``, that are not judged.
    progress : callable, optional
        Told the id of each cell before it is asked.

    Returns
    -------
    KernelVerdict
        Prints well, also in a notebook; `conforms` says it in one word.

    Raises
    ------
    UsageError
        A name is not known, or things do not go together.

    Examples
    --------
    >>> import numpy as np, logitproof
    >>> def naive(x):
    ...     return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)
    >>> with np.errstate(all="ignore"):
    ...     logitproof.check(naive, op="softmax", format="float32").conforms
    False
    """
    formats = [format] if isinstance(format, str) else list(format)
    refuse_unknown("format", formats, list(FORMATS))
    refuse_unknown("profile", [profile], list(PROFILES))
    families = {clause.partition("-")[0] for clause in CLAUSES}
    refuse_unknown("clause or family", (word for word in without if word not in CLAUSES), sorted(families))
    try:
        kernel = Kernel(
            function=function, op=op, labels=labels, framework=framework, gradient=gradient, arithmetic=arithmetic
        )
        adapter = adapter_of(kernel)
    except ValueError as error:
        raise UsageError(str(error)) from error
    found: list[Judgement] = []
    audits: dict[str, dict[str, float]] = {}
    for cell in asked_cells(adapter, formats, profile):
        if progress is not None:
            progress(cell.id)
        evaluation = CellEvaluation(adapter, cell, profile)
        found += [judgement for _, judgement in sweep(evaluation, profile)]
        if cell.layout == "contiguous":
            audits[cell.id] = audit(evaluation, arithmetic)
    judged = [judgement for judgement in found if not judgement.clause.startswith((*without, "-"))]
    return KernelVerdict(kernel, adapter.describe(), tuple(judged), profile, audits)


def refuse_unknown(what: str, given: Iterable[str], known: Sequence[str]) -> None:
    """Raise `UsageError` where a name is none of those known."""
    for name in given:
        if name not in known:
            raise UsageError(f'{what} "{name}" is not known; known: {", ".join(known)}')


def asked_cells(adapter: Adapter, formats: Sequence[str], profile: str) -> list[Cell]:
    """Return the cells that the kernel is asked; further formats are asked as float32 is in the full profile."""
    return [
        cell
        for cell in plan_cells(adapter, profile)
        if cell.format in formats and adapter.unsupported(cell) is None and not cell.producer
    ]
