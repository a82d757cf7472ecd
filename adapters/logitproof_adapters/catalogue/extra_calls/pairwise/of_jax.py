"""JAX's functions from logits to losses (https://docs.jax.dev/en/latest/jax.nn.html)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from logitproof_adapters.catalogue.extra_calls.call import (
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
    FORMS,
    KINDS,
    LAST_AXIS,
    OF_PARTS,
    PLACES,
    REFUSED,
    REFUSING,
    SEVERAL_AXES,
    TAILS,
    WHATS,
    WHOLE,
    WORDS,
    Function,
)

if TYPE_CHECKING:
    from logitproof_adapters.catalogue.extra_calls.pairwise.tables import Case

ASKED = (
    f"""\
import jax
import jax.numpy as jnp
{INPUTS}

{WORDS}
eager, compiled, mapped, checkpointed, scanned = "eager compiled mapped checkpointed scanned".split()
float16, bfloat16, float32, float64 = jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64
jax.config.update("jax_enable_x64", True)
"""
    """

def runner(function, way):
    if way == "mapped":
        many = jax.vmap(function, in_axes=-1, out_axes=-1)
        return lambda x: many(jnp.stack([x + 1, x], -1))[..., 1]
    if way == "checkpointed":
        return jax.checkpoint(function)
    if way == "scanned":
        return lambda x: jax.lax.map(function, jnp.stack([x + 1, x]))[1]
    return function


def along(x, numbers):
    return jnp.asarray(numbers(x.shape), dtype=x.dtype)


def asked(function, x, way, what):
    plain = function
    if what == "bent":
        function, what = lambda x: 0.5 * plain(x) * plain(x), "curve"
    run = runner(function, way)

    def of_cotangent(x):
        y, back = jax.vjp(run, x)
        return back(along(y, cotangent_of))[0]

    def pushed(function):
        return lambda x: jax.jvp(function, (x,), (along(x, tangent_of),))[1]

    wanted = {"value": run, "slope": of_cotangent, "push": pushed(run), "curve": pushed(of_cotangent)}[what]
    found = wanted(x) if way == "eager" else jax.jit(wanted)(x)  # one program: op by op each is compiled
    if found.dtype != x.dtype:
        raise TypeError(f"{found.dtype} where {x.dtype} is expected")
    return np.asarray(found).astype(np.float64).ravel().tolist()


def given(shape, axis, kind, form):
    return jnp.asarray(logits_of(shape, kind, axis[0] if isinstance(axis, tuple) else axis), dtype=form)
