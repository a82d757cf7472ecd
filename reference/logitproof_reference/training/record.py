"""The measurements of one training: the record in a run file that a page draws."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field

DIGITS = 6
"""Significant digits that a record keeps of each number."""

SERIES = {
    "loss": "loss of the batch that the framework reported, in nats",
    "exact_loss": "loss of the exact run, in nats",
    "loss_error": "error of the loss at the framework's own parameters, in nats",
    "loss_error_of_loss": "part of the loss function, at the framework's own logits",
    "loss_error_of_products": "part of the matrix products, through the logits",
    "gradient_error": "error of all gradients together at the framework's own parameters, relative",
    "drift": "distance of all parameters together from those of the exact run, relative",
    "drift_of_loss": "the same for a run that is exact except for the errors of the loss function",
    "drift_of_products": "the same for a run with the framework's products and the exact gradient of the loss",
}
"""What each series of a record says, step by step."""


@dataclass
class TrainingRecord:
    """The measurements of one training.

    Attributes
    ----------
    task : str
        Name of a task of `tasks`.
    series : dict of str to list of float
        `SERIES` by name, one number per step; not finite where the training was not. ``gradient_error`` is missing if
        the framework does not expose gradients.
    first_difference : int
        The first step, from 0, after which a held-out example is predicted otherwise than by the exact run; -1 if none.
    accuracy, exact_accuracy : float
        Share of the held-out examples predicted right after the last step, by the two runs.
    """

    task: str
    series: dict[str, list[float]] = field(default_factory=dict)
    first_difference: int = -1
    accuracy: float = 0.0
    exact_accuracy: float = 0.0

    @property
    def steps(self) -> int:
        """How many steps were trained."""
        return len(self.series.get("loss", ()))

    def append(self, **values: float) -> None:
        """Add a step's values to the series."""
        for name, value in values.items():
            self.series.setdefault(name, []).append(float(value))

    def last(self, name: str) -> float:
        """Return a series' last value; NaN if it has none."""
        return self.series[name][-1] if self.series.get(name) else math.nan

    def largest(self, name: str) -> float:
        """Return a series' largest value, NaN counting as infinite; NaN if it has none."""
        values = [math.inf if math.isnan(value) else value for value in self.series.get(name, ())]
        return max(values, default=math.nan)

    @property
    def sentence(self) -> str:
        """The record in a sentence."""
        differs = "never differ" if self.first_difference < 0 else f"differ from step {self.first_difference + 1}"
        return (
            f"after {self.steps} steps the parameters have drifted by {self.last('drift'):.2g} of their size, by "
            f"{self.last('drift_of_loss'):.2g} from the loss function alone and {self.last('drift_of_products'):.2g} "
            f"from the matrix products alone; the loss is off by at most {self.largest('loss_error'):.2g} nats a step; "
            f"predictions {differs}; accuracy {self.accuracy:.1%}, in the exact run {self.exact_accuracy:.1%}"
        )

    def to_json(self) -> str:
        """Spell the record; numbers that are not finite become null."""
        rounded = {name: [_rounded(value) for value in values] for name, values in self.series.items()}
        return json.dumps({**asdict(self), "series": rounded})

    @classmethod
    def from_json(cls, text: str) -> TrainingRecord:
        """Read what `to_json` wrote; null becomes NaN."""
        found = json.loads(text)
        series = {name: [math.nan if v is None else v for v in values] for name, values in found["series"].items()}
        return cls(**{**found, "series": series})


def _rounded(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
