"""Dialects in words: the same on the page, on the terminal and in the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from logitproof_reference.vocabulary.ops import is_elementwise
from logitproof_reports.words.text import escape_control_chars

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Stated = Mapping[str, Any]
    """A dialect as a run file carries it: ``op``, ``labels``, ``entry``, and the attributes of `contract.Dialect`."""

TOPICS = {
    "function": ("Function", "public name"),
    "takes": ("Options", "accepted arguments"),
    "reduction": ("Default reduction", "none: one loss per row; sum; mean"),
    "mean_over": ("The mean divides by", "the weights of the labels' classes, or a count of rows"),
    "empty_mean": ("Mean of zero rows", "if every row is ignored or all weights are 0"),
    "ignored_index": ("Ignored by default", "class indices whose rows have zero loss"),
    "out_of_range": ("Class index out of range", "an error, NaN, or a number"),
    "label_formats": ("Types of class indices", "accepted types"),
    "smoothing_over": ("Label smoothing distributes over", "all classes, or all except the label"),
    "unnormalized_gradient": ("Gradient if labels do not sum to 1", "the derivative p sum(q) - q, or p - q"),
    "clip_probabilities": ("Probabilities clipped to", "before the logarithm"),
    "class_axis": ("Class axis", "axis of the logits"),
    "documentation": ("Documentation", "source of this column"),
}
"""What a dialect tells, with its name and meaning for a reader."""

UNSTATED = "not stated"
NO_OPTION = "-"
"""Shown where the loss has no such option."""

_CLASS_INDICES = ("ignored_index", "out_of_range", "label_formats")


def words_of(topic: str, stated: Stated) -> str:
    """Return what a dialect says of a topic, and what it said in earlier releases where that is something else.

    `NO_OPTION` where the question does not arise.
    """
    words, earlier = _words_of(topic, stated), stated.get("earlier")
    if not isinstance(earlier, dict):
        return words
    before = words_of(topic, {**stated, **earlier})
    since = escape_control_chars(str(stated.get("since")))
    return words if before == words else f"{words}; before {since}: {before}"


def _words_of(topic: str, stated: Stated) -> str:
    own = stated.get("words")
    if isinstance(own, dict) and topic in own:
        return escape_control_chars(str(own[topic]))
    if topic in _CLASS_INDICES and stated.get("labels") == "distributions":
        return NO_OPTION
    if topic == "class_axis" and is_elementwise(str(stated.get("op"))):
        return NO_OPTION
    if topic in _SPOKEN:
        return _SPOKEN[topic](stated)
    value = stated.get(topic)
    return escape_control_chars(str(value)) if value not in {None, ""} else UNSTATED


def _taken(stated: Stated) -> tuple[str, ...] | None:
    """Return the options of a loss; None where a run file does not tell, for then it may have them all."""
    taken = stated.get("takes")
    return tuple(map(str, taken)) if isinstance(taken, list | tuple) else None


def _takes(stated: Stated, option: str) -> bool:
    taken = _taken(stated)
    return taken is None or option in taken


def _options(stated: Stated) -> str:
    taken = _taken(stated)
    return UNSTATED if taken is None else escape_control_chars(", ".join(taken)) or "none"


def _mean(stated: Stated) -> str:
    if not _takes(stated, "reduction"):
        return NO_OPTION
    if is_elementwise(str(stated.get("op"))):
        return "all elements"
    over = stated.get("mean_over") or ("weights" if stated.get("labels") == "indices" else "rows")
    if over == "weights" and not _takes(stated, "weight"):
        over = "kept_rows"
    if over == "kept_rows" and not _takes(stated, "ignore_index"):
        over = "rows"
    words = {"weights": "weights of the rows kept", "kept_rows": "rows kept", "rows": "all rows"}
    return words.get(over, escape_control_chars(str(over)))


def _empty_mean(stated: Stated) -> str:
    by_indices = stated.get("labels") == "indices" and _takes(stated, "reduction")
    can_be_empty = by_indices and (_takes(stated, "ignore_index") or _takes(stated, "weight"))
    return {"nan": "NaN", "zero": "0"}.get(str(stated.get("empty_mean")), UNSTATED) if can_be_empty else NO_OPTION


def _smoothing(stated: Stated) -> str:
    if not _takes(stated, "label_smoothing"):
        return NO_OPTION
    words = {"classes": "all classes", "other_classes": "the other classes"}
    return words.get(str(stated.get("smoothing_over")), UNSTATED)


def _gradient(stated: Stated) -> str:
    if (stated.get("op"), stated.get("labels")) != ("softmax_cross_entropy", "distributions"):
        return NO_OPTION
    return {"exact": "p sum(q) - q", "tensorflow": "p - q"}.get(str(stated.get("unnormalized_gradient")), UNSTATED)


def _clip(stated: Stated) -> str:
    edge = stated.get("clip_probabilities")
    if edge is None:
        return "not clipped"
    return f"[{edge:.3g}, 1 - {edge:.3g}]" if isinstance(edge, float) else escape_control_chars(str(edge))


_SPOKEN: dict[str, Callable[[Stated], str]] = {
    "takes": _options,
    "mean_over": _mean,
    "empty_mean": _empty_mean,
    "smoothing_over": _smoothing,
    "unnormalized_gradient": _gradient,
    "clip_probabilities": _clip,
}
