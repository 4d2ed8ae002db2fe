"""The errors of naive forecasts on a prepared data set of series.

They forecast from the same rolling origins as ``evaluate`` does for the experiment ``smoke``, from
the same histories, and are measured alike, so ``test_..._mase`` and ``test_..._wql`` are the
numbers to compare its ``mase`` and ``wql`` with. ``seasonal_naive`` repeats the last season that is
known; ``seasonal_naive_drift`` adds the mean change from season to season over the history, which
is hard to beat where a series grows steadily.

Usage: ``python forecasting.py PACKAGE DIRECTORY`` in the environment of a rendered forecasting
project.
"""

import importlib
import sys
from pathlib import Path

import numpy as np


def main(package: str, directory: str) -> None:
    """Print a line for each held-out split, forecast and metric."""
    configuration = importlib.import_module(f"{package}.configuration")
    dataset = importlib.import_module(f"{package}.storage.dataset")
    experiments = importlib.import_module(f"{package}.experiments")
    words = ["config:smoke", f"set:data.directory={directory}"]
    data = configuration.build(configuration.compose(words, experiments)).data
    info = dataset.DataSet.open(Path(directory)).info
    season, data = info["season"], data.fitted(info)
    for split in ("validation", "test"):
        batches = list(data.eval_batches(split, limit=None, process=0, processes=1))
        batch = {name: np.concatenate([each[name] for each in batches]) for name in batches[0]}
        real = batch["weights"].any(axis=(1, 2))
        batch = {name: array[real].astype(np.float64) for name, array in batch.items()}
        history = np.where(batch["observed"] > 0, batch["history"], np.nan)
        for name, drift in (("seasonal_naive", False), ("seasonal_naive_drift", True)):
            forecast = seasonal_naive(history, season, data.horizon, drift=drift)
            error = np.abs(batch["targets"] - forecast) * batch["weights"]
            mase = np.sum(error / batch["scales"][:, None]) / np.sum(batch["weights"])
            wql = np.sum(error) / np.sum(np.abs(batch["targets"]) * batch["weights"])
            print(f"{split}_{name}_mase {mase:.4f}")
            print(f"{split}_{name}_wql {wql:.4f}")


def seasonal_naive(history: np.ndarray, season: int, horizon: int, *, drift: bool) -> np.ndarray:
    """Forecast from histories ``[batch, seq_len, channels]`` in which NaN is a missing value.

    Args:
        history: At least a season long.
        season: Steps in it.
        horizon: Steps to forecast.
        drift: Add the mean change over a season, for each season further ahead.

    Returns:
        Forecasts ``[batch, horizon, channels]``; what is missing in the last season is taken from
        the one before, and so on.
    """
    last = history[:, -season:]
    for back in range(2 * season, history.shape[1] + 1, season):
        last = np.where(np.isnan(last), history[:, -back : season - back], last)
    steps = np.arange(horizon)
    forecast = last[:, steps % season]
    if drift:
        change = np.nanmean(history[:, season:] - history[:, :-season], axis=1, keepdims=True)
        forecast = forecast + change * (1 + steps // season)[None, :, None]
    return forecast


if __name__ == "__main__":
    main(*sys.argv[1:])
