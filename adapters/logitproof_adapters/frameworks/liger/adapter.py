"""Liger Kernel: LigerCrossEntropyLoss and liger_softmax, Triton kernels called through PyTorch's autograd.

On the CPU they run in Triton's interpreter, which TRITON_INTERPRET=1 chooses before Triton is imported: NumPy then
computes what the kernels say, in their formats, but neither exp nor sums are those of a GPU. Both take rows by classes
(https://linkedin.github.io/Liger-Kernel/Low-Level-APIs/); the loss means what torch.nn.CrossEntropyLoss means.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING

from logitproof_adapters.contract import CPU, Description
from logitproof_adapters.frameworks.liger.dialect import documented
from logitproof_adapters.frameworks.torch.adapter import TorchAdapter
from logitproof_adapters.frameworks.torch.expressions import options_source
from logitproof_adapters.sources.unsupported import NOT_ASKED

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.cells import Cell

EXPRESSIONS = {
    ("softmax", "none"): "functional.liger_softmax(x)",
    ("softmax_cross_entropy", "indices"): "LigerCrossEntropyLoss({options})(x, y)",
}
INTERPRETED_ROWS = 2000
"""Rows of a batch that Triton's interpreter, at about 10 ms of CPU time a row, is asked in the quick profile."""

ENVIRONMENT = 'import os\nos.environ["TRITON_INTERPRET"] = "1"\n'


class LigerAdapter(TorchAdapter):
    """Asks Liger Kernel on a GPU, or in Triton's interpreter."""

    name = "liger"
    dialects = documented()
    modes = ("eager",)
    one_dimension = ()
    spellings = {}  # noqa: RUF012 - none of PyTorch's
    zero_dimensions = ()
    entries = {}  # noqa: RUF012 - none of PyTorch's
    imports = "import torch\nfrom liger_kernel.transformers import LigerCrossEntropyLoss, functional"

    def __init__(self, device: str = CPU) -> None:
        self._interpreted = device == CPU
        if self._interpreted:
            os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is imported
            self.imports = ENVIRONMENT + self.imports
            self.quick_rows = INTERPRETED_ROWS
        else:
            os.environ.pop("TRITON_INTERPRET", None)  # or NumPy would compute, and nothing on the device
        super().__init__(device)
        # Where 0.2 has the loss too, which exports it nowhere else.
        from liger_kernel.transformers.cross_entropy import (  # noqa: PLC0415 - an adapter imports its framework here and nowhere else
            LigerCrossEntropyLoss,
        )

        # Releases before 0.6 have no liger_softmax, 0.2 has no functions: that costs its cells, not the loss.
        with suppress(ImportError):
            from liger_kernel.transformers import functional  # noqa: PLC0415 - likewise

            self._namespace.update(functional=functional)
        self._namespace.update(LigerCrossEntropyLoss=LigerCrossEntropyLoss)

    def describe(self) -> Description:
        """Return the versions of Liger Kernel, Triton and PyTorch."""
        interpreter = "on" if self._interpreted else "off"
        build = {
            "triton": version("triton"),
            "torch": self._torch.__version__,
            "triton_interpreter": interpreter,
            "device": self.device,
        }
        return Description("Liger Kernel", version("liger-kernel"), build)

    def unsupported(self, cell: Cell) -> str | None:
        """Return why Liger Kernel has no such cell, or None."""
        reasons = {
            f"Liger Kernel has no {cell.op} of {cell.labels}": (cell.op, cell.labels) not in EXPRESSIONS,
            "Liger's kernels have a backward pass and no other derivative": cell.quantity in {"jvp", "hvp"},
            "Liger's kernels take rows by classes": cell.axis != "last",
            # https://triton-lang.org/main/programming-guide/chapter-3/debugging.html; the loss casts to float32 first,
            # but multiplies the gradient of a reduction by the one upstream as it comes.
            f"{NOT_ASKED}Triton documents that its interpreter does not operate on bfloat16": (
                self._interpreted
                and cell.format == "bfloat16"
                and (cell.op == "softmax" or (cell.quantity != "value" and cell.options.reduction != "none"))
            ),
            "Triton's interpreter passes a Python float where the kernel casts the sum of weights": (
                cell.options.weight and not self._takes_weight
            ),
        }
        return super().unsupported(cell) or next((reason for reason, applies in reasons.items() if applies), None)

    @cached_property
    def _takes_weight(self) -> bool:
        loss = self._namespace["LigerCrossEntropyLoss"](weight=self._torch.ones(2, device=self.device))
        try:
            loss(self._torch.ones(1, 2, device=self.device), self._torch.zeros(1, dtype=int, device=self.device))
        except Exception:  # noqa: BLE001 - of Triton's interpreter, whose types differ between releases
            return False
        return True

    def expression(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return the call that is judged."""
        del axis, ndim
        return EXPRESSIONS[cell.op, cell.labels].format(options=options_source(cell.options))
