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
    PAIRS,
    PLACES,
    REDUCTIONS,
    REFUSED,
    REFUSING,
    SEVERAL_AXES,
    WORDS,
    Function,
)

if TYPE_CHECKING:
    from logitproof_adapters.catalogue.extra_calls.pairwise.tables import Case

PROGRAM = (
    f"""\
import keras
{INPUTS}

{WORDS}
eager, compiled, symbolic = "eager compiled symbolic".split()
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
    if way == "symbolic":
        of_none = keras.Input(batch_shape=tuple(x.shape), dtype=keras.backend.standardize_dtype(x.dtype))
        function = keras.Model(of_none, function(of_none))
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


def logaddexp(shape, kind, form, way, what, beside):
    x = given(shape, -1, kind, form)
    y = x if beside == "same" else tensor(tangent_of(shape), form)
    return asked(lambda x: keras.ops.logaddexp(x, y), x, way, what)


def ctc_loss(shape, kind, form, way, what):
    lengths = np.ones(shape[1], dtype="int32")

    def loss(x):
        x = keras.ops.moveaxis(x, 0, 1)
        return keras.ops.ctc_loss(np.ones((shape[1], 1), dtype="int32"), x, lengths, 2 * lengths)

    return asked(loss, given(shape, -1, kind, form), way, what)


def lists(shape, kind, form, way, what, spelling):
    # As examples of the documentation have them.
    x, labels = logits_of(shape, kind).tolist(), classes_of(shape, kind).tolist()
    if spelling == "layer":
        labels = np.eye(shape[-1])[classes_of(shape, kind)].tolist()
        return number(keras.losses.CategoricalCrossentropy(from_logits=True, reduction="sum")(labels, x))
    return number(keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")(labels, x))


def number(y):
    return np.ravel(keras.ops.convert_to_numpy(y) if hasattr(keras, "ops") else y).tolist()


def by_name(shape, kind, form, way, what, spelling):
    labels, x = tensor(np.floor(truths_of(shape) + 0.25), form), given(shape, -1, kind, form)
    name = {"function": "binary_crossentropy", "layer": "binary_focal_crossentropy"}[spelling]
    options = {"gamma": 0.0} if spelling == "layer" else {}
    return number(keras.losses.get(name)(labels, x, from_logits=True, **options))


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


def probable(shape, axis, kind, form, way, what, spelling):
    # By probabilities: of a sigmoid where there is no class, else of softmax.
    x = given(shape, axis, kind, form)
    if spelling == "function":
        labels = tensor(shares_of(shape, kind, axis), form)
        return asked(lambda x: keras.losses.categorical_crossentropy(labels, keras.ops.softmax(x, axis), axis=axis), x,
                     way, what)
    labels = tensor(classes_of(shape, kind, axis), "int32")
    return asked(lambda x: keras.losses.sparse_categorical_crossentropy(labels, keras.ops.softmax(x, axis), axis=axis),
                 x, way, what)


def probable_shares(shape, axis, kind, form, way, what):
    return probable(shape, axis, kind, form, way, what, "function")


def probable_indices(shape, axis, kind, form, way, what):
    return probable(shape, axis, kind, form, way, what, "layer")


def probable_truths(shape, kind, form, way, what, smoothing):
    labels = tensor(truths_of(shape), form)

    def loss(x):
        return keras.losses.binary_crossentropy(labels, keras.ops.sigmoid(x), label_smoothing=smoothing)

    return asked(loss, given(shape, -1, kind, form), way, what)


def focal(shape, kind, form, way, what, gamma):
    labels = tensor(np.floor(truths_of(shape) + 0.25), form)

    def loss(x):
        return keras.losses.binary_focal_crossentropy(labels, x, gamma=gamma, from_logits=True)

    return asked(loss, given(shape, -1, kind, form), way, what)


def focal_of_classes(shape, axis, kind, form, way, what, gamma):
    labels = tensor(shares_of(shape, kind, axis), form)

    def loss(x):
        return keras.losses.categorical_focal_crossentropy(labels, keras.ops.softmax(x, axis), gamma=gamma, axis=axis)

    return asked(loss, given(shape, axis, kind, form), way, what)


def ops_shares(shape, axis, kind, form, way, what):
    labels = tensor(shares_of(shape, kind, axis), form)
    return asked(lambda x: keras.ops.categorical_crossentropy(labels, x, from_logits=True, axis=axis),
                 given(shape, axis, kind, form), way, what)


def ops_indices(shape, axis, kind, form, way, what, column):
    labels = classes_of(shape, kind, axis)
    labels = tensor(np.expand_dims(labels, axis) if column else labels, "int32")
    return asked(lambda x: keras.ops.sparse_categorical_crossentropy(labels, x, from_logits=True, axis=axis),
                 given(shape, axis, kind, form), way, what)


def ops_binary(shape, kind, form, way, what):
    labels = tensor(truths_of(shape), form)
    return asked(lambda x: keras.ops.binary_crossentropy(labels, x, from_logits=True), given(shape, -1, kind, form),
                 way, what)


def divergence(shape, kind, form, way, what):
    labels = tensor(shares_of(shape, kind), form)
    return asked(lambda x: keras.losses.kl_divergence(labels, keras.ops.softmax(x)), given(shape, -1, kind, form), way,
                 what)


def elementwise(name):
    def of(shape, kind, form, way, what, spelling):
        module = {"function": keras.activations, "layer": keras.ops}[spelling]
        names = {"logsigmoid": ("log_sigmoid",)}.get(name, (name,))
        return asked(getattr(module, names[0]), given(shape, -1, kind, form), way, what)

    return of


logsigmoid, softplus, sigmoid = map(elementwise, ("logsigmoid", "softplus", "sigmoid"))
"""
    + REFUSING
    + """

refused_softmax = refusing(lambda x, axis: keras.ops.softmax(x, axis))
refused_log_softmax = refusing(lambda x, axis: keras.ops.log_softmax(x, axis))
refused_logsumexp = refusing(lambda x, axis: keras.ops.logsumexp(x, axis))
"""
)