"""
)

PROGRAM = (
    ASKED
    + '''

def beside(x, axis, left_out):
    """Return x with a class more along an axis, which a mask leaves out, and the mask."""
    if not left_out:
        return x, {}
    more = jnp.full([1 if at == axis % x.ndim else size for at, size in enumerate(x.shape)], 9.0, x.dtype)
    kept = jnp.concatenate([jnp.ones(x.shape, bool), jnp.zeros(more.shape, bool)], axis)
    return jnp.concatenate([x, more], axis), {"where": kept}


def cut(y, x):
    return y[tuple(slice(size) for size in x.shape)]


def softmax(shape, axis, kind, form, way, what, left_out):
    def function(x):
        wider, mask = beside(x, axis, left_out)
        return cut(jax.nn.softmax(wider, axis=axis, **mask), x)

    return asked(function, given(shape, axis, kind, form), way, what)


def log_softmax(shape, axis, kind, form, way, what, left_out):
    def function(x):
        wider, mask = beside(x, axis, left_out)
        return cut(jax.nn.log_softmax(wider, axis=axis, **mask), x)

    return asked(function, given(shape, axis, kind, form), way, what)


def logsumexp(shape, axis, kind, form, way, what, kept, factors, left_out, spelling):
    function = {"nn": jax.nn.logsumexp, "special": jax.scipy.special.logsumexp}[spelling]
    options = {"b": jnp.asarray(factors_of(shape), dtype=form)} if factors else {}

    def of(x):
        wider, mask = (x, {}) if factors else beside(x, axis, left_out)
        return function(wider, axis=axis, keepdims=kept, **options, **mask)

    return asked(of, given(shape, axis, kind, form), way, what)


nn, special = "nn", "special"


def softmax_of_axes(shape, axis, kind, form, way, what):
    return asked(lambda x: jax.nn.softmax(x, axis=axis), given(shape, axis, kind, form), way, what)


def log_softmax_of_axes(shape, axis, kind, form, way, what):
    return asked(lambda x: jax.nn.log_softmax(x, axis=axis), given(shape, axis, kind, form), way, what)


def logsumexp_of_axes(shape, axis, kind, form, way, what, kept):
    return asked(lambda x: jax.nn.logsumexp(x, axis=axis, keepdims=kept), given(shape, axis, kind, form), way, what)


def logcumsumexp(shape, axis, kind, form, way, what):
    return asked(lambda x: jax.lax.cumlogsumexp(x, axis=axis), given(shape, axis, kind, form), way, what)


def logaddexp(shape, kind, form, way, what, beside):
    x = given(shape, -1, kind, form)
    y = x if beside == "same" else along(x, tangent_of)
    return asked(lambda x: jnp.logaddexp(x, y), x, way, what)


def logaddexp_by_other(shape, kind, form, way):
    x = given(shape, -1, kind, form)
    return asked(lambda y: jnp.logaddexp(x, y), along(x, tangent_of), way, "slope")


def logsumexp_by_factors(shape, axis, kind, form, way):
    x, factors = given(shape, axis, kind, form), jnp.asarray(factors_of(shape), dtype=form)
    return asked(lambda b: jax.nn.logsumexp(x, axis=axis, b=b), factors, way, "slope")


def log_prob(shape, kind, form, way, what):
    def loss(x):
        labels = jnp.asarray(classes_of(shape, kind))
        return -jnp.take_along_axis(jax.nn.log_softmax(x), labels[..., None], -1)[..., 0]

    return asked(loss, given(shape, -1, kind, form), way, what)


def elementwise(function):
    def of(shape, kind, form, way, what):
        return asked(function, given(shape, -1, kind, form), way, what)

    return of


logsigmoid = elementwise(lambda x: jax.nn.log_sigmoid(x))
softplus = elementwise(lambda x: jax.nn.softplus(x))
sigmoid = elementwise(lambda x: jax.nn.sigmoid(x))
expit = elementwise(lambda x: jax.scipy.special.expit(x))


def special_softmax(shape, axis, kind, form, way, what):
    return asked(lambda x: jax.scipy.special.softmax(x, axis=axis), given(shape, axis, kind, form), way, what)


def special_log_softmax(shape, axis, kind, form, way, what):
    return asked(lambda x: jax.scipy.special.log_softmax(x, axis=axis), given(shape, axis, kind, form), way, what)


def signed(shape, axis, kind, form, way, what, kept, factors):
    options = {"b": jnp.asarray(factors_of(shape), dtype=form)} if factors else {}

    def of(x):
        return jax.scipy.special.logsumexp(x, axis=axis, keepdims=kept, return_sign=True, **options)[0]

    return asked(of, given(shape, axis, kind, form), way, what)


def logmeanexp(shape, axis, kind, form, way, what, kept):
    return asked(lambda x: jax.nn.logmeanexp(x, axis, keepdims=kept), given(shape, axis, kind, form), way, what)


def logaddexp2(shape, kind, form, way, what):
    x = given(shape, -1, kind, form)
    y = along(x, tangent_of)
    return asked(lambda x: jnp.logaddexp2(x, y), x, way, what)


def summed(shape, axis, kind, form, way, what, kept):
    return asked(lambda x: jnp.logaddexp.reduce(x, axis=axis, keepdims=kept), given(shape, axis, kind, form), way, what)


def by_other(function, numbers):
    def of(shape, kind, form, way):
        parts = jax.nn.sigmoid(given(shape, -1, kind, form))
        return asked(lambda other: function(parts, other), jnp.asarray(numbers(shape), dtype=form), way, "slope")

    return of


rel_entr_by_other = by_other(lambda p, q: jax.scipy.special.rel_entr(p, q), lambda shape: factors_of(shape) / 4)
kl_div_by_other = by_other(lambda p, q: jax.scipy.special.kl_div(p, q), lambda shape: factors_of(shape) / 4)
xlogy_by_other = by_other(lambda p, y: jax.scipy.special.xlogy(y, p), truths_of)


def of_parts(function):
    def of(shape, kind, form, way, what):
        known, truths = (jnp.asarray(one, dtype=form) for one in (factors_of(shape) / 4, truths_of(shape)))
        return asked(lambda x: function(jax.nn.sigmoid(x), known, truths), given(shape, -1, kind, form), way, what)

    return of


entr = of_parts(lambda p, q, y: jax.scipy.special.entr(p))
rel_entr = of_parts(lambda p, q, y: jax.scipy.special.rel_entr(p, q))
kl_div = of_parts(lambda p, q, y: jax.scipy.special.kl_div(p, q))
xlogy = of_parts(lambda p, q, y: jax.scipy.special.xlogy(y, p))
xlog1py = of_parts(lambda p, q, y: jax.scipy.special.xlog1py(y, -p))
logit = of_parts(lambda p, q, y: jax.scipy.special.logit(p))
'''
    + REFUSING
    + """


