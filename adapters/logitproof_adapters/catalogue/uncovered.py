"""Calls that no clause and no dialect covers: no documentation says what they mean, and a release may change it.

An upgrade evaluates them on both sides and compares the two answers with each other; none is judged. The module travels
to targets.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class UncoveredCall:
    """A call.

    Attributes
    ----------
    package : str
        What it is evaluated with, where an adapter has imported it.
    name : str
        What is unusual of its inputs, as a regime is named.
    labels : str
        Kind of labels: ``indices`` or ``distributions``.
    imports, source : str
        A program: what it imports, and an expression with a number as its value.
    """

    package: str
    name: str
    labels: str
    imports: str
    source: str

    @property
    def repro(self) -> str:
        """The call as a program."""
        return f"{self.imports}\n\nprint({self.source})\n"


_LOG_LOSS = "from sklearn.metrics import log_loss"
_KERAS = "import keras"

CALLS = (
    UncoveredCall(
        "sklearn",
        "unnormalized_probabilities",
        "indices",
        _LOG_LOSS,
        "log_loss([0, 1], [[0.2, 0.3], [0.2, 0.3]])",
    ),
    UncoveredCall(
        "sklearn",
        "unnormalized_probabilities_weighted",
        "indices",
        _LOG_LOSS,
        "log_loss([0, 1, 2], [[0.1, 0.2, 0.3], [0.2, 0.2, 0.2], [0.5, 0.5, 0.5]], sample_weight=[1.0, 2.0, 0.5])",
    ),
    UncoveredCall("sklearn", "probability_zero", "indices", _LOG_LOSS, "log_loss([0, 1], [[1.0, 0.0], [1.0, 0.0]])"),
    UncoveredCall("sklearn", "one_column", "indices", _LOG_LOSS, "log_loss([0, 1], [0.3, 0.4])"),
    UncoveredCall(
        "keras",
        "unnormalized_probabilities",
        "distributions",
        _KERAS,
        "float(keras.losses.CategoricalCrossentropy()([[0.0, 1.0]], [[0.2, 0.3]]))",
    ),
    UncoveredCall(
        "keras",
        "unnormalized_probabilities_indices",
        "indices",
        _KERAS,
        "float(keras.losses.SparseCategoricalCrossentropy()([1], [[0.2, 0.3]]))",
    ),
    UncoveredCall(
        "keras",
        "probability_zero",
        "distributions",
        _KERAS,
        "float(keras.losses.CategoricalCrossentropy()([[0.0, 1.0]], [[1.0, 0.0]]))",
    ),
)


def answers() -> list[dict[str, Any]]:
    """Return the position of each call whose package is loaded, with its value or with what it raised."""
    return [{"call": place, **_answer(call)} for place, call in enumerate(CALLS) if call.package in sys.modules]


def _answer(call: UncoveredCall) -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    try:
        exec(call.imports, namespace)  # noqa: S102  the text above
        return {"value": float(eval(call.source, namespace)).hex()}  # noqa: S307  likewise
    except Exception as error:  # noqa: BLE001  whatever a framework raises is its answer
        first_line = next(iter(str(error).strip().splitlines()), "")
        return {"raised": f"{type(error).__name__}: {first_line[:200]}"}
