"""A decoder-only transformer: yours to change.

Pre-norm residual blocks (RMSNorm; Zhang and Sennrich, 2019) of causal attention with rotary
positions (Su et al., 2021) and a gated feed-forward layer (SwiGLU; Shazeer, 2020).
"""

from typing import Any, Literal, TypeVar

import chex
import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Int, PRNGKeyArray
from pydantic import Field, model_validator

from .attention import Attention, Cache
from .numerics.contract import contract, lookup
from .numerics.parameters import declare, parameter
from .numerics.precision import Precision
from .numerics.shapes import AttentionMask, Hidden, Logits, Tokens
from .parallel.rules import constrain
from .settings import Settings

MaybeCache = TypeVar("MaybeCache", Cache, None)
REMAT_POLICIES = {
    "full": jax.checkpoint_policies.nothing_saveable,
    "dots": jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
}


class TransformerSettings(Settings):
    """The size of a transformer, and how it is computed.

    Attributes:
        vocab_size: Entries of the vocabulary.
        d_model: Width of the residual stream.
        num_layers: Blocks.
        num_heads: Attention heads, each of width d_model / num_heads.
        d_ff: Width inside a feed-forward layer.
        dropout: Share of the residual branches' outputs dropped in training.
        tied_embeddings: Use the token embedding as the output projection too.
        unroll_layers: Compile the layers one after the other instead of as a loop: often faster
            steps, longer compilation for many layers, the same parameters and results.
        remat: What the backward pass computes again instead of keeping: ``none`` keeps everything,
            ``dots`` the results of products with weights, ``full`` only the blocks' inputs.
    """

    vocab_size: int = Field(default=264, ge=2)
    d_model: int = Field(default=256, ge=2)
    num_layers: int = Field(default=4, ge=1)
    num_heads: int = Field(default=4, ge=1)
    d_ff: int = Field(default=768, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    tied_embeddings: bool = True
    unroll_layers: bool = False
    remat: Literal["none", "dots", "full"] = "none"

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "TransformerSettings":
        if self.d_model % (2 * self.num_heads):
            raise ValueError(
                f"num_heads: {self.num_heads} heads do not divide d_model={self.d_model} into "
                "heads of even width"
            )
        return self

    def build(self, *, rngs: nnx.Rngs, precision: Precision) -> "Transformer":
        """Build the transformer with freshly initialised parameters."""
        return Transformer(self, rngs=rngs, precision=precision)


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

    def __init__(
        self, settings: TransformerSettings, *, rngs: nnx.Rngs, precision: Precision
    ) -> None:
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

    def __init__(
        self, settings: TransformerSettings, *, rngs: nnx.Rngs, precision: Precision
    ) -> None:
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
        mask: AttentionMask,
        positions: Int[Array, "batch query_len"],
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


class Transformer(nnx.Module):
    """Predicts the next token at every position."""

    def __init__(
        self, settings: TransformerSettings, *, rngs: nnx.Rngs, precision: Precision
    ) -> None:
        self.settings = settings
        self.precision = precision
        table = {"vocab_size": settings.vocab_size, "d_model": settings.d_model}
        self.embedding = parameter(rngs.params(), table, settings.d_model, precision)

        @nnx.split_rngs(splits=settings.num_layers)
        @nnx.vmap(transform_metadata={nnx.PARTITION_NAME: "num_layers"})
        def stack(rngs: nnx.Rngs) -> Block:
            return Block(settings, rngs=rngs, precision=precision)

        self.blocks = stack(rngs)
        self.norm = RMSNorm(settings.d_model, precision=precision)
        if not settings.tied_embeddings:
            self.unembedding = parameter(rngs.params(), table, settings.d_model, precision)

    def __call__(
        self,
        tokens: Tokens,
        segments: Int[Array, "batch seq_len"],
        positions: Int[Array, "batch seq_len"],
        *,
        key: PRNGKeyArray | None = None,
    ) -> Logits:
        """Logits of the next token at every position.

        Args:
            tokens: Token ids.
            segments: Which document of its sequence a token belongs to; attention stays inside.
            positions: Position of a token in its document.
            key: Randomness for dropout; without it nothing is dropped.

        Returns:
            Float32 logits.
        """
        same = segments[:, None, :, None] == segments[:, None, None, :]
        causal = jnp.tril(jnp.ones((tokens.shape[1],) * 2, bool))[None, None]
        logits, _ = self._run(tokens, same & causal, positions, key, None)
        return logits

    def extend(self, tokens: Tokens, cache: Cache) -> tuple[Logits, Cache]:
        """Logits for tokens that continue what `cache` holds, and the cache with them added."""
        positions = cache.length[0] + jnp.arange(tokens.shape[1])
        mask = jnp.arange(cache.keys.shape[3])[None, :] <= positions[:, None]
        mask = jnp.broadcast_to(mask, (tokens.shape[0], 1, *mask.shape))
        return self._run(tokens, mask, jnp.broadcast_to(positions, tokens.shape), None, cache)

    def empty_cache(self, batch: int, length: int) -> Cache:
        """A cache with room for `length` positions of `batch` sequences."""
        settings = self.settings
        d_head = settings.d_model // settings.num_heads
        shape = (settings.num_layers, batch, settings.num_heads, length, d_head)
        zeros = jnp.zeros(shape, self.precision.compute_dtype)
        return Cache(zeros, zeros, jnp.zeros((settings.num_layers,), jnp.int32))

    def _run(
        self,
        tokens: Tokens,
        mask: AttentionMask,
        positions: Int[Array, "batch seq_len"],
        key: PRNGKeyArray | None,
        cache: MaybeCache,
    ) -> tuple[Logits, MaybeCache]:
        settings = self.settings
        x = lookup(self.embedding[...], tokens) * settings.d_model**0.5
        x = constrain(x.astype(self.precision.compute_dtype), "batch", "seq_len", "d_model")
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
        layers = (self.blocks, keys, cache)
        x, extended = jax.lax.scan(apply, x, layers, unroll=settings.unroll_layers)
        table = self.embedding if settings.tied_embeddings else self.unembedding
        x = self.norm(x)
        logits = contract("bsd,vd->bsv", x, table[...], self.precision, accumulator=True)
        return constrain(logits, "batch", "seq_len", "vocab_size"), extended


def drop(x: Hidden, rate: float, key: PRNGKeyArray | None) -> Hidden:
    """Dropout (Srivastava et al., 2014); without a key, `x` itself."""
    if key is None:
        return x
    kept = jax.random.bernoulli(key, 1.0 - rate, x.shape)
    return jnp.where(kept, x / (1.0 - rate), 0.0).astype(x.dtype)
