"""A decoder-only transformer: yours to change.

Its blocks stand in `blocks.py` and `decoder.py`; this module says what goes in, what comes out, and
who sees whom.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Int, PRNGKeyArray
from pydantic import Field

from .blocks import stack_blocks
from .decoder import Cache, MaybeCache, run_blocks, softcap
from .decoder_settings import DecoderSettings
from .errors import UserError
from .layers import RMSNorm
from .masks import Documents, Mask
from .numerics.contract import contract, lookup
from .numerics.parameters import parameter
from .numerics.precision import Precision
from .numerics.shapes import AttentionMask, Hidden, Logits, Tokens
from .parallel.rules import constrain
from .tokenizer import TOKENIZER


class TransformerSettings(DecoderSettings):
    """The size of a transformer, and how it is computed.

    Attributes:
        vocab_size: Entries of the vocabulary; 0 for those of the data's tokenizer, and so many more
            that eight devices can share them.
        tied_embeddings: Use the token embedding as the output projection too.
        embedding_scale: Multiply embeddings by the root of d_model, rounded to their dtype.
        logit_softcap: Logits are kept within this bound by a hyperbolic tangent.
    """

    vocab_size: int = Field(default=0, ge=0, le=1 << 24)
    tied_embeddings: bool = True
    embedding_scale: bool = True
    logit_softcap: float | None = Field(default=None, gt=0)

    def fitted(self, info: Mapping[str, Any]) -> "TransformerSettings":
        """A copy whose vocabulary has the ids of the data.

        Raises:
            UserError: There are more of them than entries.
        """
        ids = info.get("vocab_size", TOKENIZER.vocab_size)
        if self.vocab_size == 0:
            return self.model_copy(update={"vocab_size": -(-ids // 8) * 8})
        if ids > self.vocab_size and "vocab_size" in info:
            raise UserError(
                f"model.vocab_size: {self.vocab_size} is less than the {ids} ids of the data's "
                f"tokenizer {info.get('tokenizer')}"
            )
        return self

    def build(self, *, rngs: nnx.Rngs, precision: Precision) -> "Transformer":
        """Build the transformer with freshly initialised parameters."""
        if self.vocab_size == 0:
            raise ValueError("vocab_size follows from the data: use settings.fitted(info)")
        return Transformer(self, rngs=rngs, precision=precision)


class Transformer(nnx.Module):
    """Predicts the next token at every position."""

    def __init__(
        self, settings: TransformerSettings, *, rngs: nnx.Rngs, precision: Precision
    ) -> None:
        self.settings = settings
        self.precision = precision
        table = {"vocab_size": settings.vocab_size, "d_model": settings.d_model}
        self.embedding = parameter(rngs.params(), table, settings.d_model, precision)
        self.blocks = stack_blocks(settings, rngs=rngs, precision=precision)
        self.norm = RMSNorm({"d_model": settings.d_model}, settings, precision=precision)
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
        return self._logits(self.features(tokens, Documents(segments), positions, key=key)[0])

    def extend(
        self, tokens: Tokens, cache: Cache, starts: Int[Array, " batch"] | None = None
    ) -> tuple[Logits, Cache]:
        """Logits for tokens that continue what `cache` holds, and the cache with them added.

        Args:
            tokens: Token ids.
            cache: What `empty_cache` or this method gave.
            starts: Where in the cache each sequence begins; what lies before is padding. Without
                it, all of them begin at 0.
        """
        starts = jnp.zeros(tokens.shape[:1], jnp.int32) if starts is None else starts
        places = cache.length[0] + jnp.arange(tokens.shape[1])
        keys = jnp.arange(cache.keys.shape[3])
        before = keys[None, None, :] <= places[None, :, None]
        mask = before & (keys[None, None, :] >= starts[:, None, None])
        # Padding has positions below 0, which nobody sees.
        return self.attend(tokens, mask[:, None], places[None, :] - starts[:, None], cache)

    def empty_cache(self, batch: Any, length: int) -> Cache:
        """A cache with room for `length` positions of `batch` sequences, which may be symbolic."""
        settings = self.settings
        shape = (settings.num_layers, batch, settings.kv_heads, length, settings.head_width)
        keys, values = (jnp.zeros(shape, self.precision.compute_dtype) for _ in range(2))
        return Cache(keys, values, jnp.zeros((settings.num_layers,), jnp.int32))

    def attend(
        self,
        tokens: Tokens,
        mask: AttentionMask,
        positions: Int[Array, "batch seq_len"],
        cache: MaybeCache = None,
        *,
        key: PRNGKeyArray | None = None,
    ) -> tuple[Logits, MaybeCache]:
        """Logits under any mask, for those who know best who sees whom.

        Args:
            tokens: Token ids.
            mask: Which positions each of them sees, those in the cache included.
            positions: Position of a token in its document.
            cache: Earlier positions, to which these are added.
            key: Randomness for dropout; without it nothing is dropped.

        Returns:
            Float32 logits of the next token at every position, and the cache with these added.

        Raises:
            UserError: The settings ask for a kernel, and there is none that takes a mask.
        """
        kernel = self.settings.attention
        if cache is None and kernel in ("cudnn", "splash"):
            raise UserError(f"model.attention: {kernel} takes no mask; take auto or einsum")
        x, extended = self.features(tokens, mask, positions, cache, key=key)
        return self._logits(x), extended

    def _logits(self, x: Hidden) -> Logits:
        table = self.embedding if self.settings.tied_embeddings else self.unembedding
        logits = contract("bsd,vd->bsv", x, table[...], self.precision, accumulator=True)
        if self.settings.logit_softcap is not None:
            logits = softcap(logits, self.settings.logit_softcap)
        return constrain(logits, "batch", "seq_len", "vocab_size")

    def features(
        self,
        tokens: Tokens,
        mask: Mask,
        positions: Int[Array, "batch seq_len"],
        cache: MaybeCache = None,
        *,
        key: PRNGKeyArray | None = None,
    ) -> tuple[Hidden, MaybeCache]:
        """What the logits are read from; see `attend`."""
        settings = self.settings
        x = lookup(self.embedding[...], tokens)
        if settings.embedding_scale:
            x = x * settings.d_model**0.5
        x = constrain(x.astype(self.precision.compute_dtype), "batch", "seq_len", "d_model")
        x, extended = run_blocks(
            self.blocks, settings, x, mask=mask, positions=positions, key=key, cache=cache
        )
        return self.norm(x), extended
