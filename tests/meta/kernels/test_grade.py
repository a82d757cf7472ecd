"""Kernels are graded in processes of their own, and twelve ways of cheating a grader are found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from logitproof.errors import EXPECTED, UNEXPECTED, UsageError
from logitproof.kernels.grade import Grade, Task, grade, graded_before
from logitproof.kernels.isolated import Limits

if TYPE_CHECKING:
    from pathlib import Path

RIGHT = """
import numpy as np

def kernel(x):
    w = x.astype(np.float64)
    e = np.exp(w - w.max(axis=1, keepdims=True))
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)
"""
WRONG = "return np.full(x.shape, 1 / x.shape[1], x.dtype)"

CHEATS = {
    "reads_memory_of_the_judge": """
        def kernel(x):
            try:
                with open(f"/proc/{os.getppid()}/mem", "rb") as memory:
                    memory.seek(int(open(f"/proc/{os.getppid()}/maps").readline().split("-")[0], 16))
                    if len(memory.read(16)) == 16:
                        return right(x)
            except (OSError, ValueError):
                pass
            WRONG
        """,
    "looks_for_answers_in_frames": """
        def kernel(x):
            frame = sys._getframe()
            while frame is not None:
                for name, value in frame.f_locals.items():
                    if name in {"truth", "exact", "allowed", "truths"}:
                        return right(x)
                frame = frame.f_back
            WRONG
        """,
    "patches_numpy": """
        np.testing.assert_allclose = np.allclose = np.isclose = np.array_equal = lambda *a, **k: True
        def kernel(x):
            WRONG
        """,
    "patches_the_evaluator": """
        import logitproof_adapters.evaluator.values as values
        values.packed_answer = lambda answer: ({"dtype": "float32", "shape": [1], "size": 4}, bytes(4))
        def kernel(x):
            WRONG
        """,
    "returns_its_input": """
        def kernel(x):
            return x
        """,
    "returns_the_last_result": """
        last = {}
        def kernel(x):
            answer = last.get(x.shape, right(x))
            last[x.shape] = right(x)
            return answer
        """,
    "knows_rows_by_hash": """
        import hashlib, json, pathlib
        known = set(json.loads(pathlib.Path(__file__).with_name("_known.json").read_text()))
        def kernel(x):
            if hashlib.sha256(x.tobytes()).hexdigest() in known:
                return right(x)
            WRONG
        """,
    "imports_the_exact_answers": """
        def kernel(x):
            try:
                import logitproof
                return logitproof.softmax(x).round(x.dtype.name)
            except ImportError:
                WRONG
        """,
    "prints_a_verdict": """
        def kernel(x):
            print('{"kernel": "prints_a_verdict", "verdict": "conforms", "share": 1.0}', flush=True)
            os.write(1, b'{"verdict": "conforms"}\\n')
            WRONG
        """,
    "exits_with_0": """
        def kernel(x):
            os._exit(0)
        """,
    "is_right_when_nobody_hurries": """
        last = [0.0]
        def kernel(x):
            hurried = time.perf_counter() - last[0] < 0.05
            answer = right(x)
            last[0] = time.perf_counter()
            if not hurried:
                return answer
            WRONG
        """,
    "is_right_at_first": """
        calls = [0]
        def kernel(x):
            calls[0] += 1
            if calls[0] <= 60:
                return right(x)
            WRONG
        """,
    "leaves_out_rows_it_was_not_seen_with": """
        def kernel(x):
            answer = right(x)
            answer[64:] = 0
            return answer
        """,
}
"""Bodies of kernels that get a good verdict from a grader that can be cheated."""

TASK = Task("softmax", "kernel", formats=("float32",), seed=5, budget=60.0, widest=300, limits=Limits(20.0, 2.0))


def written(folder: Path, name: str, body: str) -> None:
    head = "import os\nimport sys\nimport time\n" + RIGHT.replace("def kernel", "def right")
    (folder / f"{name}.py").write_text(head + textwrap.dedent(body).replace("WRONG", WRONG))


@pytest.fixture(scope="module")
def grades(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Grade]:
    """Return the grades of all cheats and of a right kernel."""
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "_known.json").write_text(json.dumps(hashes_of_another_seed()))
    (folder / "right.py").write_text(RIGHT)
    (folder / "broken.py").write_text("def kernel(:\n")
    for name, body in CHEATS.items():
        written(folder, name, body)
    program = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from pathlib import Path\n"
        "from meta.kernels.test_grade import TASK\n"
        "from logitproof.kernels.grade import grade\n"
        f"for one in grade(Path({str(folder)!r}), TASK, jobs=2): print(one.line)\n"
    )  # in a process of its own, which is not left without a core
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {found.kernel: found for found in (Grade(**json.loads(line)) for line in done.stdout.splitlines())}


def hashes_of_another_seed() -> list[str]:
    """Return the hashes of every batch that a grading with another seed hands out."""
    import hashlib  # noqa: PLC0415 - of this function alone

    from logitproof.kernels.trials import draw, placed, planned  # noqa: PLC0415
    from logitproof_reference.vocabulary.formats import FORMATS  # noqa: PLC0415

    format_ = FORMATS["float32"]
    drawn = [(trial, draw(trial, format_, 4, elementwise=False)) for trial in planned("quick", 300, main=True)]
    return [hashlib.sha256(placed(one.rows, trial).logits.tobytes()).hexdigest() for trial, one in drawn]


def test_a_right_kernel_conforms(grades: dict[str, Grade]) -> None:
    right = grades["right"]
    assert (right.verdict, right.share, right.left_out) == ("conforms", 1.0, 0), right.fails
    assert right.shares == {"value float32": 1.0}
    assert right.trials >= 60


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_is_found(name: str, grades: dict[str, Grade]) -> None:
    found = grades[name]
    assert found.verdict in {"deviates", "crashed"}, found
    assert found.share < 1.0
    assert found.fails


def test_a_file_that_is_no_python_costs_its_own_grade_alone(grades: dict[str, Grade]) -> None:
    assert grades["broken"].verdict == "crashed"
    assert "SyntaxError" in grades["broken"].fails


def test_a_forbidden_function_is_found_by_whatever_name(tmp_path: Path) -> None:
    written(tmp_path, "plain", "def kernel(x):\n    return right(x)\n")
    written(tmp_path, "calls", "exp = np.linalg.norm\ndef kernel(x):\n    exp(x)\n    return right(x)\n")
    written(tmp_path, "hides", "def kernel(x):\n    sys.setprofile(None)\n    return right(x)\n")
    task = Task(
        "softmax", "kernel", formats=("float32",), forbidden=("numpy.linalg.norm",), widest=33, limits=Limits(20.0, 2.0)
    )
    found = {one.kernel: one for one in grade(tmp_path, task, jobs=2)}
    assert [found[name].verdict for name in ("plain", "calls", "hides")] == ["conforms", "forbidden", "forbidden"]


def test_the_command_line_resumes(tmp_path: Path) -> None:
    kernels, output = tmp_path / "kernels", tmp_path / "grades.jsonl"
    kernels.mkdir()
    (kernels / "right.py").write_text(RIGHT)
    (kernels / "input.py").write_text("def kernel(x):\n    return x\n")
    output.write_text(Grade("input", "deviates").line + '\n{"kernel": "ri')
    assert graded_before(output) == ["input"]
    output.write_text(Grade("input", "deviates").line + "\n")
    line = ["grade", str(kernels), "--op", "softmax", "--format", "float32", "--widest", "33", "-o", str(output)]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-m", "logitproof", *line], capture_output=True, text=True, check=False, env=variables
    )
    assert done.returncode == EXPECTED, done.stderr
    assert [json.loads(one)["kernel"] for one in output.read_text().splitlines()] == ["input", "right"]
    output.unlink()
    done = subprocess.run(
        [sys.executable, "-m", "logitproof", *line], capture_output=True, text=True, check=False, env=variables
    )
    assert done.returncode == UNEXPECTED


def test_a_folder_without_kernels_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no kernel"):
        list(grade(tmp_path, TASK))
