"""ONNX models as text: the operator for a cell, its class axis, and its gradient.

The text is https://onnx.ai/onnx/repo-docs/Syntax.html. In opset 15 the operators are those of opset 13, whose Softmax
runs along one axis. That of opset 11 (entry ``opset11``) makes two axes of the logits, parted before the one it is
given, and runs over all of the second: the classes alone, where they lie last. From opset 18 on (entry ``opset18``)
the axes of ReduceLogSumExp are an input. The losses, which opset 12 introduced, take the classes at axis 1. Where
they lie elsewhere, Transpose brings them there and back. Gradients are operators of ONNX Runtime's own domain.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from logitproof_adapters.contract import CPU, INDICES
from logitproof_adapters.contract.device import parted
from logitproof_adapters.sources.source_adapter import arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logitproof_reference.vocabulary.cells import Cell, Options

NODES = {
    ("value", "softmax"): "{z} = Softmax <axis={place}> ({x})",
    ("value", "log_softmax"): "{z} = LogSoftmax <axis={place}> ({x})",
    ("value", "log_sum_exp"): "{z} = ReduceLogSumExp <axes=[{place}], keepdims=0> ({x})",
    ("value", "opset18"): "a = Constant <value_ints=[{place}]> () {z} = ReduceLogSumExp <keepdims=0> ({x}, a)",
    ("value", "two_class_axes"): "{z} = ReduceLogSumExp <axes=[{place}, {last}], keepdims=0> ({x})",
    ("value", "kept_axis"): "{z} = ReduceLogSumExp <axes=[{place}]> ({x})",
    ("value", "every_axis"): "{z} = ReduceLogSumExp <keepdims=0> ({x})",
    ("value", "flattened_axes"): "{z} = {op} <axis={place}> ({x})",
    ("value", "softmax_cross_entropy"): "{z} = SoftmaxCrossEntropyLoss <{options}> ({x}, {labels})",
    ("value", "nll_loss"): (
        "p = LogSoftmax <axis={place}> ({x}) {z} = NegativeLogLikelihoodLoss <{options}> (p, {labels})"
    ),
    ("grad_logits", "softmax"): (
        "p = Softmax <axis={place}> ({x}) {z} = com.microsoft.SoftmaxGrad{version} <axis={place}> ({c}, p)"
    ),
    ("grad_logits", "log_softmax"): (
        "p = LogSoftmax <axis={place}> ({x}) {z} = com.microsoft.LogSoftmaxGrad{version} <axis={place}> ({c}, p)"
    ),
    ("grad_logits", "softmax_cross_entropy"): (
        "l, p = SoftmaxCrossEntropyLoss <{options}> ({x}, {labels})"
        " {z} = com.microsoft.SoftmaxCrossEntropyLossGrad <{options}> ({c}, p, {labels})"
    ),
}
"""Nodes by quantity and operator; from x, the labels and c to z."""

ENTRIES = MappingProxyType(
    {
        ("softmax", "none"): ("opset11",),
        ("log_softmax", "none"): ("opset11",),
        ("log_sum_exp", "none"): ("opset11", "opset18"),
        INDICES: ("nll_loss", "opset12"),
    }
)
SPELLINGS = MappingProxyType(
    {
        "softmax": ("flattened_axes",),
        "log_softmax": ("flattened_axes",),
        "log_sum_exp": ("two_class_axes", "kept_axis", "every_axis"),
    }
)
"""The words of `Adapter.spellings`; flattened_axes is what Softmax of opset 11 does with all axes from its own on."""

OPSETS = {"opset11": 11, "opset12": 12, "opset18": 18, "flattened_axes": 11}
"""The versions of the operators beside those of opset 15, from 11 on."""

TYPES = {"float16": "float16", "float32": "float", "float64": "double"}
LEVELS = {"eager": "ORT_DISABLE_ALL", "compiled": "ORT_ENABLE_ALL"}
KEEPS_CLASSES = ("softmax", "log_softmax")

MODEL = '''model = onnx.parser.parse_model("""
<ir_version: 8, opset_import: ["" : {opset}, "com.microsoft" : 1]>
answer ({inputs}) => ({type}[{shape}] z) {{ {nodes} }}
"""){own_formats}'''

PROGRAM = """def f({arguments}):
    {model}
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.{level}{alone}
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=[{provider}])
    return session.run(None, {{{feed}}})[0]"""

OWN_FORMAT = """
    model.graph.input[{place}].type.tensor_type.elem_type = onnx.helper.np_dtype_to_tensor_dtype({letter}.dtype)"""
"""A model states the formats of labels and weights: those they come in, whether the operator takes them or not."""


RESULT_SHAPES = {"two_class_axes": "d1", "kept_axis": "d0, k"}
"""Shapes of what ReduceLogSumExp gives by another call."""

NO_FALLBACK = ("session.disable_cpu_ep_fallback", "1")
ALONE = f"""
    options.add_session_config_entry{NO_FALLBACK}"""
"""Without it ONNX Runtime computes by itself on the CPU what a provider has no kernel for."""

OPERATORS = {"product": "Mul (x, y)", "quotient": "Div (x, y)", "total": "ReduceSum <keepdims=0> (x)"}
"""What `probe` asks."""

OPERATION = """
<ir_version: 8, opset_import: ["" : 15]>
answer ({inputs}) => ({type}[{shape}] z) {{ z = {node} }}
"""

SUFFIX = "ExecutionProvider"


def provider_of(device: str, available: Sequence[str]) -> str:
    """Return the execution provider that a device stands for; empty if there is none.

    >>> provider_of("cuda:1", ["CUDAExecutionProvider", "CPUExecutionProvider"])
    'CUDAExecutionProvider'
    """
    named = {name[: -len(SUFFIX)].lower(): name for name in available if name.endswith(SUFFIX)}
    return named.get(parted(device)[0], "")


def operation(name: str, dtypes: Sequence[str]) -> str:
    """Return the model of one of `OPERATORS`, which takes as many vectors as there are formats."""
    inputs = ", ".join(f"{TYPES[dtype]}[n] {letter}" for dtype, letter in zip(dtypes, "xy"))
    shape = "" if name == "total" else "n"
    return OPERATION.format(inputs=inputs, type=TYPES[dtypes[0]], shape=shape, node=OPERATORS[name])


def operator(cell: Cell) -> str:
    """Return the operator that a cell asks, a word of `NODES`."""
    return cell.entry if ("value", cell.entry) in NODES else cell.op


def program(cell: Cell, axis: int, ndim: int, provider: str = f"CPU{SUFFIX}", device: str = CPU) -> str:
    """Return source that defines ``f``; the logits have `ndim` axes, and their classes lie at `axis`."""
    index = parted(device)[1]
    shown = f'("{provider}", {{"device_id": {index}}})' if index else f'"{provider}"'
    alone = "" if device == CPU else ALONE
    return filled(PROGRAM, cell, axis, ndim, level=LEVELS[cell.mode], alone=alone, provider=shown)


def filled(program: str, cell: Cell, axis: int, ndim: int, **more: str) -> str:
    """Return a program with the arguments of a cell, the lines that make its model, and what is fed to it."""
    letters = arguments(cell).split(", ")
    feed = ", ".join(f'"{letter}": {letter}' for letter in letters)
    return program.format(arguments=", ".join(letters), model=model(cell, axis, ndim), feed=feed, **more)


def model(cell: Cell, axis: int, ndim: int) -> str:
    """Return lines of a function's body that make the model of a cell, from the arrays of `arguments`."""
    letters = arguments(cell).split(", ")
    axes = [f"d{place}" for place in range(ndim)]
    whole, rows = ", ".join(axes), ", ".join(axes[:axis] + axes[axis + 1 :])
    rows = RESULT_SHAPES.get(cell.entry, rows)
    of_value = whole if cell.op in KEEPS_CLASSES else rows if cell.options.reduction == "none" else ""
    shapes = {"x": whole, "y": rows, "w": axes[axis], "c": of_value}
    types = {name: "int64" if name == "y" else TYPES[cell.format] for name in letters}
    return MODEL.format(
        opset=OPSETS.get(cell.entry, 15),
        inputs=", ".join(f"{types[name]}[{shapes[name]}] {name}" for name in letters),
        type=TYPES[cell.format],
        shape=whole if cell.has_class_axis else of_value,
        nodes=nodes(cell, axis, ndim),
        own_formats="".join(OWN_FORMAT.format(place=letters.index(one), letter=one) for one in "yw" if one in letters),
    )


