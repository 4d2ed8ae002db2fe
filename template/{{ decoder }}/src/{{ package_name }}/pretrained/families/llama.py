"""Llama 2 and 3, and what is built like them, such as SmolLM2."""

from ..family import BIAS, KEYS, Family, Key

FAMILY = Family(
    architecture="LlamaForCausalLM",
    keys={
        **KEYS,
        "num_key_value_heads": Key("num_kv_heads", None),
        "attention_bias": BIAS,
        "mlp_bias": Key("feed_forward_bias", False),
    },
    fixed={"rope_interleaved": False},
)
