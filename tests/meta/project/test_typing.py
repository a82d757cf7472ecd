"""The public API has the types that its users see: mypy, strict, over a program that uses every public name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import logitproof

ROOT = Path(__file__).resolve().parents[3]
PREAMBLE = [
    "from typing import reveal_type",
    "from pathlib import Path",
    "import numpy as np",
    "import logitproof",
    "logits = np.zeros((2, 3), dtype=np.float32)",
    "labels = np.array([0, 1])",
]
ENCLOSURE = "logitproof_reference.numerics.enclosure.Enclosure"
RUN = "logitproof_reports.runs.schema.Run"
ARRAY = "numpy.ndarray[tuple[Any, ...], numpy.dtype[{}]]"
REVEALED = {
    "logitproof.softmax(logits)": ENCLOSURE,
    "logitproof.log_softmax(logits, axis=0)": ENCLOSURE,
    "logitproof.log_sum_exp(logits)": ENCLOSURE,
    'logitproof.softmax_cross_entropy(logits, labels, reduction="mean")': ENCLOSURE,
    "logitproof.sigmoid_cross_entropy(logits, logits)": ENCLOSURE,
    'logitproof.grad_logits("softmax_cross_entropy", logits, labels)': ENCLOSURE,
    'logitproof.grad_labels("softmax_cross_entropy", logits, logits)': ENCLOSURE,
    'logitproof.jvp("softmax", logits, tangent=logits)': ENCLOSURE,
    'logitproof.hvp("log_sum_exp", logits, tangent=logits)': ENCLOSURE,
    'logitproof.ExactRows(logits).evaluate("softmax", "value")': ENCLOSURE,
    "logitproof.Enclosure(np.zeros(1), np.zeros(1), np.zeros(1)).value": ARRAY.format("numpy.float64"),
    'logitproof.softmax(logits).round("float32")': ARRAY.format("Any"),
    "logitproof.softmax(logits)[:1].distance(logits)": ARRAY.format("numpy.float64"),
    'logitproof.check(np.tanh, op="softmax")': "logitproof.kernels.findings.verdict.KernelVerdict",
    "logitproof.KernelVerdict.__name__": "str",
    'logitproof.check(np.tanh, op="softmax").conforms': "bool",
    'logitproof.run(["numpy"])': RUN,
    'logitproof.report(["run.parquet"], "report.html")': RUN,
    "logitproof.Run.__name__": "str",
    'logitproof.expect("softmax", logits)': "logitproof.kernels.expect.Expected",
    "logitproof.Expected.__name__": "str",
    'logitproof.assert_within_bound(logits, "softmax", logits)': "None",
    "logitproof.tolerances()": "list[logitproof.kernels.expect.Tolerance]",
    "logitproof.Tolerance.__name__": "str",
    'next(logitproof.grade(Path("."), logitproof.Task("softmax", "f")))': "logitproof.kernels.grade.Grade",
    "logitproof.Grade.__name__": "str",
    'logitproof.run(["numpy"]).complete': "bool",
}
"""Expressions as a user writes them, each with the type that mypy reveals."""


def test_every_public_name_is_in_the_program() -> None:
    used = {name for expression in REVEALED for name in re.findall(r"logitproof\.(\w+)", expression)}
    assert used == set(logitproof.__all__)


def test_users_see_these_types(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("\n".join([*PREAMBLE, *(f"reveal_type({expression})" for expression in REVEALED)]))
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(program)]
    environment = {**os.environ, "MYPY_CACHE_DIR": str(ROOT / ".mypy_cache")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    found = re.findall(r':(\d+): note: Revealed type is "(.*)"$', done.stdout, flags=re.MULTILINE)
    shown = {expression: dict(found).get(str(line)) for line, expression in enumerate(REVEALED, len(PREAMBLE) + 1)}
    assert shown == REVEALED, done.stdout + done.stderr
    assert done.returncode == 0, done.stdout + done.stderr
