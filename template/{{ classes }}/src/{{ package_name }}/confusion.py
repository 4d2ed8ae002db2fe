"""Which classes were taken for which, as a picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Integer
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

_BLUE, _ORANGE = "#2a6fbb", "#e07b26"
_MOST_NUMBERED = 25  # classes whose cells have room for a number
_LONGEST_NAME = 18


def plot_confusion(
    path: Path,
    counts: Integer[np.ndarray, "num_classes num_classes"],
    class_names: Sequence[str],
    title: str,
) -> None:
    """Draw a confusion matrix: what is right in blue, mistakes in orange.

    The shade of a cell is its share of the true class, so that rare classes show as clearly as
    frequent ones; the shades of mistakes are exaggerated.

    Args:
        path: Where the PNG goes.
        counts: Examples by true class (rows) and predicted class (columns).
        class_names: A name for each class.
        title: What stands above the picture.
    """
    classes = len(counts)
    totals = counts.sum(axis=1, keepdims=True)
    share = counts / np.maximum(totals, 1)
    right = np.eye(classes, dtype=bool)[..., None]
    shade = np.where(right, share[..., None], np.sqrt(share)[..., None])
    color = np.where(right, to_rgb(_BLUE), to_rgb(_ORANGE))

    side = min(3.5 + 0.4 * classes, 14.0)
    size = min(10.0, max(5.0, 300.0 / classes))
    figure = Figure(figsize=(side + 1.0, side), dpi=160, layout="constrained")
    accuracy = np.trace(counts) / max(int(counts.sum()), 1)
    title = f"{title}\n{accuracy:.1%} of {counts.sum():,} right"
    figure.suptitle(title, x=0.02, ha="left", fontweight="bold")
    axes = figure.add_subplot(xlabel="predicted", ylabel="true")
    axes.imshow(1.0 + shade * (color - 1.0))
    if classes <= _MOST_NUMBERED:
        for row, column in zip(*np.nonzero(counts), strict=True):
            ink = "white" if shade[row, column, 0] > 0.5 else "black"
            number = f"{counts[row, column]:,}"
            axes.text(column, row, number, ha="center", va="center", fontsize=size, color=ink)
    names = [_short(name) for name in class_names]
    axes.set_xticks(range(classes), names, rotation=90 if classes > 4 else 0, fontsize=size)
    axes.set_yticks(range(classes), names, fontsize=size)
    axes.set_xticks(np.arange(1, classes) - 0.5, minor=True)
    axes.set_yticks(np.arange(1, classes) - 0.5, minor=True)
    axes.grid(which="minor", color="0.9")
    axes.tick_params(which="both", length=0)
    figure.savefig(path)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
