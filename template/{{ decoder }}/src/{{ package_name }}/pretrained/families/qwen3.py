"""Qwen 3: Qwen 2 with norms of queries and keys in the place of biases."""

from ..family import BIAS, KEYS, Family, Key
from .qwen2 import MORE_KEYS, WINDOWS

FAMILY = Family(
    architecture="Qwen3ForCausalLM",
    keys={**KEYS, "head_dim": Key("d_head", 128), "attention_bias": BIAS},
    settings={"query_key_norm": True},
    windows=WINDOWS,
    more_keys=MORE_KEYS,
)
