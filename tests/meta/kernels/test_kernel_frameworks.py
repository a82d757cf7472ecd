"""A kernel of a framework's tensors stands in place of the framework's own function, in every adapter."""

from __future__ import annotations

from contextlib import nullcontext
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from logitproof.kernels.judging.asking import Asker
from logitproof.kernels.judging.examination import Examination, Plan, examine
from logitproof.kernels.judging.truth import Question
from logitproof.kernels.judging.unoffered_quantities import offered
from logitproof_adapters import contract
from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_adapters.kernels.adapter import adapter_of
from logitproof_adapters.kernels.kernel import Kernel
from logitproof_adapters.kernels.programs_of_jax import APART, LaterCompiled, OneProgram
from logitproof_adapters.kernels.questions import KernelQuestions
from logitproof_adapters.kernels.ways_of_calling import AS_IS
from logitproof_reference.cases.memory_layouts import PLACEMENTS, laid
from logitproof_reference.vocabulary.cells import Cell
from logitproof_reference.vocabulary.formats import FORMATS, bfloat16


def adapter_class(framework: str) -> Any:
    module, _, name = FRAMEWORKS[framework].adapter_spec.partition(":")
    return getattr(import_module(module), name)


OF_TENSORS = [name for name in FRAMEWORKS if hasattr(adapter_class(name), "expression")]


def test_frameworks_whose_adapters_have_tensors_are_known() -> None:
    own = {"torch", "tensorflow", "jax", "mlx", "paddle", "tinygrad", "optax", "liger"}
    assert own < set(OF_TENSORS)
    assert not {"numpy", "scipy", "sklearn", "onnxruntime"} & set(OF_TENSORS)


@pytest.mark.parametrize("quantity", ["value", "grad_logits"])
@pytest.mark.parametrize("framework", OF_TENSORS)
def test_what_is_asked_is_the_kernel(framework: str, quantity: str) -> None:
    kernel = Kernel(len, "softmax", framework=framework)
    asking = type("Asking", (KernelQuestions, adapter_class(framework)), {"_has_jit_compile": True})
    adapter = object.__new__(asking)  # without the framework, which need not be installed
    adapter._kernel = kernel
    source = adapter.source(Cell("any", "eager", "softmax", quantity, "float32"), 1, 2)
    assert "kernel(x" in source
    assert "softmax" not in source


STATED = ("broadcast_labels", "entries", "most_axes", "mixed_derivatives", "one_dimension", "spellings")


@pytest.mark.parametrize("framework", OF_TENSORS)
def test_what_a_framework_states_of_its_own_functions_is_not_stated_of_a_kernel(framework: str) -> None:
    asking: Any = object.__new__(type("Asking", (KernelQuestions, adapter_class(framework)), {}))
    assert not any(getattr(contract, name)(asking) for name in STATED)
    cell = Cell("any", "eager", "softmax_cross_entropy", "value", "float32", "indices")
    assert contract.dialect(asking, cell) == contract.Dialect()


@pytest.mark.parametrize(
    "failure",
    [
        "You must implement the jvp function for custom autograd.Function to use it with forward mode AD.",
        "To use an autograd.Function with functorch transforms, it must override the setup_context staticmethod. See",
        "can't apply forward-mode autodiff (jvp) to a custom_vjp function.",
    ],
)
def test_a_derivative_that_the_framework_does_not_take_is_noted_and_not_asked(failure: str) -> None:
    def gradient(*_: Any) -> Any:
        raise RuntimeError(failure)

    kernel = Kernel(lambda x: x, "softmax", gradient=gradient)
    asker, found = Asker(adapter_of(kernel), Question("softmax", "none", "value", kernel.declaration)), Examination()
    assert list(offered(asker, "float32", kernel.quantities, found)) == ["value"]
    assert found.notes == [
        f"grad_logits is not offered: RuntimeError: {failure.partition('. ')[0].rstrip('.')}; not asked"
    ]


