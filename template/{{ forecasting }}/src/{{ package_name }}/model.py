"""A transformer that forecasts quantiles: yours to change.

The history is cut into patches (PatchTST; Nie et al., 2023), and so is the future, of which the
calendar, the covariates and some simple forecasts are known; each patch is a token, and all of
them see each other. What comes out of the tokens of the future says, for all steps at once, how the
simple forecasts are mixed, and what is added to the mixture: every quantile of each step. Channels
are independent: they share all weights but one vector each, and none sees another.
"""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import chex
import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, PRNGKeyArray, Shaped
from pydantic import Field, field_validator

from .block_settings import BlockSettings
from .blocks import stack_blocks
from .covariates import Covariates
from .encoder import run_blocks
from .errors import UserError
from .frequency import NUM_FEATURES
from .layers import RMSNorm
from .lengths import Lengths
from .normalisation import normalise
from .numerics.contract import contract
from .numerics.parameters import declare, parameter
from .numerics.precision import Precision
from .parallel.rules import constrain
from .rotation import frequencies, rotate
from .settings import Size
from .simple_forecasts import NUM_SIMPLE, Simple, simple_forecasts

Quantiles = Float[Array, "batch horizon channels num_quantiles"]

_FIRST_GAP = -1.2  # softplus of it is a quarter, as a tenth is of normally distributed errors


