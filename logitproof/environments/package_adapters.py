"""Which adapters call a package, and what else they need."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from logitproof_adapters.catalogue.frameworks import PACKAGES, distributions_of
from logitproof_adapters.catalogue.registry import known

if TYPE_CHECKING:
    from collections.abc import Sequence

ADAPTER_OF = {
    "jaxlib": "jax",
    "tensorflow-cpu": "tensorflow",
    "tf-nightly": "tensorflow",
    "scikit-learn": "sklearn",
    "paddlepaddle": "paddle",
    "liger-kernel": "liger",
}
"""First word of the adapters that ask a package, where it is not the package's own name."""


def names_of(requirements: Sequence[str]) -> list[str]:
    """Return the names of the packages that requirements ask for."""
    return [str(canonicalize_name(Requirement(text).name)) for text in requirements]


def adapter_words(requirements: Sequence[str]) -> list[str]:
    """Return the first words of the adapters that ask the packages of requirements.

    >>> adapter_words(["tensorflow-cpu==2.21.0", "onnxruntime"])
    ['tensorflow', 'onnxruntime']
    """
    return [ADAPTER_OF.get(name, name).replace("-", "_") for name in names_of(requirements)]


def is_framework(name: str) -> bool:
    """Return whether a package is one that adapters ask, NumPy aside: it is in every environment.

    >>> is_framework("tensorflow-cpu"), is_framework("numpy"), is_framework("requests")
    (True, False, False)
    """
    asked = {name for package in PACKAGES if package != "numpy" for name in (package, *distributions_of(package))}
    return name in {canonicalize_name(one) for one in asked}


def with_companions(requirements: Sequence[str]) -> tuple[str, ...]:
    """Return requirements with what their adapters need beside, as Logitproof's extras say.

    Without the extras' minimum versions: what is on trial may be older than what is tested.
    """
    extras = [Requirement(text) for text in metadata.requires("logitproof") or ()]
    beside = [
        f"{needed.name}[{','.join(sorted(needed.extras))}]" if needed.extras else needed.name
        for word, name in zip(adapter_words(requirements), names_of(requirements), strict=True)
        if name in {canonicalize_name(needed.name) for needed in extras if _serves(needed, word)}
        for needed in extras
        if _serves(needed, word)
    ]
    return (*requirements, *dict.fromkeys(beside))


def backends_of(requirements: Sequence[str]) -> dict[str, list[str]]:
    """Return the adapters that ask the packages of requirements on a backend, with what each needs beside them.

    >>> backends_of(["keras==3.15.1"])["keras_jax"]
    ['jax']
    """
    extras = [Requirement(text) for text in metadata.requires("logitproof") or ()]
    words, names = adapter_words(requirements), names_of(requirements)
    return {
        adapter: [needed.name for needed in extras if _serves(needed, adapter) and needed.name not in names]
        for adapter in known()
        if any(adapter.startswith(f"{word}_") for word in words)
    }


def _serves(needed: Requirement, extra: str) -> bool:
    marker = needed.marker
    return marker is not None and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""})
