"""Simple forecasts of a window: what the model's median is mixed from.

Each is among the hardest to beat for some kind of series, needs no training, and follows a window
that is shifted or scaled. All of it is float32, whatever the precision policy says, and passes over
missing values. Channels count as examples here, since each is looked at alone.
"""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .normalisation import seasonal_naive

Values = Float[Array, "batch seq_len"]
Observed = Bool[Array, "batch seq_len"]

NUM_SIMPLE = 6

_DAMPING = 0.9  # a trend goes on at so much of its pace, from season to season
_TOWARDS_ONE = 0.1  # how strongly a slope of a season on the one before is held near 1
_LEAST_ERROR = 1e-3  # of a window's scale


class Simple(NamedTuple):
    """What a window forecasts of itself.

    Attributes:
        forecasts: For each step those of the seasonal naive forecast; the same with the mean
            change, and with the recent change, from season to season; a regression of each season
            on the one before, with its recent error; the mean season with what remains of the last
            deviation from it; the last value.
        error: How far the regression is usually off, one step at a time; a scale for intervals.
    """

    forecasts: Float[Array, "batch horizon _"]
    error: Float[Array, "batch 1"]


def simple_forecasts(values: Values, observed: Observed, season: int, horizon: int) -> Simple:
    """Forecast in simple ways.

    Args:
        values: Windows of level 0 and scale 1, see `normalise`.
        observed: Which of the values are there.
        season: Steps in a season; where a window does not hold two, there is taken to be none.
        horizon: Steps to forecast.
    """
    values = jnp.where(observed, values, 0.0)
    lag = season if 2 * season <= values.shape[1] else 1
    naive = seasonal_naive(values, observed, season, horizon)
    last = seasonal_naive(values, observed, 1, horizon)

    before, after = values[:, :-lag], values[:, lag:]
    both = (observed[:, :-lag] & observed[:, lag:]).astype(jnp.float32)
    age = jnp.arange(after.shape[1] - 1, -1, -1)[None, :]
    recent = both * jnp.exp(-age / max(2.0, lag / 6))
    ahead = 1 + jnp.arange(horizon)[None, :] // lag
    drift = naive + _mean(after - before, both) * ahead
    damped = (1 - _DAMPING**ahead) / (1 - _DAMPING)
    trend = naive + _mean(after - before, recent) * damped

    x, y = _mean(before, both), _mean(after, both)
    towards = _TOWARDS_ONE * jnp.sum(both, axis=1, keepdims=True) + 1e-6
    square = jnp.sum(both * (before - x) ** 2, axis=1, keepdims=True)
    slope = jnp.sum(both * (before - x) * (after - y), axis=1, keepdims=True)
    slope = jnp.clip((slope + towards) / (square + towards), 0.0, 1.5)
    missed = after - y - slope * (before - x)
    power = slope ** jnp.arange(math.ceil(horizon / lag) + 1)[None, :]
    times = jnp.cumsum(power, axis=1)[:, :-1].repeat(lag, axis=1)[:, :horizon]
    power = power[:, 1:].repeat(lag, axis=1)[:, :horizon]
    regression = power * naive + times * (y - slope * x) + _mean(missed, recent)
    error = jnp.sqrt(jnp.maximum(_mean(missed**2, both), _LEAST_ERROR**2))

    typical = _mean_season(values, observed, lag)
    seasons = math.ceil(values.shape[1] / lag)
    apart = values - jnp.tile(typical, (1, seasons))[:, -values.shape[1] :]
    pair = (observed[:, :-1] & observed[:, 1:]).astype(jnp.float32)
    kept = jnp.sum(pair * apart[:, :-1] * apart[:, 1:], axis=1, keepdims=True)
    kept = kept / (jnp.sum(pair * apart[:, :-1] ** 2, axis=1, keepdims=True) + 1e-6)
    newest = seasonal_naive(apart, observed, 1, 1)
    remains = newest * jnp.clip(kept, 0.0, 0.99) ** (1 + jnp.arange(horizon))[None, :]
    reverting = typical[:, jnp.arange(horizon) % lag] + remains
    return Simple(jnp.stack([naive, drift, trend, regression, reverting, last], axis=-1), error)


def _mean(
    values: Float[Array, "batch num_steps"], weights: Float[Array, "batch num_steps"]
) -> Float[Array, "batch 1"]:
    """The weighted mean of each window, 0 where all weights are 0."""
    total = jnp.sum(weights, axis=1, keepdims=True)
    return jnp.sum(values * weights, axis=1, keepdims=True) / jnp.where(total > 0, total, 1.0)


def _mean_season(values: Values, observed: Observed, season: int) -> Float[Array, "batch season"]:
    """The mean at each place in a season, that of the window where nothing is there: 0."""
    missing, seasons = -values.shape[1] % season, math.ceil(values.shape[1] / season)
    values, observed = (
        jnp.pad(each, ((0, 0), (missing, 0))).reshape(each.shape[0], seasons, season)
        for each in (values, observed)
    )
    count = jnp.sum(observed, axis=1)
    return jnp.sum(values, axis=1) / jnp.maximum(count, 1)
