"""What a kernel's author declares besides its op: options, transforms of the logits, formats, refusals."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from logitproof_reference.vocabulary.cells import AXES, PLAIN, Options
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from typing import Callable

REDUCTIONS = ("none", "sum", "mean")
REFUSALS = ("", "error", "nan", "zero")
EMPTIES = ("", "supported", "unsupported")
FACTORS = ("", "rows", "classes")
ALL_MASKED = ("", "nan", "zero", "minus_inf", "uniform")

NOT_TOGETHER = (("temperature", "scale"), ("divisor", "mean"))
"""Declarations that exclude each other: two names for one factor; a mean has a divisor of its own."""


@dataclass(frozen=True)
class Declaration:
    """The declaration of what a kernel computes; the defaults declare nothing.

    Attributes
    ----------
    reduction : str
        ``none``, ``sum`` or ``mean``.
    ignore_index : int or None
        The class index whose rows count nothing.
    label_smoothing : float
        The share of each label that is spread over all classes.
    weight, pos_weight : bool
        Whether it takes weights of classes, by a keyword of this name.
    class_axis : str
        Where its classes lie: ``last``, ``first``, or ``middle`` of three axes.
    where : bool
        Whether it takes a mask by this keyword, of the logits' shape: true for the classes that count.
    all_masked : str
        What a row gives of which no class counts: ``nan``, ``zero``, ``minus_inf``, or what equal logits give,
        ``uniform``; empty if nothing is declared.
    scale, temperature : float
        What the logits are multiplied with, of either sign, or divided by.
    factors : str
        Whether it takes a tensor of factors of its logits by this keyword: one per row, (rows, 1), for ``rows``, one a
        class, (classes,), for ``classes``; empty for none. They come after the scale.
    divides : bool
        Whether that tensor divides the logits, as a temperature, in place of multiplying them.
    learned : bool
        Whether it is differentiated by that tensor too.
    softcap : float or None
        c of c tanh(x / c), after the scale.
    z_loss : float
        The factor of the squared log-sum-exp that is added to each row's loss.
    divisor : float or None
        What the sum of the losses is divided by.
    bias : bool
        Whether it takes the bias of its linear layer, by this keyword.
    shift : bool
        Whether a row is judged by the label of the row behind it, the last row by none.
    ranks : int
        Over how many ranks its vocabulary is sharded; of more than one, its value is that of each rank in turn.
    gamma : int
        The exponent of a focal loss.
    normalized : bool
        Whether probabilities are divided by their sum.
    clip : float
        e of the clip of probabilities to [e, 1 - e]; 0 for none.
    log_floor : float or None
        The least that a logarithm of a probability may be.
    result_format : str
        The format of its results; empty for that of the logits.
    refuses : str
        The handling of labels out of range: ``error``, ``nan``, ``zero`` (ignored); empty if nothing is declared.
    empty : str
        Whether a batch without rows is ``supported`` or ``unsupported``; empty if nothing is declared.

    Raises
    ------
    ValueError
        A value lies outside its domain, or two exclude each other.
    """

    reduction: str = "none"
    ignore_index: int | None = None
    label_smoothing: float = 0.0
    weight: bool = False
    pos_weight: bool = False
    class_axis: str = "last"
    where: bool = False
    all_masked: str = ""
    scale: float = 1.0
    temperature: float = 1.0
    factors: str = ""
    divides: bool = False
    learned: bool = False
    softcap: float | None = None
    z_loss: float = 0.0
    divisor: float | None = None
    bias: bool = False
    shift: bool = False
    ranks: int = 1
    gamma: int = 2
    normalized: bool = False
    clip: float = 0.0
    log_floor: float | None = None
    result_format: str = ""
    refuses: str = ""
    empty: str = ""

    def __post_init__(self) -> None:
        self._check_words()
        self._check_numbers()
        self._check_what_goes_together()

    def _check_words(self) -> None:
        words = {
            "reduction": REDUCTIONS,
            "class_axis": AXES,
            "refuses": REFUSALS,
            "empty": EMPTIES,
            "all_masked": ALL_MASKED,
            "result_format": ("", *FORMATS),
            "factors": FACTORS,
        }
        for name, known in words.items():
            if getattr(self, name) not in known:
                allowed = ", ".join(word for word in known if word)
                raise ValueError(f'{name} "{getattr(self, name)}" is not known; known: {allowed}')

    def _check_numbers(self) -> None:
        if not (self.scale and math.isfinite(self.scale)):
            raise ValueError(f"scale is {self.scale}; it must be a finite number other than 0")
        for name in ("temperature", "softcap", "divisor"):
            number = getattr(self, name)
            if number is not None and not (number > 0 and math.isfinite(number)):
                raise ValueError(f"{name} is {number}; it must be a positive number")
        for name in ("gamma", "ranks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be a whole number from 1")
        for name, end in (("label_smoothing", 1.0), ("clip", 0.5)):
            if not 0.0 <= getattr(self, name) < end:
                raise ValueError(f"{name} is {getattr(self, name)}; it must lie in [0, {end:g})")
        if self.log_floor is not None and not -math.inf < self.log_floor < 0.0:
            raise ValueError(f"log_floor is {self.log_floor}; it must be a negative number")

    def _check_what_goes_together(self) -> None:
        for first, second in NOT_TOGETHER:
            if first in self.declared and (second in self.declared or self.reduction == second):
                raise ValueError(f"{first} and {second} exclude each other: declare one of them")
        if self.all_masked and not self.where:
            raise ValueError("all_masked is of rows behind a mask: declare where too")
        for name in ("learned", "divides"):
            if getattr(self, name) and not self.factors:
                raise ValueError(f"{name} is of factors: declare factors too")
        if self.divisor is not None and self.reduction == "none":
            raise ValueError('divisor is that of a sum: declare reduction "sum" too')

    @property
    def declared(self) -> dict[str, Any]:
        """The declared attributes, by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) != one.default}

    @property
    def differentiated(self) -> set[str]:
        """The declared attributes, without constant factors."""
        return set(self.declared) - (set() if self.learned else {"factors"})

    @property
    def options(self) -> Options:
        """The part that a cell's options express."""
        return Options(
            self.reduction, self.weight, self.pos_weight, self.ignore_index, self.label_smoothing, self.where
        )

    @property
    def factor(self) -> float:
        """The factor of the logits."""
        return self.scale / self.temperature

    @property
    def is_transformed(self) -> bool:
        """Whether the op is of something made of the logits, or the loss has a further term."""
        return self.factor != 1.0 or self.softcap is not None or self.z_loss != 0.0 or self.divisor is not None

    @property
    def fits_the_matrix(self) -> bool:
        """Whether the cells of the matrix ask for this very thing."""
        return not (self.is_transformed or self.result_format) and self.options == PLAIN

    def keywords(self, function: Callable[..., Any]) -> dict[str, Any]:
        """Return the declared numbers and words that a function takes by name; the others it has built in."""
        from inspect import signature  # noqa: PLC0415 - functions of extension modules may have none

        try:
            taken = signature(function).parameters
        except (TypeError, ValueError):
            return {}
        arrays = ("weight", "pos_weight", "where", "bias", "factors")
        return {name: value for name, value in self.declared.items() if name in taken and name not in arrays}
