"""Losses that are asked of kernels, not in the matrix: fused with the linear layer, or kin of the ops; one row each."""

from __future__ import annotations

from dataclasses import dataclass

LINEAR_CROSS_ENTROPY = "linear_cross_entropy"
ENTROPY, FOCAL = "entropy", "focal_cross_entropy"
DIVERGENCES = ("kl_divergence", "js_divergence")


@dataclass(frozen=True)
class FusedOp:
    """What is true of a fused op.

    Attributes
    ----------
    name, op : str
        Its name, and the op of `ops.OPS` that it ends in; empty where its formulas stand in `oracle.derived_losses`.
    operands : tuple of str
        The roles of the arrays it takes, labels last.
    optional : tuple of str
        Operands that it takes where they are declared, by keyword.
    quantities : tuple of str
        ``value``, and ``grad_`` before the operand that a derivative is by.
    label_kinds : tuple of str
        As in `ops.Op`.
    """

    name: str
    op: str
    operands: tuple[str, ...]
    quantities: tuple[str, ...]
    label_kinds: tuple[str, ...]
    optional: tuple[str, ...] = ()

    def gradients(self, *declared: str) -> tuple[str, ...]:
        """Return the quantities of it, with the gradients by the optional operands that are declared."""
        return (*self.quantities, *(f"grad_{name}" for name in self.optional if name in declared))


HEADS = {
    LINEAR_CROSS_ENTROPY: FusedOp(
        LINEAR_CROSS_ENTROPY,
        "softmax_cross_entropy",
        ("hidden", "weight", "labels"),
        ("value", "grad_hidden", "grad_weight"),
        ("indices",),
        ("bias",),
    ),
    ENTROPY: FusedOp(ENTROPY, "", ("logits",), ("value", "grad_logits"), ("none",)),
    **{
        name: FusedOp(name, "", ("logits", "target"), ("value", "grad_logits", "grad_target"), ("none",))
        for name in DIVERGENCES
    },
    FOCAL: FusedOp(FOCAL, "", ("logits", "labels"), ("value", "grad_logits"), ("indices",)),
}
"""Every one by its name."""
