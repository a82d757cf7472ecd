"""The classes of change, from worst to least, each with the condition under which a judgement belongs to it.

A condition is SQL over one judgement and both runs: what the baseline has of it begins with ``b_``, what the candidate
has with ``a_`` (before and after); ``b_same_rows`` is the rank of its verdict, or where the clause is not judged there
the worst of the same rows, ``b_regime_worst`` the worst of those rows by any clause, ``b_regime_slack`` the largest
slack outside a bound there. ``b_unknown`` says that the run cannot tell: it is incomplete there, or the call timed out.
``b_far`` says that its worst answer is finite and wrong by more than rounding explains, ``b_refuses_all`` of an error
that is expected that the cell raised whatever it was given. The first class whose condition
holds is the class of the change; `query` makes the names that are used here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ChangeClass:
    """A way in which a judgement can differ between two runs.

    Attributes
    ----------
    name, glyph : str
        How it is shown; `name` is also the word of policies and filters, with underscores for spaces.
    tone : str
        The outcome whose colour it takes.
    meaning : str
        One sentence for the legend.
    condition : str
        SQL, see above.
    """

    name: str
    glyph: str
    tone: str
    meaning: str
    condition: str

    @property
    def word(self) -> str:
        """The name as one word."""
        return self.name.replace(" ", "_")


SAME_BITS_TWICE = "LAW-5"
"""The clause that a cell asked twice gives the same bits."""

NOTICEABLE = 2
"""Outside its bound an error has moved when it doubles or halves: one bit of accuracy."""

_BOTH = "b_there AND a_there"
_KNOWN = "NOT b_unknown AND NOT a_unknown"
_OFFERED = f"b_offered AND a_offered AND {_KNOWN}"

_FURTHER_THAN_BOTH = "greatest(b_bound, a_bound, b_rounding, a_rounding)"
MEANS_ELSE = (
    f"{_BOTH} AND (b_far AND a_rank < 2 OR a_far AND b_rank < 2 "
    f"OR a_worst_at = b_worst_at AND (a_rank = 2 AND b_rank = 2 AND abs(a_value - b_value) > {_FURTHER_THAN_BOTH} "
    "OR abs(a_exact - b_exact) > b_bound + a_bound))"
)
"""Both answers are finite and further apart than both bounds and than rounding explains: two different questions."""

_ALSO_MEANS_ELSE = (
    f"question_means_else AND {_BOTH} AND b_value IS NOT NULL AND a_value IS NOT NULL AND a_rank <> b_rank "
    "AND greatest(a_rank, b_rank) = 2"
)
"""The same function with the same options means something else elsewhere, so here too, though the answers are close."""

CLASSES = (
    ChangeClass(
        "newly crashing",
        "‼",
        "crashed",
        "the framework raises an error or its process dies where it returned a result before",
        f"{_OFFERED} AND a_verdict = 'crashed' AND b_same_rows < 3",
    ),
    ChangeClass(
        "meaning changed",
        "⇄",
        "deviates",
        "a finite answer that moved by more than both bounds and than rounding explains, whichever of the two is right",
        f"{_KNOWN} AND (means_else OR {_ALSO_MEANS_ELSE})",
    ),
    ChangeClass(
        "newly failing",
        "✗",
        "deviates",
        "breaks a MUST that it fulfilled before",
        f"{_OFFERED} AND a_verdict = 'deviates' AND NOT b_refuses_all "
        "AND (b_rank < 2 OR b_rank IS NULL AND b_same_rows < 3)",
    ),
    ChangeClass(
        "no longer supported",
        "⊘",
        "void",
        "was supported and no longer is",
        "b_there AND b_offered AND NOT a_offered AND NOT a_unknown",
    ),
    ChangeClass(
        "unknown now",
        "∅",
        "void",
        "judged in the baseline; in the candidate the run is incomplete, or the call timed out",
        "a_unknown AND NOT b_unknown AND b_offered AND (a_there OR b_there AND NOT a_cell_crashed)",
    ),
    ChangeClass(
        "unknown before",
        "?",
        "void",
        "judged in the candidate; in the baseline the run is incomplete, or the call timed out",
        "b_unknown AND NOT a_unknown AND a_offered AND a_there",
    ),
    ChangeClass(
        "regressed",
        "▼",
        "deviates",
        "its error / bound at least doubled outside the bound of a MUST",
        f"{_KNOWN} AND a_rank = b_rank AND a_rank > 1 AND a_slack > b_slack "
        f"AND a_slack >= {NOTICEABLE} * greatest(b_slack, 1)",
    ),
    ChangeClass(
        "newly non-deterministic",
        "≋",
        "concern",
        "returned the same bits when called twice, and no longer does",
        "asked_twice AND a_verdict = 'concern' AND b_verdict = 'conforms'",
    ),
    ChangeClass(
        "new warning",
        "△",
        "concern",
        "breaks a SHOULD that it fulfilled before, or its error / bound at least doubled outside the bound of one",
        f"{_OFFERED} AND a_verdict = 'concern' AND (b_rank < 1 OR b_rank IS NULL AND b_same_rows < 2) "
        f"OR {_KNOWN} AND a_rank = b_rank AND a_rank = 1 AND a_slack > b_slack "
        f"AND a_slack >= {NOTICEABLE} * greatest(b_slack, 1)",
    ),
    ChangeClass(
        "class changed",
        "◇",
        "known",
        "different accuracy class, treatment of NaN and infinities, or kind of error; or breaks a different MUST",
        f"{_KNOWN} AND (a_verdict = 'deviates' AND b_refuses_all "
        "OR a_rank < b_rank AND a_regime_worst >= 2 OR a_rank = b_rank "
        "AND (a_accuracy_class <> b_accuracy_class OR a_error <> b_error "
        "OR a_worst_at = b_worst_at AND a_kind <> b_kind))",
    ),
    ChangeClass(
        "fixed",
        "✓",
        "conforms",
        "fulfils a MUST that it broke before, and breaks no other one on the same rows",
        f"{_OFFERED} AND a_regime AND b_rank >= 2 AND a_regime_worst < 2",
    ),
    ChangeClass(
        "improved",
        "▲",
        "conforms",
        "fulfils a SHOULD that it broke before, or its error / bound at least halved",
        f"{_KNOWN} AND (a_rank < b_rank OR a_rank = b_rank AND b_rank > 0 AND a_regime_slack <= b_regime_slack "
        f"AND b_slack > a_slack AND b_slack >= {NOTICEABLE} * greatest(a_slack, 1))",
    ),
    ChangeClass(
        "newly supported",
        "+",
        "conforms",
        "is supported and was not before",
        f"{_KNOWN} AND a_there AND a_offered AND NOT b_offered",
    ),
    ChangeClass(
        "unsteady",
        "~",
        "unsupported",
        "differs between runs of the same release, so changes cannot be detected",
        f"unsteady AND {_BOTH} AND {_KNOWN} AND a_digest <> b_digest",
    ),
    ChangeClass(
        "moved within the bound",
        "→",
        "unsupported",
        "different bits and error; within the bound before and after",
        f"{_BOTH} AND {_KNOWN} AND a_digest <> b_digest AND a_slack <= 1 AND b_slack <= 1 "
        "AND (a_slack <> b_slack OR a_ulps IS DISTINCT FROM b_ulps)",
    ),
    ChangeClass(
        "bits changed",
        "≠",
        "unsupported",
        "different bits, same verdict; the worst error changed by less than a factor of two",
        f"{_BOTH} AND {_KNOWN} AND a_digest <> b_digest",
    ),
    ChangeClass(
        "identical",
        "=",
        "unsupported",
        "same bits, same verdict",
        f"{_BOTH} AND {_OFFERED}",
    ),
    ChangeClass(
        "not judged",
        "∅",
        "unsupported",
        "known in neither run: both are incomplete there, or timed out",
        "b_unknown AND a_unknown",
    ),
    ChangeClass(
        "accompanying",
        "·",
        "unsupported",
        "judged in one run only, because another clause of the same rows changed, which is counted",
        "b_offered OR a_offered",
    ),
    ChangeClass(
        "not offered",
        "·",
        "unsupported",
        "supported by neither release",
        "TRUE",
    ),
)
"""Every class, worst first; its position is its rank."""

BY_WORD = {change.word: change for change in CLASSES}
RANK = {change.name: rank for rank, change in enumerate(CLASSES)}

UNCHANGED = frozenset({"identical", "not judged", "accompanying", "not offered"})
"""Classes of judgements that are not shown."""

WORSE = tuple(CLASSES[: RANK["class changed"] + 1])
"""Classes of changes that somebody should look at."""
