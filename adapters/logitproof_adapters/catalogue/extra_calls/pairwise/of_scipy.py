"""SciPy's functions from logits to losses (https://docs.scipy.org/doc/scipy/reference/special.html)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from logitproof_adapters.catalogue.extra_calls.call import (
    DISTRIBUTIONS,
    LOG_SOFTMAX,
    LOG_SUM_EXP,
    SIGMOID,
    SOFTMAX,
)
from logitproof_adapters.catalogue.extra_calls.pairwise.inputs import INPUTS
from logitproof_adapters.catalogue.extra_calls.pairwise.tables import (
    ALL_AXES,
    CERTAIN,
    ELEMENTS,
    FINITE,
    KINDS,
    LAYOUTS,
    LAYOUTS_OF_NUMPY,
    OF_PARTS,
    PLACES,
    REFUSED,
    REFUSING,
    SEVERAL_AXES,
    WORDS,
    Function,
)
from logitproof_adapters.catalogue.extra_calls.pairwise.ways import COUNTS, Way

if TYPE_CHECKING:
    from logitproof_adapters.catalogue.extra_calls.pairwise.tables import Case

PROGRAM = (
    f"""\
import numpy as np
from scipy import special, stats
{INPUTS}

{WORDS}
float32, float64 = np.float32, np.float64
{LAYOUTS_OF_NUMPY}
"""
    """

def given(shape, axis, kind, form, layout):
    return laid(logits_of(shape, kind, axis[0] if isinstance(axis, tuple) else axis), form, layout)


def numbers(y, form, layout="dense"):
    y = np.asarray(y)
    expected = {"integers": np.float64, "lists": np.float64, "short": y.dtype, "unsigned": y.dtype}.get(layout, form)
    if y.dtype != expected or y.dtype.kind != "f":
        raise TypeError(f"{y.dtype} where {np.dtype(expected)} is expected")
    return y.astype(np.float64).ravel().tolist()


def softmax(shape, axis, kind, form, layout):
    return numbers(special.softmax(given(shape, axis, kind, form, layout), axis), form, layout)


def log_softmax(shape, axis, kind, form, layout):
    return numbers(special.log_softmax(given(shape, axis, kind, form, layout), axis), form, layout)


def logsumexp(shape, axis, kind, form, layout, kept, factors, signed):
    options = {"b": np.asarray(factors_of(shape), dtype=form)} if factors else {}
    y = special.logsumexp(given(shape, axis, kind, form, layout), axis, keepdims=kept, return_sign=signed, **options)
    if signed and not (np.asarray(y[1]) == (np.asarray(y[0]) > -np.inf)).all():
        raise ValueError(f"signs {y[1]}")
    return numbers(y[0] if signed else y, form, layout)


def elementwise(function):
    def of(shape, kind, form, layout):
        return numbers(function(given(shape, -1, kind, form, layout)), form, layout)

    return of


sigmoid = elementwise(lambda x: special.expit(x))
log_sigmoid = elementwise(lambda x: special.log_expit(x))


def out(shape, kind, form, layout):
    x = given(shape, -1, kind, form, layout)
    place = laid(np.zeros(shape), form, layout)
    special.expit(x, out=place)
    return numbers(place, form)


def softplus(shape, kind, form, layout):
    return numbers(special.softplus(given(shape, -1, kind, form, layout)), form, layout)


def of_parts(function):
    def of(shape, kind, form, layout):
        parts = special.expit(given(shape, -1, kind, form, layout))
        return numbers(function(parts, np.asarray(factors_of(shape) / 4, dtype=parts.dtype),
                                np.asarray(truths_of(shape), dtype=parts.dtype)), form, layout)

    return of


entr = of_parts(lambda p, q, y: special.entr(p))
rel_entr = of_parts(lambda p, q, y: special.rel_entr(p, q))
kl_div = of_parts(lambda p, q, y: special.kl_div(p, q))
xlogy = of_parts(lambda p, q, y: special.xlogy(y, p))
xlog1py = of_parts(lambda p, q, y: special.xlog1py(y, -p))
logit = of_parts(lambda p, q, y: special.logit(p))


def logaddexp(shape, kind, form, layout):
    x = given(shape, -1, kind, form, layout)
    return numbers(np.logaddexp(x, np.asarray(tangent_of(shape), form)), form, layout)


def logaddexp2(shape, kind, form, layout):
    x = given(shape, -1, kind, form, layout)
    return numbers(np.logaddexp2(x, np.asarray(tangent_of(shape), form)), form, layout)


def summed(shape, axis, kind, form, layout, kept):
    return numbers(np.logaddexp.reduce(given(shape, axis, kind, form, layout), axis=axis, keepdims=kept), form, layout)


def accumulated(shape, axis, kind, form, layout):
    return numbers(np.logaddexp.accumulate(given(shape, axis, kind, form, layout), axis=axis), form, layout)


