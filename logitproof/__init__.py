"""Logitproof tells whether a framework's softmax cross-entropy is right, and how far it is from the exact answer.

Everything here is imported at first use, so that ``import logitproof`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from logitproof.kernels.check import check
    from logitproof.kernels.expect import Expected, Tolerance, assert_within_bound, expect, tolerances
    from logitproof.kernels.findings.verdict import KernelVerdict
    from logitproof.kernels.grade import Grade, Task, grade
    from logitproof.matrix.run import run
    from logitproof.readers.reporting import report
    from logitproof_reference import (
        Enclosure,
        ExactRows,
        grad_labels,
        grad_logits,
        hvp,
        jvp,
        log_softmax,
        log_sum_exp,
        sigmoid_cross_entropy,
        softmax,
        softmax_cross_entropy,
    )
    from logitproof_reports.runs.schema import Run

__all__ = [
    "Enclosure",
    "ExactRows",
    "Expected",
    "Grade",
    "KernelVerdict",
    "Run",
    "Task",
    "Tolerance",
    "assert_within_bound",
    "check",
    "expect",
    "grad_labels",
    "grad_logits",
    "grade",
    "hvp",
    "jvp",
    "log_softmax",
    "log_sum_exp",
    "report",
    "run",
    "sigmoid_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
    "tolerances",
]

_ELSEWHERE = {
    "KernelVerdict": "logitproof.kernels.findings.verdict",
    "check": "logitproof.kernels.check",
    **dict.fromkeys(
        ("Expected", "Tolerance", "assert_within_bound", "expect", "tolerances"), "logitproof.kernels.expect"
    ),
    **dict.fromkeys(("Grade", "Task", "grade"), "logitproof.kernels.grade"),
    "run": "logitproof.matrix.run",
    "report": "logitproof.readers.reporting",
    "Run": "logitproof_reports.runs.schema",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f'module "logitproof" has no attribute "{name}"; it has {", ".join(__all__)}')
    return getattr(import_module(_ELSEWHERE.get(name, "logitproof_reference")), name)


def __dir__() -> list[str]:
    return __all__
