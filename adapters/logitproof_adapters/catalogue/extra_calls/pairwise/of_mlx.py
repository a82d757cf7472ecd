"""MLX's functions from logits to losses (https://ml-explore.github.io/mlx/build/html/python/nn/losses.html)."""

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
    CERTAIN,
    ELEMENTS,
    FINITE,
    KINDS,
    PAIRS,
    PLACES,
    REDUCTIONS,
    REFUSED,
    REFUSING,
    SEVERAL_AXES,
    WHATS,
    WHOLE,
    WORDS,
    Function,
)

if TYPE_CHECKING:
    from logitproof_adapters.catalogue.extra_calls.pairwise.tables import Case

PROGRAM = (
    f"""\
import mlx.core as mx
import mlx.nn as nn
{INPUTS}

{WORDS}
eager, compiled, mapped = "eager compiled mapped".split()
dense, transposed, sliced = "dense transposed sliced".split()
float16, bfloat16, float32 = mx.float16, mx.bfloat16, mx.float32
int32, uint32, int64, uint8 = mx.int32, mx.uint32, mx.int64, mx.uint8
"""
    """

def array(numbers, form):
    return mx.array(np.asarray(numbers, dtype=np.float32)).astype(form)


def whole(numbers, form):
    return mx.array(np.asarray(numbers, dtype=np.int32)).astype(form)


def laid(numbers, form, layout):
    x = array(numbers, form)
    if layout == "transposed":
        return mx.transpose(mx.contiguous(mx.transpose(x)))
    if layout == "sliced" and x.ndim:
        return mx.stack([x, x + 1], -1).reshape(*x.shape[:-1], 2 * x.shape[-1])[..., ::2]
    return x


def runner(function, way):
    if way == "mapped":
        many = mx.vmap(function, in_axes=-1, out_axes=-1)
        return lambda x: many(mx.stack([x + 1, x], -1))[..., 1]
    if way == "compiled":
        return mx.compile(function)
    return function


def asked(function, x, way, what):
    plain = function
    if what == "bent":
        function, what = lambda x: 0.5 * plain(x) * plain(x), "curve"
    run = runner(function, way)

    def of_cotangent(x):
        shape = function(x).shape
        return mx.vjp(run, [x], [array(cotangent_of(tuple(shape)), x.dtype)])[1][0]

    def pushed(function, x):
        return mx.jvp(function, [x], [array(tangent_of(tuple(x.shape)), x.dtype)])[1][0]

    if what == "value":
        found = run(x)
    elif what == "slope":
        found = of_cotangent(x)
    elif what == "push":
        found = pushed(run, x)
    else:
        found = pushed(of_cotangent, x)
    if found.dtype != x.dtype:
        raise TypeError(f"{found.dtype} where {x.dtype} is expected")
    return np.array(found.astype(mx.float32), dtype=np.float64).ravel().tolist()


def given(shape, axis, kind, form, layout):
    return laid(logits_of(shape, kind, axis[0] if isinstance(axis, tuple) else axis), form, layout)


def softmax(shape, axis, kind, form, layout, way, what, spelling):
    function = {"plain": lambda x: mx.softmax(x, axis), "precise": lambda x: mx.softmax(x, axis, precise=True),
                "module": lambda x: nn.softmax(x, axis)}[spelling]
    return asked(function, given(shape, axis, kind, form, layout), way, what)


plain, precise, module = "plain precise module".split()


def log_softmax(shape, axis, kind, form, layout, way, what):
    return asked(lambda x: nn.log_softmax(x, axis), given(shape, axis, kind, form, layout), way, what)


def softmin(shape, axis, kind, form, layout, way, what):
    return asked(lambda x: nn.softmin(x, axis), given(shape, axis, kind, form, layout), way, what)


def logsumexp(shape, axis, kind, form, layout, way, what, kept):
    return asked(lambda x: mx.logsumexp(x, axis, keepdims=kept), given(shape, axis, kind, form, layout), way, what)


def logcumsumexp(shape, axis, kind, form, layout, way, what):
    return asked(lambda x: mx.logcumsumexp(x, axis=axis), given(shape, axis, kind, form, layout), way, what)


def logaddexp(shape, kind, form, layout, way, what, beside):
    x = given(shape, -1, kind, form, layout)
    y = x if beside == "same" else array(tangent_of(shape), form)
    return asked(lambda x: mx.logaddexp(x, y), x, way, what)


def logaddexp_by_other(shape, kind, form, layout, way):
    x = given(shape, -1, kind, form, layout)
    return asked(lambda y: mx.logaddexp(x, y), array(tangent_of(shape), form), way, "slope")


def cross_entropy(shape, axis, kind, form, layout, way, what, index, of_rows, smoothing, reduction):
    labels = classes_of(shape, kind, axis)
    weights = array(factors_of(labels.shape), form) if of_rows else None
    labels = whole(labels, index)

    def loss(x):
        return nn.losses.cross_entropy(x, labels, weights, axis=axis, label_smoothing=smoothing, reduction=reduction)

    return asked(loss, given(shape, axis, kind, form, layout), way, what)


def cross_entropy_of_shares(shape, axis, kind, form, layout, way, what, smoothing, reduction):
    labels = array(shares_of(shape, kind, axis), form)

    def loss(x):
        return nn.losses.cross_entropy(x, labels, axis=axis, label_smoothing=smoothing, reduction=reduction)

    return asked(loss, given(shape, axis, kind, form, layout), way, what)


def nll_loss(shape, axis, kind, form, layout, way, what, reduction):
    labels = whole(classes_of(shape, kind, axis), int32)
    return asked(lambda x: nn.losses.nll_loss(x, labels, axis, reduction), given(shape, axis, kind, form, layout), way,
                 what)


def binary_cross_entropy(shape, kind, form, layout, way, what, weight, reduction):
    labels = array(truths_of(shape), form)
    weights = array(factors_of(shape), form) if weight else None

    def loss(x):
        return nn.losses.binary_cross_entropy(x, labels, weights, reduction=reduction)

    return asked(loss, given(shape, -1, kind, form, layout), way, what)


def kl_div_loss(shape, kind, form, layout, way, what, reduction):
    labels = mx.log(array(shares_of(shape, kind), form))
    return asked(lambda x: nn.losses.kl_div_loss(nn.log_softmax(x), labels, reduction=reduction),
                 given(shape, -1, kind, form, layout), way, what)


def elementwise(function):
    def of(shape, kind, form, layout, way, what):
        return asked(function, given(shape, -1, kind, form, layout), way, what)

    return of


logsigmoid = elementwise(lambda x: nn.log_sigmoid(x))
softplus, sigmoid = elementwise(lambda x: nn.softplus(x)), elementwise(lambda x: mx.sigmoid(x))
"""
    + REFUSING
    + """


def whole_of(function):
    def of(shape, axis, kind, form, index):
        return np.array(function(whole(logits_of(shape, kind, axis), index), axis), dtype=np.float64).ravel().tolist()

    return of


whole_softmax = whole_of(lambda x, axis: mx.softmax(x, axis))
whole_log_softmax = whole_of(lambda x, axis: nn.log_softmax(x, axis))
whole_logsumexp = whole_of(lambda x, axis: mx.logsumexp(x, axis))

refused_softmax = refusing(lambda x, axis: mx.eval(mx.softmax(mx.array(x), axis)))
refused_log_softmax = refusing(lambda x, axis: mx.eval(nn.log_softmax(mx.array(x), axis)))
refused_logsumexp = refusing(lambda x, axis: mx.eval(mx.logsumexp(mx.array(x), axis)))
"""
)


