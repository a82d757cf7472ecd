"""The loop in the target: it reads a request, passes it to the adapter, and writes the answer.

It ends when the pipe closes, also in the middle of a call, and where a call takes much longer than the judge waits. An
answer ``{"ended": ...}`` is its last: a process that ran out of memory may hold on to what it took. One with ``"last"``
is too: a device may answer nothing after an error, as CUDA does where an index was out of range.
"""

from __future__ import annotations

import builtins
import faulthandler
import gc
import json
import os
import re
import select
import sys
import threading
import time
from dataclasses import asdict
from importlib import import_module
from importlib.util import find_spec
from operator import is_
from typing import TYPE_CHECKING, Any, BinaryIO, Callable, Dict, Sequence, Tuple, Union

import numpy as np

from logitproof_adapters import contract
from logitproof_adapters.contract import CPU
from logitproof_adapters.contract.calls import described_error
from logitproof_adapters.contract.device import made_for
from logitproof_adapters.contract.floating_point import FloatingPointMode
from logitproof_adapters.contract.process_memory import limited, ran_out
from logitproof_adapters.evaluator.frames import LENGTH, decoded, encoded, length_of
from logitproof_adapters.evaluator.releases import release_of
from logitproof_adapters.evaluator.values import packed_all, packed_answer, unpacked_all
from logitproof_adapters.sources.literals import words_for
from logitproof_adapters.sources.probe import probed
from logitproof_adapters.sources.trainer import trainer_of
from logitproof_adapters.sources.two_logits import inputs_of
from logitproof_reference.vocabulary.cells import Inputs, cell_from_json
from logitproof_reference.vocabulary.formats import bfloat16_is_bits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Adapter
    from logitproof_adapters.sources.trainer import SourceTrainer
    from logitproof_reference.vocabulary.cells import Cell

Request = Dict[str, Any]
Answer = Tuple[Dict[str, Any], Sequence[Union[bytes, memoryview]]]

OLDEST_NUMPY = (1, 17)
MOST_CHARACTERS = 10_000
"""Longest text that is taken from an adapter."""

CONTRACT = ("name", "modes", "describe", "unsupported", "evaluate", "repro")
"""What every adapter has."""

STDERR = 2
MOST_WORDS = 300
"""Characters of an error that are kept."""

GRACE_SECONDS = 1.0
"""How long a process may take to end by itself once the pipe is closed."""


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    answer_for_fatal_signals()
    end_with(requests.fileno())
    problem = _problem_of_numpy()
    answers.writelines(encoded({"problem": problem} if problem else {"numpy": np.__version__}))
    answers.flush()
    evaluator = Evaluator()
    while True:
        head = requests.read(LENGTH.size)
        if len(head) < LENGTH.size:
            return
        header, memory = decoded(requests.read(length_of(head)))
        faulthandler.dump_traceback_later(header["seconds"], exit=True, file=STDERR)
        answer, parts = evaluator.answer(header, memory)
        faulthandler.cancel_dump_traceback_later()
        answers.writelines(encoded({"number": header["number"], "worked": time.process_time(), **answer}, parts))
        answers.flush()


def answer_for_fatal_signals() -> None:
    """Report where a fatal signal came from, and end; in place of whatever handler the framework has set.

    PaddlePaddle's allocates memory: after an abort within malloc it waits for malloc's lock for ever.
    """
    faulthandler.disable()
    faulthandler.enable(STDERR)


def _problem_of_numpy() -> str:
    found = tuple(map(int, np.__version__.split(".")[:2]))
    return "" if found >= OLDEST_NUMPY else f"NumPy {np.__version__} is too old; 1.17 or newer is needed"


def end_with(descriptor: int) -> None:
    """End the process once the other end of a pipe is closed, whatever the main thread is at."""
    threading.Thread(target=_end_with, args=(descriptor,), daemon=True).start()


def _end_with(descriptor: int) -> None:
    poller = select.poll()
    poller.register(descriptor, getattr(select, "POLLRDHUP", 0))
    poller.poll()
    time.sleep(GRACE_SECONDS)
    os._exit(0)


