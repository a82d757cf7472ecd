"""TensorFlow's functions from logits to losses (https://www.tensorflow.org/api_docs/python/tf/nn)."""

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
    FORMS,
    FRAMES,
    KINDS,
    LAST_AXIS,
    OF_PARTS,
    PLACES,
    REDUCTIONS,
    REFUSED,
    REFUSING,
    SEVERAL_AXES,
    TAILS,
    WHATS,
    WORDS,
    Function,
)

if TYPE_CHECKING:
    from logitproof_adapters.catalogue.extra_calls.pairwise.tables import Case

PROGRAM = (
    f"""\
import tensorflow as tf
{INPUTS}

{WORDS}
eager, graph, compiled, mapped = "eager graph compiled mapped".split()
float16, bfloat16, float32, float64 = tf.float16, tf.bfloat16, tf.float32, tf.float64
int32, int64, uint8 = tf.int32, tf.int64, tf.uint8
"""
    """

def runner(function, way):
    if way == "mapped":
        return lambda x: tf.vectorized_map(function, tf.stack([x + 1, x]))[1]
    return function


def along(x, numbers):
    return tf.constant(numbers(tuple(x.shape)), dtype=x.dtype)


def asked(function, x, way, what):
    plain = function
    if what == "bent":
        function, what = lambda x: 0.5 * plain(x) * plain(x), "curve"
    run = runner(function, way)

    def slope_of(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = run(x)
            total = tf.reduce_sum(y * along(y, cotangent_of))
        return tape.gradient(total, x)

    def push_of(x):
        with tf.autodiff.ForwardAccumulator(x, along(x, tangent_of)) as accumulator:
            y = run(x)
        return accumulator.jvp(y)

    def curve_of(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(slope_of(x) * along(x, tangent_of))
        return tape.gradient(total, x)

    wanted = {"value": run, "slope": slope_of, "push": push_of, "curve": curve_of}[what]
    if way in ("graph", "compiled", "mapped"):
        wanted = tf.function(wanted, jit_compile=way == "compiled")
    found = wanted(x)
    if found.dtype != x.dtype:
        raise TypeError(f"{found.dtype} where {x.dtype} is expected")
    return tf.reshape(tf.cast(found, tf.float64), [-1]).numpy().tolist()


def given(shape, axis, kind, form):
    return tf.constant(logits_of(shape, kind, axis[0] if isinstance(axis, tuple) else axis), dtype=form)


def softmax(shape, axis, kind, form, way, what):
    return asked(lambda x: tf.nn.softmax(x, axis), given(shape, axis, kind, form), way, what)


def log_softmax(shape, axis, kind, form, way, what):
    return asked(lambda x: tf.nn.log_softmax(x, axis), given(shape, axis, kind, form), way, what)


def logsumexp(shape, axis, kind, form, way, what, kept):
    return asked(lambda x: tf.reduce_logsumexp(x, axis, kept), given(shape, axis, kind, form), way, what)


def logcumsumexp(shape, axis, kind, form, way, what):
    return asked(lambda x: tf.math.cumulative_logsumexp(x, axis), given(shape, axis, kind, form), way, what)


def indices(shape, kind, form, way, what, index):
    labels = tf.constant(classes_of(shape, kind), dtype=index)

    def loss(x):
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=x)

    return asked(loss, given(shape, -1, kind, form), way, what)


def shares(shape, axis, kind, form, way, what):
    labels = tf.constant(shares_of(shape, kind, axis), dtype=form)

    def loss(x):
        return tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=x, axis=axis)

    return asked(loss, given(shape, axis, kind, form), way, what)


def binary(shape, kind, form, way, what):
    labels = tf.constant(truths_of(shape), dtype=form)
    return asked(lambda x: tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=x),
                 given(shape, -1, kind, form), way, what)


def weighted_binary(shape, kind, form, way, what):
    labels, boost = tf.constant(truths_of(shape), dtype=form), tf.constant(weights_of(shape[-1]), dtype=form)

    def loss(x):
        return tf.nn.weighted_cross_entropy_with_logits(labels, x, boost)

    return asked(loss, given(shape, -1, kind, form), way, what)


def elementwise(function):
    def of(shape, kind, form, way, what):
        return asked(function, given(shape, -1, kind, form), way, what)

    return of


logsigmoid = elementwise(lambda x: tf.math.log_sigmoid(x))
softplus = elementwise(lambda x: tf.math.softplus(x))
sigmoid = elementwise(lambda x: tf.math.sigmoid(x))


V1 = {"none": "none", "sum": "weighted_sum", "mean": "weighted_mean"}


def of_v1(shape, kind, form, way, what, smoothing, reduction):
    labels = tf.constant(np.eye(shape[-1])[classes_of(shape, kind)], dtype=form)

    def loss(x):
        return tf.compat.v1.losses.softmax_cross_entropy(labels, x, label_smoothing=smoothing, reduction=V1[reduction])

    return asked(loss, given(shape, -1, kind, form), way, what)


def binary_of_v1(shape, kind, form, way, what, smoothing, reduction):
    labels = tf.constant(np.floor(truths_of(shape) + 0.25), dtype=form)

    def loss(x):
        return tf.compat.v1.losses.sigmoid_cross_entropy(labels, x, label_smoothing=smoothing, reduction=V1[reduction])

    return asked(loss, given(shape, -1, kind, form), way, what)


def of_parts(function):
    def of(shape, kind, form, way, what):
        truths = tf.constant(truths_of(shape), dtype=form)
        return asked(lambda x: function(tf.math.sigmoid(x), truths), given(shape, -1, kind, form), way, what)

    return of


xlogy = of_parts(lambda p, y: tf.math.xlogy(y, p))
xlog1py = of_parts(lambda p, y: tf.math.xlog1py(y, -p))


def ctc_loss(shape, kind, form, way, what):
    lengths = tf.ones(shape[1], tf.int32)

    def loss(x):
        return tf.nn.ctc_loss(tf.ones((shape[1], 1), tf.int32), x, lengths, 2 * lengths, blank_index=0)

    return asked(loss, given(shape, -1, kind, form), way, what)
"""
    + REFUSING
    + """

refused_softmax = refusing(lambda x, axis: tf.nn.softmax(x, axis))
refused_log_softmax = refusing(lambda x, axis: tf.nn.log_softmax(x, axis))
refused_logsumexp = refusing(lambda x, axis: tf.reduce_logsumexp(x, axis))
refused_shares = refusing(lambda x, axis: tf.nn.softmax_cross_entropy_with_logits(x, x, axis))
"""
)

