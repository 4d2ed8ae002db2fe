"""Who sees whom: yours to change."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from .numerics.shapes import AttentionMask


class Documents(NamedTuple):
    """In packed sequences, each token sees those of its own document up to itself.

    Attributes:
        segments: Which document of its sequence a token belongs to.
    """

    segments: Int[Array, "batch seq_len"]

    def same(self) -> Bool[Array, "batch 1 seq_len seq_len"]:
        """Which tokens belong to one document."""
        return self.segments[:, None, :, None] == self.segments[:, None, None, :]

    def mask(self) -> Bool[Array, "batch 1 seq_len seq_len"]:
        """Who sees whom, spelled out."""
        same = self.same()
        causal = jnp.tril(jnp.ones((self.segments.shape[1],) * 2, bool))[None, None]
        return same & causal


Mask = AttentionMask | Documents
"""Who sees whom; of documents a fused kernel needs not to be told more."""


def within(
    window: int, first: int | Int[Array, ""], query_len: int, key_len: int
) -> Bool[Array, "1 1 query_len key_len"]:
    """Which keys lie less than `window` places from each query, the first of which is `first`."""
    places = first + jnp.arange(query_len)
    return (jnp.abs(places[:, None] - jnp.arange(key_len)[None, :]) < window)[None, None]
