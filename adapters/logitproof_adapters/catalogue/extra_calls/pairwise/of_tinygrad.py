"""tinygrad's functions from logits to losses (https://docs.tinygrad.org/tensor/ops/)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from logitproof_adapters.catalogue.extra_calls.call import (
    DISTRIBUTIONS,
    INDICES,
    LOG_SOFTMAX,
    LOG_SUM_EXP,
    SIGMOID,
    SOFTMAX,
)
from logitproof_adapters.catalogue.extra_calls.pairwise.inputs import INPUTS
from logitproof_adapters.catalogue.extra_calls.pairwise.tables import (
    ALL_AXES,
    ELEMENTS,
    FINITE,
    KINDS,
    LAST_AXIS,
    PLACES,
    REDUCTIONS,
    REFUSED,
    REFUSING,
    SECOND_AXIS,
    SEVERAL_AXES,
    WHOLE,
    WORDS,
    Function,
)

if TYPE_CHECKING:
    from logitproof_adapters.catalogue.extra_calls.pairwise.tables import Case

PROGRAM = (
    f"""\
from tinygrad import Tensor, dtypes
{INPUTS}

{WORDS}
dense, transposed = "dense transposed".split()
float16, float32, float64 = dtypes.float16, dtypes.float32, dtypes.float64
int32, int64, uint8 = dtypes.int32, dtypes.int64, dtypes.uint8
"""
    """

def tensor(numbers, form):
    return Tensor(np.asarray(numbers, dtype=np.float64).tolist(), dtype=dtypes.float64).reshape(
        np.shape(numbers)).cast(form)


def laid(numbers, form, layout):
    x = tensor(numbers, form)
    if layout == "transposed" and x.ndim > 1:
        order = tuple(range(x.ndim))[::-1]
        return x.permute(*order).contiguous().permute(*order)
    return x


def asked(function, x, what):
    if what == "slope":
        x = x.contiguous().realize()
        x.requires_grad = True
        y = function(x)
        (y * tensor(cotangent_of(tuple(y.shape)), y.dtype)).sum().backward()
        found = x.grad
    else:
        found = function(x)
    if found.dtype != x.dtype:
        raise TypeError(f"{found.dtype} where {x.dtype} is expected")
    return np.asarray(found.cast(dtypes.float64).numpy(), dtype=np.float64).ravel().tolist()


def given(shape, axis, kind, form, layout="dense"):
    return laid(logits_of(shape, kind, axis[0] if isinstance(axis, tuple) else axis), form, layout)


def softmax(shape, axis, kind, form, layout, what):
    return asked(lambda x: x.softmax(axis), given(shape, axis, kind, form, layout), what)


def log_softmax(shape, axis, kind, form, layout, what):
    return asked(lambda x: x.log_softmax(axis), given(shape, axis, kind, form, layout), what)


def logsumexp(shape, axis, kind, form, layout, what, kept):
    return asked(lambda x: x.logsumexp(axis, keepdim=kept), given(shape, axis, kind, form, layout), what)


def logcumsumexp(shape, axis, kind, form, layout, what):
    return asked(lambda x: x.logcumsumexp(axis), given(shape, axis, kind, form, layout), what)


def logaddexp(shape, kind, form, layout, what, beside):
    x = given(shape, -1, kind, form, layout)
    y = tensor(logits_of(shape, kind) if beside == "same" else tangent_of(shape), form)
    return asked(lambda x: x.logaddexp(y), x, what)


def ignoring(labels, ignored):
    if ignored is None:
        return labels, {}
    rows = np.arange(labels.size).reshape(labels.shape) % 3 == 2
    return np.where(rows, ignored, labels), {"ignore_index": ignored}


def indices(shape, kind, form, layout, what, index, ignored, smoothing, reduction):
    labels, options = ignoring(classes_of(shape, kind), ignored)
    labels = tensor(labels, index)

    def loss(x):
        return x.sparse_categorical_crossentropy(labels, label_smoothing=smoothing, reduction=reduction, **options)

    return asked(loss, given(shape, -1, kind, form, layout), what)


def cross_entropy(shape, kind, form, layout, what, smoothing, reduction):
    labels = tensor(classes_of(shape, kind, 1), int32)
    return asked(lambda x: x.cross_entropy(labels, reduction, smoothing), given(shape, 1, kind, form, layout), what)


def cross_entropy_of_shares(shape, kind, form, layout, what, smoothing, reduction):
    labels = tensor(shares_of(shape, kind, 1), form)
    return asked(lambda x: x.cross_entropy(labels, reduction, smoothing), given(shape, 1, kind, form, layout), what)


def nll_loss(shape, kind, form, layout, what, weight, ignored, reduction):
    labels, options = ignoring(classes_of(shape, kind, 1), ignored)
    labels = tensor(labels, int32)
    weights = tensor(weights_of(shape[1]), form) if weight else None
    return asked(lambda x: x.nll_loss(labels, weights, reduction=reduction, **options),
                 given(shape, 1, kind, form, layout), what)


def binary(shape, kind, form, layout, what, boost, reduction):
    labels = tensor(truths_of(shape), form)
    options = {"pos_weight": tensor(weights_of(shape[-1]), form)} if boost else {}
    return asked(lambda x: x.binary_crossentropy_logits(labels, reduction=reduction, **options),
                 given(shape, -1, kind, form, layout), what)


def binary_of_probabilities(shape, kind, form, layout, what, reduction):
    labels = tensor(truths_of(shape), form)
    return asked(lambda x: x.sigmoid().binary_crossentropy(labels, reduction=reduction),
                 given(shape, -1, kind, form, layout), what)


