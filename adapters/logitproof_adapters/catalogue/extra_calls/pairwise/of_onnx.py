"""The operators of ONNX from logits to losses, in whichever runtime (https://onnx.ai/onnx/operators/)."""

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
    CERTAIN,
    ELEMENTS,
    FINITE,
    KINDS,
    PLACES,
    REDUCTIONS,
    SECOND_AXIS,
    SEVERAL_AXES,
    WORDS,
    Function,
)

if TYPE_CHECKING:
    from logitproof_adapters.catalogue.extra_calls.pairwise.tables import Case

PROGRAM = (
    f"""\
import sys

import numpy as np
from onnx import TensorProto, helper
{INPUTS}

{WORDS}
float16, float32, float64 = np.float16, np.float32, np.float64
int32, int64 = np.int32, np.int64
"""
    """

KINDS = {
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
}


def model_of(op, opset, arrays, outputs, attributes, axes):
    given = [f"x{place}" for place in range(len(arrays))]
    inputs = [
        helper.make_tensor_value_info(name, KINDS[array.dtype.name], array.shape) for name, array in zip(given, arrays)
    ]
    found = [helper.make_tensor_value_info(name, KINDS[arrays[0].dtype.name], None) for name in outputs]
    constants = [] if axes is None else [helper.make_tensor("axes", TensorProto.INT64, (len(axes),), axes)]
    node = helper.make_node(op, [*given, *(one.name for one in constants)], outputs, **attributes)
    graph = helper.make_graph([node], "one_node", inputs, found, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def run(op, opset, *arrays, outputs=("y",), constant_axes=None, **attributes):
    arrays = [np.asarray(array) for array in arrays]
    model = model_of(op, opset, arrays, outputs, attributes, constant_axes)
    fed = {f"x{place}": array for place, array in enumerate(arrays)}
    if "onnxruntime" in sys.modules:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        found = session.run(None, fed)
    elif "openvino" in sys.modules:
        import openvino

        if arrays[0].dtype == np.float64:
            raise NotImplementedError("not implemented for float64, which the CPU computes in float32")
        compiled = openvino.Core().compile_model(openvino.Core().read_model(model.SerializeToString()), "CPU")
        found = [compiled(fed)[place] for place in range(len(outputs))]
    else:
        from onnx.reference import ReferenceEvaluator

        found = ReferenceEvaluator(model).run(None, fed)
    y = np.asarray(found[-1])
    if y.dtype != arrays[0].dtype:
        raise TypeError(f"{y.dtype} where {arrays[0].dtype} is expected")
    return y.astype(np.float64).ravel().tolist()


def given(shape, axis, kind, form):
    return np.asarray(logits_of(shape, kind, axis[0] if isinstance(axis, tuple) else axis)).astype(form)


def softmax(shape, axis, kind, form, opset):
    return run("Softmax", opset, given(shape, axis, kind, form), axis=axis)


def log_softmax(shape, axis, kind, form, opset):
    return run("LogSoftmax", opset, given(shape, axis, kind, form), axis=axis)


def log_sum_exp(shape, axis, kind, form, opset, kept):
    axes = list(axis) if isinstance(axis, tuple) else [axis]
    x = given(shape, axis, kind, form)
    if opset >= 18:
        return run("ReduceLogSumExp", opset, x, constant_axes=axes, keepdims=int(kept))
    return run("ReduceLogSumExp", opset, x, axes=axes, keepdims=int(kept))


def whole(shape, axis, kind, form, opset, index):
    # Integers, whose log-sum-exp is one where there is one of them.
    x = np.asarray(logits_of(shape, kind, axis)).astype(index)
    if opset >= 18:
        return run("ReduceLogSumExp", opset, x, constant_axes=[axis])
    return run("ReduceLogSumExp", opset, x, axes=[axis])


def of_everything(shape, axis, kind, form, opset, kept):
    return run("ReduceLogSumExp", opset, given(shape, 0, kind, form), keepdims=int(kept))


def options_of(labels, shape, form, weight, ignored, reduction):
    options = {"reduction": reduction}
    if ignored is not None:
        labels = np.where(np.arange(labels.size).reshape(labels.shape) % 3 == 2, ignored, labels)
        options["ignore_index"] = ignored
    return labels, [weights_of(shape[1]).astype(form)] if weight else [], options


def cross_entropy(shape, kind, form, opset, index, weight, ignored, reduction):
    labels, weights, options = options_of(classes_of(shape, kind, 1), shape, form, weight, ignored, reduction)
    x = given(shape, 1, kind, form)
    return run("SoftmaxCrossEntropyLoss", opset, x, labels.astype(index), *weights, **options)


def log_of_cross_entropy(shape, axis, kind, form, opset):
    # The second output, documented as log-softmax of the scores.
    labels = classes_of(shape, kind, 1).astype(np.int64)
    return run("SoftmaxCrossEntropyLoss", opset, given(shape, 1, kind, form), labels, outputs=("y", "z"))


def nll(shape, kind, form, opset, index, weight, ignored, reduction):
    labels, weights, options = options_of(classes_of(shape, kind, 1), shape, form, weight, ignored, reduction)
    x = given(shape, 1, kind, form)
    return run("NegativeLogLikelihoodLoss", opset, x, labels.astype(index), *weights, **options)


def sigmoid(shape, kind, form, opset):
    return run("Sigmoid", opset, given(shape, -1, kind, form))


def softplus(shape, kind, form, opset):
    return run("Softplus", opset, given(shape, -1, kind, form))
"""
)

