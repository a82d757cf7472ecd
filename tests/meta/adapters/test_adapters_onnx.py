"""ONNX models bring the classes to where an operator takes them, and back."""

from __future__ import annotations

import numpy as np
import pytest

from logitproof_adapters.catalogue import registry
from logitproof_adapters.frameworks.onnxruntime.models import nodes, program
from logitproof_reference.vocabulary.cells import Cell, Inputs, Options

SHAPES = {"last": (3, 4, 1), "first": (4, 3, 0), "middle": (2, 4, 3, 1)}
"""Shape and class axis, of four classes."""


def softmax(axis: str, entry: str = "", quantity: str = "value") -> Cell:
    return Cell("onnxruntime", "eager", "softmax", quantity, "float32", axis=axis, entry=entry)


@pytest.mark.parametrize(
    ("axis", "entry", "expected"),
    [
        ("first", "", "z = Softmax <axis=0> (x)"),
        ("middle", "", "z = Softmax <axis=1> (x)"),
        ("last", "opset11", "z = Softmax <axis=1> (x)"),
        (
            "first",
            "opset11",
            "xt = Transpose <perm=[1, 0]> (x) zt = Softmax <axis=1> (xt) z = Transpose <perm=[1, 0]> (zt)",
        ),
        (
            "middle",
            "opset11",
            "xt = Transpose <perm=[0, 2, 1]> (x) zt = Softmax <axis=2> (xt) z = Transpose <perm=[0, 2, 1]> (zt)",
        ),
    ],
)
def test_softmax_of_opset_11_runs_over_the_classes_alone(axis: str, entry: str, expected: str) -> None:
    *sizes, place = SHAPES[axis]
    assert nodes(softmax(axis, entry), place, len(sizes)) == expected


def test_a_gradient_of_a_reduced_loss_takes_one_cotangent_and_its_options() -> None:
    options = Options(reduction="mean", weight=True, ignore_index=2)
    cell = Cell("onnxruntime", "eager", "softmax_cross_entropy", "grad_logits", "float32", "indices", options=options)
    text = program(cell, 1, 2)
    assert "float[d0, d1] x, int64[d0] y, float[] c, float[d1] w" in text
    assert 'SoftmaxCrossEntropyLossGrad <reduction="mean", ignore_index=2> (c, p, y, w)' in text


@pytest.mark.parametrize("axis", SHAPES)
def test_every_opset_gives_the_softmax_along_the_classes(axis: str) -> None:
    if not registry.installed("onnxruntime"):
        pytest.skip("onnxruntime is not installed")
    adapter = registry.load("onnxruntime")
    *sizes, place = SHAPES[axis]
    x = (np.arange(np.prod(sizes)) * 7 % 23 / 4).reshape(sizes).astype(np.float32)
    expected = np.exp(x) / np.exp(x).sum(axis=place, keepdims=True)
    for entry in ("", "opset11"):
        np.testing.assert_allclose(adapter.evaluate(softmax(axis, entry), Inputs(x, place)), expected, rtol=1e-6)
