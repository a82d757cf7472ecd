"""The environment: facts that decide bits, JSON throughout, nothing personal."""

from __future__ import annotations

import getpass
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from logitproof.commands.one_thread import VARIABLE
from logitproof_reports.runs import environment

X86 = """processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Processor @ 2.10GHz
flags\t\t: fpu sse sse2 ssse3 fma avx avx2 misalignsse smep avx512f avx512_bf16 amx_tile lahf_lm
"""
ARM = """processor\t: 0
BogoMIPS\t: 50.00
Features\t: fp asimd evtstrm aes fphp asimdhp sve bf16
"""


def test_the_description_is_json_and_names_what_runs() -> None:
    described = environment.describe_environment()
    assert json.loads(json.dumps(described)) == described
    assert described["python"] == platform.python_version()
    assert described["packages"]["numpy"] == np.__version__
    assert described["cores"] >= 1
    assert described["cpu"]
    assert described["os"]


def test_the_description_names_no_host_user_or_path() -> None:
    text = json.dumps(environment.describe_environment())
    for secret in (platform.node(), getpass.getuser(), str(Path.cwd())):
        assert f'"{secret}"' not in text


def test_thread_variables_are_recorded_where_they_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    threads = environment.describe_environment()["threads"]
    assert threads["OMP_NUM_THREADS"] == "3"
    assert "MKL_NUM_THREADS" not in threads


@pytest.mark.parametrize(
    ("text", "model", "features"),
    [
        (
            X86,
            "Intel(R) Xeon(R) Processor @ 2.10GHz",
            ["amx_tile", "avx", "avx2", "avx512_bf16", "avx512f", "fma", "sse", "sse2", "ssse3"],
        ),
        (ARM, None, ["asimd", "asimdhp", "bf16", "fp", "fphp", "sve"]),
        ("", None, []),
    ],
    ids=["x86", "arm", "nothing told"],
)
def test_the_processor_is_read_from_the_systems_own_table(
    text: str, model: str | None, features: list[str], tmp_path: Path
) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    found, numeric = environment.describe_cpu(tmp_path / "cpuinfo", {})
    assert found == (model or platform.processor() or platform.machine())
    assert numeric == features


def test_the_processor_is_named_where_there_is_no_such_table(tmp_path: Path) -> None:
    model, features = environment.describe_cpu(tmp_path / "absent", {})
    assert model
    assert features == []


def test_a_package_that_is_not_installed_is_said_to_be_so() -> None:
    assert environment.package_version("no-such-package-anywhere") == "not installed"


def test_a_system_without_a_release_file_is_still_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "os-release").write_text('NAME="Example"\nPRETTY_NAME="Example OS 1"\n')
    monkeypatch.setattr(environment, "_OS_RELEASE", (tmp_path / "absent", tmp_path / "os-release"))
    assert environment.operating_system() == "Example OS 1"
    monkeypatch.setattr(environment, "_OS_RELEASE", (tmp_path / "absent",))
    assert environment.operating_system() == platform.platform(terse=True)


def test_what_the_system_lists_and_numpy_does_not_find_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(X86)
    haswell = {"SSE": True, "SSE2": True, "SSSE3": True, "AVX": True, "AVX2": True, "FMA3": True, "AVX512F": False}
    _, numeric = environment.describe_cpu(tmp_path / "cpuinfo", haswell)
    assert numeric == ["avx", "avx2", "fma", "sse", "sse2", "ssse3"]


def test_an_emulated_arm_has_none_of_the_features_of_its_host(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(X86)
    neoverse = {"NEON": True, "ASIMD": True, "ASIMDHP": True, "SVE": False}
    found = environment.describe_cpu(tmp_path / "cpuinfo", neoverse, "aarch64")
    assert found == ("aarch64", ["asimd", "asimdhp", "neon"])


def test_numpy_finds_the_features_that_every_processor_of_its_kind_has() -> None:
    everywhere = {"x86_64": "SSE2", "aarch64": "ASIMD", "arm64": "ASIMD"}
    name = everywhere.get(platform.machine())
    assert name is None or environment.numpy_features()[name]


def test_the_facts_of_an_environment_are_what_entries_select_by() -> None:
    facts = environment.facts_of(
        {
            "machine": "x86_64",
            "kernel": "Linux 6.1",
            "cpu_features": ["avx2", "avx512_bf16"],
            "cores": 2,
            "threads": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
            "packages": {"jax": "0.10.2"},
            "framework": {
                "version": "2.13.0+cpu",
                "build": {"onednn": "on", "xla": "off", "threads": "1", "compiler": "Debian clang version 14.0.6"},
            },
        }
    )
    assert facts == {
        **dict.fromkeys(("x86_64", "linux", "avx2", "avx512_bf16", "cpu", "onednn"), ""),
        "cores": "2",
        "onednn_max_cpu_isa": "AVX2",
        "jax": "0.10.2",
        "threads": "1",
        "clang": "14.0.6",
    }


@pytest.mark.parametrize(("given", "seen"), [({}, "1 None"), ({VARIABLE: "3"}, "3")], ids=["unset", "set"])
def test_numpy_is_imported_with_one_thread_and_the_environment_is_left_as_it_was(
    given: dict[str, str], seen: str, tmp_path: Path
) -> None:
    (tmp_path / "numpy.py").write_text(f"import os\nprint(os.environ[{VARIABLE!r}], end=' ')\n")
    program = f"""
import os, sys
from logitproof.commands.one_thread import import_numpy
sys.path.insert(0, {str(tmp_path)!r})
import_numpy()
print(os.environ.get({VARIABLE!r}))
"""
    env = {name: text for name, text in os.environ.items() if name != VARIABLE} | given
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.strip() == seen
