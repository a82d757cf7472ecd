"""A kernel of a framework's tensors stands in place of the framework's own function, in every adapter."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_adapters.kernels.adapter import KernelQuestions, adapter_of
from logitproof_adapters.kernels.kernel import Kernel
from logitproof_reference.vocabulary.cells import Cell


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


@pytest.mark.parametrize("framework", sorted(set(FRAMEWORKS) - set(OF_TENSORS) - {"numpy"}))
def test_a_framework_without_tensors_is_refused(framework: str) -> None:
    with pytest.raises(ValueError, match=f"{framework} has no tensors that a kernel could take"):
        adapter_of(Kernel(len, "softmax", framework=framework))
