"""Each reason for which an adapter offers no cell, and the calls by which its framework says so: all must fail.

`nox -s refusals` tries them in an environment of each framework; tests/meta/adapters/test_refusals.py in that of the
tests, of what is installed there. With ``--python`` they are tried where a framework is:
``PYTHONPATH=tests python -m meta.adapters.refusals jax --python /opt/venv/bin/python``.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np

from logitproof_adapters.catalogue.registry import BUILT_IN
from logitproof_adapters.contract import run_alone
from logitproof_adapters.sources.unsupported import NOT_ASKED
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_adapters.targets.target import interpreter
from logitproof_conformance.plan.cases import plan_cells
from logitproof_reference.vocabulary.cells import Cell, Inputs
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import TAKES_COTANGENT, TAKES_TANGENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logitproof_adapters.contract import Adapter

SECONDS = 600
"""Processor time that all calls of one framework may take."""


@dataclass(frozen=True)
class Refusal:
    """A reason and the calls that must fail where an adapter gives it.

    Attributes
    ----------
    adapters, reason : str
        Patterns of the adapters and of the reasons that they give.
    raises : str
        What a call must raise: a regular expression, searched in ``Type: message``.
    calls : tuple of str
        Expressions of the names that `SETUPS` defines; empty for each cell's own repro.
    """

    adapters: str
    reason: str
    raises: str
    calls: tuple[str, ...] = ()


SETUPS = {
    "jax": "import jax, jax.nn, jax.scipy.special",
    "optax": "import jax.numpy as jnp, optax, optax.losses\nx, y = jnp.ones((2, 3)), jnp.array([1, 2])\nq = x / 3",
    "tensorflow": "import tensorflow as tf\nx, y = tf.ones((2, 3)), tf.constant([1, 2])\nq = x / 3",
    "keras": (
        'import os\nos.environ["KERAS_BACKEND"] = "{backend}"\nimport keras\nfrom keras import losses\n'
        "import numpy as np\nx, y = np.ones((2, 3), np.float32), np.array([1, 2])"
    ),
    "torch": "import torch, torch.nn.functional as F\nx, y = torch.ones(2, 3), torch.tensor([1, 2])",
    "liger": (
        'import os\nos.environ["TRITON_INTERPRET"] = "1"\nimport torch\n'
        "from liger_kernel.transformers import LigerCrossEntropyLoss, functional\n"
        "x, y = torch.ones(2, 3), torch.tensor([1, 2])"
    ),
    "mlx": (
        "import mlx.core as mx, mlx.nn as nn\nx, y = mx.ones((2, 3)), mx.array([1, 2])\n"
        "q, w = x / 3, mx.array([1.0, 2.0, 4.0])"
    ),
    "paddle": (
        "import paddle, paddle.nn.functional as F\nx, y = paddle.ones([2, 3]), paddle.to_tensor([1, 2])\nq = x / 3\n"
        "def second(loss):\n"
        "    logits = paddle.ones([2, 3])\n"
        "    logits.stop_gradient = False\n"
        "    loss = loss(logits)\n"
        "    first = paddle.grad(loss, logits, paddle.ones_like(loss), create_graph=True)[0]\n"
        "    return paddle.grad(first, logits, x)[0]\n"
    ),
    "onnxruntime": (
        "import numpy as np, onnx.parser, onnxruntime\n"
        "from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema\n"
        "operators = [schema.name for schema in get_all_operator_schema()]\n"
        "def run(types, body, opset):\n"
        '    head = f"<ir_version: 8, opset_import: [\\"\\": {opset}]> m ({types}) => (float[r] z) "\n'
        '    model = onnx.parser.parse_model(head + "{ " + body + " }").SerializeToString()\n'
        '    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])\n'
        "    named = {one.name for one in session.get_inputs()}\n"
        "    arrays = dict(x=np.ones((2, 3), np.float32), y=np.array([1, 2]), q=np.ones((2, 3), np.float32))\n"
        "    return session.run(None, {name: arrays[name] for name in named})\n"
    ),
    "onnx_reference": (
        "import numpy as np, onnx.checker, onnx.parser, onnx.reference.ops._op_list as implemented\n"
        "from onnx.reference import ReferenceEvaluator\n"
        "operators = dir(implemented)\n"
        "def run(types, body, opset=15):\n"
        '    head = f"<ir_version: 8, opset_import: [\\"\\": {opset}]> m ({types}) => (float[r] z) "\n'
        '    model = onnx.parser.parse_model(head + "{ " + body + " }")\n'
        "    onnx.checker.check_model(model, full_check=True)\n"
        "    arrays = dict(x=np.ones((2, 3), np.float32), y=np.array([1, 2]), q=np.ones((2, 3), np.float32))\n"
        "    return ReferenceEvaluator(model).run(None, {one.name: arrays[one.name] for one in model.graph.input})\n"
    ),
    "openvino": (
        "import io, numpy as np, onnx.parser, openvino, openvino.opset15\n"
        "operators = dir(openvino.opset15)\n"
        "def run(types, body, opset=15):\n"
        '    head = f"<ir_version: 8, opset_import: [\\"\\": {opset}]> m ({types}) => (float[r] z) "\n'
        '    model = onnx.parser.parse_model(head + "{ " + body + " }").SerializeToString()\n'
        "    core = openvino.Core()\n"
        '    compiled = core.compile_model(core.read_model(io.BytesIO(model)), "CPU")\n'
        "    arrays = dict(x=np.ones((2, 3), np.float32), y=np.array([1, 2]), q=np.ones((2, 3), np.float32))\n"
        "    return compiled({name: arrays[name] for one in compiled.inputs for name in one.names})\n"
    ),
    "scipy": "import scipy.special",
    "sklearn": (
        "import numpy as np, sklearn.metrics, sklearn.utils.extmath\nfrom sklearn.metrics import log_loss\n"
        "from sklearn.utils.extmath import softmax\nx, y = np.ones((2, 3)), np.array([1, 2])\n"
        "def rows(loss):\n"
        "    if np.ndim(loss) == 0:\n"
        '        raise LookupError("one number")\n'
        "    return loss"
    ),
    "tinygrad": (
        "from tinygrad import Tensor\nx, y = Tensor.ones(2, 3), Tensor([1, 2])\nq, w = x / 3, Tensor([1.0, 2.0, 4.0])"
    ),
}
"""What the calls of each framework stand on; Keras has one for all backends."""

ABSENT = "LookupError: no other name"
UNKNOWN_ARGUMENT = "TypeError: .*(unexpected keyword argument|invalid combination of arguments)"

REFUSALS = (
    Refusal("jax", "jax.nn has no loss*", ABSENT, ('other(dir(jax.nn), "loss|entropy")',)),
    Refusal("jax", "the argument where needs JAX*", UNKNOWN_ARGUMENT),
    Refusal(
        "optax",
        "Optax has losses; * is JAX's",
        ABSENT,
        ('other(dir(optax) + dir(optax.losses), "^(log_)?softmax$|logsumexp|log_sum_exp")',),
    ),
    Refusal(
        "optax",
        "Optax reduces and weights nothing*",
        UNKNOWN_ARGUMENT,
        (
            "optax.smooth_labels(y, 0.125, num_classes=3)",
            *(
                f"optax.{function}({arguments}, {option}=1)"
                for function, arguments in (
                    ("softmax_cross_entropy", "x, q"),
                    ("softmax_cross_entropy_with_integer_labels", "x, y"),
                    ("safe_softmax_cross_entropy", "x, q"),
                    ("losses.poly_loss_cross_entropy", "x, q"),
                    ("sigmoid_binary_cross_entropy", "x, q"),
                )
                for option in ("reduction", "weight", "ignore_index", "label_smoothing", "pos_weight")
            ),
        ),
    ),
    Refusal(
        "tensorflow",
        "tf.nn has no reduction*",
        UNKNOWN_ARGUMENT,
        tuple(
            f"tf.nn.{function}(labels={labels}, logits=x, {option}=1)"
            for function, labels in (
                ("softmax_cross_entropy_with_logits", "q"),
                ("sparse_softmax_cross_entropy_with_logits", "y"),
                ("sigmoid_cross_entropy_with_logits", "q"),
            )
            for option in ("reduction", "weight", "weights", "ignore_index", "label_smoothing")
        ),
    ),
    Refusal(
        "keras_*",
        "Keras' cross-entropies weight no classes",
        UNKNOWN_ARGUMENT,
        tuple(
            f"losses.{loss}({option}=[1.0, 2.0, 4.0])"
            for loss in ("CategoricalCrossentropy", "SparseCategoricalCrossentropy", "BinaryCrossentropy")
            for option in ("weight", "class_weight", "pos_weight", "alpha")
        ),
    ),
    Refusal("keras_*", "SparseCategoricalCrossentropy takes the classes last alone in *", UNKNOWN_ARGUMENT),
    Refusal(
        "keras_tensorflow",
        "SparseCategoricalCrossentropy takes the classes last alone on TensorFlow",
        "Only axis=-1 is currently supported",
    ),
    Refusal(
        "keras_*",
        "SparseCategoricalCrossentropy smoothes no labels",
        UNKNOWN_ARGUMENT,
        ("losses.SparseCategoricalCrossentropy(label_smoothing=0.125)",),
    ),
    Refusal("torch", "NLLLoss smooths no labels*", UNKNOWN_ARGUMENT, ("F.nll_loss(x, y, label_smoothing=0.125)",)),
    Refusal("torch", "torch.func came with*", "AttributeError: .*'func'", ("torch.func",)),
    Refusal("torch", "torch.compile came with*", "AttributeError: .*'compile'", ("torch.compile",)),
    Refusal(
        "torch",
        "this release of PyTorch has no softmax of float16*",
        "not implemented for 'Half'",
        tuple(f"torch.{op}(x.half(), 1)" for op in ("softmax", "log_softmax", "logsumexp")),
    ),
    Refusal(
        "liger",
        "Liger Kernel has no log_*",
        ABSENT,
        ('other(dir(functional), "log_?softmax|log_?sum_?exp")',),
    ),
    Refusal("liger", "Liger Kernel has no sigmoid_*", ABSENT, ('other(dir(functional), "bce|binary|sigmoid")',)),
    Refusal(
        "liger",
        "Liger Kernel has no softmax_cross_entropy of*",
        "invalid operands|Error",
        ("LigerCrossEntropyLoss()(x, x / 3)",),
    ),
    Refusal("liger", "Liger's kernels have a backward pass and no other*", "setup_context|does not require grad"),
    Refusal(
        "liger",
        "Liger's kernels take rows by classes",
        "unexpected keyword argument 'dim'|too many values to unpack",
        ("functional.liger_softmax(x, dim=0)", "LigerCrossEntropyLoss()(torch.ones(2, 3, 4), torch.ones(2, 4).long())"),
    ),
    Refusal("liger", "Triton's interpreter passes a Python float*", "'float' object has no attribute 'to'"),
    Refusal(
        "mlx",
        "mlx.nn.losses weigh rows, not classes",
        "is not the same as output loss|unexpected keyword argument 'pos_weight'",
        (
            "nn.losses.cross_entropy(x, y, weights=w)",
            "nn.losses.cross_entropy(x, q, weights=w)",
            "nn.losses.binary_cross_entropy(x, q, weights=w)",
            "nn.losses.binary_cross_entropy(x, q, pos_weight=w)",
        ),
    ),
    Refusal(
        "mlx",
        "mlx.nn.losses.cross_entropy ignores no index",
        UNKNOWN_ARGUMENT,
        ("nn.losses.cross_entropy(x, y, ignore_index=1)",),
    ),
    Refusal(
        "onnxruntime",
        "the CPU provider has no bfloat16 kernel*",
        "Could not find an implementation|Type 'tensor\\(bfloat16\\)'|InvalidGraph|INVALID_GRAPH",
        tuple(
            f'run("float[r, c] x, int64[r] y", "b = Cast <to = 16> (x) d = {call} z = Cast <to = 1> (d)", {opset})'
            for call in (
                "Softmax <axis = 1> (b)",
                "LogSoftmax <axis = 1> (b)",
                "ReduceLogSumExp <keepdims = 0, axes = [1]> (b)",
                "SoftmaxCrossEntropyLoss (b, y)",
            )
            for opset in (11, 13, 15)
        ),
    ),
    Refusal(
        "onnxruntime",
        "ONNX has no operator for softmax_cross_entropy of distributions",
        "Type 'tensor\\(float\\)' of input parameter",
        (
            'run("float[r, c] x, float[r, c] q", "z = SoftmaxCrossEntropyLoss <reduction = \\"none\\"> (x, q)", 15)',
            'run("float[r, c] x, float[r, c] q", "z = NegativeLogLikelihoodLoss <reduction = \\"none\\"> (x, q)", 15)',
        ),
    ),
    Refusal(
        "onnxruntime",
        "ONNX has no operator for sigmoid_cross_entropy of distributions",
        ABSENT,
        ('other(operators, "loss|entropy", "SoftmaxCrossEntropyLoss|NegativeLogLikelihoodLoss")',),
    ),
    Refusal(
        "onnxruntime",
        "SoftmaxCrossEntropyLoss smoothes no labels",
        "Unrecognized attribute: label_smoothing",
        ('run("float[r, c] x, int64[r] y", "z = SoftmaxCrossEntropyLoss <label_smoothing = 0.125> (x, y)", 15)',),
    ),
    Refusal(
        "onnxruntime",
        "the operators of gradients are in builds for training alone",
        "is not a registered function/op",
    ),
    Refusal(
        "onnxruntime",
        "ONNX Runtime has no operator for *",
        ABSENT,
        ('other(operators, "jvp|hvp|hessian|tangent|gradgrad|(LogSumExp|LikelihoodLoss).*Grad")',),
    ),
    Refusal(
        "onnxruntime",
        "ONNX Runtime has no kernel for this gradient*",
        "Could not find an implementation|not a registered",
    ),
    Refusal(
        "onnx_reference",
        "ONNX has no operator for softmax_cross_entropy of distributions",
        "typestr|has unsupported type|type inference|ShapeInferenceError",
        (
            'run("float[r, c] x, float[r, c] q", "z = SoftmaxCrossEntropyLoss <reduction = \\"none\\"> (x, q)")',
            'run("float[r, c] x, float[r, c] q", "z = NegativeLogLikelihoodLoss <reduction = \\"none\\"> (x, q)")',
        ),
    ),
    Refusal(
        "o[np][ne][xn]*",
        "ONNX has no operator for sigmoid_cross_entropy of distributions",
        ABSENT,
        ('other(operators, "(?i)loss|entropy", "SoftmaxCrossEntropyLoss.*|NegativeLogLikelihoodLoss.*|ctc_loss")',),
    ),
    Refusal(
        "onnx_reference",
        "SoftmaxCrossEntropyLoss smoothes no labels",
        "Unrecognized attribute: label_smoothing",
        ('run("float[r, c] x, int64[r] y", "z = SoftmaxCrossEntropyLoss <label_smoothing = 0.125> (x, y)")',),
    ),
    Refusal(
        "onnx_reference",
        "the reference evaluator differentiates nothing",
        ABSENT,
        ('other(operators, "(?i)grad(ient)?s?$|jvp|hvp|hessian|tangent")',),
    ),
    Refusal(
        "openvino",
        "ONNX has no operator for softmax_cross_entropy of distributions",
        ".",
        (
            'run("float[r, c] x, float[r, c] q", "z = SoftmaxCrossEntropyLoss <reduction = \\"none\\"> (x, q)")',
            'run("float[r, c] x, float[r, c] q", "z = NegativeLogLikelihoodLoss <reduction = \\"none\\"> (x, q)")',
        ),
    ),
    Refusal(
        "openvino", "OpenVINO differentiates nothing", ABSENT, ('other(operators, "(?i)grad|jvp|hvp|hessian|tangent")',)
    ),
    Refusal("paddle", "PaddlePaddle's CPU kernels take float32 and float64", "is not registered|not support|NotFound"),
    Refusal(
        "paddle",
        "PaddlePaddle has no forward mode*",
        "doesn't have any grad op",
        tuple(
            f"paddle.incubate.autograd.jvp(lambda x: {call}, x, x)[1]"
            for call in (
                "F.softmax(x)",
                "F.log_softmax(x)",
                "paddle.logsumexp(x, axis=1)",
                'F.cross_entropy(x, y, reduction="none")',
                'F.cross_entropy(x, q, soft_label=True, reduction="none")',
                'F.binary_cross_entropy_with_logits(x, q, reduction="none")',
            )
        ),
    ),
    Refusal(
        "paddle",
        "PaddlePaddle's gradients of softmax and losses have no gradient*",
        "doesn't have any grad op",
        tuple(
            f"second(lambda x: {call})"
            for call in (
                "F.log_softmax(x)",
                "paddle.logsumexp(x, axis=1)",
                'F.cross_entropy(x, y, reduction="none")',
                'F.cross_entropy(x, q, soft_label=True, reduction="none")',
                'F.binary_cross_entropy_with_logits(x, q, reduction="none")',
            )
        ),
    ),
    Refusal(
        "paddle",
        "PaddlePaddle's losses have no gradient with respect to labels",
        "does not appear in the backward graph",
        (
            "q.__setattr__('stop_gradient', False) or paddle.grad(F.cross_entropy(x, q, soft_label=True), q)",
            "q.__setattr__('stop_gradient', False) or paddle.grad(F.binary_cross_entropy_with_logits(x, q), q)",
        ),
    ),
    Refusal("paddle", "nll_loss smoothes no labels", UNKNOWN_ARGUMENT, ("F.nll_loss(x, y, label_smoothing=0.125)",)),
    Refusal("paddle", "label_smoothing encodes labels by one_hot, which refuses *", "Illegal index value"),
    Refusal(
        "scipy",
        "scipy.special has no *_cross_entropy",
        ABSENT,
        ('other(dir(scipy.special), "cross|entropy|loss")',),
    ),
    Refusal(
        "scipy",
        "SciPy does not differentiate",
        ABSENT,
        ('other(dir(scipy.special), "^[^_].*(softmax|logsumexp)|^(softmax|logsumexp)", "(log_)?softmax|logsumexp")',),
    ),
    Refusal(
        "sklearn",
        "scikit-learn does not differentiate",
        ABSENT,
        ('other(dir(sklearn.utils.extmath) + dir(sklearn.metrics), "^[^_]*softmax|gradient", "softmax")',),
    ),
    Refusal("sklearn", "scikit-learn has no log_*", ABSENT, ('other(dir(sklearn.utils.extmath), "^log_?s")',)),
    Refusal(
        "sklearn",
        "scikit-learn has no sigmoid_cross_entropy",
        "ValueError: .*(Unknown label type|nknown label)",
        ("log_loss([0.5, 0.25], [0.125, 0.25])",),
    ),
    Refusal(
        "sklearn",
        "log_loss takes class labels, not distributions",
        "ValueError: ",
        ("log_loss([[0.5, 0.25, 0.25], [0.5, 0.5, 0.0]], softmax(x))",),
    ),
    Refusal(
        "sklearn",
        "log_loss returns the sum or mean of the batch",
        f"LookupError: one number|{UNKNOWN_ARGUMENT}",
        (
            "rows(log_loss(y, softmax(x), labels=[0, 1, 2]))",
            "rows(log_loss(y, softmax(x), labels=[0, 1, 2], normalize=False))",
            "log_loss(y, softmax(x), labels=[0, 1, 2], label_smoothing=0.125)",
            "log_loss(y, softmax(x), labels=[0, 1, 2], ignore_index=1)",
        ),
    ),
    Refusal(
        "sklearn",
        "scikit-learn takes samples by classes*",
        "unexpected keyword argument 'axis'|could not be broadcast|Found array with dim",
        ("softmax(x, axis=0)", "softmax(np.ones((2, 3, 4)))", "log_loss(np.ones((2, 4)), np.ones((2, 3, 4)) / 3)"),
    ),
    Refusal("tinygrad", "tinygrad has no forward mode", ABSENT, ('other(dir(Tensor), "jvp|forward|tangent")',)),
    Refusal("tinygrad", "* does not compute in __bf16*", "CompileError|error:|clang"),
    Refusal(
        "tinygrad",
        "Tensor.* takes no *",
        UNKNOWN_ARGUMENT,
        (
            "x.cross_entropy(y, weight=w)",
            "x.cross_entropy(y, ignore_index=1)",
            "x.binary_crossentropy_logits(q, weight=w)",
            "x.sparse_categorical_crossentropy(y, weight=w)",
            "x.log_softmax(1).nll_loss(y, label_smoothing=0.125)",
        ),
    ),
    Refusal("torch", "torch.compile needs a C++ compiler*", "InvalidCxxCompiler|No working C\\+\\+ compiler"),
    Refusal("torch", "MPS has no float64", "MPS framework doesn't support float64"),
    Refusal("mlx", "MLX has float64 on the CPU alone", "float64 is not supported on the GPU"),
)

DRIVER = '''
import contextlib, io, json, re, sys
def other(names, pattern, known="$^"):
    """Return the public names that a pattern finds beside those known; raise LookupError where there is none."""
    public = {{name for name in names if name[0] != "_" and not re.fullmatch(known, name)}}
    found = {{name for name in public if re.search(pattern, name, re.I)}}
    if not found:
        raise LookupError("no other name")
    return sorted(found)
scope = {{"other": other}}
exec({setup!r}, scope)
outcomes = []
for program in {programs!r}:
    try:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            given = eval(program, dict(scope)) if "\\n" not in program else exec(program, {{}})
            getattr(given, "numpy", str)() if given is not None else None
        outcomes.append(["", str(given) if given is not None else printed.getvalue()])
    except Exception as error:
        outcomes.append([type(error).__name__ + ": " + str(error), ""])
print("OUTCOMES" + json.dumps(outcomes))
'''


@dataclass(frozen=True)
class Trial:
    """One call and what became of it.

    Attributes
    ----------
    reason, call : str
        Why the adapter offers no such cell, and what was called.
    error, answer : str
        What it raised, as ``Type: message``; or, where it raised nothing, what it returned.
    refused : bool
        Whether it raised what it must.
    """

    reason: str
    call: str
    error: str
    answer: str
    refused: bool


def reasons_of(adapter: Adapter) -> dict[str, list[Cell]]:
    """Return the framework's own reasons, each with the cells that it is given for."""
    cells = list(plan_cells(adapter, "full"))
    if isinstance(adapter, RemoteAdapter):
        adapter.foresee(cells)
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        reason = adapter.unsupported(cell)
        if reason is not None and not reason.startswith(NOT_ASKED):
            found.setdefault(reason, []).append(cell)
    return found


