"""Each adapter asks what it says it asks, loses no bit on the way, and its repro gives the same answer alone."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict, replace
from functools import partial
from itertools import product
from math import inf, log, nan
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from packaging.version import Version

from logitproof_adapters.catalogue import ledger, registry
from logitproof_adapters.catalogue.expected_here import expectations
from logitproof_adapters.contract import keeps_graph
from logitproof_adapters.control import answers as control_answers
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_adapters.sources import source_adapter
from logitproof_adapters.sources.source_adapter import SourceAdapter
from logitproof_reference.vocabulary.cells import MODES, Cell, Inputs
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import SECOND_GRADIENT
from logitproof_reports.runs.environment import describe_environment, facts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_adapters.contract import Adapter

QUESTIONS = [
    (op, labels, quantity)
    for op, labels in (
        ("softmax", "none"),
        ("log_softmax", "none"),
        ("log_sum_exp", "none"),
        ("softmax_cross_entropy", "indices"),
        ("softmax_cross_entropy", "distributions"),
    )
    for quantity in ("value", "grad_logits", "grad_labels")
    if quantity != "grad_labels" or labels == "distributions"
]
SHAPES = {"last": ((3, 4), 1), "first": ((4, 3), 0), "middle": ((2, 4, 3), 1)}
RESULTS = {"softmax", "log_softmax"}
COMPLETE = frozenset({"jax", "numpy", "tensorflow", "torch"})
"""The adapters that wrap every question in every format."""
COMPUTED_IN = {("mlx", "float64"): "float32", ("liger", "float64"): "float32"}
"""Formats that a framework computes in another, as its ledger says."""
LN2 = log(2)


def question(op: str, labels: str, quantity: str) -> str:
    return f"{op}-{labels}-{quantity}"


EVERY_QUESTION = pytest.mark.parametrize(("op", "labels", "quantity"), QUESTIONS, ids=[question(*q) for q in QUESTIONS])
EVERY_FORMAT = pytest.mark.parametrize("format_", list(FORMATS))


@pytest.fixture(scope="module", params=sorted(name for name in registry.BUILT_IN if not registry.missing(name)))
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """One adapter after the other of what is installed; the control always is."""
    try:
        return registry.load(request.param)
    except registry.MissingFramework as error:  # e.g. Keras runs on another backend in this process
        pytest.skip(str(error))


def is_offered(adapter: Adapter, cell: Cell) -> bool:
    reason = adapter.unsupported(cell)
    assert reason is None or adapter.name not in COMPLETE, cell.id
    return reason is None


def offered(adapter: Adapter, cell: Cell) -> Cell:
    """Return the cell; skip the test where the adapter has none such."""
    if not is_offered(adapter, cell):
        pytest.skip(f"{cell.id}: {adapter.unsupported(cell)}")
    return cell


def cycle(shape: tuple[int, ...], step: int, period: int, format_: str) -> NDArray[Any]:
    """Quarters that wander through `period` values: exact in every format."""
    numbers = (np.arange(np.prod(shape)) * step % period - period // 2) / 4
    return numbers.reshape(shape).astype(FORMATS[format_].dtype)


def ask_with(cell: Cell, shape: tuple[int, ...], axis: int) -> Inputs:
    logits = cycle(shape, 7, 23, cell.format)
    rows = shape[:axis] + shape[axis + 1 :]
    indices = (np.arange(np.prod(rows)) * 3 % shape[axis]).reshape(rows).astype(np.int64)
    one_class_a_row = np.expand_dims(indices, axis) == np.arange(shape[axis]).reshape(
        [-1 if place == axis else 1 for place in range(len(shape))]
    )
    halves = (0.5 * one_class_a_row + 0.5 / shape[axis]).astype(logits.dtype)
    cotangent = cycle(shape if cell.op in RESULTS else rows, 5, 9, cell.format) + logits.dtype.type(0.125)
    return Inputs(
        logits,
        axis,
        {"none": None, "indices": indices, "distributions": halves}[cell.labels],
        None if cell.quantity == "value" else cotangent,
    )


def close(observed: NDArray[Any], expected: NDArray[Any], format_: str) -> bool:
    """Whether two correct answers of a few classes agree: within eight units of the numbers that took part."""
    allowed = 16 * FORMATS[format_].unit_roundoff * (1 + np.abs(expected.astype(np.float64)))
    return bool(np.all(np.abs(observed.astype(np.float64) - expected.astype(np.float64)) <= allowed))


def in_float64(cell: Cell, inputs: Inputs) -> NDArray[Any]:
    """Return the control's answer in float64 for the same numbers."""
    wide = {
        name: a if name == "labels" and a.dtype == np.int64 else a.astype(np.float64)
        for name, a in inputs.arrays().items()
    }
    return registry.load("numpy").evaluate(cell, Inputs(axis=inputs.axis, **wide))


