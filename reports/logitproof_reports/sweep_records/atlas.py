"""The atlas: the results of sweeps and searches for every framework, as tables of a page and in Markdown."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import astuple
from itertools import chain, product
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING
from urllib.parse import quote

from logitproof_reference.vocabulary.ops import OPS, QUANTITIES
from logitproof_reports.html.comparison import ComparisonPage, Fact, Table, write_comparison_page
from logitproof_reports.runs.whole_files import write_text_atomically
from logitproof_reports.sweep_records.atlas_entries import headings
from logitproof_reports.words.markdown import escaped, head, row
from logitproof_reports.words.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from logitproof_reports.sweep_records.atlas_entries import Atlas, Searched, Swept
    from logitproof_reports.sweep_records.words import Line

METHOD = {
    "Rows": (
        "A sweep evaluates a framework at every input of two classes, or at a range of them, and certifies "
        "the error of each answer. A float32 row is (d, 0), numbered by the bits of d; a half-precision row is a "
        "pair (a, b), numbered by the bits of both. Class 0 is the leading class where d > 0. A cross-entropy has "
        "the class index 0. A sigmoid loss takes x with labels 1 and 0. The upstream gradient is 1 for one "
        "number per row, (1, 0) for one number per class, and 1 for a sigmoid loss."
    ),
    "Exact answers": (
        "The exact answer is known to 2^-45 of itself or better; the rows that this does not decide are computed "
        "by the oracle."
    ),
    "Ulps": (
        "An ulp is the distance of neighbouring numbers of the format at the exact answer, at least the smallest "
        "subnormal number. A correctly rounded answer is off by at most 0.5 ulps. An answer that is not finite "
        "counts as infinitely wrong. An error in ulps is large where an answer nears 0 and the "
        "algorithm subtracts: log-softmax of the leading class, p - 1. This is what these functions document or "
        "imply; it is not a fault: hence the second measure."
    ),
    "Error / bound": (
        "Error / bound compares the error with the largest one that rounding can cause in correct code for that "
        "row (MUST bound: exp and log within 4 ulps, any order of summation, subnormal numbers flushed). Over 1, "
        "the algorithm is at fault: the answer is broken. An answer of 0 where the exact one rounds to a "
        "subnormal number is counted as lost; the MUST bound allows it."
    ),
    "Modes": (
        "Eager, unless a row says otherwise. Compiled is jax.jit, torch.compile, tf.function(jit_compile=True), "
        "mx.compile, tinygrad's TinyJit, and for ONNX Runtime all optimisations of the graph (eager: none). "
        "PaddlePaddle's packages for CPUs are built without its compiler, CINN: graph is paddle.jit.to_static, and "
        "backend='CINN' gives the same bits. Keras compiles on PyTorch only if told to (jit_compile='auto' is off "
        "there), which was not swept. NumPy's and SciPy's functions have one mode. PaddlePaddle computes on a CPU in "
        "float32 and float64 alone; SciPy documents no bfloat16, and tinygrad's needs a newer clang than 14. NumPy's "
        "bfloat16 is that of ml_dtypes."
    ),
    "Limits": (
        "Rows with NaN or an infinite logit are held to their limits and counted as broken where they miss them."
    ),
    "Coverage": (
        'Exhaustive: "every row". Otherwise the ranges of rows are given, and nothing is claimed of the others. A '
        "letter behind a number names its rows in the table of that format; a number without one has the usual rows. "
        "Rows of more classes are searched, not exhausted: the error is reached, and a larger one may exist. Each "
        "number holds for the release, the build and the processor in the table of environments. Within "
        "runs of equal answers the error follows from the compared answers around it; nothing is estimated."
    ),
}
"""How the numbers came about, in a few sentences each."""


MEASURES: dict[str, tuple[str, Callable[[Line], str]]] = {
    "largest error in ulps": ("Largest error in ulps", lambda line: line.ulps),
    "slack": ("Largest error / bound", lambda line: line.slack),
    "not rounded": ("Answers that are not correctly rounded", lambda line: line.not_rounded),
    "lost": ("Answers of 0 where a subnormal number is exact", lambda line: line.lost),
    "broken": ("Answers that break a clause", lambda line: line.broken),
}
"""What the matrices of the atlas show."""


def matrices(found: Sequence[Swept]) -> Iterator[Table]:
    """Yield, for each format, the rows that were measured, and for each measure a table of frameworks by functions."""
    called = list(zip(headings(found), found, strict=True))
    for format_ in dict.fromkeys(one.line.format for one in found):
        mine = [(name, one) for name, one in called if one.line.format == format_]
        frameworks = sorted({name for name, _ in mine})
        functions = sorted({one.line.function for _, one in mine}, key=_order)
        marks = _marks([one for _, one in mine])
        yield Table(f"{format_}: rows", ["letter", "rows"], [[mark or "none", rows] for rows, mark in marks.items()])
        for title, spelled in MEASURES.values():
            cells = {(name, one.line.function): f"{spelled(one.line)} {marks[one.rows]}".strip() for name, one in mine}
            if title == MEASURES["lost"][0] and {cell.split()[0] for cell in cells.values()} == {"0"}:
                continue
            rows = [[name, *(cells.get((name, function), "-") for function in functions)] for name in frameworks]
            yield Table(f"{format_}: {title[0].lower()}{title[1:]}", ["framework", *functions], rows)


def _order(function: str) -> tuple[int, int]:
    """Values come before gradients, ops in the order of the vocabulary."""
    op, quantity = function.split()
    return list(QUANTITIES).index(quantity), list(OPS).index(op)


def _marks(found: Sequence[Swept]) -> dict[str, str]:
    """Return a letter for each set of rows that was measured, most rows first; none for the one of most functions."""
    sets = Counter(one.rows for one in sorted(found, key=lambda one: -one.count))
    usual, _ = sets.most_common(1)[0]
    letters = chain(ascii_lowercase, (f"{first}{second}" for first, second in product(ascii_lowercase, repeat=2)))
    return {usual: "", **{rows: next(letters) for rows in sets if rows != usual}}


def witnesses(found: Sequence[Swept]) -> Table:
    """Return the worst row of every function, with the command that measures it again."""
    rows = [
        [
            f"{one.line.function} {one.line.format}",
            name,
            one.line.ulps,
            one.line.worst,
            one.line.observed,
            one.line.reproduction,
        ]
        for name, one in zip(headings(found), found, strict=True)
    ]
    columns = ["function", "framework", "ulps", "row", "size of the answer", "command"]
    return Table("The worst row of each", columns, rows, "Logits are hexadecimal. The command measures the row alone.")


def environments(atlas: Atlas) -> Table:
    """Return what was measured where."""
    rows = [list(astuple(one)) for one in atlas.environments]
    return Table("Environments", ["framework", "release", "build", "processor"], rows)


def searches(found: Sequence[Searched]) -> Table:
    """Return what searches reached."""
    heads = {
        "function": "function",
        "format": "format",
        "framework": "framework",
        "classes": "classes",
        "by": "maximised",
        "ulps": "ulps",
        "slack": "error / bound",
        "rows": "rows tried",
        "random": "of random rows",
    }
    rows = [[getattr(one, name) for name in heads] for one in found]
    lead = "Lower limits, found by search. The last column: the maximised measure among that many random rows."
    return Table("The worst rows found of more classes", list(heads.values()), rows, lead)


def tables_of(atlas: Atlas) -> list[Table]:
    """Return all tables of the atlas."""
    swept, searched = atlas.swept, atlas.searched
    every = [*matrices(swept), witnesses(swept)] if swept else []
    return [*every, *([searches(searched)] if searched else []), environments(atlas)]


def headline_of(swept: Sequence[Swept]) -> str:
    """Describe what there is."""
    numbers = sum(one.numbers for one in swept)
    broken = sum(one.is_broken for one in swept)
    compared = f"{numbers:,} answers of {plural(len(swept), 'function')} were compared with the exact ones"
    broke = (
        f"{plural(broken, 'function')} {'breaks' if broken == 1 else 'break'} a clause"
        if broken
        else "no clause is broken"
    )
    return f"{compared}; {broke}"


def write_page(atlas: Atlas, path: Path) -> None:
    """Write the page.

    Raises
    ------
    RunFileError
        The place cannot be written.
    """
    facts = [Fact(name, text) for name, text in METHOD.items()]
    page = ComparisonPage("Logitproof atlas", headline_of(atlas.swept), "", facts, tables_of(atlas))
    write_comparison_page(page, path)


def write_markdown(atlas: Atlas, path: Path, page: Path) -> None:
    """Write the atlas as Markdown, with a link to the page.

    Raises
    ------
    RunFileError
        The place cannot be written.
    """
    method = "\n".join(f"- **{name}.** {escaped(text)}" for name, text in METHOD.items())
    link = f"[The same as one page]({quote(Path(os.path.relpath(page, path.parent)).as_posix())})."
    parts = ["# Atlas: the largest errors", f"{headline_of(atlas.swept)}. {link}", "## Method", method]
    for table in tables_of(atlas):
        parts += [f"## {table.title}", *([escaped(table.lead)] if table.lead else []), _markdown(table)]
    write_text_atomically(path, "\n\n".join(parts) + "\n")


def _markdown(table: Table) -> str:
    return "\n".join([*head(list(table.columns)), *(row(list(cells)) for cells in table.rows)])
