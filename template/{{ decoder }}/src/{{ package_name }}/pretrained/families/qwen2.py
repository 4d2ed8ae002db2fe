"""Qwen 2 and 2.5: biases of queries, keys and values; the last layers may see a window."""

from collections.abc import Mapping
from typing import Any

from ..family import ACTIVATION, SIZES, Family, Key
from ..layers import LAYER_TYPES, read_layer_types, write_layer_types

KEYS = {
    **SIZES,
    "num_key_value_heads": Key("num_kv_heads"),
    "hidden_act": Key("activation", "silu", ACTIVATION),
    "tie_word_embeddings": Key("tied_embeddings", False),
}
LAYER_KEYS = LAYER_TYPES | {"use_sliding_window", "max_window_layers"}


def read_layers(config: Mapping[str, Any]) -> dict[str, Any]:
    """Layers from ``max_window_layers`` on see a window, where one is used."""
    if not config.get("use_sliding_window"):
        return {"windows": (None,), "rotated": (True,)}
    config = {"sliding_window": 4096, **config}
    first = config.get("max_window_layers", 28)
    return {"windows": read_layer_types(config, lambda i: i >= first), "rotated": (True,)}


def write_layers(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that say so."""
    keys = write_layer_types(settings)
    return {**keys, "use_sliding_window": keys["sliding_window"] is not None}


FAMILY = Family(
    architecture="Qwen2ForCausalLM",
    keys=KEYS,
    settings={"attention_bias": "qkv"},
    read=read_layers,
    write=write_layers,
    more_keys=LAYER_KEYS,
)
