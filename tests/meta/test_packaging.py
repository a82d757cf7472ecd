"""The house keeps its order: imports point one way, frameworks stay where they belong, what ships is typed."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import logitproof
import logitproof_reference
from logitproof_adapters.registry import BUILT_IN

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

HOMES = {
    "logitproof_reference": ROOT / "reference/logitproof_reference",
    "logitproof_adapters": ROOT / "adapters/logitproof_adapters",
    "logitproof_reports": ROOT / "reports/logitproof_reports",
    "logitproof_conformance": ROOT / "tests/logitproof_conformance",
    "logitproof": ROOT / "logitproof",
}

MAY_IMPORT = {
    "logitproof_reference": {"ml_dtypes", "mpmath", "numpy"},
    "logitproof_adapters": {"logitproof_reference", "ml_dtypes", "numpy", "packaging"},
    "logitproof_reports": {
        *("logitproof_reference", "duckdb", "jinja2", "markupsafe", "numpy", "packaging", "pyarrow", "rich"),
    },
    "logitproof_conformance": {"logitproof_adapters", "logitproof_reference", "logitproof_reports", "numpy", "pytest"},
    "logitproof": {
        *("logitproof_adapters", "logitproof_conformance", "logitproof_reference", "logitproof_reports"),
        *("numpy", "packaging", "pyarrow", "rich", "typer", "uv"),
    },
}
"""What each package may import, besides itself and the standard library."""

FRAMEWORK_HOMES = {
    ("jax", "jax_adapter.py"),
    ("keras", "keras_adapter.py"),
    ("liger_kernel", "liger_adapter.py"),
    ("mlx", "mlx_adapter.py"),
    ("onnx", "onnxruntime_adapter.py"),
    ("onnxruntime", "onnxruntime_adapter.py"),
    ("optax", "optax_adapter.py"),
    ("paddle", "paddle_adapter.py"),
    ("scipy", "scipy_adapter.py"),
    ("sklearn", "sklearn_adapter.py"),
    ("tensorflow", "tensorflow_adapter.py"),
    ("tinygrad", "tinygrad_adapter.py"),
    ("torch", "torch_adapter.py"),
    ("wandb", "tracking.py"),
}
"""Each framework, and what else is an extra, and the module that may import it."""
FRAMEWORKS = tuple(sorted({name for name, _ in FRAMEWORK_HOMES}))


def imports_of(package: str) -> Iterator[tuple[Path, str, bool]]:
    """Yield file, name of the top-level package imported, and whether that happens when the module is imported."""
    for path in sorted(HOMES[package].rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            names = _imported(node)
            for name in names:
                yield path, name.partition(".")[0], node in tree.body


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [node.module or ""]
    return []


@pytest.mark.parametrize("package", HOMES)
def test_imports_point_one_way(package: str) -> None:
    allowed = {package} | MAY_IMPORT[package] | sys.stdlib_module_names
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path, name, _ in imports_of(package)
        if name not in allowed and (name, path.name) not in FRAMEWORK_HOMES
    ]
    assert not wrong


def test_an_adapter_imports_its_framework_only_when_it_is_asked_for() -> None:
    eager = [
        f"{path.relative_to(ROOT)} imports {name} at import time"
        for package in HOMES
        for path, name, at_import in imports_of(package)
        if name in FRAMEWORKS and at_import
    ]
    assert not eager


def test_multiple_precision_is_imported_only_by_its_own_module_and_late() -> None:
    users = {(path.name, at_import) for path, name, at_import in imports_of("logitproof_reference") if name == "mpmath"}
    assert users <= {("multiprecision.py", False)}


def test_logitproof_offers_the_oracle_in_full() -> None:
    assert set(logitproof_reference.__all__) <= set(logitproof.__all__)
    assert all(getattr(logitproof, name).__name__ == name for name in logitproof.__all__)


def test_importing_logitproof_imports_no_numpy() -> None:
    program = "import sys, logitproof, logitproof.command_line; print('numpy' in sys.modules)"
    assert _printed_by(program) == "False"


def test_no_framework_is_imported_by_the_packages() -> None:
    program = f"""
import importlib, pkgutil, sys
for package in {sorted(set(HOMES) - {"logitproof_conformance"})}:
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
print(sorted(set({FRAMEWORKS}) & set(sys.modules)))
"""
    assert _printed_by(program) == "[]"


def _printed_by(program: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("package", HOMES)
def test_every_package_is_typed_and_ships(package: str) -> None:
    home = HOMES[package]
    assert (home / "py.typed").exists()
    included = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert any(home.relative_to(ROOT).is_relative_to(folder) for folder in included)


def test_every_framework_has_an_extra_an_entry_point_and_a_pinned_release() -> None:
    entry_points = PYPROJECT["project"]["entry-points"]["logitproof.adapters"]
    assert entry_points == BUILT_IN
    asked = set(BUILT_IN) - {"numpy"}
    assert set(PYPROJECT["project"]["optional-dependencies"]) == asked | {"wandb"}
    pinned = {group for group in PYPROJECT["dependency-groups"] if group.startswith("conformance-")}
    assert pinned == {f"conformance-{name}" for name in asked}


def test_the_changelog_opens_with_what_is_unreleased() -> None:
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines() if line.startswith("## ")]
    assert headings[0] == "## [Unreleased]"
