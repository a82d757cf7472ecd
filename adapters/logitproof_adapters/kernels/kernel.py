"""A user-defined function that claims to compute an op, and what its author declares about it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_adapters.kernels.declaration import Declaration
from logitproof_reference.vocabulary.heads import BINARY, FOCAL, HEADS, LINEAR_CROSS_ENTROPY, OF_PROBABILITIES
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from logitproof_reference.bounds.assumptions import Arithmetic

NUMPY = "numpy"
EAGER = "eager"
ONLY_OF = {
    **dict.fromkeys(("bias", "shift", "ranks", "factors", "learned", "divides"), (LINEAR_CROSS_ENTROPY,)),
    "gamma": (FOCAL,),
    "normalized": OF_PROBABILITIES,
    **dict.fromkeys(("clip", "log_floor"), (*OF_PROBABILITIES, *BINARY)),
}
"""What may be declared of some ops alone."""


@dataclass(frozen=True)
class Kernel:
    """A function that claims to compute an op, and what its author declares of it.

    Attributes
    ----------
    function : callable
        Takes logits of shape (rows, classes), then the labels if the op has any; returns the op's value, one number a
        row for log-sum-exp and the losses. Arrays of NumPy, or tensors of `framework`.
    op : str
        One of `logitproof_reference.vocabulary.ops.OPS`, or of `vocabulary.heads.HEADS`.
    labels : str
        ``indices``, ``distributions`` or ``none``; empty for the usual ones of the op.
    framework : str
        Name of the adapter whose tensors the function takes, and which differentiates it.
    gradient : callable or None
        For NumPy, which differentiates nothing: takes what `function` takes and then the upstream gradient, shaped
        like the value; returns the vector-Jacobian product, shaped like the logits.
    backward : callable or None
        In the place of `gradient`: `function` returns its value and then what it saves; this takes what was saved,
        then the upstream gradient. It is also handed saved arrays with other strides, and those of a pass before the
        last.
    mode : str
        ``eager``, or another mode of the framework's adapter: ``compiled`` by it, ``vmap`` of a function of one row.
    arithmetic : Arithmetic or None
        The declared precision, by which the bound is computed; None for none.
    declaration : Declaration
        What else is declared.
    asked : tuple of str
        The quantities that a framework differentiates it for; empty for ``value`` and ``grad_logits``.
    forbidden : tuple of str
        Functions that it must not call, e.g. ``torch.softmax``; see `forbidden_calls`.

    Raises
    ------
    ValueError
        A name is not known, or things do not go together.
    """

    function: Callable[..., Any]
    op: str
    labels: str = ""
    framework: str = NUMPY
    gradient: Callable[..., Any] | None = None
    arithmetic: Arithmetic | None = None
    declaration: Declaration = field(default_factory=Declaration)
    asked: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    backward: Callable[..., Any] | None = None
    mode: str = EAGER

    def __post_init__(self) -> None:
        asked_of = HEADS.get(self.op) or OPS.get(self.op)
        if asked_of is None:
            raise ValueError(f'op "{self.op}" is not known; known: {", ".join([*OPS, *HEADS])}')
        kinds = asked_of.label_kinds
        object.__setattr__(self, "labels", self.labels or kinds[0])
        if self.labels not in kinds:
            raise ValueError(f'labels "{self.labels}" do not go with {self.op}; it takes {" or ".join(kinds)}')
        if self.backward is not None and (self.gradient is not None or self.op in HEADS):
            raise ValueError("backward stands in the place of a gradient, and a fused head has a gradient alone")
        if self.mode != EAGER and (self.framework == NUMPY or self.op in HEADS):
            raise ValueError(f'mode "{self.mode}" is for functions of logits as tensors of a framework')
        if self.gradient is not None and self.framework != NUMPY:
            raise ValueError(f"gradient is for functions of NumPy arrays: {self.framework} differentiates by itself")
        if self.framework != NUMPY and self.framework not in FRAMEWORKS:
            raise ValueError(f'framework "{self.framework}" is not known; known: {", ".join(FRAMEWORKS)}')
        if self.declaration.where and self.op in HEADS:
            raise ValueError(f"where is for functions of logits, not for {self.op}")
        if only := [name for name, ops in ONLY_OF.items() if name in self.declaration.declared and self.op not in ops]:
            raise ValueError(f"{only[0]} is declared of {' or '.join(ONLY_OF[only[0]])}, not of {self.op}")
        head = HEADS.get(self.op)
        known = (
            (*head.gradients(*self.declaration.differentiated), *head.second) if head else tuple(OPS[self.op].formulas)
        )
        if unknown := [one for one in self.asked if one not in known]:
            raise ValueError(f'quantity "{unknown[0]}" is not one of {self.op}; it has {", ".join(known)}')

    @property
    def name(self) -> str:
        """The function's name as an adapter's: ``[a-z][a-z0-9_]*``."""
        found = getattr(self.function, "__name__", type(self.function).__name__)
        plain = re.sub(r"[^a-z0-9_]+", "_", found.lower()).strip("_")
        return plain if re.match("[a-z]", plain) else f"kernel_{plain}".rstrip("_")

    @property
    def quantities(self) -> tuple[str, ...]:
        """The quantities that it offers."""
        differentiable = self.framework != NUMPY or self.gradient is not None or self.backward is not None
        head = HEADS.get(self.op)
        second = head.second if head and self.framework != NUMPY else ()
        of_op = (*head.gradients(*self.declaration.differentiated), *second) if head else ("value", "grad_logits")
        return self.asked or (of_op if differentiable else ("value",))
