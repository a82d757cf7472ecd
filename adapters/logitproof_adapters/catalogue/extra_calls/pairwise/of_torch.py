"""PyTorch's functions from logits to losses (https://docs.pytorch.org/docs/stable/nn.functional.html)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from logitproof_adapters.catalogue.extra_calls.call import (
    DISTRIBUTIONS,
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
    FORMS,
    KINDS,
    LAST_AXIS,
    OF_PARTS,
    PAIRS,
    PLACES,
    REDUCTIONS,
    REFUSED,
    REFUSING,
    SECOND_AXIS,
    SEVERAL_AXES,
    TAILS,
    WHATS,
    WORDS,
    Function,
)

if TYPE_CHECKING:
    from logitproof_adapters.catalogue.extra_calls.pairwise.tables import Case

PROGRAM = (
    f"""\
import torch
import torch.nn.functional as F
{INPUTS}

{WORDS}
eager, mapped, traced, compiled, checkpointed = "eager mapped traced compiled checkpointed".split()
dense, transposed, sliced = "dense transposed sliced".split()
functional, method, module, special, wide, out = "functional method module special wide out".split()
float16, bfloat16, float32, float64 = torch.float16, torch.bfloat16, torch.float32, torch.float64
"""
    """

def laid(array, form, layout):
    x = torch.tensor(np.asarray(array), dtype=form)
    if layout == "transposed":
        order = list(range(x.dim()))[::-1]
        return x.permute(order).contiguous().permute(order)
    if layout == "sliced" and x.dim():
        return torch.stack([x, x + 1], -1).flatten(-2)[..., ::2]
    return x


def runner(function, x, way):
    if way == "mapped":
        many = torch.vmap if hasattr(torch, "vmap") else torch.func.vmap
        return lambda x: many(function, in_dims=-1, out_dims=-1)(torch.stack([x + 1, x], -1))[..., 1]
    if way == "traced":
        return torch.jit.trace(function, (x.detach(),), check_trace=False)
    if way == "compiled":
        torch._dynamo.reset()
        return torch.compile(function, backend="aot_eager", fullgraph=True)
    if way == "checkpointed":
        from torch.utils.checkpoint import checkpoint

        return lambda x: checkpoint(function, x, use_reentrant=False)
    return function


def asked(function, x, way, what, form=None):
    plain = function
    if what == "bent":
        function, what = lambda x: 0.5 * plain(x) * plain(x), "curve"
    run = runner(function, x, way)
    if what == "push":
        with torch.autograd.forward_ad.dual_level():
            pushed = run(torch.autograd.forward_ad.make_dual(x, torch.tensor(tangent_of(x.shape), dtype=x.dtype)))
            found = torch.autograd.forward_ad.unpack_dual(pushed).tangent
    elif what == "value":
        found = run(x)
    else:
        x = x.detach().requires_grad_()
        found = run(x)
        cotangent = torch.tensor(cotangent_of(found.shape), dtype=found.dtype)
        (found,) = torch.autograd.grad(found, x, cotangent, create_graph=what == "curve")
        if what == "curve":
            (found,) = torch.autograd.grad(found, x, torch.tensor(tangent_of(x.shape), dtype=x.dtype))
    expected = x.dtype if what in ("slope", "curve") or form is None else form
    if found.dtype != expected:
        raise TypeError(f"{found.dtype} where {expected} is expected")
    return found.detach().double().flatten().tolist()


def softmax_by(spelling, name, axis):
    if spelling == "method":
        return lambda x: getattr(x, name)(axis), None
    if spelling == "module":
        return {"softmax": torch.nn.Softmax, "log_softmax": torch.nn.LogSoftmax}[name](axis), None
    if spelling == "special":
        return lambda x: getattr(torch.special, name)(x, axis), None
    if spelling == "wide":
        return lambda x: getattr(F, name)(x, dim=axis, dtype=torch.float64), torch.float64
    if spelling == "out":
        return lambda x: getattr(torch, name)(x, axis, out=torch.empty(0, dtype=x.dtype)), None
    return lambda x: getattr(F, name)(x, dim=axis), None


def softmax(shape, axis, kind, form, layout, way, what, spelling):
    function, wide = softmax_by(spelling, "softmax", axis)
    return asked(function, laid(logits_of(shape, kind, axis), form, layout), way, what, wide)


def log_softmax(shape, axis, kind, form, layout, way, what, spelling):
    function, wide = softmax_by(spelling, "log_softmax", axis)
    return asked(function, laid(logits_of(shape, kind, axis), form, layout), way, what, wide)


