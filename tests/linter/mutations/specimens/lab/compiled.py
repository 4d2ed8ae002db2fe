"""Compiled functions whose static arguments are named."""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


@partial(jax.jit, static_argnames=("axis",))
def centre(
    x: Float[Array, "batch seq_len d_model"], axis: int
) -> Float[Array, "batch seq_len d_model"]:
    return x - jnp.mean(x, axis=axis, keepdims=True)


@partial(jax.jit, static_argnames=("window",))
def smooth(x: Float[Array, "batch seq_len"], window: int) -> Float[Array, "batch seq_len"]:
    total = jnp.zeros_like(x)
    for shift in range(window):
        total = total + jnp.roll(x, shift, axis=1)
    return total / window


@partial(jax.jit, static_argnames=("height", "width"))
def upscale(
    images: Float[Array, "batch h w channels"], height: int, width: int
) -> Float[Array, "batch height width channels"]:
    shape = (images.shape[0], height, width, images.shape[-1])
    return jax.image.resize(images, shape, method="bilinear")


@partial(jax.jit, static_argnames=("kind",))
def activate(
    x: Float[Array, "batch d_model"], kind: Literal["relu", "gelu"]
) -> Float[Array, "batch d_model"]:
    if kind == "relu":
        return jax.nn.relu(x)
    return jax.nn.gelu(x)


@partial(jax.jit, static_argnames=("num_classes",))
def count_classes(labels: Int[Array, "batch"], num_classes: int) -> Float[Array, "num_classes"]:
    return jnp.sum(jax.nn.one_hot(labels, num_classes), axis=0)


@jax.jit(static_argnames=("train",))
def normalise(
    x: Float[Array, "batch d_model"], running: Float[Array, "d_model"], train: bool
) -> Float[Array, "batch d_model"]:
    if train:
        return x - jnp.mean(x, axis=0)
    return x - running


@partial(jax.jit, static_argnames=("batch", "length"))
def causal_mask(
    lengths: Int[Array, "batch"], batch: int, length: int
) -> Float[Array, "batch seq_len"]:
    places = jnp.zeros((batch, length)) + jnp.arange(length)
    return jnp.float32(places < lengths[:, None])


@partial(jax.jit, static_argnames=("parts",))
def fold(
    x: Float[Array, "batch seq_len d_model"], parts: int
) -> Float[Array, "batch parts d_model"]:
    batch, _, d_model = x.shape
    return jnp.mean(x.reshape(batch, parts, -1, d_model), axis=2)


def top(scores: Float[Array, "batch vocab_size"], count: int) -> Int[Array, "batch count"]:
    return jax.lax.top_k(scores, count)[1]


compiled_top = jax.jit(top, static_argnames=("count",))


class Pooling:
    """Means over windows."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def pool(self, x: Float[Array, "batch seq_len"], size: int) -> Float[Array, "batch parts"]:
        """Means over windows of `size` positions."""
        run = jax.jit(_pool, static_argnames=("size",))
        return self.scale * run(x, size=size)


def _pool(x: Float[Array, "batch seq_len"], size: int) -> Float[Array, "batch parts"]:
    return jnp.mean(x.reshape(x.shape[0], -1, size), axis=-1)
