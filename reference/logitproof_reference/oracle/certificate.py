"""The oracle's certificate: the released result of a comparison with ball arithmetic over adversarial rows.

`nox -s certificate` makes it again; a test holds a part of it to be what the code at hand gives.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Certificate:
    """The comparison and its result.

    Attributes
    ----------
    rows, numbers : int
        How many rows were asked, and how many numbers compared.
    worst : float
        Largest error relative to the independent terms of a result.
    worst_case : str
        The question and the family of rows that showed it.
    outside : int
        How many enclosures did not hold the truth.
    """

    rows: int
    numbers: int
    worst: float
    worst_case: str
    outside: int

    @property
    def sentence(self) -> str:
        """The certificate in a sentence."""
        return (
            f"{self.rows:,} rows, {self.numbers:,} numbers held against ball arithmetic: largest relative error "
            f"2^{math.log2(self.worst):.2f} ({self.worst_case}); {self.outside} enclosures that miss the exact value"
        )


def released_certificate() -> Certificate:
    """Return the certificate of this release."""
    found = json.loads(files("logitproof_reference.oracle").joinpath("certificate.json").read_text("utf-8"))
    return Certificate(found["rows"], found["numbers"], found["worst"], found["worst_case"], len(found["outside"]))
