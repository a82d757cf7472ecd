"""Adapters that misbehave, as files: at import, when made, in what they state, in calls, in what they return."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from logitproof_reports.runs.run_file import read_run
from logitproof_reports.runs.schema import judgements
from meta.robustness.commands_in_process import Ended, command

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

MODULE, NAME = "planted_adapter", "planted"
CELLS = ("eager-softmax-value-float32", "eager-softmax-value-float32-axis=first", "eager-log_softmax-value-float64")
BROKEN = f"{NAME}-{CELLS[0]}"
"""The cell in which the adapter acts, where it acts in one."""

FILE = """
import atexit, ctypes, gc, locale, os, random, resource, signal, subprocess, sys, threading, time, types, warnings
import numpy as np
from logitproof_adapters.contract import Description, Dialect
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter

class Mute(Exception):
    def __str__(self):
        raise KeyError("mute")

class MuteForGood(BaseException):
    def __str__(self):
        raise KeyboardInterrupt

class Loud(Exception):
    def __str__(self):
        return "loud\\n\\x1b[2J::error::x\\n" * 100_000

class Named(type):
    __name__ = property(lambda _: 5)

class Nameless(Exception, metaclass=Named):
    pass

class Evil:
    def __getattr__(self, name):
        raise ZeroDivisionError(name)
    def __array__(self, *_, **__):
        raise SystemExit(0)
    def __len__(self):
        raise MemoryError
    def __repr__(self):
        raise RecursionError
    __str__ = __eq__ = __hash__ = __bool__ = __iter__ = __repr__

class Number:
    def __float__(self):
        raise SystemExit(0)

class Endless:
    def __len__(self):
        return 10**12
    def __getitem__(self, place):
        return place

class Array(np.ndarray):
    def __array_finalize__(self, other):
        if other is not None:
            raise RuntimeError("finalize")

class Tricky(np.ndarray):
    def __array_ufunc__(self, *_, **__):
        raise RuntimeError("ufunc")
    def astype(self, *_, **__):
        return "astype"
    dtype = property(lambda _: "dtype")

def deep(levels):
    found = []
    for _ in range(levels):
        found = [found]
    return found

def recurse():
    return recurse()

def everywhere():
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"{{}}\\n" * 4)
        except OSError:
            pass

{at_import}

class Planted(NumpyAdapter):
    name = "planted"

    def __init__(self):
        super().__init__()
        {at_init}

    def describe(self):
        found = super().describe()
        {at_describe}
        return found

    def unsupported(self, cell):
        if cell.id == "{broken}":
            {at_unsupported}
        return super().unsupported(cell)

    def dialect(self, cell):
        if cell.id == "{broken}":
            {at_dialect}
        return Dialect()

    def evaluate(self, cell, inputs):
        right = super().evaluate(cell, inputs)
        if cell.id == "{broken}":
            {at_evaluate}
        return right

    def repro(self, cell, inputs):
        {at_repro}
        return super().repro(cell, inputs)

