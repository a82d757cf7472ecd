"""A verdict format by format, on what no cell of the matrix asks for: loss heads, entropy, divergence, focal loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from logitproof.errors import UsageError
from logitproof.kernels.verdict import KernelVerdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from logitproof.kernels.check import Request
    from logitproof.kernels.truth import Question
    from logitproof_adapters.contract import Adapter
    from logitproof_reference.vocabulary.judgement import Judgement

REFUSAL_CHARACTERS = 200


class AskedFormat(Protocol):
    """A function that is asked in one format."""

    def ask_little(self) -> object:
        """Return its answer to a few logits; whatever that raises means that it does not take the format."""

    def judged(self, request: Request) -> Iterator[tuple[str, Iterable[Judgement]]]:
        """Yield what it is asked, by name, with its judgements, which are made as they are taken."""


def verdict_by_format(
    adapter: Adapter,
    question: Question,
    request: Request,
    formats: Sequence[str],
    *,
    ask_in: Callable[[str], AskedFormat],
    declarable: AbstractSet[str],
) -> KernelVerdict:
    """Judge a function in every format that it takes.

    Raises
    ------
    UsageError
        Something is declared of it that is not judged here, or it does not take a format that is asked for.
    """
    if unknown := sorted(set(question.claim.declared) - declarable):
        raise UsageError(f"{unknown[0]} is not judged of {question.op}; known: {', '.join(sorted(declarable))}")
    found: list[Judgement] = []
    notes: list[str] = []
    taken: list[str] = []
    for format_ in formats:
        asked = ask_in(format_)
        if reason := _refusal(asked):
            if request.formats:
                raise UsageError(f"the kernel does not take {format_}: {reason}")
            notes.append(f"{format_} is not taken: {reason}")
            continue
        taken.append(format_)
        for name, judgements in asked.judged(request):
            if request.progress is not None:
                request.progress(f"{format_} {name}")
            found += judgements
    kept = tuple(one for one in found if not one.clause.startswith((*request.without, "-")))
    described = adapter.describe()
    return KernelVerdict(
        adapter.name, question, described, kept, request.profile, {}, notes=tuple(notes), formats=tuple(taken)
    )


def _refusal(asked: AskedFormat) -> str:
    """Return why a function does not take a format; empty where it does."""
    try:
        asked.ask_little()
    except Exception as error:  # noqa: BLE001 - whatever a kernel raises is its refusal
        return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:REFUSAL_CHARACTERS]}"
    return ""
