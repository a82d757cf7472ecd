"""Where an adapter computes: a word such as ``cpu``, ``cuda:1`` or ``mps``, and the line that puts a framework there.

A word is the framework's own, in lower case, with the index behind a colon: what torch.device takes, a platform of JAX,
a device of TensorFlow, PaddlePaddle, MLX or tinygrad, an execution provider of ONNX Runtime.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, Callable, Iterable

if TYPE_CHECKING:
    from logitproof_adapters.contract.adapter import Adapter

CPU = "cpu"
"""Where an adapter computes unless told otherwise."""


class DeviceError(ValueError):
    """A device that is not there, or where nothing can be judged; the message is one line."""


def absent(framework: str, device: str, there: Iterable[str]) -> DeviceError:
    """Return the error for a device that a framework does not have, with those it has.

    >>> raise absent("JAX", "cuda", ["cpu", "cpu:1"])
    Traceback (most recent call last):
    logitproof_adapters.contract.device.DeviceError: JAX has no device "cuda" here; it has cpu, cpu:1
    """
    return DeviceError(f'{framework} has no device "{device}" here; it has {", ".join(dict.fromkeys(there))}')


def parted(device: str) -> tuple[str, int]:
    """Return the kind and the index of a device, which is 0 unless it is told.

    >>> parted("cuda:1"), parted("mps"), parted("cpu:llvm")
    (('cuda', 1), ('mps', 0), ('cpu:llvm', 0))
    """
    numbered = re.fullmatch("(.*):([0-9]+)", device)
    return (numbered.group(1), int(numbered.group(2))) if numbered else (device, 0)


def indexed(kinds: Iterable[str]) -> list[str]:
    """Return the devices of which these are the kinds, one each; the first of a kind has no index.

    >>> indexed(["cpu", "gpu", "gpu"])
    ['cpu', 'gpu', 'gpu:1']
    """
    found: list[str] = []
    for kind in kinds:
        count = sum(parted(one)[0] == kind for one in found)
        found.append(f"{kind}:{count}" if count else kind)
    return found


def first_is_unnumbered(device: str) -> str:
    """Return a device by the name under which `indexed` has it.

    >>> first_is_unnumbered("gpu:0"), first_is_unnumbered("gpu:1"), first_is_unnumbered("cpu:llvm")
    ('gpu', 'gpu:1', 'cpu:llvm')
    """
    return re.sub(":0+$", "", device)


def made_for(factory: Callable[..., Adapter], device: str) -> Any:
    """Return the adapter that a class makes for a device.

    Raises
    ------
    DeviceError
        It takes no device, and another than the CPU is asked; or the device is not there.
    """
    if "device" in inspect.signature(factory).parameters:
        return factory(device=device)
    if device != CPU:
        raise DeviceError(f'device "{device}": the adapter {factory.__name__} takes no device, it computes on the CPU')
    return factory()
