"""The table of frameworks and what cannot read it, such as pyproject.toml, say the same."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from logitproof_adapters.catalogue.frameworks import FRAMEWORKS, HOME, PACKAGES, Framework, distributions_of
from logitproof_adapters.sources.source_adapter import SourceAdapter
from logitproof_adapters.sources.trainer import SourceTrainer

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ROOT / "adapters" / HOME.replace(".", "/")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
GROUPS = {
    group.removeprefix("conformance-"): needed
    for group, needed in PYPROJECT["dependency-groups"].items()
    if group.startswith("conformance-")
}

CONTROL = "numpy"
"""What every installation has: it needs no extra."""
UNDECLARED = {"packaging", "setuptools"}
"""What an extra has because a framework imports it without declaring it."""
PACKAGE_OF = {name: package for package in PACKAGES for name in distributions_of(package)}


def requirements(texts: list[str]) -> list[Requirement]:
    return [one for one in map(Requirement, texts) if one.name not in UNDECLARED]


def releases(texts: list[str], operator: str) -> dict[str, Version]:
    """Return the release in each requirement, where all have this operator alone, by the package that is imported."""
    bounds = [(one.name, bound) for one in requirements(texts) for bound in one.specifier]
    assert {bound.operator for _, bound in bounds} == {operator}
    return {PACKAGE_OF[name]: Version(bound.version) for name, bound in bounds}


def asked() -> dict[str, Framework]:
    return {name: row for name, row in FRAMEWORKS.items() if name != CONTROL}


def test_every_framework_has_an_entry_point_an_extra_and_a_pinned_release() -> None:
    entry_points = PROJECT["entry-points"]["logitproof.adapters"]
    assert entry_points == {name: row.adapter_spec for name, row in FRAMEWORKS.items()}
    assert set(EXTRAS) == set(asked()) | {"dask", "sign", "wandb"}
    assert set(GROUPS) == set(asked())


@pytest.mark.parametrize("name", asked())
def test_an_extra_installs_what_the_adapter_imports_in_a_release_that_is_judged(name: str) -> None:
    least = releases(EXTRAS[name], ">=")
    assert set(least) == set(FRAMEWORKS[name].packages)
    assert not {package for package, release in least.items() if release < Version(PACKAGES[package].oldest)}


@pytest.mark.parametrize("name", asked())
def test_the_pinned_release_is_one_that_the_extra_allows(name: str) -> None:
    least, pinned = releases(EXTRAS[name], ">="), releases(GROUPS[name], "==")
    assert set(pinned) == set(least)
    assert not {package for package, release in pinned.items() if release < least[package]}


def test_the_oldest_numpy_is_what_every_installation_has() -> None:
    (needed,) = [text for text in PROJECT["dependencies"] if Requirement(text).name == CONTROL]
    assert releases([needed], ">=") == {CONTROL: Version(PACKAGES[CONTROL].oldest)}


def test_every_package_is_asked() -> None:
    assert set(PACKAGES) == {package for row in FRAMEWORKS.values() for package in row.packages}


def test_every_folder_has_a_row_and_every_trainer_too() -> None:
    rows = FRAMEWORKS.values()
    assert {path.parent.name for path in FOLDERS.glob("*/__init__.py")} == {row.folder for row in rows}
    assert {path.parent.name for path in FOLDERS.glob("*/trainer.py")} == {row.folder for row in rows if row.trainer}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_row_names_classes_that_exist_and_the_adapter_goes_by_its_name(name: str) -> None:
    row = FRAMEWORKS[name]
    adapter = getattr(import_module(row.adapter_spec.partition(":")[0]), row.adapter)
    assert issubclass(adapter, SourceAdapter)
    assert adapter.name == name
    if row.trainer:
        assert issubclass(getattr(import_module(row.trainer_spec.partition(":")[0]), row.trainer), SourceTrainer)
