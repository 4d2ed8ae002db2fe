"""Llama 2 and 3, and what is built like them, such as SmolLM2."""

from ..family import ACTIVATION, BIAS, SIZES, Family, Key

FAMILY = Family(
    architecture="LlamaForCausalLM",
    keys={
        **SIZES,
        "hidden_act": Key("activation", "silu", ACTIVATION),
        "tie_word_embeddings": Key("tied_embeddings", False),
        "attention_bias": BIAS,
        "mlp_bias": Key("feed_forward_bias", False),
    },
    fixed={"rope_interleaved": False},
)