@EVERY_FORMAT
@EVERY_QUESTION
def test_every_eager_cell_agrees_with_float64(
    adapter: Adapter, op: str, labels: str, quantity: str, format_: str
) -> None:
    cells = [Cell(adapter.name, "eager", op, quantity, format_, labels, axis) for axis in SHAPES]
    for cell in filter(partial(is_offered, adapter), cells):
        shape, axis = SHAPES[cell.axis]
        inputs = ask_with(cell, shape, axis)
        expected = in_float64(cell, inputs)
        observed = adapter.evaluate(cell, inputs)
        assert observed.dtype == FORMATS[format_].dtype, cell.id
        assert observed.shape == (shape if cell.has_class_axis else shape[:axis] + shape[axis + 1 :]), cell.id
        precision = COMPUTED_IN.get((adapter.name, format_), format_)
        assert close(observed, expected, precision), cell.id


def test_every_further_mode_agrees_with_float64(adapter: Adapter) -> None:
    for mode, (op, labels, quantity) in product(set(adapter.modes) - {"eager", "compiled"}, QUESTIONS):
        cell = Cell(adapter.name, mode, op, quantity, "float32", labels)
        if is_offered(adapter, cell):
            inputs = ask_with(cell, *SHAPES["last"])
            expected = in_float64(replace(cell, mode="eager"), inputs)
            assert close(adapter.evaluate(cell, inputs), expected, "float32"), cell.id


def test_a_second_gradient_is_the_first(adapter: Adapter) -> None:
    for op, labels, _ in [question for question in QUESTIONS if question[-1] == "grad_logits"]:
        cell = Cell(adapter.name, "eager", op, "grad_logits", "float32", labels)
        if keeps_graph(adapter) and is_offered(adapter, cell):
            first = adapter.evaluate(cell, ask_with(cell, *SHAPES["last"]))
            again = adapter.evaluate(replace(cell, quantity=SECOND_GRADIENT), ask_with(cell, *SHAPES["last"]))
            np.testing.assert_array_equal(again, first, cell.id)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("format_", list(FORMATS))
def test_a_repro_prints_the_answer_that_was_judged(adapter: Adapter, mode: str, format_: str) -> None:
    if mode not in adapter.modes:
        pytest.skip(f"{adapter.name} has no mode {mode}")
    asked = []
    for op, labels, quantity in QUESTIONS if mode == "eager" else QUESTIONS[-2:]:
        axis = "first" if labels == "indices" and mode != "vmap" else "last"
        cell = Cell(adapter.name, mode, op, quantity, format_, labels, axis)
        if not is_offered(adapter, cell):
            continue
        inputs = ask_with(cell, *SHAPES[cell.axis])
        inputs.logits[0, 0] = -inf
        asked.append((cell, inputs))
    programs = [adapter.repro(cell, inputs) for cell, inputs in asked]
    for (cell, inputs), (dtype, numbers) in zip(asked, run_alone(programs), strict=True):
        answer = adapter.evaluate(cell, inputs)
        printed = np.array(numbers).astype(answer.dtype)
        assert dtype.removeprefix("torch.") == str(answer.dtype), cell.id
        np.testing.assert_array_equal(printed, answer, err_msg=cell.id)