{at_end}
"""
"""An adapter, the control but for what it does at one place."""

RAISES = (
    *(
        "RuntimeError('no')",
        "KeyboardInterrupt",
        "SystemExit(0)",
        "SystemExit('text')",
        "GeneratorExit",
        "StopIteration",
    ),
    *("MemoryError", "RecursionError", "Mute", "MuteForGood", "Loud", "Nameless", "BaseException"),
    *("ImportError('x')",),
    *("UnicodeDecodeError('utf-8', b'a', 0, 1, '\\udcff')", "OSError(28, 'No space left on device')"),
    *("Warning('w')",),
    *("ExceptionGroup('g', [ValueError(1)])" if hasattr(__builtins__, "ExceptionGroup") else "AssertionError",),
    *("AttributeError('evaluate')", "NotImplementedError", "TypeError('\\x1b[2J\\n::error::')", "EOFError"),
    "__import__('pytest').skip.Exception('skipped')",
    "__import__('pytest').xfail.Exception('failed as expected')",
    "__import__('unittest').SkipTest('skipped')",
)
ACTS = (
    *(
        "os.chdir('/')",
        "os.environ.clear()",
        "sys.path.clear()",
        "sys.modules.clear()",
        "sys.modules.pop('json', None)",
    ),
    *(
        "np.seterr(all='raise')",
        "np.seterrcall(lambda *_: 1 / 0); np.seterr(all='call')",
        "warnings.simplefilter('error')",
    ),
    *(
        "sys.setrecursionlimit(200)",
        "gc.disable()",
        "sys.settrace(lambda *_: 1 / 0)",
        "sys.setprofile(lambda *_: None)",
    ),
    *("np.random.seed(0); random.seed(0)", "np.set_printoptions(precision=1)"),
    *("locale.setlocale(locale.LC_ALL, 'C')",),
    *("os.environ['TZ'] = 'nonsense'; time.tzset()", "os.umask(0o777)", "os.nice(1)", "sys.excepthook = None"),
    *(
        "sys.stdout = sys.stderr = sys.stdin = None",
        "os.closerange(0, 3)",
        "sys.stdout.write('x' * 10**6)",
        "print('{}')",
    ),
    *(
        "os.write(2, b'\\xff\\x1b[2J' * 1000)",
        "atexit.register(lambda: 1 / 0)",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    ),
    *("threading.Thread(target=lambda: 1 / 0).start()",),
    *("threading.Thread(target=time.sleep, args=(600,)).start()",),
    *("resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))",),
    *("resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))",),
    *(
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))",
        "subprocess.Popen(['sleep', '600'])",
        "sys.setswitchinterval(1e-9)",
    ),
    *("np.asarray = lambda *_, **__: 'asarray'", "np.array = np.zeros", "np.float64.__name__"),
    *("sys.exit = print",),
    *("__builtins__.clear() if isinstance(__builtins__, dict) else None", "NumpyAdapter.evaluate = None"),
    *("os.rmdir", "gc.callbacks.append(lambda *_: 1 / 0)", "sys.path.insert(0, '/nowhere')"),
    *("signal.alarm(600)",),
    *("ctypes.CDLL(None).fesetround(0x800)", "os.kill(os.getpid(), signal.SIGUSR1)", "os._exit(0)"),
    *("os.abort()",),
    *(
        "os.kill(os.getpid(), signal.SIGSEGV)",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.kill(os.getpid(), signal.SIGINT)",
    ),
    *(
        "everywhere()",
        "os.closerange(3, 64)",
        "recurse()",
        "os.fork()",
        "os.kill(os.getpid(), signal.SIGSTOP)",
        "time.sleep(600)",
    ),
    *("raise_ = 1; del raise_", "sys.set_int_max_str_digits(640)", "os.killpg(os.getpid(), signal.SIGTERM)"),
    *("exit(1)",),
)
VALUES = (
    *(
        "None",
        "5",
        "''",
        "'text'",
        "b'bytes'",
        "[]",
        "{}",
        "object()",
        "Evil()",
        "Endless()",
        "float('nan')",
        "deep(500)",
    ),
    *("deep(100_000)", "(x for x in [1])", "lambda: 1", "type", "10**5000", "'x' * 10**7", "'\\x1b[2J\\udcff'"),
    *("np",),
)
ANSWERS = (
    *VALUES,
    *(
        "right.astype(object)",
        "right.astype(str)",
        "right.astype('S9')",
        "right.astype(bool)",
        "right.astype(np.complex64)",
    ),
    *(
        "right.astype('>f4')",
        "right.astype(np.int64)",
        "right.view(np.uint32)",
        "right.astype('f8')",
        "right.astype('f2')",
    ),
    *(
        "right.astype(np.longdouble)",
        "right.astype('M8[s]')",
        "right.view([('a', 'f4')])",
        "right.view('V4')",
        "right.T",
    ),
    *(
        "right[None]",
        "right[..., None]",
        "right.ravel()",
        "right[:0]",
        "right[:-1]",
        "right[0]",
        "right[::-1]",
        "right * 0",
    ),
    *(
        "right.tolist()",
        "np.ma.masked_array(right, right > 0)",
        "np.asfortranarray(right)",
        "np.array(5)",
        "np.array(None)",
    ),
    *(
        "np.broadcast_to(np.float32(1), (10**10,))",
        "np.broadcast_to(np.float32(1), (10**6, 10**6))",
        "right.view(Array)",
    ),
    *(
        "np.zeros((0,) * 40 if False else (0,) * 30)",
        "np.full(right.shape, Number())",
        "right.view(Tricky)",
        "memoryview(right)",
    ),
    *("inputs.logits", "np.broadcast_to(right[:1], right.shape)", "np.nan * right"),
    *("np.array([Evil()], dtype=object)",),
    *(
        "np.lib.stride_tricks.as_strided(right, right.shape, (0, 0))",
        "np.recarray((2,), [('a', 'f4')])",
        "np.matrix(right)",
    ),
    *(
        "np.full(right.shape, None)",
        "np.array(['a' * 10**6])",
        "inputs.logits.fill(0) or right",
        "right.astype('timedelta64[s]')",
    ),
)
ATTRIBUTES = {
    "name": (
        "5",
        "None",
        "''",
        "'A'",
        "'a b'",
        "'a' * 10**6",
        "'planted\\n'",
        "'\\x1b[2J'",
        "b'planted'",
        "Evil()",
        "'../x'",
    ),
    "modes": (
        "5",
        "None",
        "()",
        "''",
        "'eager'",
        "(5,)",
        "('eager', 'no such')",
        "('\\x1b',)",
        "Evil()",
        "{'eager'}",
        "('eager',) * 100",
    ),
    "entries": ("5", "None", "[1]", "{1: 2}", "{('a',): ('b',)}", "Evil()", "{('softmax', 'none'): 5}"),
    "producers": ("5", "('no such',)", "'text'", "Evil()", "(1,)"),
    "ignored_labels": ("5", "('a',)", "(1.5,)", "Evil()", "(10**30,)"),
    "broadcast_labels": ("5", "(5,)", "Evil()", "('no such',)"),
    "floating_indices": ("'x'", "Evil()", "np.array([1, 2])"),
    "label_columns": ("'x'", "Evil()", "np.array([1, 2])"),
    "most_axes": ("5", "None", "{1: 2}", "{'softmax': 'x'}", "Evil()"),
    "negative_strides": ("'x'", "Evil()", "np.array([1, 2])"),
    "one_dimension": ("5", "(5,)", "Evil()", "('no such',)"),
    "spellings": ("5", "None", "{1: 2}", "{'softmax': 5}", "{'softmax': ('no such',)}", "Evil()"),
    "zero_dimensions": ("5", "(5,)", "Evil()", "('no such',)"),
    "mixed_derivatives": ("'x'", "Evil()", "5"),
    "keeps_graph": ("'x'", "Evil()", "5"),
    "quick_rows": ("'x'", "Evil()", "None"),
    "arithmetic": ("5", "'x'", "Evil()", "{}"),
    "trainer": ("5", "None", "Evil()", "lambda *_: None", "print"),
    "evaluate": ("5", "None", "property(lambda _: 1 / 0)", "lambda self: None", "classmethod(lambda *_: None)"),
    "unsupported": ("5", "None", "lambda self, cell: True", "lambda self: None"),
    "describe": ("5", "None", "lambda self, x: 1"),
    "repro": ("5", "None", "lambda self: ''"),
    "__class__": ("property(lambda _: 1 / 0)",),
    "__getattribute__": ("lambda self, name: 1 / 0", "lambda self, name: None"),
    "__new__": ("lambda cls: None", "lambda cls: 5", "lambda cls: Evil()"),
}
DESCRIPTIONS = (
    *VALUES,
    *("Description(5, '1')", "Description('a', 1.5)", "Description('a', None)"),
    *("Description('a', '1', {1: 2})",),
    *("Description('a', '1', None)", "Description('x' * 10**6, '1')"),
    *("Description('\\x1b[2J\\udcff\\n', '\\u202e1')",),
    *(
        "Description('a', 'no version')",
        "Description('a', '1', {'b': 'x' * 10**6})",
        "Description('', '')",
        "Description(Evil(), '1')",
    ),
)
DIALECTS = (
    *VALUES,
    *("Dialect(mean_over=5)", "Dialect(takes=5)", "Dialect(takes='text')", "Dialect(words=5)"),
    *("Dialect(words={1: 2})",),
    *("Dialect(documentation=5)", "Dialect(clip_probabilities='x')"),
    *("Dialect(clip_probabilities=float('nan'))",),
    *("Dialect(mean_over='no such')", "Dialect(empty_mean=Evil())", "Dialect(function='\\x1b' * 10**6)"),
)


@st.composite
def bad_adapter(draw: DrawFn) -> tuple[str, str]:
    """Return where an adapter misbehaves, and the line with which it does."""
    place = draw(
        st.sampled_from(
            ("import", "init", "describe", "unsupported", "dialect", "evaluate", "evaluate", "evaluate", "repro", "end")
        )
    )
    kinds = ["raise", "act"]
    kinds += {"end": ["attribute", "attribute"], "import": [], "init": [], "evaluate": ["value", "value"]}.get(
        place, ["value"]
    )
    kind = draw(st.sampled_from(kinds))
    if kind == "raise":
        return place, f"raise {draw(st.sampled_from(RAISES))}"
    if kind == "act":
        return place, draw(st.sampled_from(ACTS))
    if kind == "attribute":
        name = draw(st.sampled_from(sorted(ATTRIBUTES)))
        return place, f"Planted.{name} = {draw(st.sampled_from(ATTRIBUTES[name]))}"
    values = {"describe": DESCRIPTIONS, "dialect": DIALECTS, "evaluate": ANSWERS}.get(place, VALUES)
    return place, f"return {draw(st.sampled_from(values))}"


PLACES = ("import", "init", "describe", "unsupported", "dialect", "evaluate", "repro", "end")


def text_of(place: str = "", line: str = "") -> str:
    """Return an adapter's file that has a line at a place."""
    lines = {f"at_{name}": line if name == place else "pass" for name in PLACES}
    return FILE.format(broken=BROKEN, **lines)