def test_another_error_in_a_derivative_is_judged() -> None:
    def gradient(*_: Any) -> Any:
        raise ValueError("out of range")

    kernel = Kernel(lambda x: x, "softmax", gradient=gradient)
    asker, found = Asker(adapter_of(kernel), Question("softmax", "none", "value", kernel.declaration)), Examination()
    assert tuple(offered(asker, "float32", kernel.quantities, found)) == kernel.quantities
    assert not found.notes


@pytest.mark.parametrize("framework", sorted(set(FRAMEWORKS) - set(OF_TENSORS) - {"numpy"}))
def test_a_framework_without_tensors_is_refused(framework: str) -> None:
    with pytest.raises(ValueError, match=f"{framework} has no tensors that a kernel could take"):
        adapter_of(Kernel(len, "softmax", framework=framework))


def asking_jax(common: Any, kernel: Any, quantities: tuple[str, ...] = ()) -> Any:
    """Return what asks a kernel of JAX, without JAX."""
    asking = object.__new__(type("Asking", (common, adapter_class("jax")), {"_apart": {}}))
    asking._kernel = Kernel(kernel, "softmax", framework="jax", asked=quantities)
    asking._functions, asking._made, asking._resident = {}, 1, 0
    return asking


def of_softmax(quantity: str) -> Cell:
    return Cell("any", "eager", "softmax", quantity, "float32")


PROGRAM_OF_TWO = """\
value = lambda x: kernel(x)
gradient = lambda x, c: jax.vjp(lambda x: kernel(x), x)[1](c)[0]
both = lambda x, c: (value(x), gradient(x, c))
step = jax.jit(both)
ones = lambda like: np.ones(like.shape, like.dtype)
"""


def test_value_and_derivative_of_what_jax_has_compiled_are_one_program_past_the_first_shapes() -> None:
    asking = asking_jax(OneProgram, len)
    sources: dict[str, list[str]] = {"value": [], "grad_logits": []}
    for classes in [*range(1, APART + 3), 1]:
        for quantity, spelled in sources.items():
            cell = asking._spelled(of_softmax(quantity), np.zeros((2, classes)))
            spelled.append(asking.source(cell, 1, 2))
    assert set(sources["value"][:APART]) == {"f = lambda x: kernel(x)"}
    assert set(sources["grad_logits"][:APART]) == {"f = lambda x, c: jax.vjp(lambda x: kernel(x), x)[1](c)[0]"}
    value = "f = lambda x: step(x, ones(jax.eval_shape(value, x)))[0]"
    assert set(sources["value"][APART:-1]) == {PROGRAM_OF_TWO + value}
    assert set(sources["grad_logits"][APART:-1]) == {PROGRAM_OF_TWO + "f = lambda x, c: step(x, c)[1]"}
    for spelled in sources.values():
        assert spelled[-1] == spelled[0]  # a shape that was asked apart is asked so again


def test_other_quantities_ways_of_calling_and_a_kernel_asked_for_its_value_have_programs_of_their_own() -> None:
    past = np.zeros((2, 99))
    asking = asking_jax(OneProgram, len, ("value", "grad_logits", "hvp"))
    asking._apart["float32"] = {(one, one) for one in range(APART)}
    assert asking._spelled(of_softmax("hvp"), past).mode == "compiled"
    asking._is_called_in_a_way = True
    assert asking._spelled(of_softmax("value"), past).mode == "eager"
    assert asking._spelled(of_softmax("grad_logits"), past).mode == "compiled"
    alone = asking_jax(OneProgram, len, ("value",))
    alone._apart["float32"] = asking._apart["float32"]
    assert alone._spelled(of_softmax("value"), past).mode == "eager"


