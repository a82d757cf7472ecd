"""A new framework is a folder and a row: registry, dialects, plan and judge take it from there."""

from __future__ import annotations

import sys
from importlib import reload
from typing import TYPE_CHECKING

import pytest

import logitproof_adapters
from logitproof_adapters import frameworks as folders
from logitproof_adapters.catalogue import registry
from logitproof_adapters.catalogue.frameworks import FRAMEWORKS, Framework
from logitproof_adapters.frameworks import dialects
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_adapters.targets.target import here
from logitproof_conformance.judging.judging import CellEvaluation
from logitproof_conformance.plan.cells import every_cell
from logitproof_conformance.session.environment_facts import SENT
from logitproof_conformance.session.without_pytest import judge_regimes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADAPTER = '''"""A framework of one function."""

from logitproof_adapters.contract import INDICES, Description, Dialect
from logitproof_adapters.sources.numpy_arrays import NumpyArrays
from logitproof_adapters.sources.source_adapter import SourceAdapter


class PebbleAdapter(NumpyArrays, SourceAdapter):
    """Asks NumPy."""

    name, modes, imports = "pebble", ("eager",), "import numpy as np"
    dialects = {(*INDICES, ""): Dialect(function="pebble.loss", documentation="https://example.org")}

    def __init__(self):
        import numpy
        super().__init__(np=numpy)

    def describe(self):
        return Description("Pebble", "1.0")

    def unsupported(self, cell):
        offered = (cell.op, cell.quantity, cell.axis) == ("log_sum_exp", "value", "last") and cell.format != "bfloat16"
        return super().unsupported(cell) or (None if offered else "pebble has no such function")

    def source(self, cell, axis, ndim):
        return "f = lambda x: x.max(-1) + np.log(np.exp(x - x.max(-1)[:, None]).sum(-1))"
'''


@pytest.fixture
def pebble(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """Put the framework in its place: its folder beside the others, and its row."""
    folder = tmp_path / "frameworks/pebble"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('"""Pebble."""\n')
    (folder / "adapter.py").write_text(ADAPTER)
    for package, place in ((folders, folder.parent), (logitproof_adapters, tmp_path)):
        assert package.__spec__ is not None
        searched = [*package.__path__, str(place)]
        monkeypatch.setattr(package, "__path__", searched)
        monkeypatch.setattr(package.__spec__, "submodule_search_locations", searched)
    row = Framework("pebble", "PebbleAdapter", "", ("numpy",))
    monkeypatch.setitem(FRAMEWORKS, "pebble", row)
    monkeypatch.setitem(registry.BUILT_IN, "pebble", row.adapter_spec)
    reload(dialects)
    yield "pebble"
    monkeypatch.undo()
    for name in [name for name in sys.modules if name.startswith("logitproof_adapters.frameworks.pebble")]:
        del sys.modules[name]
    reload(dialects)


def test_a_new_framework_is_known_with_its_dialect(pebble: str) -> None:
    assert pebble in registry.known()
    assert registry.installed(pebble)
    assert dialects.DIALECTS[pebble]["softmax_cross_entropy", "indices", ""].function == "pebble.loss"


def test_a_new_framework_is_judged_in_a_process_of_its_own(pebble: str) -> None:
    with RemoteAdapter(pebble, here(), also_sent=SENT) as adapter:
        offered = [cell for cell in every_cell(adapter) if adapter.unsupported(cell) is None]
        cell = next(cell for cell in offered if cell.format == "float32")
        found = [judgement for _, judgement in judge_regimes(CellEvaluation(adapter, cell, "quick"), "quick")]
    assert {(cell.op, cell.quantity) for cell in offered} == {("log_sum_exp", "value")}
    assert {judgement.clause for judgement in found} >= {"VAL-1", "EXT-4", "LAW-3"}
    assert {judgement.verdict for judgement in found if judgement.clause == "VAL-1"} == {"conforms"}
