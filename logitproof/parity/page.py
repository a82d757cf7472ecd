"""The page of a parity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof.parity.text import lines_of, ratio_text, sampled_of
from logitproof_reports.html.comparison import ComparisonPage, Fact, Table, histogram

if TYPE_CHECKING:
    from logitproof.parity.compare import Found
    from logitproof.parity.distribution import Distribution

COLUMNS = ("|difference| in nats", "numbers", "mean", "median", "90 %", "99 %", "99.9 %", "largest", "at token")


def page_of(found: Found) -> ComparisonPage:
    """Return the page: the lines of the text as facts, the distributions as tables and drawings."""
    parity = found.parity
    distributions = found.distributions
    table = Table("Differences", COLUMNS, [_row(title, one) for title, one in distributions.items()])
    drawn = [histogram(title, one.octaves()) for title, one in distributions.items()]
    largest = max((sampled_of(found) or parity.differences).largest, 0.0)
    headline = (
        "Both sides agree in every number" if largest == 0.0 else f"Importance ratios up to {ratio_text(largest)}"
    )
    facts = [Fact(*_parted(line)) for line in lines_of(found)]
    return ComparisonPage(
        "Logitproof parity",
        headline,
        facts=facts,
        tables=[table],
        histograms=[one for one in drawn if one],
        axis="Magnitudes in nats, by powers of two; a bar for each, zeros left out.",
    )


def _parted(line: str) -> tuple[str, str]:
    name, _, value = line.partition(": ")
    return (name, value) if value else ("", line)


def _row(title: str, one: Distribution) -> list[str]:
    quantiles = [f"{one.quantile(share):.3g}" for share in (0.5, 0.9, 0.99, 0.999)]
    numbers = f"{one.number:,}" + (f" ({one.apart:,} not finite)" if one.apart else "")
    return [title, numbers, f"{one.mean:.3g}", *quantiles, f"{max(one.largest, 0.0):.6g}", f"{one.where:,}"]
