"""A loss head that is differentiated twice: what a framework makes of it, in a note, for nobody declares it.

Heads whose forward pass computes the gradient hand a constant on: with ``create_graph``, a penalty of the gradient is
then without them, or an error. The second derivative is compared with a central difference of exact gradients.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from logitproof.kernels.cases.head_cases import Case
from logitproof_reference.cases.hashed_numbers import integers, normals

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof.kernels.causes.head_faults import Setting

    Array = NDArray[Any]

ROWS, WIDTH, CLASSES = 6, 8, 12
STEP = 2.0**-12
NEAR = 1e-2
"""Relative to the largest number; the difference itself is off by some 1e-6."""

CONSTANT = ("does not require grad", "have been used in the graph")
"""What PyTorch says of a gradient that is a constant."""


class Asked(NamedTuple):
    """How a head is asked: the answer along a direction, and what a case is."""

    answer: Callable[[str, Case, Array], Array]
    setting: Callable[[Case], Setting]
    dtype: Any
    has_bias: bool


def note_of(asked: Asked) -> str:
    """Return what is odd about the second derivative by the hidden states; empty if nothing is, or an error says so."""
    hidden, weight, bias = (
        normals(f"differentiated twice {name}", shape).astype(asked.dtype)
        for name, shape in (("hidden", (ROWS, WIDTH)), ("weight", (CLASSES, WIDTH)), ("bias", (CLASSES,)))
    )
    labels = integers("differentiated twice labels", (ROWS,), CLASSES)
    case = Case("differentiated twice", hidden * asked.dtype.type(0.5), weight, labels, bias=bias)
    operands = case.given(has_bias=asked.has_bias)
    along = {name: normals(f"differentiated twice along {name}", one.shape) for name, one in operands.items()}
    try:
        observed = asked.answer("hvp_hidden", case, np.concatenate([one.ravel() for one in along.values()]))
    except Exception as error:  # noqa: BLE001 - whatever a kernel raises is a result
        if any(words in str(error) for words in CONSTANT):
            return "its gradient is a constant to autograd: a second derivative (create_graph) is without it"
        return ""
    setting = asked.setting(case)
    exact = np.zeros(hidden.shape)
    for sign in (1.0, -1.0):
        moved = {name: one.astype(np.float64) + sign * STEP * along[name] for name, one in operands.items()}
        head = replace(setting, operands=moved).head
        exact += sign * head.exact("grad_hidden", setting.cotangent).value / (2.0 * STEP)
    far = np.abs(observed.astype(np.float64).reshape(exact.shape) - exact)
    if (far <= NEAR * np.abs(exact).max()).all():
        return ""
    at = np.unravel_index(int(np.argmax(np.where(np.isnan(far), np.inf, far))), far.shape)
    said = f"{float(observed.reshape(exact.shape)[at]):.4g}, exactly {exact[at]:.4g}"
    return f"its second derivative (create_graph) is another: {said}; nothing is declared of it"
