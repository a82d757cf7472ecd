"""Optax's losses from logits (https://optax.readthedocs.io/en/latest/api/losses.html)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from logitproof_adapters.catalogue.extra_calls.call import DISTRIBUTIONS, INDICES, SIGMOID
from logitproof_adapters.catalogue.extra_calls.pairwise.of_jax import ASKED, legal, table
from logitproof_adapters.catalogue.extra_calls.pairwise.tables import (
    ELEMENTS,
    FINITE,
    FRAMES,
    LAST_AXIS,
    PAIRS,
    PLACES,
    Function,
)

if TYPE_CHECKING:
    from logitproof_adapters.catalogue.extra_calls.pairwise.tables import Case

PROGRAM = (
    ASKED
    + """
import optax

uint8, int8, int32, int64 = jnp.uint8, jnp.int8, jnp.int32, jnp.int64


def indices(shape, axis, kind, form, way, what, index):
    labels = jnp.asarray(classes_of(shape, kind, axis), dtype=index)

    def loss(x):
        return optax.softmax_cross_entropy_with_integer_labels(x, labels, axis=axis)

    return asked(loss, given(shape, axis, kind, form), way, what)


def shares(shape, axis, kind, form, way, what):
    labels = jnp.asarray(shares_of(shape, kind, axis), dtype=form)
    return asked(lambda x: optax.softmax_cross_entropy(x, labels, axis=axis), given(shape, axis, kind, form), way, what)


def safe_shares(shape, kind, form, way, what):
    labels = jnp.asarray(shares_of(shape, kind), dtype=form)
    return asked(lambda x: optax.safe_softmax_cross_entropy(x, labels), given(shape, -1, kind, form), way, what)


def smoothed(shape, kind, form, way, what, smoothing):
    labels = jax.nn.one_hot(jnp.asarray(classes_of(shape, kind)), shape[-1], dtype=form)

    def loss(x):
        return optax.softmax_cross_entropy(x, optax.smooth_labels(labels, smoothing))

    return asked(loss, given(shape, -1, kind, form), way, what)


def binary(shape, kind, form, way, what):
    labels = jnp.asarray(truths_of(shape), dtype=form)
    return asked(lambda x: optax.sigmoid_binary_cross_entropy(x, labels), given(shape, -1, kind, form), way, what)


def focal(shape, kind, form, way, what, gamma, alpha):
    labels = jnp.asarray(np.floor(truths_of(shape) + 0.25), dtype=form)

    def loss(x):
        return optax.sigmoid_focal_loss(x, labels, alpha=alpha, gamma=gamma)

    return asked(loss, given(shape, -1, kind, form), way, what)


def divergence(shape, kind, form, way, what):
    labels = jnp.asarray(shares_of(shape, kind), dtype=form)
    return asked(lambda x: optax.kl_divergence(jax.nn.log_softmax(x), labels), given(shape, -1, kind, form), way, what)


def convex_divergence(shape, kind, form, way, what):
    labels = jnp.asarray(shares_of(shape, kind), dtype=form)

    def loss(x):
        return optax.convex_kl_divergence(jax.nn.log_softmax(x), labels)

    return asked(loss, given(shape, -1, kind, form), way, what)


def divergence_of_logs(shape, kind, form, way, what):
    labels = jnp.log(jnp.asarray(shares_of(shape, kind), dtype=form))

    def loss(x):
        return optax.losses.kl_divergence_with_log_targets(jax.nn.log_softmax(x), labels)

    return asked(loss, given(shape, -1, kind, form), way, what)


def poly(shape, axis, kind, form, way, what, epsilon):
    labels = jnp.asarray(shares_of(shape, kind, axis), dtype=form)

    def loss(x):
        return optax.losses.poly_loss_cross_entropy(x, labels, epsilon=epsilon, axis=axis)

    return asked(loss, given(shape, axis, kind, form), way, what)


