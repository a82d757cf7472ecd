"""Optax: every softmax and sigmoid cross-entropy of optax.losses, differentiated by JAX and jitted as JAX is.

The losses return one number per row and take the classes at `axis` (https://optax.readthedocs.io/en/latest/api/losses.html);
safe_softmax_cross_entropy takes them last. poly_loss_cross_entropy has epsilon 0, sigmoid_focal_loss gamma 0: there the
documented formulas are the cross-entropy. ``where`` is not asked: what it leaves out is the caller's, not the clauses'.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from logitproof_adapters.contract import CPU, Description
from logitproof_adapters.frameworks.jax.adapter import JaxAdapter
from logitproof_adapters.frameworks.optax.dialect import documented
from logitproof_adapters.sources.unsupported import not_wrapped
from logitproof_reference.vocabulary.cells import PLAIN, Options

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.cells import Cell

INDICES = ("softmax_cross_entropy", "indices")
DISTRIBUTIONS = ("softmax_cross_entropy", "distributions")
SIGMOID = ("sigmoid_cross_entropy", "distributions")

EXPRESSIONS = {
    (*INDICES, ""): "optax.softmax_cross_entropy_with_integer_labels(x, y{along})",
    (*DISTRIBUTIONS, ""): "optax.softmax_cross_entropy(x, {labels}{along})",
    (*DISTRIBUTIONS, "safe_softmax_cross_entropy"): "optax.safe_softmax_cross_entropy({x}, {y})",
    (*DISTRIBUTIONS, "poly_loss_cross_entropy"): (
        "optax.losses.poly_loss_cross_entropy(x, {labels}, epsilon=0.0{along})"
    ),
    (*SIGMOID, ""): "optax.sigmoid_binary_cross_entropy(x, y)",
    (*SIGMOID, "sigmoid_focal_loss"): "optax.losses.sigmoid_focal_loss(x, y, gamma=0.0)",
}


SPELLED = {
    "indices": "optax.softmax_cross_entropy_with_integer_labels(x, y, axis=({axis}, {last}))",
    "distributions": "optax.softmax_cross_entropy(x, y, axis=({axis}, {last}))",
}
"""Calls with the classes along two axes, by labels: "a label is interpreted as a flat index"."""


class OptaxAdapter(JaxAdapter):
    """Asks Optax, on a device of JAX."""

    name = "optax"
    dialects = documented()
    modes = ("eager", "compiled")
    imports = f"{JaxAdapter.imports}\nimport optax"
    # softmax_cross_entropy is a product of labels and log-probabilities; safe_softmax_cross_entropy says broadcastable.
    broadcast_labels = ("distributions",)
    spellings = MappingProxyType({"softmax_cross_entropy": ("two_class_axes",)})
    entries = {  # noqa: RUF012 - read only
        family: tuple(entry for *words, entry in EXPRESSIONS if tuple(words) == family and entry)
        for family in (INDICES, DISTRIBUTIONS, SIGMOID)
    }

    def __init__(self, device: str = CPU) -> None:
        import optax  # noqa: PLC0415 - an adapter imports its framework here and nowhere else

        super().__init__(device)
        self._namespace["optax"] = optax
        self._optax = optax

    def describe(self) -> Description:
        """Return Optax's version, and JAX's build."""
        jax = super().describe()
        return Description("Optax", self._optax.__version__, {"jax": jax.version, **jax.build})

    def unsupported(self, cell: Cell) -> str | None:
        """Return why Optax has no such cell, or None."""
        smooths = cell.labels == "distributions"
        offered = (PLAIN, Options(label_smoothing=cell.options.label_smoothing)) if smooths else (PLAIN,)
        reasons = {
            f"Optax has losses; {cell.op} is JAX's": (cell.op, cell.labels, "") not in EXPRESSIONS,
            "Optax reduces and weights nothing; smooth_labels is for distributions": cell.options not in offered,
        }
        found = next((reason for reason, applies in reasons.items() if applies), None)
        return not_wrapped(cell, self.modes, self.entries) or found

    def expression(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return the call of the loss."""
        if cell.entry == "two_class_axes":
            return SPELLED[cell.labels].format(axis=axis, last=ndim - 1)
        alpha = cell.options.label_smoothing
        along = "" if axis == ndim - 1 else f", axis={axis}"  # since 0.2.3, and smooth_labels since 0.2.7
        labels = f"optax.smooth_labels(y, {alpha}{along})" if alpha else "y"
        last = {letter: f"jnp.moveaxis({given}, {axis}, -1)" for letter, given in (("x", "x"), ("y", labels))}
        return EXPRESSIONS[cell.op, cell.labels, cell.entry].format(along=along, labels=labels, **last)
