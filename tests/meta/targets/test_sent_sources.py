"""What travels to a target: little, all of it for Python 3.8, and nothing of the judge's."""

from __future__ import annotations

import gc
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from logitproof_adapters.catalogue.registry import BUILT_IN
from logitproof_adapters.targets.sent_sources import sources_for_adapter
from logitproof_conformance.session.environment_facts import SENT

ROOT = Path(__file__).resolve().parents[3]
ROOTS = {"logitproof_adapters": "adapters", "logitproof_reference": "reference", "logitproof_reports": "reports"}
RUFF = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]
TRAVELS = [pattern for pattern, version in RUFF["per-file-target-version"].items() if version == "py38"]

ROOMS = {
    *("logitproof_adapters.contract", "logitproof_adapters.control", "logitproof_adapters.evaluator"),
    *("logitproof_adapters.frameworks", "logitproof_adapters.sources", "logitproof_reference.vocabulary"),
    *("logitproof_adapters.catalogue", "logitproof_reference.bounds"),
}
"""Where modules may come from, of two of them by one module: the table of frameworks, by which a trainer is found, and
the assumptions that an adapter declares."""


def path_of(module: str, *, is_package: bool) -> Path:
    path = Path(ROOTS[module.partition(".")[0]], *module.split("."))
    return path / "__init__.py" if is_package else path.with_suffix(".py")


def expanded(pattern: str) -> list[str]:
    """Return the patterns that one with alternatives in braces stands for."""
    head, brace, rest = pattern.partition("{")
    if not brace:
        return [pattern]
    alternatives, _, tail = rest.partition("}")
    return [head + one + tail for one in alternatives.split(",")]


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_travels_with_an_adapter_is_checked_for_python_3_8(name: str) -> None:
    sent = sources_for_adapter(BUILT_IN[name].partition(":")[0], SENT)
    checked = [one for pattern in TRAVELS for one in expanded(pattern)]
    paths = [path_of(module, is_package=bool(one["is_package"])) for module, one in sent.items() if one["text"]]
    unchecked = [
        path
        for path in paths
        if path.name != "__init__.py" and not any(fnmatchcase(path.as_posix(), pattern) for pattern in checked)
    ]
    assert not unchecked


@pytest.mark.parametrize("name", BUILT_IN)
def test_nothing_of_the_judge_travels_with_an_adapter(name: str) -> None:
    sent = sources_for_adapter(BUILT_IN[name].partition(":")[0])
    rooms = {".".join(module.split(".")[:2]) for module in sent if "." in module}
    assert rooms <= ROOMS
    alone = [module for module in sent if module.rpartition(".")[0].endswith((".bounds", ".catalogue"))]
    assert sorted(alone) == ["logitproof_adapters.catalogue.frameworks", "logitproof_reference.bounds.assumptions"]
    assert sum(len(str(one["text"])) for one in sent.values()) < 200_000


def test_an_adapter_of_somebody_else_travels_with_what_it_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "somebodys"
    package.mkdir()
    (package / "__init__.py").write_text("WORD = 1\n")
    (package / "late.py").write_text("import json\n")
    (package / "adapter.py").write_text(
        "from logitproof_adapters.control import softmax\ndef f():\n    from . import late\n    import numpy\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    sent = sources_for_adapter("somebodys.adapter")
    assert sent["somebodys"] == {"text": "WORD = 1\n", "is_package": True}
    assert {"somebodys.adapter", "somebodys.late", "logitproof_adapters.control.softmax"} <= sent.keys()
    assert not {"json", "numpy", "logitproof_adapters.frameworks.torch.adapter"} & sent.keys()


def test_an_adapter_that_only_the_target_has_is_left_to_it() -> None:
    assert not [name for name in sources_for_adapter("only_there.adapter") if name.startswith("only_there")]


def test_sources_are_read_by_several_threads_at_once() -> None:
    """CPython 3.11 ends some of them in a SystemError (gh-106905) unless one waits for the other."""
    name = BUILT_IN["numpy"].partition(":")[0]
    alone, usual, often = sources_for_adapter(name), sys.getswitchinterval(), gc.get_threshold()

    def hand_over(*_: object) -> None:
        """Let another thread go on, from within whatever this one does."""

    try:
        gc.callbacks.append(hand_over)
        gc.set_threshold(20)
        sys.setswitchinterval(1e-6)
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(sources_for_adapter, [name] * 4))
    finally:
        gc.callbacks.remove(hand_over)
        gc.set_threshold(*often)
        sys.setswitchinterval(usual)
    assert together == [alone] * 4
