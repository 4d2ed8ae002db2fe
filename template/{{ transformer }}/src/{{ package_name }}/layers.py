"""The layers of a transformer: yours to change.

Pre-norm residual blocks: RMSNorm (Zhang and Sennrich, 2019), attention, and a gated feed-forward
layer (SwiGLU; Shazeer, 2020). The blocks of a model are one module whose parameters have a leading
axis of layers, so that they can be compiled as one loop.
"""

from typing import Annotated, Any, Literal, TypeVar

import chex
import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Int, PRNGKeyArray
from pydantic import Field, model_validator

from .attention import Attention, Cache
from .numerics.contract import contract
from .numerics.parameters import declare, parameter
from .numerics.precision import Precision
from .numerics.shapes import AttentionMask, Hidden
from .parallel.rules import constrain
from .settings import FREE, Settings

MaybeCache = TypeVar("MaybeCache", Cache, None)
Positions = Int[Array, "batch seq_len"]
REMAT_POLICIES = {
    "full": jax.checkpoint_policies.nothing_saveable,
    "dots": jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
}


class BlockSettings(Settings):
    """The blocks of a transformer: their size, and how they are computed.

    Attributes:
        d_model: Width of the residual stream.
        num_layers: Blocks.
        num_heads: Attention heads, each of width d_model / num_heads.
        d_ff: Width inside a feed-forward layer.
        dropout: Share of the residual branches' outputs dropped in training.
        unroll_layers: Compile the layers one after the other instead of as a loop: often faster
            steps, longer compilation for many layers, the same parameters and results.
        remat: What the backward pass computes again instead of keeping: ``none`` keeps everything,
            ``dots`` the results of products with weights, ``full`` only the blocks' inputs.
    """

    d_model: int = Field(default=256, ge=2)
    num_layers: int = Field(default=4, ge=1)
    num_heads: int = Field(default=4, ge=1)
    d_ff: int = Field(default=768, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    unroll_layers: Annotated[bool, FREE] = False
    remat: Annotated[Literal["none", "dots", "full"], FREE] = "none"

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "BlockSettings":
        if self.d_model % (2 * self.num_heads):
            raise ValueError(
                f"num_heads: {self.num_heads} heads do not divide d_model={self.d_model} into "
                "heads of even width"
            )
        return self


class RMSNorm(nnx.Module):
    """Root-mean-square norm with a learned scale, computed in float32."""

    def __init__(self, d_model: int, *, precision: Precision) -> None:
        self.scale = declare(jnp.ones((d_model,), jnp.float32), ("d_model",), precision)

    def __call__(self, x: Hidden) -> Hidden:
        """Norm every position's features."""
        wide = x.astype(jnp.float32)
        mean_square = jnp.mean(jnp.square(wide), axis=-1, keepdims=True)
        normed = wide * jax.lax.rsqrt(mean_square + 1e-6)
        scale = self.scale[...].astype(jnp.float32)
        return (normed * scale[None, None, :]).astype(x.dtype)


class FeedForward(nnx.Module):
    """Gated linear unit with a SiLU gate."""

    def __init__(self, settings: BlockSettings, *, rngs: nnx.Rngs, precision: Precision) -> None:
        width, inner = settings.d_model, settings.d_ff
        into = {"d_model": width, "d_ff": inner}
        self.gate = parameter(rngs.params(), into, width, precision)
        self.up = parameter(rngs.params(), into, width, precision)
        back = {"d_ff": inner, "d_model": width}
        self.down = parameter(rngs.params(), back, inner * 2 * settings.num_layers, precision)
        self.precision = precision

    def __call__(self, x: Hidden) -> Hidden:
        """Transform every position's features."""
        chex.assert_shape(x, (None, None, self.gate.shape[0]))
        gate = contract("bsd,df->bsf", x, self.gate[...], self.precision)
        up = contract("bsd,df->bsf", x, self.up[...], self.precision)
        inner = constrain(jax.nn.silu(gate) * up, "batch", "seq_len", "d_ff")
        return contract("bsf,fd->bsd", inner, self.down[...], self.precision)


class Block(nnx.Module):
    """Attention and a feed-forward layer, each added to the residual stream."""

    def __init__(self, settings: BlockSettings, *, rngs: nnx.Rngs, precision: Precision) -> None:
        self.attention_norm = RMSNorm(settings.d_model, precision=precision)
        self.attention = Attention(
            settings.d_model,
            settings.num_heads,
            2 * settings.num_layers,
            rngs=rngs,
            precision=precision,
        )
        self.feed_forward_norm = RMSNorm(settings.d_model, precision=precision)
        self.feed_forward = FeedForward(settings, rngs=rngs, precision=precision)
        self.dropout = settings.dropout

    def __call__(
        self,
        x: Hidden,
        mask: AttentionMask | None,
        positions: Positions | None,
        key: PRNGKeyArray | None,
        cache: Cache | None,
    ) -> tuple[Hidden, Cache | None]:
        """One block; without a key nothing is dropped."""
        keys = (None, None) if key is None else tuple(jax.random.split(key))
        branch, cache = self.attention(self.attention_norm(x), mask, positions, cache)
        x = x + drop(branch, self.dropout, keys[0])
        branch = self.feed_forward(self.feed_forward_norm(x))
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
    mask: AttentionMask | None = None,
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

    def apply(
        x: Hidden, layer: tuple[Block, PRNGKeyArray | None, Cache | None]
    ) -> tuple[Hidden, Any]:
        block, key, cache = layer
        return block(x, mask, positions, key, cache)

    if settings.remat != "none":
        apply = jax.checkpoint(apply, policy=REMAT_POLICIES[settings.remat])
    return jax.lax.scan(apply, x, (blocks, keys, cache), unroll=settings.unroll_layers)


def drop(x: Hidden, rate: float, key: PRNGKeyArray | None) -> Hidden:
    """Dropout (Srivastava et al., 2014); without a key, `x` itself."""
    if key is None:
        return x
    kept = jax.random.bernoulli(key, 1.0 - rate, x.shape)
    return jnp.where(kept, x / (1.0 - rate), 0.0).astype(x.dtype)
