"""The ops and their quantities: one row each, with its properties and the names of the functions that compute it.

A new op is a row here, its formulas in the modules that `Formulas` lists, its clause and its regimes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class Quantity:
    """The value of an op, or a derivative of it by one of its operands.

    Attributes
    ----------
    name : str
    operand : str
        The operand that the derivative is by, by its role; empty for the value.
    takes_cotangent : bool
        Whether it takes an upstream gradient, shaped like the value; the answer is then shaped like the operand.
    takes_tangent : bool
        Whether it takes a direction of the operand, shaped like it.
    """

    name: str
    operand: str = ""
    takes_cotangent: bool = False
    takes_tangent: bool = False


SECOND_GRADIENT = "second_grad_logits"
"""A quantity that one check alone asks: what a second backward pass through the graph of one forward pass gives."""

MIXED_DERIVATIVE = "mixed_derivative"
"""The quantity of one check alone: the derivative of tangent times grad_logits with respect to the labels."""

QUANTITIES = {
    quantity.name: quantity
    for quantity in (
        Quantity("value"),
        Quantity("grad_logits", "logits", takes_cotangent=True),
        Quantity("grad_labels", "labels", takes_cotangent=True),
        Quantity("jvp", "logits", takes_tangent=True),
        Quantity("hvp", "logits", takes_cotangent=True, takes_tangent=True),
    )
}
"""Every quantity of an op; a further operand has a gradient of its own here."""

TAKES_COTANGENT = frozenset(
    {name for name, one in QUANTITIES.items() if one.takes_cotangent} | {SECOND_GRADIENT, MIXED_DERIVATIVE}
)
TAKES_TANGENT = frozenset({name for name, one in QUANTITIES.items() if one.takes_tangent} | {MIXED_DERIVATIVE})


@dataclass(frozen=True)
class Formulas:
    """The functions that compute one quantity of an op, each by its name in its module.

    Attributes
    ----------
    closed_form : str
        In `oracle.closed_forms`; of an elementwise op, in `oracle.sigmoid`.
    closed_form_at_index : str
        The same for labels that are class indices, where it is another.
    definition : str
        In `oracle.definitions`; of an elementwise op, a method of `SigmoidElement` there.
    infinities : str
        In `oracle.infinite_logits` (`oracle.sigmoid`); empty where an infinite logit leaves the answer finite.
    bound : str
        In `bounds.table`.
    moved : str
        In `bounds.producers`: what the roundings of a producer add; empty if nothing is asked behind one.
    control : str
        In the adapters' `control.softmax`, of an elementwise op in `control.sigmoid`; empty if there is none.
    accuracy : tuple of pairs of str
        Questions of `judging.accuracy_classes`, each with its function there.
    """

    closed_form: str
    definition: str
    bound: str
    closed_form_at_index: str = ""
    infinities: str = ""
    moved: str = ""
    control: str = ""
    accuracy: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Op:
    """The properties of an op.

    Attributes
    ----------
    name : str
    formulas : mapping
        Its quantities, in the order in which they are asked, and what computes each.
    operands : tuple of str
        The roles of the arrays it takes: ``logits``, ``labels``.
    label_kinds : tuple of str
        ``indices``, ``distributions``, the usual kind first; ``none`` where it takes no labels.
    options : tuple of str
        The attributes of `LossOptions` that it takes.
    keeps_classes : bool
        Whether its value holds one number per class, not one per row.
    elementwise : bool
        Whether it takes each logit by itself: no class axis, no softmax of a row.
    shift_slope : float
        What a common shift of a row's logits by 1 adds to its value; its gradient sums to this many cotangents.
    offers_hvp : bool
        Whether a second derivative is asked of frameworks: where the value of a row is one number, or a sum of such.
    laws : frozenset of str
        The checks of laws that hold for it.
    row_sums : mapping
        Labels and quantities whose answers have a known sum over each row, and the clause that says so.
    """

    name: str
    formulas: Mapping[str, Formulas]
    operands: tuple[str, ...] = ("logits",)
    label_kinds: tuple[str, ...] = ("none",)
    options: tuple[str, ...] = ()
    keeps_classes: bool = False
    elementwise: bool = False
    shift_slope: float = 0.0
    offers_hvp: bool = True
    laws: frozenset[str] = frozenset()
    row_sums: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def takes_labels(self) -> bool:
        """Whether labels are among its operands."""
        return "labels" in self.operands

    def has_class_axis(self, quantity: str) -> bool:
        """Whether the answer holds one number per class: shaped like the value, or like the operand of a gradient."""
        return self.keeps_classes or quantity in TAKES_COTANGENT

    def offers(self, labels: str, quantity: str) -> bool:
        """Whether it has a quantity for labels of a kind: class indices have no gradient."""
        is_gradient_of_indices = labels == "indices" and QUANTITIES[quantity].operand == "labels"
        return labels in self.label_kinds and quantity in self.formulas and not is_gradient_of_indices

    def questions(self) -> Iterator[tuple[str, str, str]]:
        """Yield what frameworks are asked: this op, kind of labels, quantity."""
        for labels in self.label_kinds:
            for quantity in self.formulas:
                if self.offers(labels, quantity) and (quantity != "hvp" or self.offers_hvp):
                    yield self.name, labels, quantity


_OF_ROWS = frozenset({"shifted_rows", "permuted_classes"})

_SOFTMAX = Op(
    "softmax",
    {
        "value": Formulas(
            "softmax",
            "softmax",
            "softmax",
            moved="softmax",
            control="softmax",
            accuracy=(("division", "sums_to_one"), ("accumulation", "wide_accumulation")),
        ),
        "grad_logits": Formulas(
            "softmax_vjp", "softmax_vjp", "softmax_vjp", moved="softmax_vjp", control="grad_softmax"
        ),
        "jvp": Formulas("softmax_jvp", "softmax_jvp", "softmax_jvp", control="grad_softmax"),
        "hvp": Formulas("softmax_hvp", "softmax_hvp", "softmax_hvp"),
    },
    keeps_classes=True,
    offers_hvp=False,
    laws=_OF_ROWS | {"order_of_logits"},
    row_sums={("none", "value"): "LAW-1"},
)

_LOG_SOFTMAX = Op(
    "log_softmax",
    {
        "value": Formulas(
            "log_softmax",
            "log_softmax",
            "log_softmax",
            infinities="log_softmax",
            moved="log_softmax",
            control="log_softmax",
            accuracy=(("offset", "shift_invariant_value"),),
        ),
        "grad_logits": Formulas(
            "log_softmax_vjp", "log_softmax_vjp", "log_softmax_vjp", moved="log_softmax_vjp", control="grad_log_softmax"
        ),
        "jvp": Formulas("log_softmax_jvp", "log_softmax_jvp", "log_softmax_jvp", control="jvp_log_softmax"),
        "hvp": Formulas("log_softmax_hvp", "log_softmax_hvp", "log_softmax_hvp"),
    },
    keeps_classes=True,
    offers_hvp=False,
    laws=_OF_ROWS | {"order_of_logits"},
)

_LOG_SUM_EXP = Op(
    "log_sum_exp",
    {
        "value": Formulas("log_sum_exp", "log_sum_exp", "log_sum_exp", moved="log_sum_exp", control="log_sum_exp"),
        "grad_logits": Formulas(
            "log_sum_exp_vjp",
            "log_sum_exp_vjp",
            "log_sum_exp_vjp",
            moved="log_sum_exp_vjp",
            control="grad_log_sum_exp",
            accuracy=(("offset", "shift_invariant_gradient"),),
        ),
        "jvp": Formulas("log_sum_exp_jvp", "log_sum_exp_jvp", "log_sum_exp_jvp", control="jvp_log_sum_exp"),
        "hvp": Formulas("log_sum_exp_hvp", "log_sum_exp_hvp", "log_sum_exp_hvp", control="hvp_log_sum_exp"),
    },
    shift_slope=1.0,
    laws=_OF_ROWS,
    row_sums={("none", "grad_logits"): "LAW-2"},
)

_SOFTMAX_CROSS_ENTROPY = Op(
    "softmax_cross_entropy",
    {
        "value": Formulas(
            "cross_entropy",
            "cross_entropy",
            "cross_entropy",
            closed_form_at_index="cross_entropy_at",
            infinities="cross_entropy",
            moved="cross_entropy",
            control="cross_entropy",
            accuracy=(("saturation", "relative_at_saturation"), ("offset", "shift_invariant_value")),
        ),
        "grad_logits": Formulas(
            "cross_entropy_vjp",
            "cross_entropy_vjp",
            "cross_entropy_vjp",
            closed_form_at_index="cross_entropy_at_vjp",
            moved="cross_entropy_vjp",
            control="grad_cross_entropy",
            accuracy=(("label gradient", "relative_label_gradient"),),
        ),
        "grad_labels": Formulas(
            "cross_entropy_label_vjp",
            "cross_entropy_label_vjp",
            "cross_entropy_label_vjp",
            infinities="cross_entropy_label_vjp",
            control="grad_labels_cross_entropy",
        ),
        "jvp": Formulas(
            "cross_entropy_jvp",
            "cross_entropy_jvp",
            "cross_entropy_jvp",
            closed_form_at_index="cross_entropy_at_jvp",
            control="jvp_cross_entropy",
        ),
        "hvp": Formulas(
            "cross_entropy_hvp",
            "cross_entropy_hvp",
            "cross_entropy_hvp",
            closed_form_at_index="log_sum_exp_hvp",
            control="hvp_cross_entropy",
        ),
    },
    operands=("logits", "labels"),
    label_kinds=("indices", "distributions"),
    options=(
        "weight",
        "ignore_index",
        "label_smoothing",
        "reduction",
        "mean_over",
        "empty_mean",
        "smoothing_over",
        "unnormalized_gradient",
        "clip_probabilities",
    ),
    laws=_OF_ROWS,
    row_sums={("indices", "grad_logits"): "LAW-2"},
)

_SIGMOID_CROSS_ENTROPY = Op(
    "sigmoid_cross_entropy",
    {
        "value": Formulas(
            "value",
            "value",
            "sigmoid_value",
            infinities="infinite_value",
            control="sigmoid_cross_entropy",
            accuracy=(("saturation", "sigmoid_relative_at_saturation"),),
        ),
        "grad_logits": Formulas("grad_logits", "grad_logits", "sigmoid_vjp", control="grad_sigmoid_cross_entropy"),
        "grad_labels": Formulas(
            "grad_labels",
            "grad_labels",
            "sigmoid_label_vjp",
            infinities="infinite_grad_labels",
            control="grad_labels_sigmoid_cross_entropy",
        ),
        "jvp": Formulas("jvp", "jvp", "sigmoid_jvp", control="jvp_sigmoid_cross_entropy"),
        "hvp": Formulas("hvp", "hvp", "sigmoid_hvp", control="hvp_sigmoid_cross_entropy"),
    },
    operands=("logits", "labels"),
    label_kinds=("distributions",),
    options=("weight", "pos_weight", "reduction"),
    keeps_classes=True,
    elementwise=True,
)

OPS = {op.name: op for op in (_SOFTMAX, _LOG_SOFTMAX, _LOG_SUM_EXP, _SOFTMAX_CROSS_ENTROPY, _SIGMOID_CROSS_ENTROPY)}
"""Every op by its name, in the order in which they are asked and told."""


def is_elementwise(op: str) -> bool:
    """Return whether an op takes each logit by itself; of one that this release does not know, it does not."""
    return op in OPS and OPS[op].elementwise


NO_FORMULAS: Mapping[str, Formulas] = MappingProxyType({})


def formulas_of(op: str, quantity: str) -> Formulas:
    """Return what computes a quantity of an op.

    Raises
    ------
    ValueError
        There is no such op, or no such quantity of it.
    """
    formulas = OPS[op].formulas if op in OPS else NO_FORMULAS
    if quantity not in formulas:
        known = ", ".join(f"{one} of {row.name}" for row in OPS.values() for one in row.formulas)
        raise ValueError(f"{quantity} of {op} is not known; known: {known}")
    return formulas[quantity]
