"""Forecasts as a picture: the history, and behind it the quantiles as a fan."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure


class Fan(NamedTuple):
    """One forecast of one channel.

    Attributes:
        title: What is forecast.
        times: Of all steps, those of the history first: datetime64 or numbers.
        history: NaN where a value is missing.
        quantiles: From the lowest to the highest; an odd number, the median in the middle.
        actual: What came, NaN where it is not known.
    """

    title: str
    times: Shaped[np.ndarray, " num_steps"]
    history: Float[np.ndarray, " seq_len"]
    quantiles: Float[np.ndarray, "horizon num_quantiles"]
    actual: Float[np.ndarray, " horizon"]


def draw_fans(path: Path, fans: Sequence[Fan]) -> None:
    """Draw forecasts below each other.

    Args:
        path: Where the PNG goes, 1600 pixels wide.
        fans: At least one.
    """
    size = (10, 0.6 + 2.6 * len(fans))
    with style.context(["seaborn-v0_8-whitegrid", {"date.converter": "concise"}]):
        figure = Figure(figsize=size, dpi=160, layout="constrained")
        panels = figure.subplots(len(fans), 1, squeeze=False)[:, 0]
        for axes, fan in zip(panels, fans, strict=True):
            _draw(axes, fan)
        panels[0].legend(loc="upper left")
        figure.savefig(path)


def _draw(axes: Axes, fan: Fan) -> None:
    past, future = np.split(fan.times, [len(fan.history)])
    axes.plot(past, fan.history, "k", linewidth=1.2, label="history")
    pairs = fan.quantiles.shape[1] // 2
    for at in range(pairs):
        low, high = fan.quantiles[:, at], fan.quantiles[:, -1 - at]
        axes.fill_between(future, low, high, color="C0", alpha=0.6 / pairs, linewidth=0)
    axes.plot(future, fan.quantiles[:, pairs], "C0", linewidth=1.8, label="median forecast")
    if np.isfinite(fan.actual).any():
        axes.plot(future, fan.actual, "C1", linewidth=1.2, label="what came")
    axes.set_title(fan.title, loc="left", fontsize=10)
    axes.margins(x=0.01)
