"""The registry knows every framework by name and imports none until it is loaded."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from typing import NoReturn

import pytest

from logitproof_adapters.catalogue import registry
from logitproof_adapters.catalogue.frameworks import PACKAGES
from logitproof_adapters.catalogue.pip_extras import install_line
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter

FRAMEWORKS = tuple(sorted(set(PACKAGES) - {"numpy"}))

HINT = '; did you mean "torch"?'

LOOK_ROUND = f"""
import pkgutil, sys
import logitproof_reference, logitproof_adapters
from logitproof_adapters import contract, questions
from logitproof_adapters.catalogue import ledger, registry
ledger.load("torch")
for name in registry.known():
    registry.installed(name)
registry.load("numpy")
print(sorted(set({FRAMEWORKS!r}) & set(sys.modules)))
"""


class UpperCaseName(NumpyAdapter):
    """The control under a name that no cell id can hold."""

    name = "Mine"


def test_no_framework_is_imported_before_its_adapter_is_loaded() -> None:
    # A subprocess, for this one may have imported a framework already.
    code = f"import sys; sys.path[:] = {sys.path!r}\n{LOOK_ROUND}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"


def test_the_adapters_of_this_package_are_known() -> None:
    assert set(registry.BUILT_IN) >= {"jax", "numpy", "tensorflow", "torch"}
    assert registry.known().items() >= registry.BUILT_IN.items()
    assert list(registry.known()) == sorted(registry.known())


@pytest.mark.parametrize("name", sorted(registry.BUILT_IN))
def test_an_adapter_loads_or_says_how_to_install_its_framework(name: str) -> None:
    if registry.installed(name):
        assert registry.missing(name) is None
        return
    with pytest.raises(registry.MissingFramework) as caught:
        registry.load(name)
    told = str(caught.value)
    assert told.startswith(f'framework "{name}" is not installed; install it with: python -m pip install "')
    assert "logitproof" not in told  # no index has it


def test_what_an_extra_needs_is_named_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = [
        'numpy>=2.0; extra != "x"',
        f'mlx[cpu]>=0.32.4; sys_platform == "{sys.platform}" and extra == "mlx"',
        'mlx>=0.32.4; sys_platform == "vms" and extra == "mlx"',
        "torch>=2.6; extra == 'torch'",
    ]
    monkeypatch.setattr("logitproof_adapters.catalogue.pip_extras.metadata.requires", lambda _: declared)
    assert install_line("mlx") == 'python -m pip install "mlx[cpu]>=0.32.4"'
    assert install_line("torch") == 'python -m pip install "torch>=2.6"'


def test_from_a_clone_the_extra_itself_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(_: str) -> NoReturn:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr("logitproof_adapters.catalogue.pip_extras.metadata.requires", nowhere)
    assert install_line("torch") == 'python -m pip install ".[torch]"'


def test_the_control_loads_by_name_and_by_spec() -> None:
    for name in ("numpy", "logitproof_adapters.frameworks.numpy.adapter:NumpyAdapter"):
        assert isinstance(registry.load(name), NumpyAdapter)


@pytest.mark.parametrize("ask", [registry.load, registry.missing, registry.installed])
def test_a_misspelt_framework_is_an_error_that_names_the_closest(ask: object) -> None:
    assert callable(ask)
    with pytest.raises(registry.UnknownFramework) as caught:
        ask("pytroch")
    message = str(caught.value)
    assert message.startswith('framework "pytroch" is not known; known: ')
    assert set(registry.BUILT_IN) <= set(message.removesuffix(HINT).partition("known; known: ")[2].split(", "))
    assert message.endswith(HINT)


def test_a_name_like_no_other_gets_no_suggestion() -> None:
    with pytest.raises(registry.UnknownFramework, match=r"^framework \"zzz\" is not known; known: [a-z_, ]*$"):
        registry.load("zzz")


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("no_such_module:A", registry.MissingFramework, "No module named 'no_such_module'"),
        ("json:Missing", registry.UnknownFramework, 'module "json" has no class "Missing"'),
        ("json:dumps", registry.UnknownFramework, 'module "json" has no class "dumps"'),
        ("fractions:Fraction", registry.UnknownFramework, "does not fulfil the contract"),
        (f"{__name__}:UpperCaseName", registry.UnknownFramework, 'is named "Mine"; a name matches'),
    ],
)
def test_a_spec_that_is_no_adapter_is_refused_with_the_reason(
    spec: str, error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    with pytest.raises(error) as caught:
        registry.load(spec)
    assert message in str(caught.value)


def test_an_entry_point_registers_an_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name = "mine"
        value = "logitproof_adapters.frameworks.numpy.adapter:NumpyAdapter"

    monkeypatch.setattr(registry, "entry_points", lambda group: [Point] if group == registry.GROUP else [])
    assert registry.known()["mine"] == Point.value
    assert registry.installed("mine")
    assert isinstance(registry.load("mine"), NumpyAdapter)
