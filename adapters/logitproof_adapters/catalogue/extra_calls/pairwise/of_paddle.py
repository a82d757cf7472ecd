"""Paddle's functions from logits to losses (https://www.paddlepaddle.org.cn/documentation/docs/en/api/paddle/nn/functional/Overview_en.html)."""

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
    LAST_AXIS,
    PAIRS,
    PLACES,
    REDUCTIONS,
    REFUSED,
    REFUSING,
    SECOND_AXIS,
    SEVERAL_AXES,
    WORDS,
    Function,
)

if TYPE_CHECKING:
    from logitproof_adapters.catalogue.extra_calls.pairwise.tables import Case

PROGRAM = (
    f"""\
import paddle
import paddle.nn.functional as F
{INPUTS}

{WORDS}
dense, transposed, sliced = "dense transposed sliced".split()
functional, module, inplace, wide = "functional module inplace wide".split()
float32, float64 = "float32", "float64"
int32, int64, uint8, int16 = "int32 int64 uint8 int16".split()
paddle.set_device("cpu")
"""
    """

def tensor(numbers, form):
    return paddle.to_tensor(np.asarray(numbers), dtype=form)


def laid(numbers, form, layout):
    x = tensor(numbers, form)
    if layout == "transposed" and x.ndim > 1:
        order = list(range(x.ndim))[::-1]
        return x.transpose(order).contiguous().transpose(order)
    if layout == "sliced" and x.ndim and x.size:
        return paddle.stack([x, x + 1], -1).flatten(-2)[..., ::2]
    return x


def asked(function, x, what, form=None):
    if what == "value":
        found = function(x)
    else:
        x = x.detach()
        x.stop_gradient = False
        y = function(x)
        (found,) = paddle.grad(y, x, grad_outputs=tensor(cotangent_of(tuple(y.shape)), str(y.dtype).split(".")[-1]))
    expected = x.dtype if form is None or what != "value" else form
    if str(found.dtype).split(".")[-1] != str(expected).split(".")[-1]:
        raise TypeError(f"{found.dtype} where {expected} is expected")
    return np.asarray(found.numpy(), dtype=np.float64).ravel().tolist()


def given(shape, axis, kind, form, layout):
    return laid(logits_of(shape, kind, axis[0] if isinstance(axis, tuple) else axis), form, layout)


def softmax(shape, axis, kind, form, layout, what, spelling):
    function = {
        "functional": lambda x: F.softmax(x, axis),
        "module": paddle.nn.Softmax(axis),
        "inplace": lambda x: F.softmax_(x.clone(), axis),
        "wide": lambda x: F.softmax(x, axis, dtype="float64"),
    }[spelling]
    return asked(function, given(shape, axis, kind, form, layout), what, "float64" if spelling == "wide" else None)


def log_softmax(shape, axis, kind, form, layout, what, spelling):
    function = {
        "functional": lambda x: F.log_softmax(x, axis),
        "module": paddle.nn.LogSoftmax(axis),
        "wide": lambda x: F.log_softmax(x, axis, dtype="float64"),
    }[spelling]
    return asked(function, given(shape, axis, kind, form, layout), what, "float64" if spelling == "wide" else None)


def logsumexp(shape, axis, kind, form, layout, what, kept):
    axis = list(axis) if isinstance(axis, tuple) else axis
    x = given(shape, axis[0] if isinstance(axis, list) else axis, kind, form, layout)
    return asked(lambda x: paddle.logsumexp(x, axis, kept), x, what)


def logcumsumexp(shape, axis, kind, form, layout, what):
    return asked(lambda x: paddle.logcumsumexp(x, axis), given(shape, axis, kind, form, layout), what)


def logaddexp(shape, kind, form, layout, what, beside):
    x = given(shape, -1, kind, form, layout)
    y = x.clone() if beside == "same" else tensor(tangent_of(shape), form)
    return asked(lambda x: paddle.logaddexp(x, y), x, what)


def logaddexp_by_other(shape, kind, form, layout):
    x = given(shape, -1, kind, form, layout)
    return asked(lambda y: paddle.logaddexp(x, y), tensor(tangent_of(shape), form), "slope")


def logit(shape, kind, form, layout, what):
    return asked(lambda x: paddle.logit(F.sigmoid(x)), given(shape, -1, kind, form, layout), what)


def cross_entropy(shape, axis, kind, form, layout, what, index, column, weight, ignored, reduction, spelling):
    labels = classes_of(shape, kind, axis)
    options = {"reduction": reduction}
    if ignored is not None:
        labels = np.where(np.arange(labels.size).reshape(labels.shape) % 3 == 2, ignored, labels)
        options["ignore_index"] = ignored
    if weight:
        options["weight"] = tensor(weights_of(shape[axis]), form)
    rest = labels.shape
    labels = tensor(np.expand_dims(labels, axis) if column else labels, index)

    def loss(x):
        if spelling == "module":
            y = paddle.nn.CrossEntropyLoss(axis=axis, **options)(x, labels)
        else:
            y = F.cross_entropy(x, labels, axis=axis, **options)
        return y.reshape(rest) if reduction == "none" else y

    return asked(loss, given(shape, axis, kind, form, layout), what)


def cross_entropy_of_shares(shape, axis, kind, form, layout, what, smoothing, reduction):
    labels = laid(shares_of(shape, kind, axis), form, layout)
    rest = classes_of(shape, kind, axis).shape

    def loss(x):
        y = F.cross_entropy(x, labels, axis=axis, soft_label=True, label_smoothing=smoothing, reduction=reduction)
        return y.reshape(rest) if reduction == "none" else y

    return asked(loss, given(shape, axis, kind, form, layout), what)


def smoothed(shape, kind, form, layout, what, smoothing, reduction):
    labels = tensor(classes_of(shape, kind), int64)
    rest = tuple(labels.shape)

    def loss(x):
        y = F.cross_entropy(x, labels, label_smoothing=smoothing, reduction=reduction)
        return y.reshape(rest) if reduction == "none" else y

    return asked(loss, given(shape, -1, kind, form, layout), what)


def with_softmax(shape, axis, kind, form, layout, what):
    labels = tensor(np.expand_dims(classes_of(shape, kind, axis), axis), int64)
    return asked(lambda x: F.softmax_with_cross_entropy(x, labels, axis=axis), given(shape, axis, kind, form, layout),
                 what)


def nll_loss(shape, kind, form, layout, what, weight, ignored, reduction):
    axis = 1 if len(shape) > 1 else 0
    labels = classes_of(shape, kind, axis)
    options = {"weight": tensor(weights_of(shape[axis]), form) if weight else None, "reduction": reduction}
    if ignored is not None:
        labels = np.where(np.arange(labels.size).reshape(labels.shape) % 3 == 2, ignored, labels)
        options["ignore_index"] = ignored
    labels = tensor(labels, int64)
    return asked(lambda x: F.nll_loss(x, labels, **options), given(shape, axis, kind, form, layout), what)


def binary_cross_entropy(shape, kind, form, layout, what, weight, boost, reduction):
    labels = laid(truths_of(shape), form, layout)
    options = {"reduction": reduction}
    if weight:
        options["weight"] = tensor(factors_of(shape), form)
    if boost:
        options["pos_weight"] = tensor(weights_of(shape[-1]), form)
    return asked(lambda x: F.binary_cross_entropy_with_logits(x, labels, **options),
                 given(shape, -1, kind, form, layout), what)


def binary_of_probabilities(shape, kind, form, layout, what, weight, reduction):
    labels = laid(truths_of(shape), form, layout)
    weights = tensor(factors_of(shape), form) if weight else None
    return asked(lambda x: F.binary_cross_entropy(F.sigmoid(x), labels, weights, reduction),
                 given(shape, -1, kind, form, layout), what)


def soft_margin(shape, kind, form, layout, what, reduction):
    labels = tensor(2.0 * np.floor(truths_of(shape) + 0.25) - 1.0, form)
    return asked(lambda x: F.soft_margin_loss(x, labels, reduction), given(shape, -1, kind, form, layout), what)


def several_labels(shape, kind, form, layout, what, columns, reduction):
    labels = tensor(np.floor(truths_of(shape) + 0.25), form)
    weights = tensor(weights_of(shape[-1]), form) if columns else None
    return asked(lambda x: F.multi_label_soft_margin_loss(x, labels, weights, reduction),
                 given(shape, -1, kind, form, layout), what)


def focal(shape, kind, form, layout, what, gamma, reduction):
    labels = tensor(np.floor(truths_of(shape) + 0.25), form)
    return asked(lambda x: F.sigmoid_focal_loss(x, labels, gamma=gamma, reduction=reduction),
                 given(shape, -1, kind, form, layout), what)


def kl_div(shape, kind, form, layout, what, reduction, logarithm):
    labels = laid(shares_of(shape, kind), form, layout)
    if logarithm:
        labels = labels.log()
    return asked(lambda x: F.kl_div(F.log_softmax(x, -1), labels, reduction, logarithm),
                 given(shape, -1, kind, form, layout), what)


def elementwise(function):
    def of(shape, kind, form, layout, what):
        return asked(function, given(shape, -1, kind, form, layout), what)

    return of


logsigmoid = elementwise(lambda x: F.log_sigmoid(x))
softplus, sigmoid = elementwise(lambda x: F.softplus(x)), elementwise(lambda x: F.sigmoid(x))
"""
    + REFUSING
    + """

refused_softmax = refusing(lambda x, axis: F.softmax(paddle.to_tensor(x), axis))
refused_log_softmax = refusing(lambda x, axis: F.log_softmax(paddle.to_tensor(x), axis))
refused_logsumexp = refusing(lambda x, axis: paddle.logsumexp(paddle.to_tensor(x), axis))
"""
)


