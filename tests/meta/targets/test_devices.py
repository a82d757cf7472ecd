"""Where an adapter computes: asked by one word, recorded, known to the ledger, and inferred from what it does."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof.errors import EXPECTED, USAGE
from logitproof_adapters.catalogue import registry
from logitproof_adapters.catalogue.expected_here import is_tried
from logitproof_adapters.catalogue.ledger import Ledger
from logitproof_adapters.catalogue.tried_machines import tried_machines, unshared
from logitproof_adapters.contract import DeviceError
from logitproof_adapters.contract.device import made_for
from logitproof_adapters.sources.probe import PROBES, probed
from logitproof_adapters.targets import target as targets
from logitproof_adapters.targets.remote_adapter import RemoteAdapter, RemoteError
from logitproof_adapters.targets.target import Target, TargetError
from logitproof_reference.vocabulary.cells import Cell, Inputs
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reports.runs.environment import facts_of
from logitproof_reports.runs.run_file import read_run
from meta.targets import planted_devices
from meta.targets.planted_devices import Accelerated

if TYPE_CHECKING:
    from pathlib import Path

HERE = Target("here", (sys.executable,))
X = Inputs(np.array([[0.5, -1.0, 2.0]], np.float32), 1)
TWO_PROCESSORS = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}


def softmax(adapter: str, mode: str = "eager") -> Cell:
    return Cell(adapter, mode, "softmax", "value", "float32")


def remote(name: str, device: str, **env: str) -> RemoteAdapter:
    return RemoteAdapter(name, replace(HERE, device=device, env=env))


def planted(name: str, device: str, **env: str) -> RemoteAdapter:
    return remote(f"{planted_devices.__name__}:{name}", device, **env)


def needs(framework: str) -> None:
    if not registry.installed(framework):
        pytest.skip(f"{framework} is not installed")


def test_an_adapter_is_made_for_a_device_and_its_program_says_so() -> None:
    with planted("Accelerated", "fast:1") as adapter:
        program = adapter.repro(softmax("accelerated"), X)
    assert '\ncomputes_on = "fast:1"\n' in program
    with planted("Accelerated", "cpu") as adapter:
        assert "computes_on" not in adapter.repro(softmax("accelerated"), X)


def test_a_device_that_is_not_there_is_one_line_that_names_what_is() -> None:
    with pytest.raises(TargetError, match=r'Accelerated has no device "fast:2" here; it has cpu, fast:1$'):
        planted("Accelerated", "fast:2")


def test_an_adapter_that_takes_no_device_computes_on_the_cpu_alone() -> None:
    with pytest.raises(DeviceError, match="takes no device, it computes on the CPU"):
        made_for(registry.load("numpy").__class__, "cuda:0")


def test_a_device_alone_is_one_of_the_interpreter_that_judges() -> None:
    found = targets.chosen(None, None, device="CUDA:1")
    assert found == replace(targets.here(), device="cuda:1")


def test_a_device_goes_before_that_of_the_table(tmp_path: Path) -> None:
    (tmp_path / "logitproof.toml").write_text('[target.gpu]\ncommand = ["python"]\ndevice = "cuda:0"\n')
    found = [targets.chosen(None, "gpu", tmp_path, device=device) for device in (None, "cpu")]
    assert [one.device for one in found] == ["cuda:0", "cpu"]


def test_a_run_records_the_device_and_what_it_does_with_numbers(tmp_path: Path) -> None:
    framework = f"{planted_devices.__name__}:Accelerated"
    done = run(tmp_path, "--framework", framework, "--device", "fast:1", "-k", "softmax-value-float32 and typical")
    assert done.returncode == EXPECTED, done.stdout + done.stderr
    (environment,) = read_run(tmp_path / "run.parquet").environments
    assert environment["framework"]["build"]["device"] == "fast:1"
    assert environment["arithmetic"]["flushes_subnormal_results"] == "on"
    facts = facts_of(environment)
    assert {"fast", "flushes_subnormal_results", "flushes_subnormal_inputs"} <= facts.keys()
    assert facts["device"] == "fast:1"
    assert not {"rounds_quotients", "sums_float16_widely"} & facts.keys()


def test_a_device_that_is_not_there_ends_a_run_as_a_usage_error(tmp_path: Path) -> None:
    done = run(tmp_path, "--framework", f"{planted_devices.__name__}:Accelerated", "--device", "slow")
    assert done.returncode == USAGE
    assert done.stderr.splitlines()[-1].endswith('Accelerated has no device "slow" here; it has cpu, fast:1')


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    line = [sys.executable, "-m", "logitproof", "run", *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False, cwd=folder, env=environment)


KERNELS = """
import numpy as np

