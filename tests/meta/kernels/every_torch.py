"""All kernels of PyTorch, registered; those of Triton where it is installed."""

from __future__ import annotations

from importlib.util import find_spec

from meta.kernels import (
    of_torch,
    of_torch_backward,
    of_torch_correct,
    of_torch_later,
    of_torch_numbers,
    of_torch_state,
    torch_parts,
)

MODULES = (of_torch_backward, of_torch_correct, of_torch_later, of_torch_numbers, of_torch_state)

if find_spec("triton"):
    from meta.kernels import of_torch_triton

    MODULES += (of_torch_triton,)

FAULTY = [*of_torch.FAULTY, *torch_parts.FAULTY]
CORRECT = [*of_torch.CORRECT, *torch_parts.CORRECT]
