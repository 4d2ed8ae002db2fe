"""What most families call their tensors, and how these lie in a file.

The products of a file are transposed, ``[out, in]``, and heads are merged with the width of a head.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Shaped

AnyArray = Shaped[np.ndarray, "..."]
Index = tuple[slice, ...]

SAME: Final = ((0,),)
TABLE: Final = ((0,), (1,))
MATRIX: Final = ((1,), (0,))
INTO_HEADS: Final = ((1, 2), (0,))
OUT_OF_HEADS: Final = ((2,), (0, 1))
HEADS: Final = ((0, 1),)
"""For each axis of a tensor in a file, the axes of ours that are merged in it."""


class Tensor(NamedTuple):
    """A tensor in a file.

    Attributes:
        name: Its name; ``{}`` stands for the number of a layer, where ours are stacked.
        axes: For each of its axes, those of ours that are merged in it, stacked layers aside.
    """

    name: str
    axes: tuple[tuple[int, ...], ...] = SAME

    @property
    def stacked(self) -> bool:
        """Whether each layer has one."""
        return "{}" in self.name

    def names(self, ours: Sequence[int]) -> list[str]:
        """Its name, or one for each layer of ours."""
        return [self.name.format(i) for i in range(ours[0])] if self.stacked else [self.name]

    def shape(self, ours: Sequence[int]) -> tuple[int, ...]:
        """Its shape, given ours of one layer."""
        return tuple(math.prod(ours[axis] for axis in axes) for axes in self.axes)

    def part(self, ours: Sequence[int], wanted: Index) -> Index:
        """The part of it that a part of ours lies in; of merged axes the first one may be cut."""
        parts = []
        for first, *rest in self.axes:
            inner = math.prod(ours[axis] for axis in rest)
            start, stop, _ = wanted[first].indices(ours[first])
            parts.append(slice(start * inner, stop * inner))
        return tuple(parts)

    def ours(self, part: AnyArray, shape: Sequence[int]) -> AnyArray:
        """A part of it, as a part of ours of this shape."""
        order = [axis for axes in self.axes for axis in axes]
        return part.reshape([shape[axis] for axis in order]).transpose(np.argsort(order))

    def theirs(self, ours: AnyArray) -> AnyArray:
        """It, from ours of one layer."""
        order = [axis for axes in self.axes for axis in axes]
        return ours.transpose(order).reshape(self.shape(ours.shape))


_LAYER: Final = "model.layers.{}."
_ATTENTION: Final = f"{_LAYER}self_attn."
_MLP: Final = f"{_LAYER}mlp."

TENSORS: Final[Mapping[str, Tensor]] = {
    "embedding": Tensor("model.embed_tokens.weight", TABLE),
    "unembedding": Tensor("lm_head.weight", TABLE),
    "norm.scale": Tensor("model.norm.weight"),
    "blocks.attention_norm.scale": Tensor(f"{_LAYER}input_layernorm.weight"),
    "blocks.feed_forward_norm.scale": Tensor(f"{_LAYER}post_attention_layernorm.weight"),
    "blocks.attention.query": Tensor(f"{_ATTENTION}q_proj.weight", INTO_HEADS),
    "blocks.attention.key": Tensor(f"{_ATTENTION}k_proj.weight", INTO_HEADS),
    "blocks.attention.value": Tensor(f"{_ATTENTION}v_proj.weight", INTO_HEADS),
    "blocks.attention.out": Tensor(f"{_ATTENTION}o_proj.weight", OUT_OF_HEADS),
    "blocks.attention.query_bias": Tensor(f"{_ATTENTION}q_proj.bias", HEADS),
    "blocks.attention.key_bias": Tensor(f"{_ATTENTION}k_proj.bias", HEADS),
    "blocks.attention.value_bias": Tensor(f"{_ATTENTION}v_proj.bias", HEADS),
    "blocks.attention.out_bias": Tensor(f"{_ATTENTION}o_proj.bias"),
    "blocks.attention.query_norm.scale": Tensor(f"{_ATTENTION}q_norm.weight"),
    "blocks.attention.key_norm.scale": Tensor(f"{_ATTENTION}k_norm.weight"),
    "blocks.feed_forward.gate": Tensor(f"{_MLP}gate_proj.weight", MATRIX),
    "blocks.feed_forward.up": Tensor(f"{_MLP}up_proj.weight", MATRIX),
    "blocks.feed_forward.down": Tensor(f"{_MLP}down_proj.weight", MATRIX),
    "blocks.feed_forward.gate_bias": Tensor(f"{_MLP}gate_proj.bias"),
    "blocks.feed_forward.up_bias": Tensor(f"{_MLP}up_proj.bias"),
    "blocks.feed_forward.down_bias": Tensor(f"{_MLP}down_proj.bias"),
}
"""The tensor of each parameter."""

IDLE_TENSORS: Final = ("rotary_emb.inv_freq",)
"""Ends of names of tensors that follow from the configuration."""
