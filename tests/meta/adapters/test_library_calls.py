"""What Keras, Optax, SciPy and scikit-learn are asked, inferred from the source alone: none of them is imported."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from logitproof_adapters.frameworks.keras.adapter import KerasJaxAdapter, KerasTensorflowAdapter, KerasTorchAdapter
from logitproof_adapters.frameworks.keras.expressions import call
from logitproof_adapters.frameworks.optax.adapter import OptaxAdapter
from logitproof_adapters.frameworks.sklearn.adapter import SklearnAdapter
from logitproof_adapters.frameworks.torch.adapter import TorchAdapter
from logitproof_adapters.sources.source_adapter import SourceAdapter
from logitproof_adapters.sources.trainer import trainer_of
from logitproof_conformance.plan.cells import every_cell
from logitproof_conformance.plan.training import training_cases
from logitproof_reference.training.tasks import TASKS
from logitproof_reference.vocabulary.cells import Cell, Options

A = TypeVar("A", bound=SourceAdapter)

LOSS = Cell("keras_jax", "eager", "softmax_cross_entropy", "value", "float32", "indices")
SOFT_LOSS = replace(LOSS, labels="distributions")
ADAPTERS: tuple[type[SourceAdapter], ...] = (
    KerasJaxAdapter,
    KerasTensorflowAdapter,
    KerasTorchAdapter,
    OptaxAdapter,
    SklearnAdapter,
)


def unimported(kind: type[A]) -> A:
    """Return an adapter whose framework is not imported: its constructor does not run."""
    return kind.__new__(kind)


@pytest.mark.parametrize("kind", ADAPTERS)
def test_whatever_is_supported_can_be_spelled(kind: type[SourceAdapter]) -> None:
    adapter = unimported(kind)
    cells = [cell for cell in every_cell(adapter) if adapter.unsupported(cell) is None]
    places = {"last": (1, 2), "first": (0, 2), "middle": (1, 3)}
    assert all("f" in adapter.source(cell, *places[cell.axis]) for cell in cells)
    assert len(cells) > 10


@pytest.mark.parametrize("kind", [KerasJaxAdapter, KerasTensorflowAdapter, KerasTorchAdapter, OptaxAdapter])
def test_whatever_is_trained_can_be_spelled(kind: type[SourceAdapter]) -> None:
    adapter = unimported(kind)
    trainer = trainer_of(adapter)
    assert trainer is not None
    cases = list(training_cases(adapter, "full"))
    assert all(trainer.source(case.cell, TASKS[case.regime]) for case in cases)
    assert len(cases) > 2


def test_keras_is_asked_for_a_format_other_than_float32_by_dtype() -> None:
    assert "dtype" not in call(LOSS, 1, 2)
    assert "dtype='bfloat16'" in call(replace(LOSS, format="bfloat16"), 1, 2)


def test_keras_2_is_asked_for_what_it_has() -> None:
    softmax = replace(LOSS, op="softmax", labels="none")
    assert call(softmax, 1, 2, has_ops=False) == "keras.activations.softmax(x, axis=1)"
    told = call(replace(SOFT_LOSS, format="float16"), 1, 2, has_ops=False)
    assert told == 'keras.losses.CategoricalCrossentropy(from_logits=True, reduction="none", axis=1)(y, x)'
    adapter = unimported(KerasTensorflowAdapter)
    adapter.has_ops = False
    refused = {op: adapter.unsupported(replace(softmax, op=op)) for op in ("softmax", "log_softmax", "log_sum_exp")}
    assert refused == {
        "softmax": None,
        "log_softmax": "keras.ops, which has log_softmax, came with Keras 3",
        "log_sum_exp": "keras.ops, which has log_sum_exp, came with Keras 3",
    }


def test_keras_is_told_the_axis_of_the_classes_rather_than_given_another_layout() -> None:
    assert "axis" not in call(LOSS, 1, 2)
    assert "(axis=1, " in call(LOSS, 1, 3)
    assert call(LOSS, 1, 3).endswith("(keras.ops.expand_dims(y, 1), x)")
    assert call(SOFT_LOSS, 1, 3).endswith("axis=1)(y, x)")


def test_keras_is_told_logits_from_probabilities() -> None:
    assert "from_logits=True" in call(LOSS, 1, 2)
    given = call(replace(LOSS, entry="probabilities"), 1, 2)
    assert "from_logits" not in given
    assert given.endswith("(y, keras.activations.softmax(x, axis=1))")


def test_keras_reduces_nothing_unless_asked() -> None:
    assert "reduction=None" in call(LOSS, 1, 2)
    mean = replace(LOSS, options=Options(reduction="mean", ignore_index=-1))
    assert 'reduction="sum_over_batch_size", ignore_class=-1' in call(mean, 1, 2)
    assert "reduction='average'" in call(replace(LOSS, options=Options(reduction="average")), 1, 2)


def test_half_precision_probabilities_are_asked_where_nothing_is_clipped_alone() -> None:
    half = replace(LOSS, entry="probabilities", format="float16")
    assert "does not resolve the clip" in (unimported(KerasJaxAdapter).unsupported(half) or "")
    assert unimported(KerasTensorflowAdapter).unsupported(half) is None


def test_what_keras_clips_is_stated() -> None:
    clips = {
        (kind, entry): unimported(kind).dialect(replace(SOFT_LOSS, entry=entry)).clip_probabilities
        for kind in (KerasJaxAdapter, KerasTensorflowAdapter, KerasTorchAdapter)
        for entry in ("", *unimported(kind).entries[SOFT_LOSS.op, SOFT_LOSS.labels])
    }
    assert {place for place, clip in clips.items() if clip == 1e-7} == {
        (KerasJaxAdapter, "probabilities"),
        (KerasTorchAdapter, "probabilities"),
        (KerasTensorflowAdapter, "tf_probabilities"),
    }


def test_optax_takes_the_classes_where_its_losses_document_an_axis() -> None:
    adapter, cell = unimported(OptaxAdapter), replace(SOFT_LOSS, adapter="optax", axis="first")
    assert "axis=0" in adapter.expression(cell, 0, 2)
    safe = adapter.expression(replace(cell, entry="safe_softmax_cross_entropy"), 0, 2)
    assert safe == "optax.safe_softmax_cross_entropy(jnp.moveaxis(x, 0, -1), jnp.moveaxis(y, 0, -1))"


def test_optax_smooths_distributions_along_their_axis() -> None:
    cell = replace(SOFT_LOSS, adapter="optax", options=Options(label_smoothing=0.125))
    assert "optax.smooth_labels(y, 0.125, axis=0)" in unimported(OptaxAdapter).expression(cell, 0, 2)
    assert "optax.smooth_labels(y, 0.125))" in unimported(OptaxAdapter).expression(cell, 1, 2)


def test_log_loss_weights_samples_by_the_weight_of_their_class() -> None:
    cell = replace(LOSS, adapter="sklearn", options=Options(reduction="sum", weight=True))
    source = unimported(SklearnAdapter).source(cell, 1, 2)
    assert "normalize=False" in source
    assert "sample_weight=w[y]" in source


def test_what_pytorch_compiles_has_lines_as_long_as_it_is_kept() -> None:
    # PyTorch before 2.13 compiles functions without lines in one frame, and of that keeps eight programs.
    adapter, scope = unimported(TorchAdapter), dict[str, Any]()
    file, source = "<torch-compiled-softmax-value-float32 2x3>", "def f():\n    return lambda x: x\n"
    exec(compile(source, file, "exec"), scope)  # noqa: S102 - our own text
    assert inspect.getsourcefile(scope["f"]()) is None
    adapter.before_execution(source, file)
    assert inspect.getsourcefile(scope["f"]()) == file
    assert inspect.getsource(scope["f"]) == source
    adapter.forget()
    assert inspect.getsourcefile(scope["f"]()) is None
