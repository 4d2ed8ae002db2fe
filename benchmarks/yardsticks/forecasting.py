"""What naive forecasts, AutoETS and AutoARIMA reach on a prepared data set of series.

They forecast from the same rolling origins as ``evaluate`` does for an experiment, and are measured
alike: ``test_..._mase`` is the number to compare its ``mase`` with, and ``coverage_80``,
``coverage_95`` and ``width_80``, ``width_95`` are those of its intervals.

``seasonal_naive`` repeats the last season that is known; ``seasonal_naive_drift`` adds the mean
change from season to season over the window's history, which is hard to beat where a series grows
steadily. ``autoets`` and ``autoarima`` are those of statsforecast (printed where it is installed).
Each is chosen and fitted once for each series on all that comes before the first origin of the
split, the validation split too, and is given all that comes before each later origin. A season
longer than 24 steps, which both are not made for, is taken out by STL first (`MSTL`). Missing
values are interpolated for them.

Usage: ``python forecasting.py PACKAGE DIRECTORY [CONFIG...]`` in the environment of a rendered
forecasting project; ``CONFIG`` is what ``--config`` takes after ``config:smoke``.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

LEVELS = (80, 95)
LONGEST_SEASON = 24

Forecast = dict[str, np.ndarray]
"""The median as ``mean``, and ``lo-80``, ``hi-80``, ... where there are intervals."""


def main(package: str, directory: str, *words: str) -> None:
    """Print a line for each held-out split, forecast and metric."""
    configuration = importlib.import_module(f"{package}.configuration")
    dataset = importlib.import_module(f"{package}.storage.dataset")
    experiments = importlib.import_module(f"{package}.experiments")
    preparation = importlib.import_module(f"{package}.preparation")
    words = ("config:smoke", *words, f"set:data.directory={directory}")
    data = configuration.build(configuration.compose(list(words), experiments)).data
    data_set = dataset.DataSet.open(Path(directory))
    season, data = data_set.info["season"], data.fitted(data_set.info)
    for split in ("validation", "test"):
        windows = data.examples(split)
        batch = windows.read(np.arange(len(windows)))
        history = np.where(batch["observed"], batch["history"], np.nan).astype(np.float64)
        told: dict[str, Forecast] = {}
        for name, drift in (("seasonal_naive", False), ("seasonal_naive_drift", True)):
            told[name] = {"mean": seasonal_naive(history, season, data.horizon, drift=drift)}
        if split == "test" and importlib.util.find_spec("statsforecast"):
            panel, _ = preparation.load_panel(data_set, split)
            series = [each.values.astype(np.float64) for each in panel.series]
            for name, fit in models(season).items():
                found = list(rolled(fit, series, windows.owners, windows.origins, data.horizon))
                told[name] = {key: np.stack([each[key] for each in found]) for key in found[0]}
        for name, forecast in told.items():
            for metric, value in measure(forecast, batch).items():
                print(f"{split}_{name}_{metric} {value:.4f}", flush=True)


def seasonal_naive(history: np.ndarray, season: int, horizon: int, *, drift: bool) -> np.ndarray:
    """Forecast from histories ``[batch, seq_len, channels]`` in which NaN is a missing value.

    Args:
        history: At least a season long.
        season: Steps in it.
        horizon: Steps to forecast.
        drift: Add the mean change over a season, for each season further ahead.

    Returns:
        Forecasts ``[batch, horizon, channels]``; what is missing in the last season is taken from
        the one before, and so on; 0 where there is none.
    """
    last = history[:, -season:]
    for back in range(2 * season, history.shape[1] + 1, season):
        last = np.where(np.isnan(last), history[:, -back : history.shape[1] - back + season], last)
    steps = np.arange(horizon)
    forecast = last[:, steps % season]
    if drift:
        change = history[:, season:] - history[:, :-season]
        there = ~np.isnan(change)
        total = np.sum(change, axis=1, where=there, keepdims=True)
        change = total / np.maximum(there.sum(axis=1, keepdims=True), 1)
        forecast = forecast + change * (1 + steps // season)[None, :, None]
    return np.nan_to_num(forecast)


def models(season: int) -> dict[str, Callable[[], object]]:
    """Makers of statsforecast's models."""
    from statsforecast import models

    if season > LONGEST_SEASON:
        return {
            "autoets": lambda: models.MSTL(season, models.AutoETS(model="ZZN")),
            "autoarima": lambda: models.MSTL(season, models.AutoARIMA()),
        }
    return {
        "autoets": lambda: models.AutoETS(season_length=season),
        "autoarima": lambda: models.AutoARIMA(season_length=season),
    }


def rolled(
    make: Callable[[], object],
    series: list[np.ndarray],
    owners: np.ndarray,
    origins: np.ndarray,
    horizon: int,
) -> Iterator[Forecast]:
    """Forecasts of each window, its channels next to each other."""
    fitted: dict[tuple[int, int], object] = {}
    for owner, origin in zip(owners.tolist(), origins.tolist(), strict=True):
        channels = []
        for channel, values in enumerate(series[owner].T):
            known = filled(values[:origin])
            if (owner, channel) not in fitted:
                fitted[owner, channel] = make().fit(known)
            channels.append(fitted[owner, channel].forward(known, h=horizon, level=list(LEVELS)))
        yield {
            key: np.stack([each[key] for each in channels], axis=-1)
            for key in channels[0]
            if key == "mean" or key.startswith(("lo-", "hi-"))
        }


def filled(values: np.ndarray) -> np.ndarray:
    """A history without what is missing at its beginning, and with the rest interpolated."""
    there = np.flatnonzero(~np.isnan(values))
    if not len(there):
        return np.zeros(1)
    steps = np.arange(there[0], len(values))
    return np.interp(steps, there, values[there])


def measure(forecast: Forecast, batch: dict[str, np.ndarray]) -> dict[str, float]:
    """Metrics as an experiment's `QuantileLoss` and `Intervals` define them."""
    weights, targets, scales = batch["weights"], batch["targets"], batch["scales"][:, None]
    scales = np.where(scales > 0, scales, 1)
    error = np.abs(targets - forecast["mean"])
    total = weights.sum()
    told = {
        "mase": np.sum(error / scales * weights) / total,
        "wql": np.sum(error * weights) / np.sum(np.abs(targets) * weights),
    }
    if len(forecast) > 1:
        del told["wql"]  # which takes more quantiles than the intervals have
        for level in LEVELS:
            low, high = forecast[f"lo-{level}"], forecast[f"hi-{level}"]
            inside = (low <= targets) & (targets <= high)
            told[f"coverage_{level}"] = np.sum(inside * weights) / total
            told[f"width_{level}"] = np.sum((high - low) / scales * weights) / total
    return told


if __name__ == "__main__":
    main(*sys.argv[1:])