def elementwise(function):
    def of(shape, kind, form, layout, what):
        return asked(function, given(shape, -1, kind, form, layout), what)

    return of


logsigmoid = elementwise(lambda x: x.logsigmoid())
softplus, sigmoid = elementwise(lambda x: x.softplus()), elementwise(lambda x: x.sigmoid())
"""
    + REFUSING
    + """


def whole(function):
    def of(shape, axis, kind, form, index):
        x = Tensor(logits_of(shape, kind, axis).astype(np.int32)).cast(index)
        return np.asarray(function(x, axis).cast(dtypes.float64).numpy()).ravel().tolist()

    return of


whole_softmax = whole(lambda x, axis: x.softmax(axis))
whole_log_softmax = whole(lambda x, axis: x.log_softmax(axis))
whole_logsumexp = whole(lambda x, axis: x.logsumexp(axis))

refused_softmax = refusing(lambda x, axis: Tensor(x).softmax(axis).realize())
refused_log_softmax = refusing(lambda x, axis: Tensor(x).log_softmax(axis).realize())
refused_logsumexp = refusing(lambda x, axis: Tensor(x).logsumexp(axis).realize())
"""
)


def _legal(case: Case) -> bool:
    """Return whether tinygrad documents it: a single number is a constant, and has no column and no gradient."""
    if not case["shape"] and (case.get("boost") or case["what"] == "slope"):
        return False
    return not (case["kind"] == "masked" and case.get("labels") == "shares")


def _table(kinds: Any = KINDS, **factors: Any) -> dict[str, Any]:
    return {
        "kind": kinds,
        "form": ("float32", "float16"),
        "layout": ("dense", "transposed"),
        "what": ("value", "slope"),
        **factors,
    }


_SMALL = ("typical", "level")
_WITH_ROWS = tuple(place for place in PLACES if 0 not in place[0])
_REDUCED: dict[str, Any] = {"reduction": REDUCTIONS}
_SECOND = tuple(place for place in SECOND_AXIS if len(place[0]) in (2, 3, 4))
_WHOLE: dict[str, Any] = {**WHOLE, "index": ("int32", "int64")}
_VALUE: dict[str, Any] = {"what": "value"}
_SHORT: dict[str, Any] = {**REFUSED, "place": (((2, 3), 2), ((2, 3), -3), ((3,), 2))}

FUNCTIONS = (
    Function("softmax", "softmax", SOFTMAX, _table(place=_WITH_ROWS), axis=True),
    Function("log_softmax", "log_softmax", LOG_SOFTMAX, _table(place=_WITH_ROWS), axis=True),
    Function(
        "logsumexp",
        "log_sum_exp",
        LOG_SUM_EXP,
        _table(place=(*_WITH_ROWS, *SEVERAL_AXES, *ALL_AXES), kept=(False, True)),
        axis=True,
    ),
    Function("logcumsumexp", "cumulated", LOG_SUM_EXP, _table(FINITE, place=_WITH_ROWS), axis=True),
    Function(
        "logaddexp", "merged", LOG_SUM_EXP, _table(FINITE, place=ELEMENTS[:-1], beside=("other", "same")), legal=_legal
    ),
    Function(
        "indices",
        "cross_entropy",
        INDICES,
        _table(
            FINITE,
            place=LAST_AXIS,
            index=("int32", "int64", "uint8"),
            ignored=(None, 7, 1),
            smoothing=(0.0, 0.25),
            **_REDUCED,
        ),
        legal=_legal,
    ),
    Function(
        "cross_entropy",
        "cross_entropy",
        INDICES,
        _table(FINITE, place=_SECOND, smoothing=(0.0, 0.25), **_REDUCED),
        legal=_legal,
    ),
    Function(
        "cross_entropy_of_shares",
        "cross_entropy",
        DISTRIBUTIONS,
        _table(FINITE, place=_SECOND, smoothing=(0.0, 0.25), **_REDUCED),
        {"labels": "shares"},
        legal=_legal,
    ),
    Function(
        "nll_loss",
        "nll",
        INDICES,
        _table(FINITE, place=_SECOND, weight=(False, True), ignored=(None, 7, 1), **_REDUCED),
        legal=_legal,
    ),
    Function(
        "binary",
        "binary",
        SIGMOID,
        _table(FINITE, place=ELEMENTS[:-1], boost=(False, True), **_REDUCED),
        legal=_legal,
    ),
    Function(
        "binary_of_probabilities", "binary", SIGMOID, _table(_SMALL, place=ELEMENTS[:-1], **_REDUCED), legal=_legal
    ),
    Function("whole_softmax", "softmax", SOFTMAX, _WHOLE, _VALUE, axis=True),
    Function("whole_log_softmax", "log_softmax", LOG_SOFTMAX, _WHOLE, _VALUE, axis=True),
    Function("whole_logsumexp", "log_sum_exp", LOG_SUM_EXP, _WHOLE, _VALUE, axis=True),
    Function("refused_softmax", "refused", SOFTMAX, _SHORT, axis=True),
    Function("refused_log_softmax", "refused", LOG_SOFTMAX, _SHORT, axis=True),
    Function("refused_logsumexp", "refused", LOG_SUM_EXP, _SHORT, axis=True),
    Function("logsigmoid", "log_sigmoid", SIGMOID, _table(FINITE, place=ELEMENTS[:-1]), legal=_legal),
    Function("softplus", "softplus", SIGMOID, _table(FINITE, place=ELEMENTS[:-1]), legal=_legal),
    Function("sigmoid", "sigmoid", SIGMOID, _table(FINITE, place=ELEMENTS[:-1]), legal=_legal),
)
