"""A kernel of one's own gets the verdict it deserves, in Python, on the command line and in a notebook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import nbclient
import nbformat
import numpy as np
import pytest

import logitproof
from logitproof.commands.declared_options import DECLARED
from logitproof.errors import EXPECTED, UNEXPECTED, USAGE, UsageError
from logitproof_adapters.control.answers import answer
from logitproof_adapters.kernels.declaration import Declaration
from logitproof_reference.bounds.assumptions import Arithmetic
from logitproof_reports.runs.run_file import read_run

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Array = NDArray[Any]

LOSS = "softmax_cross_entropy"
WITHOUT_ERRORS = ("ERR",)
"""A kernel may trust its caller; then these clauses are not for it."""


def good(x: Array, y: Array) -> Array:
    return np.asarray(answer(LOSS, "value", logits=x, labels=y, axis=1))


def good_gradient(x: Array, y: Array, c: Array) -> Array:
    return np.asarray(answer(LOSS, "grad_logits", logits=x, labels=y, cotangent=c, axis=1))


def naive(x: Array, y: Array) -> Array:
    e = np.exp(x)
    return -np.log((e / e.sum(axis=1, keepdims=True))[np.arange(len(x)), y])


def plain(x: Array, y: Array) -> Array:
    t = x - x.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(t).sum(axis=1)) - t[np.arange(len(x)), y])


def one_pass(x: Array, y: Array) -> Array:
    """Forget, past the first block of 1,024 classes, to scale the sum to the new maximum."""
    top, total = np.full(len(x), -np.inf, x.dtype), np.zeros(len(x), x.dtype)
    for start in range(0, x.shape[1], 1024):
        block = x[:, start : start + 1024]
        top = np.maximum(top, block.max(axis=1))
        total = total + np.exp(block - top[:, None]).sum(axis=1)
    return np.log(total) + (top - x[np.arange(len(x)), y])


def checked(function: Any, **asked: Any) -> logitproof.KernelVerdict:
    """Return the verdict on float32 rows of few classes, unless others are asked."""
    return logitproof.check(function, **{"format": "float32", "widest": 40, **asked})


def broken(verdict: logitproof.KernelVerdict) -> set[str]:
    return {found.clause for found in verdict.judgements if not found.expected}


def test_a_correct_kernel_conforms_with_its_gradient_in_every_format() -> None:
    formats = ["float16", "bfloat16", "float32", "float64"]
    verdict = checked(good, gradient=good_gradient, op=LOSS, format=formats)
    assert verdict.conforms, verdict
    assert {found.format for found in verdict.judgements} == set(formats)
    assert {found.quantity for found in verdict.judgements} == {"value", "grad_logits"}


def test_a_naive_kernel_deviates_where_it_overflows() -> None:
    verdict = checked(naive, op=LOSS)
    assert not verdict.conforms
    assert {"VAL-1", "EXT-7", "LAW-3"} <= broken(verdict)


def test_refusals_are_judged_where_they_are_declared() -> None:
    undeclared = checked(good, op=LOSS)
    assert undeclared.conforms
    wrapping = checked(plain, op=LOSS)
    assert wrapping.conforms
    assert (
        "label -1 of 10 classes gives the loss of class 9: declare --refuses error to have it judged" in wrapping.notes
    )
    declared = checked(plain, op=LOSS, refuses="error")
    assert "ERR-1" in broken(declared)
    assert "ERR-2" not in broken(declared)  # it says nothing of shapes that do not fit
    assert not broken(checked(plain, op=LOSS, refuses="error", without=WITHOUT_ERRORS))


def test_a_fault_past_a_block_of_classes_is_found_where_the_classes_are_many() -> None:
    assert checked(one_pass, op=LOSS, widest=1024, profile="quick").shown == ()
    verdict = checked(one_pass, op=LOSS, widest=4097)
    assert "VAL-1" in broken(verdict)
    wrong = [found for found in verdict.judgements if not found.expected]
    assert all(
        found.regime.startswith(("classes_", "real_", "width_", "rows_1025x1537", "rows_1x4097")) for found in wrong
    )
    (first, *_) = verdict.shown
    assert first.finding.rows.logits.shape[1] <= 4097
    assert first.cause is not None
    assert first.cause.name == "blocks not rescaled"


def test_a_gradient_off_by_a_percent_is_found() -> None:
    def off(x: Array, y: Array, c: Array) -> Array:
        return good_gradient(x, y, c) * x.dtype.type(1.01)

    assert "GRD-1" in broken(checked(good, gradient=off, op=LOSS))


def test_the_row_that_is_shown_is_the_worst_of_its_regime() -> None:
    def drifting(x: Array, y: Array) -> Array:
        return good(x, y) + np.arange(len(x), dtype=x.dtype)

    verdict = checked(drifting, op=LOSS)
    (tie,) = (found for found in verdict.judgements if (found.regime, found.clause) == ("exact_tie", "VAL-1"))
    shown = float.fromhex(tie.observed) - float.fromhex(tie.exact.split()[0])
    assert shown == pytest.approx(tie.nats)


def narrow(x: Array, y: Array) -> Array:
    """Add up in the format of the logits, one after another."""
    e = np.exp(x - x.max(axis=1, keepdims=True))
    total = np.add.accumulate(e, axis=1, dtype=x.dtype)[:, -1]
    return np.log(total) + (x.max(axis=1) - x[np.arange(len(x)), y])


def test_a_declared_precision_sets_the_bound_and_is_audited() -> None:
    declared = Arithmetic(accumulation="float32", height="blocked", exp_ulps=1.0, log_ulps=1.0)
    kept = checked(good, op=LOSS, format="bfloat16", arithmetic=declared)
    refuted = checked(narrow, op=LOSS, format="bfloat16", arithmetic=declared)
    assert kept.conforms
    assert not refuted.conforms
    for verdict, is_refuted in ((kept, False), (refuted, True)):
        (audit,) = verdict.audits.values()
        said, slack = next(iter(audit.items()))
        assert said == "declared: blocked sums in float32, exp within 1 ulps"
        assert (slack > 1.0) == is_refuted
        assert said in str(verdict)


def test_an_honest_declaration_of_less_widens_the_bound() -> None:
    def coarse(x: Array, y: Array) -> Array:
        top = x.max(axis=1)
        e = np.exp(x - top[:, None]) * x.dtype.type(1 + 2.0**-16)
        return np.log(e.sum(axis=1)) + (top - x[np.arange(len(x)), y])

    loose = Arithmetic(exp_ulps=1000.0, log_ulps=1000.0)
    assert "VAL-1" in broken(checked(coarse, op=LOSS))
    assert "VAL-1" not in broken(checked(coarse, op=LOSS, arithmetic=loose))


def test_a_kernel_that_raises_is_a_verdict() -> None:
    def raising(x: Array) -> Array:
        raise RuntimeError(f"no such shape: {x.shape}")

    verdict = checked(raising, op="softmax")
    assert not verdict.conforms
    assert "nothing was measured" in verdict.headline()


def test_the_verdict_prints_its_worst_row_and_a_repro() -> None:
    text = str(checked(naive, op=LOSS))
    assert text.startswith("naive as softmax_cross_entropy deviates: ")
    for told in ("VAL-1 breaks in float32: ", "domain ", "fails ", "guess ", "repro\n", "kernel(x, y)"):
        assert told in text
    assert "no max shift" in "\n".join(text.splitlines()[:5])


def test_the_verdict_shows_in_a_notebook_with_everything_escaped() -> None:
    def hostile(x: Array) -> Array:
        raise ValueError(f"<script>alert({x.size})</script>")

    page = checked(hostile, op="softmax")._repr_html_()
    assert "&lt;script&gt;" in page
    assert "<script" not in page


NOTEBOOK = """
import numpy as np
import logitproof