def entropy(shape, axis, kind, form, layout):
    shares = special.softmax(given(shape, axis, kind, form, layout), axis)
    return numbers(stats.entropy(shares, axis=axis), form, layout)


def divergence(shape, axis, kind, form, layout):
    shares = np.asarray(shares_of(shape, kind, axis), dtype=form)
    other = special.softmax(given(shape, axis, kind, form, layout), axis)
    return numbers(stats.entropy(shares, other, axis=axis), form, layout)
"""
    + REFUSING
    + """

refused_softmax = refusing(lambda x, axis: special.softmax(x, axis))
refused_log_softmax = refusing(lambda x, axis: special.log_softmax(x, axis))
refused_logsumexp = refusing(lambda x, axis: special.logsumexp(x, axis))
"""
)


def _legal(case: Case) -> bool:
    """Return whether SciPy documents it: integers are what they can be, factors are floating-point numbers.

    What is written into can be written, and has the format of the answer.
    """
    if case.get("into") and case["layout"] in ("read_only", "short", "unsigned"):
        return False
    if case["layout"] == "integers" and (case["kind"] not in ("level", "high", "far", "offset") or case.get("factors")):
        return False
    if case["layout"] in ("integers", "lists") and case["form"] == "float32":
        return False
    return not (case["layout"] == "lists" and 0 in case["shape"])


FURTHER_WAYS = (
    Way("read_only"),
    *(Way(name, COUNTS) for name in ("short", "unsigned")),
)


def _table(kinds: Any = KINDS, layouts: Any = (*LAYOUTS, "integers", "lists"), **factors: Any) -> dict[str, Any]:
    return {"kind": kinds, "form": ("float32", "float64"), "layout": layouts, **factors}


_VALUE: dict[str, Any] = {"what": "value"}
_SMALL = ("typical", "level")
_PLACES = (*PLACES, *SEVERAL_AXES, *ALL_AXES)
_AXES = tuple(place for place in PLACES if 0 not in place[0])

FUNCTIONS = (
    Function("softmax", "softmax", SOFTMAX, _table(place=_PLACES), _VALUE, axis=True, legal=_legal),
    Function(
        "log_softmax",
        "log_softmax",
        LOG_SOFTMAX,
        _table(place=_PLACES),
        _VALUE,
        axis=True,
        legal=_legal,
    ),
    Function(
        "logsumexp",
        "log_sum_exp",
        LOG_SUM_EXP,
        _table(
            place=_PLACES,
            kept=(False, True),
            factors=(False, True),
            signed=(False, True),
        ),
        _VALUE,
        axis=True,
        legal=_legal,
    ),
    Function("sigmoid", "sigmoid", SIGMOID, _table(CERTAIN, place=ELEMENTS), _VALUE, legal=_legal),
    Function(
        "out", "sigmoid", SIGMOID, _table(FINITE, LAYOUTS, place=ELEMENTS), {**_VALUE, "into": True}, legal=_legal
    ),
    Function("log_sigmoid", "log_sigmoid", SIGMOID, _table(CERTAIN, place=ELEMENTS), _VALUE, legal=_legal),
    Function("softplus", "softplus", SIGMOID, _table(CERTAIN, place=ELEMENTS), _VALUE, legal=_legal),
    *(
        Function(name, op, SIGMOID, _table(_SMALL, LAYOUTS, place=ELEMENTS), {**_VALUE, **fixed}, legal=_legal)
        for name, op, fixed in OF_PARTS
    ),
    Function("logaddexp", "merged", LOG_SUM_EXP, _table(FINITE, LAYOUTS, place=ELEMENTS), _VALUE, legal=_legal),
    Function(
        "logaddexp2", "merged_in_base_2", LOG_SUM_EXP, _table(FINITE, LAYOUTS, place=ELEMENTS), _VALUE, legal=_legal
    ),
    Function(
        "summed",
        "log_sum_exp",
        LOG_SUM_EXP,
        _table(KINDS, LAYOUTS, place=(*PLACES, ((2, 0), 1)), kept=(False, True)),
        _VALUE,
        axis=True,
        legal=_legal,
    ),
    Function(
        "accumulated", "cumulated", LOG_SUM_EXP, _table(FINITE, LAYOUTS, place=PLACES), _VALUE, axis=True, legal=_legal
    ),
    Function("entropy", "entropy", LOG_SUM_EXP, _table(FINITE, LAYOUTS, place=_AXES), _VALUE, axis=True, legal=_legal),
    Function(
        "divergence",
        "divergence",
        DISTRIBUTIONS,
        _table(_SMALL, LAYOUTS, place=_AXES),
        {**_VALUE, "summed": True},
        axis=True,
        legal=_legal,
    ),
    Function("refused_softmax", "refused", SOFTMAX, REFUSED, axis=True),
    Function("refused_log_softmax", "refused", LOG_SOFTMAX, REFUSED, axis=True),
    Function("refused_logsumexp", "refused", LOG_SUM_EXP, REFUSED, axis=True),
)
