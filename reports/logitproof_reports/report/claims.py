"""The claims on the page: what tutorials say, with the answers of this release's frameworks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from logitproof_reference.claims.catalogue import CATALOGUE, released_answers

from .claims_markdown import outcome_words

if TYPE_CHECKING:
    from logitproof_reference.claims.catalogue import Answers
    from logitproof_reference.claims.model import Claim


@dataclass(frozen=True)
class TriedClaim:
    """A claim with all that decided it; `rows` holds what a trial asked, the exact outcome and the frameworks'."""

    says: str
    verdict: str
    because: str
    source: str
    rows: list[list[str]]


@dataclass(frozen=True)
class Claims:
    """Every claim, and the frameworks that answered."""

    frameworks: list[str]
    claims: list[TriedClaim]


def claims_of_release() -> Claims:
    """Return the catalogue with the stored answers; they are those of the versions named, not of the run."""
    answers = released_answers()
    return Claims(
        [f"{one.framework} {one.version}" for one in answers], [_tried(claim, answers) for claim in CATALOGUE]
    )


def _tried(claim: Claim, answers: list[Answers]) -> TriedClaim:
    verdict = f"{claim.verdict}: {claim.condition}" if claim.condition else claim.verdict
    rows = [
        [
            trial.on,
            outcome_words(trial.outcome(trial.answers()), trial.format),
            *(outcome_words(one.outcomes.get(f"{claim.id}/{number}", ""), trial.format) for one in answers),
        ]
        for number, trial in enumerate(claim.trials)
    ]
    return TriedClaim(claim.says, verdict, claim.because, claim.source, rows)
