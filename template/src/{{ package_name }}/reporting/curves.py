"""The curves of a run as one picture."""

import io
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from ..files import write_atomically
from .writers import read_metrics

_BLUE, _ORANGE, _INK, _GRID = "#2a6fbb", "#e07b26", "#33383f", "#e4e7eb"
_LOG_RATIO = 20.0  # a range of values wider than this is easier to read on a log scale

# Steps and values. Each series has a length of its own, hence the anonymous dimension.
Series = tuple[Float[np.ndarray, "_"], Float[np.ndarray, "_"]]


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

    figure = Figure(figsize=(10, 5), dpi=160, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 2, width_ratios=(2, 1))
    figure.suptitle(title, x=0.01, ha="left", color=_INK, fontsize=13, fontweight="bold")

    loss = figure.add_subplot(grid[:, 0])
    training, held_out = series("train/loss"), series("eval/loss")
    _noisy_line(loss, training, "training")
    _evaluation_line(loss, held_out)
    _finish(loss, "loss (nats)", (training, held_out))
    if loss.get_legend_handles_labels()[0]:
        loss.legend(frameon=False, labelcolor=_INK, loc="upper right")
    loss.set_xlabel("step", color=_INK)

    norm = figure.add_subplot(grid[0, 1])
    norms = series("train/grad_norm")
    _noisy_line(norm, norms, "")
    _finish(norm, "gradient norm", (norms,))

    rate = figure.add_subplot(grid[1, 1])
    rates = series("train/learning_rate")
    rate.plot(*rates, color=_BLUE, linewidth=1.8, marker="o" if rates[0].size == 1 else "")
    _finish(rate, "learning rate", (rates,), log=False)
    rate.set_ylim(bottom=0)
    rate.yaxis.set_major_formatter("{x:g}")
    rate.set_xlabel("step", color=_INK)

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    write_atomically(picture, buffer.getvalue())


def smooth(values: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
    """Local linear regression (Fan, 1992) under a Gaussian of a sixtieth of the series' length.

    Unlike a moving average it follows a steep beginning. Values that are not finite carry no
    weight and stay gaps.
    """
    width = max(values.size / 60, 1.0)
    reach = np.arange(-int(4 * width), int(4 * width) + 1)
    kernel = np.exp(-0.5 * (reach / width) ** 2)
    there = np.isfinite(values)
    known = np.where(there, values, 0.0)
    # The slice keeps the length of `values` even where the kernel is the longer of the two.
    middle = slice(reach.size // 2, reach.size // 2 + values.size)
    weight, slope, square = (np.convolve(there, kernel * reach**n)[middle] for n in range(3))
    total, tilted = (np.convolve(known, kernel * reach**n)[middle] for n in range(2))
    spread = weight * square - slope**2
    alone = spread < 1e-6 * np.maximum(square, 1.0)  # one point has a mean but no slope
    numerator = np.where(alone, total, square * total - slope * tilted)
    denominator = np.where(alone, weight, spread)
    return np.divide(numerator, denominator, out=np.full(values.size, np.nan), where=there)


def _noisy_line(axes: Axes, data: Series, label: str) -> None:
    steps, values = data
    if not steps.size:
        return
    if steps.size < 20:
        axes.plot(steps, values, color=_BLUE, linewidth=1.8, marker="o", markersize=4, label=label)
        return
    axes.plot(steps, values, color=_BLUE, linewidth=0.7, alpha=0.25)
    axes.plot(steps, smooth(values), color=_BLUE, linewidth=1.8, label=label)


def _evaluation_line(axes: Axes, data: Series) -> None:
    steps, values = data
    if not steps.size:
        return
    axes.plot(
        steps, values, color=_ORANGE, linewidth=1.8, marker="o", markersize=5, label="held out"
    )
    if np.isfinite(values[-1]):
        axes.annotate(
            f"{values[-1]:.3f}",
            (steps[-1], values[-1]),
            xytext=(0, 9),
            textcoords="offset points",
            ha="right",
            color=_ORANGE,
            fontweight="bold",
        )


def _finish(axes: Axes, name: str, shown: tuple[Series, ...], *, log: bool = True) -> None:
    axes.set_title(name, loc="left", fontsize=10, color=_INK)
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_GRID)
    axes.tick_params(which="both", colors=_INK, labelsize=9, length=0)
    axes.margins(x=0.02)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=(1, 2, 5, 10), integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    steps = np.concatenate([steps for steps, _ in shown])
    if steps.size and steps.min() == steps.max():
        axes.set_xlim(steps[0] - 1, steps[0] + 1)  # one point has no range of its own
    values = np.concatenate([values for _, values in shown])
    values = values[np.isfinite(values)]
    if not values.size:
        axes.text(0.5, 0.5, "nothing recorded", transform=axes.transAxes, ha="center", color=_INK)
        axes.set_xticks([])
        axes.set_yticks([])
    elif log and values.min() > 0 and values.max() > _LOG_RATIO * values.min():
        axes.set_yscale("log")
