"""Which pixels a model's answer depends on."""

from typing import Any

import chex
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Images = Float[Array, "batch height width channels"]

_STEPS = 16


def saliency(model: Any, images: Images) -> Float[Array, "batch height width"]:
    """How much each pixel contributes to the largest output of a model.

    Integrated gradients (Sundararajan, Taly and Yan, 2017): the output's gradient, averaged on the
    way from an image of nothing but the mean colour to the image, times what the pixel differs from
    that colour.

    Args:
        model: Gives logits of classes or labels, or numbers.
        images: Normalised images.

    Returns:
        The size of each pixel's contribution, all channels together, from 0 to 1 for each image.
    """
    chex.assert_rank(images, 4)

    @jax.jit
    def gradient(images: Images, whole: Images) -> Images:
        chosen = jnp.argmax(model(whole), axis=-1)[:, None]

        def told(images: Images) -> Float[Array, ""]:
            return jnp.sum(jnp.take_along_axis(model(images), chosen, axis=-1))

        return jax.grad(told)(images)

    total = jnp.zeros_like(images)
    for step in range(_STEPS):
        total += gradient(images * ((step + 0.5) / _STEPS), images)
    size = jnp.abs(jnp.sum(total * images, axis=-1))
    return size / jnp.maximum(jnp.max(size, (1, 2)), 1e-30)[:, None, None]
