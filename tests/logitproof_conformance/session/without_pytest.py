"""The matrix without pytest: every judgement on a cell, in order."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from logitproof_adapters.targets.link import TargetDied
from logitproof_conformance.checks.registry import CHECK_JUDGES
from logitproof_conformance.judging.judging import CellEvaluation, judge_regime, judgement
from logitproof_conformance.plan import training as training_plan
from logitproof_conformance.plan.cases import cases_of
from logitproof_conformance.session.clauses import clauses_of
from logitproof_conformance.session.deaths import crashed, with_deaths
from logitproof_conformance.training.judging import judge_training

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from logitproof_adapters.contract import Adapter
    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.vocabulary.judgement import Judgement


def judge(evaluation: CellEvaluation, case: Case, profile: str) -> Iterator[Judgement]:
    """Judge a case, whatever it is."""
    if case.chapter == "unsupported":
        yield judgement(case, "IO-1", "unsupported", reason=evaluation.adapter.unsupported(case.cell) or "")
    elif case.chapter == training_plan.TEST_MODULE:
        yield from judge_training(evaluation.adapter, case, profile)
    else:
        yield from CHECK_JUDGES.get(case.regime, judge_regime)(evaluation, case)


def judge_regimes(
    evaluation: CellEvaluation, profile: str, widest: int | None = None
) -> Iterator[tuple[Case, Judgement]]:
    """Judge a cell by every regime and check that makes sense for it; none where the adapter does not offer it.

    Regimes of more than `widest` classes are left out.
    """
    wide = {name for batch in evaluation.batches if widest and batch.classes > widest for name in batch.slices}
    for case in cases_of(evaluation.adapter, evaluation.cell, profile):
        if case.chapter != "unsupported" and case.regime not in wide:
            for found in with_deaths(evaluation, case, judge(evaluation, case, profile)):
                yield case, found


def judge_cell(adapter: Adapter, cases: Sequence[Case], profile: str) -> tuple[list[Judgement], bool]:
    """Judge cases of one cell; return the judgements, and whether the rest was given up.

    A case in which the target ends is ``crashed``, and the cases behind it are not asked: they would end it again. A
    case in which the judge fails is ``void``.
    """
    evaluation = CellEvaluation(adapter, cases[0].cell, profile)
    found: list[Judgement] = []
    for case in cases:
        first = next(iter(clauses_of(case)), "")
        try:
            found.extend(judge(evaluation, case, profile))
        except TargetDied as error:
            rest = "; remaining checks of this cell skipped" if case is not cases[-1] else ""
            found.append(crashed(evaluation, case, error, f"{error}{rest}"))
            return found, True
        except Exception as error:  # noqa: BLE001  a fault of ours costs this case and no other
            found.append(judgement(case, first, "void", reason=_fault(error)))
    return found, False


def _fault(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    module = place.filename.rpartition("/")[2]
    return f"Logitproof itself failed on this case: {type(error).__name__}: {error} ({module}, line {place.lineno})"
