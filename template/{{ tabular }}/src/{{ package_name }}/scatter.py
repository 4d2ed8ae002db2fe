"""Predicted numbers against the true ones, as a picture."""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

_BLUE, _ORANGE, _INK, _GRID = "#2a6fbb", "#e07b26", "#33383f", "#e4e7eb"
_MOST_DRAWN = 20_000  # examples; more would only blacken the picture


def plot_scatter(
    path: Path,
    true: Float[np.ndarray, " points"],
    predicted: Float[np.ndarray, " points"],
    title: str,
) -> None:
    """Draw a point for each example; a perfect prediction lies on the line.

    Args:
        path: Where the PNG goes.
        true: True numbers.
        predicted: Predicted numbers.
        title: What stands above the picture.
    """
    every = -(-len(true) // _MOST_DRAWN)
    true, predicted = true[::every], predicted[::every]
    figure = Figure(figsize=(6, 6), dpi=160, layout="constrained", facecolor="white")
    figure.suptitle(title, x=0.02, ha="left", color=_INK, fontsize=12, fontweight="bold")
    axes = figure.add_subplot()
    both = np.concatenate([true, predicted])
    low, high = float(both.min()), float(both.max())
    margin = 0.03 * (high - low) or 1.0
    limits = (low - margin, high + margin)
    axes.plot(limits, limits, color=_ORANGE, linewidth=1.5)
    size = float(np.clip(4000 / len(true), 2, 24))
    axes.scatter(true, predicted, s=size, color=_BLUE, alpha=0.5, linewidths=0)
    axes.set_xlim(limits)
    axes.set_ylim(limits)
    axes.set_aspect("equal")
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_GRID)
    axes.tick_params(colors=_INK, labelsize=9, length=0)
    axes.set_xlabel("true", color=_INK)
    axes.set_ylabel("predicted", color=_INK)
    figure.savefig(path)


def r_squared(true: Float[np.ndarray, " batch"], predicted: Float[np.ndarray, " batch"]) -> float:
    """The share of the variance that is explained; NaN where there is none."""
    true, predicted = true.astype(np.float64), predicted.astype(np.float64)
    variance = np.square(true - true.mean()).mean()
    if variance == 0:
        return float("nan")
    return float(1 - np.square(true - predicted).mean() / variance)
