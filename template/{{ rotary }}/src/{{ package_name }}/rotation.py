"""Rotary positions (Su et al., 2021): yours to change."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

Positions = Int[Array, "batch seq_len"]
Heads = Float[Array, "batch num_heads seq_len d_head"]
Frequencies = Float[Array, "..."]  # one axis: at most half of d_head


def frequencies(width: int, base: float | Float[Array, ""] = 10_000.0) -> Frequencies:
    """Radians that pairs of `width` features turn by from a position to the next: 1 to 1 / base."""
    exponents = -jnp.arange(width // 2, dtype=jnp.float32) / (width // 2)
    return base**exponents


def rotate(x: Heads, positions: Positions, frequencies: Frequencies, factor: float = 1.0) -> Heads:
    """Rotate pairs of features by angles that grow with the position, in float32.

    Args:
        x: Queries or keys; feature i makes a pair with the one half the rotated width after it.
        positions: Where they stand.
        frequencies: How fast the pairs rotate; features behind these pairs stay.
        factor: What the rotated features are multiplied by.
    """
    angles = positions[:, None, :, None].astype(jnp.float32) * frequencies[None, None, None, :]
    cos, sin = jnp.cos(angles), jnp.sin(angles)
    if factor != 1.0:
        cos, sin = cos * factor, sin * factor
    pairs = len(frequencies)
    ends = [pairs, 2 * pairs][: 1 if 2 * pairs == x.shape[-1] else 2]
    left, right, *rest = jnp.split(x.astype(jnp.float32), ends, axis=-1)
    turned = jnp.concatenate([left * cos - right * sin, right * cos + left * sin, *rest], axis=-1)
    return turned.astype(x.dtype)
