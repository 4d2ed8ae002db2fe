"""Gemma 2: scaled embeddings, norms on both ends of a branch, soft caps, and windows."""

from ..family import ACTIVATION, BIAS, SIZES, Family, Key
from ..layers import Windows
from ..names import TENSORS
from ..tensors import Tensor

_NORM = "model.layers.{}.%s_feedforward_layernorm.weight"

FAMILY = Family(
    architecture="Gemma2ForCausalLM",
    keys={
        **SIZES,
        "head_dim": Key("d_head", 256),
        "hidden_activation": Key("activation", "gelu_tanh", ACTIVATION),
        "tie_word_embeddings": Key("tied_embeddings", True),
        "attention_bias": BIAS,
        "attn_logit_softcapping": Key("attention_softcap", 50.0),
        "final_logit_softcapping": Key("logit_softcap", 30.0),
    },
    settings={"embedding_scale": True, "norm_offset": True, "post_norms": True},
    fixed={"use_bidirectional_attention": False, "hidden_act": "gelu_pytorch_tanh"},
    windows=Windows(lambda config, layer: layer % 2 == 0),
    read=lambda config: {"query_scale": config.get("query_pre_attn_scalar", 256) ** -0.5},
    write=lambda settings: {"query_pre_attn_scalar": round(settings["query_scale"] ** -2)},
    more_keys=frozenset({"query_pre_attn_scalar"}),
    tensors={
        "blocks.attention_post_norm.scale": TENSORS["blocks.feed_forward_norm.scale"],
        "blocks.feed_forward_norm.scale": Tensor(_NORM % "pre"),
        "blocks.feed_forward_post_norm.scale": Tensor(_NORM % "post"),
    },
)
