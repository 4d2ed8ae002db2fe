"""Gemma 2: scaled embeddings, norms on both ends of a branch, soft caps, and windows."""

from collections.abc import Mapping
from typing import Any

from ..family import ACTIVATION, BIAS, SIZES, Family, Key
from ..layers import LAYER_TYPES, read_layer_types, write_layer_types
from ..names import TENSORS, Tensor

KEYS = {
    **SIZES,
    "num_key_value_heads": Key("num_kv_heads"),
    "head_dim": Key("d_head", 256),
    "hidden_activation": Key("activation", "gelu_tanh", ACTIVATION),
    "tie_word_embeddings": Key("tied_embeddings", True),
    "attention_bias": BIAS,
    "attn_logit_softcapping": Key("attention_softcap", 50.0),
    "final_logit_softcapping": Key("logit_softcap", 30.0),
}
SETTINGS = {"embedding_scale": True, "norm_offset": True, "post_norms": True}
FIXED = {"use_bidirectional_attention": False, "hidden_act": "gelu_pytorch_tanh"}
LAYER = "model.layers.{}."
TENSORS_OF_NORMS = {
    "blocks.attention_post_norm.scale": TENSORS["blocks.feed_forward_norm.scale"],
    "blocks.feed_forward_norm.scale": Tensor(f"{LAYER}pre_feedforward_layernorm.weight"),
    "blocks.feed_forward_post_norm.scale": Tensor(f"{LAYER}post_feedforward_layernorm.weight"),
}
MORE_KEYS = LAYER_TYPES | {"query_pre_attn_scalar"}


def read_more(config: Mapping[str, Any], every: int) -> dict[str, Any]:
    """Scale of the scores, and windows in all layers but each `every`-th."""
    config = {"sliding_window": 4096, "query_pre_attn_scalar": 256, **config}
    windows = read_layer_types(config, lambda i: (i + 1) % every != 0)
    scale = config["query_pre_attn_scalar"] ** -0.5
    return {"windows": windows, "rotated": (True,), "query_scale": scale}


def write_more(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that say so."""
    scalar = round((settings["query_scale"] or settings["d_head"] ** -0.5) ** -2)
    return {**write_layer_types(settings), "query_pre_attn_scalar": scalar}


FAMILY = Family(
    architecture="Gemma2ForCausalLM",
    keys=KEYS,
    settings=SETTINGS,
    fixed=FIXED,
    read=lambda config: read_more(config, 2),
    write=write_more,
    more_keys=MORE_KEYS,
    tensors=TENSORS_OF_NORMS,
)
