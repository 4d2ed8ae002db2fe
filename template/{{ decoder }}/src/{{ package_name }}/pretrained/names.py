"""What most families call their tensors, and how these lie in a file.

The products of a file are transposed, ``[out, in]``, and heads are merged with the width of a head.
"""

from collections.abc import Mapping
from typing import Final

from .tensors import MATRIX, Tensor

TABLE: Final = ((0,), (1,))
INTO_HEADS: Final = ((1, 2), (0,))
OUT_OF_HEADS: Final = ((2,), (0, 1))
HEADS: Final = ((0, 1),)
"""For each axis of a tensor in a file, the axes of ours that are merged in it."""

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
