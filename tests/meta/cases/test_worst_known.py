"""The regime of the worst rows known holds what searches found, and takes a witness only where it exceeds the last."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof.searches.rows import Rows
from logitproof.searches.witness import Witness
from logitproof_reference.cases.regimes.worst_known import COUNT, FORMATS, WORST_KNOWN, known_rows
from logitproof_reference.vocabulary.cells import Cell
from logitproof_reference.vocabulary.formats import FORMATS as ALL_FORMATS
from meta.cases.enter_witness import ORDER, entered, row_of

if TYPE_CHECKING:
    from logitproof_reference.cases.regimes.worst_known import KnownRow

ID = "log_softmax-grad_logits-bfloat16"


def witness(slack: float, *, copies: int = 1, op: str = "log_softmax", classes: int = 10) -> Witness:
    logits = np.arange(classes)[None].astype(ALL_FORMATS["bfloat16"].dtype)
    return Witness(
        "mlx",
        Cell("mlx", "eager", op, "grad_logits", "bfloat16"),
        Rows(logits, None, -logits),
        copies,
        "slack",
        {"slack": slack.hex()},
        {"framework": {"version": "0.1"}},
    )


def test_every_function_has_a_witness_in_every_format() -> None:
    assert list(known_rows()) == ORDER
    assert Counter(one.format for one in known_rows().values()) == dict.fromkeys(FORMATS, COUNT)
    assert WORST_KNOWN.profiles == ("full",)


@pytest.mark.parametrize("known", known_rows().values(), ids=list(known_rows()))
def test_rows_are_the_witnesses_to_the_bit(known: KnownRow) -> None:
    rows = WORST_KNOWN.build(known.format)
    (place,) = [
        i for i, one in enumerate([one for one in ORDER if one.endswith(f"-{known.format}")]) if one == known.id
    ]
    assert rows.logits[place].astype(float).tolist() == [float.fromhex(text) for text in known.logits]
    assert known.index in {None, int(rows.indices[place])}
    if known.cotangent:
        assert rows.class_cotangents[place].astype(float).tolist() == [float.fromhex(text) for text in known.cotangent]


def test_a_witness_is_entered_where_it_exceeds_the_last() -> None:
    last = known_rows()
    least = replace(last[ID], slack=(0.25).hex())
    known = {**last, ID: least}
    assert entered(known, row_of(witness(0.25))) is known
    after = entered(known, row_of(witness(0.5)))
    assert (after[ID].framework, after[ID].slack, after[ID].logits[3]) == ("mlx", (0.5).hex(), (3.0).hex())
    assert after[ID].cotangent[2] == (-2.0).hex()
    assert list(after) == ORDER
    assert {name: one for name, one in after.items() if name != ID} == {
        name: one for name, one in last.items() if name != ID
    }


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (witness(1.0, copies=64), "10 classes, 64 copies"),
        (witness(1.0, classes=3), "3 classes, 1 copies"),
        (witness(1.0, op="sigmoid_cross_entropy"), "no witness of sigmoid_cross_entropy-grad_logits-bfloat16"),
    ],
)
def test_rows_that_the_regime_cannot_hold_are_refused(found: Witness, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        row_of(found)
