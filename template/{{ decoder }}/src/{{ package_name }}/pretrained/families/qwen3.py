"""Qwen 3: Qwen 2 with norms of queries and keys in the place of biases."""

from ..family import BIAS, Family, Key
from .qwen2 import KEYS, LAYER_KEYS, read_layers, write_layers

FAMILY = Family(
    architecture="Qwen3ForCausalLM",
    keys={**KEYS, "head_dim": Key("d_head", 128), "attention_bias": BIAS},
    settings={"query_key_norm": True},
    read=read_layers,
    write=write_layers,
    more_keys=LAYER_KEYS,
)
