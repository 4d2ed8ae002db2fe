"""What the blocks of a transformer are made of, as settings: yours to change.

Left alone, they describe a plain pre-norm transformer; the others are what published models differ
by, and cost nothing where they are not used.
"""

import math
from itertools import cycle, islice
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from .rotary import RotarySettings
from .settings import FREE, Settings, Size


class Layer(NamedTuple):
    """What one layer may do otherwise than the next.

    Attributes:
        window: How many positions it sees to either side, its own counted; without it, all.
        rotated: Whether queries and keys are rotated by their positions.
    """

    window: int | None
    rotated: bool


class Scoring(NamedTuple):
    """How queries and keys become weights, in one layer.

    Attributes:
        scale: What scores are multiplied by.
        softcap: What bounds them by a hyperbolic tangent, if anything.
        window: As in `Layer`.
    """

    scale: float
    softcap: float | None = None
    window: int | None = None


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
        rotary: How positions rotate queries and keys.
        windows: How many positions each layer sees, its own counted, or None for all: a pattern
            that is repeated over the layers.
        rotated: Which layers rotate queries and keys: likewise.
        query_key_norm: Norm every head's queries and keys (Henry et al., 2020).
        query_scale: What scores are multiplied by; without it, d_head ** -0.5.
        attention_softcap: Scores are kept within this bound by a hyperbolic tangent.
        attention_bias: Whether projections to queries, keys and values have a bias, and the one
            back to the residual stream as well.
        feed_forward_bias: Whether the projections of a feed-forward layer have one.
        activation: What the gate of a feed-forward layer goes through.
        norm_epsilon: Added to the mean square of a norm.
        norm_offset: Norms multiply by 1 + scale.
        post_norms: Norm what a branch gives to the residual stream, too.
        attention: How attention is computed: ``einsum``; by a fused kernel, ``cudnn`` on GPUs or
            ``splash`` on TPUs; or ``auto``, by whichever there is. Which one it was changes
            rounding alone.
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
    rotary: RotarySettings = RotarySettings()
    windows: tuple[Size | None, ...] = Field(default=(None,), min_length=1)
    rotated: tuple[bool, ...] = Field(default=(True,), min_length=1)
    query_key_norm: bool = False
    query_scale: float | None = Field(default=None, gt=0)
    attention_softcap: float | None = Field(default=None, gt=0)
    attention_bias: Literal["none", "qkv", "all"] = "none"
    feed_forward_bias: bool = False
    activation: Literal["silu", "gelu_tanh"] = "silu"
    norm_epsilon: float = Field(default=1e-6, gt=0)
    norm_offset: bool = False
    post_norms: bool = False
    attention: Annotated[Literal["auto", "einsum", "cudnn", "splash"], FREE] = "auto"
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
        width, least = (
            self.rotary.width(self.head_width),
            4 if self.rotary.scaling == "dynamic" else 2,
        )
        if any(self.rotated) and (width % 2 or width < least):
            raise ValueError(
                f"rotary.share: {width} features of {self.head_width} rotate; it must be an even "
                f"number from {least} on"
            )
        if self.attention == "cudnn" and self.attention_softcap is not None:
            raise ValueError("attention: cudnn has no attention_softcap; take auto or einsum")
        return self

    @property
    def kv_heads(self) -> int:
        """Heads with keys and values of their own."""
        return self.num_kv_heads or self.num_heads

    @property
    def head_width(self) -> int:
        """Features of a head."""
        return self.d_head or self.d_model // self.num_heads

    @property
    def pattern(self) -> tuple[Layer, ...]:
        """The first layers, up to where they repeat themselves."""
        length = min(math.lcm(len(self.windows), len(self.rotated)), self.num_layers)
        layers = tuple(map(Layer, islice(cycle(self.windows), length), cycle(self.rotated)))
        return layers[:1] if len(set(layers)) == 1 else layers

    def scoring(self, layer: Layer) -> Scoring:
        """How a layer scores."""
        scale = self.query_scale or self.head_width**-0.5
        return Scoring(scale, self.attention_softcap, layer.window)
