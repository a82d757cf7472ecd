"""The functions that can be swept: each number of their answers, as a function of two logits.

A row is (a, b) with d = a - b; see `logitproof_adapters.sources.two_logits` for the rows of each format, the labels and
the upstream gradients.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from logitproof.errors import UsageError
from logitproof_adapters.sources.two_logits import ONE, size_of
from logitproof_reference.vocabulary.cells import Cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Element:
    """One number of an answer.

    Attributes
    ----------
    kind : str
        Of `two_classes.KINDS`.
    mirrored : bool
        Whether it is that function of -d.
    sign : int
        1 or -1: what it is multiplied with.
    adds_logit : bool
        Whether it is b + softplus(d), the log-sum-exp.
    """

    kind: str
    mirrored: bool = False
    sign: int = 1
    adds_logit: bool = False


_P, _Q = Element("sigmoid"), Element("sigmoid", mirrored=True)
_SOFTPLUS, _LOSS = Element("softplus"), Element("softplus", mirrored=True)


def _minus(element: Element) -> Element:
    return replace(element, sign=-1)


ELEMENTS: dict[tuple[str, str, str], tuple[Element, ...]] = {
    ("softmax", "none", "value"): (_P, _Q),
    ("softmax", "none", "grad_logits"): (Element("slope"), _minus(Element("slope"))),
    ("log_softmax", "none", "value"): (_minus(_LOSS), _minus(_SOFTPLUS)),
    ("log_softmax", "none", "grad_logits"): (_Q, _minus(_Q)),
    ("log_sum_exp", "none", "value"): (Element("softplus", adds_logit=True),),
    ("log_sum_exp", "none", "grad_logits"): (_P, _Q),
    ("softmax_cross_entropy", "indices", "value"): (_LOSS,),
    ("softmax_cross_entropy", "indices", "grad_logits"): (_minus(_Q), _Q),
    ("sigmoid_cross_entropy", "distributions", "value"): (_LOSS, _SOFTPLUS),
    ("sigmoid_cross_entropy", "distributions", "grad_logits"): (_minus(_Q), _P),
}
"""What each op, kind of labels and quantity gives, a number per element: one per class, or one for the row."""

FORMATS = tuple(ONE)


@dataclass(frozen=True)
class Function:
    """A function of a framework that is swept.

    Attributes
    ----------
    op, labels, quantity, format, mode : str
        Words of `Cell`.
    """

    op: str
    labels: str
    quantity: str
    format: str
    mode: str = "eager"

    @property
    def elements(self) -> tuple[Element, ...]:
        """The elements of an answer."""
        return ELEMENTS[self.op, self.labels, self.quantity]

    @property
    def size(self) -> int:
        """How many rows there are."""
        return size_of(self.op, self.format)

    @property
    def are_pairs(self) -> bool:
        """Whether both logits of a row vary."""
        return self.size == 1 << 32 and self.format != "float32"

    @property
    def id(self) -> str:
        """Its name, as cells are named.

        >>> Function("softmax", "none", "value", "float32").id
        'eager-softmax-value-float32'
        """
        return self.cell("").id.removeprefix("-")

    def cell(self, adapter: str) -> Cell:
        """Return the cell of an adapter."""
        return Cell(adapter, self.mode, self.op, self.quantity, self.format, self.labels)

    def columns(self, answer: NDArray[Any]) -> list[NDArray[Any]]:
        """Return an answer, one array per element."""
        return [answer] if answer.ndim == 1 else list(answer.T)


def range_of(text: str) -> tuple[int, int]:
    """Return the first row and the one behind the last of what is written ``FIRST:END``.

    >>> range_of("0x10:32")
    (16, 32)

    Raises
    ------
    UsageError
        It is not a range of row numbers.
    """
    try:
        first, end = (int(word, 0) for word in text.split(":"))
    except ValueError:
        first, end = 0, 0
    if not 0 <= first < end <= 1 << 32:
        raise UsageError(f'--range "{text}" is not a range: write FIRST:END by row number, e.g. 0x41000000:0x42000000')
    return first, end


def chosen(
    ops: Iterable[str], quantities: Iterable[str], formats: Iterable[str], modes: Iterable[str]
) -> Iterator[Function]:
    """Yield the functions of these words; no word of a kind means all, and float32 of the formats.

    Raises
    ------
    UsageError
        A word is not known.
    """
    known = {
        "op": (tuple(ops), dict.fromkeys(op for op, _, _ in ELEMENTS)),
        "quantity": (tuple(quantities), dict.fromkeys(quantity for *_, quantity in ELEMENTS)),
        "format": (tuple(formats) or ("float32",), dict.fromkeys(FORMATS)),
    }
    for kind, (words, all_words) in known.items():
        for word in words:
            if word not in all_words:
                raise UsageError(f'{kind} "{word}" is not swept; known: {", ".join(all_words)}')
    for mode in tuple(modes) or ("eager",):
        for format_ in dict.fromkeys(known["format"][0]):
            for op, labels, quantity in ELEMENTS:
                if (op in known["op"][0] or not known["op"][0]) and (
                    quantity in known["quantity"][0] or not known["quantity"][0]
                ):
                    yield Function(op, labels, quantity, format_, mode)
