"""What `config.json` says of single layers: which see a window, and which do not rotate."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from ..errors import UserError

LAYER_TYPES: Final = frozenset({"layer_types", "sliding_window"})
_SLIDING, _FULL = "sliding_attention", "full_attention"


def layers_alike(config: Mapping[str, Any]) -> dict[str, Any]:
    """All of them see everything, and rotate."""
    return {"windows": (None,), "rotated": (True,)}


def nothing(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Nothing to say."""
    return {}


def read_layer_types(
    config: Mapping[str, Any], slides: Callable[[int], bool]
) -> tuple[int | None, ...]:
    """The window of each layer.

    Args:
        config: The content of `config.json`.
        slides: Whether a layer has a window, by its number from 0, where no ``layer_types`` say so.

    Raises:
        UserError: A layer is of another type.
    """
    layers = range(config["num_hidden_layers"])
    types = config.get("layer_types") or [_SLIDING if slides(i) else _FULL for i in layers]
    if len(types) != len(layers) or set(types) - {_SLIDING, _FULL}:
        raise UserError(f"layer_types = {types!r} is not supported for {len(layers)} layers")
    return tuple(config.get("sliding_window") if each == _SLIDING else None for each in types)


def write_layer_types(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that say which layers have a window, and which."""
    windows = settings["windows"]
    return {
        "layer_types": [_FULL if window is None else _SLIDING for window in windows],
        "sliding_window": next((window for window in windows if window is not None), None),
    }
