"""Which failures of the matrix count against a kernel only if its author declares the behaviour."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof.kernels.judging.examination import OF_WIDTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from logitproof_adapters.kernels.declaration import Declaration
    from logitproof_reference.vocabulary.judgement import Judgement

HUGE_REGIMES = frozenset({"max_finite", "max_finite_pair", "masked_by_lowest"})
"""Regimes whose logits lie past a quarter of the largest number of the format."""

OF_BITS = frozenset({"ROW-1", "ROW-2", "IO-6"})
"""Clauses that compare the bits of two answers."""

REFUSALS = "the handling of labels out of range is not declared: pass --refuses error to have it judged"
UNFIT = "the handling of mismatched shapes and formats cannot be declared: --refuses is only about labels out of range"
EMPTY = "whether an empty batch is supported is not declared: pass --empty supported to have it judged"
UNSTEADY = "two equal calls differ: changed bits do not show row dependence"
NARROWER = "only logits beyond a quarter of the largest number are affected: a narrower domain"


LOG_DOMAIN = "laws are judged by the bound of a shifted sum, and this sum is in the log domain"


def lenient(
    judgements: Iterable[Judgement],
    declaration: Declaration,
    *,
    is_steady: bool,
    is_refused: Callable[[str], bool],
    log_domain: bool = False,
) -> Iterator[Judgement]:
    """Yield judgements; what is wrong by nobody's word, or by no clause, is no deviation.

    `is_refused` tells of an error whether it is that of a width that the kernel refuses.
    """
    for found in judgements:
        if found.verdict not in {"deviates", "crashed"}:
            yield found
            continue
        if found.verdict == "crashed" and is_refused(found.reason):
            yield replace(found, verdict="unsupported", reason=f"{OF_WIDTH}; {found.reason}")
            continue
        reason, verdict = _excuse(found, declaration, is_steady=is_steady, log_domain=log_domain)
        yield replace(found, verdict=verdict, reason=f"{reason}; {found.reason}") if reason else found


def _excuse(found: Judgement, declaration: Declaration, *, is_steady: bool, log_domain: bool) -> tuple[str, str]:
    """Return why a deviation is none, and what it is instead; two empty texts where it is one."""
    excuses = {
        (REFUSALS, "unsupported"): found.clause == "ERR-1" and declaration.refuses != "error",
        (UNFIT, "unsupported"): found.clause.startswith("ERR") and found.clause != "ERR-1",
        (EMPTY, "unsupported"): found.clause == "IO-3" and declaration.empty != "supported",
        (UNSTEADY, "unsupported"): found.clause in OF_BITS and not is_steady,
        (LOG_DOMAIN, "concern"): log_domain and found.clause.startswith("LAW") and found.verdict == "deviates",
        (NARROWER, "concern"): found.regime in HUGE_REGIMES
        and found.format != "float16"
        and found.verdict == "deviates",
    }
    return next((excuse for excuse, applies in excuses.items() if applies), ("", ""))
