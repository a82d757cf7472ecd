"""JAX: jax.nn.softmax, log_softmax and logsumexp, and cross-entropy as JAX users write it, by jax.vjp.

JAX has no cross-entropy of its own: with class indices users take the label's entry of log_softmax, with distributions
the sum over the classes (https://docs.jax.dev/en/latest/jax.nn.html). float64 needs jax_enable_x64; results
in the other formats do not depend on it. The calls are spelled in `functions`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import CPU, Description
from logitproof_adapters.contract.device import absent, indexed, parted
from logitproof_adapters.frameworks.jax.dialect import documented
from logitproof_adapters.frameworks.jax.expressions import ENTRIES, EXPRESSIONS, SPELLED, TRANSFORMS, program
from logitproof_adapters.sources.source_adapter import (
    SourceAdapter,
    behind_producer,
    literal,
    place_of_classes,
    spelled_words,
)
from logitproof_adapters.sources.unsupported import NOT_ASKED
from logitproof_reference.vocabulary.cells import PLAIN
from logitproof_reference.vocabulary.producers import PRODUCERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs


FIRST_WITH_WHERE = (0, 4, 27)
"""The release from which on jax.nn.logsumexp has the argument, and softmax and log_softmax need no other beside it."""


X64 = 'jax.config.update("jax_enable_x64", True)'


class JaxAdapter(SourceAdapter):
    """Asks JAX on a device: a platform and an index."""

    name = "jax"
    dialects = documented()
    modes: tuple[str, ...] = tuple(TRANSFORMS)
    entries: Mapping[tuple[str, str], tuple[str, ...]] = ENTRIES
    spellings: Mapping[str, tuple[str, ...]] = spelled_words(SPELLED)
    producers = tuple(PRODUCERS)
    keeps_graph = True
    mixed_derivatives = True
    one_dimension: tuple[str, ...] = ("softmax", "log_softmax", "log_sum_exp", "softmax_cross_entropy")
    """Optax: "Unnormalized log probabilities, with shape [..., num_classes]"."""
    imports = "import jax\nimport jax.numpy as jnp"
    report = "print(result.dtype, result.tolist())"
    # The indices of jax.numpy.take_along_axis need only be broadcast-compatible; a product follows NumPy's rules.
    broadcast_labels: tuple[str, ...] = ("indices", "distributions")

    def __init__(self, device: str = CPU) -> None:
        # JAX opens every device, and takes most of a GPU's memory: other frameworks may be judged there meanwhile.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        import jax  # noqa: PLC0415 - an adapter imports its framework here and nowhere else

        super().__init__(jax=jax, jnp=jax.numpy)
        self._jax = jax
        jax.config.update("jax_enable_x64", True)  # noqa: FBT003 - JAX's own signature
        self.place(device, self._line(device))

    def _line(self, device: str) -> str:
        """Return the line that makes a device the default; empty if it is.

        Raises
        ------
        DeviceError
            There is no such device.
        """
        kind, index = parted(device)
        own = self._jax.devices()
        try:
            there = self._jax.devices(kind)
        except RuntimeError as error:
            raise absent("JAX", device, ["cpu", *indexed(one.platform for one in own)]) from error
        if index >= len(there):
            raise absent("JAX", device, indexed(one.platform for one in there))
        line = f'jax.config.update("jax_default_device", jax.devices("{kind}")[{index}])'
        return "" if there[index] == own[0] else line

    def describe(self) -> Description:
        """Return JAX's version, that of its compiled part, device, precision of products and the flags given to XLA."""
        kind, index = parted(self.device)
        build = {
            "jaxlib": self._jax.lib.__version__,
            "backend": self._jax.default_backend(),
            "xla_flags": os.environ.get("XLA_FLAGS", ""),
            "device": self.device,
            "device_name": self._jax.devices(kind)[index].device_kind,
            "matmul_precision": str(self._jax.config.jax_default_matmul_precision or "default"),
        }
        return Description("JAX", self._jax.__version__, build)

    def unsupported(self, cell: Cell) -> str | None:
        """Return why JAX has no such cell, or None."""
        reasons = {
            "the argument where needs JAX 0.4.27": (
                cell.entry == "where" and self._jax.__version_info__ < FIRST_WITH_WHERE
            ),
            "jax.nn has no loss, hence no options of one": cell.options != PLAIN,
            f"{NOT_ASKED}log_softmax is -inf where it leaves out, without a derivative; the limit's is 1": (
                cell.entry == "where" and cell.op == "log_softmax" and cell.quantity in {"grad_logits", "jvp"}
            ),
        }
        return super().unsupported(cell) or next((reason for reason, applies in reasons.items() if applies), None)

    def switches(self, cell: Cell) -> list[str]:
        """Return the switch without which JAX has no float64."""
        return [X64] if cell.format == "float64" else []

    def repro(self, cell: Cell, inputs: Inputs) -> str:
        """Return a standalone program, with the switch without which JAX has no int64 where a label needs it."""
        program, labels = super().repro(cell, inputs), inputs.labels
        needs = cell.labels == "indices" and labels is not None and bool((labels != labels.astype(np.int32)).any())
        return program.replace(self.imports, f"{self.imports}\n{X64}", 1) if needs and X64 not in program else program

    def forget(self) -> None:
        """Let JAX forget its compiled programs, also those of single primitives."""
        self._jax.clear_caches()

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        return program(cell, behind_producer(cell, self.expression(cell, *place_of_classes(cell, axis, ndim))))

    def expression(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return the call that is judged; an adapter of what is built on JAX overrides this alone."""
        spelled = SPELLED.get((cell.op, cell.entry)) or EXPRESSIONS[cell.op, cell.labels, cell.entry]
        return spelled.format(axis=axis, last=ndim - 1)

    def tensor(self, array: NDArray[Any]) -> Any:
        """Return a JAX array of the same numbers; `jax.numpy.asarray` would compile a copy for each shape."""
        return self._jax.device_put(array.copy())  # JAX would keep the memory of the caller, who may write to it

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return an array of the result's format."""
        return np.asarray(tensor)

    def spelling(self, array: NDArray[Any]) -> str:
        """Spell the array as a JAX array."""
        return f"jnp.array({literal(array)}, jnp.{array.dtype}).reshape({array.shape})"