def test_a_program_of_two_is_made_once_and_where_it_cannot_be_made_each_is_asked_alone() -> None:
    compiled: list[Any] = []

    def jit(function: Any) -> Any:
        def step(*given: Any) -> Any:
            compiled.append(step)
            return function(*given)

        return step

    def vjp(function: Any, x: Any) -> Any:
        if x.shape[1] == 98:
            raise TypeError("no derivative in this shape")
        return function(x), lambda c: [c * 3]

    def kernel(x: Any) -> Any:
        return x * 2

    asking = asking_jax(OneProgram, kernel)
    jax = SimpleNamespace(jit=jit, vjp=vjp, eval_shape=lambda function, x: function(x))
    asking._namespace = {"jax": jax, "np": np, "kernel": kernel}
    asking._apart["float32"] = {(one, one) for one in range(APART)}
    logits = np.ones((2, 99), np.float32)
    value = asking._function(of_softmax("value"), 1, logits)
    gradient = asking._function(of_softmax("grad_logits"), 1, logits, logits)
    assert value(logits)[0, 0] == 2
    assert gradient(logits, logits)[0, 0] == 3
    assert len({id(step) for step in compiled}) == 1
    compiled.clear()
    other = logits[:, 1:]
    assert asking._function(of_softmax("value"), 1, other)(other)[0, 0] == 2
    assert asking._alone == {("float32", (2, 98))}
    assert len(compiled) == 1  # the one that failed
    with pytest.raises(TypeError, match="no derivative in this shape"):
        asking._function(of_softmax("grad_logits"), 1, other, other)(other, other)


def test_what_jax_has_not_compiled_is_compiled_past_the_first_shapes_but_not_in_ways_of_calling() -> None:
    asking = asking_jax(LaterCompiled, len, ("value",))
    cell = of_softmax("value")
    shapes = [np.zeros((2, classes)) for classes in range(1, APART + 3)]
    spelled = [asking.source(asking._spelled(cell, logits), 1, 2) for logits in shapes]
    assert set(spelled[:APART]) == {"f = lambda x: kernel(x)"}
    assert set(spelled[APART:]) == {
        "f = jax.jit(lambda x: kernel(x), compiler_options={'xla_allow_excess_precision': False})"
    }
    asking._alone.add(("float32", shapes[-1].shape))  # it cannot be traced there
    assert asking._spelled(cell, shapes[-1]) is cell
    asking._is_called_in_a_way = True
    assert asking._spelled(cell, shapes[-2]) is cell


@pytest.mark.parametrize(("is_right_as_it_is", "verdict"), [(True, "conforms"), (False, "deviates")])
def test_what_is_wrong_as_it_is_compiled_is_held_against_a_kernel_only_if_it_is_as_it_is(
    monkeypatch: pytest.MonkeyPatch, *, is_right_as_it_is: bool, verdict: str
) -> None:
    def softmax(x: Any) -> Any:
        terms = np.exp(x - x.max(-1, keepdims=True))
        return terms / terms.sum(-1, keepdims=True)

    kernel = Kernel(softmax, "softmax")
    asker = Asker(adapter_of(kernel), Question("softmax", "none", "value", kernel.declaration))
    as_it_is = asker.cell("value", "float32", AS_IS)
    assert asker.adapter.unsupported(as_it_is) == "the kernel is always called as it is"
    plain = asker.adapter.evaluate

    def evaluate(cell: Cell, inputs: Any) -> Any:
        is_right = inputs.logits.shape[1] < 33 or (cell.entry == AS_IS and is_right_as_it_is)
        return plain(cell, inputs) if is_right else plain(cell, inputs) * np.float32(1.25)

    monkeypatch.setattr(asker.adapter, "evaluate", evaluate)
    monkeypatch.setattr(asker.adapter, "is_compiled_later", True)
    found = examine(asker, Plan(("float32",), ("value",), widest=33))
    ordinary = [one for one in found.judgements if one.regime == "width_33"]
    assert {one.verdict for one in ordinary} == {verdict}
    assert any("right as it is" in note for note in found.notes) == is_right_as_it_is
    assert bool(found.findings) != is_right_as_it_is


class _Differentiable:
    def detach(self) -> _Differentiable:
        return self

    def requires_grad_(self) -> _Differentiable:
        return self