def test_a_label_past_int32_is_spelled_as_it_is_handed_in(adapter: Adapter) -> None:
    assert isinstance(adapter, SourceAdapter)
    cell = Cell(adapter.name, "eager", "softmax_cross_entropy", "value", "float32", "indices")
    if not is_offered(adapter, cell):
        pytest.skip(f"{adapter.name} has no {cell.id}")
    labels = np.array([2**31 + 5, -1, 3])
    program = adapter.repro(cell, replace(ask_with(cell, *SHAPES["last"]), labels=labels))
    spelled, _, _ = program.partition("\ny = ")[2].partition("\n")
    shown = f"{program.partition(chr(10) + 'y = ')[0]}\nresult = {spelled}\n{adapter.report}"
    ((dtype, numbers),) = run_alone([shown])
    answer = adapter.array(adapter.tensor(labels))
    assert dtype.removeprefix("torch.") == str(answer.dtype)
    assert np.asarray(numbers).tolist() == answer.tolist()


def run_alone(programs: list[str]) -> list[tuple[str, Any]]:
    """Run each program in a scope of its own, all in one fresh process, and read back format and numbers."""
    code = f"import sys\nsys.path[:] = {sys.path!r}\nfor program in {programs!r}:\n    exec(program, {{}})\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line.split(" ", 1) for line in done.stdout.splitlines()]
    return [(dtype, eval(numbers, {"inf": inf, "nan": nan})) for dtype, numbers in lines]  # noqa: S307 - our own print


@EVERY_FORMAT
def test_every_number_of_a_format_arrives_and_returns_bit_for_bit(adapter: Adapter, format_: str) -> None:
    assert isinstance(adapter, SourceAdapter)
    if not any(
        is_offered(adapter, Cell(adapter.name, "eager", op, quantity, format_, labels))
        for op, labels, quantity in QUESTIONS
    ):
        pytest.skip(f"{adapter.name} is asked nothing in {format_}")
    dtype = FORMATS[format_].dtype
    unsigned = np.dtype(f"uint{8 * dtype.itemsize}")
    spread = np.arange(1 << 16, dtype=np.uint64) << (8 * dtype.itemsize - 16)
    numbers = (spread | (spread >> 7)).astype(unsigned).view(dtype)
    numbers = numbers[~np.isnan(numbers)]
    for layout in (numbers, np.repeat(numbers, 2)[::2]):
        returned = adapter.array(adapter.tensor(layout))
        assert returned.dtype == dtype
        np.testing.assert_array_equal(returned.view(unsigned), numbers.view(unsigned))


@EVERY_QUESTION
def test_no_input_is_modified_but_where_the_ledger_says_so(
    adapter: Adapter, op: str, labels: str, quantity: str
) -> None:
    cell = offered(adapter, Cell(adapter.name, "eager", op, quantity, "float32", labels))
    inputs = ask_with(cell, *SHAPES["last"])
    before = {name: array.tobytes() for name, array in inputs.arrays().items()}
    adapter.evaluate(cell, inputs)
    is_modified = {name: array.tobytes() for name, array in inputs.arrays().items()} != before
    description = adapter.describe()
    facts = facts_of({**describe_environment(), "framework": asdict(description)})
    expected = expectations(ledger.load(adapter.name), description.version, "full", facts)
    known = [one.entry.id for one in expected if one.explains("IO-2", cell.id, "result")]
    assert is_modified == bool(known), f"{cell.id} modifies its input: {is_modified}; the ledger knows: {known}"


def test_strided_input_gives_the_bits_of_contiguous_input(adapter: Adapter) -> None:
    cell = offered(adapter, Cell(adapter.name, "eager", "softmax", "value", "bfloat16", layout="strided"))
    plain = ask_with(cell, *SHAPES["last"])
    wide = np.full((3, 8), np.nan, dtype=plain.logits.dtype)
    wide[:, ::2] = plain.logits
    expected = adapter.evaluate(cell, plain)
    observed = adapter.evaluate(cell, Inputs(wide[:, ::2], 1))
    assert observed.tobytes() == expected.tobytes()


