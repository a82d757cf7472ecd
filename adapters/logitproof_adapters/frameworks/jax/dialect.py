"""The dialect of JAX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_adapters.contract import DISTRIBUTIONS, INDICES, SIGMOID, Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Loss


def documented() -> Mapping[Loss, Dialect]:
    """Return what JAX documents of its losses."""
    pages = "https://docs.jax.dev/en/latest/_autosummary/"
    return {
        (*INDICES, ""): Dialect(
            documentation=f"{pages}jax.numpy.take_along_axis.html",
            function="jnp.take_along_axis of jax.nn.log_softmax",
            reduction="none",
            class_axis="any",
            label_formats="any integer",
            out_of_range="NaN; -K to -1 count from the end",
            ignored_index="none",
        ),
        (*DISTRIBUTIONS, ""): Dialect(
            documentation=f"{pages}jax.nn.log_softmax.html",
            function="sum of labels times jax.nn.log_softmax",
            reduction="none",
            class_axis="any, last by default",
        ),
        (*SIGMOID, ""): Dialect(
            documentation=f"{pages}jax.nn.log_sigmoid.html",
            function="labels times jax.nn.log_sigmoid",
            reduction="none",
        ),
    }
