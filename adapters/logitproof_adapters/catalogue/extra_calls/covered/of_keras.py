"""Keras's functions from logits to losses, whichever backend computes (https://keras.io/api/losses/, /api/ops/nn/)."""

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
from logitproof_adapters.catalogue.extra_calls.covered.inputs import INPUTS
from logitproof_adapters.catalogue.extra_calls.covered.tables import (
    ELEMENTS,
    FINITE,
    FORMS,
    KINDS,
    LAST_AXIS,
    PLACES,
    REDUCTIONS,
    SEVERAL_AXES,
    WORDS,
    Function,
)

if TYPE_CHECKING:
    from logitproof_adapters.catalogue.extra_calls.covered.tables import Case

PROGRAM = (
    f"""\
import keras
{INPUTS}

{WORDS}
eager, compiled = "eager compiled".split()
function, layer, loss = "function layer loss".split()
float16, bfloat16, float32, float64 = "float16 bfloat16 float32 float64".split()
int32, int64, uint8, int8 = "int32 int64 uint8 int8".split()
"""
    """

def tensor(numbers, form):
    if hasattr(keras, "ops"):
        return keras.ops.cast(keras.ops.convert_to_tensor(np.asarray(numbers)), form)
    import tensorflow as tf

    return tf.cast(np.asarray(numbers), form)


def slope_of(function, x):
    backend = keras.config.backend() if hasattr(keras, "config") else "tensorflow"

    def total(x):
        y = function(x)
        return keras.ops.sum(y * tensor(cotangent_of(tuple(y.shape)), x.dtype))

    if backend == "jax":
        import jax

        return jax.grad(total)(x)
    if backend == "torch":
        x = x.detach().requires_grad_()
        total(x).backward()
        return x.grad
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
        summed = tf.reduce_sum(y * tensor(cotangent_of(tuple(y.shape)), y.dtype))
    return tape.gradient(summed, x)


def compiled_of(function):
    backend = keras.config.backend() if hasattr(keras, "config") else "tensorflow"
    if backend == "jax":
        import jax

        return jax.jit(function)
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function)
    return function


def asked(function, x, way, what):
    if way == "compiled":
        function = compiled_of(function)
    found = function(x) if what == "value" else slope_of(function, x)
    here = keras.ops.convert_to_numpy(keras.ops.cast(found, "float32" if "16" in str(x.dtype) else x.dtype)) \\
        if hasattr(keras, "ops") else np.asarray(found)
    return np.asarray(here, dtype=np.float64).ravel().tolist()


def given(shape, axis, kind, form):
    return tensor(logits_of(shape, kind, axis[0] if isinstance(axis, tuple) else axis), form)


def softmax(shape, axis, kind, form, way, what, spelling):
    run = {"function": lambda x: keras.activations.softmax(x, axis), "layer": lambda x: keras.ops.softmax(x, axis),
           "loss": lambda x: keras.layers.Softmax(axis, dtype=form)(x)}[spelling]
    return asked(run, given(shape, axis, kind, form), way, what)


def log_softmax(shape, axis, kind, form, way, what, spelling):
    run = {"function": lambda x: keras.activations.log_softmax(x, axis),
           "layer": lambda x: keras.ops.log_softmax(x, axis)}[spelling]
    return asked(run, given(shape, axis, kind, form), way, what)


def logsumexp(shape, axis, kind, form, way, what, kept):
    return asked(lambda x: keras.ops.logsumexp(x, axis, kept), given(shape, axis, kind, form), way, what)


def reduced(loss, reduction, form):
    return loss(reduction={"mean": "sum_over_batch_size", "none": None}.get(reduction, reduction), dtype=form)


def indices(shape, axis, kind, form, way, what, index, column, ignored):
    labels = classes_of(shape, kind, axis)
    if ignored is not None:
        labels = np.where(np.arange(labels.size).reshape(labels.shape) % 3 == 2, ignored, labels)
    if column:
        labels = np.expand_dims(labels, axis)
    labels = tensor(labels, index)

    def loss(x):
        return keras.losses.sparse_categorical_crossentropy(
            labels, x, from_logits=True, ignore_class=ignored, axis=axis
        )

    return asked(loss, given(shape, axis, kind, form), way, what)


def shares(shape, axis, kind, form, way, what, smoothing, reduction):
    labels = tensor(shares_of(shape, kind, axis), form)

    def loss(x):
        if reduction == "none":
            return keras.losses.categorical_crossentropy(
                labels, x, from_logits=True, label_smoothing=smoothing, axis=axis
            )
        how = {"mean": "sum_over_batch_size"}.get(reduction, reduction)
        return keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=smoothing, axis=axis, reduction=how, dtype=form
        )(labels, x)

    return asked(loss, given(shape, axis, kind, form), way, what)


def binary(shape, kind, form, way, what, smoothing, hard):
    labels = truths_of(shape)
    labels = tensor(np.floor(labels + 0.25) if hard else labels, form)

    def loss(x):
        return keras.losses.binary_crossentropy(labels, x, from_logits=True, label_smoothing=smoothing)

    return asked(loss, given(shape, -1, kind, form), way, what)


def elementwise(name):
    def of(shape, kind, form, way, what, spelling):
        module = {"function": keras.activations, "layer": keras.ops}[spelling]
        names = {"logsigmoid": ("log_sigmoid",)}.get(name, (name,))
        return asked(getattr(module, names[0]), given(shape, -1, kind, form), way, what)

    return of


logsigmoid, softplus, sigmoid = map(elementwise, ("logsigmoid", "softplus", "sigmoid"))
"""
)