def judged(folder: Path, place: str = "", line: str = "") -> Ended:
    """Judge an adapter in a folder, which then holds its run file, if any."""
    (folder / f"{MODULE}.py").write_text(text_of(place, line), encoding="utf-8", errors="surrogatepass")
    cells = [word for cell in CELLS for word in ("--cells", f"*-{cell}")]
    spec = f"{MODULE}:Planted"
    return command(
        "run", "--framework", spec, *cells, "--patience", "2", "--evaluators", "1", "-o", "run.parquet", folder=folder
    )


def found_in(folder: Path) -> dict[str, list[str]]:
    """Return the judgements of a run file by cell, spelled out; repros apart."""
    by_cell: dict[str, list[str]] = {}
    for one in judgements(read_run(folder / "run.parquet")):
        by_cell.setdefault(one.cell, []).append(repr(replace(one, repro="")))
    return by_cell


COSTS_ITS_CELL = {"evaluate", "unsupported", "dialect"}


def fault_of(place: str, line: str, sound: dict[str, list[str]]) -> str:
    """Return what is wrong with how an adapter was judged; empty if nothing is."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        ended = judged(folder, place, line)
        if ended.fault:
            return ended.fault
        if "NumpyAdapter" in line:  # the method of every cell
            return ""
        ends = place != "evaluate" and re.match("os._?(exit|kill|abort)|recurse|time.sleep|everywhere|exit", line)
        if ended.status == 2 and place in COSTS_ITS_CELL and not ends:
            return f"exit status 2: {ended.err[-200:]}"
        if ended.status == 2:
            return "a run file beside exit status 2" if (folder / "run.parquet").exists() else ""
        return _fault_of_run(folder, place, ended, sound)


def _fault_of_run(folder: Path, place: str, ended: Ended, sound: dict[str, list[str]]) -> str:
    found = found_in(folder)
    shown = command("report", "run.parquet", "-o", "page.html", folder=folder)
    if shown.fault or shown.status != ended.status:
        return f"report: {shown.fault or shown.status}, run {ended.status}"
    if any("Logitproof itself failed" in one for told in found.values() for one in told):
        return next(one for told in found.values() for one in told if "Logitproof itself failed" in one)[-600:]
    is_declined = any(
        "verdict='unsupported'" in one for one in found.get(BROKEN, [])
    )  # by a text: a reason like any other
    if ended.status == 0 and found != sound and not is_declined:
        return "exit status 0 with other judgements"
    lost = [cell for cell in sound if cell != BROKEN and _own(found.get(cell, [])) != _own(sound[cell])]
    if place in COSTS_ITS_CELL and lost:
        return f"other cells were judged otherwise: {lost}"
    if BROKEN not in found and place in COSTS_ITS_CELL:
        return "the cell itself was lost"
    return ""


def _own(told: list[str]) -> list[str]:
    """Return the judgements of a cell that no other cell's answers take part in."""
    return [one for one in told if re.search(r"clause='(VAL|EXT|ERR)-", one)]


def sound_judgements() -> dict[str, list[str]]:
    """Return what the adapter is judged that does nothing."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        ended = judged(folder)
        if ended.status:
            raise RuntimeError(ended.err)
        return found_in(folder)


def spelled(place: str, line: str) -> str:
    """Return a case in a line."""
    return json.dumps([place, line])[:150]
