"""The page of claims as Markdown: each with its verdict, why, and every number that decided it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_reports.words.markdown import escaped, head, row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from logitproof_reference.claims.catalogue import Answers
    from logitproof_reference.claims.model import Claim, Outcome

INTRODUCTION = """# Claims of tutorials, checked

`logitproof claims` checks each claim below against the exact answer, rounded once to the format (the result of a
perfect implementation), and on each installed framework. Each table cell shows "yes" or "no" (whether the numbers
confirm the claim), then the numbers. The column of exact results decides the verdict: true if every example is "yes",
false if one is "no" and no condition makes it true. The other columns show where frameworks differ. `logitproof claims
-o` writes this page; the results are those of the versions in the tables. The meaning of each option in each framework
is in a separate table: [the dialects](dialects.md)."""

DIGITS = {"float16": 5, "bfloat16": 4, "float32": 9, "float64": 17}
"""Significant digits that tell the numbers of a format apart."""


def markdown_of_claims(catalogue: Sequence[Claim], answers: Sequence[Answers]) -> str:
    """Return the page."""
    return "\n".join([INTRODUCTION, *(line for claim in catalogue for line in _claim(claim, answers))]) + "\n"


def _claim(claim: Claim, answers: Sequence[Answers]) -> Iterator[str]:
    condition = f": {claim.condition}" if claim.condition else ""
    yield from ("", f"## {escaped(claim.says)}", "", f"**{claim.verdict.capitalize()}**{escaped(condition)}.", "")
    yield escaped(claim.because)
    if claim.source:
        yield from ("", f"Source: <{claim.source}>")
    yield from ("", *head(["example", "exact, rounded", *(f"{one.framework} {one.version}" for one in answers)]))
    for number, trial in enumerate(claim.trials):
        exact = outcome_words(trial.outcome(trial.answers()), trial.format)
        told = [outcome_words(one.outcomes.get(f"{claim.id}/{number}", ""), trial.format) for one in answers]
        yield row([trial.on, exact, *told])


def outcome_words(outcome: Outcome | str, format_: str) -> str:
    """Spell what a trial gave: whether it bears the claim out, and the numbers; or why it was not put."""
    if isinstance(outcome, str):
        return "not offered"
    numbers = ", ".join(f"{number:.{DIGITS[format_]}g}" for number in outcome.numbers)
    return f"{'yes' if outcome.holds else 'no'}: {numbers}"
