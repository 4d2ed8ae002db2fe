"""What the blocks of a decoder do beside those of other transformers, as settings: yours to change.

They are what published models differ by, and cost nothing where they are not used.
"""

import math
from itertools import cycle, islice
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from .block_settings import BlockSettings
from .rotary import RotarySettings
from .settings import FREE, Size


class Layer(NamedTuple):
    """How one layer attends, which may be otherwise than in the next.

    Attributes:
        scale: What scores are multiplied by.
        softcap: What bounds them by a hyperbolic tangent, if anything.
        window: How many positions it sees to either side, its own counted; without it, all.
        rotated: Whether queries and keys are rotated by their positions.
    """

    scale: float
    softcap: float | None = None
    window: int | None = None
    rotated: bool = True


class DecoderSettings(BlockSettings):
    """The blocks of a decoder: their size, who sees whom, and how they are computed.

    Attributes:
        rotary: How positions rotate queries and keys.
        windows: How many positions each layer sees, its own counted, or None for all: a pattern
            that is repeated over the layers.
        rotated: Which layers rotate queries and keys: likewise.
        query_scale: What scores are multiplied by; without it, d_head ** -0.5.
        attention_softcap: Scores are kept within this bound by a hyperbolic tangent.
        attention: How attention is computed: ``einsum``; by a fused kernel, ``cudnn`` on GPUs or
            ``splash`` on TPUs; or ``auto``, by whichever there is. Which one it was changes
            rounding alone.
    """

    rotary: RotarySettings = RotarySettings()
    windows: tuple[Size | None, ...] = Field(default=(None,), min_length=1)
    rotated: tuple[bool, ...] = Field(default=(True,), min_length=1)
    query_scale: float | None = Field(default=None, gt=0)
    attention_softcap: float | None = Field(default=None, gt=0)
    attention: Annotated[Literal["auto", "einsum", "cudnn", "splash"], FREE] = "auto"

    @model_validator(mode="after")
    def _heads_rotate(self) -> "DecoderSettings":
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
    def pattern(self) -> tuple[Layer, ...]:
        """The first layers, up to where they repeat themselves."""
        length = min(math.lcm(len(self.windows), len(self.rotated)), self.num_layers)
        scale, softcap = self.query_scale or self.head_width**-0.5, self.attention_softcap
        turns = islice(zip(cycle(self.windows), cycle(self.rotated), strict=False), length)
        layers = tuple(Layer(scale, softcap, *turn) for turn in turns)
        return layers[:1] if len(set(layers)) == 1 else layers