def _legal(case: Case) -> bool:
    """Return whether MLX documents it: -inf with a share of zero is not, nor what compiled code has from without."""
    if case.get("beside") == "same" and case["way"] == "compiled":
        return False
    return not (case["kind"] == "masked" and case.get("labels") == "shares")


def _table(kinds: Any = KINDS, **factors: Any) -> dict[str, Any]:
    return {
        "kind": kinds,
        "form": ("float32", "float16", "bfloat16"),
        "layout": ("dense", "transposed", "sliced"),
        "way": ("eager", "compiled", "mapped"),
        "what": WHATS,
        **factors,
    }


_WITH_ROWS = tuple(place for place in PLACES if 0 not in place[0])
_WHOLE: dict[str, Any] = {**WHOLE, "index": ("int32", "int64")}
_VALUE: dict[str, Any] = {"what": "value"}
_SHORT: dict[str, Any] = {**REFUSED, "place": (((2, 3), 2), ((2, 3), -3), ((3,), 2))}

FUNCTIONS = (
    Function(
        "softmax",
        "softmax",
        SOFTMAX,
        _table(place=(*PLACES, *SEVERAL_AXES, *ALL_AXES), spelling=("plain", "precise", "module")),
        axis=True,
    ),
    Function("log_softmax", "log_softmax", LOG_SOFTMAX, _table(place=PLACES), axis=True),
    Function("softmin", "softmin", SOFTMAX, _table(FINITE, place=PLACES), axis=True),
    Function(
        "logsumexp",
        "log_sum_exp",
        LOG_SUM_EXP,
        _table(place=(*PLACES, *SEVERAL_AXES, *ALL_AXES), kept=(False, True)),
        axis=True,
    ),
    Function("logcumsumexp", "cumulated", LOG_SUM_EXP, _table(FINITE, place=_WITH_ROWS), axis=True),
    Function("logaddexp", "merged", LOG_SUM_EXP, _table(FINITE, place=ELEMENTS, beside=("other",))),
    Function("logaddexp", "merged", LOG_SUM_EXP, _table(FINITE, place=ELEMENTS[:3], beside=("same",)), legal=_legal),
    Function(
        "cross_entropy",
        "cross_entropy",
        INDICES,
        _table(
            place=_WITH_ROWS,
            index=("int32", "uint32", "int64", "uint8"),
            of_rows=(False, True),
            smoothing=(0.0, 0.25),
            reduction=REDUCTIONS,
        ),
        {"over": "all"},
        axis=True,
        legal=_legal,
    ),
    Function(
        "cross_entropy_of_shares",
        "cross_entropy",
        DISTRIBUTIONS,
        _table(place=_WITH_ROWS, smoothing=(0.0, 0.25), reduction=REDUCTIONS),
        {"labels": "shares"},
        axis=True,
        legal=_legal,
    ),
    Function("nll_loss", "nll", INDICES, _table(FINITE, place=_WITH_ROWS, reduction=REDUCTIONS), axis=True),
    Function(
        "binary_cross_entropy",
        "binary",
        SIGMOID,
        _table(FINITE, place=ELEMENTS, weight=(False, True), reduction=REDUCTIONS),
    ),
    Function(
        "kl_div_loss",
        "divergence",
        DISTRIBUTIONS,
        _table(("typical", "level"), place=PAIRS, reduction=REDUCTIONS),
        {"summed": True},
    ),
    Function(
        "logaddexp_by_other",
        "by_other",
        LOG_SUM_EXP,
        {
            "kind": FINITE,
            "form": ("float32",),
            "layout": ("dense", "sliced"),
            "way": ("eager", "mapped"),
            "place": ELEMENTS[:4],
        },
        {"what": "value", "by": "other"},
    ),
    Function("whole_softmax", "softmax", SOFTMAX, _WHOLE, _VALUE, axis=True),
    Function("whole_log_softmax", "log_softmax", LOG_SOFTMAX, _WHOLE, _VALUE, axis=True),
    Function("whole_logsumexp", "log_sum_exp", LOG_SUM_EXP, _WHOLE, _VALUE, axis=True),
    Function("refused_softmax", "refused", SOFTMAX, _SHORT, axis=True),
    Function("refused_log_softmax", "refused", LOG_SOFTMAX, _SHORT, axis=True),
    Function("refused_logsumexp", "refused", LOG_SUM_EXP, _SHORT, axis=True),
    Function("logsigmoid", "log_sigmoid", SIGMOID, _table(CERTAIN, place=ELEMENTS)),
    Function("softplus", "softplus", SIGMOID, _table(CERTAIN, place=ELEMENTS)),
    Function("sigmoid", "sigmoid", SIGMOID, _table(CERTAIN, place=ELEMENTS)),
)