def softmin(shape, axis, kind, form, layout, way, what):
    return asked(lambda x: F.softmin(x, axis), laid(logits_of(shape, kind, axis), form, layout), way, what)


def kept_softmax(shape, axis, kind, form, way, what, logarithm):
    function = torch.masked.log_softmax if logarithm else torch.masked.softmax
    x = laid(logits_of(shape, kind, axis), form, "dense")
    return asked(lambda x: function(x, axis, mask=torch.ones(x.shape, dtype=torch.bool)), x, way, what)


def logsumexp(shape, axis, kind, form, layout, way, what, kept, spelling):
    def function(x):
        if spelling == "method":
            return x.logsumexp(axis, keepdim=kept)
        if spelling == "special":
            return torch.special.logsumexp(x, axis, keepdim=kept)
        if spelling == "out":
            return torch.logsumexp(x, axis, keepdim=kept, out=torch.empty(0, dtype=x.dtype))
        return torch.logsumexp(x, axis, kept)

    return asked(function, laid(logits_of(shape, kind, axis if isinstance(axis, int) else axis[0]), form, layout), way,
                 what)


def logcumsumexp(shape, axis, kind, form, layout, way, what):
    return asked(lambda x: torch.logcumsumexp(x, axis), laid(logits_of(shape, kind, axis), form, layout), way, what)


def logaddexp(shape, kind, form, layout, way, what, beside):
    x = laid(logits_of(shape, kind), form, layout)
    y = x.clone() if beside == "same" else torch.tensor(tangent_of(shape), dtype=form)
    return asked(lambda x: torch.logaddexp(x, y), x, way, what)


def logaddexp_by_other(shape, kind, form, layout, way):
    x, y = laid(logits_of(shape, kind), form, layout), torch.tensor(tangent_of(shape), dtype=form)
    return asked(lambda y: torch.logaddexp(x, y), y, way, "slope")


def entropy(shape, kind, form, way, what):
    x = laid(logits_of(shape, kind), form, "dense")
    return asked(lambda x: torch.distributions.Categorical(logits=x, validate_args=False).entropy(), x, way, what)


def log_prob(shape, kind, form, way, what):
    x, labels = laid(logits_of(shape, kind), form, "dense"), torch.tensor(classes_of(shape, kind))
    return asked(lambda x: -torch.distributions.Categorical(logits=x, validate_args=False).log_prob(labels), x, way,
                 what)


def cross_entropy(shape, kind, form, layout, way, what, weight, ignored, smoothing, reduction, spelling):
    axis = 1 if len(shape) > 1 else 0
    labels = torch.tensor(classes_of(shape, kind, axis))
    options = {"weight": torch.tensor(weights_of(shape[axis]), dtype=form) if weight else None, "reduction": reduction}
    if ignored is not None:
        labels = torch.where(torch.arange(labels.numel()).reshape(labels.shape) % 3 == 2, ignored, labels)
        options["ignore_index"] = ignored
    if smoothing:
        options["label_smoothing"] = smoothing
    if spelling == "module":
        function = lambda x: torch.nn.CrossEntropyLoss(**options)(x, labels)
    else:
        function = lambda x: F.cross_entropy(x, labels, **options)
    return asked(function, laid(logits_of(shape, kind, axis), form, layout), way, what)


def cross_entropy_of_shares(shape, kind, form, layout, way, what, weight, smoothing, reduction):
    axis = 1 if len(shape) > 1 else 0
    labels = laid(shares_of(shape, kind, axis), form, layout)
    weights = torch.tensor(weights_of(shape[axis]), dtype=form) if weight else None
    options = {"weight": weights, "label_smoothing": smoothing, "reduction": reduction}
    return asked(lambda x: F.cross_entropy(x, labels, **options), laid(logits_of(shape, kind, axis), form, layout), way,
                 what)


def nll_loss(shape, kind, form, layout, way, what, weight, ignored, reduction):
    axis = 1 if len(shape) > 1 else 0
    labels = torch.tensor(classes_of(shape, kind, axis))
    options = {"weight": torch.tensor(weights_of(shape[axis]), dtype=form) if weight else None, "reduction": reduction}
    if ignored is not None:
        labels = torch.where(torch.arange(labels.numel()).reshape(labels.shape) % 3 == 2, ignored, labels)
        options["ignore_index"] = ignored
    x = laid(logits_of(shape, kind, axis), form, layout)
    return asked(lambda x: F.nll_loss(x, labels, **options), x, way, what)


