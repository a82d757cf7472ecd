"""The summary of a function in words: for the terminal, the page, and Markdown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.formats import FORMATS, hex_floats, widened
from logitproof_reference.vocabulary.ops import OPS
from logitproof_reports.words.text import slack_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_reports.sweep_records.record import Record
    from logitproof_reports.sweep_records.summary import Summary

WHOLE = "every row"


@dataclass(frozen=True)
class Line:
    """A function of a framework, in words.

    Attributes
    ----------
    framework, version, mode, function, format : str
    rows : str
        How many were measured, and whether these are all.
    ulps, slack : str
        The largest error, in ulps and in its bound.
    worst, observed : str
        The row with the most ulps, its logits in hexadecimal, and the answer.
    not_rounded, broken, lost : str
        Shares and numbers of answers.
    reproduction : str
        A command that measures that row again.
    """

    framework: str
    version: str
    mode: str
    function: str
    format: str
    rows: str
    ulps: str
    slack: str
    worst: str
    observed: str
    not_rounded: str
    broken: str
    lost: str
    reproduction: str


def line_of(record: Record, summary: Summary) -> Line:
    """Return what a record says of a function."""
    planned, about = record.head["plan"][summary.function], record.head["framework"]
    row = summary.ulps["row"]
    counts = summary.counts
    return Line(
        framework=record.head["adapter"],
        version=f"{about['framework']} {about['version']}",
        mode=planned["mode"],
        function=f"{planned['op']} {planned['quantity']}",
        format=planned["format"],
        rows=WHOLE if counts["rows"] == planned["size"] else f"{counts['rows'] / planned['size']:.3g} of all",
        ulps=three_digits(summary.ulps["measure"]),
        slack=slack_of(max(summary.slack["measure"], 0.0)),
        worst="" if row < 0 else described_row(planned, row, summary.ulps["element"]),
        observed="" if row < 0 else summary.ulps["observed"],
        not_rounded=share(counts["not_rounded"], counts["numbers"]),
        broken=f"{counts['broken'] + counts['limits_wrong']:,}",
        lost=f"{counts['lost']:,}",
        reproduction="" if row < 0 else reproduction(record.head["adapter"], planned, row),
    )


def processor_of(environment: Mapping[str, object]) -> str:
    """Return a processor and the extensions that it has."""
    features = environment.get("cpu_features")
    extensions = f" ({' '.join(map(str, features))})" if isinstance(features, list) and features else ""
    return f"{environment['cpu']}{extensions}"


def logits_of_row(op: str, format_: str, row: int) -> list[float]:
    """Return the logits of a row by its number; see `logitproof_adapters.sources.two_logits`.

    >>> logits_of_row("softmax", "float32", 0x40A00000), logits_of_row("softmax", "float16", 0x3C00C000)
    ([5.0, 0.0], [1.0, -2.0])
    """
    if format_ == "float32":
        first = float(np.array(row, np.uint32).view(np.float32))
        return [first] if OPS[op].elementwise else [first, 0.0]
    words = [row] if OPS[op].elementwise else [row >> 16, row & 0xFFFF]
    return [float(number) for number in widened(np.array(words, np.uint16).view(FORMATS[format_].dtype))]


def described_row(planned: dict[str, Any], row: int, element: int) -> str:
    """Return the logits of a row in hexadecimal, and which number of the answer is meant."""
    spelled = ", ".join(hex_floats(np.array(logits_of_row(planned["op"], planned["format"], row))))
    op = OPS[planned["op"]]
    if op.elementwise:
        return f"({spelled}), label {1 - element}"
    return f"({spelled}), class {element}" if op.has_class_axis(planned["quantity"]) else f"({spelled})"


def reproduction(adapter: str, planned: dict[str, Any], row: int) -> str:
    """Return the command that measures a row alone."""
    mode = f" --mode {planned['mode']}" if planned["mode"] != "eager" else ""
    return (
        f"logitproof sweep {adapter} --op {planned['op']} --quantity {planned['quantity']} --format {planned['format']}"
        f"{mode} --range {row:#x}:{row + 1:#x}"
    )


def three_digits(number: float) -> str:
    """Return a measure with three digits.

    >>> three_digits(2.01293), three_digits(8388608.0), three_digits(float("inf")), three_digits(-1.0)
    ('2.01', '8.39e+06', 'inf', '0')
    """
    if number <= 0.0:
        return "0"
    return f"{number:.3g}" if math.isfinite(number) else "inf"


def share(part: int, whole: int) -> str:
    """Return a share in percent, and the number where it is small.

    >>> share(1, 4), share(3, 8_000_000), share(0, 5)
    ('25 %', '3', '0')
    """
    if part == 0 or whole == 0:
        return "0"
    return f"{100.0 * part / whole:.3g} %" if part * 10_000 > whole else f"{part:,}"