def refusals_of(adapter: str, reason: str) -> list[Refusal]:
    """Return the rows for a reason."""
    return [one for one in REFUSALS if fnmatchcase(adapter, one.adapters) and fnmatchcase(reason, one.reason)]


def inputs_of(cell: Cell) -> Inputs:
    """Return two rows of three classes, and all else that the cell takes; the last row is ignored where one can be."""
    axis = {"last": 1, "first": 0, "middle": 1}[cell.axis]
    shape = {"last": (2, 3), "first": (3, 2), "middle": (2, 3, 2)}[cell.axis]
    dtype = FORMATS[cell.format].dtype
    logits = (np.arange(np.prod(shape)) % 5 / 4).reshape(shape).astype(dtype)
    rows = shape[:axis] + shape[axis + 1 :]
    indices = np.ones(rows, np.int64)
    if cell.options.ignore_index is not None:
        indices[..., -1] = cell.options.ignore_index
    answer = () if cell.options.reduction != "none" else shape if cell.op in {"softmax", "log_softmax"} else rows
    if cell.op == "sigmoid_cross_entropy" and cell.options.reduction == "none":
        answer = shape
    classes = np.ones(shape[axis], dtype)
    return Inputs(
        logits,
        axis,
        {"none": None, "indices": indices, "distributions": np.full(shape, 0.25, dtype)}[cell.labels],
        np.ones(answer, dtype) if cell.quantity in TAKES_COTANGENT else None,
        np.ones(shape, dtype) if cell.quantity in TAKES_TANGENT else None,
        classes if cell.options.weight else None,
        classes if cell.options.pos_weight else None,
    )


