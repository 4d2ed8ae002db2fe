"""SmolLM3: Llama, some of whose layers do not rotate, and then may see a window."""

from collections.abc import Mapping
from typing import Any

from ..family import ACTIVATION, BIAS, SIZES, Family, Key
from ..layers import LAYER_TYPES, read_layer_types, write_layer_types


def _read(config: Mapping[str, Any]) -> dict[str, Any]:
    every, layers = config.get("no_rope_layer_interval", 4), range(config["num_hidden_layers"])
    rotated = config.get("no_rope_layers") or [(i + 1) % every != 0 for i in layers]
    if not config.get("use_sliding_window"):
        config = {**config, "sliding_window": None}
    windows = read_layer_types(config, lambda i: not rotated[i])
    return {"windows": windows, "rotated": tuple(bool(each) for each in rotated)}


def _write(settings: Mapping[str, Any]) -> dict[str, Any]:
    keys = write_layer_types(settings)
    rotated = [int(each) for each in settings["rotated"]]
    more = {"no_rope_layers": rotated, "use_sliding_window": keys["sliding_window"] is not None}
    return {**keys, **more}


FAMILY = Family(
    architecture="SmolLM3ForCausalLM",
    keys={
        **SIZES,
        "num_key_value_heads": Key("num_kv_heads"),
        "hidden_act": Key("activation", "silu", ACTIVATION),
        "tie_word_embeddings": Key("tied_embeddings", True),
        "attention_bias": BIAS,
        "mlp_bias": Key("feed_forward_bias", False),
    },
    base=2_000_000.0,
    read=_read,
    write=_write,
    more_keys=LAYER_TYPES | {"use_sliding_window", "no_rope_layers", "no_rope_layer_interval"},
)
