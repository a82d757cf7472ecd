"""Kernels are graded in processes of their own, and ways of cheating a grader are found."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof.commands.command_line import main
from logitproof.errors import EXPECTED, UNEXPECTED, USAGE, UsageError
from logitproof.kernels.grade import Grade, SharedTruths, Task, grade, grade_one, graded_before
from logitproof.kernels.isolation.isolated import IsolatedKernel, Limits, Named
from logitproof.kernels.isolation.judge_protection import guarded, not_enforced
from logitproof_adapters.kernels.declaration import Declaration
from logitproof_adapters.kernels.in_evaluator import _is_python
from logitproof_adapters.kernels.kernel import Kernel
from logitproof_adapters.targets.sent_sources import sources_of_file
from logitproof_adapters.targets.target import Target
from logitproof_reference.vocabulary.cells import Cell, Inputs

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
    "imports_the_exact_answers_all_the_same": """
        def kernel(x):
            for name in [name for name in sys.modules if name.startswith("logitproof")]:
                del sys.modules[name]
            sys.meta_path[:] = [one for one in sys.meta_path if type(one).__name__ != "SentSources"]
            sys.path[:0] = SITES
            try:
                import logitproof
                return logitproof.softmax(x).round(x.dtype.name)
            except (ImportError, OSError):
                WRONG
        """,
    "reads_memory_by_a_system_call": """
        import ctypes
        class Part(ctypes.Structure):
            _fields_ = [("start", ctypes.c_void_p), ("length", ctypes.c_size_t)]
        def kernel(x):
            place = int(open(f"/proc/{os.getpid()}/maps").readline().split("-")[0], 16)
            here = ctypes.create_string_buffer(16)
            ours, theirs = Part(ctypes.addressof(here), 16), Part(place, 16)
            read = ctypes.CDLL(None).process_vm_readv
            if read(os.getppid(), ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0) == 16:
                return right(x)
            WRONG
        """,
    "traces_the_judge": """
        import ctypes
        def kernel(x):
            if ctypes.CDLL(None).ptrace(16, os.getppid(), None, None) == 0:  # PTRACE_ATTACH
                return right(x)
            WRONG
        """,
    "looks_for_answers_in_files": """
        import pathlib
        def kernel(x):
            try:
                found = [os.readlink(one) for one in pathlib.Path(f"/proc/{os.getppid()}/fd").iterdir()]
            except OSError:
                found = []
            kept = pathlib.Path(os.environ["XDG_CACHE_HOME"]).rglob("*")
            if found or [one for one in kept if one.is_file() and one.suffix != ".pyc"]:
                return right(x)
            WRONG
        """,
    "writes_into_the_pipe": """
        import json, struct, threading
        line = json.dumps({"number": 5, "answer": {"dtype": "float32", "shape": [1], "size": 4}}).encode() + b"\\n"
        def forge():
            while True:
                for descriptor in range(3, 20):
                    try:
                        os.write(descriptor, struct.pack(">Q", len(line)) + line + bytes(4))
                    except OSError:
                        pass
                time.sleep(0.001)
        threading.Thread(target=forge, daemon=True).start()
        def kernel(x):
            WRONG
        """,
    "changes_a_ufunc_by_its_address": """
        import ctypes
        def kernel(x):
            x[...] = 0
            ctypes.memset(x.ctypes.data, 0, x.nbytes)
            WRONG
        """,
    "asks_a_child_process": """
        import io
        import subprocess
        PROGRAM = (
            "import io, sys; sys.path[:0] = SITES\\n"
            "import numpy as np, logitproof\\n"
            "x = np.load(io.BytesIO(sys.stdin.buffer.read()))\\n"
            "np.save(sys.stdout.buffer, logitproof.softmax(x).round(x.dtype.name))\\n"
        )
        def kernel(x):
            given = io.BytesIO()
            np.save(given, np.ascontiguousarray(x))
            try:
                asked = subprocess.run([sys.executable, "-c", PROGRAM], input=given.getvalue(), capture_output=True)
                return np.load(io.BytesIO(asked.stdout))
            except (OSError, ValueError):
                WRONG
        """,
    "knows_the_judge_by_its_modules": """
        def kernel(x):
            if any(name.startswith("logitproof") for name in sys.modules):
                return right(x)
            WRONG
        """,
    "knows_the_judge_by_its_frames": """
        def kernel(x):
            frame = sys._getframe()
            while frame is not None:
                if "logitproof" in frame.f_code.co_filename:
                    return right(x)
                frame = frame.f_back
            WRONG
        """,
    "knows_the_judge_by_its_variables": """
        def kernel(x):
            if any("LOGITPROOF" in name for name in os.environ) or "pytest" in " ".join(sys.argv):
                return right(x)
            WRONG
        """,
    "result_that_lies_about_itself": """
        class Lies(np.ndarray):
            def tobytes(self, *given):
                return right(self.given).tobytes()
            def astype(self, *given, **named):
                return right(self.given)
            __array__ = astype
        def kernel(x):
            answer = np.full(x.shape, 1 / x.shape[1], x.dtype).view(Lies)
            answer.given = np.array(x)
            return answer
        """,
    "patches_what_packs_its_answer": """
        import ml_dtypes
        ml_dtypes.finfo = None
        np.asarray = np.ascontiguousarray = lambda *given, **named: np.zeros(1)
        def kernel(x):
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

