"""What `config.json` says of single layers: which see a window, and how wide it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import UserError

_SLIDING, _FULL = "sliding_attention", "full_attention"


@dataclass(frozen=True)
class Windows:
    """The windows of a family's models.

    Attributes:
        slides: Whether a layer has one, by the content of `config.json` and the layer's number from
            0, where no ``layer_types`` say so.
        size: How wide it is where no key says so.
        switch: Whether there are none unless ``use_sliding_window`` is set.
        types: Whether ``layer_types`` are known.
    """

    slides: Callable[[Mapping[str, Any], int], bool]
    size: int | None = 4096
    switch: bool = False
    types: bool = True

    @property
    def keys(self) -> set[str]:
        """The keys of `config.json` that are read."""
        more = {"layer_types": self.types, "use_sliding_window": self.switch}
        return {"sliding_window", *(name for name, known in more.items() if known)}

    def read(self, config: Mapping[str, Any]) -> tuple[int | None, ...]:
        """The window of each layer.

        Raises:
            UserError: A layer is of another type.
        """
        layers = range(config["num_hidden_layers"])
        if self.switch and not config.get("use_sliding_window"):
            return (None,) * len(layers)
        width = config.get("sliding_window", self.size)
        usual = [_SLIDING if self.slides(config, i) else _FULL for i in layers]
        types = config.get("layer_types") or usual
        if len(types) != len(layers) or set(types) - {_SLIDING, _FULL}:
            raise UserError(f"layer_types = {types!r} is not supported for {len(layers)} layers")
        return tuple(width if each == _SLIDING else None for each in types)

    def write(self, windows: tuple[int | None, ...]) -> dict[str, Any]:
        """The keys that say so."""
        width = next(filter(None, windows), None)
        types = [_FULL if window is None else _SLIDING for window in windows]
        keys = {"sliding_window": width, "layer_types": types, "use_sliding_window": bool(width)}
        return {name: value for name, value in keys.items() if name in self.keys}
