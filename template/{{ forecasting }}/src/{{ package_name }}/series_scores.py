"""The error of each series by itself, and its mean over many of them."""

from collections.abc import Mapping

import chex
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32

from .series import Panel
from .settings import Settings


class SeriesScores(Settings):
    """A metric for an evaluation's `metrics`: MASE over series, each counted once or by its volume.

    `mase` of the objective counts every forecast step alike, so that a series with more windows
    counts for more. Here each series, and each channel of it, first has an error of its own: the
    mean absolute scaled error of the median over all of its windows. ``series_mase`` is the mean of
    these errors; ``weighted_mase`` the mean weighted by volume, as WRMSSE does it (Makridakis et
    al., 2022): a weight is the sum of absolute values over the last ``data.horizon`` steps of
    training (of the files, for `evaluate --source`), so all channels should have the same unit.
    ``series`` is how many series have a window to forecast.
    """

    def collect(self, outputs: Mapping[str, Array], batch: Mapping[str, Array]) -> dict[str, Array]:
        """Sums over the steps of each window and channel."""
        targets, weights, scales = batch["targets"], batch["weights"], batch["scales"]
        chex.assert_equal_shape([targets, weights, outputs["q0.5"]])
        error = jnp.abs(targets - outputs["q0.5"])
        error = error / jnp.where(scales > 0, scales, 1.0)[:, None, :]
        return {
            "error": jnp.sum(error * weights, axis=1),
            "count": jnp.sum(weights, axis=1),
            "series": batch["series"],
            "volumes": batch["volumes"],
        }

    def compute(self, examples: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Means over all series and channels that have a target."""
        _, first, owners = np.unique(examples["series"], return_index=True, return_inverse=True)
        shape = (len(first), examples["error"].shape[1])
        error, count = np.zeros(shape), np.zeros(shape)
        np.add.at(error, owners, examples["error"])
        np.add.at(count, owners, examples["count"])
        there = count > 0
        errors, volumes = error[there] / count[there], examples["volumes"][first][there]
        total = float(np.sum(volumes, dtype=np.float64))
        weighted = float(np.sum(errors * volumes)) / total if total else float("nan")
        return {
            "series_mase": float(np.mean(errors)) if len(errors) else float("nan"),
            "weighted_mase": weighted,
            "series": float(np.sum(there.any(axis=1))),
        }


def volumes_of(panel: Panel, steps: int) -> Float32[np.ndarray, "num_series channels"]:
    """The sum of the absolute values over the last steps of each series; what is missing is 0."""
    last = [np.nansum(np.abs(series.values[-steps:]), axis=0) for series in panel.series]
    return np.stack(last).astype(np.float32)
