"""The table of frameworks, one row each, and of the packages that they import.

Tests compare pyproject.toml (extras, entry points, dependency groups) and docs/frameworks.md with it. The module
travels to targets, where trainers are found by it.
"""

from __future__ import annotations

from dataclasses import dataclass

HOME = "logitproof_adapters.frameworks"


@dataclass(frozen=True)
class Framework:
    """A framework as it is asked by one adapter.

    Attributes
    ----------
    folder : str
        The folder in `logitproof_adapters.frameworks` that holds all that is known of it.
    adapter : str
        The class in the folder's module ``adapter``.
    trainer : str
        The class in its module ``trainer``; empty if no training is wrapped.
    packages : tuple of str
        What the adapter imports: names of `PACKAGES`.
    """

    folder: str
    adapter: str
    trainer: str = ""
    packages: tuple[str, ...] = ()

    @property
    def adapter_spec(self) -> str:
        """The adapter as ``module:Class``."""
        return f"{HOME}.{self.folder}.adapter:{self.adapter}"

    @property
    def trainer_spec(self) -> str:
        """The trainer as ``module:Class``; empty if there is none."""
        return f"{HOME}.{self.folder}.trainer:{self.trainer}" if self.trainer else ""


FRAMEWORKS = {
    "jax": Framework("jax", "JaxAdapter", "JaxTrainer", ("jax",)),
    "keras_jax": Framework("keras", "KerasJaxAdapter", "KerasTrainer", ("keras", "jax")),
    "keras_tensorflow": Framework("keras", "KerasTensorflowAdapter", "KerasTrainer", ("keras", "tensorflow")),
    "keras_torch": Framework("keras", "KerasTorchAdapter", "KerasTrainer", ("keras", "torch")),
    "liger": Framework("liger", "LigerAdapter", "", ("liger_kernel", "torch", "triton")),
    "mlx": Framework("mlx", "MlxAdapter", "", ("mlx",)),
    "numpy": Framework("numpy", "NumpyAdapter", "NumpyTrainer", ("numpy",)),
    "onnx_reference": Framework("onnx_reference", "OnnxReferenceAdapter", "", ("onnx",)),
    "onnxruntime": Framework("onnxruntime", "OnnxruntimeAdapter", "", ("onnx", "onnxruntime")),
    "openvino": Framework("openvino", "OpenvinoAdapter", "", ("onnx", "openvino")),
    "optax": Framework("optax", "OptaxAdapter", "OptaxTrainer", ("optax", "jax")),
    "paddle": Framework("paddle", "PaddleAdapter", "", ("paddle",)),
    "scipy": Framework("scipy", "ScipyAdapter", "", ("scipy",)),
    "sklearn": Framework("sklearn", "SklearnAdapter", "", ("sklearn",)),
    "tensorflow": Framework("tensorflow", "TensorflowAdapter", "TensorflowTrainer", ("tensorflow",)),
    "tinygrad": Framework("tinygrad", "TinygradAdapter", "", ("tinygrad",)),
    "torch": Framework("torch", "TorchAdapter", "TorchTrainer", ("torch",)),
}
"""Frameworks by the name of their adapter; also available where Logitproof is not installed."""


@dataclass(frozen=True)
class Package:
    """A package that is imported.

    Attributes
    ----------
    oldest : str
        The oldest release that is judged: the first that has what the adapters call. Older than what is tested, which
        the extras say: upgrades and replays judge such releases too. None is older than the first that runs beside
        NumPy 2, as Logitproof does.
    distributions : tuple of str
        What it is installed from; empty if that is one distribution of its own name.
    """

    oldest: str
    distributions: tuple[str, ...] = ()


PACKAGES = {
    "jax": Package("0.4.27"),
    "keras": Package("3.0.5"),
    "liger_kernel": Package("0.5.8", ("liger-kernel",)),
    "mlx": Package("0.28"),
    "numpy": Package("2.0"),
    "onnx": Package("1.15"),
    "onnxruntime": Package("1.19", ("onnxruntime", "onnxruntime-training", "onnxruntime-gpu")),
    "openvino": Package("2026.1"),
    "optax": Package("0.2.4"),
    "paddle": Package("2.6.2", ("paddlepaddle", "paddlepaddle-gpu")),
    "scipy": Package("1.13"),
    "sklearn": Package("1.4.2", ("scikit-learn",)),
    "tensorflow": Package("2.18", ("tensorflow", "tensorflow-cpu")),
    "tinygrad": Package("0.11"),
    "torch": Package("2.3"),
    "triton": Package("2.3.1"),
}
"""Packages by import name."""


def distributions_of(package: str) -> tuple[str, ...]:
    """Return what a package is installed from."""
    return (PACKAGES[package].distributions if package in PACKAGES else ()) or (package,)
