"""docs/replay.md from the catalogue: ``PYTHONPATH=tests python -m replay.page`` in the repository's root writes it.

What a release shows is for `replay.replay` to measure; the page lists what the catalogue says and counts it.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from logitproof_adapters.catalogue.extra_calls.answers import calls_of as all_calls_of
from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_reference.vocabulary.cells import Cell
from logitproof_reports.runs.whole_files import write_text_atomically
from replay.catalogue import BARRIERS, MISSES, Bug, catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from logitproof_adapters.catalogue.extra_calls.call import ExtraCall

PAGE = Path(__file__).resolve().parents[2] / "docs" / "replay.md"

ABOUT = """\
# Documented bugs, replayed

`tests/replay/bugs.toml` lists {bugs} bugs of softmax and cross-entropy that were documented elsewhere: reports and
fixes in the trackers of frameworks and kernels. `nox -s replay` installs the releases below, tests each with the
unchanged suite, and fails unless every bug is red in the releases that have it, by one of the clauses named, and green
in those that do not. `nox -s replay -- jax` takes those of one project or adapter, `-- ID` one bug.

- **{shown} of {bugs}** can be shown with releases that install on a CPU, and are; {mended} of them have a fixed
  release in the list, which is green. The matrix, which `logitproof run` tests, shows **{by_matrix}** of them. The
  other **{by_calls}** show in calls outside it that have one right answer: `logitproof upgrade` makes these on both
  sides, `logitproof run` only with `--calls`.
- A further **{missed}** could be shown in the same way, but the suite misses them. Recall: {shown} of {reachable},
  {recall:.0%}; by the matrix alone {by_matrix} of {reachable}, {by_matrix_alone:.0%}.
- **{rest}** are not shown:
{barriers}

The list was compiled by the authors of the suite and used during development: where possible, a missed bug led to a
new check. So the recall is that of a regression test, not the rate at which unknown bugs are detected.

To estimate that rate, one search of the trackers on 2026-11-30 gave 22 reports. It is not a blind sample:
three candidates were run before they were taken into it, and reports that could not be reproduced were dropped. One of
the 22 needs a release that the adapter does not support. Of the other 21 the suite showed **7** before any check was
fixed. Of the 14 missed, five are errors that every bound allows, nine are in calls, arguments and shapes that were
not tested. With the checks added since, the matrix showed 16. The calls beside it show 3 more, which were written
for them.

A second search, by queries and a rule written down before anything was run, gave 28 reports. Six need releases that no
index has any more, one was in no release, one is a bug that the list had, and three could not be reproduced with the
release and the CPU at hand. Of the other 17 the suite showed **3** before any check was fixed. Of the 14 missed, three
are errors or values that a clause allows; two were hidden by faults of the suite, which could not run TensorFlow
before 2.9 and made no calls on Python 3.8; nine are in calls, arguments and formats that were not tested. With those
faults fixed and checks added the matrix shows 5, and the calls 7 more, of which six were written for these reports (one
shows on Python 3.8 and 3.9 alone, and is not counted as shown below).

A third search, likewise, gave 18 reports. Seven need releases that no index has any more, are in no release or could
not be reproduced, and one is a bug that the list had. Of the other 10 the matrix and the calls written one by one
showed none, and the calls derived from tables, which were finished before the search, **2**. Of the 8 missed, four are
in functions, arguments and ways to write them that no table had; two in derivatives by another input than the logits,
or by a clipped one; one in an axis that must be refused; one needs numbers far apart, in a framework without a table.
With tables extended and two calls added, 8 of the 10 are shown.

A fourth search, likewise, gave 30 reports. Thirteen need releases that no index has any more or an interpreter before
the Python 3.11 at hand, are in no release or could not be reproduced; five are bugs that the list had; one is a result
that its maintainers left as it is. Of the other 11 the suite showed **1** before any check was fixed, by a call of a
table that was finished before the search. Of the 10 missed, five lie in the digits of derivatives next to 0, one in
those of a value; three are in arguments that no table had: symbolic tensors, complex infinities, labels of another
shape; one asks the derivative by a target of 0. With two kinds of logits and one way to call added to the tables, and
two calls, 10 of the 11 are shown. That the matrix
showed none of the 10 before was tried for three, and concluded from what it tests for the others.

