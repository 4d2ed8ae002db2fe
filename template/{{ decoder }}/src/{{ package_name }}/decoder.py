"""Transformers in which no position sees those after it: yours to change."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from .attention import Keys, Queries, Scores, attend
from .blocks import Block, Step, make_keys, make_step
from .decoder_settings import DecoderSettings, Layer
from .kernels import choose
from .masks import Documents, Mask, within
from .numerics.precision import Precision
from .numerics.shapes import Hidden
from .rotary import RotarySettings, rotate
from .rotation import Positions

MASKED = -1e30  # finite, so that a row with nothing to attend to is not NaN


class Cache(NamedTuple):
    """Keys and values of the positions seen so far, stacked over layers.

    Attributes:
        keys: Room for `key_len` positions.
        values: Likewise.
        length: How many positions are filled: the same number for every sequence and layer.
    """

    keys: Float[Array, "num_layers batch num_kv_heads key_len d_head"]
    values: Float[Array, "num_layers batch num_kv_heads key_len d_head"]
    length: Int[Array, " num_layers"]


MaybeCache = TypeVar("MaybeCache", Cache, None)


class Sight(NamedTuple):
    """What the positions of a layer see, and how they take it in; see `run_blocks`.

    Attributes:
        layer: How the layer attends.
        rotary: How positions rotate queries and keys.
        positions: Where the positions stand.
        combine: Means of values, weighted by how queries and keys agree.
    """

    layer: Layer
    rotary: RotarySettings
    positions: Positions
    combine: Callable[[Queries, Keys, Keys, Layer], Queries]

    def mix(
        self, query: Queries, key: Keys, value: Keys, precision: Precision, cache: Cache | None
    ) -> tuple[Queries, Cache | None]:
        """Means of the values that each position sees, earlier ones in the cache among them."""
        if self.layer.rotated:
            local = self.layer.window is not None
            query, key = (rotate(x, self.positions, self.rotary, local=local) for x in (query, key))
        if cache is not None:
            start = (0, 0, cache.length, 0)
            key = jax.lax.dynamic_update_slice(cache.keys, key, start)
            value = jax.lax.dynamic_update_slice(cache.values, value, start)
            cache = Cache(key, value, cache.length + query.shape[2])
        return self.combine(query, key, value, self.layer), cache


def run_blocks(
    blocks: Block,
    settings: DecoderSettings,
    x: Hidden,
    *,
    mask: Mask,
    positions: Positions,
    key: PRNGKeyArray | None = None,
    cache: MaybeCache = None,
) -> tuple[Hidden, MaybeCache]:
    """Send the residual stream through all blocks, one after the other.

    Args:
        blocks: What `stack_blocks` made.
        settings: The settings that it was made with.
        x: The residual stream.
        mask: Which positions each of them sees.
        positions: Where they stand, for rotary positions.
        key: Randomness for dropout; without it nothing is dropped.
        cache: Earlier positions of all layers, stacked.

    Returns:
        The stream behind the last block, and the cache with these positions added.
    """
    precision, first = blocks.attention.precision, 0 if cache is None else cache.length[0]
    if isinstance(mask, Documents):
        kernel = choose(settings, precision, *x.shape[:2])
        combine = partial(kernel, mask) if kernel else partial(mix, mask.mask(), precision, first)
    else:
        combine = partial(mix, mask, precision, first)
    sights = [Sight(layer, settings.rotary, positions, combine) for layer in settings.pattern]
    steps = [make_step(settings, sight.mix) for sight in sights]
    layers = (blocks, make_keys(settings, key), cache)
    return scan_in_turn(steps, x, layers, count=settings.num_layers, unroll=settings.unroll_layers)


def mix(
    mask: Bool[Array, "_ 1 query_len key_len"],
    precision: Precision,
    first: int | Int[Array, ""],
    query: Queries,
    key: Keys,
    value: Keys,
    layer: Layer,
) -> Queries:
    """Means of the values that each position sees, weighted by how queries and keys agree.

    Args:
        mask: Which positions each of them sees.
        precision: The policy.
        first: Where among the keys the first query stands.
        query: Queries.
        key: Keys, each of which several heads of queries may share.
        value: Values, likewise.
        layer: How they become weights.
    """
    if layer.window is not None:
        mask = mask & within(layer.window, first, query.shape[2], key.shape[2])

    def adjust(scores: Scores) -> Scores:
        if layer.softcap is not None:
            scores = softcap(scores, layer.softcap)
        return jnp.where(mask, scores, MASKED)

    return attend(query, key, value, precision, scale=layer.scale, adjust=adjust)


def softcap(x: Float[Array, "..."], bound: float) -> Float[Array, "..."]:
    """Keep numbers between -`bound` and `bound` by a hyperbolic tangent, small ones as they are."""
    return bound * jnp.tanh(x / bound)


def scan_in_turn(
    steps: list[Step], x: Hidden, layers: Any, *, count: int, unroll: bool
) -> tuple[Hidden, Any]:
    """`jax.lax.scan` over layers for which several steps take turns.

    One turn of the loop takes a layer for each step; those that are left over follow it.

    Args:
        steps: What takes the stream and one layer, and gives the stream and an output.
        x: The stream.
        layers: Arrays with a leading axis of layers.
        count: How many there are, at least as many as steps.
        unroll: Compile the turns one after the other.
    """
    if len(steps) == 1:
        return jax.lax.scan(steps[0], x, layers, unroll=unroll)

    def turn(steps: list[Step], x: Hidden, layers: Any) -> tuple[Hidden, Any]:
        outs = []
        for number, step in enumerate(steps):
            x, out = step(x, jax.tree.map(lambda leaf, i=number: leaf[i], layers))
            outs.append(out)
        return x, jax.tree.map(lambda *leaves: jnp.stack(leaves), *outs)

    size, left = len(steps), count % len(steps)
    whole = count - left
    turns = jax.tree.map(lambda leaf: leaf[:whole].reshape(-1, size, *leaf.shape[1:]), layers)
    x, outs = jax.lax.scan(partial(turn, steps), x, turns, unroll=unroll)
    outs = jax.tree.map(lambda leaf: leaf.reshape(whole, *leaf.shape[2:]), outs)
    if left:
        x, more = turn(steps[:left], x, jax.tree.map(lambda leaf: leaf[whole:], layers))
        outs = jax.tree.map(lambda *parts: jnp.concatenate(parts), outs, more)
    return x, outs
