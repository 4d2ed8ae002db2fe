"""Norms of image features: yours to change."""

import math
from typing import Literal

import chex
import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from .numerics.parameters import declare
from .numerics.precision import Precision

Features = Float[Array, "batch height width channels"]
PerChannel = Float[Array, "channels"]
NormName = Literal["batch", "group"]


class BatchNorm(nnx.Module):
    """Batch norm (Ioffe and Szegedy, 2015) with float32 statistics.

    In training the statistics are those of the batch, over all devices; running averages of them
    are kept for use after training, when `nnx.view` sets `use_running_average`.
    """

    momentum = 0.9  # share of the old running average that stays, per step

    def __init__(self, channels: int, *, precision: Precision) -> None:
        self.scale, self.bias = _affine(channels, precision)
        self.mean = nnx.BatchStat(jnp.zeros((channels,), jnp.float32))
        self.var = nnx.BatchStat(jnp.ones((channels,), jnp.float32))
        self.use_running_average = False

    def set_view(self, use_running_average: bool | None = None) -> None:
        """Called by `nnx.view`: whether to use the running averages, and leave them alone."""
        if use_running_average is not None:
            self.use_running_average = use_running_average

    def __call__(self, x: Features) -> Features:
        """Norm every channel over examples and pixels."""
        chex.assert_shape(x, (None, None, None, self.scale.shape[0]))
        wide = x.astype(jnp.float32)
        if self.use_running_average:
            mean, var = self.mean[...], self.var[...]
        else:
            mean, var = jnp.mean(wide, (0, 1, 2)), jnp.var(wide, (0, 1, 2))
            for running, now in ((self.mean, mean), (self.var, var)):
                running[...] = self.momentum * running[...] + (1 - self.momentum) * now
        normed = (wide - mean[None, None, None, :]) * jax.lax.rsqrt(var + 1e-5)[None, None, None, :]
        return _scale(normed, self.scale[...], self.bias[...]).astype(x.dtype)


class GroupNorm(nnx.Module):
    """Group norm (Wu and He, 2018) with groups of up to 16 channels, computed in float32.

    Every example is normed by itself, so results depend neither on the rest of the batch nor on
    how it is cut into micro-batches, and there are no running averages.
    """

    def __init__(self, channels: int, *, precision: Precision) -> None:
        self.scale, self.bias = _affine(channels, precision)

    def __call__(self, x: Features) -> Features:
        """Norm every group of channels over its pixels."""
        chex.assert_shape(x, (None, None, None, self.scale.shape[0]))
        size = math.gcd(x.shape[-1], 16)
        grouped = x.astype(jnp.float32).reshape(*x.shape[:-1], x.shape[-1] // size, size)
        mean = jnp.mean(grouped, (1, 2, 4), keepdims=True)
        var = jnp.var(grouped, (1, 2, 4), keepdims=True)
        normed = ((grouped - mean) * jax.lax.rsqrt(var + 1e-5)).reshape(x.shape)
        return _scale(normed, self.scale[...], self.bias[...]).astype(x.dtype)


NORMS: dict[NormName, type[BatchNorm] | type[GroupNorm]] = {"batch": BatchNorm, "group": GroupNorm}


def _affine(channels: int, precision: Precision) -> tuple[nnx.Param, nnx.Param]:
    ones, zeros = jnp.ones((channels,), jnp.float32), jnp.zeros((channels,), jnp.float32)
    return declare(ones, ("channels",), precision), declare(zeros, ("channels",), precision)


def _scale(normed: Features, scale: PerChannel, bias: PerChannel) -> Features:
    scale, bias = scale.astype(jnp.float32), bias.astype(jnp.float32)
    return normed * scale[None, None, None, :] + bias[None, None, None, :]
