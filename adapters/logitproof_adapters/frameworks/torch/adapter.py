"""PyTorch: torch.softmax, log_softmax, logsumexp and torch.nn.CrossEntropyLoss, differentiated by torch.autograd.

The loss is what https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html documents, also asked as
torch.nn.functional.cross_entropy and in two steps with nll_loss; the calls are spelled in `functions`.
"""

from __future__ import annotations

import linecache
import os
import re
import shutil
import sys
import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any, Callable

import numpy as np

from logitproof_adapters.contract import CPU, Description, DeviceError
from logitproof_adapters.contract.device import absent, indexed, parted
from logitproof_adapters.frameworks.torch.dialect import IGNORED_LABEL, documented
from logitproof_adapters.frameworks.torch.expressions import (
    ENTRIES,
    EXPRESSIONS,
    SPELLED,
    STRIDED_OUTPUTS,
    backward_of_strided,
    options_source,
    program,
)
from logitproof_adapters.sources.source_adapter import (
    SourceAdapter,
    behind_producer,
    literal,
    place_of_classes,
    spelled_words,
)
from logitproof_reference.vocabulary.formats import bfloat16, is_bfloat16, name_of_dtype
from logitproof_reference.vocabulary.ops import TAKES_TANGENT
from logitproof_reference.vocabulary.producers import PRODUCERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs


def _told(read: Callable[[], str]) -> str:
    """Return what a policy is; PyTorch 2.9 refuses to tell where it was set by the old and by the new functions."""
    try:
        return read()
    except RuntimeError:
        return "mixed"


DEFAULT_COMPILER = "clang++" if sys.platform == "darwin" else "g++"
"""What torch._inductor.config names where CXX is not set; to import it takes as long as PyTorch itself."""

NO_SMOOTHING = "NLLLoss smooths no labels; CrossEntropyLoss does"


