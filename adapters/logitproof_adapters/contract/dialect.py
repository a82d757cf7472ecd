"""What a framework means by a loss and its options, release by release."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Tuple

if TYPE_CHECKING:
    from collections.abc import Mapping

INDICES = ("softmax_cross_entropy", "indices")
DISTRIBUTIONS = ("softmax_cross_entropy", "distributions")
SIGMOID = ("sigmoid_cross_entropy", "distributions")
"""The losses: op and labels, words of `Cell`."""

Loss = Tuple[str, str, str]  # Python 3.8 has no tuple[...] at run time
"""A loss and the function that is asked for it: op, labels and entry, words of `Cell`."""

CHOICES = ("mean_over", "empty_mean", "smoothing_over", "unnormalized_gradient", "clip_probabilities")
"""The attributes of a `Dialect` that change an exact answer: named choices of `LossOptions`, with its defaults."""


@dataclass(frozen=True)
class Dialect:
    """What a framework documents about a loss and its options, where frameworks differ.

    `mean_over` to `clip_probabilities` are the named choices of `LossOptions`, by which the exact answer and its bound
    are computed; the defaults are those of torch.nn.CrossEntropyLoss. The others are texts for a reader, empty if
    nothing is documented; observed but undocumented behaviour ends in "(observed)".

    Attributes
    ----------
    documentation : str
        Link to the page that says so.
    function : str
        Its name in the API.
    takes : tuple of str
        The options it has: ``reduction``, ``weight`` (of classes), ``pos_weight``, ``ignore_index``,
        ``label_smoothing``.
    mean_over, empty_mean, smoothing_over, unnormalized_gradient, clip_probabilities
        As in `LossOptions`.
    reduction : str
        The default reduction: ``none``, ``sum`` or ``mean``.
    class_axis : str
        Where the classes lie: ``1``, ``last``, ``any``.
    label_formats : str
        Integer formats that class indices may have.
    out_of_range : str
        How a class index out of range is handled.
    ignored_index : str
        Class indices with zero loss by default, in words; an adapter gives them as `ignored_labels`.
    words : dict of str to str
        Explanations of other attributes, by name, where the value is not sufficient.
    since : str
        The first release that means this, e.g. ``3.0``; empty for the oldest that is judged.
    earlier : Dialect, optional
        What the releases before `since` meant.
    """

    documentation: str = ""
    function: str = ""
    takes: tuple[str, ...] = ()
    mean_over: str | None = None
    empty_mean: str = "nan"
    smoothing_over: str = "classes"
    unnormalized_gradient: str = "exact"
    clip_probabilities: float | None = None
    reduction: str = ""
    class_axis: str = ""
    label_formats: str = ""
    out_of_range: str = ""
    ignored_index: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    since: str = ""
    earlier: Dialect | None = None

    def at(self, version: str) -> Dialect:
        """Return the dialect of a release; one without a number, such as a nightly build, has that of the newest.

        >>> Dialect(mean_over="rows", since="3.0", earlier=Dialect()).at("2.6.2").choices
        {}
        """
        found = self
        while found.earlier and _numbers(version) < _numbers(found.since):
            found = found.earlier
        return replace(found, earlier=None)

    @property
    def choices(self) -> dict[str, Any]:
        """The named choices other than the defaults, as `LossOptions` takes them."""
        mine = {name: getattr(self, name) for name in CHOICES}
        return {name: value for name, value in mine.items() if value != getattr(Dialect, name)}


def _numbers(version: str) -> tuple[float, ...]:
    """Return the numbers of a release for comparison; infinity for one that has none, such as ``0.0.0``."""
    found = re.match(r"\d+(\.\d+)*", version)
    numbers = tuple(map(int, found[0].split("."))) if found else ()
    return numbers if any(numbers) else (float("inf"),)