def nodes(cell: Cell, axis: int, ndim: int) -> str:
    """Return the nodes of a model, with what brings the classes to where the operator takes them."""
    is_parted = cell.entry == "opset11" and cell.op in KEEPS_CLASSES
    place = ndim - 1 if is_parted else axis if cell.labels == "none" else 1
    order = list(range(ndim))
    order[axis], order[place] = place, axis
    have_classes = {"x": True, "c": cell.op in KEEPS_CLASSES, "z": cell.has_class_axis}
    names = {name: f"{name}t" if has and place != axis else name for name, has in have_classes.items()}
    taken = [name for name in arguments(cell).split(", ") if names.get(name, name) != name]
    node = NODES[cell.quantity, operator(cell)].format(
        **names,
        place=place,
        last=ndim - 1,
        op={"softmax": "Softmax", "log_softmax": "LogSoftmax"}.get(cell.op),
        version="" if cell.entry == "opset11" else "_13",
        labels=", ".join(name for name in arguments(cell).split(", ") if name in {"y", "w"}),
        options=options_source(cell.options),
    )
    there = [f"{name}t = Transpose <perm={order}> ({name})" for name in taken]
    back = [f"z = Transpose <perm={order}> (zt)"] if names["z"] == "zt" else []
    return " ".join([*there, node, *back])


def options_source(options: Options) -> str:
    """Spell options as the attributes of a loss."""
    ignored = "" if options.ignore_index is None else f", ignore_index={options.ignore_index}"
    return f'reduction="{options.reduction}"{ignored}'
