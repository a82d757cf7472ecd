"""The house keeps its order: imports point one way, frameworks stay where they belong, what ships is typed."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import logitproof
import logitproof_reference
from logitproof_adapters.catalogue import frameworks

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
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
        *("greenlet", "numpy", "packaging", "pyarrow", "rich", "typer", "uv", "yaml"),
    },
}
"""What each package may import, besides itself and the standard library."""

ROOMS = {
    "logitproof_reference": (
        *("vocabulary", "specification", "numerics", "oracle", "bounds", "prologues", "answers", "cases", "judging"),
        *("training", "claims"),
    ),
    "logitproof_adapters": (
        *(
            "contract",
            "catalogue",
            "control",
            "sources",
            "kernels",
            "evaluator",
            "frameworks",
            "targets",
            "public_heads",
        ),
    ),
    "logitproof_reports": (
        "words",
        "runs",
        "counting",
        "html",
        "report",
        "diff",
        "history",
        "exports",
        "sweep_records",
    ),
    "logitproof_conformance": ("plan", "programs", "asking", "judging", "checks", "training", "session"),
    "logitproof": (
        *(
            "errors",
            "output",
            "workers",
            "environments",
            "matrix",
            "readers",
            "explain",
            "kernels",
            "parity",
            "invariance",
            "sweeps",
            "searches",
            "extra_calls",
            "upgrades",
        ),
        "commands",
    ),
}
"""What each package consists of, in the order of its imports: none imports from one behind it, nor from a module that
stands beside these folders, which may import all of them."""

MOST_ARROWS = 25
"""How many pairs of a package's folders may be joined by an import."""

FRAMEWORK_HOMES = {
    *(
        (package, f"frameworks/{row.folder}/adapter.py")
        for row in frameworks.FRAMEWORKS.values()
        for package in row.packages
        if package != "numpy"
    ),
    ("wandb", "readers/wandb_run.py"),
    ("wandb", "training/wandb_log.py"),
    ("cryptography", "upgrades/signatures.py"),
    ("torch", "kernels/forbidden_calls.py"),
    ("distributed", "workers.py"),
}
"""Each framework, and what else is an extra, and the modules that may import it."""
FRAMEWORKS = tuple(sorted({name for name, _ in FRAMEWORK_HOMES}))


def imports_of(package: str) -> Iterator[tuple[Path, str, bool]]:
    """Yield file, dotted name of what is imported, and whether that happens when the module is imported."""
    for path in sorted(HOMES[package].rglob("*.py")):
        here = [package, *path.relative_to(HOMES[package]).parts[:-1]]
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            for name in _imported(node, here):
                yield path, name, node in tree.body


