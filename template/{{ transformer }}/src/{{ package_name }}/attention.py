"""Attention (Vaswani et al., 2017) with rotary positions (Su et al., 2021): yours to change."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from .numerics.contract import contract
from .numerics.parameters import parameter
from .numerics.precision import Precision
from .numerics.shapes import AttentionMask, Hidden
from .parallel.rules import constrain

MASKED = -1e30  # finite, so that a row with nothing to attend to is not NaN


class Cache(NamedTuple):
    """Keys and values of the positions seen so far, stacked over layers.

    Attributes:
        keys: Room for `key_len` positions.
        values: Likewise.
        length: How many positions are filled: the same number for every sequence and layer.
    """

    keys: Float[Array, "num_layers batch num_heads key_len d_head"]
    values: Float[Array, "num_layers batch num_heads key_len d_head"]
    length: Int[Array, " num_layers"]


class Attention(nnx.Module):
    """Multi-head attention, with rotary positions if it is told positions."""

    def __init__(
        self, d_model: int, num_heads: int, depth: int, *, rngs: nnx.Rngs, precision: Precision
    ) -> None:
        heads = {"num_heads": num_heads, "d_head": d_model // num_heads}
        sizes = {"d_model": d_model, **heads}
        self.query = parameter(rngs.params(), sizes, d_model, precision)
        self.key = parameter(rngs.params(), sizes, d_model, precision)
        self.value = parameter(rngs.params(), sizes, d_model, precision)
        # The output is drawn smaller, so that a sum over `depth` branches keeps its variance.
        sizes = {**heads, "d_model": d_model}
        self.out = parameter(rngs.params(), sizes, d_model * depth, precision)
        self.precision = precision

    def __call__(
        self,
        x: Hidden,
        mask: AttentionMask | None = None,
        positions: Int[Array, "batch seq_len"] | None = None,
        cache: Cache | None = None,
    ) -> tuple[Hidden, Cache | None]:
        """Attend from every position of `x`.

        Args:
            x: The residual stream.
            mask: Which positions each of them sees; without it, all.
            positions: Where they stand, for the rotation; without it, nothing is rotated.
            cache: What one layer holds of earlier positions, to which these are added.
        """
        chex.assert_shape(x, (None, None, self.query.shape[0]))
        query = self._heads(x, self.query[...])
        key = self._heads(x, self.key[...])
        value = self._heads(x, self.value[...])
        if positions is not None:
            query, key = rotate(query, positions), rotate(key, positions)
        if cache is not None:
            start = (0, 0, cache.length, 0)
            key = jax.lax.dynamic_update_slice(cache.keys, key, start)
            value = jax.lax.dynamic_update_slice(cache.values, value, start)
            cache = Cache(key, value, cache.length + x.shape[1])
        scores = contract("bhik,bhjk->bhij", query, key, self.precision, accumulator=True)
        scores = scores * query.shape[-1] ** -0.5
        if mask is not None:
            scores = jnp.where(mask, scores, MASKED)
        weights = jax.nn.softmax(scores, axis=-1)
        mixed = contract("bhij,bhjk->bhik", weights, value, self.precision).swapaxes(1, 2)
        return contract("bihk,hkd->bid", mixed, self.out[...], self.precision), cache

    def _heads(
        self, x: Hidden, weight: Float[Array, "d_model num_heads d_head"]
    ) -> Float[Array, "batch num_heads seq_len d_head"]:
        heads = contract("bsd,dhk->bshk", x, weight, self.precision)
        heads = constrain(heads, "batch", "seq_len", "num_heads", "d_head")
        return heads.swapaxes(1, 2)


def rotate(
    x: Float[Array, "batch num_heads seq_len d_head"], positions: Int[Array, "batch seq_len"]
) -> Float[Array, "batch num_heads seq_len d_head"]:
    """Rotate pairs of features by angles that grow with the position, in float32."""
    half = x.shape[-1] // 2
    frequencies = 10_000.0 ** (-jnp.arange(half, dtype=jnp.float32) / half)
    angles = positions[:, None, :, None].astype(jnp.float32) * frequencies[None, None, None, :]
    cos, sin = jnp.cos(angles), jnp.sin(angles)
    left, right = jnp.split(x.astype(jnp.float32), 2, axis=-1)
    turned = jnp.concatenate([left * cos - right * sin, right * cos + left * sin], axis=-1)
    return turned.astype(x.dtype)