class Evaluator:
    """Holds an adapter and does what is requested of it, one method a word of ``do``."""

    adapter: Adapter
    trainer: SourceTrainer

    def __init__(self) -> None:
        self._mode = FloatingPointMode()
        self._imports = KeptImports()
        self._names = KeptNames()
        self._memory = limited()
        self._device_works = False
        self._unsound: dict[Cell, BaseException] = {}
        self._methods: dict[str, Callable[[Request, memoryview], Answer]] = {
            "find": self.find,
            "call": self.call,
            "load": self.load,
            "offers": self.offers,
            "probe": self.probe,
            "evaluate": self.evaluate,
            "sweep": self.sweep,
            "repro": self.repro,
            "train": self.train,
            "logits": self.logits,
            "descend": self.descend,
            "loss": self.loss,
            "training_repro": self.training_repro,
        }

    def answer(self, request: Request, memory: memoryview) -> Answer:
        """Return the answer to a request; what is raised is an answer too."""
        self._mode.restore()
        self._imports.restore()
        self._names.restore()
        try:
            answer, parts = self._methods[request["do"]](request, memory)
        except BaseException as error:  # noqa: BLE001 - whatever a framework raises is a result of the test
            answer, parts = self._failed(error)
        if "raised" in answer and self._device_works and not self._computes():
            answer["last"] = True
        return answer, parts

    def _computes(self) -> bool:
        """Whether the device still multiplies, as far as the framework can be asked."""
        one = np.ones(1, np.float32)
        try:
            product: Any = self.adapter.operate("product", one, one)  # type: ignore[attr-defined]
        except Exception:  # noqa: BLE001 - whatever the framework raises then
            return False
        return bool(product[0] == 1)

    def _failed(self, error: BaseException) -> Answer:
        described = described_error(error)
        if self._memory and ran_out(error):
            first_line = next(iter(described["message"].strip().splitlines()), "no more words")
            words = f"{described['kind']}: {first_line[:MOST_WORDS]}"
            return {"ended": f"ran out of memory (limit {self._memory}): {words}"}, []
        return {"raised": described}, []

    def find(self, request: Request, _: memoryview) -> Answer:
        """Return which packages are not installed, and the releases of some distributions that are."""
        releases = {name: release for name in request.get("distributions", ()) if (release := release_of(name))}
        return {"missing": [name for name in request["packages"] if find_spec(name) is None], "releases": releases}, []

    def call(self, request: Request, _: memoryview) -> Answer:
        """Call a function of a module that was sent; it takes texts and returns what JSON can hold."""
        function = getattr(import_module(request["module"]), request["function"])
        return {"result": function(*request.get("arguments", ()))}, []

    def load(self, request: Request, _: memoryview) -> Answer:
        """Make the adapter, which imports its framework, and return what it states of it.

        What is imported stays: there is no collection meanwhile, which would be a fifth of TensorFlow's import.
        """
        gc.disable()
        try:
            return self._loaded(request)
        finally:
            gc.enable()

    def _loaded(self, request: Request) -> Answer:
        module, _, name = request["adapter"].partition(":")
        found = getattr(import_module(module), name, None)
        if not isinstance(found, type):
            raise TypeError(f'it is not known: module "{module}" has no class "{name}"')
        self.adapter = fulfilling(made_for(found, request["device"]))
        answer_for_fatal_signals()
        self._mode.keep()
        self._device_works = request["device"] != CPU and self._computes()
        self._imports.keep()
        self._names.keep()
        facts = facts_of_adapter(self.adapter)
        # No later collection needs to look through it, as each would, for a tenth of a second.
        getattr(gc, "freeze", gc.collect)()
        return {"facts": facts}, []

    def offers(self, request: Request, _: memoryview) -> Answer:
        """Return for each cell why the framework has none such, or None, and which of the dialects is its own."""
        numbers: dict[str, int] = {}
        found = []
        for words in request["cells"]:
            reason, dialect = self._offer(cell_from_json(words))
            found.append([reason, numbers.setdefault(dialect, len(numbers))])
        return {"offers": found, "dialects": list(map(json.loads, numbers))}, []

    def _offer(self, cell: Cell) -> tuple[str | None, str]:
        """Return why the framework has no such cell, and its dialect as JSON; where that raises, evaluating it will."""
        try:
            dialect = json.dumps(asdict(contract.dialect(self.adapter, cell)))
            return _reason(self.adapter.unsupported(cell)), dialect
        except BaseException as error:  # noqa: BLE001 - it costs this cell alone
            self._unsound[cell] = error
            return None, json.dumps(asdict(contract.Dialect()))

    def probe(self, _request: Request, _: memoryview) -> Answer:
        """Return what the device does with numbers."""
        return {"arithmetic": probed(self.adapter)}, []

    def evaluate(self, request: Request, memory: memoryview) -> Answer:
        """Return the framework's answer, or what it raised, and the inputs that the call changed."""
        arrays = unpacked_all(request["arrays"], memory)
        before = {name: array.tobytes() for name, array in arrays.items()}
        answer, parts = self._evaluated(request, Inputs(axis=request["axis"], **arrays))
        changed = {name: np.array(array) for name, array in arrays.items() if array.tobytes() != before[name]}
        described, memories = packed_all(changed)
        return {**answer, "changed": described}, [*parts, *memories]

    def _evaluated(self, request: Request, inputs: Inputs) -> Answer:
        cell = cell_from_json(request["cell"])
        if cell in self._unsound:
            return self._failed(self._unsound[cell])
        try:
            answer = np.asarray(self.adapter.evaluate(cell, inputs))
            described, memory = packed_answer(answer)
        except BaseException as error:  # noqa: BLE001 - as above
            return self._failed(error)
        return {"answer": described}, [memory]

    def sweep(self, request: Request, _: memoryview) -> Answer:
        """Return the framework's answer to rows that are made here, of two logits by their numbers."""
        cell = cell_from_json(request["cell"])
        answer = np.asarray(self.adapter.evaluate(cell, inputs_of(cell, request["start"], request["count"])))
        described, memory = packed_answer(answer)
        return {"answer": described}, [memory]

    def repro(self, request: Request, memory: memoryview) -> Answer:
        """Return a standalone program that prints the answer."""
        arrays = unpacked_all(request["arrays"], memory)
        inputs = Inputs(axis=request["axis"], **arrays)
        with words_for({word: arrays[name] for name, word in request["words"].items()}):
            text = self.adapter.repro(cell_from_json(request["cell"]), inputs)
        if not isinstance(text, str):
            raise TypeError(f"repro returned {type(text).__name__}; it returns a text")
        return {"text": text}, []

    def train(self, request: Request, memory: memoryview) -> Answer:
        """Return loss, gradients and parameters of each step of a training."""
        arrays = unpacked_all(request["arrays"], memory)
        batches = [Examples(arrays[f"features{step}"], arrays[f"labels{step}"]) for step in range(request["steps"])]
        found = self._trainer().train(*_training(request), _listed("parameter", arrays), batches)
        named = {
            f"{kind}{step}.{place}": array
            for step, one in enumerate(found)
            for kind, given in (("gradient", one.gradients or []), ("parameter", one.parameters))
            for place, array in enumerate(given)
        }
        described, memories = packed_all(named)
        steps = [{"loss": one.loss, "gradients": one.gradients is not None} for one in found]
        return {"steps": steps, "arrays": described}, memories

    def logits(self, request: Request, memory: memoryview) -> Answer:
        """Return the logits of the framework's own products."""
        arrays = unpacked_all(request["arrays"], memory)
        found = self._trainer().logits(*_training(request), _listed("parameter", arrays), arrays["features"])
        return _with_arrays({}, {"logits": found})

    def descend(self, request: Request, memory: memoryview) -> Answer:
        """Return the parameters after a step from those of the last `logits`."""
        arrays = unpacked_all(request["arrays"], memory)
        found = self._trainer().descend(*_training(request), arrays["features"], arrays["upstream"])
        return _with_arrays({}, {f"parameter{place}": array for place, array in enumerate(found)})

    def loss(self, request: Request, memory: memoryview) -> Answer:
        """Return the framework's loss at given logits and its gradient."""
        arrays = unpacked_all(request["arrays"], memory)
        loss, gradient = self._trainer().loss(*_training(request), arrays["logits"], arrays["labels"])
        return _with_arrays({"loss": loss}, {"gradient": gradient})

    def training_repro(self, request: Request, memory: memoryview) -> Answer:
        """Return a standalone program that takes one step."""
        arrays = unpacked_all(request["arrays"], memory)
        batch = Examples(arrays["features"], arrays["labels"])
        return {"text": self._trainer().repro(*_training(request), _listed("parameter", arrays), batch)}, []

    def _trainer(self) -> Any:
        if not hasattr(self, "trainer"):
            found = trainer_of(self.adapter)
            if found is None:
                raise LookupError(f"{self.adapter.name} has no trainer")
            self.trainer = found
        return self.trainer