FORBIDDEN = {
    "calls_in_a_thread": """
        import threading
        def kernel(x):
            one = threading.Thread(target=np.linalg.norm, args=(x,))
            one.start()
            one.join()
            return right(x)
        """,
    "calls_in_a_thread_of_its_module": """
        from concurrent.futures import ThreadPoolExecutor
        POOL = ThreadPoolExecutor(1)
        POOL.submit(int).result()
        def kernel(x):
            POOL.submit(np.linalg.norm, x).result()
            return right(x)
        """,
    "takes_the_watch_away": """
        import logitproof_adapters.kernels.forbidden_calls as watch
        watch.Watch.__enter__ = lambda self: None
        watch.Watch.__exit__ = lambda self, *given: None
        def kernel(x):
            np.linalg.norm(x)
            return right(x)
        """,
}
"""Bodies that call what is forbidden where nobody looks."""

TASK = Task("softmax", "kernel", formats=("float32",), seed=5, budget=60.0, widest=300, limits=Limits(20.0, 2.0))


def written(folder: Path, name: str, body: str) -> None:
    head = "import os\nimport sys\nimport time\n" + RIGHT.replace("def kernel", "def right")
    sites = repr([place for place in sys.path if place])
    text = textwrap.dedent(body).replace("WRONG", WRONG).replace("SITES", sites)
    (folder / f"{name}.py").write_text(head + text)


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
    variables = {**os.environ, "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache"))}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=variables)
    assert done.returncode == 0, done.stderr
    return {found.kernel: found for found in (Grade(**json.loads(line)) for line in done.stdout.splitlines())}


def hashes_of_another_seed() -> list[str]:
    """Return the hashes of every batch that a grading with another seed hands out."""
    import hashlib  # noqa: PLC0415 - of this function alone

    from logitproof.kernels.cases.trials import draw, placed, planned  # noqa: PLC0415
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
    assert found.verdict in {"deviates", "crashed", "void"}, found
    assert found.share < 1.0
    assert found.fails


def test_a_file_that_is_no_python_costs_its_own_grade_alone(grades: dict[str, Grade]) -> None:
    assert grades["broken"].verdict == "crashed"
    assert "SyntaxError" in grades["broken"].fails


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((sys.executable, [sys.executable, "-c", ""]), True),
        (("/bin/sh", ["sh", "-c", "exec python3 -c 1"]), True),
        (("gcc", ["gcc", "-I/usr/include/python3.11", "/usr/include/python3.11"]), False),
        ((), False),
    ],
)
def test_a_python_that_a_kernel_starts_is_told_from_a_compiler(words: tuple[object, ...], *, expected: bool) -> None:
    assert _is_python(words) is expected