A fifth search, likewise, but with queries added twice before anything was judged, gave 40 reports. For 26 no affected
release was at hand, or they could not be reproduced; five are bugs that the list had, one is a result that its
maintainers left as it is, one needs a release that the adapter does not support. Of the other 7 the suite showed **2**
before any check was fixed, by the matrix. Of the 5 missed, three lie at infinities of functions that are in no
cell, one in logits that a compiled program returns beside their softmax, one in a unit in the last place. With infinite
numbers added to the tables and one call, 6 of the 7 are shown. That the 5 were missed before was run for two, and
concluded from what the tables ask for the others.

A sixth search, likewise, made after the tables had been extended, and with queries added once, gave 38 reports. For
13 no affected release was at hand, or they could not be reproduced; six are bugs that the list had, 11 are documented
or left as they are by their maintainers, four need another device. Of the other 4 the suite showed **2** before any
check was fixed, one by the matrix and one by the infinite numbers added for the fifth. The 2 missed are in integers and
in a function that no table had; with a table and a call added, all 4 are shown. That 2 were shown before was
concluded, and the replay has confirmed both since. Four are too few to tell whether the extended tables find more.

A seventh search, by queries and a rule that are in `tests/replay/seventh_sample.md` and were committed before, read 72
answers and gave 14 reports that the list did not have. Five need releases that no index has any more, two could not be
reproduced, one was in no release, one was not tried, and two need a release that the adapter does not support. Of the
other 3 the suite showed **1**, by a derived call. Of the 2 missed, one was hidden by a fault of the suite: a release
that lacks one function of its framework failed at all derived calls. The other lies in the digits of a sigmoid next
to 0, which were asked of five frameworks and not of ONNX. With that fault fixed, and those digits asked, all 3 are
shown. Each was tried with the calls alone, not by a whole run.

What the reports of the first six samples need, and what is asked of it now:

{needs}
A report that needs two of them is counted once. 53 of these 70 were missed before any change.

The seven samples together, 18 of 73, are all that is known of the rate at which the suite finds bugs that nobody has
seen yet. These reports are the last entries of the list and are included in all counts on this page.
"""

NEEDS = (
    (
        "digits next to 0, next to a large number, or of half precision",
        19,
        "the functions in the matrix; single numbers: all tables but Paddle's and tinygrad's",
    ),
    ("an argument, or one of its values", 13, "pairs of the values that each table has"),
    ("a function that no table had", 8, "what the tables list, not all public functions"),
    (
        "infinite or undefined numbers",
        8,
        "the functions in the matrix; single numbers and cumulated sums: all tables",
    ),
    (
        "integers, lists, labels in another format, another name",
        7,
        "softmax and log-sum-exp of seven frameworks; all functions of SciPy",
    ),
    (
        "a shape: axes of length 0 and 1, more axes, other labels",
        6,
        "the functions in the matrix; all tables, axes of length 0 in part",
    ),
    (
        "a derivative by another input, or of higher order",
        6,
        "the functions in the matrix; all tables but those of Paddle, tinygrad and Keras",
    ),
    (
        "a compiled, symbolic or mapped function",
        3,
        "all tables but those of Paddle, tinygrad, ONNX and SciPy",
    ),
)
"""What the reports of six samples need, how many do, and what is asked of it."""

SHOWN = """
## Shown

{table}
Red means `deviates` or `crashed`, and a warning where the clause is a SHOULD. A bug without a fixed release is open,
or that release was not tried. A documented result counts as a bug where it breaks a clause that leaves no choice.
"""

CALLED = """
## Shown by a call beside the matrix