class TorchAdapter(SourceAdapter):
    """Asks PyTorch on a device: what torch.device takes."""

    name = "torch"
    dialects = documented()
    modes: tuple[str, ...] = ("eager", "compiled", "vmap")
    entries: Mapping[tuple[str, str], tuple[str, ...]] = ENTRIES
    producers = tuple(PRODUCERS)
    keeps_graph = True
    mixed_derivatives = True
    spellings: Mapping[str, tuple[str, ...]] = {
        op: (*words, *(["strided_output"] if op in STRIDED_OUTPUTS else []))
        for op, words in spelled_words(SPELLED).items()
    }
    zero_dimensions: tuple[str, ...] = ("softmax", "log_softmax", "log_sum_exp")
    negative_strides = False  # torch.from_numpy: "At least one stride in the given numpy array is negative"
    one_dimension: tuple[str, ...] = ("softmax", "log_softmax", "log_sum_exp", "softmax_cross_entropy")
    """CrossEntropyLoss: "Input: Shape (C), (N, C) or ..."; "Target: If containing class indices, shape ()"."""
    imports = "import torch"
    report = "print(result.dtype, result.tolist())"
    ignored_labels: tuple[int, ...] = (IGNORED_LABEL,)

    def __init__(self, device: str = CPU) -> None:
        import torch  # noqa: PLC0415 - an adapter imports its framework here and nowhere else

        super().__init__(torch=torch)
        self._torch = torch
        if device != CPU:
            self._find(device)
            self.place(device, f'torch.set_default_device("{device}")')

    def _find(self, device: str) -> None:
        """Raise DeviceError unless numbers can be put on a device and come back."""
        if not hasattr(self._torch, "set_default_device"):
            raise DeviceError(f'device "{device}": devices are judged from PyTorch 2.0 on')
        try:
            self._torch.ones(1, device=device).item()
        except (AssertionError, NotImplementedError, RuntimeError) as error:
            raise absent("PyTorch", device, self._devices()) from error

    def _devices(self) -> list[str]:
        modules = {name: getattr(self._torch, name, None) for name in ("cuda", "xpu", "mps")}
        # Of the modules of older releases not all have this.
        told: dict[str, Any] = {name: one for name, one in modules.items() if hasattr(one, "is_available")}
        there = {name: backend for name, backend in told.items() if backend.is_available()}
        return ["cpu", *indexed(name for name, backend in there.items() for _ in range(backend.device_count()))]

    def describe(self) -> Description:
        """Return PyTorch's version, threads, SIMD level, device, and how precise its products are."""
        build = {"threads": str(self._torch.get_num_threads()), "simd": self._simd_level(), "device": self.device}
        return Description("PyTorch", str(self._torch.__version__), {**build, **self._policy()})

    def _policy(self) -> dict[str, str]:
        """Return what PyTorch is set to, by default or by whoever started it; nothing is set here."""
        kind, index = parted(self.device)
        precision = getattr(self._torch, "get_float32_matmul_precision", None)  # since PyTorch 1.12
        told = {"matmul_precision": _told(precision)} if precision else {}
        if self._torch.are_deterministic_algorithms_enabled():
            told["deterministic"] = "on"
        if kind != "cuda":
            return told
        tf32 = _told(lambda: "on" if self._torch.backends.cuda.matmul.allow_tf32 else "off")
        cuda = str(self._torch.version.cuda or self._torch.version.hip)
        return {**told, "device_name": self._torch.cuda.get_device_name(index), "cuda": cuda, "tf32": tf32}

    def _simd_level(self) -> str:
        if hasattr(self._torch.backends, "cpu"):
            return str(self._torch.backends.cpu.get_cpu_capability())
        told = re.search(r"CPU capability usage: (\S+)", self._torch.__config__.show())  # before PyTorch 2.1
        return told.group(1) if told else ""

    def unsupported(self, cell: Cell) -> str | None:
        """Return why PyTorch has no such cell, or None."""
        reason = super().unsupported(cell) or self._too_old(cell)
        if cell.entry == "nll_loss" and cell.options.label_smoothing:
            return NO_SMOOTHING
        if self.device.startswith("mps") and cell.format == "float64":
            return "MPS has no float64"
        if reason or cell.mode != "compiled" or self.device != CPU:
            return reason
        if shutil.which(os.environ.get("CXX", DEFAULT_COMPILER)):
            return None  # the first that the configuration names
        from torch._inductor import config  # noqa: PLC0415 - a second; no public name tells the compiler

        found = any(shutil.which(compiler) for compiler in config.cpp.cxx if compiler)
        return None if found else "torch.compile needs a C++ compiler on the CPU; install g++ or set CXX"

    def _too_old(self, cell: Cell) -> str | None:
        """Return which part of PyTorch 2 a cell needs and this release lacks, or None."""
        needs_func = cell.mode == "vmap" or cell.quantity in TAKES_TANGENT
        if cell.format == "float16" and not self._has_half_kernels:
            return "this release of PyTorch has no softmax of float16 on the CPU"
        needed = {"torch.func": needs_func, "torch.compile": cell.mode == "compiled"}
        for name, is_needed in needed.items():
            if is_needed and not hasattr(self._torch, name.partition(".")[2]):
                return f"{name} came with PyTorch 2.0"
        return None

    @cached_property
    def _has_half_kernels(self) -> bool:
        try:
            self._torch.log_softmax(self._torch.ones((1, 1), dtype=self._torch.float16, device=self.device), 1)
        except RuntimeError:
            return False
        return True

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return PyTorch's answer as it came."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # PyTorch's own, when it first compiles
            return super().evaluate(cell, inputs)

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        if cell.entry == "strided_output":
            return backward_of_strided(cell, axis)
        return program(cell, behind_producer(cell, self.expression(cell, *place_of_classes(cell, axis, ndim))))

    def before_execution(self, source: str, file: str) -> None:
        """Let Python find the lines of the source, as it finds those of a repro.

        Functions without lines PyTorch before 2.13 compiles in one frame that they share, of which it keeps eight
        programs in a process: the ninth function fails (https://github.com/pytorch/pytorch/issues/124269).
        """
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)

    def forget(self) -> None:
        """Let go of the lines of what is not called any more."""
        for file in [name for name in linecache.cache if name.startswith(f"<{self.name}-")]:
            del linecache.cache[file]

    def expression(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return the call that is judged; an adapter of what is built on PyTorch overrides this alone."""
        to_1 = "" if axis == 1 or ndim == 1 else f".movedim({axis}, 1)"
        spelled = SPELLED.get((cell.op, cell.entry))
        expression = spelled or EXPRESSIONS[cell.op, cell.labels, cell.entry]
        return expression.format(axis=axis, last=ndim - 1, to_1=to_1, options=options_source(cell.options))

    def tensor(self, array: NDArray[Any]) -> Any:
        """Return a tensor of the array's strides, which shares its memory on the CPU."""
        if is_bfloat16(array.dtype):
            return self._moved(self._of_memory(array, np.dtype(np.int16))).view(self._torch.bfloat16)
        return self._moved(self._of_memory(array, array.dtype))

    def _of_memory(self, array: NDArray[Any], dtype: np.dtype[Any]) -> Any:
        """Return a tensor whose storage is the memory of the array, of which torch.from_numpy takes what is read.

        Its place in it, `storage_offset`, is not 0 where the array begins behind the start of its memory.
        """
        whole = array.base
        if not (isinstance(whole, np.ndarray) and whole.ndim == 1 and whole.flags.c_contiguous):
            return self._torch.from_numpy(array.view(dtype))
        if whole.dtype != array.dtype or not array.size or min(array.strides, default=0) < 0:
            return self._torch.from_numpy(array.view(dtype))
        strides = [stride // array.itemsize for stride in array.strides]
        place = (array.ctypes.data - whole.ctypes.data) // array.itemsize
        return self._torch.from_numpy(whole.view(dtype)).as_strided(array.shape, strides, place)

    def _moved(self, tensor: Any) -> Any:
        """Return the tensor, strides and all, on the device; PyTorch itself makes most views contiguous on the way."""
        if self.device == CPU:
            return tensor
        span = 1 + sum((length - 1) * stride for length, stride in zip(tensor.shape, tensor.stride()))
        memory = tensor.as_strided((span if tensor.numel() else 0,), (1,))
        return memory.to(self.device).as_strided(tensor.shape, tensor.stride())

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return an array of the tensor's format."""
        here = tensor.detach().cpu()
        if tensor.dtype == self._torch.bfloat16:
            return np.asarray(here.view(self._torch.int16)).view(bfloat16())
        return np.asarray(here)

    def give_back(self, arrays: list[NDArray[Any]], tensors: list[Any]) -> None:
        """Do to the arrays what the call did to their tensors; on the CPU they are the same memory."""
        for array, tensor in zip(arrays, tensors) if self.device != CPU else ():
            if array.flags.writeable:
                array[...] = self.array(tensor)

    def spelling(self, array: NDArray[Any]) -> str:
        """Spell the array as a tensor."""
        return f"torch.tensor({literal(array)}, dtype=torch.{name_of_dtype(array.dtype)}).reshape({array.shape})"