def ranking(shape, kind, form, way, what):
    labels = jnp.asarray(shares_of(shape, kind), dtype=form)

    def loss(x):
        return optax.losses.ranking_softmax_loss(x, labels, reduce_fn=None)

    return asked(loss, given(shape, -1, kind, form), way, what)


def integer_truths(shape, kind, form, way, what, index):
    labels = jnp.asarray(np.floor(truths_of(shape) + 0.25), dtype=index)
    return asked(lambda x: optax.sigmoid_binary_cross_entropy(x, labels), given(shape, -1, kind, form), way, what)


bool_ = jnp.bool_


def ctc_loss(shape, kind, form, way, what):
    frames, rows, _ = shape
    labels = jnp.ones((rows, 1), jnp.int32)

    def loss(x):
        kept, padded = jnp.zeros((rows, frames), x.dtype), jnp.zeros((rows, 1), x.dtype)
        return optax.ctc_loss(jnp.moveaxis(x, 0, 1), kept, labels, padded)

    return asked(loss, given(shape, -1, kind, form), way, what)

"""
)


def _legal(case: Case) -> bool:
    """Return whether Optax documents it, and the format holds it: -inf with a label of zero is for its safe loss."""
    if case["op"] == "focal" and case["form"] == "float16" and case["kind"] in ("high", "far", "offset"):
        return False  # products of logit and gamma leave it
    return legal(case) and not (
        case["kind"] == "masked" and case["op"] == "cross_entropy" and case.get("labels") == "shares"
    )


_SHARES: dict[str, Any] = {"labels": "shares"}
_SUMMED: dict[str, Any] = {"summed": True}

FUNCTIONS = (
    Function(
        "indices",
        "cross_entropy",
        INDICES,
        table(place=PLACES, index=("int32", "int64", "uint8", "int8")),
        axis=True,
        legal=_legal,
    ),
    Function("shares", "cross_entropy", DISTRIBUTIONS, table(place=PLACES), _SHARES, axis=True, legal=_legal),
    Function("safe_shares", "cross_entropy", DISTRIBUTIONS, table(place=LAST_AXIS), _SHARES, legal=_legal),
    Function(
        "smoothed",
        "cross_entropy",
        DISTRIBUTIONS,
        table(FINITE, place=LAST_AXIS, smoothing=(0.25, 0.0, 1.0)),
        legal=_legal,
    ),
    Function("binary", "binary", SIGMOID, table(FINITE, place=ELEMENTS), legal=_legal),
    Function(
        "focal",
        "focal",
        SIGMOID,
        table(FINITE, place=ELEMENTS, gamma=(2.0, 1.0, 3.0), alpha=(None, 0.25)),
        legal=_legal,
    ),
    Function("divergence", "divergence", DISTRIBUTIONS, table(FINITE, place=LAST_AXIS), {"summed": True}, legal=_legal),
    Function(
        "convex_divergence",
        "divergence",
        DISTRIBUTIONS,
        table(("typical", "level"), place=PAIRS),
        _SUMMED,
        legal=_legal,
    ),
    Function("divergence_of_logs", "divergence", DISTRIBUTIONS, table(FINITE, place=PAIRS), _SUMMED, legal=_legal),
    Function(
        "poly",
        "poly",
        DISTRIBUTIONS,
        table(FINITE, place=PLACES, epsilon=(2.0, 0.0, -1.0)),
        _SHARES,
        axis=True,
        legal=_legal,
    ),
    Function("ranking", "cross_entropy", DISTRIBUTIONS, table(FINITE, place=LAST_AXIS), _SHARES, legal=_legal),
    Function(
        "integer_truths",
        "binary",
        SIGMOID,
        {**table(FINITE, place=ELEMENTS, index=("int32", "uint8", "bool_")), "what": ("value", "slope")},
        {"hard": True},
        legal=_legal,
    ),
    Function(
        "ctc_loss",
        "alignment",
        INDICES,
        {**table(("typical", "level"), place=FRAMES), "form": ("float64",)},
        {"normalised": True},
        legal=_legal,
    ),
)