class KeptImports:
    """The state that imports need: a call that removes `sys.path` or modules would break every later one."""

    def __init__(self) -> None:
        self.keep()

    def keep(self) -> None:
        """Keep where modules are found, and those that are loaded."""
        self._path, self._modules = list(sys.path), dict(sys.modules)

    def restore(self) -> None:
        """Bring back what is gone; what was added stays."""
        if not set(self._path).issubset(sys.path):
            sys.path[:] = self._path
        if len(sys.modules) < len(self._modules):
            sys.modules.update({name: one for name, one in self._modules.items() if name not in sys.modules})


class KeptNames:
    """NumPy's names and the built-in ones: a call that rebinds one would change every later one."""

    def __init__(self) -> None:
        self.keep()

    def keep(self) -> None:
        """Keep what each stands for; a framework may have changed one when it was imported."""
        self._kept = [(module, dict(vars(module))) for module in (np, builtins)]

    def restore(self) -> None:
        """Bring back what stands for something else, or is gone; what was added stays."""
        for module, kept in self._kept:
            now = vars(module)
            if not all(map(is_, map(now.get, kept), kept.values())):
                now.update(kept)


class Examples:
    """Stands for `logitproof_reference.training.tasks.Examples`, which is not sent to targets."""

    def __init__(self, features: Any, labels: Any) -> None:
        self.features, self.labels = features, labels

    def __len__(self) -> int:
        return len(self.labels)


