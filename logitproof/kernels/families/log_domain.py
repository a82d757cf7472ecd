"""A log-sum-exp that adds in the log domain, by repeated logaddexp: correct, with its own error bound (B10)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from logitproof.kernels.judging.asking import Asker
from logitproof.kernels.judging.declared_arithmetic import Declaring
from logitproof_reference.bounds.assumptions import MUST

if TYPE_CHECKING:
    from logitproof.kernels.findings.findings import Finding
    from logitproof.kernels.findings.verdict import KernelVerdict
    from logitproof.kernels.judging.truth import Question
    from logitproof_adapters.contract import Adapter
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.vocabulary.judgement import Judgement


def in_the_log_domain(question: Question) -> Arithmetic:
    """Return the arithmetic of a question with sums in the log domain."""
    return replace(question.arithmetic or MUST, log_domain=True)


def may_add_in_the_log_domain(adapter: Adapter, question: Question, verdict: KernelVerdict) -> bool:
    """Return whether the smallest inputs that fail keep bound B10: cheaper than to ask everything again in vain.

    Nor does a wider bound excuse an infinity or a NaN in the place of a number, or the reverse.
    """
    if question.op != "log_sum_exp" or not verdict.elements or (question.arithmetic or MUST).log_domain:
        return False
    if any(_is_past_any_bound(one) for one in verdict.judgements if not one.expected):
        return False
    arithmetic = in_the_log_domain(question)
    granting: Any = Declaring(adapter, arithmetic)
    asker = Asker(granting, replace(question, arithmetic=arithmetic))
    return all(_is_kept(asker, one.finding) for one in verdict.shown)


def _is_past_any_bound(broken: Judgement) -> bool:
    """Whether the worst answer of a broken clause, or what is exact there, is no finite number."""
    leading = (number.partition(" ")[0] for number in (broken.exact, broken.observed))  # a tail may stand behind it
    return not all(math.isfinite(float.fromhex(number)) for number in leading if number)


def _is_kept(asker: Asker, finding: Finding) -> bool:
    if finding.failure or finding.way:
        return False
    _, compared = asker.compare(finding.quantity, finding.rows, finding.placement)
    return finding.is_huge or (compared is not None and not compared.wrong.any())


def log_domain_note(shifted: KernelVerdict) -> str:
    """Describe what such a sum loses, from the verdict on it as a shifted sum."""
    worst = max((one for one in shifted.judgements if not one.expected), key=lambda one: one.slack)
    return (
        "it conforms to the bound of a sum in the log domain, each step of which rounds the whole sum, as repeated "
        f"logaddexp does: up to {worst.nats:.3g} nats off ({worst.format} {worst.regime}), {worst.slack:.3g} times the "
        "bound of a shifted sum"
    )
