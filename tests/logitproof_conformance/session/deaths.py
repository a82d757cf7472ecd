"""A target that comes to its end while a case is judged: a verdict on that case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_adapters.targets.link import TargetDied
from logitproof_conformance.judging.judging import judgement
from logitproof_conformance.session.clauses import clauses_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.vocabulary.judgement import Judgement


def with_deaths(case: Case, judgements: Iterable[Judgement]) -> Iterator[Judgement]:
    """Yield judgements as they are made; where the target ends in between, ``crashed`` in place of the rest."""
    try:
        yield from judgements
    except TargetDied as error:
        first = next(iter(clauses_of(case)), "")
        yield judgement(case, first, "crashed", reason=f"{type(error).__name__}: {error}")