class Task:
    """The part of a `logitproof_reference.training.tasks.Task` that a trainer reads; the class is not sent."""

    def __init__(self, name: str, op: str, widths: list[int], rate: float) -> None:
        self.name, self.op, self.widths, self.rate = name, op, tuple(widths), rate


def _training(request: Request) -> tuple[Any, Task]:
    return cell_from_json(request["cell"]), Task(**request["task"])


def _listed(kind: str, arrays: Mapping[str, Any]) -> list[Any]:
    return [array for name, array in arrays.items() if name.startswith(kind)]


def _with_arrays(header: Request, arrays: Mapping[str, Any]) -> Answer:
    described, memories = packed_all(arrays)
    return {**header, "arrays": described}, memories


def fulfilling(adapter: Any) -> Adapter:
    """Return an object that fulfils the contract as far as can be seen.

    Raises
    ------
    TypeError
        It does not.
    """
    lacking = [name for name in CONTRACT if not hasattr(adapter, name)]
    if lacking:
        raise TypeError(f"it does not fulfil the contract: it has no {', '.join(lacking)}")
    if not (isinstance(adapter.name, str) and re.match(r"[a-z][a-z0-9_]*\Z", adapter.name)):
        raise TypeError(f"it is named {adapter.name!r}; a name matches [a-z][a-z0-9_]*")
    modes = adapter.modes
    if not (isinstance(modes, (tuple, list)) and modes and all(isinstance(one, str) for one in modes)):
        raise TypeError(f"it has the modes {modes!r}; expected names, e.g. ('eager', 'compiled')")
    found: Adapter = adapter
    return found


def _reason(found: Any) -> str | None:
    """Return why a cell is not offered, or None if it is; what is neither is an error of the adapter."""
    if found is None or isinstance(found, str):
        return None if found is None else str(found)[:MOST_CHARACTERS]
    raise TypeError(f"unsupported returned {type(found).__name__}; it returns a text or None")


def _description(adapter: Adapter) -> dict[str, Any]:
    """Return what an adapter says of its framework: texts, since a run file holds them.

    Raises
    ------
    TypeError
        It says something else.
    """
    found = asdict(adapter.describe())
    texts = [found["framework"], found["version"], *found["build"], *found["build"].values()]
    if not all(isinstance(one, str) for one in texts):
        raise TypeError("describe returned no texts: framework, version, and names and values of build are such")
    return {
        "framework": found["framework"][:MOST_CHARACTERS],
        "version": found["version"][:MOST_CHARACTERS],
        "build": {name[:MOST_CHARACTERS]: text[:MOST_CHARACTERS] for name, text in found["build"].items()},
    }


def facts_of_adapter(adapter: Adapter) -> dict[str, Any]:
    """Return what an adapter states of its framework, all but what depends on a cell."""
    arithmetic = getattr(adapter, "arithmetic", None)
    return {
        "name": adapter.name,
        "modes": list(dict.fromkeys(adapter.modes)),
        "description": _description(adapter),
        "entries": [[*loss, list(words)] for loss, words in contract.entries(adapter).items()],
        "producers": list(contract.producers(adapter)),
        "ignored_labels": list(contract.ignored_labels(adapter)),
        "broadcast_labels": list(contract.broadcast_labels(adapter)),
        "floating_indices": contract.floating_indices(adapter),
        "label_columns": contract.label_columns(adapter),
        "most_axes": dict(contract.most_axes(adapter)),
        "negative_strides": contract.negative_strides(adapter),
        "one_dimension": list(contract.one_dimension(adapter)),
        "spellings": {op: list(words) for op, words in contract.spellings(adapter).items()},
        "zero_dimensions": list(contract.zero_dimensions(adapter)),
        "mixed_derivatives": contract.mixed_derivatives(adapter),
        "keeps_graph": contract.keeps_graph(adapter),
        "quick_rows": contract.quick_rows(adapter),
        "arithmetic": None if arithmetic is None else asdict(arithmetic),
        "trainer": _facts_of_trainer(trainer_of(adapter)),
    }


def _facts_of_trainer(trainer: SourceTrainer | None) -> dict[str, Any] | None:
    if trainer is None:
        return None
    formats = [name for name in trainer.formats if not (name == "bfloat16" and bfloat16_is_bits())]
    recipes = {op: [list(pair) for pair in pairs] for op, pairs in trainer.recipes.items()}
    return {"mode": trainer.mode, "formats": formats, "recipes": recipes}
