"""The catalogue of claims, and the recorded answers of the frameworks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from logitproof_reference.claims.losses import LOSS_CLAIMS
from logitproof_reference.claims.model import Outcome
from logitproof_reference.claims.softmax import SOFTMAX_CLAIMS

if TYPE_CHECKING:
    from logitproof_reference.claims.model import Claim

CATALOGUE: tuple[Claim, ...] = SOFTMAX_CLAIMS + LOSS_CLAIMS
"""Every claim, in the order of the page."""


@dataclass(frozen=True)
class Answers:
    """The answers of one framework to the claims.

    Attributes
    ----------
    framework, version : str
    outcomes : dict of str to Outcome or str
        By ``ID/NUMBER`` of claim and trial; a text is the reason why the framework was not asked.
    """

    framework: str
    version: str
    outcomes: dict[str, Outcome | str]

    def to_data(self) -> dict[str, Any]:
        """Return the answers as JSON knows them."""
        told = {key: found if isinstance(found, str) else vars(found) for key, found in self.outcomes.items()}
        return {"version": self.version, "outcomes": told}


def answers_from(data: dict[str, Any]) -> list[Answers]:
    """Read answers by framework, as `Answers.to_data` gives them."""
    return [
        Answers(
            name,
            told["version"],
            {key: found if isinstance(found, str) else Outcome(**found) for key, found in told["outcomes"].items()},
        )
        for name, told in data.items()
    ]


def released_answers() -> list[Answers]:
    """Return what the frameworks answered when this release's page of claims was made."""
    return answers_from(json.loads(files("logitproof_reference.claims").joinpath("answers.json").read_text("utf-8")))