_LATER, _EVERY = (13, 18, 22), (11, 13, 18, 22)
"""Opsets: from 13 on an axis of softmax is one, before it what begins there is flattened."""
_VALUE: dict[str, Any] = {"what": "value"}


def _table(opsets: tuple[int, ...], kinds: Any = KINDS, **factors: Any) -> dict[str, Any]:
    return {"kind": kinds, "form": ("float32", "float16", "float64"), "opset": opsets, **factors}


def _bodiless(case: Case) -> bool:
    """Return whether an operator's definition by others, which overflows from opset 18 on, says something else."""
    return not (case["form"] == "float16" and case["opset"] >= 18 and case["kind"] in ("high", "far", "offset"))


_LABELS: dict[str, Any] = {
    "place": tuple(place for place in SECOND_AXIS if len(place[0]) > 1),
    "index": ("int32", "int64"),
    "weight": (False, True),
    "ignored": (None, -100, 7, 1),
    "reduction": REDUCTIONS,
}
_SPREAD = (((2, 3), 1), ((4, 3, 2), 1), ((2, 3, 2, 2), 1))

FUNCTIONS = (
    Function("softmax", "softmax", SOFTMAX, _table(_LATER, place=PLACES), _VALUE, axis=True),
    Function("log_softmax", "log_softmax", LOG_SOFTMAX, _table(_LATER, place=PLACES), _VALUE, axis=True),
    Function(
        "log_sum_exp",
        "log_sum_exp",
        LOG_SUM_EXP,
        _table(_EVERY, place=(*PLACES, *SEVERAL_AXES), kept=(False, True)),
        _VALUE,
        axis=True,
        legal=_bodiless,
    ),
    Function(
        "of_everything",
        "log_sum_exp",
        LOG_SUM_EXP,
        _table(_EVERY, FINITE, place=(((2, 3), (0, 1)), ((2, 3, 2), (0, 1, 2))), kept=(False, True)),
        _VALUE,
        axis=True,
        legal=_bodiless,
    ),
    Function(
        "whole",
        "log_sum_exp",
        LOG_SUM_EXP,
        {
            "place": (((2, 1), 1), ((1,), 0)),
            "kind": ("level", "high"),
            "form": ("float32",),
            "opset": _EVERY,
            "index": ("int32", "int64"),
        },
        {**_VALUE, "kept": True},
        axis=True,
    ),
    Function("cross_entropy", "cross_entropy", INDICES, _table((12, 13, 22), **_LABELS), _VALUE),
    Function(
        "log_of_cross_entropy", "log_softmax", INDICES, _table((12, 13, 22), FINITE, place=_SPREAD), _VALUE, axis=True
    ),
    Function("nll", "nll", INDICES, _table((12, 13, 22), FINITE, **_LABELS), _VALUE),
    Function("sigmoid", "sigmoid", SIGMOID, _table((7, 13), CERTAIN, place=ELEMENTS), _VALUE),
    Function("softplus", "softplus", SIGMOID, _table((7, 22), CERTAIN, place=ELEMENTS), _VALUE),
)