def test_a_forbidden_function_is_found_by_whatever_name(tmp_path: Path) -> None:
    written(tmp_path, "plain", "def kernel(x):\n    return right(x)\n")
    written(tmp_path, "calls", "exp = np.linalg.norm\ndef kernel(x):\n    exp(x)\n    return right(x)\n")
    written(tmp_path, "hides", "def kernel(x):\n    sys.setprofile(None)\n    return right(x)\n")
    for name, body in FORBIDDEN.items():
        written(tmp_path, name, body)
    task = Task(
        "softmax", "kernel", formats=("float32",), forbidden=("numpy.linalg.norm",), widest=33, limits=Limits(20.0, 2.0)
    )
    found = {one.kernel: one for one in grade(tmp_path, task, jobs=2)}
    assert found["plain"].verdict == "conforms"
    assert found["plain"].notes == []
    assert {name: found[name].verdict for name in found if name != "plain"} == dict.fromkeys(
        ["calls", "hides", *FORBIDDEN], "forbidden"
    )


def test_a_kernel_that_takes_the_time_of_what_it_would_be_asked_is_slow(tmp_path: Path) -> None:
    body = "def kernel(x):\n    time.sleep(0.3)\n    return right(x) if x.shape[1] < 31 else x\n"
    written(tmp_path, "sleeps", body)
    (found,) = grade(tmp_path, replace(TASK, budget=1.0), jobs=1)
    assert (found.verdict, found.share < 0.5) == ("slow", True)
    assert "trials left out" in found.fails


def test_a_record_that_a_kernel_writes_itself_is_noticed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    kernels, output = tmp_path / "kernels", tmp_path / "grades.jsonl"
    kernels.mkdir()
    forged = Grade("forges", "conforms", share=1.0).line
    written(
        kernels, "forges", f"open({str(output)!r}, 'a').write({forged!r} + chr(10))\ndef kernel(x):\n    return x\n"
    )
    line = ["grade", str(kernels), "--op", "softmax", "--format", "float32", "--widest", "9", "-o", str(output)]
    assert main(line) == USAGE
    assert "somebody else wrote to it" in capfd.readouterr().err


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


@pytest.fixture
def elsewhere(tmp_path: Path) -> Target:
    """Return a target whose command takes away the folder of the kernels: what is not sent is not there."""
    command = tmp_path / "elsewhere"
    command.write_text(f'#!/bin/sh\nrm -rf "{tmp_path}/kernels"\nexec {sys.executable} "$@"\n')
    command.chmod(0o755)
    return Target("elsewhere", (str(command),))


AWAY = {
    "right": "import inspect\nfrom _common import right\nTEXT = inspect.getsource(right)\n"
    "def kernel(x):\n    assert 'def right' in TEXT\n    return right(x)\n",
    "_common": RIGHT.replace("def kernel", "def right"),
    "sees_the_oracle": "def kernel(x):\n    from logitproof_reference.oracle import api\n    return x\n",
    "sees_the_judge": "def kernel(x):\n    import logitproof\n    return x\n",
    "random": "def kernel(x):\n    return x\n",
    "broken": "def kernel(:\n",
}


def test_kernels_travel_to_a_target_without_the_exact_answers(tmp_path: Path, elsewhere: Target) -> None:
    (tmp_path / "kernels").mkdir()
    for name, body in AWAY.items():
        (tmp_path / "kernels" / f"{name}.py").write_text(body)
    task = replace(TASK, widest=9, target=elsewhere)
    truths, whole = SharedTruths(), Kernel(len, "softmax")
    files = {name: tmp_path / "kernels" / f"{name}.py" for name in AWAY if not name.startswith("_")}
    found = {}
    for name, path in files.items():
        kept = path.parent.with_name("kept")
        shutil.copytree(path.parent, kept)
        found[name] = grade_one(path, task, whole, truths)
        shutil.rmtree(path.parent, ignore_errors=True)
        kept.rename(path.parent)
    assert (found["right"].verdict, found["right"].share) == ("conforms", 1.0), found["right"]
    assert "rename random.py" in found["random"].fails
    assert "SyntaxError" in found["broken"].fails
    for name in ("sees_the_oracle", "sees_the_judge"):
        assert (found[name].verdict, found[name].share) == ("void", 0.0)
        assert "ModuleNotFoundError" in found[name].fails


