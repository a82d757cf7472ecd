"""The result of a parity comparison: as lines and as data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.formats import name_of_dtype

if TYPE_CHECKING:
    from logitproof.parity.compare import Found
    from logitproof.parity.distribution import Distribution

LARGEST_EXPONENT = 700.0
SMALL = 0.01


def ratio_of(difference: float) -> float:
    """Return the importance ratio exp(|a - b|); infinite past float64."""
    return math.exp(difference) if difference < LARGEST_EXPONENT else math.inf


def ratio_text(difference: float) -> str:
    """Return the importance ratio with what parts it from 1."""
    if difference == 0.0:
        return "1"
    return f"1 + {math.expm1(difference):.3g}" if difference < SMALL else f"{ratio_of(difference):.6g}"


def lines_of(found: Found) -> list[str]:
    """Return the comparison as lines of text."""
    request, parity = found.request, found.parity
    lines = [
        f"{name}: {side.label}, {_shape(side.shape)}, {name_of_dtype(side.dtype)}"
        for name, side in (("A", request.a), ("B", request.b))
    ]
    return [
        *lines,
        _agreement(found),
        *_differences(found),
        *_against_truth(found),
        *_readings(found),
        *([] if parity.apart == 0 else [f"{parity.apart:,} numbers are finite on one side only"]),
    ]


def _shape(shape: tuple[int, ...]) -> str:
    words = ("tokens", "classes")
    return " x ".join(f"{count:,} {word}" for count, word in zip(shape, words, strict=False))


def _agreement(found: Found) -> str:
    parity, is_one_format = found.parity, found.request.a.dtype == found.request.b.dtype
    what, count = ("bits", parity.same_bits) if is_one_format else ("values", parity.same_values)
    share = "all" if count == parity.numbers else f"{count / parity.numbers:.2%}"
    return (
        f"same {what}: {count:,} of {parity.numbers:,} numbers ({share}); "
        f"whole rows: {parity.same_rows:,} of {parity.rows:,}"
    )


def _differences(found: Found) -> list[str]:
    parity = found.parity
    token, class_, a, b = parity.worst
    if parity.differences.where < 0:
        return []
    lines = []
    largest = parity.differences.largest
    if largest == 0.0:
        return ["no difference"]
    place = f"token {token:,}" + (f", class {class_:,}" if class_ >= 0 else "")
    lines.append(f"largest |a - b|: {largest:.6g} nat at {place}: {a!r} against {b!r}")
    of_rows = "of a token's farthest class" if found.request.is_whole else "of the sampled token"
    lines.append(f"|a - b| {of_rows}: {_spread(parity.differences)}")
    if found.request.is_whole and parity.sampled.number:
        lines.append(f"|a - b| of the sampled token: {_spread(parity.sampled)}")
    if sampled := sampled_of(found):
        count = sampled.number
        lines.append(
            f"importance ratio: at most {ratio_text(sampled.largest)} (token {sampled.where:,}); "
            f"mean a - b {parity.logged / count:.3g}, "
            f"estimate of KL(a || b) {parity.divergence / count:.3g} nat a token"
        )
    else:
        lines.append(f"importance ratio: at most {ratio_text(largest)}, whichever token is sampled (none is given)")
    return lines


def sampled_of(found: Found) -> Distribution | None:
    """Return the distribution of the sampled tokens' differences, where these are known."""
    return found.parity.sampled if found.parity.sampled.number else None


def largest_difference(found: Found) -> float:
    """Return the largest |a - b| of the sampled tokens, or of any class where these are not known."""
    one = sampled_of(found) or found.parity.differences
    return math.inf if found.parity.apart or one.apart else max(one.largest, 0.0)


def _spread(one: Distribution) -> str:
    parts = [f"median {one.quantile(0.5):.3g}", f"99 % {one.quantile(0.99):.3g}", f"largest {one.largest:.3g}"]
    return ", ".join(parts) + " nat"


def _against_truth(found: Found) -> list[str]:
    if found.request.logits is None:
        return ["the exact answer: give the logits (--logits) to have both sides compared with it"]
    a, b = found.parity.sides
    total = a.nearer + b.nearer + found.parity.as_near
    shares = f"A in {a.nearer / total:.2%}, B in {b.nearer / total:.2%}, as near in {found.parity.as_near / total:.2%}"
    lines = [f"nearer to the exact answer: {shares} of {total:,} numbers"]
    for name, side in (("A", a), ("B", b)):
        lines.append(f"{name} against the exact answer: {_spread(side.errors)} (token {side.errors.where:,})")
    return lines


def _readings(found: Found) -> list[str]:
    readings, lines = found.readings, []
    best = [readings.best(side) for side in (0, 1)]
    lines += [f"{name} fits: {words}" for name, words in zip("AB", best, strict=True) if words]
    for name, masses in readings.log_mass.items():
        lines.append(
            f"log of the mass that {name} keeps: median {np.median(masses):.6g}, from {min(masses):.6g} to "
            f"{max(masses):.6g} (first {len(masses)} tokens); a side renormalised over these is larger by as much"
        )
    if readings.ratio is not None:
        lines.append(
            f"temperature: the differences between classes of B are {readings.ratio:.4g} times those of A, "
            "in every row alike"
        )
    return lines


def data_of(found: Found) -> dict[str, Any]:
    """Return the comparison as a tree for JSON."""
    request, parity, readings = found.request, found.parity, found.readings
    token, class_, a, b = parity.worst
    sampled = sampled_of(found)
    largest = (sampled or parity.differences).largest
    return {
        "sides": {
            name: {"label": side.label, "shape": list(side.shape), "format": name_of_dtype(side.dtype)}
            for name, side in (("a", request.a), ("b", request.b))
        },
        "numbers": parity.numbers,
        "same_bits": parity.same_bits,
        "same_values": parity.same_values,
        "tokens": parity.rows,
        "same_tokens": parity.same_rows,
        "finite_on_one_side": parity.apart,
        "worst": {"token": token, "class": class_, "a": _number(a), "b": _number(b)},
        "differences": parity.differences.to_data(),
        "sampled": sampled.to_data() if sampled else None,
        "importance_ratio": _number(ratio_of(max(largest, 0.0))),
        "against_the_truth": None
        if request.logits is None
        else {
            "as_near": parity.as_near,
            **{
                name: {"nearer": side.nearer, "errors": side.errors.to_data()}
                for name, side in zip("ab", parity.sides, strict=True)
            },
        },
        "fits": {name: readings.best(side) for side, name in enumerate("ab")},
        "log_mass": {name: float(np.median(masses)) for name, masses in readings.log_mass.items()},
        "temperature_ratio": readings.ratio,
    }


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else repr(value)