def binary_cross_entropy(shape, kind, form, layout, way, what, weight, boost, reduction, spelling):
    labels = laid(truths_of(shape), form, layout)
    options = {"reduction": reduction}
    if weight:
        options["weight"] = torch.tensor(factors_of(shape), dtype=form)
    if boost:
        options["pos_weight"] = torch.tensor(weights_of(shape[-1]), dtype=form)
    if spelling == "module":
        function = lambda x: torch.nn.BCEWithLogitsLoss(**options)(x, labels)
    else:
        function = lambda x: F.binary_cross_entropy_with_logits(x, labels, **options)
    return asked(function, laid(logits_of(shape, kind), form, layout), way, what)


def binary_of_probabilities(shape, form, kind, layout, way, what, weight, reduction):
    labels = laid(truths_of(shape), form, layout)
    weights = torch.tensor(factors_of(shape), dtype=form) if weight else None
    x = laid(logits_of(shape, kind), form, layout)
    return asked(lambda x: F.binary_cross_entropy(x.sigmoid(), labels, weights, reduction=reduction), x, way, what)


def kl_div(shape, kind, form, layout, way, what, reduction, logarithm):
    labels = laid(shares_of(shape, kind), form, layout)
    if logarithm:
        labels = labels.log()
    x = laid(logits_of(shape, kind), form, layout)
    return asked(lambda x: F.kl_div(F.log_softmax(x, -1), labels, reduction=reduction, log_target=logarithm), x, way,
                 what)


def elementwise(function):
    def of(shape, kind, form, layout, way, what):
        return asked(function, laid(logits_of(shape, kind), form, layout), way, what)

    return of


logsigmoid = elementwise(lambda x: F.logsigmoid(x))
softplus, sigmoid = elementwise(lambda x: F.softplus(x)), elementwise(lambda x: torch.sigmoid(x))


def coin(shape, kind, form, way, what):
    x = laid(logits_of(shape, kind), form, "dense")
    return asked(lambda x: torch.distributions.Bernoulli(logits=x, validate_args=False).entropy(), x, way, what)


def soft_margin(shape, kind, form, layout, way, what, reduction):
    labels = laid(2.0 * np.floor(truths_of(shape) + 0.25) - 1.0, form, layout)
    x = laid(logits_of(shape, kind), form, layout)
    return asked(lambda x: F.soft_margin_loss(x, labels, reduction=reduction), x, way, what)


def several_labels(shape, kind, form, layout, way, what, columns, reduction):
    labels = laid(np.floor(truths_of(shape) + 0.25), form, layout)
    weights = torch.tensor(weights_of(shape[-1]), dtype=form) if columns else None
    x = laid(logits_of(shape, kind), form, layout)
    return asked(lambda x: F.multilabel_soft_margin_loss(x, labels, weights, reduction=reduction), x, way, what)


def logaddexp2(shape, kind, form, layout, way, what):
    x, y = laid(logits_of(shape, kind), form, layout), torch.tensor(tangent_of(shape), dtype=form)
    return asked(lambda x: torch.logaddexp2(x, y), x, way, what)


def whole(shape, axis, kind, form, spelling):
    # Integers, with the format to convert them to.
    x = torch.tensor(logits_of(shape, kind, axis)).to(torch.int64)
    function = {"softmax": F.softmax, "log_softmax": F.log_softmax, "softmin": F.softmin}[spelling]
    found = function(x, dim=axis, dtype=form)
    if found.dtype != form:
        raise TypeError(f"{found.dtype} where {form} is expected")
    return found.double().flatten().tolist()


def whole_softmax(shape, axis, kind, form):
    return whole(shape, axis, kind, form, "softmax")


def whole_log_softmax(shape, axis, kind, form):
    return whole(shape, axis, kind, form, "log_softmax")


def of_parts(function):
    def of(shape, kind, form, layout, way, what):
        known, truths = (torch.tensor(one, dtype=form) for one in (factors_of(shape) / 4, truths_of(shape)))
        x = laid(logits_of(shape, kind), form, layout)
        return asked(lambda x: function(x.sigmoid(), known, truths), x, way, what)

    return of


