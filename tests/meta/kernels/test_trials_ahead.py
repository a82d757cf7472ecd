"""What is computed ahead of a kernel: the same judgements, and nothing where no trial is asked any more."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from logitproof.kernels.judging import asking
from logitproof.kernels.judging.asking import Asker
from logitproof.kernels.judging.examination import AHEAD, Examination, Plan, examine
from logitproof.kernels.judging.truth import Question, truth_of
from logitproof_adapters.kernels.adapter import adapter_of
from logitproof_adapters.kernels.kernel import Kernel
from meta.kernels.corpus import softmax

if TYPE_CHECKING:
    from logitproof.kernels.judging.truth import Truth


def examined(*, is_beside: bool, **planned: Any) -> Examination:
    """Return what is found of a softmax, once all that was handed to the thread beside it is done."""
    kernel = Kernel(softmax, "softmax")
    asker = Asker(adapter_of(kernel), Question("softmax", "none", "value", kernel.declaration), is_beside=is_beside)
    found = examine(asker, Plan(("float32",), ("value",), widest=33, **planned))
    if asker.beside is not None:
        asker.beside.shutdown()
    return found


def test_the_judgements_are_the_same() -> None:
    ahead, plain = (examined(is_beside=is_beside) for is_beside in (True, False))
    assert len(plain.judgements) > AHEAD
    assert [asdict(one) for one in ahead.judgements] == [asdict(one) for one in plain.judgements]


@pytest.mark.parametrize("is_beside", [True, False])
def test_nothing_is_computed_for_trials_that_time_leaves_out(
    monkeypatch: pytest.MonkeyPatch, *, is_beside: bool
) -> None:
    computed: list[Question] = []

    def counted(question: Question, *rows: Any) -> Truth:
        computed.append(question)
        return truth_of(question, *rows)

    monkeypatch.setattr(asking, "truth_of", counted)
    found = examined(is_beside=is_beside, seconds=-1.0)
    assert found.left_out > AHEAD
    assert not found.judgements
    assert not computed
