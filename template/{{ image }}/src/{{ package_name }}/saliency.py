"""Which pixels a model's answer depends on."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Images = Float[Array, "batch height width channels"]

_COPIES = 16
_NOISE = 0.15  # of the range of an image's pixels


def saliency(model: Any, images: Images) -> Float[Array, "batch height width"]:
    """How much the largest output of a model changes with each pixel.

    That is the output's gradient, of which the largest channel counts (Simonyan, Vedaldi and
    Zisserman, 2014), averaged over copies of the image with noise, which makes it less ragged
    (SmoothGrad; Smilkov et al., 2017).

    Args:
        model: Gives logits of classes or labels, or numbers.
        images: Normalised images.

    Returns:
        The gradient's size at each pixel, from 0 to 1 for each image.
    """

    def largest(images: Images) -> Float[Array, ""]:
        return jnp.sum(jnp.max(model(images), axis=-1))

    gradient = jax.jit(jax.grad(largest))
    spread = _NOISE * (jnp.max(images, (1, 2, 3)) - jnp.min(images, (1, 2, 3)))[:, None, None, None]
    total = jnp.zeros_like(images)
    for key in jax.random.split(jax.random.key(0), _COPIES):
        total += gradient(images + spread * jax.random.normal(key, images.shape))
    size = jnp.max(jnp.abs(total), axis=-1)
    return size / jnp.maximum(jnp.max(size, (1, 2)), 1e-30)[:, None, None]