def naive(x):
    e = np.exp(x)
    return e / e.sum(axis=1, keepdims=True)

logitproof.check(naive, op="softmax", format="float32", widest=40)
"""


def test_a_notebook_shows_the_verdict_once_as_a_table_with_the_worst_row_folded_in() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK, id="check")])
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert output["output_type"] == "execute_result"
    page = output["data"]["text/html"]
    assert page.count("naive as softmax deviates: ") == 1
    assert page.index("<b>fails</b>: ") < page.index("<table>") < page.index("✗ deviates") < page.index("✓ conforms")
    assert page.index("<table>") < page.index("<details><summary>The worst row") < page.index("kernel(x)")


WRONG = {
    "op": ({"op": "softmaxx"}, 'op "softmaxx" is not known'),
    "labels": ({"op": "softmax", "labels": "indices"}, 'labels "indices" do not go with softmax'),
    "format": ({"op": "softmax", "format": "fp8"}, 'format "fp8" is not known'),
    "profile": ({"op": "softmax", "profile": "slow"}, 'profile "slow" is not known'),
    "framework": ({"op": "softmax", "framework": "tinytorch"}, 'framework "tinytorch" is not known'),
    "declaration": ({"op": "softmax", "smoothing": 0.1}, 'declaration "smoothing" is not known'),
    "scale": ({"op": "softmax", "scale": 0.0}, "scale is 0.0; it must be a finite number other than 0"),
    "gradient": ({"op": "softmax", "framework": "jax", "gradient": good}, "gradient is for functions of NumPy arrays"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_go_together_is_refused_in_one_sentence(name: str) -> None:
    arguments, message = WRONG[name]
    with pytest.raises(UsageError, match=message):
        logitproof.check(good, **arguments)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mykernels.py").write_text(
        textwrap.dedent("""
            import os
            import numpy as np

            def softmax(x):
                e = np.exp(x - x.max(axis=1, keepdims=True))
                return e / e.sum(axis=1, keepdims=True)

            def naive(x):
                return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)

            def deadly(x):
                if x.shape[1] == 33:
                    os._exit(0)
                if x.shape[1] == 31:
                    held = np.ones((1 << 18, 1 << 15))
                return softmax(x)
        """)
    )
    return tmp_path


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    line = [sys.executable, "-m", "logitproof", "check", *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False, cwd=folder, env=variables)


def test_the_command_line_says_the_same_and_writes_a_run_file(folder: Path) -> None:
    done = command(folder, "mykernels:softmax", "--op", "softmax", "--widest", "40", "-o", "run.parquet")
    assert (done.returncode, done.stderr) == (EXPECTED, "")
    assert done.stdout.startswith("softmax as softmax conforms: ")
    assert read_run(folder / "run.parquet").table.num_rows > 50
    wrong = command(folder, "mykernels:naive", "--op", "softmax", "--widest", "40", "--json")
    assert wrong.returncode == UNEXPECTED
    assert any(found["verdict"] == "deviates" for found in json.loads(wrong.stdout))


def test_a_kernel_that_dies_or_eats_memory_costs_its_cell_alone(folder: Path) -> None:
    done = command(folder, "mykernels:deadly", "--op", "softmax", "--format", "float32", "--widest", "40", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == UNEXPECTED
    crashed = {one["regime"]: one["reason"] for one in found if one["verdict"] == "crashed"}
    assert "ended with status 0" in crashed["width_33"]
    assert "MemoryError" in crashed["width_31"]
    assert all(one["verdict"] == "conforms" for one in found if one["regime"] in {"width_16", "width_32", "typical"})


USAGES = {
    "no module": (("nowhere:f",), "the kernel cannot be loaded: ModuleNotFoundError: No module named 'nowhere'"),
    "no callable": (("mykernels:nothing",), 'module "mykernels" has no callable "nothing"'),
    "no colon": (("mykernels",), '"mykernels" is not a callable'),
    "summation": (("mykernels:softmax", "--summation", "flat"), 'summation order "flat" is not known'),
    "its older name": (("mykernels:softmax", "--height", "flat"), 'summation order "flat" is not known'),
}


def test_every_declaration_of_a_kernel_is_an_option_with_its_default() -> None:
    declared = {name: default for name, _, default, *_ in DECLARED}
    assert declared == vars(Declaration())


@pytest.mark.parametrize("name", USAGES)
def test_wrong_usage_is_one_line(name: str, folder: Path) -> None:
    arguments, message = USAGES[name]
    done = command(folder, *arguments, "--op", "softmax")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (USAGE, "", 1)
    assert message in done.stderr
