"""The options of `check` and `grade` that declare what a kernel computes, one row each: attributes of `Declaration`."""

from __future__ import annotations

from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

FLAG = ""
"""The metavar of an option without a value."""

DECLARED: tuple[tuple[str, Any, Any, str, str], ...] = (
    ("reduction", str, "none", "none|sum|mean", "the reduction of its losses"),
    ("ignore_index", int | None, None, "LABEL", "the label whose rows are ignored"),
    ("label_smoothing", float, 0.0, "SHARE", "its label smoothing"),
    ("weight", bool, False, FLAG, "that it takes class weights, as the keyword weight"),
    ("pos_weight", bool, False, FLAG, "that it takes weights of positive labels, as pos_weight"),
    ("class_axis", str, "last", "last|first|middle", "the position of its class axis"),
    ("where", bool, False, FLAG, "that it takes a mask of classes, as the keyword where"),
    ("all_masked", str, "", "nan|zero|minus_inf|uniform", "the result of a row whose classes are all masked"),
    ("scale", float, 1.0, "FACTOR", "the factor that multiplies its logits"),
    ("temperature", float, 1.0, "DIVISOR", "the temperature that divides its logits"),
    (
        "factors",
        str,
        "",
        "rows|classes",
        "that it multiplies the logits by one factor per row or per class, the keyword factors (loss heads)",
    ),
    ("divides", bool, False, FLAG, "that its factors divide the logits, as temperatures"),
    ("learned", bool, False, FLAG, "that its factors are trained: the gradient with respect to them is judged too"),
    ("softcap", float | None, None, "C", "that it caps logits: c tanh(x / c)"),
    ("z_loss", float, 0.0, "FACTOR", "the coefficient of the squared log-sum-exp that it adds"),
    ("divisor", float | None, None, "N", "what it divides the sum of losses by"),
    ("bias", bool, False, FLAG, "that its linear layer takes a bias, as the keyword bias"),
    ("shift", bool, False, FLAG, "that labels are shifted by one, as in next-token prediction (loss heads)"),
    ("ranks", int, 1, "N", "over how many ranks its vocabulary is sharded (loss heads)"),
    ("gamma", int, 2, "N", "the exponent of a focal loss"),
    ("normalized", bool, False, FLAG, "that it divides probabilities by their sum (losses of probabilities)"),
    ("clip", float, 0.0, "E", "that it clips probabilities to E and 1 - E"),
    ("log_floor", float | None, None, "L", "the lower limit of its log-probabilities"),
    ("result_format", str, "", "FORMAT", "the format of its results"),
    ("refuses", str, "", "error|nan|zero", "what it does with labels out of range; this is then checked"),
    ("empty", str, "", "supported|unsupported", "whether a batch may have no rows"),
)
"""Name, type, what stands where it is left out, metavar, and what is declared."""


def declaring(before: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Add these options to a command, before one of its own; it takes their values as further keywords."""

    def with_options(command: Callable[..., int]) -> Callable[..., int]:
        given = signature(command, eval_str=True).parameters.values()
        own = [one for one in given if one.kind is not Parameter.VAR_KEYWORD]
        place = [one.name for one in own].index(before)
        added = [_parameter(*row) for row in DECLARED]
        command.__signature__ = Signature([*own[:place], *added, *own[place:]])  # type: ignore[attr-defined]
        return command

    return with_options


def _parameter(name: str, kind: Any, default: Any, metavar: str, what: str) -> Parameter:
    flags = [] if metavar else [f"--{name.replace('_', '-')}"]
    option = typer.Option(*flags, metavar=metavar or None, help=f"Declare {what}.")
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])