def _legal(case: Case) -> bool:
    """Return whether Keras documents it: smoothed and plain losses of -inf are none of its own."""
    if case["kind"] == "masked" and case["op"] == "cross_entropy":
        return False
    if case["way"] == "symbolic" and (case["what"] != "value" or 0 in case["shape"] or not case["shape"]):
        return False
    if case.get("column") and case.get("ignored") is not None and case["way"] == "compiled":
        return False
    if case["axis"] is None and case["kind"] in ("high", "offset") and case["what"] == "slope":
        return False  # the rounding of the sum itself, which the matrix judges
    if case.get("reduction", "none") != "none" and 0 in case["shape"]:
        return False
    return not (case.get("index") == "uint8" and (case.get("ignored") or 0) < 0)


_WAYS: dict[str, Any] = {"way": ("eager", "compiled", "symbolic")}


def _table(kinds: Any = KINDS, **factors: Any) -> dict[str, Any]:
    return {"kind": kinds, "form": FORMS, "way": ("eager", "compiled"), "what": ("value", "slope"), **factors}


def _probable(**factors: Any) -> dict[str, Any]:
    """Return the factors of a function of probabilities, which Keras clips at 1e-7."""
    return {**_table(("typical", "level"), **factors), "form": ("float32", "float64")}


_LAST = tuple(place for place in LAST_AXIS if len(place[0]) > 1)
_WITH_AXES = tuple(place for place in PLACES if len(place[0]) > 1)
_SPELLED: dict[str, Any] = {"spelling": ("function", "layer")}
_PLAIN: dict[str, Any] = {
    "place": (((2, 3), -1), ((4, 3), -1)),
    "kind": ("typical", "level"),
    "form": ("float32",),
    "way": ("eager",),
    "what": ("value",),
    **_SPELLED,
}

