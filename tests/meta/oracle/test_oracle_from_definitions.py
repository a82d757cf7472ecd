"""The oracle against the definitions alone: sums of exponentials at 420 digits, derivatives by differences of those.

No closed form of a derivative, of an option or of a limit is written here; a difference over 2 h with h = 1e-100 is
off by 1e-200. Beside it stand numbers that other projects publish.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np
import pytest
from mpmath import mp

import logitproof_reference as reference
from logitproof_reference.cases.hashed_numbers import integers, normals, uniforms

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Number = mpmath.mpf
    Table = list[list[Number]]

DIGITS = 420
STEP = mpmath.mpf(10) ** -100
RELATIVE = 2.0**-98
CE, SIGMOID = "softmax_cross_entropy", "sigmoid_cross_entropy"


def table(array: NDArray[Any]) -> Table:
    return [[mpmath.mpf(float(value)) for value in row] for row in array]


def log_p(row: list[Number]) -> list[Number]:
    total = mpmath.log(mpmath.fsum(mpmath.exp(z) for z in row))
    return [z - total for z in row]


def losses(x: Table, labels: Any, options: dict[str, Any]) -> list[Number]:
    """Return each row's cross-entropy as torch.nn.CrossEntropyLoss documents it, 0 if it is ignored."""
    a = mpmath.mpf(options.get("label_smoothing", 0.0))
    found = []
    for row, label in zip(x, labels, strict=True):
        n, y = len(row), log_p(row)
        if label is None:
            found.append(mpmath.mpf(0))
            continue
        q = label if isinstance(label, list) else [mpmath.mpf(int(c == label)) for c in range(n)]
        others = options.get("smoothing_over") == "other_classes"
        spread = [a * (1 - part) / (n - 1) if others else a / n for part in q]
        w = options.get("weight", [1.0] * n)
        found.append(-mpmath.fsum(w[c] * ((1 - a) * q[c] + spread[c]) * y[c] for c in range(n)))
    return found


def divisor(labels: Any, options: dict[str, Any]) -> Number:
    over = options.get("mean_over") or ("rows" if isinstance(labels[0], list) else "weights")
    kept = [label for label in labels if label is not None]
    w = options.get("weight")
    if over in {"rows", "kept_rows"}:
        return mpmath.mpf(len(labels) if over == "rows" else len(kept))
    return mpmath.fsum(1 if w is None else w[label] for label in kept)


def reduced(x: Table, labels: Any, options: dict[str, Any]) -> list[Number]:
    rows = losses(x, labels, options)
    reduction = options.get("reduction", "none")
    if reduction == "none":
        return rows
    total = mpmath.fsum(rows)
    return [total / divisor(labels, options) if reduction == "mean" else total]


def moved(x: Table, direction: Table, by: Number) -> Table:
    return [[z + by * d for z, d in zip(row, way, strict=True)] for row, way in zip(x, direction, strict=True)]


def slope(f: Callable[[Table], list[Number]], x: Table, direction: Table) -> list[Number]:
    """Return the derivative of each number of f along a direction."""
    up, down = f(moved(x, direction, STEP)), f(moved(x, direction, -STEP))
    return [(a - b) / (2 * STEP) for a, b in zip(up, down, strict=True)]


def unit(x: Table, i: int, j: int) -> Table:
    return [[mpmath.mpf(int((r, c) == (i, j))) for c in range(len(x[0]))] for r in range(len(x))]


def gradient(f: Callable[[Table], Number], x: Table) -> list[Number]:
    places = product(range(len(x)), range(len(x[0])))
    return [slope(lambda z: [f(z)], x, unit(x, i, j))[0] for i, j in places]


def hold(found: Any, expected: list[Number], scale: float = 1.0) -> None:
    """Demand that each enclosure covers the number, and is as sharp as promised where nothing cancels."""
    parts = [np.ravel(part) for part in (found.value, found.tail, found.radius)]
    assert parts[0].size == len(expected)
    for value, tail, radius, due in zip(*parts, expected, strict=True):
        error = abs(mpmath.mpf(float(value)) + mpmath.mpf(float(tail)) - due)
        assert error <= radius + mpmath.mpf(10) ** -150, (value, mpmath.nstr(due, 20))
        assert radius <= RELATIVE * (abs(due) + scale)


def batch(key: str, kind: int) -> NDArray[np.float64]:
    """Three rows of four classes: ordinary, wide, near a tie, or far from 0."""
    x = normals(key, (3, 4))
    return np.asarray([x * 2.0, x * 60.0, 1.0 + x * 2.0**-30, x + 1e6][kind % 4])


