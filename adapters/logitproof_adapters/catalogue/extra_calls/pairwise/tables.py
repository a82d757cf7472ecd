"""What a function is asked: its arguments with a few legal values each, and what its answer is computed from.

The judge derives the calls; a target is sent their text alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from logitproof_adapters.catalogue.extra_calls.call import ExtraCall
from logitproof_adapters.catalogue.extra_calls.pairwise.pairs import covering_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from logitproof_adapters.catalogue.extra_calls.pairwise.ways import Way

    Case = Mapping[str, Any]

KINDS = ("typical", "level", "high", "far", "offset", "masked")
FINITE = KINDS[:-1]
CERTAIN = (*FINITE, "saturated")
TAILS = (*CERTAIN, "tail")
"""Saturated: a value next to 0 is judged by its own digits, where the formula of the function keeps them; in the tail
derivatives are. Both have the same logits."""
FORMS = ("float32", "float16", "bfloat16", "float64")
WHATS = ("value", "slope", "push", "curve", "bent")
"""The answer, its gradient along a cotangent, its derivative along a tangent, the second derivative of both, and that
of half the square of the answer, whose cotangent depends on the logits."""

PLACES = (
    ((2, 3), -1),
    ((3,), 0),
    ((3, 2), 0),
    ((2, 3, 2), 1),
    ((2, 3, 2), -2),
    ((3, 1, 1), 0),
    ((2, 2, 3, 2), -2),
    ((2, 1, 3, 1, 2), 2),
    ((2, 1), -1),
    ((0, 3), 1),
)
"""Shapes, and where the classes lie."""

SECOND_AXIS = (((2, 3), 1), ((3,), 0), ((2, 3, 2), 1), ((4, 3, 2, 2), 1), ((2, 3, 1, 2, 2), 1), ((2, 1), 1))
"""The same where the classes lie on the second axis, or the only one."""

SEVERAL_AXES = (((2, 3), (0, 1)), ((2, 3, 2), (0, -1)))
ALL_AXES = (((2, 3), None), ((2, 3, 2), None))
"""The default of many a reduction."""
LAST_AXIS = (((2, 3), -1), ((3,), -1), ((2, 2, 3), -1), ((2, 1, 2, 3), -1), ((2, 1), -1), ((2, 35), -1))
NOWHERE = tuple((shape, axis) for shape in ((2, 3), (3,)) for axis in (2, -3, 2**63 - 1, -(2**63)))
"""Axes that there are none of."""

FRAMES = (((2, 1, 3), -1), ((2, 4, 3), -1))
"""Two frames, some sequences and three symbols."""

PAIRS = (((2, 2), -1), ((2,), -1), ((3, 2, 2), -1))
"""Shapes of two classes, both of which have a part of the label."""

ELEMENTS = (((2, 3), -1), ((), -1), ((3,), -1), ((2, 3, 2), -1), ((2, 1, 3, 1, 2), -1), ((0, 3), -1))
"""Shapes of what has no class axis."""


WIDE = ((67,), -1)
"""More elements than any vector register has, and some left over."""

OF_ELEMENTS = {"sigmoid", "log_sigmoid", "softplus", "merged", "merged_in_base_2", "logit"} | {
    "self_information",
    "relative",
    "weighted_log",
}
"""Formulas of single elements, which have a limit at every infinity."""

LIMITED = OF_ELEMENTS | {"cumulated"}
"""Formulas that are asked infinite and undefined numbers too; those of rows the matrix asks."""

OF_PARTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("entr", "self_information", {}),
    ("rel_entr", "relative", {}),
    ("kl_div", "relative", {"of_measures": True}),
    ("xlogy", "weighted_log", {}),
    ("xlog1py", "weighted_log", {"of_rest": True}),
    ("logit", "logit", {}),
)
"""Functions of probabilities by the name that most libraries have for them, their formula, and what it needs."""

LAYOUTS = ("dense", "transposed", "sliced", "reversed")
LAYOUTS_OF_NUMPY = """
dense, transposed, sliced, reversed, integers, lists = "dense transposed sliced reversed integers lists".split()
short, unsigned, read_only = "short unsigned read_only".split()


def laid(array, form, layout):
    array = np.asarray(array)
    if layout == "lists":
        return array.tolist()
    if layout in ("integers", "short", "unsigned"):
        return array.astype({"integers": np.int64, "short": np.int16, "unsigned": np.uint16}[layout])
    array = array.astype(form)
    if layout == "transposed":
        return np.ascontiguousarray(array.T).T
    if layout == "sliced" and array.ndim:
        return np.stack([array, array + 1], -1).reshape(*array.shape[:-1], 2 * array.shape[-1])[..., ::2]
    if layout == "read_only":
        array.flags.writeable = False
    if layout == "reversed" and array.ndim:
        return np.ascontiguousarray(array[::-1])[::-1]
    return array
"""
"""How arrays of NumPy lie in memory, and what else is taken for one."""

REFUSED: dict[str, Any] = {"place": NOWHERE, "kind": ("typical",), "form": ("float32",)}
"""What a function of an axis must refuse, by raising."""

WHOLE: dict[str, Any] = {
    "place": (((2, 3), -1), ((3,), 0), ((2, 3, 2), 1), ((3, 1, 1), 0)),
    "kind": ("level", "high", "far", "offset"),
    "form": ("float32",),
}
"""What a function of an axis is asked of integers, where its library converts them."""

REDUCTIONS = ("none", "sum", "mean")
WORDS = """\
typical, level, high, far, offset, masked = "typical level high far offset masked".split()
saturated, tail, infinite, counts = "saturated tail infinite counts".split()
value, slope, push, curve, bent = "value slope push curve bent".split()
same, other = "same other".split()
none, sum, mean, batchmean = "none sum mean batchmean".split()
"""
"""What programs name, for calls to be without quotes."""


REFUSING = """

