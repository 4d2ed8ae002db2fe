"""SmolLM3: Llama, some of whose layers do not rotate, and then may see a window."""

from collections.abc import Mapping
from typing import Any

from ..family import BIAS, KEYS, Family, Key
from ..layers import Windows


def _rotated(config: Mapping[str, Any]) -> tuple[bool, ...]:
    every, layers = config.get("no_rope_layer_interval", 4), range(config["num_hidden_layers"])
    return tuple(map(bool, config.get("no_rope_layers") or [(i + 1) % every for i in layers]))


FAMILY = Family(
    architecture="SmolLM3ForCausalLM",
    keys={
        **KEYS,
        "tie_word_embeddings": Key("tied_embeddings", True),
        "attention_bias": BIAS,
        "mlp_bias": Key("feed_forward_bias", False),
    },
    base=2_000_000.0,
    windows=Windows(lambda config, layer: not _rotated(config)[layer], size=None, switch=True),
    read=lambda config: {"rotated": _rotated(config)},
    write=lambda settings: {"no_rope_layers": list(map(int, settings["rotated"]))},
    more_keys=frozenset({"no_rope_layers", "no_rope_layer_interval"}),
)
