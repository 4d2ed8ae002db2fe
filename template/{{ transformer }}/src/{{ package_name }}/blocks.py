"""The blocks of a transformer: yours to change.

Pre-norm residual blocks of attention and a feed-forward layer. The blocks of a model are one module
whose parameters have a leading axis of layers, so that they can be compiled as one loop.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import PRNGKeyArray

from .attention import Attention, Cache
from .block_settings import BlockSettings, Layer
from .layers import FeedForward, RMSNorm, drop
from .masks import Mask
from .numerics.precision import Precision
from .numerics.shapes import Hidden
from .parallel.rules import constrain
from .rotary import Positions

MaybeCache = TypeVar("MaybeCache", Cache, None)
Step = Callable[[Hidden, Any], tuple[Hidden, Any]]
REMAT_POLICIES = {
    "full": jax.checkpoint_policies.nothing_saveable,
    "dots": jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
}


class Block(nnx.Module):
    """Attention and a feed-forward layer, each added to the residual stream."""

    def __init__(self, settings: BlockSettings, *, rngs: nnx.Rngs, precision: Precision) -> None:
        def norm() -> RMSNorm:
            return RMSNorm({"d_model": settings.d_model}, settings, precision=precision)

        self.attention_norm = norm()
        self.attention = Attention(settings, rngs=rngs, precision=precision)
        self.feed_forward_norm = norm()
        self.feed_forward = FeedForward(settings, rngs=rngs, precision=precision)
        self.attention_post_norm = norm() if settings.post_norms else None
        self.feed_forward_post_norm = norm() if settings.post_norms else None
        self.dropout = settings.dropout

    def __call__(
        self,
        x: Hidden,
        mask: Mask | None,
        positions: Positions | None,
        key: PRNGKeyArray | None,
        cache: Cache | None,
        layer: Layer,
    ) -> tuple[Hidden, Cache | None]:
        """One block; without a key nothing is dropped."""
        keys = (None, None) if key is None else tuple(jax.random.split(key))
        branch, cache = self.attention(self.attention_norm(x), mask, positions, cache, layer)
        if self.attention_post_norm is not None:
            branch = self.attention_post_norm(branch)
        x = x + drop(branch, self.dropout, keys[0])
        branch = self.feed_forward(self.feed_forward_norm(x))
        if self.feed_forward_post_norm is not None:
            branch = self.feed_forward_post_norm(branch)
        x = x + drop(branch, self.dropout, keys[1])
        return constrain(x, "batch", "seq_len", "d_model"), cache


def stack_blocks(settings: BlockSettings, *, rngs: nnx.Rngs, precision: Precision) -> Block:
    """All blocks of a model as one, each parameter with a leading axis ``num_layers``."""

    @nnx.split_rngs(splits=settings.num_layers)
    @nnx.vmap(transform_metadata={nnx.PARTITION_NAME: "num_layers"})
    def stack(rngs: nnx.Rngs) -> Block:
        return Block(settings, rngs=rngs, precision=precision)

    return stack(rngs)


def run_blocks(
    blocks: Block,
    settings: BlockSettings,
    x: Hidden,
    *,
    mask: Mask | None = None,
    positions: Positions | None = None,
    key: PRNGKeyArray | None = None,
    cache: MaybeCache = None,
) -> tuple[Hidden, MaybeCache]:
    """Send the residual stream through all blocks, one after the other.

    Args:
        blocks: What `stack_blocks` made.
        settings: The settings that it was made with.
        x: The residual stream.
        mask: Which positions each of them sees; without it, all.
        positions: Where they stand, for rotary positions; without it, there are none.
        key: Randomness for dropout; without it nothing is dropped.
        cache: Earlier positions of all layers, stacked.

    Returns:
        The stream behind the last block, and the cache with these positions added.
    """
    keys = None
    if settings.dropout > 0 and key is not None:
        keys = jax.random.split(key, settings.num_layers)

    def step(layer: Layer) -> Step:
        def apply(x: Hidden, of_layer: Any) -> tuple[Hidden, Any]:
            block, key, cache = of_layer
            return block(x, mask, positions, key, cache, layer)

        if settings.remat == "none":
            return apply
        return jax.checkpoint(apply, policy=REMAT_POLICIES[settings.remat])

    steps = [step(layer) for layer in settings.pattern]
    layers = (blocks, keys, cache)
    return scan_in_turn(steps, x, layers, count=settings.num_layers, unroll=settings.unroll_layers)


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
