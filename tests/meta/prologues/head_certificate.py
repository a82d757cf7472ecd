"""The exact linear layer with bias, cap, loss and z-loss against ball arithmetic on 100,000 rows: `nox -s heads`."""

from __future__ import annotations

import argparse
import itertools
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.cases.hashed_numbers import normals
from logitproof_reference.prologues.head import Head
from logitproof_reference.prologues.linear import LinearPrologue
from logitproof_reference.prologues.softcap import SoftcapPrologue
from logitproof_reference.vocabulary.formats import FORMATS
from meta.prologues.head_by_balls import farthest, head_by_balls

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 400
"""Rows of a batch."""

SHAPES = ((64, 10), (17, 33), (200, 4), (5, 7))
"""Width of the hidden states, and classes."""

SIZES = (0.1, 1.0, 30.0)
CAPS = (0.0, 0.0, 8.0)
Z_LOSSES = (0.0, 1e-3)


def batches(first: int = 0) -> Iterator[tuple[Head, dict[str, Any]]]:
    """Yield heads from a batch on, and what ball arithmetic makes of them, without end."""
    kinds = enumerate(itertools.cycle(itertools.product(SHAPES, SIZES, FORMATS, CAPS, Z_LOSSES)))
    for number, ((width, classes), size, name, cap, z_loss) in itertools.islice(kinds, first, None):
        dtype = FORMATS[name].dtype
        hidden = normals(f"certificate, hidden {number}", (ROWS, width)).astype(dtype)
        weight = normals(f"certificate, weight {number}", (classes, width))
        weight = (size / np.sqrt(width) * weight).astype(dtype)
        labels = np.arange(ROWS) * 7 % classes
        bias = normals(f"certificate, bias {number}", (classes,)).astype(dtype)
        layer = LinearPrologue(has_bias=True)
        operands = {"hidden": hidden, "weight": weight, "bias": bias}
        prologues = (layer, SoftcapPrologue(cap)) if cap else (layer,)
        head = Head(prologues, operands, "softmax_cross_entropy", labels, z_loss=z_loss)
        yield head, head_by_balls(hidden, weight, labels, cap=cap, bias=bias, z_loss=z_loss)


def certify(rows: int, skipped: int = 0) -> tuple[float, int]:
    """Return the largest distance from the truth over its radius, and how many numbers were compared."""
    worst, numbers = 0.0, 0
    for head, truth in itertools.islice(batches(skipped // ROWS), -(-rows // ROWS)):
        for quantity in ("value", "grad_hidden", "grad_weight", "grad_bias"):
            answer = head.exact(quantity)
            worst = max(worst, farthest(truth[quantity], answer))
            numbers += answer.value.size
    return worst, numbers


def main(arguments: list[str]) -> int:
    """Print what was found; 1 where a radius does not cover the truth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--skip", type=int, default=0, help="Rows that another run compared: a long run in parts.")
    given = parser.parse_args(arguments)
    worst, numbers = certify(given.rows, given.skip)
    after = f" after {given.skip}" if given.skip else ""
    sys.stdout.write(
        f"{given.rows} rows{after}, {numbers} numbers: the largest distance is {worst:.3f} of its radius\n"
    )
    return 0 if worst <= 1.0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
