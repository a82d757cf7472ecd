"""Claims as text: the verdict, the reason, and the result of every trial."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from logitproof_reports.report.claims_markdown import outcome_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from logitproof_reference.claims.catalogue import Answers
    from logitproof_reference.claims.model import Claim

WIDTH = 100


def text_of_claims(catalogue: Sequence[Claim], answers: Sequence[Answers]) -> str:
    """Return the claims as lines of text."""
    return "\n".join(line for claim in catalogue for line in _claim(claim, answers))


def _claim(claim: Claim, answers: Sequence[Answers]) -> Iterator[str]:
    yield from textwrap.wrap(f"{claim.verdict.upper()}: {claim.says}", WIDTH)
    if claim.condition:
        yield from textwrap.wrap(f"The condition: {claim.condition}.", WIDTH, initial_indent="  ")
    yield from textwrap.wrap(claim.because, WIDTH, initial_indent="  ", subsequent_indent="  ")
    width = max([len("exact"), *(len(one.framework) for one in answers)])
    for number, trial in enumerate(claim.trials):
        yield f"  {trial.on}"
        yield f"    {'exact':<{width}}  {outcome_words(trial.outcome(trial.answers()), trial.format)}"
        for one in answers:
            found = one.outcomes[f"{claim.id}/{number}"]
            why = f" ({found})" if isinstance(found, str) else ""
            yield f"    {one.framework:<{width}}  {outcome_words(found, trial.format)}{why}"
    yield ""
