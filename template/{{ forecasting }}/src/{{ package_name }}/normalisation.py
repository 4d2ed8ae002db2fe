"""What a window says by itself: its level, its scale, and the naive forecast.

All of it is float32, whatever the precision policy says, and passes over missing values. Channels
count as examples here, since each is looked at alone.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

Values = Float[Array, "batch seq_len"]
Observed = Bool[Array, "batch seq_len"]

# The smallest scale, as a share of the level, and at all: what float32 hardly resolves is none.
_RESOLVED, _TINY = 1e-6, 1e-15


def normalise(
    values: Values, observed: Observed
) -> tuple[Values, Float[Array, "batch 1"], Float[Array, "batch 1"]]:
    """Bring windows to level 0 and scale 1 (reversible instance normalisation; Kim et al., 2022).

    Args:
        values: The windows; where a value is missing, any number.
        observed: Which of the values are there.

    Returns:
        The windows, 0 where a value is missing; their levels, the mean of the values that are
        there; their scales, the standard deviation.
    """
    there = observed.astype(jnp.float32)
    count = jnp.maximum(jnp.sum(there, axis=1, keepdims=True), 1.0)
    values = jnp.where(observed, values, 0.0)
    level = jnp.sum(values, axis=1, keepdims=True) / count
    values = (values - level) * there
    variance = jnp.sum(jnp.square(values), axis=1, keepdims=True) / count
    least = _RESOLVED * jnp.abs(level) + _TINY
    scale = jnp.sqrt(jnp.maximum(variance, jnp.square(least)))
    return values / scale, level, scale


def seasonal_naive(
    values: Values, observed: Observed, season: int, horizon: int
) -> Float[Array, "batch horizon"]:
    """Repeat the last season.

    Args:
        values: The windows.
        observed: Which of the values are there.
        season: Steps in a season; where it is longer than a window, the last value is repeated.
        horizon: Steps to forecast.

    Returns:
        For each step the newest value that is there at the same place in a season; where none is,
        the newest value at all; 0 for a window without values.
    """
    last, _ = _newest(values, observed, 1)
    if season > values.shape[1]:
        return jnp.broadcast_to(last, (values.shape[0], horizon))
    repeated, found = _newest(values, observed, season)
    repeated = jnp.where(found, repeated, last)
    return repeated[:, jnp.arange(horizon) % season]


def _newest(
    values: Values, observed: Observed, season: int
) -> tuple[Float[Array, "batch season"], Bool[Array, "batch season"]]:
    """The newest value at each place in a season, and whether there is one."""
    seasons = values.shape[1] // season
    shape = (values.shape[0], seasons, season)
    values = values[:, -seasons * season :].reshape(shape)
    observed = observed[:, -seasons * season :].reshape(shape)
    number = jnp.where(observed, jnp.arange(1, seasons + 1)[None, :, None], 0)
    newest = jnp.max(number, axis=1)
    picked = jnp.take_along_axis(values, jnp.maximum(newest - 1, 0)[:, None], axis=1)[:, 0]
    found = newest > 0
    return jnp.where(found, picked, 0.0), found