def _legal(case: Case) -> bool:
    """Return whether Paddle documents it.

    It counts ignored rows in a mean as its release documents it, which the matrix judges; a negative class is none to
    ignore, and one among the classes that does not occur in a format without a sign.
    """
    if case.get("ignored") is not None and (case.get("reduction") == "mean" or case["what"] != "value"):
        return False
    if case["op"] == "binary" and case.get("boost") and not case["shape"]:
        return False
    return not (case.get("logarithm") and case["shape"][-1] != 2)


def _table(kinds: Any = FINITE, **factors: Any) -> dict[str, Any]:
    return {
        "kind": kinds,
        "form": ("float32", "float64"),
        "layout": ("dense", "transposed", "sliced"),
        "what": ("value", "slope"),
        **factors,
    }


_WITH_ROWS = tuple(place for place in PLACES if 0 not in place[0])
_UP_TO_FOUR = tuple(place for place in PLACES if len(place[0]) < 5)
"""What log-sum-exp is documented to take."""
_SHORT: dict[str, Any] = {**REFUSED, "place": (((2, 3), 2), ((2, 3), -3), ((3,), 2))}
_WITH_AXES = tuple(place for place in _WITH_ROWS if len(place[0]) > 1 and place[1] >= -1)
"""Axes of cross-entropy are documented from -1 on."""
_SECOND = tuple(place for place in SECOND_AXIS if len(place[0]) > 1)
_REDUCED: dict[str, Any] = {"reduction": REDUCTIONS}