`logitproof upgrade` evaluates these calls on both sides and holds each against its one right answer (VAL-1):

{table}
"""

MISSED = """
## Missed

A CPU and a release would show these; why the suite does not:

{table}"""

UNREACHED = """
## Not shown

Where there is a mutant that plants the same fault, the suite detects it in `nox -s mutants`.

{table}"""


def page(bugs: Sequence[Bug]) -> str:
    """Return the page that lists these bugs."""
    shown, missed = [bug for bug in bugs if bug.releases], [bug for bug in bugs if bug.is_missed]
    unreached = [bug for bug in bugs if bug.barrier and not bug.is_missed]
    asked, called = ([bug for bug in shown if (bug.road == "calls") == by_call] for by_call in (False, True))
    about = ABOUT.format(
        bugs=len(bugs),
        shown=len(shown),
        mended=sum(any(not release.red for release in bug.releases) for bug in shown),
        by_matrix=len(asked),
        by_calls=len(called),
        missed=len(missed),
        reachable=len(shown) + len(missed),
        recall=len(shown) / max(1, len(shown) + len(missed)),
        by_matrix_alone=len(asked) / max(1, len(shown) + len(missed)),
        rest=len(unreached),
        needs=_table(
            ("what a report needs", "reports", "asked of"), [(need, str(many), asked) for need, many, asked in NEEDS]
        ),
        barriers="\n".join(_counted(name, unreached) for name in BARRIERS if name not in MISSES),
    )
    return "".join(
        [
            about,
            SHOWN.format(table=_table(("bug", "red", "green", "clauses"), map(_shown, asked))),
            CALLED.format(table=_table(("bug", "red", "green", "call"), map(_called, called))),
            MISSED.format(table=_table(("bug", "why", "mutants"), map(_unshown, missed))),
            UNREACHED.format(table=_table(("bug", "why", "mutants"), map(_unshown, unreached))),
        ]
    )


def _counted(barrier: str, unreached: Sequence[Bug]) -> str:
    return f"  - {sum(bug.barrier == barrier for bug in unreached)}: {BARRIERS[barrier]}"


def _shown(bug: Bug) -> list[str]:
    by_colour = (
        "; ".join(f"`{release.requirements}`" for release in bug.releases if release.red == red)
        for red in (True, False)
    )
    red, green = by_colour
    note = f" ({bug.note})" if bug.note else ""
    return [f"{_title(bug)}{note}", red, green or "-", " ".join(bug.clauses)]


def _called(bug: Bug) -> list[str]:
    *words, _ = _shown(bug)
    first, *others = calls_of(bug)
    more = f" and {len(others)} like it" if others else ""
    return [*words, f"`{first.source}`{more}"]


def calls_of(bug: Bug) -> list[ExtraCall]:
    """Return the calls beside the matrix that a bug shows in."""
    package = FRAMEWORKS[bug.adapter].packages[0]
    calls = (
        (call, Cell(bug.adapter, "eager", call.op, "value", call.format, call.labels).id)
        for call in all_calls_of(package)
    )
    return [call for call, cell in calls if _is_one(call.name, bug.regimes) and _is_one(cell, bug.cells)]


def _is_one(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _unshown(bug: Bug) -> list[str]:
    return [_title(bug), bug.reason, " ".join(f"`{name}`" for name in bug.mutants) or "-"]


def _title(bug: Bug) -> str:
    words = f"{bug.project}: {bug.title}"
    return f"{words} ([{_thread(bug.url)}]({bug.url}))" if bug.url else words


def _thread(url: str) -> str:
    """Return a short name of a thread.

    >>> _thread("https://github.com/jax-ml/jax/issues/23842")
    'jax#23842'
    """
    *_, project, _, number = url.split("/")
    return f"{project}#{number}"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(word.replace('|', '/') for word in line)} |\n" for line in lines)


if __name__ == "__main__":
    write_text_atomically(PAGE, page(catalogue()))