def calls_of(adapter: Adapter, refusal: Refusal, cells: Sequence[Cell]) -> list[str]:
    """Return the programs that must fail: the row's, or the repro of every cell with contiguous logits."""
    if refusal.calls:
        return list(refusal.calls)
    return [adapter.repro(cell, inputs_of(cell)) for cell in cells if cell.layout == "contiguous"]


def trials(adapter: Adapter) -> list[Trial]:
    """Make every call that must fail, in one process of the framework's interpreter.

    Raises
    ------
    LookupError
        A reason has no row.
    RuntimeError
        The process ended before the last call.
    """
    asked = []
    for reason, cells in reasons_of(adapter).items():
        rows = refusals_of(adapter.name, reason)
        if not rows:
            raise LookupError(f'{adapter.name}: no call is known that fails for the reason "{reason}"')
        asked += [(reason, row, call) for row in rows for call in calls_of(adapter, row, cells)]
    family, _, backend = adapter.name.partition("_")
    setup = (SETUPS.get(adapter.name) or SETUPS.get(family, "")).replace("{backend}", backend)
    program = DRIVER.format(setup=setup, programs=[call for _, _, call in asked])
    done = run_alone(adapter, program, {}, SECONDS)
    _, found, printed = done.stdout.rpartition("OUTCOMES")
    if not found:
        raise RuntimeError(f"{adapter.name}: status {done.returncode}: {done.stderr[-2000:]}")
    return [
        Trial(reason, call, error, answer, bool(error) and re.search(row.raises, error, re.DOTALL) is not None)
        for (reason, row, call), (error, answer) in zip(asked, json.loads(printed), strict=True)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the refusals of one framework; return 1 where a call works, or raises something else."""
    parser = argparse.ArgumentParser(description="Try each reason for which an adapter offers no cell.")
    parser.add_argument("framework", choices=sorted(BUILT_IN))
    parser.add_argument("--python", metavar="PATH", default=sys.executable, help="the interpreter that has it")
    given = parser.parse_args(arguments)
    with RemoteAdapter(given.framework, interpreter(given.python)) as adapter:
        made = trials(adapter)
        version = adapter.describe().version
    untrue = [one for one in made if not one.refused]
    for one in untrue:
        sys.stdout.write(f"{one.reason}\n  {one.call.strip()}\n  -> {one.error or one.answer}\n")
    sys.stdout.write(f"{given.framework} {version}: {len({one.reason for one in made})} reasons, {len(made)} calls, ")
    sys.stdout.write(f"{len(untrue)} not refused\n")
    return int(bool(untrue))


if __name__ == "__main__":
    sys.exit(main())
