"""What the blocks of a transformer are made of, as settings: yours to change.

Left alone, they describe a plain pre-norm transformer; the others are what published models differ
by, and cost nothing where they are not used.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from .settings import FREE, Settings, Size


class BlockSettings(Settings):
    """The blocks of a transformer: their size, and how they are computed.

    Attributes:
        d_model: Width of the residual stream.
        num_layers: Blocks.
        num_heads: Attention heads.
        num_kv_heads: Heads with keys and values of their own, each of which several attention heads
            share (Ainslie et al., 2023); without it, as many as attention heads.
        d_head: Width of a head; without it, d_model / num_heads.
        d_ff: Width inside a feed-forward layer.
        dropout: Share of the residual branches' outputs dropped in training.
        query_key_norm: Norm every head's queries and keys (Henry et al., 2020).
        attention_bias: Whether projections to queries, keys and values have a bias, and the one
            back to the residual stream as well.
        feed_forward_bias: Whether the projections of a feed-forward layer have one.
        activation: What the gate of a feed-forward layer goes through.
        norm_epsilon: Added to the mean square of a norm.
        norm_offset: Norms multiply by 1 + scale.
        post_norms: Norm what a branch gives to the residual stream, too.
        unroll_layers: Compile the layers one after the other instead of as a loop: often faster
            steps, longer compilation for many layers, the same parameters and results.
        remat: What the backward pass computes again instead of keeping: ``none`` keeps everything,
            ``dots`` the results of products with weights, ``full`` only the blocks' inputs.
    """

    d_model: int = Field(default=256, ge=2, le=1 << 20)
    num_layers: int = Field(default=4, ge=1, le=10_000)
    num_heads: Size = 4
    num_kv_heads: Size | None = None
    d_head: int | None = Field(default=None, ge=2, le=1 << 20)
    d_ff: Size = 768
    dropout: float = Field(default=0.0, ge=0, lt=1)
    query_key_norm: bool = False
    attention_bias: Literal["none", "qkv", "all"] = "none"
    feed_forward_bias: bool = False
    activation: Literal["silu", "gelu_tanh"] = "silu"
    norm_epsilon: float = Field(default=1e-6, gt=0)
    norm_offset: bool = False
    post_norms: bool = False
    unroll_layers: Annotated[bool, FREE] = False
    remat: Annotated[Literal["none", "dots", "full"], FREE] = "none"

    @model_validator(mode="after")
    def _heads_fit(self) -> "BlockSettings":
        if self.d_head is None and self.d_model % (2 * self.num_heads):
            raise ValueError(
                f"num_heads: {self.num_heads} heads do not divide d_model={self.d_model} into "
                "heads of even width"
            )
        if self.num_heads % self.kv_heads:
            raise ValueError(
                f"num_kv_heads: {self.kv_heads} does not divide num_heads={self.num_heads}"
            )
        return self

    @property
    def kv_heads(self) -> int:
        """Heads with keys and values of their own."""
        return self.num_kv_heads or self.num_heads

    @property
    def head_width(self) -> int:
        """Features of a head."""
        return self.d_head or self.d_model // self.num_heads
