"""A loss head is exact by ball arithmetic, and what correct code computes lies within its bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof_reference.bounds.assumptions import MUST, SHOULD
from logitproof_reference.cases.hashed_numbers import normals
from logitproof_reference.numerics.ball import Ball
from logitproof_reference.prologues.factor import FactorsPrologue, producer_of
from logitproof_reference.prologues.head import Head
from logitproof_reference.prologues.linear import LinearPrologue
from logitproof_reference.prologues.softcap import SoftcapPrologue
from logitproof_reference.vocabulary.formats import FORMATS, Format
from meta.prologues.head_by_balls import farthest, head_by_balls

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]

QUANTITIES = ("value", "grad_hidden", "grad_weight")
OP = "softmax_cross_entropy"


def arrays(format_: Format, shape: tuple[int, int, int] = (12, 24, 17), size: float = 1.0) -> Arrays:
    """Return hidden states, a weight and labels of rows, width and classes."""
    rows, width, classes = shape
    hidden = normals(f"head, hidden {shape}", (rows, width)).astype(format_.dtype)
    weight = (size * normals(f"head, weight {shape}", (classes, width)) / np.sqrt(width)).astype(format_.dtype)
    return hidden, weight, np.arange(rows) * 5 % classes


def head_of(given: Arrays, *, cap: float = 0.0, **options: Any) -> Head:
    prologues = (LinearPrologue(), SoftcapPrologue(cap)) if cap else (LinearPrologue(),)
    return Head(prologues, {"hidden": given[0], "weight": given[1]}, OP, given[2], options)


def head_with_factors(given: Arrays, factors: NDArray[Any], *, cap: float = 0.0, divides: bool = False) -> Head:
    behind = FactorsPrologue(factors, is_of_rows=factors.shape[1] == 1, divides=divides)
    prologues = (LinearPrologue(), behind, *([SoftcapPrologue(cap)] if cap else []))
    return Head(prologues, {"hidden": given[0], "weight": given[1]}, OP, given[2])


def evaluated(given: Arrays, format_: Format, *, cap: float = 0.0, wide: Any = np.float32) -> dict[str, NDArray[Any]]:
    """Return loss and gradients as plain code has them: products in `wide`, each result stored in the format."""
    hidden, weight, labels = given
    h, w = hidden.astype(wide), weight.astype(wide)
    before = (h @ w.T).astype(format_.dtype).astype(wide)
    z = (cap * np.tanh(before / cap)).astype(format_.dtype).astype(wide) if cap else before
    shifted = z - z.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = np.log(total[:, 0]) - shifted[rows, labels]
    slope = e / total
    slope[rows, labels] -= 1
    if cap:
        slope = slope.astype(format_.dtype).astype(wide) * (1 - np.tanh(before / cap) ** 2)
    slope = slope.astype(format_.dtype).astype(wide)
    found = {"value": loss, "grad_hidden": slope @ w, "grad_weight": slope.T @ h}
    return {name: array.astype(format_.dtype) for name, array in found.items()}


@pytest.mark.parametrize("cap", [0.0, 2.5])
@pytest.mark.parametrize("size", [1.0, 40.0])
def test_every_quantity_is_exact_by_ball_arithmetic(size: float, cap: float) -> None:
    given = arrays(FORMATS["float32"], size=size)
    truth, head = head_by_balls(*given, cap=cap), head_of(given, cap=cap)
    for quantity in QUANTITIES:
        answer = head.exact(quantity)
        assert farthest(truth[quantity], answer) <= 1.0
        assert (answer.radius <= 2.0**-85 * max(size, 1.0)).all()


@pytest.mark.parametrize("size", [0.1, 1.0, 20.0])
@pytest.mark.parametrize("cap", [0.0, 5.0])
@pytest.mark.parametrize("name", FORMATS)
def test_plain_code_stays_within_the_bound(name: str, cap: float, size: float) -> None:
    format_ = FORMATS[name]
    given, wide = arrays(format_, (40, 96, 130), size), np.float64 if name == "float64" else np.float32
    head, found = head_of(given, cap=cap), evaluated(given, format_, cap=cap, wide=wide)
    for quantity in QUANTITIES:
        error = head.exact(quantity).distance(found[quantity])
        for arithmetic in (MUST, SHOULD):
            assert (error <= head.bound(quantity, format_, arithmetic)).all(), (quantity, arithmetic)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_tenth_of_a_percent_is_outside_the_bound_of_float32(quantity: str) -> None:
    given = arrays(FORMATS["float32"], (40, 96, 130))
    head, found = head_of(given), evaluated(given, FORMATS["float32"])
    error = head.exact(quantity).distance(found[quantity] * np.float32(1.001))
    assert (error > head.bound(quantity, FORMATS["float32"], MUST)).mean() > 0.5


def test_options_reach_the_op() -> None:
    given = arrays(FORMATS["float32"])
    each, mean = head_of(given), head_of(given, reduction="mean", ignore_index=5, label_smoothing=0.1)
    kept = given[2] != 5
    smoothed = head_of(given, label_smoothing=0.1).exact("value").value[kept].mean()
    assert mean.exact("value").value == pytest.approx(smoothed, rel=1e-15)
    assert each.exact("grad_weight").shape == mean.exact("grad_weight").shape
    assert not mean.exact("grad_hidden").value[~kept].any()
    by_hidden = (head.bound("grad_hidden", FORMATS["float32"], MUST) for head in (mean, each))
    assert np.less(*by_hidden).all()


@pytest.mark.parametrize("cap", [0.0, 2.5])
@pytest.mark.parametrize("size", [1.0, 40.0])
def test_bias_and_z_loss_are_exact_by_ball_arithmetic(size: float, cap: float) -> None:
    hidden, weight, labels = arrays(FORMATS["float32"], size=size)
    bias = normals("head, bias", (17,)).astype(np.float32)
    truth = head_by_balls(hidden, weight, labels, cap=cap, bias=bias, z_loss=1e-2)
    layer = LinearPrologue(has_bias=True)
    prologues = (layer, SoftcapPrologue(cap)) if cap else (layer,)
    head = Head(prologues, {"hidden": hidden, "weight": weight, "bias": bias}, OP, labels, z_loss=1e-2)
    for quantity in (*QUANTITIES, "grad_bias"):
        answer = head.exact(quantity)
        assert farthest(truth[quantity], answer) <= 1.0
        assert (answer.radius <= 2.0**-83 * max(size, 1.0) ** 2).all()


FACTORS = (0.5, -0.75, 1.25, 2.0, -1.0)


@pytest.mark.parametrize("cap", [0.0, 2.5])
@pytest.mark.parametrize("size", [1.0, 40.0])
@pytest.mark.parametrize("divides", [False, True])
@pytest.mark.parametrize("shape", [(12, 1), (1, 17)])
def test_the_gradient_by_factors_is_exact_by_ball_arithmetic(
    shape: tuple[int, int], size: float, cap: float, *, divides: bool
) -> None:
    given, factors = arrays(FORMATS["float32"], size=size), np.resize(FACTORS, shape)
    behind = {"cap": cap, "divides": divides}
    truth = head_by_balls(*given, factors=factors, **behind)  # type: ignore[arg-type]
    head = head_with_factors(given, factors, **behind)  # type: ignore[arg-type]
    for quantity in (*QUANTITIES, "grad_factors"):
        answer = head.exact(quantity)
        assert farthest(truth[quantity], answer) <= 1.0
        assert (answer.radius <= (2.0**-80 if divides else 2.0**-83) * max(size, 1.0) ** 2).all()


@pytest.mark.parametrize("divides", [False, True])
@pytest.mark.parametrize("shape", [(40, 1), (1, 130)])
@pytest.mark.parametrize("name", FORMATS)
def test_plain_code_stays_within_the_bound_by_factors(name: str, shape: tuple[int, int], *, divides: bool) -> None:
    format_ = FORMATS[name]
    wide: Any = np.float64 if name == "float64" else np.float32
    given, factors = arrays(format_, (40, 96, 130)), np.resize(FACTORS, shape)
    head = head_with_factors(given, factors, divides=divides)
    hidden, weight, labels = given
    x = (hidden.astype(wide) @ weight.astype(wide).T).astype(format_.dtype).astype(wide)
    behind = x / factors.astype(wide) if divides else x * factors.astype(wide)
    z = behind.astype(format_.dtype).astype(wide)
    slope = np.exp(z - z.max(axis=1, keepdims=True))
    slope /= slope.sum(axis=1, keepdims=True)
    slope[np.arange(40), labels] -= 1
    terms = slope.astype(format_.dtype).astype(wide) * x
    terms = terms.astype(format_.dtype).astype(wide)
    if divides:
        terms = (-terms / factors.astype(wide) ** 2).astype(format_.dtype).astype(wide)
    answer = terms.sum(axis=1, keepdims=True) if shape[1] == 1 else terms.sum(axis=0)
    exact = head.exact("grad_factors")
    error = exact.distance(answer.astype(format_.dtype))
    for arithmetic in (MUST, SHOULD):
        assert (error <= head.bound("grad_factors", format_, arithmetic)).all(), arithmetic
    if name == "float32":
        off = exact.distance((answer * wide(1.001)).astype(format_.dtype))
        assert (off > head.bound("grad_factors", format_, MUST)).mean() > 0.5


def test_without_factors_there_is_no_gradient_by_them() -> None:
    with pytest.raises(ValueError, match="grad_factors is not known"):
        head_of(arrays(FORMATS["float32"])).exact("grad_factors")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("options", [{}, {"reduction": "sum"}, {"reduction": "mean", "ignore_index": 5}])
def test_plain_code_with_a_z_loss_stays_within_the_bound(name: str, options: dict[str, Any]) -> None:
    format_ = FORMATS[name]
    (hidden, weight, labels), wide = arrays(format_, (40, 96, 130)), np.float64 if name == "float64" else np.float32
    head = Head((LinearPrologue(),), {"hidden": hidden, "weight": weight}, OP, labels, options, z_loss=1e-2)
    h, w = hidden.astype(wide), weight.astype(wide)
    z = (h @ w.T).astype(format_.dtype).astype(wide)
    top = z.max(axis=1)
    lse = np.log(np.exp(z - top[:, None]).sum(axis=1)) + top
    kept = labels != options.get("ignore_index")
    losses = np.where(kept, lse - z[np.arange(40), labels] + wide(1e-2) * lse**2, 0)
    divisor = wide(kept.sum() if options.get("reduction") == "mean" else 1)
    slope = np.exp(z - lse[:, None]) * (1 + 2 * wide(1e-2) * lse[:, None])
    slope[np.arange(40), labels] -= 1
    slope = np.where(kept[:, None], slope / divisor, 0).astype(format_.dtype).astype(wide)
    found = {"value": losses if not options else losses.sum() / divisor, "grad_hidden": slope @ w}
    found["grad_weight"] = slope.T @ h
    for quantity, answer in found.items():
        exact = head.exact(quantity)
        error = exact.distance(answer.astype(format_.dtype).reshape(exact.shape))
        for arithmetic in (MUST, SHOULD):
            assert (error <= head.bound(quantity, format_, arithmetic)).all(), (quantity, arithmetic)
        off = exact.distance((answer * wide(1.001)).astype(format_.dtype).reshape(exact.shape))
        if wide is np.float32 and name == "float32":
            assert (off > head.bound(quantity, format_, MUST)).mean() > 0.5


def test_micro_batches_over_their_divisor_are_one_batch() -> None:
    hidden, weight, labels = arrays(FORMATS["float32"])
    whole = head_of((hidden, weight, labels), reduction="mean")
    parts = [
        Head(
            (LinearPrologue(),),
            {"hidden": hidden[part], "weight": weight},
            OP,
            labels[part],
            {"reduction": "sum"},
            0.0,
            12,
        )
        for part in (slice(0, 5), slice(5, 12))
    ]
    for quantity in ("value", "grad_weight"):
        first, second = (head.exact(quantity).value for head in parts)
        # Each value is rounded to float64 once, and so is their sum: less than 4 u (|a| + |b|) in all.
        apart = np.abs(first + second - whole.exact(quantity).value)
        assert (apart <= 2.0**-51 * (np.abs(first) + np.abs(second))).all()
        allowed = sum(head.bound(quantity, FORMATS["float32"], MUST) for head in parts)
        assert (allowed < 1e-4).all()


def test_a_bias_is_one_more_term() -> None:
    hidden, weight, labels = arrays(FORMATS["float32"])
    bias = normals("head, bias", (17,)).astype(np.float32)
    biased = Head((LinearPrologue(has_bias=True),), {"hidden": hidden, "weight": weight, "bias": bias}, OP, labels)
    joined = head_of((np.c_[hidden, np.ones((12, 1), np.float32)], np.c_[weight, bias], labels))
    np.testing.assert_array_max_ulp(biased.exact("value").value, joined.exact("value").value)
    by_weight = joined.exact("grad_weight").value
    np.testing.assert_array_max_ulp(biased.exact("grad_bias").value, by_weight[:, -1])
    assert biased.bound("grad_bias", FORMATS["float32"], MUST).shape == (17,)


def test_prologues_chain_in_any_number() -> None:
    hidden, weight, labels = arrays(FORMATS["float32"])
    chain = (LinearPrologue(), producer_of("scaled"), SoftcapPrologue(4.0))
    head = Head(chain, {"hidden": hidden, "weight": weight}, OP, labels)
    tripled = head_of((hidden, np.float32(3.0) * weight, labels), cap=4.0)
    np.testing.assert_allclose(head.exact("value").value, tripled.exact("value").value, rtol=1e-6)
    np.testing.assert_allclose(
        head.exact("grad_weight").value, 3.0 * tripled.exact("grad_weight").value, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("prologue", [SoftcapPrologue(3.0), producer_of("tempered"), producer_of("scaled")])
def test_a_pull_back_is_the_derivative(prologue: Any) -> None:
    z, step = np.linspace(-9.0, 9.0, 30).reshape(3, 10), 2.0**-26
    up, down = (prologue.exact(Ball(z + sign * step)) for sign in (1, -1))
    slope = prologue.pull_back(Ball(np.ones_like(z)), Ball(z))
    np.testing.assert_allclose(slope.hi, ((up.hi - down.hi) + (up.lo - down.lo)) / (2.0 * step), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "prologue", [SoftcapPrologue(3.0), producer_of("scaled"), producer_of("tempered"), LinearPrologue()]
)
def test_a_source_is_what_the_prologue_computes(prologue: Any) -> None:
    x, w = normals("source, x", (2, 4)), normals("source, w", (3, 4))
    given = [x, w][: len(prologue.operands)]
    computed = eval(prologue.source("a", "b"[: len(given) - 1]), {"a": x, "b": w, "tanh": np.tanh})  # noqa: S307
    np.testing.assert_allclose(prologue.exact(*map(Ball, given)).hi, computed, rtol=1e-12)


def test_what_is_not_finite_is_refused() -> None:
    hidden, weight, labels = arrays(FORMATS["float32"])
    hidden[0, 0] = np.inf
    with pytest.raises(ValueError, match="hidden has an infinity or a NaN"):
        head_of((hidden, weight, labels))
    with pytest.raises(ValueError, match="operands are hidden; needed: hidden, weight"):
        Head((LinearPrologue(),), {"hidden": hidden}, OP, labels)
    with pytest.raises(ValueError, match="grad_bias is not known; known: value, grad_hidden, grad_weight"):
        head_of(arrays(FORMATS["float32"])).exact("grad_bias")
    given = {"hidden": weight[:, :1], "weight": weight[:, :1]}
    with pytest.raises(ValueError, match="z_loss is -1"):
        Head((LinearPrologue(),), given, OP, labels, z_loss=-1.0)
    with pytest.raises(ValueError, match="divisor is 2"):
        Head((LinearPrologue(),), given, OP, labels, divisor=2.0)
    with pytest.raises(ValueError, match="cap is -1"):
        SoftcapPrologue(-1.0)