@pytest.mark.parametrize(
    ("failure", "asked"),
    [
        ("", ["forward mode"]),
        ("it must override the setup_context staticmethod", ["forward mode", "backward", "backward"]),
        ("sizes do not match", ["forward mode"]),
    ],
)
def test_a_second_derivative_without_a_forward_mode_is_that_of_two_backward_passes(
    failure: str, asked: list[str]
) -> None:
    calls: list[str] = []

    def jvp(*_: Any) -> Any:
        calls.append("forward mode")
        if failure:
            raise RuntimeError(failure)
        return None, "found"

    def grad(*_: Any, **_further: Any) -> Any:
        calls.append("backward")
        return ["found"]

    adapter: Any = object.__new__(type("Asking", (KernelQuestions, adapter_class("torch")), {}))
    adapter._kernel = Kernel(len, "softmax", framework="torch", asked=("hvp",))
    torch = SimpleNamespace(func=SimpleNamespace(jvp=jvp), autograd=SimpleNamespace(grad=grad))
    scope: dict[str, Any] = {"torch": torch, "kernel": lambda x: x}
    exec(adapter.source(Cell("any", "eager", "softmax", "hvp", "float32"), 1, 2), scope)  # noqa: S102 - our own text
    given = [_Differentiable()] * 3
    if failure.startswith("sizes"):
        with pytest.raises(RuntimeError, match=failure):
            scope["f"](*given)
    else:
        assert scope["f"](*given) == "found"
    assert calls == asked


class _Tensor:
    """Of a tensor of PyTorch as much as tells where it lies in its storage."""

    def __init__(self, array: np.ndarray, place: int = 0) -> None:
        self.array, self.place = array, place

    def as_strided(self, shape: tuple[int, ...], strides: list[int], place: int) -> _Tensor:
        size = self.array.itemsize
        bytes_ = tuple(stride * size for stride in strides)
        return _Tensor(np.ndarray(shape, self.array.dtype, self.array, place * size, bytes_), place)

    def view(self, dtype: Any) -> _Tensor:
        return _Tensor(self.array.view(dtype), self.place)


@pytest.mark.parametrize("format_", ["float32", "bfloat16"])
@pytest.mark.parametrize("placement", [word for word in PLACEMENTS if word != "backwards"])
def test_a_tensor_begins_as_far_behind_its_storage_as_the_array_behind_its_memory(placement: str, format_: str) -> None:
    adapter: Any = object.__new__(adapter_class("torch"))
    adapter.device, adapter._torch = "cpu", SimpleNamespace(from_numpy=_Tensor, bfloat16=bfloat16())
    array = laid(placement, "logits", np.arange(15).reshape(5, 3).astype(FORMATS[format_].dtype))
    tensor = adapter.tensor(array)
    assert (tensor.array == array).all()
    assert tensor.array.strides == array.strides
    assert tensor.place == (1 if placement == "offset" else 0)


class _Traced:
    """Of JAX as much as traces a function: `equations` many."""

    def __init__(self, equations: int) -> None:
        self.equations = equations
        self.ensure_compile_time_eval = nullcontext

    def jit(self, function: Any, **_: Any) -> Any:
        def compiled(*given: Any) -> Any:
            return "compiled", function(*given)[1]

        compiled.__wrapped__ = function  # type: ignore[attr-defined]
        return compiled

    def make_jaxpr(self, function: Any) -> Any:
        return lambda *given: function(*given) and SimpleNamespace(eqns=[None] * self.equations)


@pytest.mark.parametrize(("equations", "failures", "way"), [(9, 0, "compiled"), (9999, 0, "plain"), (9, 1, "plain")])
def test_what_cannot_be_compiled_or_is_long_is_called_as_it_is(equations: int, failures: int, way: str) -> None:
    calls: list[int] = []

    def kernel(x: Any) -> Any:
        calls.append(1)
        if len(calls) <= failures:
            raise TypeError("a tracer has no number")
        return "plain", x.shape

    asking = asking_jax(LaterCompiled, kernel, ("value",))
    asking._namespace = {"jax": _Traced(equations), "kernel": kernel}
    asking._apart["float32"] = {(one, one) for one in range(APART)}
    logits = np.zeros((2, 99), np.float32)
    cell = Cell("any", "eager", "softmax", "value", "float32")
    assert asking._function(cell, 1, logits)(logits) == (way, (2, 99))
    assert asking._alone == (set() if way == "compiled" else {("float32", (2, 99))})
    assert asking._namespace["kernel"] is kernel
