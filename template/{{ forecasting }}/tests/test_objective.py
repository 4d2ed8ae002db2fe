"""The quantile loss and the metrics, against numbers worked out by hand."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from .project import model, objective

LEVELS = (0.1, 0.5, 0.9)
INPUTS = ("history", "observed", "history_time", "future_time")


class Known(model.Forecaster):
    """A model that forecasts given quantiles, whatever it is told."""

    def __init__(self, quantiles):
        self.settings = model.ForecasterSettings(levels=LEVELS)
        self.quantiles = nnx.Variable(jnp.float32(quantiles))

    def __call__(self, *inputs, key=None):
        return self.quantiles[...]


def measure(quantiles, targets, weights, scales):
    """Metrics of windows of one channel: for each its steps, and of each the quantiles."""
    batch = {
        "targets": jnp.float32(targets)[:, :, None],
        "weights": jnp.float32(weights)[:, :, None],
        "scales": jnp.float32(scales)[:, None],
        **dict.fromkeys(INPUTS, jnp.zeros(1)),
    }
    means = objective.QuantileLoss()(Known(np.expand_dims(quantiles, 2)), batch)
    return {name: float(mean) for name, mean in means.items()}


def test_metrics_of_one_step():
    told = measure([[[1, 2, 4]]], [[5]], [[1]], [2])
    # Twice 0.1 * 4, 0.5 * 3 and 0.9 * 1, of which the mean.
    assert told["loss"] == pytest.approx(2 * (0.4 + 1.5 + 0.9) / 3 / 2)
    assert told["wql"] == pytest.approx(2 * (0.4 + 1.5 + 0.9) / 3 / 5)
    assert told["mase"] == 1.5


def test_overestimates_cost_the_other_way_round():
    told = measure([[[1, 2, 4]]], [[0]], [[1]], [1])
    assert told["loss"] == pytest.approx(2 * (0.9 * 1 + 0.5 * 2 + 0.1 * 4) / 3)


def test_an_exact_median_leaves_the_width():
    told = measure([[[1, 2, 3]]], [[2]], [[1]], [1])
    assert told["loss"] == pytest.approx(2 * 0.2 / 3)
    assert told["mase"] == 0


def test_what_is_missing_does_not_count():
    quantiles = [[[1, 2, 4], [0, 0, 0]], [[7, 7, 7], [1, 2, 4]]]
    told = measure(quantiles, [[5, 99], [-99, 5]], [[1, 0], [0, 0]], [2, 2])
    assert told == measure([[[1, 2, 4]]], [[5]], [[1]], [2])


def test_each_series_counts_by_its_scale():
    quantiles = [[[0, 0, 0]], [[0, 0, 0]]]
    told = measure(quantiles, [[10], [-1000]], [[1], [1]], [10, 1000])
    assert told["mase"] == pytest.approx(1)
    assert told["wql"] == pytest.approx(told["loss"])


def test_the_loss_is_least_at_the_quantiles():
    """Forecasts of the true quantiles of a sample beat all that are shifted."""
    sample = np.random.default_rng(0).normal(size=4001)
    exact = np.quantile(sample, LEVELS)
    targets = jnp.float32(sample)[None, :, None]

    def loss(shift):
        told = jnp.float32(np.broadcast_to(exact + shift, (1, len(sample), 1, 3)))
        return float(jnp.mean(objective.quantile_losses(told, targets, LEVELS)))

    assert all(loss(0) < loss(shift) for shift in (-0.1, 0.1, [0, 0, 0.1], [0.1, 0, 0]))