def test_what_travels_computes_no_exact_answer(tmp_path: Path, elsewhere: Target) -> None:
    (tmp_path / "right.py").write_text(RIGHT)
    named = Named("right:kernel", "", "softmax", "none", "numpy", Declaration(), hidden=True)
    with IsolatedKernel(named, None, None, elsewhere, sources_of_file(tmp_path / "right.py")) as kernel:
        sent = set(kernel._sources)
    assert "right" in sent
    judging = (
        "logitproof.",
        "logitproof_reference.oracle",
        "logitproof_reference.judging",
        "logitproof_reference.cases",
    )
    assert not [name for name in sent if name.startswith(judging)]


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux")
def test_a_kernel_in_a_process_of_its_own_has_a_program(tmp_path: Path) -> None:
    (tmp_path / "halved.py").write_text("def kernel(x):\n    return x / 2\n")
    named = Named("halved:kernel", "", "softmax", "none", "numpy", Declaration(), path=(str(tmp_path),))
    with IsolatedKernel(named) as kernel:
        program = kernel.repro(
            Cell("kernel", "eager", "softmax", "value", "float32"), Inputs(np.ones((1, 2), np.float32), 1)
        )
        assert not kernel.keeps_graph  # NumPy has none; a kernel of PyTorch is asked a second backward pass
    assert "from halved import kernel" in program
    assert "np.array([[1.0, 1.0]]" in program


def test_what_a_kernel_must_not_do_is_tried_out_where_it_runs() -> None:
    limits = Limits(20.0, 2.0)
    assert not_enforced(guarded(Target("there", (sys.executable,)), limits), "numpy", ()) == []
    unguarded = replace(guarded(Target("there", (sys.executable,)), limits), is_guarded=False)
    found = not_enforced(unguarded, "numpy", ("torch.softmax",))
    assert [text for text in found if "memory of other processes" in text]
    assert [text for text in found if "CPU time" in text]
    assert [text for text in found if "operator of PyTorch" in text]


@pytest.mark.skipif(shutil.which("qemu-x86_64") is None or os.uname().machine != "x86_64", reason="needs qemu-x86_64")
def test_an_emulator_enforces_no_limit_of_memory_and_the_records_say_so(tmp_path: Path) -> None:
    (tmp_path / "right.py").write_text(RIGHT)
    emulated = Target("emulated", ("qemu-x86_64", sys.executable))
    task = replace(TASK, widest=2, budget=1.0, limits=Limits(60.0, 2.0), target=emulated)
    (found,) = grade(tmp_path, task)
    assert (found.verdict, found.notes) == ("conforms", ["not enforced there: the limit of memory"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--python", "/no/such/python"], "there is no such program"),
        (["--target", "prod"], 'target "prod" is not known'),
        (["--python", shutil.which("true") or ""], "starts no Python 3.8 or newer"),
        (["--framework", "paddle"], "paddle"),
        (["--device", "cuda:0"], 'device "cuda:0": the adapter NumpyAdapter takes no device'),
    ],
)
def test_where_no_kernel_can_run_is_one_line(
    options: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    if "paddle" in options and find_spec("paddle"):
        pytest.skip("paddle is installed here")
    (tmp_path / "right.py").write_text(RIGHT)
    assert main(["grade", str(tmp_path), "--op", "softmax", *options]) == USAGE
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert expected in told.err


def test_a_folder_without_kernels_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no kernel"):
        list(grade(tmp_path, TASK))