def whole(function):
    def of(shape, axis, kind, form, way, index):
        x = jnp.asarray(logits_of(shape, kind, axis), dtype=index)
        run = jax.jit(function, static_argnums=1) if way == "compiled" else function
        return np.asarray(run(x, axis)).astype(np.float64).ravel().tolist()

    return of


int32, int64 = jnp.int32, jnp.int64
whole_softmax = whole(lambda x, axis: jax.nn.softmax(x, axis))
whole_log_softmax = whole(lambda x, axis: jax.nn.log_softmax(x, axis))
whole_logsumexp = whole(lambda x, axis: jax.nn.logsumexp(x, axis))

refused_softmax = refusing(lambda x, axis: jax.nn.softmax(x, axis))
refused_log_softmax = refusing(lambda x, axis: jax.nn.log_softmax(x, axis))
refused_logsumexp = refusing(lambda x, axis: jax.nn.logsumexp(x, axis))
"""
)

WAYS = ("eager", "compiled", "mapped", "checkpointed", "scanned")


def table(kinds: Any = KINDS, **factors: Any) -> dict[str, Any]:
    """Return the factors that every function has, with its own."""
    return {"kind": kinds, "form": FORMS, "way": WAYS, "what": WHATS, **factors}


def legal(case: Case) -> bool:
    """Return whether it is worth the time: op by op the values alone are asked.

    Of no number rel_entr is documented to be infinite.
    """
    if case["kind"] == "infinite" and case["op"] == "relative" and not case.get("of_measures"):
        return False
    if case["way"] == "eager" and case["what"] != "value":
        return False
    return not (case.get("factors") and case.get("left_out"))


_OTHER_NAMES: dict[str, Any] = {
    "kind": ("typical", "far"),
    "form": ("float32",),
    "way": ("eager", "compiled"),
    "what": ("value", "slope", "push"),
}
"""What functions are asked that others are built on, which are asked everything."""
_OF_PARTS: dict[str, Any] = {
    **_OTHER_NAMES,
    "kind": ("typical", "level"),
    "form": ("float32", "float64"),
    "place": ELEMENTS,
}
_ROWS: dict[str, Any] = {"place": tuple(place for place in PLACES if 0 not in place[0])}
_FORMS: dict[str, Any] = {"kind": ("typical", "high", "far"), "form": ("float32", "bfloat16")}
_LEFT_OUT: dict[str, Any] = {"left_out": (False, True)}
_OF_AXES: dict[str, Any] = {"place": (*SEVERAL_AXES, *ALL_AXES)}
_VALUE: dict[str, Any] = {"what": "value"}


_WHOLE: dict[str, Any] = {**WHOLE, "way": ("compiled",), "index": ("int32", "int64")}


def _beside(kinds: Any = ("typical", "level")) -> dict[str, Any]:
    """Return the factors of a derivative by what stands beside the logits."""
    return {"kind": kinds, "form": ("float32",), "way": ("compiled", "mapped"), "place": ELEMENTS[:4]}


_NO_NEGATIVE = tuple(place for place in PLACES if place[1] >= 0)

FUNCTIONS = (
    Function("softmax", "softmax", SOFTMAX, table(place=PLACES, **_LEFT_OUT), axis=True, legal=legal),
    Function("log_softmax", "log_softmax", LOG_SOFTMAX, table(place=PLACES, **_LEFT_OUT), axis=True, legal=legal),
    Function(
        "logsumexp",
        "log_sum_exp",
        LOG_SUM_EXP,
        table(
            place=(*PLACES, ((2, 0), 1)),
            kept=(False, True),
            factors=(False, True),
            **_LEFT_OUT,
            spelling=("nn", "special"),
        ),
        axis=True,
        legal=legal,
    ),
    Function("softmax_of_axes", "softmax", SOFTMAX, table(FINITE, **_OF_AXES), axis=True, legal=legal),
    Function("log_softmax_of_axes", "log_softmax", LOG_SOFTMAX, table(FINITE, **_OF_AXES), axis=True, legal=legal),
    Function(
        "logsumexp_of_axes",
        "log_sum_exp",
        LOG_SUM_EXP,
        table(FINITE, **_OF_AXES, kept=(False, True)),
        axis=True,
        legal=legal,
    ),
    Function("logcumsumexp", "cumulated", LOG_SUM_EXP, table(place=_NO_NEGATIVE), axis=True, legal=legal),
    # Two functions: pairs alone leave out two of three that show a fault together.
    Function("logaddexp", "merged", LOG_SUM_EXP, table(FINITE, place=ELEMENTS, beside=("other",)), legal=legal),
    Function("logaddexp", "merged", LOG_SUM_EXP, table(FINITE, place=ELEMENTS[:3], beside=("same",)), legal=legal),
    Function("log_prob", "cross_entropy", INDICES, table(place=LAST_AXIS), legal=legal),
    Function("logsigmoid", "log_sigmoid", SIGMOID, table(TAILS, place=ELEMENTS), legal=legal),
    Function("softplus", "softplus", SIGMOID, table(TAILS, place=ELEMENTS), legal=legal),
    Function("sigmoid", "sigmoid", SIGMOID, table(TAILS, place=ELEMENTS), legal=legal),
    Function("refused_softmax", "refused", SOFTMAX, REFUSED, axis=True),
    Function("refused_log_softmax", "refused", LOG_SOFTMAX, REFUSED, axis=True),
    Function("refused_logsumexp", "refused", LOG_SUM_EXP, REFUSED, axis=True),
    Function("whole_softmax", "softmax", SOFTMAX, _WHOLE, _VALUE, axis=True),
    Function("whole_log_softmax", "log_softmax", LOG_SOFTMAX, _WHOLE, _VALUE, axis=True),
    Function("whole_logsumexp", "log_sum_exp", LOG_SUM_EXP, _WHOLE, _VALUE, axis=True),
    Function("expit", "sigmoid", SIGMOID, table(TAILS, place=ELEMENTS, **_OTHER_NAMES), legal=legal),
    Function("special_softmax", "softmax", SOFTMAX, table(place=PLACES, **_OTHER_NAMES), axis=True, legal=legal),
    Function(
        "special_log_softmax", "log_softmax", LOG_SOFTMAX, table(place=PLACES, **_OTHER_NAMES), axis=True, legal=legal
    ),
    Function(
        "signed",
        "log_sum_exp",
        LOG_SUM_EXP,
        table(place=PLACES, kept=(False, True), factors=(False, True), **_OTHER_NAMES),
        axis=True,
        legal=legal,
    ),
    Function(
        "logmeanexp",
        "mean_exp",
        LOG_SUM_EXP,
        table(FINITE, **_ROWS, **_FORMS, kept=(False, True)),
        axis=True,
        legal=legal,
    ),
    Function(
        "logaddexp2",
        "merged_in_base_2",
        LOG_SUM_EXP,
        table(("typical", "level", "far"), place=ELEMENTS, **_FORMS),
        legal=legal,
    ),
    Function(
        "summed",
        "log_sum_exp",
        LOG_SUM_EXP,
        table(FINITE, **_ROWS, **_FORMS, kept=(False, True)),
        axis=True,
        legal=legal,
    ),
    *(
        Function(name, op, SIGMOID, table(("typical", "level"), **_OF_PARTS), fixed, legal=legal)
        for name, op, fixed in OF_PARTS
    ),
    Function("logaddexp_by_other", "by_other", LOG_SUM_EXP, _beside(FINITE), {**_VALUE, "by": "other"}),
    Function(
        "logsumexp_by_factors",
        "by_other",
        LOG_SUM_EXP,
        {**_beside(FINITE), "place": PLACES[:5]},
        {**_VALUE, "by": "factors"},
        axis=True,
    ),
    Function("rel_entr_by_other", "by_other", SIGMOID, _beside(), {**_VALUE, "by": "parts"}),
    Function("kl_div_by_other", "by_other", SIGMOID, _beside(), {**_VALUE, "by": "parts", "of_measures": True}),
    Function("xlogy_by_other", "by_other", SIGMOID, _beside(), {**_VALUE, "by": "truths"}),
)