def _legal(case: Case) -> bool:
    """Return whether Keras documents it: smoothed and plain losses of -inf are none of its own."""
    if case["kind"] == "masked" and case["op"] == "cross_entropy":
        return False
    if case.get("column") and case.get("ignored") is not None and case["way"] == "compiled":
        return False
    return not (case.get("index") == "uint8" and (case.get("ignored") or 0) < 0)


def _table(kinds: Any = KINDS, **factors: Any) -> dict[str, Any]:
    return {"kind": kinds, "form": FORMS, "way": ("eager", "compiled"), "what": ("value", "slope"), **factors}


_WITH_AXES = tuple(place for place in PLACES if len(place[0]) > 1)
_SPELLED: dict[str, Any] = {"spelling": ("function", "layer")}

FUNCTIONS = (
    Function(
        "softmax",
        "softmax",
        SOFTMAX,
        _table(FINITE, place=_WITH_AXES, spelling=("function", "layer", "loss")),
        axis=True,
        legal=_legal,
    ),
    Function(
        "log_softmax", "log_softmax", LOG_SOFTMAX, _table(FINITE, place=_WITH_AXES, **_SPELLED), axis=True, legal=_legal
    ),
    Function(
        "logsumexp",
        "log_sum_exp",
        LOG_SUM_EXP,
        _table(place=(*PLACES, *SEVERAL_AXES), kept=(False, True)),
        axis=True,
        legal=_legal,
    ),
    Function(
        "indices",
        "cross_entropy",
        INDICES,
        _table(
            FINITE,
            place=_WITH_AXES,
            index=("int32", "int64", "uint8", "int8"),
            column=(False, True),
            ignored=(None, -1, 1),
        ),
        axis=True,
        legal=_legal,
    ),
    Function(
        "shares",
        "cross_entropy",
        DISTRIBUTIONS,
        _table(FINITE, place=_WITH_AXES, smoothing=(0.0, 0.25), reduction=REDUCTIONS),
        {"labels": "shares"},
        axis=True,
        legal=_legal,
    ),
    Function(
        "binary",
        "binary",
        SIGMOID,
        _table(FINITE, place=LAST_AXIS, smoothing=(0.0, 0.25), hard=(False, True)),
        {"averaged": True},
        legal=_legal,
    ),
    Function(
        "logsigmoid", "log_sigmoid", SIGMOID, _table(FINITE, place=ELEMENTS, spelling=("function",)), legal=_legal
    ),
    Function("softplus", "softplus", SIGMOID, _table(FINITE, place=ELEMENTS, **_SPELLED), legal=_legal),
    Function("sigmoid", "sigmoid", SIGMOID, _table(FINITE, place=ELEMENTS, **_SPELLED), legal=_legal),
)
