"""The blocks of a transformer: yours to change.

Pre-norm residual blocks of attention and a feed-forward layer. The blocks of a model are one module
whose parameters have a leading axis of layers, so that they can be compiled as one loop.
"""

from collections.abc import Callable
from typing import Any

import jax
from flax import nnx
from jaxtyping import Array, Key, PRNGKeyArray

from .attention import Attention, Mixer
from .block_settings import BlockSettings
from .layers import FeedForward, RMSNorm, drop
from .numerics.precision import Precision
from .numerics.shapes import Hidden
from .parallel.rules import constrain

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
        self, x: Hidden, key: PRNGKeyArray | None, mix: Mixer, memory: Any
    ) -> tuple[Hidden, Any]:
        """One block; without a key nothing is dropped. For the others, see `Attention`."""
        keys = (None, None) if key is None else tuple(jax.random.split(key))
        branch, memory = self.attention(self.attention_norm(x), mix, memory)
        if self.attention_post_norm is not None:
            branch = self.attention_post_norm(branch)
        x = x + drop(branch, self.dropout, keys[0])
        branch = self.feed_forward(self.feed_forward_norm(x))
        if self.feed_forward_post_norm is not None:
            branch = self.feed_forward_post_norm(branch)
        x = x + drop(branch, self.dropout, keys[1])
        return constrain(x, "batch", "seq_len", "d_model"), memory


def stack_blocks(settings: BlockSettings, *, rngs: nnx.Rngs, precision: Precision) -> Block:
    """All blocks of a model as one, each parameter with a leading axis ``num_layers``."""

    @nnx.split_rngs(splits=settings.num_layers)
    @nnx.vmap(transform_metadata={nnx.PARTITION_NAME: "num_layers"})
    def stack(rngs: nnx.Rngs) -> Block:
        return Block(settings, rngs=rngs, precision=precision)

    return stack(rngs)


def make_keys(
    settings: BlockSettings, key: PRNGKeyArray | None
) -> Key[Array, " num_layers"] | None:
    """A key for each layer, if there is one, and something to drop."""
    if key is None or settings.dropout == 0:
        return None
    return jax.random.split(key, settings.num_layers)


def make_step(settings: BlockSettings, mix: Mixer) -> Step:
    """One turn of a loop over layers, each of which is a block, its key and what it remembers."""

    def apply(x: Hidden, layer: tuple[Block, PRNGKeyArray | None, Any]) -> tuple[Hidden, Any]:
        block, key, memory = layer
        return block(x, key, mix, memory)

    if settings.remat == "none":
        return apply
    return jax.checkpoint(apply, policy=REMAT_POLICIES[settings.remat])
