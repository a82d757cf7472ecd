"""Draw the pictures of logits-to-loss.md from the oracle: ``python docs/pictures.py`` writes them beside this file.

Every number in them is the exact answer; coordinates are rounded to a hundredth: the files are the same everywhere.
"""
# ruff: noqa: INP001 - a script, no package

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import logitproof
from logitproof_reference.training.exact import exact_trajectory
from logitproof_reference.training.tasks import STEPS, TASKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    F64 = NDArray[np.float64]

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 36, 44
COLOURS = ("#1f5fa8", "#b3541e", "#3b7d3b")
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#333}.axis{stroke:#888}.grid{stroke:#ddd}.line{fill:none;stroke-width:2}"
)


class Plot:
    """A plane of data coordinates in an SVG of fixed size."""

    def __init__(self, title: str, across: tuple[float, float], up: tuple[float, float]) -> None:
        self.title = title
        self.across = across
        self.up = up
        self.parts: list[str] = []

    def x(self, value: float) -> float:
        """Return the place of a value across."""
        low, high = self.across
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Return the place of a value upwards."""
        low, high = self.up
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def text(self, x: float, y: float, words: str, anchor: str = "middle", colour: str = "#333") -> None:
        """Write words at a place of the picture."""
        self.parts.append(f'<text x="{x:.2f}" y="{y:.2f}" text-anchor="{anchor}" style="fill:{colour}">{words}</text>')

    def axes(self, across: Sequence[float], up: Sequence[float], below: str) -> None:
        """Draw a grid with its numbers, and say what runs across."""
        for value in up:
            y = self.y(value)
            self.parts.append(f'<path class="grid" d="M{LEFT} {y:.2f}H{WIDTH - RIGHT}"/>')
            self.text(LEFT - 8, y + 4, f"{value:g}", "end")
        for value in across:
            self.text(self.x(value), HEIGHT - BOTTOM + 18, f"{value:g}")
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, below)

    def line(self, xs: F64, ys: F64, colour: str) -> None:
        """Draw a curve."""
        points = " ".join(f"{self.x(a):.2f},{self.y(b):.2f}" for a, b in zip(xs, ys, strict=True))
        self.parts.append(f'<polyline class="line" stroke="{colour}" points="{points}"/>')

    def bar(self, at: float, width: float, value: float, colour: str) -> None:
        """Draw a bar from 0."""
        top, foot = sorted((self.y(value), self.y(0.0)))
        corner = f'x="{self.x(at - width / 2):.2f}" y="{top:.2f}"'
        across = self.x(at + width / 2) - self.x(at - width / 2)
        self.parts.append(f'<rect {corner} width="{across:.2f}" height="{foot - top:.2f}" fill="{colour}"/>')

    def svg(self) -> str:
        """Return the picture."""
        self.text(LEFT, 20, self.title, "start")
        shape = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {shape}>\n<title>{self.title}</title>\n<style>{STYLE}</style>'
        return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>', *self.parts, "</svg>"]) + "\n"


def softmax_bars() -> str:
    """Draw three logits and their softmax."""
    logits = np.array([2.0, 1.0, 0.1])
    shares = logitproof.softmax(logits).value
    plot = Plot("logits 2, 1, 0.1 (left) and their softmax (right)", (0.0, 7.0), (0.0, 2.2))
    plot.axes([], [0.0, 0.5, 1.0, 1.5, 2.0], "class 0, 1, 2")
    for place, (values, digits) in enumerate(((logits, 1), (shares, 4))):
        for column, value in enumerate(values.tolist()):
            at = 1.0 + 3.5 * place + column * 0.9
            plot.bar(at, 0.7, value, COLOURS[column])
            plot.text(plot.x(at), plot.y(value) - 6, f"{value:.{digits}f}")
    return plot.svg()


def loss_and_slope() -> str:
    """Draw the loss of two classes, and its slope, against the lead of the right class."""
    lead = np.linspace(-6.0, 6.0, 97)
    rows, labels = np.stack([lead, np.zeros_like(lead)], axis=1), np.zeros(len(lead), dtype=np.int64)
    loss = logitproof.softmax_cross_entropy(rows, labels).value
    slope = logitproof.grad_logits("softmax_cross_entropy", rows, labels).value[:, 0]
    plot = Plot("loss (blue) and its slope p - 1 (orange) for two classes", (-6.0, 6.0), (-1.2, 6.2))
    plot.axes([-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0], [-1.0, 0.0, 2.0, 4.0, 6.0], "lead of the right class's logit")
    plot.line(lead, loss, COLOURS[0])
    plot.line(lead, slope, COLOURS[1])
    return plot.svg()


def training_loss() -> str:
    """Draw the loss along the exact trainings."""
    steps = STEPS["full"]
    plot = Plot("loss of the batch along the exact trainings, in nats", (1.0, float(steps)), (0.0, 2.6))
    plot.axes([1.0, 16.0, 32.0, 48.0, 64.0], [0.0, 0.5, 1.0, 1.5, 2.0, 2.5], "step")
    for colour, task in zip(COLOURS, TASKS.values(), strict=True):
        losses = np.array([float(found.loss[0]) for found, _ in exact_trajectory(task, steps)])
        plot.line(np.arange(1.0, steps + 1.0), losses, colour)
        plot.text(WIDTH - RIGHT - 4, plot.y(2.3) + 18 * COLOURS.index(colour), task.name, "end", colour)
    return plot.svg()


PICTURES = {"softmax.svg": softmax_bars, "loss.svg": loss_and_slope, "training.svg": training_loss}
"""Every picture by the name of its file."""


def main() -> None:
    """Write all pictures."""
    for name, draw in PICTURES.items():
        (Path(__file__).parent / name).write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
