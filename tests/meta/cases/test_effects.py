"""What a deviation does is inferred from the record of its judgement, and from nothing else."""

from __future__ import annotations

import pytest

from logitproof_reference.vocabulary.severity import EFFECTS, severity_of

ABOUT_ONE = "0x1.0000000000000p+0 + 0x1.0p-60"
LARGER_THAN_A_DOUBLE = "-0x1.8p+1024"


@pytest.mark.parametrize(
    ("exact", "observed", "effect"),
    [
        (ABOUT_ONE, "0x1.8p+0", "silent"),
        (ABOUT_ONE, "-0x1.0p+0", "silent"),
        (ABOUT_ONE, "0x0.0p+0", "silent"),
        ("0x0.0p+0", "0x1.0p-200", "silent"),
        ("nan", "0x1.0p+0", "silent"),
        ("-inf", "-0x1.0p+6", "silent"),
        (LARGER_THAN_A_DOUBLE, "-0x1.0p+6", "silent"),
        (ABOUT_ONE, "nan", "not-finite"),
        (ABOUT_ONE, "inf", "not-finite"),
        ("inf", "nan", "not-finite"),
        (ABOUT_ONE, "0x1.01p+0", "inaccurate"),
    ],
)
def test_numbers_tell_their_effect(exact: str, observed: str, effect: str) -> None:
    assert severity_of({"verdict": "deviates", "clause": "VAL-1", "exact": exact, "observed": observed}) == effect


@pytest.mark.parametrize(
    ("verdict", "clause", "effect"),
    [
        ("crashed", "VAL-1", "no-answer"),
        ("deviates", "ERR-1", "silent"),
        ("deviates", "IO-1", "form"),
        ("deviates", "IO-2", "silent"),
        ("deviates", "IO-3", "no-answer"),
        ("deviates", "MOD-3", "no-answer"),
        ("concern", "MOD-4", "not-finite"),
    ],
)
def test_where_no_numbers_are_compared_the_clause_tells_the_effect(verdict: str, clause: str, effect: str) -> None:
    assert severity_of({"verdict": verdict, "clause": clause, "exact": "", "observed": ""}) == effect
    assert effect in EFFECTS