def refusing(function):
    def of(shape, axis, kind, form):
        try:
            function(np.zeros(shape, dtype="float32"), axis)
        except Exception:
            return [1.0]
        return [0.0]

    return of
"""
"""A function of an axis as one of whether it raises."""


@dataclass(frozen=True)
class Function:
    """A function of one framework.

    Attributes
    ----------
    name : str
        As the framework's program has it.
    op : str
        The formula of its answer, as `logitproof.extra_calls.exact_answers` names it.
    of : tuple of str
        The op and labels under which its answers are recorded.
    factors : mapping
        The values of each argument; ``place`` is a shape and an axis.
    fixed : mapping
        What else the formula needs, which is no argument.
    axis : bool
        Whether the function takes the axis of the classes.
    legal : callable
        Whether the framework documents a case, given as a mapping of all that is above.
    """

    name: str
    op: str
    of: tuple[str, str]
    factors: Mapping[str, Sequence[Any]]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    axis: bool = False
    legal: Callable[[Case], bool] = lambda _: True

    def cases(self, ways: Sequence[Way] = ()) -> Iterator[dict[str, Any]]:
        """Yield cases that have every two values of its arguments, then those beyond the finite and the narrow.

        The last are made in the ways that are asked of every function of a framework.
        """
        yielded = []
        beyond = (self._beyond,) if self.op in LIMITED else ()
        further = (way.among(self.factors) for way in ways if "layout" in self.factors)
        for factors in (self.factors, *beyond, *(few for few in further if all(few.values()))):
            for row in covering_rows(factors, lambda one: _is_defined(one) and self.legal(self._case(one))):
                if row not in yielded:
                    yielded.append(row)
                    yield self._case(row)

    @property
    def _beyond(self) -> dict[str, Sequence[Any]]:
        """Infinite numbers, and, of functions of elements, long rows."""
        places, kinds = list(self.factors["place"][:1]), ["infinite"]
        if self.op in OF_ELEMENTS:
            places = [*places, WIDE]
            kinds = ["typical", *(kind for kind in _OF_TAILS if kind in self.factors["kind"]), *kinds]
        ways = {"way": self.factors["way"][:2]} if "way" in self.factors else {}
        return {**self.factors, **ways, "place": places, "kind": kinds}

    def _case(self, row: Mapping[str, Any]) -> dict[str, Any]:
        shape, axis = row["place"]
        rest = {name: one for name, one in row.items() if name != "place"}
        return {"op": self.op, **self.fixed, "shape": shape, "axis": axis, **rest}


_OF_TAILS = {"saturated": ("value",), "tail": ("slope", "curve")}
_OF_KINDS = {**_OF_TAILS, "infinite": ("value",)}
"""What is asked of logits of a kind, where that is not everything."""


def _is_of_kind(row: Mapping[str, Any]) -> bool:
    """Return whether it is asked of these logits: derivatives next to 0 in the wide formats alone."""
    if row["kind"] == "tail" and "16" in row["form"]:
        return False
    return row.get("what", "value") in _OF_KINDS[row["kind"]]


def _is_defined(row: Mapping[str, Any]) -> bool:
    """Return whether the mathematics leaves one answer that the format has.

    No class or no row has no mean, -inf no smoothed loss, nothing a derivative by nothing.
    """
    shape, _ = row["place"]
    if 0 in shape and row.get("reduction", "none") not in ("none", "sum"):
        return False
    if row["kind"] == "masked" and row.get("smoothing"):
        return False
    if row["kind"] in _OF_KINDS and not _is_of_kind(row):
        return False
    if row.get("what") == "bent" and (row["kind"] not in ("typical", "level") or "16" in row["form"]):
        return False
    is_summed = row.get("reduction", "none") != "none" or (row.get("weight") and row.get("boost"))
    if is_summed and row["form"] == "float16" and row["kind"] in ("high", "far", "offset"):  # it ends at 65,504
        return False
    return not (0 in shape and row.get("what", "value") != "value")


@dataclass(frozen=True)
class DerivedCall(ExtraCall):
    """A call whose answer, of several numbers, is computed from its case."""

    case: Case = field(default_factory=dict)


def derived(
    package: str, imports: str, functions: Sequence[Function], ways: Sequence[Way] = ()
) -> tuple[DerivedCall, ...]:
    """Return the calls of a package's functions; `imports` is the program that defines them.

    `ways` are asked of every function, beside those of its own.
    """
    return tuple(_calls(package, imports, functions, ways))


def _words(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def _calls(package: str, imports: str, functions: Sequence[Function], ways: Sequence[Way]) -> Iterator[DerivedCall]:
    for function in functions:
        arguments = [name for name in function.factors if name != "place"]
        for case in function.cases(ways):
            given = {"shape": case["shape"]} | ({"axis": case["axis"]} if function.axis else {})
            given |= {name: case[name] for name in arguments}
            source = f"{function.name}({', '.join(f'{name}={_words(one)}' for name, one in given.items())})"
            name = "_".join([function.name, *map(_name, given.values())])
            yield DerivedCall(package, name, *function.of, case["form"], imports, source, case=case)


def _name(value: object) -> str:
    if isinstance(value, tuple):
        return "x".join(map(str, value)) or "scalar"
    return str(value).replace("-", "m").replace(".", "p")
