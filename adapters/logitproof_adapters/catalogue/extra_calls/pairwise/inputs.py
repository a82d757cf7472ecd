"""The numbers that derived calls are given, as a program: all are exact in every format.

The program is part of each call, so that a call can be pasted; the judge runs it too, for the exact answer.
"""

from __future__ import annotations

from functools import cache
from typing import Any

INPUTS = """\
import numpy as np


def logits_of(shape, kind, axis=-1):
    axis = -1 if axis is None else axis
    steps = np.arange(int(np.prod(shape))).reshape(shape) * 7 % 11 - 5.0
    if kind == "level":
        return 0.0 * steps + 3.0
    if kind == "high":
        return 0.0 * steps + 16384.0
    if kind == "far":
        return 1024.0 * steps
    if kind == "offset":
        return 16384.0 + 128.0 * steps
    if kind in ("saturated", "tail"):
        return 8.0 * steps
    if kind == "counts":
        return steps + 5.0
    logits = steps / 2.0
    if kind == "infinite":
        places = np.arange(steps.size).reshape(shape) % 5
        return np.select([places == 1, places == 3, places == 4], [np.inf, -np.inf, np.nan], logits)
    if kind == "masked" and shape and shape[axis] > 1:
        np.moveaxis(logits, axis, 0)[-1] = -np.inf
    return logits


def classes_of(shape, kind, axis=-1):
    many = shape[axis] - (kind == "masked" and shape[axis] > 1) if shape else 1
    rows = np.moveaxis(np.zeros(shape), axis, 0).shape[1:] if shape else ()
    return (np.arange(int(np.prod(rows))).reshape(rows) * 5 + 1) % max(many, 1)


def shares_of(shape, kind, axis=-1):
    labels = classes_of(shape, kind, axis)
    many = shape[axis] - (kind == "masked" and shape[axis] > 1)
    numbers = np.arange(shape[axis]).reshape((-1,) + (1,) * labels.ndim)
    return np.moveaxis(0.75 * (numbers == labels) + 0.25 * (numbers == (labels + 1) % max(many, 1)), 0, axis)


def truths_of(shape):
    return (np.arange(int(np.prod(shape))).reshape(shape) * 3 % 5) / 4.0


def weights_of(many):
    return 1.0 + np.arange(many) % 3 / 2.0


def factors_of(shape):
    return 1.0 + (np.arange(int(np.prod(shape))).reshape(shape) * 3 % 4) / 2.0


def cotangent_of(shape):
    return np.array([1.0, -0.5, 0.0, 2.0, 0.5, -1.0])[np.arange(int(np.prod(shape))) % 6].reshape(shape)


def tangent_of(shape):
    return np.array([1.0, 0.0, -1.0, 2.0, 0.5, -0.5, 1.0])[np.arange(int(np.prod(shape))) % 7].reshape(shape)
"""


@cache
def inputs() -> dict[str, Any]:
    """Return the functions of the program by name."""
    namespace: dict[str, Any] = {}
    exec(INPUTS, namespace)  # noqa: S102  the text above
    return namespace
