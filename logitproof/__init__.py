"""Logitproof tells whether a framework's softmax cross-entropy is right, and how far it is from the exact answer.

Everything here is imported at first use, so that ``import logitproof`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from logitproof.kernel_check import check
    from logitproof.kernel_verdict import KernelVerdict
    from logitproof.matrix_run import run
    from logitproof.reporting import report
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
    from logitproof_reports.schema import Run

__all__ = [
    "Enclosure",
    "ExactRows",
    "KernelVerdict",
    "Run",
    "check",
    "grad_labels",
    "grad_logits",
    "hvp",
    "jvp",
    "log_softmax",
    "log_sum_exp",
    "report",
    "run",
    "sigmoid_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
]

_ELSEWHERE = {
    "KernelVerdict": "logitproof.kernel_verdict",
    "check": "logitproof.kernel_check",
    "run": "logitproof.matrix_run",
    "report": "logitproof.reporting",
    "Run": "logitproof_reports.schema",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f'module "logitproof" has no attribute "{name}"; it has {", ".join(__all__)}')
    return getattr(import_module(_ELSEWHERE.get(name, "logitproof_reference")), name)


def __dir__() -> list[str]:
    return __all__