def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)

def on_the_second(x):
    import jax
    assert "1" in str(jax.config.jax_default_device)
    return jax.nn.softmax(x, axis=1)
"""


def check(folder: Path, kernel: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    (folder / "mykernels.py").write_text(KERNELS)
    line = [sys.executable, "-m", "logitproof", "check", f"mykernels:{kernel}", "--op", "softmax", "--widest", "33"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables}
    asked = [*line, "--format", "float32", *arguments]
    return subprocess.run(asked, capture_output=True, text=True, check=False, cwd=folder, env=environment)


def test_a_kernel_is_checked_on_the_device_that_is_asked(tmp_path: Path) -> None:
    needs("jax")
    done = check(tmp_path, "on_the_second", "--framework", "jax", "--device", "cpu:1", **TWO_PROCESSORS)
    assert done.returncode == EXPECTED, done.stdout + done.stderr
    assert done.stdout.startswith("on_the_second as softmax on cpu:1 conforms: ")


def test_arrays_of_numpy_lie_on_no_device(tmp_path: Path) -> None:
    done = check(tmp_path, "softmax", "--device", "cuda:0")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (USAGE, "", 1)
    assert 'device "cuda:0": arrays of NumPy lie on the CPU; name the framework of its tensors' in done.stderr


def test_the_run_of_a_kernel_records_where_it_ran(tmp_path: Path) -> None:
    done = check(tmp_path, "softmax", "--python", sys.executable, "-o", "run.parquet")
    assert done.returncode == EXPECTED, done.stdout + done.stderr
    (environment,) = read_run(tmp_path / "run.parquet").environments
    assert environment["target"] == "interpreter"
    assert environment["arithmetic"]["rounds_quotients"] == "on"


def test_no_bytecode_is_kept_of_a_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    check(tmp_path, "softmax", "--without", "VAL")
    assert not (tmp_path / "__pycache__").exists()


def test_a_probe_tells_what_a_device_does() -> None:
    here = {"rounds_quotients": "on", "sums_float16_widely": "on"}
    flushing = {"flushes_subnormal_results": "on", "flushes_subnormal_inputs": "on"}
    assert probed(Accelerated()) == {name: here.get(name, "off") for name in PROBES}
    assert probed(Accelerated("fast:1")) == {name: flushing.get(name, "off") for name in PROBES}


def test_what_a_framework_cannot_be_asked_is_left_out() -> None:
    class Mute(Accelerated):
        def operate(self, name: str, *arrays: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            if name == "total":
                raise NotImplementedError
            return super().operate(name, *arrays)

    assert set(probed(Mute())) == set(PROBES) - {"sums_float16_widely"}


@pytest.mark.parametrize(("device", "tried"), [("cpu", True), ("cpu:1", True), ("cpu:llvm", False), ("cuda:0", False)])
def test_a_ledger_was_tried_on_the_cpu_alone(device: str, *, tried: bool) -> None:
    ledger = Ledger(tried={"quick": ("1.0",)})
    facts = facts_of({"framework": {"version": "1.0", "build": {"device": device}}})
    assert is_tried(ledger, "1.0", "quick", facts) is tried


def test_no_recorded_machine_has_an_accelerator() -> None:
    facts = facts_of({"framework": {"build": {"device": "cuda:0"}}})
    assert unshared([*tried_machines()[0].facts, *facts]) == "with CUDA"


@pytest.mark.parametrize("mode", ["eager", "compiled", "vmap"])
def test_jax_computes_on_the_device_that_is_asked(mode: str) -> None:
    needs("jax")
    for device, number in [("cpu", 0), ("cpu:1", 1)]:
        with planted("Placed", device, **TWO_PROCESSORS) as adapter:
            assert adapter.evaluate(softmax("jax", mode), X).tolist() == [number]


def test_jax_names_its_devices() -> None:
    needs("jax")
    with pytest.raises(TargetError, match=r'JAX has no device "cpu:2" here; it has cpu, cpu:1$'):
        remote("jax", "cpu:2", **TWO_PROCESSORS)


@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_tensorflow_computes_on_the_device_that_is_asked(mode: str) -> None:
    needs("tensorflow")
    for device, number in [("cpu", 0), ("cpu:1", 1)]:
        with planted("PlacedTensorflow", device) as adapter:
            assert adapter.evaluate(softmax("tensorflow", mode), X).tolist() == [number]


def test_tinygrad_computes_by_the_compiler_that_is_asked() -> None:
    needs("tinygrad")
    with planted("PlacedTinygrad", "cpu") as adapter:
        assert adapter.evaluate(softmax("tinygrad"), X).tolist() == [0]
    try:
        by_llvm = planted("PlacedTinygrad", "cpu:llvm")
    except TargetError as error:
        pytest.skip(str(error))
    with by_llvm as adapter:
        assert adapter.evaluate(softmax("tinygrad"), X).tolist() == [1]


def test_a_device_that_fails_for_good_costs_the_call_that_broke_it() -> None:
    cells = [replace(softmax("accelerated"), axis=axis) for axis in ("last", "first", "middle", "first", "last")]
    told: list[str] = []
    with planted("Breaks", "fast:1") as adapter:
        for cell in cells:
            try:
                told.append(repr(adapter.evaluate(cell, X).tolist()))
            except RemoteError as error:
                told.append(f"{type(error).__name__}: {error}")
    right = repr(Accelerated().evaluate(softmax("accelerated"), X).tolist())
    wrong = "RuntimeError: device-side assert triggered"
    assert told == [right, wrong, right, wrong, right]


def test_what_a_call_does_to_its_inputs_on_a_device_is_seen_here() -> None:
    needs("torch")
    x = np.ones((2, 3), np.float32)
    with planted("PlacedTorch", "cpu:0") as adapter:
        adapter.evaluate(softmax("torch"), Inputs(x, 1))
    assert not x.any()


@pytest.mark.parametrize("framework", ["jax", "mlx", "paddle", "tensorflow", "tinygrad", "torch"])
@pytest.mark.parametrize("format_", FORMATS)
def test_numbers_go_to_a_framework_and_come_back_bit_for_bit(framework: str, format_: str) -> None:
    needs(framework)
    adapter: Any = registry.load(framework)
    if framework == "tinygrad" and (reason := adapter.unsupported(replace(softmax(framework), format=format_))):
        pytest.skip(reason)
    x = np.array([[1.5, -np.inf, 0.0, -3e-5], [6.0, np.nan, np.inf, 1e-3]], FORMATS[format_].dtype)
    for given in (x, x.T, x[:, ::2]):
        found = adapter.array(adapter.tensor(given))
        assert (found.dtype, found.tobytes()) == (x.dtype, np.ascontiguousarray(given).tobytes())


def test_pytorch_judges_no_device_that_holds_no_numbers() -> None:
    needs("torch")
    with pytest.raises(TargetError, match='PyTorch has no device "meta" here; it has cpu'):
        remote("torch", "meta")


def test_onnx_runtime_does_not_answer_for_a_provider_on_the_cpu() -> None:
    """The wheel's second provider computes nothing by itself: without a word ONNX Runtime would compute on the CPU."""
    needs("onnxruntime")
    with remote("onnxruntime", "azure") as adapter:
        assert adapter.unsupported(softmax("onnxruntime")) == "AzureExecutionProvider has no kernel for it"
        assert adapter.probe() == {}
