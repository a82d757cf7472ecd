"""Losses and functions judged only as kernels, not in the matrix: one row each, with their clauses."""

from __future__ import annotations

from dataclasses import dataclass

LINEAR_CROSS_ENTROPY = "linear_cross_entropy"
ENTROPY, FOCAL = "entropy", "focal_cross_entropy"
DIVERGENCES = ("kl_divergence", "js_divergence")
BERNOULLI = ("bernoulli_entropy", "bernoulli_kl_divergence")
RELAXED = ("relaxed_bernoulli", "relaxed_categorical")
OF_ELEMENTS = frozenset((*BERNOULLI, RELAXED[0]))
"""Functions of KIN whose value has one number per element."""

OF_PROBABILITIES = ("probability_cross_entropy", "probability_entropy", "probability_kl_divergence")
BINARY = ("binary_cross_entropy", "binary_entropy", "binary_kl_divergence")
"""Of probabilities of one of two outcomes: one number an element."""

OF_ONE, OF_GROUPS = ("softplus", "log_sigmoid", "cumulative_log_sum_exp"), ("grouped_log_sum_exp", "grouped_softmax")
OF_TWO = "logaddexp"


@dataclass(frozen=True)
class FusedOp:
    """The properties of a fused op.

    Attributes
    ----------
    name, op : str
        Its name, and the op of `ops.OPS` that it ends in; empty if it ends in none.
    operands : tuple of str
        The roles of the arrays it takes, labels last.
    optional : tuple of str
        Operands that it takes where they are declared, by keyword.
    quantities : tuple of str
        ``value``, and ``grad_`` before the operand that a derivative is by.
    label_kinds : tuple of str
        As in `ops.Op`.
    family : str
        That of the clauses that judge it.
    second : tuple of str
        Quantities that a framework alone is asked: ``hvp_`` before the operand that a gradient is differentiated by.
    """

    name: str
    op: str
    operands: tuple[str, ...]
    quantities: tuple[str, ...]
    label_kinds: tuple[str, ...]
    optional: tuple[str, ...] = ()
    family: str = "KIN"
    second: tuple[str, ...] = ()

    def gradients(self, *declared: str) -> tuple[str, ...]:
        """Return the quantities of it, with the gradients with respect to the optional operands that are declared."""
        return (*self.quantities, *(f"grad_{name}" for name in self.optional if name in declared))


def _of(family: str, name: str, *operands: str, labels: tuple[str, ...] = ("none",)) -> FusedOp:
    """Return an op with a gradient with respect to each operand but the labels."""
    quantities = ("value", *(f"grad_{operand}" for operand in operands))
    given = operands if labels == ("none",) else (*operands, "labels")
    second = tuple(f"hvp_{operand}" for operand in operands) if family == "FUN" else ()
    return FusedOp(name, "", given, quantities, labels, family=family, second=second)


HEADS = {
    LINEAR_CROSS_ENTROPY: FusedOp(
        LINEAR_CROSS_ENTROPY,
        "softmax_cross_entropy",
        ("hidden", "weight", "labels"),
        ("value", "grad_hidden", "grad_weight"),
        ("indices",),
        ("bias", "factors"),
        "LIN",
    ),
    **{
        row.name: row
        for row in (
            _of("KIN", ENTROPY, "logits"),
            *(_of("KIN", name, "logits", "target") for name in DIVERGENCES),
            _of("KIN", FOCAL, "logits", labels=("indices",)),
            _of("KIN", BERNOULLI[0], "logits"),
            _of("KIN", BERNOULLI[1], "logits", "target"),
            *(_of("KIN", name, "logits", "sample") for name in RELAXED),
            _of("PRB", OF_PROBABILITIES[0], "probabilities", labels=("indices", "distributions")),
            _of("PRB", BINARY[0], "probabilities", labels=("distributions", "indices")),
            _of("PRB", BINARY[1], "probabilities"),
            _of("PRB", BINARY[2], "probabilities", "target"),
            _of("PRB", OF_PROBABILITIES[1], "probabilities"),
            _of("PRB", OF_PROBABILITIES[2], "probabilities", "target"),
            *(_of("FUN", name, "logits") for name in OF_ONE),
            _of("FUN", OF_TWO, "logits", "other"),
            *(_of("FUN", name, "logits", labels=("indices",)) for name in OF_GROUPS),
        )
    },
}
"""Every one by its name."""
