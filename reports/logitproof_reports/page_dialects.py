"""The dialects page: what each framework documents of its losses, option by option."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .outcomes import visible
from .page_model import Dialect, DialectRow, Dialects
from .schema import attributed, framework_of
from .terms import question

if TYPE_CHECKING:
    from .schema import Run

TOPICS = {
    "reduction": ("What it returns unasked", "none: a loss for each row; sum; mean"),
    "mean_over": ("The mean divides by", "the weights of the labels' classes, all rows, or the rows not ignored"),
    "empty_mean": ("A mean over nothing", "where every row is ignored or all weights are 0"),
    "ignored_index": ("Ignored unless told otherwise", "class indices whose rows cost nothing"),
    "smoothing_over": ("Label smoothing spreads over", "all classes, or all but the label's own"),
    "unnormalized_gradient": ("Gradient where labels do not sum to 1", "the derivative p sum(q) - q, or p - q"),
    "clip_probabilities": ("Probabilities are clipped to", "before the logarithm is taken"),
    "class_axis": ("Where the classes lie", "axis of the logits"),
    "label_formats": ("Formats of class indices", "integer formats it takes"),
    "out_of_range": ("A class index that is no class", "an error, NaN, or a number"),
    "documentation": ("Documentation", "the page that says so"),
}
"""What a dialect tells, with its name and meaning for a reader."""

_DEFAULT_MEAN = {"indices": "weights of the rows kept", "distributions": "all rows"}
_UNSTATED = "not stated"


def dialects_of(run: Run) -> Dialects:
    """Return the dialects that the environments carry, a column each; what no documentation backs is left out."""
    stated = [(environment, one) for environment in attributed(run) for one in environment.get("dialects") or ()]
    stated = [(environment, one) for environment, one in stated if isinstance(one, dict) and one.get("documentation")]
    columns = [Dialect(f"dialect-{i}", *_named(*pair)) for i, pair in enumerate(stated)]
    rows = [_row(topic, [one for _, one in stated]) for topic in TOPICS]
    return Dialects(columns, [row for row in rows if any(value != _UNSTATED for value in row.values)])


def _named(environment: dict[str, Any], stated: dict[str, Any]) -> tuple[str, str]:
    part = framework_of(environment)
    name = part.get("name") or part.get("framework") or ", ".join(environment.get("adapters") or ())
    asked = question({"op": str(stated.get("op")), "labels": str(stated.get("labels")), "quantity": "value"})
    entry = str(stated.get("entry") or "")
    return visible(f"{name} {part.get('version', '')}".strip()), visible(f"{asked} {entry}".strip())


def _row(topic: str, stated: list[dict[str, Any]]) -> DialectRow:
    title, meaning = TOPICS[topic]
    return DialectRow(title, meaning, [_value(topic, one) for one in stated])


def _value(topic: str, stated: dict[str, Any]) -> str:
    value = stated.get(topic)
    if topic == "mean_over" and value is None:
        return _DEFAULT_MEAN.get(str(stated.get("labels")), _UNSTATED)
    if topic == "clip_probabilities" and value is None:
        return "not clipped"
    return visible(str(value)) if value not in {None, ""} else _UNSTATED