def _imported(node: ast.AST, here: list[str]) -> list[str]:
    """Return what a statement of a module in the package `here` imports, by full names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = here[: len(here) - node.level + 1] if node.level else []
    return [".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names]


def module_of(package: str, path: Path) -> str:
    """Return the dotted name of the module, or package, that a file is."""
    parts = path.relative_to(HOMES[package]).with_suffix("").parts
    return ".".join([package, *parts]).removesuffix(".__init__")


def room_of(package: str, path: Path) -> str:
    """Return the folder of a package that a file stands in, or the module that it is beside them."""
    return path.relative_to(HOMES[package]).parts[0].removesuffix(".py")


@pytest.mark.parametrize("package", HOMES)
def test_imports_point_one_way(package: str) -> None:
    allowed = {package} | MAY_IMPORT[package] | sys.stdlib_module_names
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path, name, _ in imports_of(package)
        if (top := name.partition(".")[0]) not in allowed
        and (top, path.relative_to(HOMES[package]).as_posix()) not in FRAMEWORK_HOMES
    ]
    assert not wrong


@pytest.mark.parametrize("package", HOMES)
def test_imports_point_one_way_within_a_package(package: str) -> None:
    order = ROOMS[package]
    wrong = []
    for path, name, _ in imports_of(package):
        room, (top, *inner) = room_of(package, path), name.split(".")
        allowed = order[: order.index(room) + 1] if room in order else order
        if top == package and room in order and inner[:1] != [room] and (not inner or inner[0] not in allowed):
            wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


@pytest.mark.parametrize("package", HOMES)
def test_folders_of_a_package_need_few_others(package: str) -> None:
    folders = {path.parent.name for path in HOMES[package].glob("*/__init__.py")}
    used = {
        (room_of(package, path), other)
        for path, name, _ in imports_of(package)
        for other in folders
        if f"{name}.".startswith(f"{package}.{other}.")
    }
    arrows = sorted((room, other) for room, other in used if room in folders and room != other)
    assert len(arrows) <= MOST_ARROWS, arrows


@pytest.mark.parametrize("package", HOMES)
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    """Imports for types alone and those within functions count too: who reads one module must not need the other."""
    modules = {module_of(package, path) for path in HOMES[package].rglob("*.py")}
    uses: dict[str, set[str]] = {module: set() for module in modules}
    for path, name, _ in imports_of(package):
        module = module_of(package, path)
        used = name if name in modules else name.rpartition(".")[0]
        if path.name != "__init__.py" and used in modules - {module}:
            uses[module].add(used)
    TopologicalSorter(uses).prepare()  # raises CycleError, which lists the modules


@pytest.mark.parametrize("package", HOMES)
def test_every_folder_of_a_package_has_its_place_and_says_what_it_is_for(package: str) -> None:
    folders = [path.parent for path in HOMES[package].rglob("__init__.py")]
    assert {folder.name for folder in folders if folder.parent == HOMES[package]} == set(ROOMS[package]) - {
        "errors",
        "output",
        "workers",
    }
    silent = [folder for folder in folders if not ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))]
    assert not silent


def test_an_adapter_imports_its_framework_only_when_it_is_asked_for() -> None:
    eager = [
        f"{path.relative_to(ROOT)} imports {name} at import time"
        for package in HOMES
        for path, name, at_import in imports_of(package)
        if name.partition(".")[0] in FRAMEWORKS and at_import
    ]
    assert not eager


def test_multiple_precision_is_imported_only_by_its_own_module_and_late() -> None:
    imported = imports_of("logitproof_reference")
    users = {(path.name, at_import) for path, name, at_import in imported if name.startswith("mpmath")}
    assert users <= {("multiprecision.py", False)}


def test_logitproof_offers_the_oracle_in_full() -> None:
    assert set(logitproof_reference.__all__) <= set(logitproof.__all__)
    assert all(getattr(logitproof, name).__name__ == name for name in logitproof.__all__)


LOADED = """
import sys
before = set(sys.modules)
{imports}
named = {{name.partition(".")[0] for name in set(sys.modules) - before}} - set(sys.stdlib_module_names)
ours = {{name for name in sys.modules if name.startswith("logitproof")}}
print(*sorted(ours | {{name for name in named if not name.startswith("logitproof")}}))
"""
"""Prints our modules that an import loads, and the packages of others."""

COMMANDS = [
    "checking",
    "claiming",
    "command_line",
    "comparing",
    "listing",
    "reading",
    "running",
    "searching",
    "sweeping",
    "upgrading",
]


def test_importing_logitproof_loads_nothing_else() -> None:
    assert _printed_by(LOADED.format(imports="import logitproof")) == "logitproof"


def test_the_command_line_loads_its_commands_and_typer_alone() -> None:
    ours = ["logitproof", "logitproof.commands", "logitproof.errors", "logitproof.output"]
    ours += [f"logitproof.commands.{name}" for name in ("app", "declared_options", "one_thread", *COMMANDS)]
    loaded = set(_printed_by(LOADED.format(imports="import logitproof.commands.command_line")).split())
    assert {name for name in loaded if name.startswith("logitproof")} == set(ours)
    assert loaded - set(ours) <= {"annotated_doc", "click", "colorama", "shellingham", "typer", "typing_extensions"}


def test_what_starts_evaluators_and_what_reads_runs_does_not_import_ml_dtypes() -> None:
    imports = "import logitproof.matrix.run, logitproof.matrix.survey, logitproof_reports.runs.run_file"
    assert "ml_dtypes" not in _printed_by(LOADED.format(imports=imports)).split()


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


def test_the_changelog_opens_with_what_is_unreleased() -> None:
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines() if line.startswith("## ")]
    assert headings[0] == "## [Unreleased]"
