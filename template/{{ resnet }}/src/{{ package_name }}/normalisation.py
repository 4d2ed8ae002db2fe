"""Norms of image features, computed in float32: yours to change."""

import math
from typing import Any, Literal

import jax.numpy as jnp
from flax import nnx

from .numerics.precision import Precision

NormName = Literal["batch", "group"]


def batch_norm(channels: int, *, precision: Precision) -> nnx.BatchNorm:
    """Batch norm (Ioffe and Szegedy, 2015): every channel over examples and pixels.

    In training the statistics are those of the batch, over all devices; running averages of them
    are kept for use after training, when `nnx.view` sets `use_running_average`.
    """
    return nnx.BatchNorm(channels, momentum=0.9, **_options(precision))


def group_norm(channels: int, *, precision: Precision) -> nnx.GroupNorm:
    """Group norm (Wu and He, 2018) with groups of up to 16 channels.

    Every example is normed by itself, so results depend neither on the rest of the batch nor on
    how it is cut into micro-batches, and there are no running averages.
    """
    size = math.gcd(channels, 16)
    return nnx.GroupNorm(channels, num_groups=None, group_size=size, **_options(precision))


NORMS = {"batch": batch_norm, "group": group_norm}


def _options(precision: Precision) -> dict[str, Any]:
    """What both have: scales and biases as `numerics.parameters.declare` would make them."""
    named = {"out_sharding": ("channels",), "eager_sharding": False}
    return {
        "epsilon": 1e-5,
        "use_fast_variance": False,
        "dtype": jnp.float32,
        "param_dtype": precision.param_dtype,
        "scale_metadata": named,
        "bias_metadata": named,
        "rngs": nnx.Rngs(0),  # nothing is drawn
    }
