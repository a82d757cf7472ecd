"""A verdict format by format, for ops outside the matrix: loss heads, entropy, divergence, focal loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from logitproof.errors import UsageError
from logitproof.kernels.findings.verdict import KernelVerdict
from logitproof.kernels.judging.refused_rows import AskedCase, Refused
from logitproof_reference.vocabulary.cells import Cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from logitproof.kernels.judging.request import Request
    from logitproof.kernels.judging.truth import Question
    from logitproof_adapters.contract import Adapter
    from logitproof_reference.vocabulary.judgement import Judgement

REFUSAL_CHARACTERS = 200


@dataclass(frozen=True)
class AskedFormat(ABC):
    """A function that is asked in one format; a family of clauses has a class of its own.

    Attributes
    ----------
    declarable : set of str
        What may be declared of such functions.
    notes : list of str
        What of it was not asked, and why.
    """

    declarable: ClassVar[AbstractSet[str]] = frozenset()
    adapter: Adapter
    question: Question
    quantities: tuple[str, ...]
    format: str
    notes: list[str] = field(default_factory=list)

    def unasked(self) -> str:
        """Return why what is declared has no meaning in the format; empty where it has."""
        return ""

    @abstractmethod
    def ask_little(self) -> object:
        """Return its answer to a few numbers; whatever that raises means that it does not take the format."""

    @abstractmethod
    def judged(self, request: Request) -> Iterator[AskedCase]:
        """Yield what it is asked, with its judgements, which are made as they are taken."""

    def cell(self, quantity: str) -> Cell:
        """Return the cell of a quantity."""
        asked = self.question
        words = ("eager", asked.op, quantity, self.format, asked.labels)
        return Cell(self.adapter.name, *words, options=asked.declaration.options)


def verdict_by_format(
    family: type[AskedFormat],
    adapter: Adapter,
    question: Question,
    quantities: tuple[str, ...],
    *,
    request: Request,
    formats: Sequence[str],
) -> KernelVerdict:
    """Judge a function in every format that it takes.

    Raises
    ------
    UsageError
        Something is declared of it that is not judged here, or it does not take a format that is asked for.
    """
    if unknown := sorted(set(question.declaration.declared) - family.declarable):
        raise UsageError(f"{unknown[0]} is not judged of {question.op}; known: {', '.join(sorted(family.declarable))}")
    found: list[Judgement] = []
    refused = Refused.nothing()
    notes: list[str] = []
    taken: list[str] = []
    for format_ in formats:
        asked = family(adapter, question, quantities, format_)
        if reason := asked.unasked():
            if request.formats:
                raise UsageError(f"{format_} cannot be asked: {reason}")
            notes.append(f"{format_} is not asked: {reason}")
            continue
        if reason := _refusal(asked):
            if request.formats:
                raise UsageError(f"the kernel does not take {format_}: {reason}")
            notes.append(f"{format_} is not taken: {reason}")
            continue
        taken.append(format_)
        for case in asked.judged(request):
            if request.progress is not None:
                request.progress(f"{format_} {case.name}")
            found += refused.without(case)
        notes += [one for one in dict.fromkeys(asked.notes) if one not in notes]
    kept = tuple(one for one in found if request.asks(one.clause))
    notes = [*refused.notes(), *notes]
    described = adapter.describe()
    return KernelVerdict(
        adapter.name, question, described, kept, request.profile, {}, notes=tuple(notes), formats=tuple(taken)
    )


def _refusal(asked: AskedFormat) -> str:
    """Return why a function does not take a format; empty if it does."""
    try:
        asked.ask_little()
    except Exception as error:  # noqa: BLE001 - whatever a kernel raises is its refusal
        return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:REFUSAL_CHARACTERS]}"
    return ""
