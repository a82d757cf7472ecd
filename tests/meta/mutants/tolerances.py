"""Fixed tolerances that other suites use for these functions, applied to our rows against our exact answers.

An element passes where |observed - exact| <= absolute + relative |exact|, where both are the same infinity, or where
both are NaN. The exact answer is rounded to the format: a better reference than those suites have. A call that raises
or gives another shape passes none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_conformance.judging.judging import CellEvaluation
    from logitproof_reference.cases.catalogue import Batch

    Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Tolerance:
    """One suite's tolerance.

    Attributes
    ----------
    relative, absolute : dict of str to float
        By format.
    source : str
        Where it is set.
    """

    relative: dict[str, float]
    absolute: dict[str, float]
    source: str


TOLERANCES = {
    "array-api-tests": Tolerance(
        dict.fromkeys(FORMATS, 0.25),
        dict.fromkeys(FORMATS, 1.0),
        "https://github.com/data-apis/array-api-tests/blob/master/array_api_tests/pytest_helpers.py",
    ),
    "ONNX backend tests": Tolerance(
        dict.fromkeys(FORMATS, 1e-3),
        dict.fromkeys(FORMATS, 1e-7),
        "https://github.com/onnx/onnx/blob/main/onnx/backend/test/case/node/__init__.py",
    ),
    "torch.testing.assert_close": Tolerance(
        {"float16": 1e-3, "bfloat16": 1.6e-2, "float32": 1.3e-6, "float64": 1e-7},
        {"float16": 1e-5, "bfloat16": 1e-5, "float32": 1e-5, "float64": 1e-7},
        "https://docs.pytorch.org/docs/stable/testing.html",
    ),
}
"""The tolerances by name."""


def failing(tolerance: Tolerance, evaluation: CellEvaluation, batch: Batch) -> Mask:
    """Tell the elements of a batch's answer that fail; one True where the call raised or the shape is wrong."""
    if evaluation.answer(batch).observed is None:
        return np.ones(1, dtype=bool)
    seen, format_ = evaluation.seen(batch), evaluation.cell.format
    passes = np.isclose(
        seen.observed.astype(np.float64),
        seen.due,
        rtol=tolerance.relative[format_],
        atol=tolerance.absolute[format_],
        equal_nan=True,
    )
    return np.asarray(~passes)


def objecting_tolerances(evaluation: CellEvaluation, control: CellEvaluation) -> set[str]:
    """Return the tolerances that fail elements which the control passes; the others are false alarms."""
    return {
        name
        for name, tolerance in TOLERANCES.items()
        for batch in evaluation.batches
        if (failing(tolerance, evaluation, batch) & ~failing(tolerance, control, batch)).any()
    }


def false_alarms(control: CellEvaluation) -> set[str]:
    """Return the tolerances that fail elements of a correct answer."""
    return {
        name
        for name, tolerance in TOLERANCES.items()
        if any(failing(tolerance, control, batch).any() for batch in control.batches)
    }
