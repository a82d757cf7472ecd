"""What run files, reports, diffs and histories cost, as ratios, which do not depend on how fast the machine is.

Run as ``PYTHONPATH=tests python -m meta.benchmarks.bench_reports``: it prints one line per step, and exits with 1 where
one takes longer than `AT_MOST`. A step in Python is timed on the processor and divided by the time to dump the same
judgements as JSON; the first paint of a page, by that of a page of few judgements; a filter, by a plain loop through as
many strings.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from logitproof_reports.diff.compare import diff
from logitproof_reports.diff.report import report_of
from logitproof_reports.diff.ruling import rule
from logitproof_reports.diff.write import write_diff_page
from logitproof_reports.history.compute import history_of
from logitproof_reports.history.page import write_history_page
from logitproof_reports.report.write import write_report
from logitproof_reports.runs.folder import runs_within
from logitproof_reports.runs.run_file import merge, read_run, write_run
from meta.benchmarks.results import write
from meta.conftest import ARGUMENTS, CHROMIUM
from meta.reports.synthetic_runs import hundred_thousand, three_frameworks
from meta.reports.test_diff import spoiled
from meta.reports.test_history import twenty_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from logitproof_reports.runs.schema import Run

REPEATS = 3
AT_MOST = {
    "write a run": 0.5,
    "read a run": 0.4,
    "merge two runs": 0.1,
    "write a report": 1.5,
    "diff two runs": 0.5,
    "history of twenty runs": 0.5,
    "paint a report": 3.0,
    "paint a diff": 3.0,
    "filter a report": 15.0,
}
"""The largest ratio of each step, about three times what it was when it was entered."""

READY = "#table:not([hidden])"
"""What of a report and of a diff is shown once the page has its judgements."""

FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
FILTER = """() => {
    const start = performance.now();
    document.getElementById('filter').value = 'framework:torch slack>0.5';
    document.getElementById('search').requestSubmit();
    return performance.now() - start;
}"""
LOOP = """() => {
    const start = performance.now();
    let found = 0;
    for (let i = 0; i < 100000; i++) found += `framework:torch ${i}`.includes("99");
    return found && performance.now() - start;
}"""


def as_json(runs: list[Run]) -> None:
    """Dump the judgements of runs: the unit of what is done in Python."""
    for run in runs:
        json.dumps(run.table.to_pylist())


def seconds(work: Callable[[], Any]) -> float:
    """Return the CPU time of a piece of work."""
    start = time.process_time()
    work()
    return time.process_time() - start


def ratio(work: Callable[[], Any], unit: Callable[[], Any]) -> float:
    """Return how many times longer one piece of work takes than another, both in turn."""
    return median(seconds(work) / seconds(unit) for _ in range(REPEATS))


def ratios_in_python(folder: Path) -> Iterator[tuple[str, float]]:
    """Measure the steps that need no browser; the pages stay in the folder."""
    run = hundred_thousand()
    other, stored = spoiled(run), folder / "run.parquet"
    elsewhere = replace(run, table=run.table.set_column(0, "cell", pa.array(["jax"] * run.table.num_rows)))
    unit = partial(as_json, [run])
    yield "write a run", ratio(lambda: write_run(stored, run), unit)
    yield "read a run", ratio(lambda: read_run(stored), unit)
    yield "merge two runs", ratio(lambda: merge([run, elsewhere]), partial(as_json, [run, elsewhere]))
    yield "write a report", ratio(lambda: write_report(run, folder / "large.html"), unit)
    yield (
        "diff two runs",
        ratio(lambda: write_diff(run, other, folder / "large-diff.html"), partial(as_json, [run, other])),
    )
    runs = twenty_runs()
    (folder / "history").mkdir()
    for number, one in enumerate(runs):
        write_run(folder / "history" / f"{number:02d}.parquet", one)
    yield (
        "history of twenty runs",
        ratio(
            lambda: write_history_page(history_of(*runs_within(folder / "history")), folder / "history.html"),
            partial(as_json, runs),
        ),
    )


def write_diff(old: Run, new: Run, path: Path) -> None:
    """Compare two runs and write the page."""
    found = diff(old, new)
    write_diff_page(report_of(found, rule(found)), path)


def ratios_in_browser(folder: Path) -> Iterator[tuple[str, float]]:
    """Measure how large pages show, beside small ones; nothing if there is no Chromium."""
    if CHROMIUM is None:
        return
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  only where there is a browser

    small = three_frameworks()
    write_report(small, folder / "small.html")
    write_diff(small, spoiled(small), folder / "small-diff.html")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)

        def measured(name: str, fragment: str, *scripts: str) -> list[float]:
            page = browser.new_page()
            page.goto((folder / f"{name}.html").as_uri() + fragment)
            page.wait_for_selector(READY, state="attached")
            numbers = [float(page.evaluate(script)) for script in scripts]
            page.close()
            return numbers

        def compared(name: str) -> float:
            pairs = [
                (measured(name, "", FIRST_PAINT)[0], measured(name.replace("large", "small"), "", FIRST_PAINT)[0])
                for _ in range(REPEATS)
            ]
            return median(large / small for large, small in pairs)

        yield "paint a report", compared("large")
        yield "paint a diff", compared("large-diff")
        filtered = [measured("large", "#judgements?", FILTER, LOOP) for _ in range(REPEATS)]
        yield "filter a report", median(filtering / loop for filtering, loop in filtered)
        browser.close()


def main(arguments: list[str]) -> int:
    """Print the ratios, and write them as JSON; 1 where one is larger than it may be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path)
    output = parser.parse_args(arguments).output
    ratios: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for measure in (ratios_in_python, ratios_in_browser):
            for step, found in measure(folder):
                ratios[step] = found
                sys.stdout.write(f"{step:24} {found:6.2f}, at most {AT_MOST[step]:.1f}\n")
    return write(output, "reports", ratios, at_most=AT_MOST)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