def test_a_compiled_answer_does_not_depend_on_what_was_asked_before(adapter: Adapter) -> None:
    if "compiled" not in adapter.modes:
        pytest.skip(f"{adapter.name} has no mode compiled")
    # torch.compile turns to kernels for any shape at the second shape it sees, and those round this answer otherwise.
    cell = offered(
        adapter, Cell(adapter.name, "compiled", "softmax_cross_entropy", "grad_labels", "bfloat16", "distributions")
    )
    for classes in (11, 12):
        adapter.evaluate(cell, ask_with(cell, (23, classes), 1))
    inputs = ask_with(cell, (24, 10), 1)
    ((_, alone),) = run_alone([adapter.repro(cell, inputs)])
    np.testing.assert_array_equal(adapter.evaluate(cell, inputs).astype(np.float64), alone)


def test_torch_compiles_nothing_without_a_compiler_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    if not registry.installed("torch"):
        pytest.skip("torch is not installed")
    adapter = registry.load("torch")
    compiled = Cell("torch", "compiled", "softmax", "value", "float32")
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert adapter.unsupported(compiled) == "torch.compile needs a C++ compiler on the CPU; install g++ or set CXX"
    assert adapter.unsupported(Cell("torch", "eager", "softmax", "value", "float32")) is None


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("softmax", "hvp", "none"), "not asked: a second derivative of softmax"),
        (("sigmoid_cross_entropy", "value", "indices"), "not asked: a sigmoid's labels are not class indices"),
        (("softmax", "value", "indices"), "not asked: softmax takes no labels"),
        (("log_sum_exp", "grad_labels", "none"), "not asked: log_sum_exp takes no labels"),
        (("softmax_cross_entropy", "value", "none"), "not asked: softmax_cross_entropy needs labels"),
        (("softmax_cross_entropy", "grad_labels", "indices"), "not asked: class indices have no gradient"),
    ],
)
def test_what_is_not_wrapped_is_refused_with_the_reason(
    adapter: Adapter, words: tuple[str, str, str], reason: str
) -> None:
    op, quantity, labels = words
    found = adapter.unsupported(Cell(adapter.name, "eager", op, quantity, "float32", labels))
    assert found is not None
    assert found.startswith(reason)


def test_a_mode_is_refused_unless_the_adapter_has_it(adapter: Adapter) -> None:
    refusal = adapter.unsupported(Cell(adapter.name, "ahead_of_time", "softmax", "value", "float32"))
    assert refusal == f"not asked: mode ahead_of_time is not wrapped; wrapped: {', '.join(adapter.modes)}"


def test_the_description_names_framework_version_and_build(adapter: Adapter) -> None:
    described = adapter.describe()
    assert described.framework
    assert Version(described.version).release
    assert all(isinstance(word, str) for pair in described.build.items() for word in pair)


EXTREMES: dict[str, tuple[list[float], dict[str, Any]]] = {
    "one masked": (
        [0, 0, -inf],
        {"softmax": [0.5, 0.5, 0], "log_softmax": [-LN2, -LN2, -inf], "log_sum_exp": LN2, "indices": LN2}
        | {"distributions": LN2},
    ),
    "label masked": (
        [-inf, 0, 0],
        {"softmax": [0, 0.5, 0.5], "log_softmax": [-inf, -LN2, -LN2], "log_sum_exp": LN2, "indices": inf}
        | {"distributions": inf},
    ),
    "all masked": (
        [-inf] * 3,
        {"softmax": [nan] * 3, "log_softmax": [nan] * 3, "log_sum_exp": -inf, "indices": nan, "distributions": nan},
    ),
    "one +inf": (
        [0, inf, -inf],
        {"softmax": [0, 1, 0], "log_softmax": [-inf, 0, -inf], "log_sum_exp": inf, "indices": inf}
        | {"distributions": inf},
    ),
    "two +inf": (
        [inf, inf, 0],
        {"softmax": [nan, nan, 0], "log_softmax": [nan, nan, -inf], "log_sum_exp": inf, "indices": nan}
        | {"distributions": nan},
    ),
    "a NaN": (
        [0, nan, -inf],
        {"softmax": [nan] * 3, "log_softmax": [nan] * 3, "log_sum_exp": nan, "indices": nan, "distributions": nan},
    ),
}
"""By hand, from the limits; the label is class 0, as a distribution (3/4, 1/4, 0)."""