FUNCTIONS = (
    Function(
        "softmax",
        "softmax",
        SOFTMAX,
        _table(FINITE, place=_WITH_AXES, **_WAYS, spelling=("function", "layer", "loss")),
        axis=True,
        legal=_legal,
    ),
    Function(
        "log_softmax",
        "log_softmax",
        LOG_SOFTMAX,
        _table(FINITE, place=_WITH_AXES, **_WAYS, **_SPELLED),
        axis=True,
        legal=_legal,
    ),
    Function(
        "logsumexp",
        "log_sum_exp",
        LOG_SUM_EXP,
        _table(place=(*PLACES, *SEVERAL_AXES, *ALL_AXES), **_WAYS, kept=(False, True)),
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
        "logsigmoid", "log_sigmoid", SIGMOID, _table(CERTAIN, place=ELEMENTS, spelling=("function",)), legal=_legal
    ),
    # Two functions: pairs alone leave out two of three that show a fault together.
    Function("logaddexp", "merged", LOG_SUM_EXP, _table(FINITE, place=ELEMENTS, beside=("other",)), legal=_legal),
    Function("logaddexp", "merged", LOG_SUM_EXP, _table(FINITE, place=ELEMENTS[:3], beside=("same",)), legal=_legal),
    Function(
        "ctc_loss",
        "alignment",
        INDICES,
        {**_table(("typical", "level"), place=FRAMES), "form": ("float32",)},
        {"normalised": True},
        legal=_legal,
    ),
    Function("lists", "cross_entropy", INDICES, _PLAIN, {"reduction": "sum"}, legal=_legal),
    Function("by_name", "binary", SIGMOID, _PLAIN, {"averaged": True, "hard": True}, legal=_legal),
    Function("refused_softmax", "refused", SOFTMAX, REFUSED, axis=True),
    Function("refused_log_softmax", "refused", LOG_SOFTMAX, REFUSED, axis=True),
    Function("refused_logsumexp", "refused", LOG_SUM_EXP, REFUSED, axis=True),
    Function("softplus", "softplus", SIGMOID, _table(CERTAIN, place=ELEMENTS, **_WAYS, **_SPELLED), legal=_legal),
    Function("sigmoid", "sigmoid", SIGMOID, _table(CERTAIN, place=ELEMENTS, **_WAYS, **_SPELLED), legal=_legal),
    Function(
        "probable_shares",
        "cross_entropy",
        DISTRIBUTIONS,
        _probable(place=_WITH_AXES),
        {"labels": "shares"},
        axis=True,
        legal=_legal,
    ),
    Function("probable_indices", "cross_entropy", INDICES, _probable(place=_LAST), axis=True, legal=_legal),
    Function(
        "probable_truths",
        "binary",
        SIGMOID,
        _probable(place=LAST_AXIS, smoothing=(0.0, 0.25)),
        {"averaged": True},
        legal=_legal,
    ),
    Function(
        "focal",
        "focal",
        SIGMOID,
        _probable(place=LAST_AXIS, gamma=(2.0, 1.0, 0.0)),
        {"averaged": True},
        legal=_legal,
    ),
    Function(
        "focal_of_classes",
        "focal_of_classes",
        DISTRIBUTIONS,
        _probable(place=_WITH_AXES, gamma=(2.0, 1.0, 0.0)),
        {"labels": "shares", "alpha": 0.25},
        axis=True,
        legal=_legal,
    ),
    Function(
        "ops_shares",
        "cross_entropy",
        DISTRIBUTIONS,
        _table(FINITE, place=_WITH_AXES),
        {"labels": "shares"},
        axis=True,
        legal=_legal,
    ),
    Function(
        "ops_indices",
        "cross_entropy",
        INDICES,
        _table(FINITE, place=_WITH_AXES, column=(False, True)),
        axis=True,
        legal=_legal,
    ),
    Function("ops_binary", "binary", SIGMOID, _table(FINITE, place=ELEMENTS), legal=_legal),
    Function(
        "divergence",
        "divergence",
        DISTRIBUTIONS,
        _probable(place=PAIRS),
        {"summed": True},
        legal=_legal,
    ),
)
