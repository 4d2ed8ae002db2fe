"""Qwen 2 and 2.5: biases of queries, keys and values; the last layers may see a window."""

from ..family import KEYS, Family
from ..layers import Windows

WINDOWS = Windows(lambda config, layer: layer >= config.get("max_window_layers", 28), switch=True)
MORE_KEYS = frozenset({"max_window_layers"})

FAMILY = Family(
    architecture="Qwen2ForCausalLM",
    keys=KEYS,
    settings={"attention_bias": "qkv"},
    windows=WINDOWS,
    more_keys=MORE_KEYS,
)