def exported(function, x, opset):
    # The road of a converter: as a graph of ONNX, in its runtime where that is installed too.
    import io
    import warnings

    import onnxruntime

    class Model(torch.nn.Module):
        def forward(self, x):
            return function(x)

    place, options = io.BytesIO(), onnxruntime.SessionOptions()
    options.log_severity_level = 4
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(Model().eval(), (x,), place, dynamo=False, input_names=["x"], opset_version=opset)
    session = onnxruntime.InferenceSession(place.getvalue(), options, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": x.numpy()})
    if found.dtype != x.numpy().dtype:
        raise TypeError(f"{found.dtype} where {x.numpy().dtype} is expected")
    return found.astype(np.float64).ravel().tolist()


def exported_softmax(shape, axis, kind, form, layout, opset):
    return exported(lambda x: F.softmax(x, axis), laid(logits_of(shape, kind, axis), form, layout), opset)


def exported_log_softmax(shape, axis, kind, form, layout, opset):
    return exported(lambda x: F.log_softmax(x, axis), laid(logits_of(shape, kind, axis), form, layout), opset)


def exported_logsumexp(shape, axis, kind, form, layout, opset, kept):
    x = laid(logits_of(shape, kind, axis if isinstance(axis, int) else axis[0]), form, layout)
    return exported(lambda x: torch.logsumexp(x, axis, kept), x, opset)


def exported_cross_entropy(shape, kind, form, layout, opset, weight, ignored, reduction):
    labels, options = torch.tensor(classes_of(shape, kind, 1)), {"reduction": reduction}
    if weight:
        options["weight"] = torch.tensor(weights_of(shape[1]), dtype=form)
    if ignored is not None:
        labels = torch.where(torch.arange(labels.numel()).reshape(labels.shape) % 3 == 2, ignored, labels)
        options["ignore_index"] = ignored
    x = laid(logits_of(shape, kind, 1), form, layout)
    return exported(lambda x: F.cross_entropy(x, labels, **options), x, opset)


def exported_binary(shape, kind, form, layout, opset, boost, reduction):
    labels, options = torch.tensor(truths_of(shape), dtype=form), {"reduction": reduction}
    if boost:
        options["pos_weight"] = torch.tensor(weights_of(shape[-1]), dtype=form)
    x = laid(logits_of(shape, kind), form, layout)
    return exported(lambda x: F.binary_cross_entropy_with_logits(x, labels, **options), x, opset)


def xlogy_by_other(shape, kind, form, layout, way):
    parts, truths = laid(logits_of(shape, kind), form, layout).sigmoid(), torch.tensor(truths_of(shape), dtype=form)
    return asked(lambda y: torch.special.xlogy(y, parts), truths, way, "slope")


def binary_by_label(shape, kind, form, layout, way):
    parts, truths = laid(logits_of(shape, kind), form, layout).sigmoid(), torch.tensor(truths_of(shape), dtype=form)
    return asked(lambda y: F.binary_cross_entropy(parts, y, reduction="none"), truths, way, "slope")


entr = of_parts(lambda p, q, y: torch.special.entr(p))
xlogy = of_parts(lambda p, q, y: torch.special.xlogy(y, p))
xlog1py = of_parts(lambda p, q, y: torch.special.xlog1py(y, -p))
logit = of_parts(lambda p, q, y: torch.special.logit(p))
"""
    + REFUSING
    + """

refused_softmax = refusing(lambda x, axis: torch.softmax(torch.tensor(x), axis))
refused_log_softmax = refusing(lambda x, axis: torch.log_softmax(torch.tensor(x), axis))
refused_logsumexp = refusing(lambda x, axis: torch.logsumexp(torch.tensor(x), axis))
refused_logcumsumexp = refusing(lambda x, axis: torch.logcumsumexp(torch.tensor(x), axis))
"""
)

_LAYOUTS = ("dense", "transposed", "sliced")
_WAYS = ("eager", "mapped", "traced", "compiled", "checkpointed")


def _legal(case: Case) -> bool:
    """Return whether PyTorch documents it: aot_eager has no second and no forward derivative, checkpoints no second."""
    if case["way"] in ("compiled", "checkpointed") and case["what"] in ("curve", "push", "bent"):
        return False
    if case.get("spelling") == "out" and (case["what"] != "value" or case["way"] != "eager"):
        return False
    if case["op"] == "binary" and case.get("boost") and not case["shape"]:
        return False
    if case["kind"] not in ("typical", "level") and _is_by_design(case):
        return False
    # Of no other label than one of two classes all have a part.
    return not (case.get("logarithm") and case["shape"][-1] != 2)


def _is_by_design(case: Case) -> bool:
    """Return whether what leaves the format, or is no number, is so by the formula of the documentation."""
    if case.get("labels") == "shares" and case["kind"] == "masked":  # a sum of products
        return True
    if case["op"] == "coin":
        return case["what"] in ("curve", "bent")
    return bool(case.get("averaged")) and case["form"] == "float16"


def _table(kinds: Any = KINDS, **factors: Any) -> dict[str, Any]:
    every = {"kind": kinds, "form": FORMS, "layout": _LAYOUTS, "way": _WAYS, "what": WHATS}
    return {**every, **factors}


def _without_layout(**factors: Any) -> dict[str, Any]:
    return {name: values for name, values in _table(**factors).items() if name != "layout"}


_SMALL = ("typical", "level")
_WHOLE: dict[str, Any] = {"place": PLACES, "kind": ("level", "high", "far", "offset"), "form": FORMS}
_SPELLINGS = ("functional", "method", "module", "special", "wide", "out")
_LOSSES: dict[str, Any] = {"weight": (False, True), "reduction": REDUCTIONS}
_INDEXED: dict[str, Any] = {"place": SECOND_AXIS, "ignored": (None, -100, 7, 1)}

_VALUE: dict[str, Any] = {"what": "value"}
_SOME = tuple(place for place in PLACES if 0 not in place[0])
_SECOND = tuple(place for place in SECOND_AXIS if len(place[0]) > 1)


def _exported(kinds: Any = KINDS, **factors: Any) -> dict[str, Any]:
    """Return the factors of what is converted to ONNX, by opset."""
    formats = ("float32", "float16", "float64")
    return {"kind": kinds, "form": formats, "layout": _LAYOUTS, "opset": (13, 17, 18), **factors}


def _bodiless(case: Case) -> bool:
    """Return whether the definition of ReduceLogSumExp by other operators, which overflows, says something else."""
    return not (case["form"] == "float16" and case["opset"] >= 18 and case["kind"] in ("high", "far", "offset"))


def _beside(kinds: Any) -> dict[str, Any]:
    """Return the factors of a derivative by what stands beside the logits."""
    return {
        "kind": kinds,
        "form": ("float32", "float64"),
        "layout": _LAYOUTS,
        "way": ("eager", "mapped", "compiled"),
        "place": ELEMENTS[:4],
    }


FUNCTIONS = (
    Function("softmax", "softmax", SOFTMAX, _table(place=PLACES, spelling=_SPELLINGS), axis=True, legal=_legal),
    Function(
        "log_softmax", "log_softmax", LOG_SOFTMAX, _table(place=PLACES, spelling=_SPELLINGS), axis=True, legal=_legal
    ),
    Function("softmin", "softmin", SOFTMAX, _table(FINITE, place=PLACES), axis=True, legal=_legal),
    Function(
        "logsumexp",
        "log_sum_exp",
        LOG_SUM_EXP,
        _table(
            place=(*PLACES, ((2, 0), 1), *SEVERAL_AXES),
            kept=(False, True),
            spelling=("functional", "method", "special", "out"),
        ),
        axis=True,
        legal=_legal,
    ),
    Function("logcumsumexp", "cumulated", LOG_SUM_EXP, _table(place=PLACES), axis=True, legal=_legal),
    # Two functions: pairs alone leave out two of three that show a fault together.
    Function("logaddexp", "merged", LOG_SUM_EXP, _table(FINITE, place=ELEMENTS, beside=("other",)), legal=_legal),
    Function("logaddexp", "merged", LOG_SUM_EXP, _table(FINITE, place=ELEMENTS[:3], beside=("same",)), legal=_legal),
    Function(
        "cross_entropy",
        "cross_entropy",
        INDICES,
        _table(**_INDEXED, **_LOSSES, smoothing=(0.0, 0.25), spelling=("functional", "module")),
        legal=_legal,
    ),
    Function(
        "cross_entropy_of_shares",
        "cross_entropy",
        DISTRIBUTIONS,
        _table(place=SECOND_AXIS, **_LOSSES, smoothing=(0.0, 0.25)),
        {"labels": "shares"},
        legal=_legal,
    ),
    Function(
        "nll_loss", "nll", INDICES, _table(FINITE, **_INDEXED, **_LOSSES, what=("value", "slope", "push")), legal=_legal
    ),
    Function(
        "binary_cross_entropy",
        "binary",
        SIGMOID,
        _table(FINITE, place=ELEMENTS, **_LOSSES, boost=(False, True), spelling=("functional", "module")),
        legal=_legal,
    ),
    Function(
        "binary_of_probabilities",
        "binary",
        SIGMOID,
        _table(("typical", "level"), place=ELEMENTS, **_LOSSES),
        legal=_legal,
    ),
    Function(
        "kl_div",
        "divergence",
        DISTRIBUTIONS,
        _table(
            ("typical", "level"),
            place=(*PAIRS, *LAST_AXIS),
            reduction=(*REDUCTIONS, "batchmean"),
            logarithm=(False, True),
        ),
        legal=_legal,
    ),
    Function("refused_softmax", "refused", SOFTMAX, REFUSED, axis=True),
    Function("refused_log_softmax", "refused", LOG_SOFTMAX, REFUSED, axis=True),
    Function("refused_logsumexp", "refused", LOG_SUM_EXP, REFUSED, axis=True),
    Function("refused_logcumsumexp", "refused", LOG_SUM_EXP, REFUSED, axis=True),
    Function("entropy", "entropy", LOG_SUM_EXP, _without_layout(kinds=FINITE, place=LAST_AXIS), legal=_legal),
    Function("log_prob", "cross_entropy", INDICES, _without_layout(place=LAST_AXIS), legal=_legal),
    Function("logsigmoid", "log_sigmoid", SIGMOID, _table(TAILS, place=ELEMENTS), legal=_legal),
    Function("softplus", "softplus", SIGMOID, _table(CERTAIN, place=ELEMENTS), legal=_legal),
    Function("sigmoid", "sigmoid", SIGMOID, _table(CERTAIN, place=ELEMENTS), legal=_legal),
    Function("coin", "coin", SIGMOID, _without_layout(kinds=FINITE, place=ELEMENTS), legal=_legal),
    Function(
        "soft_margin",
        "binary",
        SIGMOID,
        _table(("typical", "level"), place=ELEMENTS, reduction=REDUCTIONS, what=("value", "slope", "push")),
        {"hard": True},
        legal=_legal,
    ),
    Function(
        "several_labels",
        "binary",
        SIGMOID,
        _table(FINITE, place=LAST_AXIS, columns=(False, True), reduction=REDUCTIONS),
        {"hard": True, "averaged": True},
        legal=_legal,
    ),
    Function("logaddexp2", "merged_in_base_2", LOG_SUM_EXP, _table(_SMALL, place=ELEMENTS), legal=_legal),
    Function("whole_softmax", "softmax", SOFTMAX, _WHOLE, _VALUE, axis=True),
    Function("whole_log_softmax", "log_softmax", LOG_SOFTMAX, _WHOLE, _VALUE, axis=True),
    *(
        Function(name, op, SIGMOID, _table(_SMALL, place=ELEMENTS), fixed, legal=_legal)
        for name, op, fixed in OF_PARTS
        if name not in ("rel_entr", "kl_div")
    ),
    Function("logaddexp_by_other", "by_other", LOG_SUM_EXP, _beside(FINITE), {**_VALUE, "by": "other"}),
    Function("xlogy_by_other", "by_other", SIGMOID, _beside(_SMALL), {**_VALUE, "by": "truths"}),
    Function(
        "binary_by_label",
        "by_other",
        SIGMOID,
        {**_beside(_SMALL), "way": ("eager", "compiled")},  # mapped, some labels are no probabilities
        {**_VALUE, "by": "truths", "of_loss": True},
    ),
    Function("exported_softmax", "softmax", SOFTMAX, _exported(place=_SOME), _VALUE, axis=True),
    Function("exported_log_softmax", "log_softmax", LOG_SOFTMAX, _exported(place=_SOME), _VALUE, axis=True),
    Function(
        "exported_logsumexp",
        "log_sum_exp",
        LOG_SUM_EXP,
        _exported(place=(*_SOME, *SEVERAL_AXES), kept=(False, True)),
        _VALUE,
        axis=True,
        legal=_bodiless,
    ),
    Function(
        "exported_cross_entropy",
        "cross_entropy",
        INDICES,
        _exported(**{**_INDEXED, "place": _SECOND}, **_LOSSES),
        _VALUE,
    ),
    Function(
        "exported_binary",
        "binary",
        SIGMOID,
        _exported(FINITE, place=LAST_AXIS, boost=(False, True), reduction=REDUCTIONS),
        _VALUE,
    ),
)
