"""Derivatives that a framework does not take of a function with a backward pass of its own: noted once, not asked.

PyTorch takes forward-mode derivatives, which `jvp` and `hvp` ask for, of an autograd.Function alone that has
setup_context and jvp (https://pytorch.org/docs/main/notes/extending.func.html); JAX none of a function with
jax.custom_vjp (https://docs.jax.dev/en/latest/notebooks/Custom_derivative_rules_for_Python_code.html).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from logitproof.kernels.judging.examination import plain_reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from logitproof.kernels.judging.asking import Asker
    from logitproof.kernels.judging.examination import Examination

OF_FRAMEWORKS = re.compile(
    r"must override the setup_context staticmethod|must implement the jvp function for custom autograd\.Function"
    r"|can't apply forward-mode autodiff|marked with @once_differentiable"
)
"""What PyTorch and JAX raise then."""


def offered(asker: Asker, format_: str, quantities: Sequence[str], found: Examination) -> Iterator[str]:
    """Yield the quantities that the framework differentiates the kernel for; note once why not each other one."""
    for quantity in quantities:
        failure = "" if quantity == "value" else plain_reply(asker, quantity, format_, 3).failure
        if OF_FRAMEWORKS.search(failure):
            found.note(f"{quantity} is not offered: {failure.partition('. ')[0].rstrip('.')}; not asked")
        else:
            yield quantity
