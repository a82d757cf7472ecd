"""Accuracy classes are inferred from outputs: each algorithm by its name, and nothing if no row decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof_reference.cases import hashed_numbers as bit_generator
from logitproof_reference.judging import accuracy_classes as accuracy
from logitproof_reference.judging.accuracy_classes import Outputs
from logitproof_reference.numerics.enclosure import Enclosure
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.vocabulary.formats import FORMATS
from meta.bounds.emulated_arithmetic import Emulation, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    F64 = NDArray[np.float64]

NAMES = ["float16", "bfloat16", "float32"]
LOSS = ("softmax_cross_entropy", "value")


def told(
    question: tuple[str, str], logits: F64, observed: F64, name: str, labels: NDArray[np.int64] | None = None
) -> tuple[str, ...]:
    exact = ExactRows(logits).evaluate(*question, labels)
    outputs = Outputs(logits=logits, observed=observed, exact=exact, format=FORMATS[name], labels=labels)
    return accuracy.classes(*question, outputs)


def saturated(name: str) -> tuple[F64, NDArray[np.int64]]:
    """Rows whose largest logit leads by 4 to 16, labelled with it."""
    x = bit_generator.normals("accuracy", (200, 5)) / 4.0
    x[:, 2] += 4.0 + 12.0 * bit_generator.uniforms("accuracy gap", (200,))
    return Emulation(FORMATS[name]).fl(x), np.full(200, 2)


def loss_by_log1p(a: Emulation, x: F64) -> F64:
    others = a.exp(a.shifted(x))
    others[:, 2] = 0.0
    return a.fl(np.log1p(a.sum(others)))[:, 0]


def loss_by_log(a: Emulation, x: F64) -> F64:
    return -a.log_softmax(x)[:, 2]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("loss", "expected"), [(loss_by_log1p, "relative at saturation"), (loss_by_log, "absolute at saturation")]
)
def test_loss_at_saturation_is_told_by_its_relative_error(
    loss: Callable[[Emulation, F64], F64], expected: str, name: str
) -> None:
    logits, labels = saturated(name)
    assert told(LOSS, logits, loss(Emulation(FORMATS[name]), logits), name, labels) == (expected,)


def gradient_by_others(a: Emulation, x: F64) -> F64:
    p = a.softmax(x)
    others = p.copy()
    others[:, 2] = 0.0
    p[:, 2:3] = -a.sum(others)
    return p


def gradient_by_difference(a: Emulation, x: F64) -> F64:
    return a.fl(a.softmax(x) - (np.arange(5) == 2))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("gradient", "expected"),
    [
        (gradient_by_others, "relative gradient at the label"),
        (gradient_by_difference, "absolute gradient at the label"),
    ],
)
def test_gradient_at_the_label_is_told_by_its_relative_error(
    gradient: Callable[[Emulation, F64], F64], expected: str, name: str
) -> None:
    logits, labels = saturated(name)
    observed = gradient(Emulation(FORMATS[name]), logits)
    assert told(("softmax_cross_entropy", "grad_logits"), logits, observed, name, labels) == (expected,)


@pytest.mark.parametrize("name", ["float16", "float32"])
@pytest.mark.parametrize(("shifted", "expected"), [(True, "shift-invariant"), (False, "offset class")])
def test_common_offset_tells_the_offset_class(shifted: bool, expected: str, name: str) -> None:  # noqa: FBT001 - a parametrised claim
    a = Emulation(FORMATS[name], wide=name == "float16")
    logits = a.fl(rows_of("common offset", FORMATS[name], 100) + (700.0 if name == "float16" else 10_000.0))
    observed = a.log_softmax(logits) if shifted else a.fl(logits - a.log_sum_exp(logits))
    labels = np.arange(100) % 10
    assert told(("log_softmax", "value"), logits, observed, name) == (expected,)
    at_label = np.take_along_axis(-observed, labels[:, None], axis=1)[:, 0]
    assert expected in told(LOSS, logits, at_label, name, labels)
    gradient = a.softmax(logits) if shifted else a.exp(observed)
    assert told(("log_sum_exp", "grad_logits"), logits, gradient, name) == (expected,)
    assert told(("softmax", "value"), logits, gradient, name)[0] == (
        "sums to one as by division" if shifted else "division-free"
    )


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.parametrize(("wide", "expected"), [(True, "wide accumulation"), (False, "narrow accumulation")])
def test_wide_rows_tell_the_accumulation(wide: bool, expected: str, name: str) -> None:  # noqa: FBT001 - a parametrised claim
    logits = np.zeros((2, 8192))
    observed = Emulation(FORMATS[name], wide=wide).softmax(logits)
    assert told(("softmax", "value"), logits, observed, name) == (expected,)


def test_rows_that_decide_nothing_tell_nothing() -> None:
    logits = rows_of("normal of 10", FORMATS["float32"], 50)
    a = Emulation(FORMATS["float32"])
    labels = np.zeros(50, np.int64)
    assert told(LOSS, logits, -a.log_softmax(logits)[:, 0], "float32", labels) == ()
    assert told(("softmax", "value"), logits, a.softmax(logits), "float32") == ()
    assert told(("softmax", "value"), logits[:0], logits[:0], "float32") == ()


def test_answers_without_classes_tell_nothing() -> None:
    logits = rows_of("normal of 10", FORMATS["float32"], 50)
    observed = Emulation(FORMATS["float32"]).log_sum_exp(logits)[:, 0]
    assert told(("log_sum_exp", "value"), logits, observed, "float32") == ()


def test_answers_that_are_not_finite_decide_nothing() -> None:
    logits, labels = saturated("float32")
    assert told(LOSS, logits, np.full(200, np.nan), "float32", labels) == ()


def test_class_indices_are_asked_for_where_a_class_needs_them() -> None:
    logits, labels = saturated("float32")
    exact = ExactRows(logits).evaluate(*LOSS, labels)
    outputs = Outputs(logits=logits, observed=exact.value, exact=exact, format=FORMATS["float32"])
    with pytest.raises(ValueError, match="class indices are needed"):
        accuracy.relative_at_saturation(outputs)


def sigmoid_loss_by_log1p(a: Emulation, x: F64, labels: F64) -> F64:
    own_side = np.where(labels == 1.0, x, -x)
    return a.fl(np.maximum(-own_side, 0.0) + a.fl(np.log1p(a.exp(-np.abs(x)))))


def sigmoid_loss_by_difference(a: Emulation, x: F64, labels: F64) -> F64:
    """Return (1 - z) x - log sigmoid(x): at z = 1 the latter alone, at z = 0 two numbers that cancel."""
    log_sigmoid = a.fl(np.minimum(x, 0.0) - a.fl(np.log1p(a.exp(-np.abs(x)))))
    return a.fl(a.fl((1.0 - labels) * x) - log_sigmoid)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("loss", "label", "expected"),
    [
        (sigmoid_loss_by_log1p, 0.0, "relative at saturation"),
        (sigmoid_loss_by_log1p, 1.0, "relative at saturation"),
        (sigmoid_loss_by_difference, 0.0, "absolute at saturation"),
        (sigmoid_loss_by_difference, 1.0, "relative at saturation"),
    ],
)
def test_sigmoid_loss_at_saturation_is_told_on_either_side(
    loss: Callable[[Emulation, F64, F64], F64], label: float, expected: str, name: str
) -> None:
    a = Emulation(FORMATS[name])
    size = 5.0 + 4.0 * bit_generator.uniforms("sigmoid saturation", (40, 5))
    logits = a.fl(size if label else -size)
    labels = np.full_like(logits, label)
    exact = Enclosure.exact(np.logaddexp(0.0, -np.abs(logits)))
    outputs = Outputs(logits=logits, observed=loss(a, logits, labels), exact=exact, format=FORMATS[name], labels=labels)
    assert accuracy.classes("sigmoid_cross_entropy", "value", outputs) == (expected,)
