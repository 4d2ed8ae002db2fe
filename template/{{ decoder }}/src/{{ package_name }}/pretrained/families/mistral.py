"""Mistral: Llama without biases, whose layers may all see a window."""

from collections.abc import Mapping
from typing import Any

from ..family import ACTIVATION, SIZES, Family, Key


def _read(config: Mapping[str, Any]) -> dict[str, Any]:
    return {"windows": (config.get("sliding_window", 4096),), "rotated": (True,)}


def _write(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"sliding_window": settings["windows"][0]}


FAMILY = Family(
    architecture="MistralForCausalLM",
    keys={
        **SIZES,
        "num_key_value_heads": Key("num_kv_heads"),
        "hidden_act": Key("activation", "silu", ACTIVATION),
        "tie_word_embeddings": Key("tied_embeddings", False),
    },
    read=_read,
    write=_write,
    more_keys=frozenset({"sliding_window"}),
)