@EVERY_FORMAT
@pytest.mark.parametrize("name", EXTREMES)
def test_the_control_gives_the_limit_at_extreme_logits(name: str, format_: str) -> None:
    row, expected = EXTREMES[name]
    dtype = FORMATS[format_].dtype
    labels = {"indices": np.array([0]), "distributions": np.array([[0.75, 0.25, 0]], dtype)}
    for asked, answer in expected.items():
        op = asked if asked not in labels else "softmax_cross_entropy"
        observed = control_answers.answer(op, "value", np.array([row], dtype), labels=labels.get(asked), axis=1)[0]
        allowed = 4 * FORMATS[format_].unit_roundoff
        np.testing.assert_allclose(observed.astype(np.float64), answer, rtol=allowed, err_msg=asked)


def test_the_control_overflows_only_where_the_answer_does() -> None:
    largest = FORMATS["float32"].largest
    x = np.array([[largest, -largest]], np.float32)
    ask = {"labels": np.array([[0.5, 0.5]], np.float32), "axis": 1}
    assert control_answers.answer("softmax_cross_entropy", "value", x, **ask)[0] == largest
    assert control_answers.answer("softmax_cross_entropy", "value", x, labels=np.array([1]), axis=1)[0] == inf
    assert control_answers.answer("log_sum_exp", "value", x, axis=1)[0] == largest


MIB = 1 << 20


@pytest.mark.parametrize(
    ("sizes", "times"),
    [
        ([100 * MIB, 300 * MIB, 868 * MIB], 0),
        # Looked at in the beginning, at two places, and where it has let go of what it had.
        ([100 * MIB, 869 * MIB, 200 * MIB, 968 * MIB], 1),
        ([100 * MIB, 869 * MIB, 200 * MIB, 969 * MIB, 200 * MIB], 2),
        ([sys.maxsize] * 5, 2),  # where the system does not say
    ],
)
def test_what_a_framework_compiled_is_let_go_of_where_it_takes_much_memory(
    sizes: list[int], times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten = []
    seen = iter(sizes)

    class Forgets(NumpyAdapter):
        def forget(self) -> None:
            forgotten.append(len(self._functions))

    monkeypatch.setattr(source_adapter, "PROGRAMS_KEPT", 3)
    monkeypatch.setattr(source_adapter, "resident", lambda: next(seen))
    adapter = Forgets()
    for width in range(1, 8):
        answer = adapter.evaluate(
            Cell("numpy", "eager", "softmax", "value", "float32"), Inputs(np.zeros((1, width), "f4"), 1)
        )
        assert answer.shape == (1, width)
    assert forgotten == [0] * times
    assert next(seen, None) is None


def test_labels_of_another_format_get_a_program_of_their_own() -> None:
    made = []

    class Remembers(NumpyAdapter):
        def before_execution(self, source: str, file: str) -> None:
            del source
            made.append(file)

    adapter, logits = Remembers(), np.zeros((2, 3), np.float32)
    cell = Cell("numpy", "eager", "softmax_cross_entropy", "value", "float32", labels="indices")
    for format_ in ("int64", "int8", "int64"):
        adapter.evaluate(cell, Inputs(logits, 1, labels=np.array([0, 2], format_)))
    assert made == [f"<{cell.id} 2x3 float32 2 {name}>" for name in ("int64", "int8")]