FUNCTIONS = (
    Function(
        "softmax",
        "softmax",
        SOFTMAX,
        _table(place=PLACES, spelling=("functional", "module", "inplace", "wide")),
        axis=True,
    ),
    Function(
        "log_softmax",
        "log_softmax",
        LOG_SOFTMAX,
        _table(place=PLACES, spelling=("functional", "module", "wide")),
        axis=True,
    ),
    Function(
        "logsumexp",
        "log_sum_exp",
        LOG_SUM_EXP,
        _table(place=(*_UP_TO_FOUR, *SEVERAL_AXES, *ALL_AXES), kept=(False, True)),
        axis=True,
    ),
    Function("logcumsumexp", "cumulated", LOG_SUM_EXP, _table(place=_WITH_ROWS), axis=True),
    Function("logaddexp", "merged", LOG_SUM_EXP, _table(place=ELEMENTS, beside=("other",))),
    Function("logaddexp", "merged", LOG_SUM_EXP, _table(place=ELEMENTS[:3], beside=("same",))),
    Function(
        "cross_entropy",
        "cross_entropy",
        INDICES,
        _table(
            place=_WITH_AXES,
            index=("int64", "int32"),
            column=(False, True),
            weight=(False, True),
            ignored=(None, 7, 1),
            **_REDUCED,
            spelling=("functional", "module"),
        ),
        axis=True,
        legal=_legal,
    ),
    Function(
        "cross_entropy_of_shares",
        "cross_entropy",
        DISTRIBUTIONS,
        _table(place=_WITH_AXES, smoothing=(0.0, 0.25), **_REDUCED),
        {"labels": "shares"},
        axis=True,
        legal=_legal,
    ),
    Function(
        "smoothed", "cross_entropy", INDICES, _table(place=LAST_AXIS, smoothing=(0.25, 0.5), **_REDUCED), legal=_legal
    ),
    Function("with_softmax", "cross_entropy", INDICES, _table(place=_WITH_AXES), axis=True, legal=_legal),
    Function(
        "nll_loss",
        "nll",
        INDICES,
        _table(place=_SECOND, weight=(False, True), ignored=(None, 7, 1), **_REDUCED),
        legal=_legal,
    ),
    Function(
        "binary_cross_entropy",
        "binary",
        SIGMOID,
        _table(place=ELEMENTS, weight=(False, True), boost=(False, True), **_REDUCED),
        legal=_legal,
    ),
    Function(
        "binary_of_probabilities",
        "binary",
        SIGMOID,
        _table(("typical", "level"), place=ELEMENTS, weight=(False, True), **_REDUCED),
        legal=_legal,
    ),
    Function(
        "soft_margin", "binary", SIGMOID, _table(("typical", "level"), place=ELEMENTS, **_REDUCED), {"hard": True}
    ),
    Function(
        "several_labels",
        "binary",
        SIGMOID,
        _table(place=LAST_AXIS, columns=(False, True), **_REDUCED),
        {"hard": True, "averaged": True},
    ),
    Function(
        "focal",
        "focal",
        SIGMOID,
        _table(place=ELEMENTS, gamma=(2.0, 1.0, 0.0), **_REDUCED),
        {"alpha": 0.25},
    ),
    Function(
        "kl_div",
        "divergence",
        DISTRIBUTIONS,
        _table(
            ("typical", "level"),
            place=(*PAIRS, *LAST_AXIS),
            reduction=(*REDUCTIONS, "batchmean"),
            logarithm=(False, True),
        ),
        legal=_legal,
    ),
    Function("refused_softmax", "refused", SOFTMAX, _SHORT, axis=True),
    Function("refused_log_softmax", "refused", LOG_SOFTMAX, _SHORT, axis=True),
    Function("refused_logsumexp", "refused", LOG_SUM_EXP, _SHORT, axis=True),
    Function("logsigmoid", "log_sigmoid", SIGMOID, _table(place=ELEMENTS)),
    Function("softplus", "softplus", SIGMOID, _table(place=ELEMENTS)),
    Function("sigmoid", "sigmoid", SIGMOID, _table(place=ELEMENTS)),
    Function("logit", "logit", SIGMOID, _table(("typical", "level"), place=ELEMENTS)),
    Function(
        "logaddexp_by_other",
        "by_other",
        LOG_SUM_EXP,
        {
            "kind": FINITE,
            "form": ("float32", "float64"),
            "layout": ("dense", "transposed", "sliced"),
            "place": ELEMENTS[:4],
        },
        {"what": "value", "by": "other"},
    ),
)
