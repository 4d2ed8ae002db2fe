"""Predicted numbers against the true ones, as a picture."""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib import style
from matplotlib.figure import Figure

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
    both = np.concatenate([true, predicted])
    margin = 0.03 * np.ptp(both) or 1.0
    limits = (both.min() - margin, both.max() + margin)
    with style.context("seaborn-v0_8-whitegrid"):
        figure = Figure(figsize=(6, 6), dpi=160, layout="constrained")
        figure.suptitle(title, x=0.02, ha="left", fontweight="bold")
        axes = figure.add_subplot(
            aspect="equal", xlim=limits, ylim=limits, xlabel="true", ylabel="predicted"
        )
        axes.plot(limits, limits, "C1")
        size = np.clip(4000 / len(true), 2, 24)
        axes.scatter(true, predicted, s=size, alpha=0.5, linewidths=0)
        figure.savefig(path)


def r_squared(true: Float[np.ndarray, " batch"], predicted: Float[np.ndarray, " batch"]) -> float:
    """The share of the variance that is explained; NaN where there is none."""
    true, predicted = true.astype(np.float64), predicted.astype(np.float64)
    variance = np.square(true - true.mean()).mean()
    if variance == 0:
        return float("nan")
    return float(1 - np.square(true - predicted).mean() / variance)
