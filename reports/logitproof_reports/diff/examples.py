"""One row of a change on both sides: always the same row before and after."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logitproof_reference.judging.worst_element import number_or_nan
from logitproof_reference.specification.verdicts import VERDICT_RANKS
from logitproof_reports.runs.coded_text import words_of
from logitproof_reports.runs.values import CALL
from logitproof_reports.words.outcomes import shown_verdict
from logitproof_reports.words.terms import clause_title
from logitproof_reports.words.text import escape_control_chars, from_hex, measure

from .classes import CLASSES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .compare import Diff

NO_CLASSES = "ERR-4"
"""The clause that no class at all is an error or gives a documented value."""

_MOST_DIGITS = 17
_DIGITS = 6
_TELLING = 1e-6
"""A relative bound this small determines the first six digits of the answer."""

_ERROR = re.compile(r"(\w+): ")
"""Prefix of a reason that is the message of an exception."""

_UNEXPLAINED = re.compile(r'^other than (?:recorded in )?the ledger entry "[^"]*"(?: has it)?: [\w-]+, not [\w-]+; ')
"""Prefix of the reason of a deviation whose effect differs from that in the ledger, now and in older run files."""

_REASON_CHARACTERS = 100
_SEVERITY = {**VERDICT_RANKS, "void": -1, "unsupported": -1, "": -1}
"""How bad a verdict is as what a change is shown by; what was not measured shows nothing."""


@dataclass(frozen=True)
class Example:
    """A row before and after, in words.

    Attributes
    ----------
    cell, regime : str
        Where it is.
    row, element : int
        Which row of the regime, and which class in it; -1 where there is none.
    before, after : str
        What was observed: a number, ``raised KIND: ...``, or in words what is known of this row.
    exact : str
        The exact answer; empty if there is none. Two, where the two runs judge by different ones.
    error : str
        The error before and after, in ulps; empty if it is not known of both.
    inputs : str
        The row, in the format of `Judgement.inputs`.
    """

    cell: str
    regime: str
    row: int
    element: int
    before: str
    after: str
    exact: str
    error: str
    inputs: str

    @property
    def call(self) -> str:
        """The call, where no row of a regime was judged but a call that no clause covers; else empty."""
        try:
            found = json.loads(self.inputs or "{}")
        except ValueError:
            return ""
        return escape_control_chars(str(found.get(CALL, ""))) if isinstance(found, dict) else ""

    @property
    def place(self) -> str:
        """The cell and regime, as commands take them."""
        return f"{self.cell}/{self.regime}" if self.regime else self.cell

    @property
    def sentence(self) -> str:
        """Before, after and exact in a line, e.g. ``0.693147 became 0, exact 0.693147``."""
        moved = self.before if self.before == self.after else f"{self.before} -> {self.after}"
        return f"{moved}{f', exact {self.exact}' if self.exact else ''}{f' ({self.error})' if self.error else ''}"


def example_of(diff: Diff, row: int) -> Example:
    """Return the example of one change."""
    before, after = diff.sides(row)
    worse, better = (before, after) if baseline_is_worse(diff, np.array([row]))[0] else (after, before)
    # What raises, does so for every row: the other side tells which.
    here = better if worse["verdict"] == "crashed" and better and better["observed"] else worse
    sides = [one or diff.instead(row) for one in (before, after)]
    shown = [one for one in sides if one.get("observed") and _at(one) == _at(here)]
    digits = _digits(shown)
    absent = _absent(diff, row)
    accuracies = _accuracies(*sides)
    exacts = [_number(one["exact"], digits) for one in shown if one["clause"] and not accuracies]
    was, became = accuracies or (_observed(one, here, digits) or absent for one in sides)
    return Example(
        cell=escape_control_chars(here["cell"]),
        regime=escape_control_chars(here["regime"]),
        row=here["row"],
        element=here["element"],
        before=escape_control_chars(was),
        after=escape_control_chars(became),
        exact=escape_control_chars(" -> ".join(dict.fromkeys(exacts))),
        error="" if accuracies else _error(*sides) if _same_place(*sides) else _error_of(here),
        inputs=here["inputs"],
    )


def _absent(diff: Diff, row: int) -> str:
    """Return in words why a run does not have a judgement."""
    change = CLASSES[diff.rank[row]].name
    if change.endswith("supported"):
        return "not supported"
    if not change.startswith("unknown"):
        return "not judged"
    run, name = (diff.before, "baseline") if change == "unknown before" else (diff.after, "candidate")
    cells = diff.words("cell")
    mine = run.table.filter(pc.equal(run.table["cell"], cells.words[cells.codes[row]]))
    failed = mine.filter(pc.is_in(mine["verdict"], pa.array(["crashed", "void"])))["reason"].to_pylist()
    why = str(failed[0]).partition(";")[0][:_REASON_CHARACTERS] if failed else "the run is incomplete"
    return f"not judged in the {name}: {why}"


def _accuracies(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, str] | None:
    """Return what of two accuracy classes or grades differs; None unless both sides tell one.

    Each is inferred from rows of several regimes: the worst of the two sides are not one row.
    """
    both = [one.get("accuracy_class", "") for one in (before, after)]
    if not all(both):
        return None
    if both[0] == both[1]:
        return f"accuracy {both[0]}: error / bound {measure(before['slack'])}", measure(after["slack"])
    old, new = (dict.fromkeys(one.split(", ")) for one in both)
    lost, won = (", ".join(word for word in one if word not in other) for one, other in ((old, new), (new, old)))
    return f"accuracy {lost or 'not told apart'}", won or "not told apart"


def _observed(record: dict[str, Any], here: dict[str, Any], digits: int) -> str:
    """Return what a side has of the row that `here` speaks of; empty if it has nothing."""
    if not record:
        return ""
    if record["verdict"] == "unsupported":
        return "not supported"
    if not (record["observed"] and here["observed"]) or record["clause"].startswith("ERR"):
        return _in_words(record)
    if _at(record) == _at(here):
        return _number(record["observed"], digits)
    return _near_exact(record, here, digits) or _STANDING.get(record["verdict"], record["verdict"])


def _in_words(record: dict[str, Any]) -> str:
    """Return what came of a judgement that shows no number: what was raised, what is wrong, or its accuracy class."""
    reason = _UNEXPLAINED.sub("", str(record["reason"])).removeprefix(f"{clause_title(record['clause'])}: ")
    error = _ERROR.match(reason)
    if error and record["verdict"] in {"conforms", "crashed"}:
        return f"raises {error[1]}" if record["verdict"] == "conforms" else f"raises {reason[:_REASON_CHARACTERS]}"
    if record["accuracy_class"]:
        return f"accuracy {record['accuracy_class']}"
    if record["verdict"] == "conforms" and record["clause"] == NO_CLASSES:
        return "the documented value"
    return reason[:_REASON_CHARACTERS] or shown_verdict(record["verdict"])


def _near_exact(record: dict[str, Any], here: dict[str, Any], digits: int) -> str:
    """Return the answer to a row that is not the worst one, where its bound tells its first digits; else empty."""
    exact, bound = _value(here["exact"].partition(" ")[0]), number_or_nan(here["bound"])
    known = record["verdict"] in {"conforms", "stale"} and record["clause"] == here["clause"]
    return f"{exact:.{digits}g}" if known and 0 <= bound <= _TELLING * abs(exact) < math.inf else ""


_STANDING = {
    "conforms": "within its bound",
    "stale": "within its bound",
    "concern": "within the bound of the MUST",
    "deviates": "another row outside its bound",
}
"""What is known of a row of which another one of its regime is the worst."""


def _at(record: dict[str, Any]) -> tuple[int, int]:
    return record.get("row", -1), record.get("element", -1)


def _same_place(before: dict[str, Any], after: dict[str, Any]) -> bool:
    return bool(before.get("observed") and after.get("observed")) and _at(before) == _at(after)


def _digits(records: list[dict[str, Any]]) -> int:
    """Return how many digits tell the answers to a row apart, and each from the exact one where it differs."""
    spelled = {one[name].partition(" ")[0] for one in records for name in ("observed", "exact")}
    numbers = {number for word in spelled if math.isfinite(number := _value(word))}
    return next(
        (
            digits
            for digits in range(_DIGITS, _MOST_DIGITS)
            if len({f"{x:.{digits}g}" for x in numbers}) == len(numbers)
        ),
        _MOST_DIGITS,
    )


def _value(spelled: str) -> float:
    try:
        return float.fromhex(spelled)
    except (ValueError, OverflowError):
        return math.nan


def _number(spelled: str, digits: int) -> str:
    """Spell a hexadecimal float in decimal with this many digits; what is none stays as it is."""
    number = _value(spelled.partition(" ")[0])
    return f"{number:.{digits}g}" if math.isfinite(number) else from_hex(spelled)


def _error(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Return the largest errors of both sides in ulps; empty if they say nothing."""
    was, came = before["ulps"], after["ulps"]
    if was == came or not (math.isfinite(was) and math.isfinite(came)):
        return ""
    return f"{measure(was)} -> {measure(came)} ulps"


def _error_of(record: dict[str, Any]) -> str:
    """Return the error of the one side that has the row; empty if it is not finite, or as good as none."""
    return f"{measure(record['ulps'])} ulps" if record["observed"] and 0 < record["ulps"] < math.inf else ""


def baseline_is_worse(diff: Diff, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return for some rows of a diff whether the baseline has the worse answer, or the only one."""
    verdicts = {side: words_of(pc.fill_null(diff.column(side, "verdict", rows), "")) for side in ("b", "a")}
    before, after = (np.array([_SEVERITY[word] for word in one.words])[one.codes] for one in verdicts.values())
    missing = pc.is_null(diff.table["a_place"].take(rows)).to_numpy(zero_copy_only=False)
    return np.asarray((before > after) | missing)