class ForecasterSettings(BlockSettings):
    """The size of a forecaster, and how it is computed.

    Attributes:
        patch_len: Steps in a patch; None for what suits the data.
        levels: The quantiles that are forecast, from the lowest to the highest, the median in the
            middle.
        channels: Channels of the series; follows from the data.
        season: Steps in the period that the series repeat with; follows from the data.
        covariates: Numbers that are known of each step beside the calendar; follows from the data.
    """

    patch_len: Size | None = None
    levels: tuple[float, ...] = (0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975)
    channels: Size | None = None
    season: Size | None = None
    covariates: int = Field(default=0, ge=0)

    @field_validator("levels")
    @classmethod
    def _levels_rise(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        rising = all(low < high for low, high in zip((0.0, *levels), (*levels, 1.0), strict=True))
        if not rising or len(levels) % 2 == 0 or levels[len(levels) // 2] != 0.5:
            raise ValueError(f"{levels} must rise between 0 and 1, with 0.5 in the middle")
        return levels

    def fitted(self, info: Mapping[str, Any]) -> "ForecasterSettings":
        """With the channels, the season and the length of a token of a data set."""
        if info.get("kind") != "series":
            return self
        known = {"channels": len(info["columns"]["channels"]), "season": info["season"]}
        known["covariates"] = Covariates.of(info).width
        known["patch_len"] = self.patch_len or Lengths.of(info).patch_len
        return self.model_copy(update=known)

    def build(self, *, rngs: nnx.Rngs, precision: Precision) -> "Forecaster":
        """Build the forecaster with freshly initialised parameters.

        Raises:
            UserError: The channels and the season are not known.
        """
        return Forecaster(self, rngs=rngs, precision=precision)


class Forecaster(nnx.Module):
    """Forecasts quantiles of every channel from the history of a window."""

    def __init__(
        self, settings: ForecasterSettings, *, rngs: nnx.Rngs, precision: Precision
    ) -> None:
        if settings.channels is None or settings.season is None or settings.patch_len is None:
            raise UserError(
                "model.channels and model.season follow from a data set of series, and so does "
                "model.patch_len, and there is none in data.directory: run the prepare command "
                "first"
            )
        self.settings = settings
        self.season, self.patch_len = settings.season, settings.patch_len
        self.precision = precision
        width, steps = settings.d_model, settings.patch_len

        def embedding(numbers: int) -> nnx.Param:
            sizes = {"d_patch": numbers, "d_model": width}
            return parameter(rngs.params(), sizes, numbers, precision)

        self.history = embedding(2 * steps)  # values, and which are there
        self.future = embedding((NUM_SIMPLE + 1) * steps)  # simple forecasts, and their error
        self.time = embedding((NUM_FEATURES + settings.covariates) * steps)
        # What is added to the mixture follows from what differs since the season before.
        if settings.covariates:
            self.change = embedding(settings.covariates * steps)
        names = {"channels": settings.channels, "d_model": width}
        self.channel = parameter(rngs.params(), names, width, precision)
        self.blocks = stack_blocks(settings, rngs=rngs, precision=precision)
        self.norm = RMSNorm({"d_model": width}, settings, precision=precision)
        # Small, so that training starts near the mean of the simple forecasts.
        numbers = len(settings.levels) * steps
        sizes = {"d_model": width, "d_patch": numbers}
        self.head = parameter(rngs.params(), sizes, 100 * width, precision)
        sizes = {"d_model": width, "d_patch": NUM_SIMPLE * steps}
        self.mixture = parameter(rngs.params(), sizes, 100 * width, precision)
        bias = [0.0 if level == 0.5 else _FIRST_GAP for level in settings.levels] * steps
        self.bias = declare(jnp.array(bias, jnp.float32), ("d_patch",), precision)

    def __call__(
        self,
        history: Float[Array, "batch seq_len channels"],
        observed: Bool[Array, "batch seq_len channels"],
        history_time: Float[Array, "batch seq_len num_features"],
        future_time: Float[Array, "batch horizon num_features"],
        *,
        key: PRNGKeyArray | None = None,
    ) -> Quantiles:
        """Forecast as many steps as `future_time` has.

        Args:
            history: Values of the steps before the forecast; any number where one is missing.
            observed: Which values are there.
            history_time: What the calendar says of these steps, and the covariates.
            future_time: The same of the steps to forecast.
            key: Randomness for dropout; without it nothing is dropped.

        Returns:
            Float32 quantiles, which never cross, at `settings.levels`.
        """
        batch, _, channels = history.shape
        chex.assert_shape(self.channel[...], (channels, None))
        horizon = future_time.shape[1]
        values, there = _by_channel(history), _by_channel(observed)
        values, level, scale = normalise(values, there)
        simple = simple_forecasts(values, there, self.season, horizon)

        x = self._embed(values, there, simple, history_time, future_time)
        positions = jnp.broadcast_to(jnp.arange(x.shape[1])[None, :], x.shape[:2])
        rates = frequencies(self.settings.head_width)
        turn = partial(rotate, positions=positions, frequencies=rates)
        x = run_blocks(self.blocks, self.settings, x, rotate=turn, key=key)
        x = self.norm(x[:, -math.ceil(horizon / self.patch_len) :])

        def tell(weights: nnx.Param, bias: Array | float, count: int) -> Array:
            raw = contract("bsd,dp->bsp", x, weights[...], self.precision, accumulator=True) + bias
            return raw.reshape(x.shape[0], -1, count)[:, :horizon]

        shares = jax.nn.softmax(tell(self.mixture, 0.0, NUM_SIMPLE), axis=-1)
        bias = self.bias[...].astype(jnp.float32)[None, None, :]
        raw = tell(self.head, bias, len(self.settings.levels))
        mixed = jnp.sum(shares * simple.forecasts, axis=-1, keepdims=True)
        around = spread(raw, len(self.settings.levels) // 2)
        quantiles = mixed + simple.error[:, :, None] * around
        quantiles = quantiles * scale[:, :, None] + level[:, :, None]
        return jnp.moveaxis(quantiles.reshape(batch, channels, *quantiles.shape[1:]), 1, 2)

    def _embed(
        self,
        values: Float[Array, "batch seq_len"],
        observed: Bool[Array, "batch seq_len"],
        simple: Simple,
        history_time: Float[Array, "_ seq_len num_features"],
        future_time: Float[Array, "_ horizon num_features"],
    ) -> Float[Array, "batch patches d_model"]:
        """The tokens of history and future; a window gives one sequence for each channel."""
        size, channel = self.patch_len, self.channel[...]
        # Where patches do not come out even, the first one begins before the window, and the last
        # one ends behind it.
        horizon = future_time.shape[1]
        before, after = -values.shape[1] % size, -horizon % size
        past = jnp.stack([values, observed.astype(jnp.float32)], axis=-1)
        past = _patches(jnp.pad(past, ((0, 0), (before, 0), (0, 0))), size)
        error = jnp.log(jnp.maximum(simple.error, 1e-6))[:, :, None]
        error = jnp.broadcast_to(error, (values.shape[0], horizon, 1))
        known = jnp.concatenate([simple.forecasts, error], axis=-1)
        future = _patches(jnp.pad(known, ((0, 0), (0, after), (0, 0))), size)
        time = jnp.concatenate([history_time, future_time], axis=1)
        time = _patches(jnp.pad(time, ((0, 0), (before, after), (0, 0))), size)

        past = contract("bsp,pd->bsd", past, self.history[...], self.precision)
        future = contract("bsp,pd->bsd", future, self.future[...], self.precision)
        x = jnp.concatenate([past, future], axis=1)
        time = contract("bsp,pd->bsd", time, self.time[...], self.precision)
        if self.settings.covariates:
            change = future_time - _season_before(history_time, self.season, horizon)
            change = jnp.pad(change[..., NUM_FEATURES:], ((0, 0), (0, after), (0, 0)))
            change = contract(
                "bsp,pd->bsd", _patches(change, size), self.change[...], self.precision
            )
            time = time.at[:, -change.shape[1] :].add(change)
        # In float32, since the gradient of a channel's vector is summed over all positions.
        wide = time.astype(jnp.float32)[:, None] + channel.astype(jnp.float32)[None, :, None]
        shared = wide.astype(x.dtype)
        return constrain(x + shared.reshape(x.shape), "batch", "seq_len", "d_model")


def spread(
    raw: Float[Array, "batch horizon num_quantiles"], median: int
) -> Float[Array, "batch horizon num_quantiles"]:
    """Turn any numbers into quantiles that do not cross.

    Args:
        raw: The median, and for each other quantile how far it lies from its neighbour towards the
            median, before a softplus makes it positive.
        median: Which one is the median.
    """
    middle = raw[..., median : median + 1]
    gaps = jax.nn.softplus(raw)
    above = middle + jnp.cumsum(gaps[..., median + 1 :], axis=-1)
    below = middle - jnp.cumsum(gaps[..., :median][..., ::-1], axis=-1)[..., ::-1]
    return jnp.concatenate([below, middle, above], axis=-1)


def _by_channel(windows: Shaped[Array, "batch seq_len channels"]) -> Shaped[Array, "_ seq_len"]:
    """Every channel of every window as an example of its own."""
    batch, seq_len, channels = windows.shape
    return jnp.moveaxis(windows, 2, 1).reshape(batch * channels, seq_len)


def _season_before(
    history: Float[Array, "batch seq_len num_features"], season: int, horizon: int
) -> Float[Array, "batch horizon num_features"]:
    """The steps of the history that the seasonal naive forecast repeats."""
    back = season if season <= history.shape[1] else 1
    return history[:, history.shape[1] - back + jnp.arange(horizon) % back]


def _patches(
    steps: Float[Array, "batch seq_len _"], size: int
) -> Float[Array, "batch patches d_patch"]:
    """Join every `size` steps."""
    batch, seq_len, numbers = steps.shape
    return steps.reshape(batch, seq_len // size, size * numbers)