_WAYS = ("eager", "graph", "compiled", "mapped")


def _legal(case: Case) -> bool:
    """Return whether TensorFlow documents it: vectorized_map maps the leading axis of what has one."""
    if case["what"] in ("push", "curve", "bent") and case["way"] == "mapped":
        return False
    return not (case["way"] == "mapped" and 0 in case["shape"])


def _of_shares(case: Case) -> bool:
    return _legal(case) and case["kind"] != "masked"


def _table(kinds: Any = KINDS, **factors: Any) -> dict[str, Any]:
    return {"kind": kinds, "form": FORMS, "way": _WAYS, "what": WHATS, **factors}


_V1: dict[str, Any] = {"smoothing": (0.0, 0.25), "reduction": REDUCTIONS}
_INDEX: dict[str, Any] = {"index": ("int64", "int32")}

FUNCTIONS = (
    Function("softmax", "softmax", SOFTMAX, _table(place=PLACES), axis=True, legal=_legal),
    Function("log_softmax", "log_softmax", LOG_SOFTMAX, _table(place=PLACES), axis=True, legal=_legal),
    Function(
        "logsumexp",
        "log_sum_exp",
        LOG_SUM_EXP,
        _table(place=(*PLACES, *SEVERAL_AXES, *ALL_AXES, ((2, 0), 1)), kept=(False, True)),
        axis=True,
        legal=_legal,
    ),
    Function("logcumsumexp", "cumulated", LOG_SUM_EXP, _table(FINITE, place=PLACES), axis=True, legal=_legal),
    Function("indices", "cross_entropy", INDICES, _table(place=LAST_AXIS, **_INDEX), legal=_legal),
    Function(
        "shares",
        "cross_entropy",
        DISTRIBUTIONS,
        _table(place=PLACES),
        {"labels": "shares"},
        axis=True,
        legal=_of_shares,
    ),
    Function("binary", "binary", SIGMOID, _table(FINITE, place=ELEMENTS), legal=_legal),
    Function("weighted_binary", "binary", SIGMOID, _table(FINITE, place=LAST_AXIS), {"boost": True}, legal=_legal),
    Function("logsigmoid", "log_sigmoid", SIGMOID, _table(TAILS, place=ELEMENTS), legal=_legal),
    Function(
        "ctc_loss",
        "alignment",
        INDICES,
        {**_table(("typical", "level"), place=FRAMES), "form": ("float32",)},
        {"normalised": True},
        legal=lambda case: case["way"] in ("eager", "graph") and case["what"] in ("value", "slope"),
    ),
    Function("refused_softmax", "refused", SOFTMAX, REFUSED, axis=True),
    Function("refused_log_softmax", "refused", LOG_SOFTMAX, REFUSED, axis=True),
    Function("refused_logsumexp", "refused", LOG_SUM_EXP, REFUSED, axis=True),
    Function("refused_shares", "refused", DISTRIBUTIONS, REFUSED, axis=True),
    Function("softplus", "softplus", SIGMOID, _table(TAILS, place=ELEMENTS), legal=_legal),
    Function("sigmoid", "sigmoid", SIGMOID, _table(CERTAIN, place=ELEMENTS), legal=_legal),
    Function("of_v1", "cross_entropy", INDICES, _table(FINITE, **_V1, place=LAST_AXIS), legal=_legal),
    Function("binary_of_v1", "binary", SIGMOID, _table(FINITE, **_V1, place=LAST_AXIS), {"hard": True}, legal=_legal),
    *(
        Function(name, op, SIGMOID, _table(("typical", "level"), place=ELEMENTS), fixed, legal=_legal)
        for name, op, fixed in OF_PARTS
        if name in ("xlogy", "xlog1py")
    ),
)
