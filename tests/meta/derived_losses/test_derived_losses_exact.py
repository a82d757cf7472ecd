"""Entropy, divergence and focal loss: exact by a second road, correct code within the bound, a mutant each outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np
import pytest

from logitproof_reference.bounds.assumptions import MUST, SHOULD
from logitproof_reference.bounds.derived_losses import bound
from logitproof_reference.cases.hashed_numbers import normals
from logitproof_reference.oracle.derived_losses import FORMULAS, Operands, exact
from logitproof_reference.vocabulary.formats import FORMATS
from meta.derived_losses import by_mpmath

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

QUESTIONS = [(op, quantity) for op, of_op in FORMULAS.items() for quantity in of_op]
OF_EVERY_GAMMA = [(*one, gamma) for one in QUESTIONS for gamma in ((1, 2, 3) if one[0].startswith("focal") else (2,))]


def operands(size: float, name: str = "float32", shape: tuple[int, int] = (5, 7), offset: float = 0.0) -> Operands:
    dtype = FORMATS[name].dtype
    logits = (size * normals(f"kin {shape}", shape) + offset).astype(dtype)
    target = (size * normals(f"kin target {shape}", shape) - offset).astype(dtype)
    return Operands(logits, target, np.arange(shape[0]) * 3 % shape[1])


@pytest.mark.parametrize("size", [0.01, 1.0, 30.0])
@pytest.mark.parametrize(("op", "quantity", "gamma"), OF_EVERY_GAMMA)
def test_every_answer_is_exact_by_multiple_precision(op: str, quantity: str, gamma: int, size: float) -> None:
    given = operands(size)
    given = Operands(given.logits, given.target, given.labels, gamma)
    found = exact(op, quantity, given)
    truth = by_mpmath.answers(op, quantity, given)
    for index, radius in np.ndenumerate(found.radius):
        expected = truth[index[0]] if len(index) == 1 else truth[index[0]][index[1]]
        with mpmath.workdps(by_mpmath.DIGITS):
            ball = mpmath.mpf(float(found.value[index])) + mpmath.mpf(float(found.tail[index]))
            assert abs(ball - expected) <= mpmath.mpf(float(radius)) + mpmath.mpf(2) ** -1000
        assert radius <= 2.0**-80 * max(1.0, size)


def by_log_softmax(z: Array) -> tuple[Array, Array]:
    shifted = z - z.max(axis=1, keepdims=True)
    logarithm = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return np.exp(logarithm), logarithm


def plain(op: str, given: Operands, work: Any, dtype: Any) -> dict[str, Array]:
    """Return value and gradients by log-softmax in `work`, as frameworks differentiate it, stored in a format."""
    p, l = by_log_softmax(given.logits.astype(work))
    t, m = by_log_softmax(given.target.astype(work))  # type: ignore[union-attr]
    rows = np.arange(len(p))

    def through(by_logarithm: Array, share: Array) -> Array:
        return by_logarithm - share * by_logarithm.sum(axis=1, keepdims=True)

    if op == "entropy":
        made = {"value": -(p * l).sum(axis=1), "grad_logits": through(-(p * l) - p, p)}
    elif op == "kl_divergence":
        made = {"value": (t * (m - l)).sum(axis=1), "grad_logits": through(-t, p)}
        made["grad_target"] = through(t * (m - l) + t, t)
    elif op == "js_divergence":
        a = np.logaddexp(l, m) - np.log(l.dtype.type(2))
        made = {"value": (t * (m - a) + p * (l - a)).sum(axis=1) / 2}
        made["grad_logits"] = through(p * (l - a), p) / 2
        made["grad_target"] = through(t * (m - a), t) / 2
    else:
        own, loss = p[rows, given.labels], -l[rows, given.labels]
        made = {"value": (1 - own) ** 2 * loss}
        by_loss = (1 - own) ** 2 + 2 * (1 - own) * own * loss
        upstream = np.zeros_like(l)
        upstream[rows, given.labels] = -by_loss
        made["grad_logits"] = through(upstream, p)
    return {name: array.astype(dtype) for name, array in made.items()}


@pytest.mark.parametrize("offset", [0.0, 1e3])
@pytest.mark.parametrize("size", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("op", FORMULAS)
def test_correct_code_stays_within_the_bound(op: str, name: str, size: float, offset: float) -> None:
    given = operands(size, name, (24, 130), offset)
    work = np.float64 if name == "float64" else np.float32
    for quantity, found in plain(op, given, work, FORMATS[name].dtype).items():
        error = exact(op, quantity, given).distance(found)
        for arithmetic in (MUST, SHOULD):
            allowed = bound(op, quantity, given, (FORMATS[name], arithmetic))
            assert (error <= allowed).all(), (quantity, float((error / allowed).max()))


def test_rounding_once_stays_within_the_bound() -> None:
    given = operands(3.0, "bfloat16", (24, 130))
    for op, quantity in QUESTIONS:
        truth = exact(op, quantity, given)
        error = truth.distance(truth.value.astype(FORMATS["bfloat16"].dtype))
        assert (error <= bound(op, quantity, given, (FORMATS["bfloat16"], SHOULD))).all()


def entropy_less_logits(given: Operands) -> Array:
    """Take sum p z off log-sum-exp, which rounds at the size of the logits."""
    z = given.logits
    top = z.max(axis=1)
    lse = np.log(np.exp(z - top[:, None]).sum(axis=1)) + top
    return lse - (by_log_softmax(z)[0] * z).sum(axis=1)


def divergence_reversed(given: Operands) -> Array:
    """Take the divergence of the target from the logits."""
    (p, l), (_, m) = by_log_softmax(given.logits), by_log_softmax(given.target)  # type: ignore[arg-type]
    return (p * (l - m)).sum(axis=1)


def divergence_from_the_target(given: Operands) -> Array:
    """Take half of both divergences from one another, for those from their mixture."""
    (p, l), (t, m) = by_log_softmax(given.logits), by_log_softmax(given.target)  # type: ignore[arg-type]
    return ((p * (l - m)).sum(axis=1) + (t * (m - l)).sum(axis=1)) / 2


def focal_without_gamma(given: Operands) -> Array:
    """Take gamma for 1."""
    p, l = by_log_softmax(given.logits)
    at = np.arange(len(p)), given.labels
    return (1 - p[at]) * -l[at]


@pytest.mark.parametrize(
    ("op", "mutant", "offset"),
    [
        ("entropy", entropy_less_logits, 1e3),
        ("kl_divergence", divergence_reversed, 0.0),
        ("js_divergence", divergence_from_the_target, 0.0),
        ("focal_cross_entropy", focal_without_gamma, 0.0),
    ],
)
def test_a_mutant_is_outside_the_bound(op: str, mutant: Any, offset: float) -> None:
    given = operands(1.0, offset=offset)
    error = exact(op, "value", given).distance(mutant(given))
    assert (error > bound(op, "value", given, (FORMATS["float32"], MUST))).mean() > 0.5


def test_gradients_that_forget_a_term_are_outside_the_bound() -> None:
    given = operands(1.0)
    p, l = by_log_softmax(given.logits)
    t, m = by_log_softmax(given.target)  # type: ignore[arg-type]
    at = np.arange(len(p)), given.labels
    straight = p.copy()
    straight[at] -= 1
    wrong = {
        ("entropy", "grad_logits"): -p * l,
        ("kl_divergence", "grad_logits"): p - 2 * t,
        ("kl_divergence", "grad_target"): t * (m - l),
        ("js_divergence", "grad_logits"): p * (l - np.log((p + t) / 2)) / 2,
        ("js_divergence", "grad_target"): t * (m - np.log((p + t) / 2)) / 2,
        ("focal_cross_entropy", "grad_logits"): straight * ((1 - p[at]) ** 2)[:, None],
    }
    for (op, quantity), found in wrong.items():
        error = exact(op, quantity, given).distance(found)
        assert (error > bound(op, quantity, given, (FORMATS["float32"], MUST))).mean() > 0.5


def test_what_is_missing_or_not_finite_is_refused() -> None:
    logits = np.zeros((2, 3), np.float32)
    with pytest.raises(ValueError, match="needs the logits of a target"):
        exact("kl_divergence", "value", Operands(logits))
    with pytest.raises(ValueError, match="needs class indices"):
        exact("focal_cross_entropy", "value", Operands(logits))
    with pytest.raises(ValueError, match="an infinity or a NaN"):
        exact("entropy", "value", Operands(np.full((1, 2), np.inf, np.float32)))
