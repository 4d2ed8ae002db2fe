"""The curves of a run as one picture."""

import io
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from ..files import write_atomically
from .writers import read_metrics

_LOG_RATIO = 20.0  # a range of values wider than this is easier to read on a log scale

# Each series has a length of its own, hence the anonymous dimension.
Points = Float[np.ndarray, "_"]
Series = tuple[Points, Points]
"""Steps and values."""


def plot_curves(metrics: Path, picture: Path, title: str) -> None:
    """Draw loss, gradient norm and learning rate against the step.

    Args:
        metrics: A metrics file as `JsonLinesWriter` writes it.
        picture: Where the PNG goes, 1600 by 800 pixels.
        title: What stands above the picture.
    """
    rows = read_metrics(metrics)

    def series(name: str) -> Series:
        found = [(row["step"], row[name]) for row in rows if name in row]
        table = np.array(found, dtype=np.float64).reshape(-1, 2)
        return table[:, 0], table[:, 1]

    buffer = io.BytesIO()
    with style.context("seaborn-v0_8-whitegrid"):
        figure = Figure(figsize=(10, 5), dpi=160, layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        panels = figure.subplot_mosaic([["loss", "norm"], ["loss", "rate"]], width_ratios=(2, 1))
        steps, values = series("eval/loss")
        if steps.size:
            label = f"held out, at last {values[-1]:.3f}"
            panels["loss"].plot(steps, values, "C1o-", label=label)
        _panel(panels["loss"], "loss (nats)", series("train/loss"))
        panels["loss"].legend(loc="upper right")
        _panel(panels["norm"], "gradient norm", series("train/grad_norm"))
        _panel(panels["rate"], "learning rate", series("train/learning_rate"), log=False)
        panels["rate"].set_ylim(bottom=0)
        figure.savefig(buffer, format="png")
    write_atomically(picture, buffer.getvalue())


def binned(steps: Points, values: Points) -> Series:
    """Means of a noisy series over a hundred to two hundred stretches of equal length.

    What is not finite does not count; a stretch of nothing else is NaN.
    """
    size = max(1, steps.size // 100)
    end = steps.size // size * size
    means = np.ma.masked_invalid(values[:end]).reshape(-1, size).mean(axis=1).filled(np.nan)
    return steps[:end].reshape(-1, size).mean(axis=1), means


def _panel(axes: Axes, name: str, data: Series, *, log: bool = True) -> None:
    axes.plot(*data, "C0.", markersize=4, alpha=0.25)
    axes.plot(*binned(*data), "C0", label="training")
    axes.set_title(name, fontsize=10)
    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    values = np.concatenate([np.asarray(line.get_ydata()) for line in axes.lines])
    values = values[np.isfinite(values)]
    if log and values.size and 0 < values.min() * _LOG_RATIO < values.max():
        axes.set_yscale("log")