REDUCTIONS: list[dict[str, Any]] = [
    {"reduction": "none"},
    {"reduction": "sum"},
    {"reduction": "mean"},
    {"reduction": "mean", "mean_over": "rows"},
    {"reduction": "mean", "mean_over": "kept_rows"},
]
SMOOTHINGS: list[dict[str, Any]] = [
    {},
    {"label_smoothing": 0.3},
    {"label_smoothing": 0.3, "smoothing_over": "other_classes"},
]
CHOICES: list[dict[str, Any]] = [
    {**weight, **smoothing, **reduction}
    for weight, smoothing, reduction in product(({}, {"weight": True}), SMOOTHINGS, REDUCTIONS)
]


def asked(key: str, number: int, *, by_indices: bool) -> tuple[NDArray[Any], Any, Any, dict[str, Any], dict[str, Any]]:
    """Return logits, labels for the oracle and for the definition, and the options of both."""
    x, options = batch(key, number), dict(CHOICES[number % len(CHOICES)])
    if options.pop("weight", False):
        options["weight"] = np.array([0.5, 2.0, 1.25, 0.75])
    plain = dict(options)
    if not by_indices:
        q = uniforms(f"{key}/q", x.shape)
        return x, q, table(q), options, plain
    k = np.array([0, 1, 3])[integers(f"{key}/k", (3,), 3)]
    stated: list[int | None] = [int(label) for label in k]
    if number % 2:
        ignored = (-100, 2)[number // 2 % 2]
        k[number % 3] = ignored
        stated = [None if label == ignored else int(label) for label in k]
        options["ignore_index"] = ignored
    return x, k, stated, options, plain


@pytest.mark.parametrize("kind", ["indices", "distributions"])
def test_losses_and_their_gradients_follow_from_the_definition(kind: str) -> None:
    mp.dps = DIGITS
    for number in range(len(CHOICES)):
        x, labels, stated, options, plain = asked(f"definition {number}", number, by_indices=kind == "indices")
        f = lambda z, stated=stated, plain=plain: reduced(z, stated, plain)  # noqa: E731  a function of the loop's own
        hold(reference.softmax_cross_entropy(x, labels, **options), f(table(x)), 1e-30)
        c = normals(f"cotangent {number}", (3,)) if plain["reduction"] == "none" else np.asarray(0.75)
        weighed = lambda z, f=f, c=c: mpmath.fsum(a * b for a, b in zip(np.ravel(c).tolist(), f(z), strict=True))  # noqa: E731
        found = reference.grad_logits(CE, x, labels, cotangent=c, **options)
        hold(found, gradient(weighed, table(x)), float(np.abs(c).max()) * 4.0)


VALUES: dict[str, Callable[[Table], list[Number]]] = {
    "softmax": lambda x: [mpmath.exp(y) for row in x for y in log_p(row)],
    "log_softmax": lambda x: [y for row in x for y in log_p(row)],
    "log_sum_exp": lambda x: [mpmath.log(mpmath.fsum(mpmath.exp(z) for z in row)) for row in x],
}


@pytest.mark.parametrize("op", VALUES)
def test_functions_and_their_derivatives_follow_from_the_definition(op: str) -> None:
    mp.dps = DIGITS
    for number in range(4):
        x, f = batch(f"{op} {number}", number), VALUES[op]
        shape = x.shape if op != "log_sum_exp" else x.shape[:1]
        c, v = normals(f"{op} c {number}", shape), normals(f"{op} v {number}", x.shape)
        weighed = lambda z, f=f, c=c: mpmath.fsum(a * b for a, b in zip(c.ravel().tolist(), f(z), strict=True))  # noqa: E731
        hold(getattr(reference, op)(x), f(table(x)), 1e-30)
        hold(reference.grad_logits(op, x, cotangent=c), gradient(weighed, table(x)), 10.0)
        hold(reference.jvp(op, x, tangent=v), slope(f, table(x), table(v)), 10.0)
        curved = lambda z, weighed=weighed, v=v: slope(lambda y: [weighed(y)], z, table(v))[0]  # noqa: E731
        hold(reference.hvp(op, x, cotangent=c, tangent=v), gradient(curved, table(x)), 100.0)


def sigmoid_loss(x: Table, y: Table, w: list[float], positive: list[float]) -> list[Number]:
    """Return -w (P y log s + (1 - y) log (1 - s)), s = 1 / (1 + exp(-x)), by those very logarithms."""
    one = [[1 / (1 + mpmath.exp(-z)) for z in row] for row in x]
    other = [[1 / (1 + mpmath.exp(z)) for z in row] for row in x]
    places = list(product(range(len(x)), range(len(x[0]))))
    return [
        -w[j] * (positive[j] * y[i][j] * mpmath.log(one[i][j]) + (1 - y[i][j]) * mpmath.log(other[i][j]))
        for i, j in places
    ]


def test_sigmoid_loss_and_its_derivatives_follow_from_the_definition() -> None:
    mp.dps = DIGITS
    for number in range(6):
        x, key = batch(f"sigmoid {number}", number % 3), f"sigmoid labels {number}"
        y, c = uniforms(key, x.shape), normals(f"{key} c", x.shape)
        w, positive = np.array([1.0, 0.5, 2.0, 1.25]), np.array([1.0, 3.0, 0.25, 2.0])
        f = lambda z, y=y, w=w, positive=positive: sigmoid_loss(z, table(y), w.tolist(), positive.tolist())  # noqa: E731
        weighed = lambda z, f=f, c=c: mpmath.fsum(a * b for a, b in zip(c.ravel().tolist(), f(z), strict=True))  # noqa: E731
        given: dict[str, Any] = {"weight": w, "pos_weight": positive}
        hold(reference.sigmoid_cross_entropy(x, y, **given), f(table(x)), 1e-30)
        hold(reference.grad_logits(SIGMOID, x, y, cotangent=c, **given), gradient(weighed, table(x)), 10.0)


PUBLISHED: dict[str, tuple[Callable[[], Any], list[float]]] = {
    "SciPy softmax of arange(4)": (
        lambda: reference.softmax(np.arange(4.0)),
        [0.03205860328008499, 0.08714431874203256, 0.23688281808991013, 0.6439142598879722],
    ),
    "SciPy softmax of 1000 beside zeros": (lambda: reference.softmax(np.array([1000.0, 0, 0, 0])), [1, 0, 0, 0]),
    "SciPy log_softmax of arange(4)": (
        lambda: reference.log_softmax(np.arange(4.0)),
        [-3.4401896985611953, -2.4401896985611953, -1.4401896985611953, -0.4401896985611953],
    ),
    "SciPy log_softmax of 1000 and 1": (lambda: reference.log_softmax(np.array([1000.0, 1.0])), [0.0, -999.0]),
    "SciPy logsumexp of two 1000": (lambda: reference.log_sum_exp(np.array([1000.0] * 2)), [1000.0 + np.log(2.0)]),
    "SciPy logsumexp of 10,000 times 1000": (lambda: reference.log_sum_exp(np.full(10_000, 1e3)), [1000 + np.log(1e4)]),
    "ONNX softmax of -1, 0, 1": (
        lambda: reference.softmax(np.array([-1.0, 0.0, 1.0])),
        [0.09003058, 0.24472848, 0.66524094],
    ),
    "ONNX softmax of 10000 to 10003": (
        lambda: reference.softmax(np.arange(1e4, 10004.0)),
        [0.032058604, 0.08714432, 0.23688284, 0.6439143],
    ),
    "TensorFlow softmax_cross_entropy_with_logits": (
        lambda: reference.softmax_cross_entropy(
            np.array([[4.0, 2.0, 1.0], [0.0, 5.0, 1.0]]), np.array([[1.0, 0, 0], [0, 0.8, 0.2]])
        ),
        [0.16984604, 0.82474494],
    ),
    "TensorFlow sparse_softmax_cross_entropy_with_logits": (
        lambda: reference.softmax_cross_entropy(
            np.array([[2.0, -5, 0.5, -0.1], [0, 0, 1.9, 1.4], [-100, 100, -100, -100]]), np.array([0, 3, 1])
        ),
        [0.29750752, 1.1448325, 0.0],
    ),
    "TensorFlow sigmoid_cross_entropy_with_logits": (
        lambda: reference.sigmoid_cross_entropy(
            np.array([[1.0, -1, 0, 1, -1, 0, 0]]), np.array([[0.0, 0, 0, 1, 1, 1, 0.5]])
        ),
        [1.3132616, 0.3132617, 0.6931472, 0.3132617, 1.3132616, 0.6931472, 0.6931472],
    ),
    "TensorFlow weighted_cross_entropy_with_logits": (
        lambda: reference.sigmoid_cross_entropy(
            np.array([[1.5, -0.1]]), np.array([[1.0, 0.5]]), pos_weight=np.full(2, 1.5)
        ),
        [0.30211994, 0.88049585],
    ),
    "PyTorch BCEWithLogitsLoss of 1.5": (
        lambda: reference.sigmoid_cross_entropy(np.full((10, 64), 1.5), np.ones((10, 64)), reduction="mean"),
        [0.2014],
    ),
}
"""Numbers from the documentation and the tests of other projects, as many digits as they print.

Left out: the third loss of TensorFlow's weighted_cross_entropy_with_logits, log(1 + exp(-10)), printed 0.8% off.
"""


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_numbers_are_met(name: str) -> None:
    ask, due = PUBLISHED[name]
    np.testing.assert_allclose(np.ravel(ask().value), due, rtol=1e-4, atol=1e-9)
